"""Is my disk in order?"""

from types import TracebackType

from attrs import frozen

from pydeps_host.errors.root import HostError
from pydeps_host.values import shown


class StoreError(HostError):
    """The store cannot be used as it is; its state is as it was before."""

    code = "store"


@frozen(str=False)
class FormatError(StoreError):
    """A store or a repository written by a newer version of this library.

    Attributes:
        path: The file that says so.
        found: Its format number.
        supported: The highest that this version reads.
    """

    code = "format"

    path: str
    found: int
    supported: int

    def __str__(self) -> str:
        return f"{shown(self.path)} has format {self.found}, this version reads up to {self.supported}; upgrade pydeps-host"


@frozen(str=False)
class DiskError(StoreError):
    """The operating system refused to read or write.

    Attributes:
        path: The file or folder.
        doing: What was being done.
        reason: The system's own words.
        errno: Its number, or None.
    """

    code = "disk"
    retryable = True

    path: str
    doing: str
    reason: str
    errno: int | None = None

    def __str__(self) -> str:
        return f"{self.doing} {shown(self.path)}: {self.reason}; nothing published was lost, mend it and sync again"


@frozen(str=False)
class DamagedError(StoreError):
    """A file of the store does not hold what it must.

    Attributes:
        path: The file.
        detail: What is wrong.
    """

    code = "damaged"

    path: str
    detail: str

    def __str__(self) -> str:
        return f"{shown(self.path)} is damaged: {shown(self.detail)}; repair it with `pydeps-host verify --repair`"


@frozen(str=False)
class LockedError(StoreError):
    """Another process held a lock for longer than this one may wait.

    Attributes:
        path: The lock's file.
        seconds: How long it was waited for.
    """

    code = "locked"
    retryable = True

    path: str
    seconds: float

    def __str__(self) -> str:
        return f"{shown(self.path)} was locked by another process for {self.seconds:.1f} s; try again later"


class disk_errors:  # noqa: N801 - named like `contextlib.suppress`, and used like it
    """Raise a `DiskError` for every `OSError` from inside.

    A class, for it is entered dozens of times a project, and a generator takes three times as long.
    """

    __slots__ = ("_doing", "_path")

    def __init__(self, path: object, doing: str) -> None:
        """Say what an error is about.

        Args:
            path: What it concerns.
            doing: What is being done, as in "writing".
        """
        self._path = path
        self._doing = doing

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take an `OSError` for what it is."""
        if isinstance(error, OSError):
            raise DiskError(str(self._path), self._doing, error.strerror or str(error), error.errno) from error
