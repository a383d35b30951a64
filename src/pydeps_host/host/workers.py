"""Several projects at a time, on threads that hold nobody up."""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class Workers(Generic[_Task, _Result]):
    """Threads that work through tasks and hand back results as they end.

    The threads are daemons: one that waits for a name server, which nothing can
    interrupt, must not keep a process alive that was told to end. What they write
    can be cut off at any time.
    """

    def __init__(self, tasks: Sequence[_Task], work: Callable[[_Task], _Result], *, jobs: int) -> None:
        self._count = len(tasks)
        self._tasks = iter(tasks)
        self._work = work
        self._lock = threading.Lock()
        self._ended: SimpleQueue[tuple[_Result | None, BaseException | None]] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=f"pydeps-host-{n}", daemon=True) for n in range(min(jobs, len(tasks)))]

    def results(self) -> Iterator[_Result]:
        """Start, and yield each result as its task ends.

        Raises:
            BaseException: Whatever a task raised first.
        """
        for thread in self._threads:
            thread.start()
        for _ in range(self._count):
            result, problem = self._ended.get()
            if problem is not None:
                raise problem
            yield result  # type: ignore[misc] # a result is None only where the work returns None

    def join(self, seconds: float | None = None) -> None:
        """Begin no further task, and wait for those under way.

        Args:
            seconds: How long to wait for each thread at most; None waits to the end.
        """
        with self._lock:
            self._tasks = iter(())
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                task = next(self._tasks, None)
            if task is None:
                return
            try:
                self._ended.put((self._work(task), None))
            except BaseException as problem:  # noqa: BLE001 - handed to the thread that waits for it
                self._ended.put((None, problem))
                return
