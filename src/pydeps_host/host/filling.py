"""One batch of a project's releases, while it is filled."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from attrs import evolve

from pydeps_host.errors import ChangedError, ClosedError, DeadlineError, UsageError
from pydeps_host.git import parse_id
from pydeps_host.host.ahead import Ahead
from pydeps_host.host.lanes import Lanes
from pydeps_host.host.making import Made, Means, make, standing_refusal, with_tags
from pydeps_host.host.order import Wanted, enter_claims
from pydeps_host.host.reports import Status, VersionReport
from pydeps_host.host.spooling import drop
from pydeps_host.host.telling import changes_since, failed_report, required_differs, row_report
from pydeps_host.host.tools import Tools
from pydeps_host.processes.pool import NoWorkerError
from pydeps_host.processes.shift import Shift
from pydeps_host.processes.task import Done, NewPack, Task, carry_out
from pydeps_host.repository import Batch, Conflict, Repository, VersionRow
from pydeps_host.repository import Status as RowStatus
from pydeps_host.values import shown

# A batch is published when it has this many versions, or after this many seconds.
_BATCH_VERSIONS: Final = 16
_BATCH_SECONDS: Final = 5.0


class Filling:
    """One batch while it is filled: its reports count once it is published."""

    def __init__(self, tools: Tools, repository: Repository, batch: Batch, ahead: Ahead) -> None:
        self._tools = tools
        self._repository = repository
        self._batch = batch
        self._ahead = ahead
        self._shift = Shift(tools.pool, self._new_pack, self._check)
        # Over the batch, and over what is said of it here: several versions may be under way.
        self._lock = threading.RLock()
        self.reports: dict[str, VersionReport] = {}
        self.notices: list[str] = []
        self._made: dict[str, Made] = {}

    def fill(self, left: deque[Wanted], rows: Mapping[str, VersionRow]) -> None:
        """Take releases from the left until the batch is large or old enough.

        Those that got lost with a worker process come back to the left.

        Args:
            left: The releases.
            rows: What is known of the project's versions.
        """
        began, order = time.monotonic(), tuple(left)
        lanes = Lanes(
            left,
            lambda wanted: self._bring(wanted, rows.get(wanted.release.text)),
            goes_on=lambda busy: self._takes_more(busy, began),
            conclude=lambda busy: self._complete(busy, is_last=not left),
        )
        try:
            lanes.run(self._tools.pool.room, most=self._tools.pool.most)
            for pack in self._shift.finished():
                self._batch.include(pack)
        finally:
            self._shift.close()
        lost = self._shift.lost()
        left.extendleft(one for one in reversed(order) if one.release.text in lost)
        self._enter([one for one in order if one.release.text in self.reports.keys() - lost])

    def mark_yanked(self, told: Mapping[str, bool]) -> None:
        """Record which published versions the index has yanked, or not any more; their tags stay."""
        for text, yanked in told.items():
            self._batch.add(evolve(self._repository.rows()[text], yanked=yanked))

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

    @property
    def has_spools(self) -> bool:
        """Whether there are files that are of no use once their versions are published."""
        return any(made.artifact is not None for made in self._made.values())

    def drop_spools(self, repository: Repository | None) -> None:
        """Remove the files that are published; under the lock, so that nobody reads one meanwhile."""
        for text, made in self._made.items():
            if made.artifact is not None and repository is not None:
                # One that somebody else's download keeps from being removed now is removed by a later sync.
                waited = repository.version_lock(text, stop=self._tools.stop, deadline=self._tools.deadline)
                with suppress(ClosedError, DeadlineError), waited:
                    drop(made.artifact.path)

    def _takes_more(self, busy: int, began: float) -> bool:
        return len(self._made) + busy < _BATCH_VERSIONS and time.monotonic() - began < _BATCH_SECONDS

    def _complete(self, busy: int, *, is_last: bool) -> None:
        """Complete the packs that are not needed for what is still under way."""
        if is_last:
            self._tools.pool.done(self._repository.name)
        self._shift.finish(but=busy)

    def _bring(self, wanted: Wanted, row: VersionRow | None) -> None:
        """Bring one release as far as the batch's packs; what is published already costs no lock."""
        if row is not None and row.is_published:
            # Somebody else may have published it since downloads were planned.
            self._ahead.pass_by(wanted)
            with self._lock:
                self._put(self._keep(wanted, row))
        else:
            self._fetch(wanted)

    def _fetch(self, wanted: Wanted) -> None:
        """Bring a release while nobody else does; whoever did so meanwhile has spared us the work."""
        tools, text = self._tools, wanted.release.text
        self._ahead.wait(wanted)
        try:
            with self._repository.version_lock(text, stop=tools.stop, deadline=tools.deadline):
                self._put(self._brought(wanted, self._repository.rows().get(text)))
        finally:
            self._ahead.pass_by(wanted)

    def _brought(self, wanted: Wanted, row: VersionRow | None) -> VersionReport:
        with self._lock:
            if row is not None and (row.is_published or self._can_come_back(row)):
                return self._keep(wanted, row)
        refusal = standing_refusal(wanted, row, self._tools)
        if refusal is not None:
            return failed_report(wanted, refusal)
        made = make(wanted, row, Means(self._ahead.fetch, self._carry_out), self._tools)
        with self._lock:
            self._made[wanted.release.text] = made
        return row_report(made.row, Status.ADDED if made.error is None else Status.FAILED, made.error)

    def _carry_out(self, task: Task) -> Done:
        """Have a commit made by a worker process, or here where there is none."""
        try:
            return self._shift.make(task)
        except NoWorkerError:
            with self._lock:
                return carry_out(task, self._batch.pack)

    def _new_pack(self) -> NewPack:
        with self._lock:
            batch = self._batch
            return NewPack(path=batch.new_path(), folder=batch.packs_folder, known=batch.known_packs, sync=batch.is_durable)

    def _check(self) -> None:
        self._tools.check(f"making versions of {self._repository.name}")

    def _enter(self, brought: list[Wanted]) -> None:
        """Enter into the batch what is sure to be in its packs, in the order in which it was asked for."""
        self.reports = {one.release.text: self.reports[one.release.text] for one in brought}
        self._made = {text: self._made[text] for text in self.reports if text in self._made}
        for made in self._made.values():
            self._batch.add(made.row)
        enter_claims((one for one in brought if self.reports[one.release.text].error is None), self._batch)

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
        with self._lock:
            self.reports[report.version] = report
