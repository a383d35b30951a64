"""Worker processes, as many as are of use, and who gets which."""

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final

from attrs import define

from pydeps_host.processes.worker import Worker

# To start two workers costs 0.3 s of processor time, as much as 8 MiB of archives do. Below that they gain nothing.
_WORTH_BYTES: Final = 16 << 20
# A worker that dies and takes no version with it dies of something else, which the next one will die of too.
_MOST_DEATHS: Final = 3
# How often who waits for a worker looks whether to go on waiting.
_LOOK_SECONDS: Final = 0.05


class NoWorkerError(Exception):
    """Worker processes are not to be had, or are not worth it: do the work in this process."""


@define(eq=False)
class _Waiter:
    """Who waits for a worker, how one is chosen for it, and which it was."""

    choose: Callable[[], Worker | None]
    worker: Worker | None = None


class Pool:
    """The worker processes of one sync.

    None is started before there is work enough for them to be worth it. Threads may share it.

    Attributes:
        size: The most workers; below two there are none.
    """

    def __init__(self, size: int, *, projects: int = 1, start: Callable[[], Worker] = Worker) -> None:
        """Say how many there may be.

        Args:
            size: The most workers; below two there are none.
            projects: How many projects there are to be worked on.
            start: Starts one; raises `OSError` where that cannot be done.
        """
        self.size: int = size
        self._start = start
        self._changed = threading.Condition()
        self._workers: list[Worker] = []
        self._waiters: list[_Waiter] = []
        self._expected = 0
        self._projects = projects
        self._done: set[str] = set()
        self._deaths = 0
        self._closed = size < 2

    def expect(self, size: int) -> None:
        """Say that files of so many bytes are going to be read; enough of them start the workers."""
        with self._changed:
            self._expected += size
            if not self._closed and self._expected >= _WORTH_BYTES:
                self._fill()

    def done(self, project: str) -> None:
        """Say that a project has nothing more to make, and leaves its workers to the others; it may be said twice."""
        with self._changed:
            self._done.add(project)

    @property
    def most(self) -> int:
        """How many versions a project will ever be able to make at a time, as things stand."""
        return max(1, len(self._workers))

    def room(self) -> int:
        """Return how many versions a project may make at a time: more than one where there are more workers than projects left."""
        with self._changed:
            return max(1, ceil(len(self._workers) / max(1, self._projects - len(self._done))))

    @contextmanager
    def worker(self, batch: object, check: Callable[[], object]) -> Iterator[Worker]:
        """Wait for a worker that has nothing to do, and have it for the block.

        A batch keeps to one, so that what its versions share is written once; a second one writes for it
        only while the first is busy, and only where no other batch has a use for it. Who waits longer goes first.

        Args:
            batch: Which batch, so that it gets the worker again that writes a pack of it already.
            check: Called while there is none that has nothing to do; what it raises ends the wait.

        Raises:
            NoWorkerError: There is none, and there will be none.
        """
        with self._handed(lambda: self._choose(batch), check) as worker:
            yield worker

    @contextmanager
    def turn(self, workers: Collection[Worker], check: Callable[[], object]) -> Iterator[Worker]:
        """Wait until one of some workers has nothing to do, and have it for the block.

        Args:
            workers: Which; they may have died.
            check: Called while all are busy; what it raises ends the wait.
        """
        with self._handed(lambda: next((worker for worker in workers if not worker.is_busy), None), check) as worker:
            yield worker

    def release(self, batch: object, *workers: Worker) -> None:
        """Say that a batch has no pack any more at these workers, or at none of all where none is named."""
        with self._changed:
            for worker in workers or self._workers:
                worker.batches.discard(batch)
            self._hand_out()

    def bury(self, worker: Worker, *, began: bool, guilty: bool) -> None:
        """Say that a worker died; another one takes its place.

        Args:
            worker: The worker.
            began: Whether it ever was at work; where it was not, nor would another one be.
            guilty: Whether it died of a task, so that another one may live.
        """
        with self._changed:
            if worker not in self._workers:
                return
            self._workers.remove(worker)
            self._deaths += not guilty
            if not began or self._deaths >= _MOST_DEATHS:
                self._closed = True
            self._hand_out()

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        with self._changed:
            self._closed = True
            workers, self._workers = self._workers, []
            self._hand_out()
        for worker in workers:
            worker.end()

    def _choose(self, batch: object) -> Worker | None:
        """Return a worker that may do something for a batch now, or None where each that may is busy."""
        if self._closed or self._expected < _WORTH_BYTES:
            raise NoWorkerError
        self._fill()
        if self._closed:
            raise NoWorkerError
        own = [worker for worker in self._workers if batch in worker.batches]
        free = [worker for worker in self._workers if not worker.batches]
        idle = [worker for worker in own or self._workers if not worker.is_busy] or [worker for worker in free if not worker.is_busy]
        worker = min(idle, key=_burden, default=None)
        if worker is not None:
            worker.batches.add(batch)
        return worker

    @contextmanager
    def _handed(self, choose: Callable[[], Worker | None], check: Callable[[], object]) -> Iterator[Worker]:
        """Wait until a worker is chosen, and have it for the block.

        Who gives a worker back hands it to the next one that waits: it would be sooner awake, and take it again.
        """
        waiter = _Waiter(choose)
        try:
            with self._changed:
                self._waiters.append(waiter)
                self._hand_out()
                while waiter in self._waiters:
                    self._changed.wait(_LOOK_SECONDS)
                    check()
            if waiter.worker is None:
                raise NoWorkerError
            yield waiter.worker
        finally:
            with self._changed:
                self._take_back(waiter)

    def _hand_out(self) -> None:
        """Give workers to those who wait, in the order in which they came."""
        for waiter in tuple(self._waiters):
            try:
                waiter.worker = waiter.choose()
            except NoWorkerError:
                self._waiters.remove(waiter)
            else:
                if waiter.worker is not None:
                    waiter.worker.is_busy = True
                    self._waiters.remove(waiter)
        self._changed.notify_all()

    def _take_back(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        if waiter.worker is not None:
            waiter.worker.is_busy = False
            self._hand_out()

    def _fill(self) -> None:
        """Start what is missing."""
        try:
            while len(self._workers) < self.size:
                self._workers.append(self._start())
        except OSError:
            self.size = len(self._workers)
            self._closed = not self._workers


def _burden(worker: Worker) -> int:
    return len(worker.batches)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
