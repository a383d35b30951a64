"""A damaged repository is set aside, and built anew."""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from attrs import evolve
from packaging.utils import NormalizedName

from pydeps_host.errors import ClosedError, DamagedError, DeadlineError, HostError, NotStoredError, StoreError, UsageError
from pydeps_host.events import RepositoryChanged
from pydeps_host.host.order import Order
from pydeps_host.host.project import sync_project
from pydeps_host.host.rebuilding import Rebuilt, Source, recorded
from pydeps_host.host.recipes import Recipes, recipes
from pydeps_host.host.repair_reports import Repair, RepairReport, VersionRepair
from pydeps_host.host.survivors import Survivors
from pydeps_host.host.tools import Tools
from pydeps_host.repository import Ref, Repository, VersionRow, newest_first, verify_repository
from pydeps_host.repository.beginning import begin
from pydeps_host.repository.history import history_of
from pydeps_host.repository.journal import JournalLine
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.salvage import Salvaged, salvage, what_is_left
from pydeps_host.repository.state import EMPTY, references_of
from pydeps_host.store import Rebuilding
from pydeps_host.values import shown

_BATCH_VERSIONS: Final = 16


def repair_project(order: Order, tools: Tools) -> RepairReport:
    """Check a project's repository, and build it anew where it is damaged.

    Args:
        order: The project, and what the configuration wants of it: asked for where
            the damaged repository cannot tell.
        tools: What the work shares.

    Raises:
        ClosedError, DeadlineError: The work was interrupted. The damaged repository is in
            its place still, or the new one is; the next repair goes on.
        NotStoredError: There is no repository.
    """
    work = _Repair(order, tools)
    try:
        return work.run()
    except (ClosedError, DeadlineError, NotStoredError):
        raise
    except HostError as problem:
        return work.report(problem)


class _Repair:
    """One repair."""

    def __init__(self, order: Order, tools: Tools) -> None:
        self._order = order
        self._tools = tools
        self._versions: dict[str, VersionRepair] = {}
        self._report = RepairReport(name=order.name, repository=tools.store.path_of(order.name))

    def report(self, error: HostError | None = None) -> RepairReport:
        """Return what is known, with what kept it from going on."""
        versions = tuple(self._versions[text] for text in newest_first(self._versions))
        return evolve(self._report, versions=versions, error=error)

    def run(self) -> RepairReport:
        store, name = self._tools.store, self._order.name
        if not store.verify(name):
            # Nobody is kept waiting for the sake of a sound one.
            return self.report()
        with store.rebuilding(name, self._tools.patience) as where:
            damages = verify_repository(where.place)
            self._report = evolve(self._report, damages=damages)
            if not damages:
                return self.report()
            ask_again = self._repair(where)
        return self._ask_configuration() if ask_again and self._order.entries else self.report()

    def _ask_configuration(self) -> RepairReport:
        """Bring what the configuration asks for: that gives back the claims which could not be read."""
        synced = sync_project(self._order, self._tools, ends_claims=False)
        problem = synced.error or next((version.error for version in synced.versions if version.error is not None), None)
        if problem is None or not self._versions:
            return self.report(problem)
        # Every version that there was is there again: that a further one does not come is the next sync's matter.
        self._notice(f"what the configuration asks for besides did not come: {shown(str(problem))}")
        return self.report()

    def _repair(self, where: Rebuilding) -> bool:
        """Build the repository anew; tell whether the configuration has to be asked for what was lost."""
        found = salvage(Layout(where.place), read=what_is_left)
        with Survivors(where.place / "objects" / "pack") as survivors:
            wanted = recipes(found, survivors)
            self._notice(*wanted.notices)
            if not wanted.published and not wanted.others and not found.is_whole:
                self._check_that_something_comes()
            new = self._begun(where, found, wanted)
            self._rebuild(self._source(found, survivors, where), new, deque(wanted.published.values()))
            if wanted.published and not new.refs():
                raise next(version.error for version in self._versions.values() if version.error is not None)
            self._put_in_place(where, new, found)
        return not found.is_whole

    def _check_that_something_comes(self) -> None:
        """See that there is something to come in the place of what tells of no version."""
        if not self._order.entries:
            message = f"nothing is left that tells which versions {self._order.name} had"
            raise UsageError(message, "repair it with a configuration that names it")
        self._tools.resolver.find(self._order.name, priority=self._tools.priority, deadline=self._tools.deadline)
        self._notice("nothing is left that tells which versions there were: what the configuration asks for comes, and ids may change")

    def _source(self, found: Salvaged, survivors: Survivors, where: Rebuilding) -> Source:
        name, owner = NormalizedName(self._order.name), found.state.owner
        return Source(name=name, owner=owner, survivors=survivors, damaged=Repository(where.place), tools=self._tools)

    def _begun(self, where: Rebuilding, found: Salvaged, wanted: Recipes) -> Repository:
        """Return the new repository: the one that an earlier repair has left unfinished, if it began in the same way."""
        first = JournalLine(
            found.generation + 1,
            EMPTY.refs,
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            rows=wanted.others,
            claims=found.state.claims,
            owner=found.state.owner,
            name=found.state.name,
        )
        if where.building.is_dir():
            if _began_with(where.building, first):
                return Repository.open(where.building, disk=where.disk)
            where.discard()
        return begin(where.building, first, namespace=self._tools.store.namespace, disk=where.disk)

    def _rebuild(self, source: Source, new: Repository, left: "deque[VersionRow]") -> None:
        problem: HostError | None = None
        while left and problem is None:
            with new.batch(stop=self._tools.stop, deadline=self._tools.deadline) as batch:
                rebuilt = Rebuilt(source, batch)
                try:
                    self._fill(rebuilt, new, left)
                except (ClosedError, DeadlineError, StoreError):
                    raise
                except HostError as stopped:
                    # What was made before is kept for the next attempt.
                    problem = stopped
                batch.publish()
            self._versions.update((report.version, report) for report in rebuilt.reports)
            rebuilt.drop_spools()
        if problem is not None:
            raise problem

    def _fill(self, rebuilt: Rebuilt, new: Repository, left: "deque[VersionRow]") -> None:
        rows = new.rows()
        while left and len(rebuilt.reports) < _BATCH_VERSIONS:
            self._tools.check(f"repairing {self._order.name}")
            row = left.popleft()
            if recorded(rows, row):
                self._versions[row.text] = _as_it_was(row)
            else:
                rebuilt.bring(row)

    def _put_in_place(self, where: Rebuilding, new: Repository, found: Salvaged) -> None:
        damages = new.verify()
        if damages:
            where.discard()
            raise DamagedError(str(new.path), f"what was built anew is damaged itself: {damages[0]}")
        refs, generation = dict(new.refs()), new.generation
        self._report = evolve(self._report, set_aside=where.swap())
        state = found.state
        before = found.refs if found.refs_are_whole else references_of(state.rows, history_of(state.name, state.rows))
        names = sorted(name for name in {*before, *refs} if before.get(name) != refs.get(name))
        if names:
            self._tools.tell(RepositoryChanged(self._order.name, generation, _ids(names, before), _ids(names, refs)))

    def _notice(self, *texts: str) -> None:
        self._report = evolve(self._report, notices=(*self._report.notices, *texts))


def _as_it_was(row: VersionRow) -> VersionRepair:
    return VersionRepair(version=row.text, status=Repair.REBUILT, before=row.commit, commit=row.commit)


def _began_with(path: Path, first: JournalLine) -> bool:
    """Whether a repository is sound, and its journal begins with this line, at whatever time."""
    if verify_repository(path):
        return False
    lines = Repository.open(path).journal()
    return bool(lines) and evolve(lines[0], at=first.at) == first


def _ids(names: list[str], refs: Mapping[str, Ref]) -> tuple[tuple[str, str], ...]:
    return tuple((name, refs[name].id.hex()) for name in names if name in refs)
