"""The chain of indexes: which of them owns a project (*Indexes* of the behaviour)."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from attrs import field, frozen
from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.config import Filters, Index
from pydeps_host.config.filters import matches
from pydeps_host.dependency import Dependency
from pydeps_host.errors import (
    HostError,
    OwnerChangedError,
    ProjectAccessError,
    ProjectNotFoundError,
    ProjectPageError,
    ProjectUnavailableError,
    UsageError,
    VersionNotFoundError,
)
from pydeps_host.events import Notice, Observer, UrlTried, ignore
from pydeps_host.limiter import Priority
from pydeps_host.resolver.candidates import Candidates, sort_files
from pydeps_host.resolver.choice import choose_among
from pydeps_host.resolver.once import Once
from pydeps_host.resolver.release import Choice, Release
from pydeps_host.simple_api import Answer, Ask, PageStore, Project, SimpleClient
from pydeps_host.transport import Transport
from pydeps_host.values import Limits, Outcome, Tried, Url, UrlSyntaxError, shown

_TEMPORARY: Final = frozenset({Outcome.UNAVAILABLE, Outcome.RATE_LIMITED})
_ACCESS: Final = {
    Outcome.AUTHENTICATION_REQUIRED: 401,
    Outcome.FORBIDDEN: 403,
    Outcome.PROXY_AUTHENTICATION_REQUIRED: 407,
    Outcome.CLIENT_CERTIFICATE_REQUIRED: None,
}


@frozen(kw_only=True)
class ResolverOptions:
    """How a resolver asks and chooses.

    Attributes:
        versions_per_dependency: Most releases that a range brings.
        version_fallthrough: Whether a pin that the owner lacks is asked of later URLs.
        limits: What is enforced while pages are read.
        pages: Where pages are kept for conditional requests, or None.
        refresh: Whether every page is asked for anew, whatever is kept of it.
        filters: Which releases are taken. Whether a project's page is asked for at all is the caller's to decide.
    """

    versions_per_dependency: int = 50
    version_fallthrough: bool = False
    limits: Limits = field(factory=Limits)
    pages: PageStore | None = None
    refresh: bool = False
    filters: Filters = field(factory=Filters)


@frozen
class Found:
    """A project, and who has it.

    Attributes:
        project: Its page.
        index: The index that owns it.
        tried: Every URL of the chain up to the owner, in order; the owner is the last.
        notice: What a person should know about the page, escaped; empty where there is nothing.
    """

    project: Project
    index: Index
    tried: tuple[Tried, ...]
    notice: str = ""


@frozen
class Located:
    """What a dependency takes, and from whom.

    Attributes:
        choice: The releases.
        found: The project, at the index that has them: the owner, or a later one where
            `version_fallthrough` is on and the owner lacks the version.
    """

    choice: Choice
    found: Found


class Resolver:
    """Finds projects and their releases along a chain of indexes.

    Every index is asked for a project once for as long as the resolver lives, or
    until `forget`; so a resolver is made for a sync, and not kept. Safe to share
    between threads.
    """

    def __init__(
        self,
        urls: Sequence[Index | Url | str],
        *,
        transport: Transport,
        observer: Observer = ignore,
        options: ResolverOptions | None = None,
    ) -> None:
        """Take the chain, first to last; of two URLs with one origin and path the first counts.

        Raises:
            UsageError: There is no URL, or one is none.
        """
        self._options = options if options is not None else ResolverOptions()
        self._indexes = _distinct(_indexes(urls))
        asking = self._options
        self._client = SimpleClient(transport, pages=asking.pages, limits=asking.limits, refresh=asking.refresh)
        self._observer = observer
        self._answers: Once[tuple[int, NormalizedName], Answer] = Once()
        # By index and project: the page, and its files.
        self._sorted: dict[tuple[str, NormalizedName], tuple[Project, Candidates]] = {}

    @property
    def options(self) -> ResolverOptions:
        """How it asks and chooses."""
        return self._options

    def project(self, name: str) -> Project:
        """Return the project's page at the index that owns it; errors are those of `find`."""
        return self.find(name).project

    def find(
        self,
        name: str,
        *,
        owner: str | None = None,
        only: Collection[str] = (),
        deadline: float | None = None,
        priority: Priority = Priority.BULK,
    ) -> Found:
        """Find the index that owns a project: the first of the chain that knows it.

        Args:
            name: The project, in any spelling.
            owner: The name of the index that it came from so far, or None.
            only: The names of the indexes that are asked; empty for all.
            deadline: When to give up, in seconds of `time.monotonic()`, or None.
            priority: Who goes first where requests wait.

        Raises:
            ProjectNotFoundError: Every index says that it does not have it.
            ProjectPageError: An index answers with what cannot be used; those after it are not asked.
            ProjectAccessError: An index wants credentials, or forbids it.
            ProjectUnavailableError: An index does not answer now, or limits the rate.
            OwnerChangedError: Another index than the recorded owner would take over.
            DeadlineError: The time ran out.
            ClosedError: The transport was closed.
        """
        normalized = canonicalize_name(name)
        return self._owned(self._walk(_Wish(normalized, deadline, priority, frozenset(only))), normalized, owner)

    def locate(
        self, dependency: Dependency, *, owner: str | None = None, deadline: float | None = None, priority: Priority = Priority.BULK
    ) -> tuple[Release, ...]:
        """Return the releases that a dependency takes, the newest first; errors are those of `take`."""
        return self.take(dependency, owner=owner, deadline=deadline, priority=priority).choice.releases

    def take(
        self,
        dependency: Dependency,
        *,
        owner: str | None = None,
        only: Collection[str] = (),
        deadline: float | None = None,
        priority: Priority = Priority.BULK,
    ) -> Located:
        """Choose a dependency's releases at the index that owns its project; see `find` for the arguments.

        With `version_fallthrough`, a pin that the owner lacks is asked of the indexes
        after it, by the same rules: 404 and 410 go on, nothing else does.

        Raises:
            BlockedError: The filters keep out what the dependency asks for.
            VersionNotFoundError: The owner has no release that the dependency asks for.
            HostError: What `find` raises.
        """
        walk = self._walk(_Wish(dependency.name, deadline, priority, frozenset(only)))
        found = self._owned(walk, dependency.name, owner)
        try:
            return self._chosen(found, dependency)
        except VersionNotFoundError:
            if not (self._options.version_fallthrough and dependency.is_pin):
                raise
            located = self._chosen_later(walk, dependency)
            if located is None:
                raise
        message = f"{shown(str(dependency))} comes from {shown(located.found.index.name)}: {shown(found.index.name)} lacks it"
        self._observer(Notice(dependency.name, "version-fallthrough", message))
        return located

    def forget(self, name: str) -> None:
        """Let a project's pages go, to spare memory; the next question about it is asked anew."""
        normalized = canonicalize_name(name)
        for place, index in enumerate(self._indexes):
            self._answers.forget((place, normalized))
            self._sorted.pop((index.name, normalized), None)

    def _chosen(self, found: Found, dependency: Dependency) -> Located:
        most, filters = self._options.versions_per_dependency, self._options.filters
        candidates = self._candidates(found)
        return Located(choose_among(candidates, found.project, dependency, versions_per_dependency=most, filters=filters), found)

    def _candidates(self, found: Found) -> Candidates:
        """Return a page's files, sorted once for all dependencies that ask for them."""
        key = found.index.name, found.project.name
        project, candidates = self._sorted.get(key, (None, None))
        if candidates is None or project is not found.project:
            candidates = sort_files(found.project)
            self._sorted[key] = found.project, candidates
        return candidates

    def _chosen_later(self, walk: Iterator[Found], dependency: Dependency) -> Located | None:
        for found in walk:
            try:
                return self._chosen(found, dependency)
            except VersionNotFoundError:
                continue
        return None

    def _owned(self, walk: Iterator[Found], name: NormalizedName, owner: str | None) -> Found:
        """Take the first index that has the project, if it is the recorded owner or stands before it."""
        found = next(walk)
        new = found.index.name
        if owner is None or owner == new:
            return found
        names = [index.name for index in self._indexes]
        if owner not in names or names.index(owner) < names.index(new):
            raise OwnerChangedError(name, owner, new)
        self._observer(Notice(name, "owner-changed", f"{name} came from {shown(owner)}, {shown(new)} stands before it and has it now"))
        return found

    def _walk(self, wish: "_Wish") -> Iterator[Found]:
        """Yield the project at each index that has it, in the chain's order, and one at least."""
        tried: list[Tried] = []
        nobody = True
        for place, index in enumerate(self._indexes):
            reason = self._reason_not_to_ask(index, wish)
            if reason:
                tried.append(Tried(index.url.child(wish.name), Outcome.NOT_ASKED, reason))
                continue
            answer = self._ask(place, wish)
            tried.append(answer.tried)
            if answer.tried.outcome is Outcome.FOUND and answer.project is not None:
                nobody = False
                yield Found(answer.project, index, tuple(tried), answer.notice)
            elif answer.tried.outcome is not Outcome.ABSENT:
                raise _error(wish.name, tuple(tried))
        if nobody:
            raise ProjectNotFoundError(wish.name, tuple(tried))

    def _reason_not_to_ask(self, index: Index, wish: "_Wish") -> str:
        """Say why an index is not asked: because of `projects`, or of who asks; empty where it is."""
        name = wish.name
        if wish.only and index.name not in wish.only:
            return "the lock file names another index"
        if _claims(index, name):
            return ""
        if any(_claims(other, name) for other in self._indexes):
            return "`projects` of another index claims the name"
        return "the name is none of its `projects`" if index.projects else ""

    def _ask(self, place: int, wish: "_Wish") -> Answer:
        index = self._indexes[place]

        def work() -> Answer:
            answer = self._client.ask(Ask(index, wish.name, deadline=wish.deadline, priority=wish.priority))
            self._observer(UrlTried(wish.name, answer.tried.url, answer.tried.outcome))
            if answer.notice:
                self._observer(Notice(wish.name, "index-went-back", answer.notice))
            return answer

        return self._answers.get((place, wish.name), work, deadline=wish.deadline, doing=f"asking {index.name} for {wish.name}")


@frozen
class _Wish:
    """One question along the chain."""

    name: NormalizedName
    deadline: float | None
    priority: Priority
    only: frozenset[str]


def _indexes(urls: Sequence[Index | Url | str]) -> list[Index]:
    try:
        parsed = [Url.parse(url) if isinstance(url, str) else url for url in urls]
    except UrlSyntaxError as problem:
        raise UsageError(str(problem), "give URLs of simple repository APIs") from None
    if any(not (url.url if isinstance(url, Index) else url).is_whole for url in parsed):
        raise UsageError("a URL was pickled, and its secrets did not come along", "read the configuration again in this process")
    if not parsed:
        raise UsageError("there is no URL to ask", "give the URL of one simple repository API at least")
    return [Index.of(url) if isinstance(url, Url) else url for url in parsed]


def _distinct(indexes: list[Index]) -> tuple[Index, ...]:
    """Keep the first of each origin and path."""
    first: dict[tuple[object, str], Index] = {}
    for index in indexes:
        first.setdefault((index.url.origin, index.url.path.rstrip("/")), index)
    return tuple(first.values())


def _claims(index: Index, name: NormalizedName) -> bool:
    return any(matches(pattern, name) for pattern in index.projects)


def _error(name: NormalizedName, tried: tuple[Tried, ...]) -> HostError:
    """Return the error that tells a caller what to do about the last outcome."""
    last = tried[-1]
    if last.outcome in _TEMPORARY:
        return ProjectUnavailableError(name, tried)
    if last.outcome in _ACCESS:
        return ProjectAccessError(str(last.url), last.status or _ACCESS[last.outcome], last.outcome.remedy, name, tried)
    return ProjectPageError(name, tried)
