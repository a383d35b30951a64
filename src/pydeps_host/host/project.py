"""One project, from an order to a report."""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from attrs import evolve

from pydeps_host.errors import (
    ClosedError,
    DeadlineError,
    DiskError,
    HostError,
    NotStoredError,
    ProjectAccessError,
    ProjectNotFoundError,
    ProjectPageError,
    ProjectUnavailableError,
    StoreError,
    UsageError,
)
from pydeps_host.events import ProjectFinished, ProjectStarted, RepositoryChanged
from pydeps_host.host.ahead import Ahead
from pydeps_host.host.filling import Filling
from pydeps_host.host.keeping import keep_asked, kept_out
from pydeps_host.host.making import standing_refusal
from pydeps_host.host.order import Order, Selection, Wanted, enter_claims
from pydeps_host.host.planning import Plan
from pydeps_host.host.reports import ProjectReport, VersionReport
from pydeps_host.host.spooling import clear_spool
from pydeps_host.host.telling import removed_reports
from pydeps_host.host.tools import Tools
from pydeps_host.limiter import Priority
from pydeps_host.repository import Batch, Change, Repository, State, VersionRow
from pydeps_host.repository import Status as RowStatus
from pydeps_host.repository.disk import look_at
from pydeps_host.resolver import Found, yanked_releases
from pydeps_host.simple_api import version_of

_TELL_WHAT_WAS_TRIED: Final = (ProjectNotFoundError, ProjectPageError, ProjectAccessError, ProjectUnavailableError)


def sync_project(order: Order, tools: Tools, *, ends_claims: bool) -> ProjectReport:
    """Bring what an order wants of one project into its repository.

    Args:
        order: What is wanted.
        tools: What the sync shares.
        ends_claims: Whether the configuration's claims that no longer stand are ended.

    Raises:
        ClosedError, DeadlineError: The work was interrupted; what was published stays.
    """
    tools.tell(ProjectStarted(order.name))
    report = _reported(_Sync(order, tools, ends_claims=ends_claims))
    tools.tell(ProjectFinished(order.name, report.succeeded))
    return report


def plan_project(order: Order, tools: Tools) -> ProjectReport:
    """Tell what `sync_project` would bring, and change nothing.

    Raises:
        ClosedError, DeadlineError: The work was interrupted.
    """
    tools.tell(ProjectStarted(order.name))
    report = _reported(Plan(order, tools))
    tools.tell(ProjectFinished(order.name, report.succeeded))
    return report


def _reported(work: "Plan") -> ProjectReport:
    """Run the work, and make a report of what it raises, but for an interruption."""
    try:
        return work.run()
    except ClosedError:
        raise
    except HostError as problem:
        # Nobody set a deadline for bulk work: a limiter or a transport of somebody else gave up on this project alone.
        if isinstance(problem, DeadlineError) and work.tools.deadline is not None:
            raise
        tried = problem.tried if isinstance(problem, _TELL_WHAT_WAS_TRIED) else work.tried
        return work.report(index=None, tried=tried, versions=work.so_far(), error=problem)


class _Sync(Plan):
    """Brings what is missing, batch by batch."""

    def __init__(self, order: Order, tools: Tools, *, ends_claims: bool) -> None:
        super().__init__(order, tools)
        self._ends_claims = ends_claims
        self._removed: list[VersionReport] = []
        self._withdrawn: Mapping[str, bool] = {}
        self._ahead = Ahead((), tools)

    def so_far(self) -> tuple[VersionReport, ...]:
        """Return what is known of versions when something stops the project, what was taken away among it."""
        return (*super().so_far(), *self._removed)

    def run(self) -> ProjectReport:
        """Take away what is blocked, ask the index, and bring what is missing."""
        self._drop_blocked()
        by = self.tools.config.filters.reason(self.order.name)
        if by is not None:
            return self._blocked(by)
        if not self.order.entries:
            return self._forget()
        state = self._remembered()
        found, selection = self._select(state, state.rows)
        self._withdrawn = _withdrawn(found, selection, state.rows)
        if self._is_there(selection, state):
            for one in selection.wanted:
                self._put(self._present(one, state.rows[one.release.text]))
        else:
            self._bring(found, selection, state.rows)
        clear_spool(self.order.name, self.tools)
        self._maintain()
        return self._report(found, selection, removed=self._removed)

    def _is_there(self, selection: Selection, state: State) -> bool:
        """Whether all that is wanted is there and claimed, and nothing else is to be published or made good; no lock is taken."""
        repository, store = self._repository, self.tools.store
        if repository is None or state.owner is None or self._withdrawn:
            return False
        if not all(_is_as_wanted(one, state.rows.get(one.release.text)) for one in selection.wanted):
            return False
        try:
            with repository.batch() as batch:
                enter_claims(selection.wanted, batch)
                self._end_claims(state, batch)
                return store.is_settled(self.order.name) and batch.keeps(state)
        except (DiskError, NotStoredError):
            # A repair or a prune may have taken it away meanwhile; what else is wrong with it is told by whoever publishes.
            return False

    def _bring(self, found: Found, selection: Selection, rows: Mapping[str, VersionRow]) -> None:
        """Publish what is missing, batch by batch."""
        left = deque(selection.wanted)
        if selection.blocked and not left and self._repository is not None:
            # What stood here before may go, though nothing comes.
            self._publish(left, owner=None, complete=not selection.missed)
        missing = [one for one in left if self._is_missing(one, rows.get(one.release.text))]
        self.tools.pool.expect(sum(one.release.candidates[0].size or 0 for one in missing))
        with closing(Ahead([one for one in missing if self._is_waited_for(one)], self.tools)) as self._ahead:
            while left or self._withdrawn:
                self._publish(left, owner=found.index.name, complete=not selection.missed)
        self._reports = {text: self._reports[text] for text in (one.release.text for one in selection.wanted) if text in self._reports}

    def _is_missing(self, wanted: Wanted, row: VersionRow | None) -> bool:
        """Whether a version has to be downloaded, by what is known of it now."""
        is_there = row is not None and (row.is_published or row.status is RowStatus.REMOVED)
        return not is_there and standing_refusal(wanted, row, self.tools) is None

    def _is_waited_for(self, wanted: Wanted) -> bool:
        """Whether somebody could do something else while a file comes: not who copies it from a folder and makes its version then."""
        return self.tools.pool.size > 1 or wanted.release.candidates[0].url.scheme != "file"

    def _maintain(self) -> None:
        """Keep small packs from piling up; whoever waits for a version is not kept waiting for that."""
        tools = self.tools
        repository = self._stored() if tools.priority is not Priority.WAITED_FOR else None
        if repository is None:
            return
        try:
            repository.maintain_if_due(keep_superseded=tools.store.keep_superseded, stop=tools.stop)
        except StoreError as problem:
            # What was asked for is published all the same.
            self.notice([f"its packs could not be made one: {problem}"])

    def _drop_blocked(self) -> None:
        """Take the tags from what the filters keep out now.

        It is done first, and whoever claims it: an index that does not answer, or
        another claim, must not keep in what an administrator wants out.
        """
        tools, name = self.tools, self.order.name
        if tools.priority is Priority.WAITED_FOR or tools.config.filters.of(name).are_silent:
            return
        state = self._remembered()
        rows = state.rows
        out = kept_out(tools.config.filters, name, rows, state.claims)
        if not out:
            return
        with self._batch() as (repository, batch):
            batch.unclaim(out)
            change = batch.publish()
            self._removed += removed_reports({text for text, row in rows.items() if row.is_published}, repository.rows())
        for commit in {row.commit for row in rows.values() if row.text in out and row.commit is not None}:
            tools.store.asked.forget(name, commit)
        if change is not None:
            self._announce(change)

    def _blocked(self, by: str) -> ProjectReport:
        report = super()._blocked(by)
        return evolve(report, versions=(*report.versions, *self._removed))

    def _forget(self) -> ProjectReport:
        """End the claims of a configuration that no longer names the project."""
        self._publish(deque(), owner=None, complete=True)
        return self.report(index=None, tried=(), versions=tuple(self._removed))

    def _publish(self, left: deque[Wanted], *, owner: str | None, complete: bool) -> None:
        """Publish one batch; once more where a repair or a prune took the repository away while it was filled."""
        place = self._path
        before, taken, withdrawn = _inode(place), tuple(left), self._withdrawn
        try:
            self._publish_batch(left, owner=owner, complete=complete)
        except (DiskError, NotStoredError, UsageError):
            if before is None or _inode(place) == before:
                raise
            # What was written went with the repository that was there; downloads are kept and are not made again.
            left.clear()
            left.extend(taken)
            self._withdrawn = withdrawn
            self._publish_batch(left, owner=owner, complete=complete)

    def _publish_batch(self, left: deque[Wanted], *, owner: str | None, complete: bool) -> None:
        """Fill one batch from the left of what is wanted, and publish it."""
        tools = self.tools
        with self._batch() as (repository, batch):
            state = repository.state()
            if state.owner is None and owner is not None:
                batch.record_owner(owner)
            filling = Filling(tools, repository, batch, self._ahead)
            filling.fill(left, state.rows)
            if not left:
                filling.mark_yanked(self._withdrawn)
                self._withdrawn = {}
            succeeded = complete and not any(report.error for report in (*self.so_far(), *filling.reports.values()))
            if not left and succeeded:
                self._end_claims(repository.state(), batch)
            before = repository.rows()
            change = batch.publish()
            filling.settle(batch.conflicts)
            if change is not None:
                self._removed += removed_reports({row.text for row in before.values() if row.is_published}, repository.rows())
        self._reports.update(filling.reports)
        self.notice(filling.notices)
        if change is not None:
            self._announce(change)
        if filling.has_spools:
            filling.drop_spools(self._stored())

    def _stored(self) -> Repository | None:
        """Return the repository in its place, None where there is none there."""
        place = self._place()
        if place is None or (self._repository is not None and self._repository.path == place):
            return None if place is None else self._repository
        self._repository = self.tools.store.repository(self.order.name)
        return self._repository

    @contextmanager
    def _batch(self) -> Iterator[tuple[Repository, Batch]]:
        tools = self.tools
        with (
            tools.store.writing(self.order.name, tools.patience, known=self._repository) as repository,
            repository.batch(stop=tools.stop, deadline=tools.deadline) as batch,
        ):
            yield repository, batch

    def _end_claims(self, state: State, batch: Batch) -> None:
        """End the configuration's claims that no longer stand, but for what somebody asked for besides."""
        if not self._ends_claims:
            return
        tools, name = self.tools, self.order.name
        keep_asked(name, state, batch, asked=tools.store.asked.commits(name))
        for claimant in tools.ending.of(state.claims):
            standing = self._standing(claimant)
            if not state.claims[claimant].keys() <= standing:
                batch.end_claims(claimant, keep_entries=standing)

    def _standing(self, claimant: str) -> set[str]:
        return {entry.text for entry in self.order.entries if entry.claimant == claimant}

    def _announce(self, change: Change) -> None:
        if change.old != change.new:
            self.tools.tell(RepositoryChanged(self.order.name, change.generation, change.old, change.new))


def _inode(place: Path) -> int | None:
    """Return what tells a folder from another one that takes its place, or None where there is none."""
    found = look_at(place)
    return None if found is None else found.st_ino


def _is_as_wanted(wanted: Wanted, row: VersionRow | None) -> bool:
    """Whether a version is published with all that is wanted of it, and with what the index says of it now."""
    if row is None or not row.is_published or row.yanked != wanted.release.yanked:
        return False
    return {tag.name for tag in row.tags}.issuperset(wanted.tags)


def _withdrawn(found: Found, selection: Selection, rows: Mapping[str, VersionRow]) -> dict[str, bool]:
    """Return the published versions that are not asked for now, and that the index has yanked, or not any more."""
    wanted = {one.release.text for one in selection.wanted}
    others = [row for text, row in rows.items() if row.is_published and text not in wanted and row.index == found.index.name]
    if not others:
        return {}
    yanked = yanked_releases(found.project)
    told = {row.text: yanked.get(version_of(row.text) or row.text, row.yanked) for row in others}
    return {row.text: told[row.text] for row in others if told[row.text] != row.yanked}
