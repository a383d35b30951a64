"""What a budget is asked, and who can be asked."""

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from attrs import frozen

from pydeps_host.errors import ClosedError, DeadlineError
from pydeps_host.limiter.stop import Stop

DOING = "waiting for the request budget"


class Priority(IntEnum):
    """Who goes first where requests have to wait; lower goes first."""

    WAITED_FOR = 0
    BULK = 1


@frozen(kw_only=True)
class Ask:
    """One request that wants to go out.

    Attributes:
        priority: What goes first.
        deadline: When to give up, in seconds of `time.monotonic()`; None waits as long as it takes.
        stop: What ends the wait.
        on_wait: Called once with the estimated seconds before the wait begins, in the asking
            thread and with no lock held; what it raises ends the wait.
    """

    priority: Priority = Priority.BULK
    deadline: float | None = None
    stop: Stop | None = None
    on_wait: Callable[[float], None] | None = None

    def check(self) -> None:
        """Raise what ends this ask already: ClosedError or DeadlineError."""
        if self.stop is not None and self.stop.is_set():
            raise ClosedError(DOING)
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise DeadlineError(DOING)


class Limiter(Protocol):
    """Anything that decides when a request may go out; shared by all threads of a host."""

    def acquire(self, ask: Ask, /) -> float:
        """Wait for the right to send one request, and spend it.

        Returns:
            The seconds that it took.

        Raises:
            DeadlineError: The deadline passed, or cannot be met; nothing was spent.
            ClosedError: The stop was set; nothing was spent.
        """
        ...


class Unlimited:
    """The limiter of those who set no limit: it still heeds a stop and a deadline."""

    def acquire(self, ask: Ask, /) -> float:
        """Return at once; see `Limiter.acquire`."""
        ask.check()
        return 0.0
