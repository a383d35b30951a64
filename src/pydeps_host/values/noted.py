"""What is worth telling of one member of an archive."""

from attrs import frozen


@frozen
class NotedMember:
    """A member of an archive that was left out, or kept and flagged.

    Attributes:
        reason: A reason code, stable.
        path: As the archive has it, escaped.
        offset: Where its header begins, in bytes from the start of the (inflated) archive, or None where that is not known.
    """

    reason: str
    path: str
    offset: int | None = None
