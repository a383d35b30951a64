"""One batch of a project's releases, while it is filled."""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from attrs import evolve

from pydeps_host.errors import ChangedError, ClosedError, DeadlineError, UsageError
from pydeps_host.git import parse_id
from pydeps_host.host.making import Made, make, standing_refusal, with_tags
from pydeps_host.host.order import Wanted, claims_of
from pydeps_host.host.reports import Status, VersionReport
from pydeps_host.host.spooling import drop
from pydeps_host.host.telling import changes_since, failed_report, required_differs, row_report
from pydeps_host.host.tools import Tools
from pydeps_host.repository import Batch, Conflict, Repository, VersionRow
from pydeps_host.repository import Status as RowStatus
from pydeps_host.values import shown

# A batch is published when it has this many versions, or after this many seconds.
_BATCH_VERSIONS: Final = 16
_BATCH_SECONDS: Final = 5.0


class Filling:
    """One batch while it is filled: its reports count once it is published."""

    def __init__(self, tools: Tools, repository: Repository, batch: Batch) -> None:
        self._tools = tools
        self._repository = repository
        self._batch = batch
        self.reports: dict[str, VersionReport] = {}
        self.notices: list[str] = []
        self._made: dict[str, Made] = {}

    def fill(self, left: deque[Wanted]) -> None:
        """Take releases from the left until the batch is large or old enough."""
        tools, began = self._tools, time.monotonic()
        done: list[Wanted] = []
        while left and len(self._made) < _BATCH_VERSIONS and time.monotonic() - began < _BATCH_SECONDS:
            wanted = left.popleft()
            text = wanted.release.text
            with self._repository.version_lock(text, stop=tools.stop, deadline=tools.deadline):
                self._put(self._bring(wanted, self._repository.rows().get(text)))
            if self.reports[text].error is None:
                done.append(wanted)
        for (claimant, entry), versions in claims_of(done).items():
            self._batch.claim(claimant, entry, versions)

    def mark_yanked(self, told: Mapping[str, bool]) -> None:
        """Record which published versions the index has yanked, or not any more; their tags stay."""
        rows = self._repository.rows()
        for text, yanked in told.items():
            self._batch.add(evolve(rows[text], yanked=yanked))

    def settle(self, conflicts: Iterable[Conflict]) -> None:
        """Correct the reports of what publishing did not take, because what is recorded comes first."""
        for conflict in conflicts:
            report = self.reports[conflict.text]
            if conflict.reason == "other-commit":
                self._put(evolve(report, status=Status.PRESENT, commit=conflict.recorded))
            elif conflict.reason == "other-bytes":
                changed = ChangedError(f"{self._repository.name} {conflict.text}", report.file or "", conflict.recorded, conflict.offered)
                self._put(evolve(report, status=Status.FAILED, commit=None, error=changed))
            else:
                message = f"its tag {shown(conflict.offered)} belongs to {shown(conflict.recorded)} already"
                self._put(evolve(report, status=Status.FAILED, commit=None, error=UsageError(message, "ask for one of the two versions")))

    def drop_spools(self, repository: Repository | None) -> None:
        """Remove the files that are published; under the lock, so that nobody reads one meanwhile."""
        for text, made in self._made.items():
            if made.artifact is not None and repository is not None:
                # One that somebody else's download keeps from being removed now is removed by a later sync.
                waited = repository.version_lock(text, stop=self._tools.stop, deadline=self._tools.deadline)
                with suppress(ClosedError, DeadlineError), waited:
                    drop(made.artifact.path)

    def _bring(self, wanted: Wanted, row: VersionRow | None) -> VersionReport:
        if row is not None and (row.is_published or self._can_come_back(row)):
            return self._keep(wanted, row)
        refusal = standing_refusal(wanted, row, self._tools)
        if refusal is not None:
            return failed_report(wanted, refusal)
        made = make(wanted, row, self._batch, self._tools)
        self._made[wanted.release.text] = made
        self._batch.add(made.row)
        return row_report(made.row, Status.ADDED if made.error is None else Status.FAILED, made.error)

    def _keep(self, wanted: Wanted, row: VersionRow) -> VersionReport:
        """Leave what is published as it is, but for a tag that is missing and for being yanked."""
        self.notices += changes_since(wanted, row)
        mismatch = required_differs(wanted, row)
        if mismatch is not None:
            return row_report(row, Status.FAILED, mismatch)
        kept = with_tags(evolve(row, status=RowStatus.PUBLISHED, yanked=wanted.release.yanked), wanted, self._batch)
        if kept != row:
            self._batch.add(kept)
        return row_report(kept, Status.PRESENT if row.is_published else Status.ADDED)

    def _can_come_back(self, row: VersionRow) -> bool:
        """Whether a version that lost its tags still has its objects."""
        ids = [row.commit, *(tag.id for tag in row.tags)] if row.status is RowStatus.REMOVED else []
        return bool(ids) and all(id_ is not None and self._batch.knows(parse_id(id_)) for id_ in ids)

    def _put(self, report: VersionReport) -> None:
        self.reports[report.version] = report
