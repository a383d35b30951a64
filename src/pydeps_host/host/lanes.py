"""Several versions of one project at a time."""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

_Task = TypeVar("_Task")

# How soon a helper finds out that there is room for it.
_LOOK_SECONDS: Final = 0.02


class Lanes(Generic[_Task]):
    """Works through what is left in the calling thread, and in helping ones as soon as there is room for them."""

    def __init__(
        self,
        left: deque[_Task],
        work: Callable[[_Task], object],
        *,
        goes_on: Callable[[int], bool],
        conclude: Callable[[int], object],
    ) -> None:
        """Say what is to be done.

        Args:
            left: Tasks are taken from its left.
            work: Does one; called by several threads at a time.
            goes_on: Whether to begin one more, while so many are under way.
            conclude: Called by each thread once it has nothing more to begin, while so many are still under way in others;
                not after a failure. The last to call it is told that none is.
        """
        self._left = left
        self._work = work
        self._goes_on = goes_on
        self._conclude = conclude
        self._lock = threading.RLock()
        self._busy = 0
        self._over = threading.Event()
        self._problem: BaseException | None = None

    def run(self, room: Callable[[], int], *, most: int) -> None:
        """Work until nothing is left, or no more is to be begun.

        Args:
            room: How many threads may be at work now.
            most: How many there will ever be.

        Raises:
            BaseException: Whatever the work or the conclusion raised first; nothing was begun after that.
        """
        name = threading.current_thread().name
        helpers = [
            threading.Thread(target=self._go, args=(partial(_has_room, room, number),), name=f"{name}-{number}", daemon=True)
            for number in range(2, min(most, len(self._left)) + 1)
        ]
        try:
            for helper in helpers:
                helper.start()
            self._go(lambda: True)
        except BaseException as problem:  # noqa: BLE001 - raised below, once nobody is at work any more
            self._fail(problem)
        finally:
            self._over.set()
            for helper in helpers:
                # One that the system did not let start is not waited for.
                if helper.ident is not None:
                    helper.join()
        if self._problem is not None:
            raise self._problem

    def _go(self, has_room: Callable[[], bool]) -> None:
        """Do tasks until no more is to be begun, and conclude."""
        try:
            while not self._over.is_set():
                if not has_room():
                    self._over.wait(_LOOK_SECONDS)
                elif not self._step():
                    break
            with self._lock:
                busy, has_failed = self._busy, self._problem is not None
            if not has_failed:
                self._conclude(busy)
        except BaseException as problem:  # noqa: BLE001 - raised in the calling thread
            self._fail(problem)

    def _step(self) -> bool:
        """Do one task, and tell whether there was one to do."""
        with self._lock:
            if self._problem is not None or not self._left or not self._goes_on(self._busy):
                return False
            task = self._left.popleft()
            self._busy += 1
        problem: BaseException | None = None
        try:
            self._work(task)
        except BaseException as raised:  # noqa: BLE001 - raised in the calling thread
            problem = raised
        with self._lock:
            self._busy -= 1
            if problem is not None:
                self._fail(problem)
        return True

    def _fail(self, problem: BaseException) -> None:
        with self._lock:
            self._problem = self._problem or problem


def _has_room(room: Callable[[], int], number: int) -> bool:
    return room() >= number
