"""The root of the tree, and what several of its branches say."""

from typing import ClassVar

from pydeps_host.values import Tried


class HostError(Exception):
    """The root of every error that this library raises on purpose.

    Attributes:
        code: A stable name for programs, in lower case with hyphens.
        retryable: Whether trying again later, with nothing changed, can help.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


def tried_lines(tried: tuple[Tried, ...]) -> str:
    """Return one line for each URL that was asked: its outcome, and what to do."""
    return "".join(f"\n  {one}" + (f"; {one.outcome.remedy}" if one.outcome.remedy else "") for one in tried)
