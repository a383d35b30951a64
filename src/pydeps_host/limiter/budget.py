"""A budget that all threads of a host share."""

import threading
import time
from itertools import chain

from attrs import frozen

from pydeps_host.errors import DeadlineError
from pydeps_host.limiter.asking import DOING, Ask, Priority
from pydeps_host.limiter.bucket import Bucket


@frozen(eq=False)
class _Ticket:
    """A place in the queue."""

    ask: Ask
    turn: threading.Condition


class Budget:
    """A token bucket: `burst` requests may go out at once, then the average holds.

    Whoever finds it empty queues: `WAITED_FOR` before `BULK`, but by turns where
    both wait, so that what is waited for takes at most half of the budget from what
    runs in bulk; first come first served within each. Only the head of the queue
    looks at the bucket, so nobody spends out of turn, and whoever gives up has
    spent nothing. There is no thread behind it.
    """

    def __init__(self, *, requests_per_hour: float, burst: int = 100) -> None:
        """Make a full bucket.

        Args:
            requests_per_hour: Any finite number above 0, a fraction of one included.
            burst: How many requests may go out at once.

        Raises:
            UsageError: The rate or the burst is none.
        """
        self._bucket = Bucket(requests_per_hour, burst)
        self._started = time.monotonic_ns()
        # Reentrant: a signal handler that sets a Stop may run while its thread holds it.
        self._lock = threading.RLock()
        # In the order of their arrival.
        self._waited_for: list[_Ticket] = []
        self._bulk: list[_Ticket] = []
        # Whether somebody went before bulk work that waits, and it is the turn of that now.
        self._is_turn_of_bulk: bool = False

    def acquire(self, ask: Ask, /) -> float:
        """Wait for the right to send one request, and spend it; see `Limiter.acquire`."""
        began = time.monotonic()
        self._bucket.load()
        ticket = _Ticket(ask, threading.Condition(self._lock))
        forget = ask.stop.on_set(lambda: self._wake(ticket)) if ask.stop is not None else _nothing
        try:
            with self._lock:
                self._join(ticket)
                estimate = self._serve(ticket)
            if estimate is None:
                return 0.0
            if ask.on_wait is not None:
                ask.on_wait(estimate)
            self._wait(ticket)
        finally:
            forget()
            self._leave(ticket)
        return time.monotonic() - began

    def _join(self, ticket: _Ticket) -> None:
        self._line_of(ticket).append(ticket)
        queue = self._queue
        # Those behind may no longer meet their deadlines: they look again.
        for later in queue[queue.index(ticket) + 1 :]:
            later.turn.notify()

    def _wait(self, ticket: _Ticket) -> None:
        deadline = ticket.ask.deadline
        with self._lock:
            while (estimate := self._serve(ticket)) is not None:
                if self._queue[0] is ticket:
                    ticket.turn.wait(estimate)
                else:
                    # Woken when it becomes the head, or somebody goes before it.
                    ticket.turn.wait(None if deadline is None else deadline - time.monotonic())

    def _serve(self, ticket: _Ticket) -> float | None:
        """Spend a request if it is this ticket's turn and there is one; else return the seconds to wait."""
        ticket.ask.check()
        place = self._queue.index(ticket)
        now = time.monotonic_ns() - self._started
        if place == 0 and self._bucket.take(now):
            # At once, so that whoever comes next does not find a queue without a reason.
            self._is_turn_of_bulk = ticket in self._waited_for
            self._leave(ticket)
            return None
        estimate = self._bucket.delay(now, place + 1)
        if ticket.ask.deadline is not None and time.monotonic() + estimate > ticket.ask.deadline:
            raise DeadlineError(DOING)
        return estimate

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            line = self._line_of(ticket)
            if ticket in line:
                line.remove(ticket)
            # Only bulk work that waits has a turn.
            self._is_turn_of_bulk = self._is_turn_of_bulk and bool(self._bulk)
            if queue := self._queue:
                queue[0].turn.notify()

    @property
    def _queue(self) -> list[_Ticket]:
        """Everybody who waits, as they are served: the two lines take turns while both last."""
        first, second = (self._bulk, self._waited_for) if self._is_turn_of_bulk else (self._waited_for, self._bulk)
        both = min(len(first), len(second))
        return [*chain.from_iterable(zip(first, second, strict=False)), *first[both:], *second[both:]]

    def _line_of(self, ticket: _Ticket) -> list[_Ticket]:
        return self._waited_for if ticket.ask.priority is Priority.WAITED_FOR else self._bulk

    def _wake(self, ticket: _Ticket) -> None:
        with self._lock:
            ticket.turn.notify()


def _nothing() -> None:
    """Forget nothing: what an ask without a stop has to forget."""
