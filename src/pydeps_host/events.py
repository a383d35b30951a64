"""What happens, told while it happens.

An observer is any callable that takes one event. Events come one at a time,
whatever the number of threads. What an observer raises stops the sync, after
locks are released, and undoes nothing that was published.

New kinds of event may come with any release: an observer ignores what it does
not know.
"""

from collections.abc import Callable

from attrs import frozen

from pydeps_host.errors import LockfileError
from pydeps_host.values import Outcome, Url


@frozen
class Event:
    """The root of all events."""


Observer = Callable[[Event], None]


def ignore(event: Event, /) -> None:
    """Observe nothing: the observer of those who gave none."""


@frozen
class SyncStarted(Event):
    """A sync knows what it has to do.

    Attributes:
        projects: How many projects it will go through.
    """

    projects: int


@frozen
class LockfileRead(Event):
    """A lock file was read, or could not be.

    Attributes:
        path: The file; in a repository, the revision and the path in it.
        format: The name that its tool gives it, such as `uv.lock`; empty where it could not be read.
        dependencies: How many dependencies it has.
        left_out: What of it is not taken, as (place, reason, text); the reasons are stable codes.
        notices: What a person should know.
        error: Why it could not be read, or None.
    """

    path: str
    format: str = ""
    dependencies: int = 0
    left_out: tuple[tuple[str, str, str], ...] = ()
    notices: tuple[str, ...] = ()
    error: LockfileError | None = None


@frozen
class ProjectStarted(Event):
    """Work on a project begins.

    Attributes:
        name: The normalised name.
    """

    name: str


@frozen
class UrlTried(Event):
    """An index answered for a project.

    Attributes:
        name: The normalised name.
        url: The project's page.
        outcome: What the answer means.
    """

    name: str
    url: Url
    outcome: Outcome


@frozen
class RequestSent(Event):
    """A request went out, and was charged to the budget.

    Attributes:
        url: Where to.
        attempt: 1 for the first, 2 for its first repetition, and so on.
    """

    url: Url
    attempt: int


@frozen
class Waiting(Event):
    """Somebody waits before a request; what for, and for how long at the most.

    Attributes:
        url: The request that waits.
        reason: `budget`, `retry` (after a fault) or `pause` (the server asked for it).
        seconds: An estimate.
    """

    url: Url
    reason: str
    seconds: float


@frozen
class DownloadStarted(Event):
    """A distribution is being downloaded.

    Attributes:
        name: The normalised name.
        filename: The file.
        size: Bytes, or None where the index does not say.
    """

    name: str
    filename: str
    size: int | None


@frozen
class DownloadAdvanced(Event):
    """More of a distribution is there.

    Attributes:
        name: The normalised name.
        filename: The file.
        received: Bytes so far; less than before where an attempt started over.
    """

    name: str
    filename: str
    received: int


@frozen
class DownloadFinished(Event):
    """A distribution is there and verified, or given up.

    Attributes:
        name: The normalised name.
        filename: The file.
        received: Bytes.
        verified: Whether size and digests agree.
    """

    name: str
    filename: str
    received: int
    verified: bool


@frozen
class VersionFinished(Event):
    """A release became a commit that waits for publishing, or failed.

    Attributes:
        name: The normalised name.
        version: The release's text.
        commit: The commit's id, or None where it failed.
        error: Why it failed, as text, or None.
    """

    name: str
    version: str
    commit: str | None
    error: str | None


@frozen
class RepositoryChanged(Event):
    """A repository's references changed, durably: told after the last sync to disk.

    Attributes:
        name: The normalised name.
        generation: The number of this state of the repository, counted from 1.
        old: Changed references before, as (reference, id) in order; none for a new one.
        new: The same references now; none for one that is gone.
    """

    name: str
    generation: int
    old: tuple[tuple[str, str], ...]
    new: tuple[tuple[str, str], ...]


@frozen
class RepositoryRemoved(Event):
    """A repository that nothing claimed, and that had no reference left, was removed.

    Attributes:
        name: The normalised name.
        generation: The number of its last state; where the project comes back, it goes on from there.
    """

    name: str
    generation: int


@frozen
class ProjectFinished(Event):
    """Work on a project ended.

    Attributes:
        name: The normalised name.
        succeeded: Whether everything that was asked for is there.
    """

    name: str
    succeeded: bool


@frozen
class Notice(Event):
    """Something that a person should know, and that stops nothing.

    Attributes:
        name: The normalised name, or empty.
        code: A stable name for programs, in lower case with hyphens.
        message: What, escaped already.
    """

    name: str
    code: str
    message: str
