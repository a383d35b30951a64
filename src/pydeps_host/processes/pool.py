"""Worker processes, as many as are of use, and who gets which."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final

from pydeps_host.processes.worker import Worker

# To start two workers costs 0.3 s of processor time, as much as 8 MiB of archives do. Below that they gain nothing.
_WORTH_BYTES: Final = 16 << 20
# A worker that dies and takes no version with it dies of something else, which the next one will die of too.
_MOST_DEATHS: Final = 3


class NoWorkerError(Exception):
    """Worker processes are not to be had, or are not worth it: do the work in this process."""


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
        self._lock = threading.Lock()
        self._workers: list[Worker] = []
        self._expected = 0
        self._projects = projects
        self._deaths = 0
        self._closed = size < 2

    def expect(self, size: int) -> None:
        """Say that files of so many bytes are going to be read; enough of them start the workers."""
        with self._lock:
            self._expected += size
            if not self._closed and self._expected >= _WORTH_BYTES:
                self._fill()

    def done(self) -> None:
        """Say that one of the projects is done, and leaves its workers to the others."""
        with self._lock:
            self._projects -= 1

    @property
    def most(self) -> int:
        """How many versions a project will ever be able to make at a time, as things stand."""
        return max(1, len(self._workers))

    def room(self) -> int:
        """Return how many versions a project may make at a time: more than one where there are more workers than projects left."""
        with self._lock:
            return max(1, ceil(len(self._workers) / max(1, self._projects)))

    @contextmanager
    def worker(self, batch: object) -> Iterator[Worker]:
        """Choose a worker for the block: one for each batch, so that what versions share is written once.

        A second one writes for a batch only where nobody else has a use for it.

        Args:
            batch: Which batch, so that it gets the worker again that writes a pack of it already.

        Raises:
            NoWorkerError: There is none.
        """
        with self._lock:
            worker = self._choose(batch)
            worker.waiting += 1
        try:
            yield worker
        finally:
            with self._lock:
                worker.waiting -= 1

    def release(self, batch: object, *workers: Worker) -> None:
        """Say that a batch has no pack any more at these workers, or at none of all where none is named."""
        with self._lock:
            for worker in workers or self._workers:
                worker.batches.discard(batch)

    def bury(self, worker: Worker, *, began: bool, guilty: bool) -> None:
        """Say that a worker died; another one takes its place.

        Args:
            worker: The worker.
            began: Whether it ever was at work; where it was not, nor would another one be.
            guilty: Whether it died of a task, so that another one may live.
        """
        with self._lock:
            if worker not in self._workers:
                return
            self._workers.remove(worker)
            self._deaths += not guilty
            if not began or self._deaths >= _MOST_DEATHS:
                self._closed = True

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        with self._lock:
            self._closed = True
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.end()

    def _choose(self, batch: object) -> Worker:
        if self._closed or self._expected < _WORTH_BYTES:
            raise NoWorkerError
        self._fill()
        if self._closed:
            raise NoWorkerError
        own = [worker for worker in self._workers if batch in worker.batches]
        idle = [worker for worker in own if not worker.waiting]
        free = [worker for worker in self._workers if not worker.batches]
        if idle or (own and not free):
            return min(idle or own, key=_burden)
        worker = min(free or self._workers, key=_burden)
        worker.batches.add(batch)
        return worker

    def _fill(self) -> None:
        """Start what is missing."""
        try:
            while len(self._workers) < self.size:
                self._workers.append(self._start())
        except OSError:
            self.size = len(self._workers)
            self._closed = not self._workers


def _burden(worker: Worker) -> tuple[int, int]:
    return worker.waiting, len(worker.batches)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
