"""The versions of one batch, made by workers."""

import threading
from collections.abc import Callable
from typing import cast

from attrs import define, field

from pydeps_host.errors import WorkerDiedError
from pydeps_host.git import FinishedPack
from pydeps_host.processes.pool import Pool
from pydeps_host.processes.task import Answer, Done, Drop, Failed, Finish, Make, Message, NewPack, Task
from pydeps_host.processes.worker import Worker, WorkerLostError


@define
class _Open:
    """A pack that a worker is writing, and the versions in it."""

    pack: NewPack
    versions: set[str] = field(factory=set)


class Shift:
    """The packs of one batch, one for each worker that writes for it. Threads may share it."""

    def __init__(self, pool: Pool, begin: Callable[[], NewPack], check: Callable[[], object]) -> None:
        """Begin without a worker.

        Args:
            pool: Where workers are had.
            begin: Returns what a pack of the batch is to be; called by one thread at a time.
            check: Called while workers are waited for; what it raises ends the wait.
        """
        self._pool = pool
        self._begin = begin
        self._check = check
        self._lock = threading.Lock()
        self._packs: dict[Worker, _Open] = {}
        self._finished: list[FinishedPack] = []
        self._lost: set[str] = set()

    def make(self, task: Task) -> Done:
        """Have a task carried out.

        Raises:
            WorkerDiedError: The worker died of it; `lost` tells what else went with it.
            NoWorkerError: There is no worker that could do it.
            ArchiveError, DiskError: As `carry_out`.
        """
        while True:
            with self._pool.worker(self, self._check) as worker:
                try:
                    return self._made(worker, task)
                except WorkerLostError as lost:
                    with self._lock:
                        opened = self._packs.pop(worker, None)
                    self._lose(worker, opened, began=lost.began, guilty=lost.at_work)
                    if lost.at_work:
                        raise WorkerDiedError(task.what, str(lost)) from None

    def finish(self, *, but: int = 0) -> None:
        """Complete packs, each as soon as its worker has nothing else to do.

        `finished` tells the packs, `lost` the versions of those that could not be completed, because their worker died.

        Args:
            but: How many to leave open, for versions that are still under way.

        Raises:
            DiskError: The disk refuses.
        """
        while workers := self._beyond(but):
            with self._pool.turn(workers, self._check) as worker:
                with self._lock:
                    # Others may have completed it, or as many as may be, while this one waited for its turn.
                    opened = self._packs.pop(worker, None) if len(self._packs) > but else None
                if opened is not None:
                    self._complete(worker, opened)

    def finished(self) -> tuple[FinishedPack, ...]:
        """Return the packs that were completed."""
        with self._lock:
            return tuple(self._finished)

    def lost(self) -> set[str]:
        """Return the versions that have to be made again, each once."""
        with self._lock:
            lost, self._lost = self._lost, set()
            return lost

    def close(self) -> None:
        """Drop what was not finished; its versions are lost."""
        with self._lock:
            packs, self._packs = self._packs, {}
            self._lost.update(*(opened.versions for opened in packs.values()))
        for worker, opened in packs.items():
            worker.tell(Drop(opened.pack))
        # Of all: one was perhaps chosen for a pack that could not be begun, or could not be completed.
        self._pool.release(self)

    def _made(self, worker: Worker, task: Task) -> Done:
        with self._lock:
            if worker not in self._packs:
                self._packs[worker] = _Open(self._begin())
            opened = self._packs[worker]
        done = cast("Done", self._ask(worker, Make(opened.pack, task)))
        with self._lock:
            opened.versions.add(task.subject.text)
        return done

    def _ask(self, worker: Worker, message: Message) -> Answer:
        answer = worker.ask(message, self._check)
        if isinstance(answer, Failed):
            raise answer.problem
        return answer

    def _beyond(self, but: int) -> tuple[Worker, ...]:
        """Return the workers that write packs, or none where there are not more than so many."""
        with self._lock:
            return tuple(self._packs) if len(self._packs) > but else ()

    def _complete(self, worker: Worker, opened: _Open) -> None:
        try:
            pack = cast("FinishedPack | None", self._ask(worker, Finish(opened.pack)))
        except WorkerLostError as lost:
            self._lose(worker, opened, began=lost.began, guilty=False)
            return
        self._pool.release(self, worker)
        with self._lock:
            self._finished += [pack] if pack is not None else ()

    def _lose(self, worker: Worker, opened: _Open | None, *, began: bool, guilty: bool) -> None:
        self._pool.bury(worker, began=began, guilty=guilty)
        with self._lock:
            self._lost |= opened.versions if opened is not None else frozenset()
