"""Several projects at a time, on threads that hold nobody up."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

from attrs import frozen

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

# How long a task may take before the next one begins beside it. Threads that compute at once hand the interpreter to
# each other at every look at the disk, which costs more than the look: a project that is as it should be and whose
# index is near takes half of the time alone. One that waits for something is not waited for.
_ALONE_SECONDS: Final = 0.005
# How long the first may take: it loads what all need, and makes the connection that those after it use. What begins
# beside it does the same once more, and whoever asks over one of several open connections has to look at all of them.
_FIRST_SECONDS: Final = 0.2

# How long after some results the next are gathered before they are handed on: to wake another thread for each costs both.
_GATHER_SECONDS: Final = 0.02


@frozen(eq=False)
class _Begun(Generic[_Task]):
    """A task that was taken, and until when it is alone if it does not end, in seconds of `time.monotonic()`."""

    task: _Task
    until: float


class Workers(Generic[_Task, _Result]):
    """Threads that work through tasks and hand back results as they end.

    A task begins once the one before it has ended, or has taken a while. The threads are
    daemons: one that waits for a name server, which nothing can interrupt, must not keep a
    process alive that was told to end. What they write can be cut off at any time.
    """

    def __init__(self, tasks: Sequence[_Task], work: Callable[[_Task], _Result], *, jobs: int, first_loads: bool = True) -> None:
        """Take what is to be done.

        Args:
            tasks: They begin in this order.
            work: Does one.
            jobs: How many threads there are at most.
            first_loads: Whether the first task loads and makes what those after it use, so that they wait a longer while for it.
        """
        self._first_seconds = _FIRST_SECONDS if first_loads else _ALONE_SECONDS
        self._count = len(tasks)
        self._tasks = iter(tasks)
        self._work = work
        self._lock = threading.Lock()
        # Where all wait but the one who is to begin next.
        self._door = threading.Lock()
        self._latest: _Begun[_Task] | None = None
        self._ended: SimpleQueue[tuple[_Result | None, BaseException | None]] = SimpleQueue()
        self._left = len(tasks)
        # There is nothing more to gather: one has failed, or it was the last.
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"pydeps-host-{n}", daemon=True) for n in range(min(jobs, len(tasks)))]

    def results(self) -> Iterator[_Result]:
        """Start, and yield each result within moments of its task's end.

        Raises:
            BaseException: Whatever a task raised first.
        """
        for thread in self._threads:
            thread.start()
        handed_on = 0.0
        for _ in range(self._count):
            if self._ended.empty():
                self._over.wait(max(0.0, handed_on + _GATHER_SECONDS - time.monotonic()))
            result, problem = self._ended.get()
            if problem is not None:
                raise problem
            handed_on = time.monotonic()
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
        begun = self._turn()
        while begun is not None:
            try:
                self._hand_back(self._work(begun.task), None)
            except BaseException as problem:  # noqa: BLE001 - handed to the thread that waits for it
                self._hand_back(None, problem)
                return
            begun = self._next(begun) or self._turn()

    def _hand_back(self, result: _Result | None, problem: BaseException | None) -> None:
        self._ended.put((result, problem))
        with self._lock:
            self._left -= 1
            if problem is not None or not self._left:
                self._over.set()

    def _turn(self) -> _Begun[_Task] | None:
        """Wait until a task may begin, and begin it; None where none is left."""
        with self._door:
            while True:
                with self._lock:
                    seconds = 0.0 if self._latest is None else self._latest.until - time.monotonic()
                    if seconds <= 0:
                        return self._begin()
                time.sleep(seconds)

    def _next(self, ended: _Begun[_Task]) -> _Begun[_Task] | None:
        """Begin another task in the place of one that has ended; None where it is another thread's turn, or none is left."""
        with self._lock:
            return self._begin() if self._latest is ended else None

    def _begin(self) -> _Begun[_Task] | None:
        alone = self._first_seconds if self._latest is None else _ALONE_SECONDS
        task = next(self._tasks, None)
        self._latest = None if task is None else _Begun(task, time.monotonic() + alone)
        return self._latest
