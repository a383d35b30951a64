"""A file that was downloaded and verified."""

from pathlib import Path

from attrs import frozen


@frozen
class Artifact:
    """A file that was downloaded and agrees with everything that was promised.

    Attributes:
        path: Where it is now.
        filename: What the index calls it.
        size: Bytes.
        sha256: Computed, in hexadecimal, whether the index gave it or not.
    """

    path: Path
    filename: str
    size: int
    sha256: str
