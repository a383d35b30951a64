"""Is it not there?"""

from attrs import frozen

from pydeps_host.errors.root import HostError, tried_lines
from pydeps_host.values import Tried, shown


class MissingError(HostError):
    """An index was asked and does not have it."""

    code = "missing"


@frozen(str=False)
class ProjectNotFoundError(MissingError):
    """No URL of the chain has the project.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order.
    """

    code = "project-not-found"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"no index has the project {self.name!r}{tried_lines(self.tried)}"


@frozen(str=False)
class VersionNotFoundError(MissingError):
    """The project's owner has no release that the dependency asks for.

    Attributes:
        dependency: The dependency's text.
        index: The owner's page.
        reason: Why nothing came into question.
        near: Releases that are there, the nearest first, a few.
    """

    code = "version-not-found"

    dependency: str
    index: str
    reason: str
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        near = f"; it has {', '.join(shown(text) for text in self.near)}" if self.near else ""
        return f"{shown(self.dependency)}: {self.reason} at {self.index}{near}"


@frozen(str=False)
class FileGoneError(MissingError):
    """A file that a page lists is not where the page says.

    Attributes:
        url: The file's URL.
        status: The HTTP status, or None for a file on disk.
    """

    code = "file-gone"

    url: str
    status: int | None

    def __str__(self) -> str:
        return f"{self.url} is listed by the index and not there ({self.status or 'no such file'})"


@frozen(str=False)
class NotStoredError(MissingError):
    """The store has no such repository, or the repository no such version.

    Attributes:
        what: The repository or the version that was asked for.
        where: The store or the repository, as a path.
    """

    code = "not-stored"

    what: str
    where: str

    def __str__(self) -> str:
        return f"{shown(self.what)} is not in {shown(self.where)}; `sync` brings it there"
