"""Work that whoever waits for it can walk away from.

Looking up a name, making a connection, a TLS handshake and a read all block in
the operating system, where neither a deadline nor a Stop reaches them. So a
request's work runs in a thread of its own for as long as it lasts, and the
caller waits for it in a way that anything can end. Only what a socket that is
shut ends at once may stay in the caller's thread, with somebody else to shut it.
"""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from pydeps_host.errors import ClosedError, DeadlineError, forget_locals
from pydeps_host.limiter import Stop
from pydeps_host.transport.threads import Work, in_new_thread
from pydeps_host.transport.watch import Watch

T = TypeVar("T")


class AbandonedError(Exception):
    """Tells the work that nobody waits for it any more; it never reaches a caller."""


@frozen
class Patience:
    """What ends a caller's wait before the work is done.

    Attributes:
        stop: Ends it when it is set.
        deadline: Ends it then, in seconds of `time.monotonic()`.
        doing: What is waited for, for the error.
    """

    stop: Stop
    deadline: float | None
    doing: str

    def remaining(self) -> float | None:
        """Return the seconds that are left, None where there is no deadline.

        Raises:
            ClosedError: The stop is set.
            DeadlineError: The deadline has passed.
        """
        if self.stop.is_set():
            raise ClosedError(self.doing)
        if self.deadline is None:
            return None
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise DeadlineError(self.doing)
        return seconds

    def sleep(self, seconds: float) -> None:
        """Wait; at once refused where the deadline comes first.

        Raises:
            ClosedError: The stop was set.
            DeadlineError: The deadline would pass meanwhile.
        """
        remaining = self.remaining()
        if remaining is not None and seconds > remaining:
            raise DeadlineError(self.doing)
        if self.stop.wait(seconds):
            raise ClosedError(self.doing)


class Call(Generic[T]):
    """One piece of work and the wait for it."""

    def __init__(self, work: Callable[["Call[T]"], T], *, run: Callable[[Work], None] = in_new_thread) -> None:
        """Prepare; nothing runs yet.

        Args:
            work: Is given the call, for `guarded` and `on_abandon`.
            run: Runs something in another thread, and returns at once.
        """
        self._work = work
        self._start = run
        # Reentrant: a signal handler that sets the Stop runs in the thread that holds it.
        self._condition = threading.Condition(threading.RLock())
        self._abandoned = False
        self._reason: Exception | None = None
        self._at_abandon: list[Callable[[], None]] = []
        self._done = False
        self._value: T | None = None
        self._problem: BaseException | None = None

    def result(self, patience: Patience, check: Callable[[], float | None] = lambda: None) -> T:
        """Start the work, wait, and return what it returns or raise what it raises.

        Whatever else ends the wait, Ctrl-C among it, abandons the work: once
        this method has left, nothing that is `guarded` runs.

        Args:
            patience: What ends the wait.
            check: Raises what ends the wait as well; returns the seconds after which it is asked again, None for never.
        """
        forget = patience.stop.on_set(self._wake)
        try:
            self._start(self._run)
            with self._condition:
                while not self._done:
                    self._condition.wait(_sooner(patience.remaining(), check()))
        except BaseException:
            self._abandon()
            raise
        finally:
            forget()
        return self._outcome()

    def here(self, patience: Patience, check: Callable[[], float | None], watch: Watch) -> T:
        """Do the work in this thread, and return what it returns or raise what it raises.

        Not for the main thread, in which Ctrl-C would cut it off anywhere.

        Args:
            patience: What ends the work.
            check: As that of `result`.
            watch: Ends it: what is there for `on_abandon` is called until it does end.
        """
        with watch.over(lambda: _sooner(patience.remaining(), check()), self._end):
            self._run()
        if self._problem is not None and self._reason is not None:
            self._problem = self._reason
        return self._outcome()

    def _outcome(self) -> T:
        problem, self._problem = self._problem, None
        if problem is not None:
            try:
                raise problem
            finally:
                # The traceback holds this frame: without this, a cycle keeps both alive.
                del problem
        return self._value  # type: ignore[return-value]  # It is done without a problem, so it is a T.

    def guarded(self, effect: Callable[[], object]) -> None:
        """Do something to what belongs to the caller, unless the caller has left.

        Raises:
            AbandonedError: It has; the effect was not had.
        """
        with self._condition:
            if self._abandoned:
                raise AbandonedError
            effect()

    def on_abandon(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the caller leaves, so that the work ends soon; it may be called again."""
        with self._condition:
            self._at_abandon.append(callback)
            if not self._abandoned:
                return
        callback()

    def _run(self) -> None:
        try:
            value, problem = self._work(self), None
        except BaseException as raised:  # noqa: BLE001  # It is raised again where it is waited for.
            # Its frames hold what came and what was sent, and a traceback may be shown with every variable.
            forget_locals(raised)
            value, problem = None, raised
        with self._condition:
            self._done, self._value, self._problem = True, value, problem
            self._condition.notify_all()

    def _abandon(self) -> None:
        with self._condition:
            self._abandoned = True
            callbacks = tuple(self._at_abandon)
        for callback in callbacks:
            callback()

    def _end(self, reason: Exception) -> None:
        """End work in the caller's thread; called by another one, until it has ended."""
        self._reason = self._reason or reason
        # Without the lock: nobody leaves, and who holds it may be writing to a slow disk, or closing everything.
        self._abandoned = True
        for callback in tuple(self._at_abandon):
            callback()

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)
