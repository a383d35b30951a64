"""Ends work that goes on in the thread of whoever waits for it.

To have another thread do a request and to wait for it costs half as much as the
request itself, over a connection that is open already: the two wake each other,
and each finds the processor's memory full of the other's. So such a request stays
where it is, and one thread for all of them sees to it that it ends in time.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from pydeps_host.transport.threads import in_new_thread

WATCHING: Final = "pydeps-host-watching"
# How long the thread stays where there is nothing to look after.
_IDLE_SECONDS: Final = 5.0
# Work that was told to end is told again after this: it may have been between two steps, where nothing could be ended.
_AGAIN_SECONDS: Final = 0.02


@frozen(eq=False)
class _Watched:
    """Work that is under way.

    Attributes:
        look: Returns the seconds after which to look again, None for never; raises what ends the work.
        end: Is told what that is.
    """

    look: Callable[[], float | None]
    end: Callable[[Exception], object]


class Watch:
    """Looks after work in other threads, from a thread that is there while there is some; safe to share."""

    def __init__(self) -> None:
        self._begin_anew()
        self._closed = False

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        # Reentrant: a signal handler that ends everything may run in the thread that holds it.
        self._changed = threading.Condition()
        self._under_way: set[_Watched] = set()
        # When the thread looks next, in seconds of `time.monotonic()`; None where there is no thread.
        self._next: float | None = None

    @contextmanager
    def over(self, look: Callable[[], float | None], end: Callable[[Exception], object]) -> Iterator[None]:
        """Look after what is done in the block.

        Args:
            look: Returns the seconds after which it is called again, None for never, and raises what ends the work.
                Called here first, then by another thread.
            end: Is called by another thread, with what `look` raised, and again and again until the block is left.
        """
        if self._process != os.getpid():
            # A fork takes no threads along, and a lock in the state it was in.
            self._begin_anew()
        watched, seconds = _Watched(look, end), look()
        with self._changed:
            if self._next is None:
                in_new_thread(self._run, name=WATCHING)
                self._next = 0.0
            self._under_way.add(watched)
            if seconds is not None and time.monotonic() + seconds < self._next:
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._under_way.discard(watched)

    def wake(self) -> None:
        """Look at everything now."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread once nothing is under way."""
        self._closed = True
        self.wake()

    def _run(self) -> None:
        with self._changed:
            was_idle = False
            while self._under_way or not (was_idle or self._closed):
                was_idle = not self._under_way
                seconds = min(map(_looked_at, self._under_way), default=_IDLE_SECONDS)
                self._next = time.monotonic() + seconds
                self._changed.wait(seconds)
            self._next = None


def _looked_at(one: _Watched) -> float:
    """Look once, and return the seconds after which to do so again."""
    try:
        seconds = one.look()
    except Exception as reason:  # noqa: BLE001 - told to the thread that it ends
        one.end(reason)
        return _AGAIN_SECONDS
    return _IDLE_SECONDS if seconds is None else seconds
