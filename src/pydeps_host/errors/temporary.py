"""Shall I try again later?"""

from datetime import datetime

from attrs import frozen

from pydeps_host.errors.root import HostError, tried_lines
from pydeps_host.values import Tried, shown


class TemporaryError(HostError):
    """Nothing is wrong that time, or another attempt, could not mend."""

    code = "temporary"
    retryable = True


@frozen(str=False)
class UnavailableError(TemporaryError):
    """A server did not answer as it should, after every attempt.

    Attributes:
        url: What was asked for.
        detail: What was seen: a status, a time-out, a reset.
        status: The last HTTP status, or None where no answer came.
        attempts: How many requests went out.
    """

    code = "unavailable"

    url: str
    detail: str
    status: int | None
    attempts: int

    def __str__(self) -> str:
        return f"{self.url}: {shown(self.detail)} after {self.attempts} attempt{'s' if self.attempts != 1 else ''}; try again later"


@frozen(str=False)
class ProjectUnavailableError(TemporaryError):
    """The index that answers for a project did not answer now, or limits the rate.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order; the last one is the one at fault.
    """

    code = "project-unavailable"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"the index that answers for {self.name!r} did not answer{tried_lines(self.tried)}"


@frozen(str=False)
class RateLimitedError(TemporaryError):
    """The server still answered 429 after every attempt, or asked for more quiet than it is granted.

    Attributes:
        url: What was asked for.
        until: When the server said that it will answer again (UTC), or None.
        attempts: How many requests went out.
    """

    code = "rate-limited"

    url: str
    until: datetime | None
    attempts: int

    def __str__(self) -> str:
        when = f" until {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until else ""
        return f"{self.url} limits the rate{when}; try again later, or lower `requestsPerHour`"


@frozen(str=False)
class WorkerDiedError(TemporaryError):
    """The process that read a version's file died of it, or was killed meanwhile; the version is as it was before.

    Attributes:
        what: The project and the version.
        how: How the process ended: a signal's name, or an exit status.
    """

    code = "worker-died"

    what: str
    how: str

    def __str__(self) -> str:
        return f"{shown(self.what)}: the process that read its file died ({self.how}); see that there is memory enough, and try again"


@frozen(str=False)
class DeadlineError(TemporaryError):
    """The time that the caller gave ran out.

    Attributes:
        doing: What was being waited for.
    """

    code = "deadline"

    doing: str

    def __str__(self) -> str:
        return f"the deadline passed while {shown(self.doing)}; allow more time, or try again later"


@frozen(str=False)
class ClosedError(TemporaryError):
    """The host was closed, or the sync interrupted, while this was under way.

    Attributes:
        doing: What was being done.
    """

    code = "closed"

    doing: str

    def __str__(self) -> str:
        return f"stopped while {shown(self.doing)}; what was published stays, the next sync goes on from there"


@frozen(str=False)
class BackoffError(TemporaryError):
    """A version failed more than once, and is left alone for a while.

    Attributes:
        what: The project and the version.
        until: When the next sync tries it again (UTC).
        message: What it failed for last.
    """

    code = "backoff"

    what: str
    until: datetime
    message: str

    def __str__(self) -> str:
        return f"{shown(self.what)} is not tried again before {self.until:%Y-%m-%d %H:%M:%S} UTC; it failed last for: {self.message}"
