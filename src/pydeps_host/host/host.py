"""The facade that most programs need."""

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from types import TracebackType
from typing import Final, Self

from attrs import evolve
from packaging.utils import NormalizedName

from pydeps_host.config import COMMAND, HostConfig
from pydeps_host.dependency import Dependency
from pydeps_host.errors import ClosedError, StoreError, UsageError
from pydeps_host.events import LockfileRead, Observer, RepositoryChanged, SyncStarted, ignore
from pydeps_host.host.demand import Demand, Ensured
from pydeps_host.host.locking import Ending, read_locking
from pydeps_host.host.order import Entry, Order, group
from pydeps_host.host.project import plan_project, sync_project
from pydeps_host.host.pruning import prunable_repositories, prune_repositories
from pydeps_host.host.repair_reports import RepairReport
from pydeps_host.host.repairing import repair_project
from pydeps_host.host.reports import ProjectReport, SyncReport
from pydeps_host.host.tools import Teller, Tools
from pydeps_host.host.workers import Workers
from pydeps_host.limiter import Budget, Limiter, Priority, Stop, Unlimited
from pydeps_host.processes.pool import Pool, cores
from pydeps_host.repository import Damage, Repository
from pydeps_host.resolver import Resolver, ResolverOptions
from pydeps_host.store import BY_HAND, Prunable, Released, Store
from pydeps_host.transport import HttpxTransport, Transport, TransportOptions

# How long an interrupted sync waits for its threads before it leaves them behind.
_PARTING_SECONDS: Final = 0.3


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
        self._demand = Demand(config, store, self._urgent_tools, self._tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every wait and every request under way, in all threads, within 100 ms; what was published stays."""
        self._stop.set()
        if self._own is not None:
            self._own.close()

    def plan(self, *, add: Sequence[Dependency] = (), lock: Sequence[str | os.PathLike[str]] = (), jobs: int = 4) -> SyncReport:
        """Tell what a sync would bring; ask indexes, download nothing, change nothing.

        Args:
            add: Dependencies besides those of the configuration.
            lock: Lock files besides those of the configuration, as `pydeps_host.lockfiles.read_lockfiles` takes them.
            jobs: How many projects are worked on at a time.

        Raises:
            ClosedError: The host was closed meanwhile.
            StoreError: The store cannot be read.
        """
        tools = self._tools()
        self._store.check_format()
        locking = read_locking(self._config, lock, self._tell)
        orders = group([*self._entries(add), *locking.entries])
        return SyncReport(tuple(self._each(orders, lambda order: plan_project(order, tools), tools, jobs=jobs)), locking.told)

    def sync(
        self, *, add: Sequence[Dependency] = (), lock: Sequence[str | os.PathLike[str]] = (), additive: bool = False, jobs: int = 4
    ) -> SyncReport:
        """Bring everything that is asked for, and return when all of it is on the disk or has failed.

        See `sync_iter`.
        """
        told: list[LockfileRead] = []
        return SyncReport(tuple(self._sync(add, lock, told, additive=additive, jobs=jobs)), tuple(told))

    def sync_iter(
        self, *, add: Sequence[Dependency] = (), lock: Sequence[str | os.PathLike[str]] = (), additive: bool = False, jobs: int = 4
    ) -> Generator[ProjectReport]:
        """Bring everything that is asked for, and yield a report a project as each ends.

        One version's failure stops no other; it is in the report. To stop early,
        close the iterator: what is under way is left, what is published stays.

        Args:
            add: Dependencies besides those of the configuration. They stay: no sync ends their claims.
            lock: Lock files besides those of the configuration, as `pydeps_host.lockfiles.read_lockfiles` takes
                them. What they list stays, likewise. An event tells what came of each lock file.
            additive: Whether the claims of this configuration's `id` that no
                longer stand are left as they are. Otherwise they end, and tags that
                nobody claims any more go.
            jobs: How many projects are worked on at a time. With more than one, worker processes make
                the commits where there is work enough for them: one a job, and no more than processors.

        Raises:
            ClosedError: The host was closed meanwhile.
            StoreError: The store as a whole cannot be used.
            Exception: Whatever the observer raised; it stops the sync and undoes nothing.
        """
        yield from self._sync(add, lock, [], additive=additive, jobs=jobs)

    def _sync(
        self,
        add: Sequence[Dependency],
        lock: Sequence[str | os.PathLike[str]],
        told: list[LockfileRead],
        *,
        additive: bool,
        jobs: int,
    ) -> Generator[ProjectReport]:
        tools = self._tools()
        self._store.prepare()
        locking = read_locking(self._config, lock, self._tell)
        told += locking.told
        tools = evolve(tools, ending=locking.ending)
        orders = group([*self._entries(add), *locking.entries])
        if not additive:
            orders += self._forgotten(orders, locking.ending)
            if self._config.on_demand.max_versions is not None:
                self._demand.trim(tools)

        def work(order: Order) -> ProjectReport:
            report = sync_project(order, shared, ends_claims=not additive)
            self._demand.learn(report)
            pool.done(order.name)
            return report

        with closing(Pool(min(jobs, cores()), projects=len(orders))) as pool:
            shared = evolve(tools, pool=pool)
            # While one project is published, or has its page read, another one keeps its worker at work.
            yield from self._each(orders, work, tools, jobs=jobs if pool.size < 2 else max(jobs, pool.size + 1))

    def ensure(self, wanted: Dependency | str, revision: str | None = None, *, timeout: float = 60.0) -> Ensured:
        """Have one version, now; return at once where it is there.

        It goes before what runs in bulk, takes at most half of the budget from it, is
        downloaded once however many ask, and stays: a later sync keeps it, until more
        than `onDemand.maxVersions` were asked for since.

        Args:
            wanted: A pin such as `numpy==1.26.0`, or a project with `revision`.
            revision: What code hosts pass: a tag of the project's repository (`v1.26.0`,
                `refs/tags/v1.26.0`, `v1.26.0^0`), or, of what is there, `latest`, `HEAD` or a
                commit's id.
            timeout: Seconds after which it is given up.

        Raises:
            InputError: No version is named, or the project is not served: neither configured nor in the store, or not
                matched by `onDemand.allow`.
            BlockedError: The filters keep it out.
            MissingError: The version cannot be had; an index is asked for it again after ten minutes.
            DeadlineError: The time ran out.
            HostError: Whatever kept it from coming.
        """
        return self._demand.ensure(wanted, revision, timeout)

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

    def modules(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return the modules that a project's versions provide, each with those versions, the newest first; see `Store.modules`."""
        return self._store.modules(name)

    def projects_of(self, module: str) -> tuple[NormalizedName, ...]:
        """Return the projects that provide a module: the way from `import yaml` to `pyyaml`; see `Store.projects_of`."""
        return self._store.projects_of(module)

    def prune(self, *, dry_run: bool = False) -> tuple[Prunable, ...]:
        """Remove the repositories that nothing claims, and return them.

        What was learnt of their projects stays: one that comes back gets the same ids. A
        repository that cannot be read is left alone, and told by a notice.

        Args:
            dry_run: Only tell which they are.

        Raises:
            ClosedError: The host was closed meanwhile.
            StoreError: The store cannot be used.
        """
        tools = self._tools()
        if dry_run:
            return tuple(prunable_repositories(self._store, self._tell))
        return tuple(prune_repositories(self._store, self._tell, tools.patience))

    def release(self, wanted: Dependency | str, *, claimants: Iterable[str] = BY_HAND) -> Released:
        """End claims by name, so that versions which nobody else claims lose their tags; see `Store.release`.

        Args:
            wanted: A version (`numpy==1.26.0`), a project (`numpy`), or an entry as it was asked for (`numpy>=1`).
            claimants: Who gives it up: those who asked on the command line, with lock files too, or on
                demand, unless told otherwise. A configuration's claims are under its `id`; `*` stands for anything.

        Raises:
            InputError: That is no dependency, or none of them claims it.
            NotStoredError: There is no repository of the project.
            StoreError: The repository is not as it must be.
            ClosedError: The host was closed meanwhile.
        """
        dependency = Dependency.parse(wanted) if isinstance(wanted, str) else wanted
        done = self._store.release(dependency, claimants=claimants, patience=self._tools().patience)
        if done.change is not None and done.change.old != done.change.new:
            self._tell(RepositoryChanged(done.name, done.change.generation, done.change.old, done.change.new))
        return done

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
        # A server is asked by a library that is to be loaded, over a connection that is to be made; a folder is not.
        workers = Workers(orders, work, jobs=jobs, first_loads=any(index.url.scheme != "file" for index in self._config.urls))
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
            filters=self._config.filters,
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

    def _urgent_tools(self, deadline: float) -> Tools:
        return self._tools(priority=Priority.WAITED_FOR, deadline=deadline)

    def _entries(self, add: Sequence[Dependency]) -> list[Entry]:
        configured = [Entry(dependency, self._config.id) for dependency in self._config.dependencies]
        return configured + [Entry(dependency, COMMAND) for dependency in add]

    def _forgotten(self, orders: Sequence[Order], ending: Ending) -> tuple[Order, ...]:
        """Return the projects that the configuration no longer names, and still claims or keeps out."""
        named = {order.name for order in orders}
        names = [name for name in self._store.names() if name not in named]
        return tuple(Order(name) for name in names if self._may_claim(name, ending))

    def _may_claim(self, name: str, ending: Ending) -> bool:
        """Whether the configuration has claims in a repository, or keeps something out of it; what cannot be read gets its own report."""
        filters = self._config.filters.of(name)
        try:
            repository = self._store.repository(name)
            if ending.of(repository.claims()):
                return True
            return not filters.are_silent and any(filters.reason(text) is not None for text in repository.versions())
        except StoreError:
            return True


def _limiter(config: HostConfig) -> Limiter:
    rate = config.rate_limit
    return Budget(requests_per_hour=rate.requests_per_hour) if rate.enabled else Unlimited()
