"""Threads for work that may get stuck in the operating system.

To start a thread costs as much as most of a request over a connection that is
open already. So one whose work is done waits a while for more.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final

Work = Callable[[], None]

AT_WORK: Final = "pydeps-host-request"
_WAITING: Final = "pydeps-host-waiting"
# How long a thread waits for more work before it ends.
_IDLE_SECONDS: Final = 5.0


def in_new_thread(work: Work, *, name: str = AT_WORK) -> None:
    """Run `work` in a thread that ends with it; a daemon, since nothing can interrupt what it is stuck in."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Threads:
    """As many threads as there is work at once, each for one piece of it at a time; started when they are needed."""

    def __init__(self) -> None:
        # Of each thread that waits, where it takes its work from: the one that came last is the first to go.
        self._waiting: deque[SimpleQueue[Work | None]] = deque()
        self._process = os.getpid()
        self._closed = False

    def run(self, work: Work) -> None:
        """Run `work`, which raises nothing, in a thread that does nothing else meanwhile; return at once."""
        if self._process != os.getpid():
            # A fork takes no threads along.
            self._process, self._waiting = os.getpid(), deque()
        try:
            inbox = self._waiting.pop()
        except IndexError:
            inbox = SimpleQueue()
            in_new_thread(partial(self._serve, inbox))
        inbox.put(work)

    def close(self) -> None:
        """End the threads that wait, now, and the others when their work is done."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._waiting.pop().put(None)

    def _serve(self, inbox: "SimpleQueue[Work | None]") -> None:
        thread = threading.current_thread()
        work = inbox.get()
        while work is not None:
            thread.name = AT_WORK
            work()
            # A thread that waits must not keep alive what its work has held.
            del work
            thread.name = _WAITING
            work = self._next(inbox)

    def _next(self, inbox: "SimpleQueue[Work | None]") -> Work | None:
        """Wait for more work; None is the end."""
        self._waiting.append(inbox)
        try:
            return inbox.get(timeout=0 if self._closed else _IDLE_SECONDS)
        except Empty:
            pass
        try:
            self._waiting.remove(inbox)
        except ValueError:
            # Whoever took it a moment ago is about to put something in.
            return inbox.get()
        return None
