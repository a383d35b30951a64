"""The facade that most programs need."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import frozen
from packaging.utils import NormalizedName

from pydeps_host.config import COMMAND, ON_DEMAND, HostConfig
from pydeps_host.dependency import Dependency, version_of_tag
from pydeps_host.errors import ClosedError, HostError, StoreError, UsageError
from pydeps_host.events import Observer, SyncStarted, ignore
from pydeps_host.host.order import Entry, Order, group
from pydeps_host.host.project import plan_project, sync_project
from pydeps_host.host.repair_reports import RepairReport
from pydeps_host.host.repairing import repair_project
from pydeps_host.host.reports import ProjectReport, SyncReport
from pydeps_host.host.tools import Teller, Tools
from pydeps_host.host.workers import Workers
from pydeps_host.limiter import Budget, Limiter, Priority, Stop, Unlimited
from pydeps_host.repository import Damage, Repository
from pydeps_host.repository.disk import is_folder
from pydeps_host.resolver import Resolver, ResolverOptions
from pydeps_host.store import Store
from pydeps_host.transport import HttpxTransport, Transport, TransportOptions
from pydeps_host.values import shown

# How long an interrupted sync waits for its threads before it leaves them behind.
_PARTING_SECONDS: Final = 0.3


@frozen
class Ensured:
    """A version that is there.

    Attributes:
        repository: The repository's folder.
        version: The version's text, or the tag's where a revision was asked for.
        commit: The commit's id in hexadecimal.
    """

    repository: Path
    version: str
    commit: str


class Host:
    """Brings what a configuration asks for into a store.

    A context manager, safe to share between threads. Making one starts no thread
    and touches neither network nor disk, save that certificates which options or the
    environment name are read, so that what is wrong with them is told first.
    """

    def __init__(  # noqa: PLR0913 - each is a part that an embedder may bring
        self,
        config: HostConfig,
        store: Store,
        *,
        transport: Transport | None = None,
        limiter: Limiter | None = None,
        observer: Observer = ignore,
        options: TransportOptions | None = None,
        refresh: bool = False,
    ) -> None:
        """Join the parts.

        Args:
            config: What to bring, and from where.
            store: Where to.
            transport: How servers are asked; HTTP by httpx if it is not given. One
                that is given stays open when the host is closed.
            limiter: The budget of requests; by the configuration if it is not given.
            observer: Takes every event, one at a time.
            options: Proxies, certificates and time-outs of the transport that the host makes itself.
            refresh: Whether every index page is asked for anew, whatever is kept of it, and taken even where the
                index went back in time.
        """
        if transport is not None and (limiter is not None or options is not None):
            message = "a transport that is given has its own limiter and options"
            raise UsageError(message, "give them to the transport, or let the host make one")
        self._config = config
        self._store = store
        self._refresh = refresh
        self._stop = Stop()
        self._tell = Teller(observer)
        self._own: HttpxTransport | None = None
        if transport is None:
            transport = self._own = HttpxTransport(
                limiter=limiter if limiter is not None else _limiter(config),
                stop=self._stop,
                observer=self._tell,
                options=options if options is not None else TransportOptions(),
                indexes=[index.url for index in config.urls if index.url.scheme != "file"],
            )
        self._transport = transport

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every wait and every request under way, in all threads, within 100 ms; what was published stays."""
        self._stop.set()
        if self._own is not None:
            self._own.close()

    def plan(self, *, add: Sequence[Dependency] = (), jobs: int = 4) -> SyncReport:
        """Tell what a sync would bring; ask indexes, download nothing, change nothing.

        Args:
            add: Dependencies besides those of the configuration.
            jobs: How many projects are worked on at a time.

        Raises:
            ClosedError: The host was closed meanwhile.
            StoreError: The store cannot be read.
        """
        tools = self._tools()
        self._store.check_format()
        orders = group(self._entries(add))
        return SyncReport(tuple(self._each(orders, lambda order: plan_project(order, tools), tools, jobs=jobs)))

    def sync(self, *, add: Sequence[Dependency] = (), additive: bool = False, jobs: int = 4) -> SyncReport:
        """Bring everything that is asked for, and return when all of it is on the disk or has failed.

        See `sync_iter`.
        """
        return SyncReport(tuple(self.sync_iter(add=add, additive=additive, jobs=jobs)))

    def sync_iter(self, *, add: Sequence[Dependency] = (), additive: bool = False, jobs: int = 4) -> Generator[ProjectReport]:
        """Bring everything that is asked for, and yield a report a project as each ends.

        One version's failure stops no other; it is in the report. To stop early,
        close the iterator: what is under way is left, what is published stays.

        Args:
            add: Dependencies besides those of the configuration. They stay: no sync ends their claims.
            additive: Whether the claims of this configuration's `id` that no
                longer stand are left as they are. Otherwise they end, and tags that
                nobody claims any more go.
            jobs: How many projects are worked on at a time.

        Raises:
            ClosedError: The host was closed meanwhile.
            StoreError: The store as a whole cannot be used.
            Exception: Whatever the observer raised; it stops the sync and undoes nothing.
        """
        tools = self._tools()
        self._store.prepare()
        orders = group(self._entries(add))
        if not additive:
            orders += self._forgotten(orders)
        work = partial(sync_project, tools=tools, ends_claims=not additive)
        yield from self._each(orders, work, tools, jobs=jobs)

    def ensure(self, wanted: Dependency | str, revision: str | None = None, *, timeout: float = 60.0) -> Ensured:
        """Have one version, now; return at once where it is there.

        It goes before what runs in bulk, is downloaded once however many ask, and
        stays: a later sync keeps it.

        Args:
            wanted: A pin such as `numpy==1.26.0`, or a project with `revision`.
            revision: A tag of the project's repository, as code hosts pass it:
                `v1.26.0`, `refs/tags/v1.26.0`, `v1.26.0^0`.
            timeout: Seconds after which it is given up.

        Raises:
            InputError: No version is named, or the project is neither configured nor in the store.
            MissingError: The version cannot be had.
            DeadlineError: The time ran out.
            HostError: Whatever kept it from coming.
        """
        deadline = time.monotonic() + timeout
        dependency = _pin(wanted, revision)
        # What is there is not looked into: whoever requires a digest goes by the journal.
        found = None if dependency.hashes else self._present(dependency)
        if found is not None:
            return found
        self._check_served(dependency.name)
        tools = self._tools(priority=Priority.WAITED_FOR, deadline=deadline)
        order = Order(dependency.name, (Entry(dependency, ON_DEMAND),))
        report = sync_project(order, tools, ends_claims=False)
        problem = report.error or next((version.error for version in report.versions if version.error is not None), None)
        if problem is not None:
            raise problem
        version = report.versions[0]
        return Ensured(self._store.path_of(dependency.name), version.version, version.commit or "")

    def verify(self, name: str) -> tuple[Damage, ...]:
        """Check a project's repository, every byte of it; see `Store.verify`."""
        return self._store.verify(name)

    def repair(self, name: str) -> RepairReport:
        """Check a project's repository, and where it is damaged, set it aside and build it anew from the index.

        Every version comes back with the ids that it had, by what the journal, the
        references and the commits still tell. Nobody publishes meanwhile, everybody
        reads: the damaged repository stays in its place until the new one is whole. It
        is never removed.

        Args:
            name: The project.

        Raises:
            NotStoredError: There is no repository.
            UsageError: The name is no project's.
            ClosedError: The host was closed meanwhile; the next repair goes on.
        """
        normalized = NormalizedName(self._store.path_of(name).stem)
        order = next((order for order in group(self._entries(())) if order.name == normalized), Order(normalized))
        return repair_project(order, self._tools())

    def repositories(self) -> tuple[Repository, ...]:
        """Open all repositories of the store, in the order of their names.

        Raises:
            StoreError: The store cannot be read.
        """
        return self._store.repositories()

    def _each(self, orders: Sequence[Order], work: Callable[[Order], ProjectReport], tools: Tools, *, jobs: int) -> Iterator[ProjectReport]:
        """Work on projects side by side; whatever ends the iteration ends the work."""
        if jobs < 1:
            raise UsageError(f"{jobs} jobs do no work", "give 1 or more")
        if self._own is not None:
            self._own.renew_pauses()
        self._tell(SyncStarted(len(orders)))
        workers = Workers(orders, work, jobs=jobs)
        parting: float | None = None
        try:
            yield from workers.results()
        except (KeyboardInterrupt, ClosedError):
            # The one who waits at the keyboard is not kept waiting for a name server.
            parting = _PARTING_SECONDS
            self.close()
            raise
        finally:
            tools.halted.set()
            workers.join(parting)

    def _tools(self, *, priority: Priority = Priority.BULK, deadline: float | None = None) -> Tools:
        if self._stop.is_set():
            raise ClosedError("the host is closed")
        options = ResolverOptions(
            versions_per_dependency=self._config.versions_per_dependency,
            version_fallthrough=self._config.version_fallthrough,
            limits=self._config.limits,
            pages=self._store.pages,
            refresh=self._refresh,
        )
        resolver = Resolver(self._config.urls, transport=self._transport, observer=self._tell, options=options)
        return Tools(
            config=self._config,
            store=self._store,
            transport=self._transport,
            resolver=resolver,
            tell=self._tell,
            stop=self._stop,
            halted=threading.Event(),
            priority=priority,
            deadline=deadline,
        )

    def _entries(self, add: Sequence[Dependency]) -> list[Entry]:
        configured = [Entry(dependency, self._config.id) for dependency in self._config.dependencies]
        return configured + [Entry(dependency, COMMAND) for dependency in add]

    def _forgotten(self, orders: Sequence[Order]) -> tuple[Order, ...]:
        """Return the projects that the configuration still claims and no longer names."""
        named = {order.name for order in orders}
        names = [name for name in self._store.names() if name not in named]
        return tuple(Order(name) for name in names if self._may_claim(name))

    def _may_claim(self, name: str) -> bool:
        """Whether the configuration has claims in a repository; one that cannot be read gets its own report."""
        try:
            return self._config.id in self._store.repository(name).claims()
        except StoreError:
            return True

    def _present(self, dependency: Dependency) -> Ensured | None:
        path = self._store.path_of(dependency.name)
        text = (dependency.pinned_text or "").removeprefix("v")
        if not is_folder(path):
            return None
        commit = self._store.repository(dependency.name).commit_of(text)
        if commit is not None:
            self._store.settle(dependency.name)
        return None if commit is None else Ensured(path, text, commit)

    def _check_served(self, name: NormalizedName) -> None:
        configured = any(dependency.name == name for dependency in self._config.dependencies)
        if not configured and self._store.known_repository(name) is None:
            raise UsageError(f"{shown(name)} is neither configured nor in the store", "add it to `dependencies`")


def _limiter(config: HostConfig) -> Limiter:
    rate = config.rate_limit
    return Budget(requests_per_hour=rate.requests_per_hour) if rate.enabled else Unlimited()


def _pin(wanted: Dependency | str, revision: str | None) -> Dependency:
    dependency = Dependency.parse(wanted) if isinstance(wanted, str) else wanted
    if revision is not None:
        tag = revision.removeprefix("refs/tags/").removesuffix("^0").removesuffix("^{}").removesuffix("^{commit}")
        try:
            dependency = _pin_of(dependency.name, version_of_tag(tag))
        except (ValueError, HostError):
            raise UsageError(f"{shown(revision)!r} is no tag of a version", "give a tag such as v1.26.0") from None
    if not dependency.is_pin:
        raise UsageError(f"{dependency} names no single version", "give a pin such as numpy==1.26.0, or a revision")
    return dependency


def _pin_of(name: NormalizedName, text: str) -> Dependency:
    """Pin a version by its text, which PEP 440 may not know."""
    try:
        return Dependency.parse(f"{name}=={text}")
    except HostError:
        return Dependency.parse(f"{name}==={text}")
