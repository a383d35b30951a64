"""What is wanted of a project, against what is there."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path

from attrs import evolve
from packaging.version import Version

from pydeps_host.errors import (
    HostError,
    NotStoredError,
    StoreError,
    UsageError,
)
from pydeps_host.host.keeping import kept_out, kept_out_notice, without_tags
from pydeps_host.host.making import standing_refusal
from pydeps_host.host.order import Order, Selection, Wanted, select
from pydeps_host.host.reports import ProjectReport, Status, VersionReport
from pydeps_host.host.telling import (
    blocked_reports,
    changes_since,
    choice_report,
    failed_report,
    missed_report,
    required_differs,
    row_report,
)
from pydeps_host.host.tools import Tools
from pydeps_host.host.vanished import Standing, not_going_back, page_notices
from pydeps_host.repository import Repository, State, VersionRow
from pydeps_host.repository.disk import is_folder
from pydeps_host.resolver import Found
from pydeps_host.simple_api import version_of
from pydeps_host.values import Tried, shown


class Plan:
    """What is wanted of a project, against what is there."""

    def __init__(self, order: Order, tools: Tools) -> None:
        self.order = order
        self.tools = tools
        self.tried: tuple[Tried, ...] = ()
        self._reports: dict[str, VersionReport] = {}
        self._notices: list[str] = []
        self._repository: Repository | None = None

    def so_far(self) -> tuple[VersionReport, ...]:
        """Return what is known of versions when something stops the project."""
        return tuple(self._reports.values())

    def report(
        self, *, index: str | None, tried: tuple[Tried, ...], versions: tuple[VersionReport, ...], error: HostError | None = None
    ) -> ProjectReport:
        """Return the report of the project as it is now."""
        return ProjectReport(
            name=self.order.name,
            repository=self._place(),
            index=index,
            tried=tried,
            versions=versions,
            notices=tuple(dict.fromkeys(self._notices)),
            error=error,
        )

    @cached_property
    def _path(self) -> Path:
        """Where the project's repository is or would be."""
        return self.tools.store.path_of(self.order.name)

    def _place(self) -> Path | None:
        """Return where the project's repository is; None where there is none, or none that can be seen."""
        try:
            return self._path if is_folder(self._path) else None
        except (StoreError, UsageError):
            # What is wrong with it is told by whatever needed it: a report must not fail for the same reason.
            return None

    def notice(self, texts: Iterable[str]) -> None:
        """Remember what a person should know."""
        self._notices += texts

    def run(self) -> ProjectReport:
        """Ask the index and tell what would be brought."""
        by = self.tools.config.filters.reason(self.order.name)
        if by is not None:
            return self._blocked(by)
        state = self._remembered()
        rows = state.rows
        out = kept_out(self.tools.config.filters, self.order.name, rows, state.claims)
        if out:
            self.notice([kept_out_notice(out)])
            rows = without_tags(rows, out)
        found, selection = self._select(state, rows)
        for wanted in selection.wanted:
            self._plan(wanted, rows.get(wanted.release.text))
        choices = tuple(choice_report(entry, located) for entry, located in selection.located)
        return evolve(self._report(found, selection), choices=choices)

    def _remembered(self) -> State:
        """Return what is known of the project; nothing where it was never met."""
        while True:
            self._repository = repository = self.tools.store.known_repository(self.order.name)
            if repository is None:
                return State()
            # It comes into place with its first version, which may be right now.
            with suppress(NotStoredError):
                return repository.state()

    def _blocked(self, by: str) -> ProjectReport:
        """Report a project that the filters keep out; nobody is asked for it."""
        return self.report(index=None, tried=(), versions=blocked_reports((entry, by) for entry in self.order.entries))

    def _select(self, state: State, rows: Mapping[str, VersionRow]) -> tuple[Found, Selection]:
        tools, name, owner = self.tools, self.order.name, state.owner
        found = tools.resolver.find(name, owner=owner, only=self.order.indexes, priority=tools.priority, deadline=tools.deadline)
        self.tried = found.tried
        if owner is not None and owner != found.index.name:
            self.notice([f"it came from {shown(owner)} so far; {shown(found.index.name)} stands before it and has it now"])
        try:
            # Who has it is settled, and was told: not once more for each dependency.
            take = partial(tools.resolver.take, owner=found.index.name, priority=tools.priority, deadline=tools.deadline)
            selection = select(self.order, found, lambda wanted, only: take(wanted, only=only), made=_called(rows))
        finally:
            # A page may be large, and nobody asks for it again in this sync.
            tools.resolver.forget(name)
        self.notice([found.notice] if found.notice else ())
        self.notice(selection.notices)
        standing = Standing.of(found, rows)
        self.notice(page_notices(found, standing))
        selection, held_back = not_going_back(selection, standing, state.claims, most=tools.config.versions_per_dependency)
        self.notice(held_back)
        return found, selection

    def _plan(self, wanted: Wanted, row: VersionRow | None) -> None:
        error = standing_refusal(wanted, row, self.tools)
        if error is not None:
            self._put(failed_report(wanted, error))
        elif row is not None and row.is_published:
            self._put(self._present(wanted, row))
        else:
            first = wanted.release.candidates[0]
            sha256 = next((digest.value for digest in first.digests if digest.algorithm == "sha256"), None)
            self._put(
                VersionReport(version=wanted.release.text, status=Status.PLANNED, tag=wanted.tags[0], file=first.filename, sha256=sha256)
            )

    def _present(self, wanted: Wanted, row: VersionRow) -> VersionReport:
        """Report a published version, and what the page says of it now."""
        self.notice(changes_since(wanted, row))
        report = row_report(row, Status.PRESENT)
        mismatch = required_differs(wanted, row)
        return report if mismatch is None else evolve(report, status=Status.FAILED, error=mismatch)

    def _put(self, report: VersionReport) -> None:
        self._reports[report.version] = report

    def _report(self, found: Found, selection: Selection, *, removed: Iterable[VersionReport] = ()) -> ProjectReport:
        missed = [missed_report(entry, problem) for entry, problem in selection.missed]
        blocked = blocked_reports(selection.blocked, (located for _, located in selection.located))
        return self.report(index=found.index.name, tried=found.tried, versions=(*self._reports.values(), *missed, *blocked, *removed))


def _called(rows: Mapping[str, VersionRow]) -> dict[Version, str]:
    """Return what each version that was ever made is called; of two spellings of one version, what is published counts."""
    rising = sorted((row for row in rows.values() if row.commit is not None), key=lambda row: row.is_published)
    return {version: row.text for row in rising if (version := version_of(row.text)) is not None}
