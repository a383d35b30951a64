"""How long to wait before a server is asked again."""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from attrs import define

from pydeps_host.transport.options import TransportOptions
from pydeps_host.values import Origin

# A request timed out, too many of them, or the server (or one behind it) stumbles.
RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
TOO_MANY: Final = 429
# The gap between two requests that the first 429 brings, as a part of the first retry's longest wait.
_FIRST_GAP: Final = 0.25
# How fast the gap closes with every answer that is no 429, and when it is closed, as a part of the first one.
_CLOSING: Final = 0.95
_CLOSED: Final = 0.1


def backoff(attempt: int, options: TransportOptions) -> float:
    """Return the seconds before the attempt that follows this one: exponential, with full jitter.

    Full jitter spreads clients that failed together as far apart as it can.
    """
    # The exponent is cut where the cap is long passed: 2.0**1024 overflows.
    ceiling = min(options.backoff * 2.0 ** min(attempt - 1, 60), options.backoff_cap)
    return random.uniform(0, ceiling)  # noqa: S311  # Jitter is no secret.


@define
class _State:
    """What is known of one origin; times are those of the clock.

    Attributes:
        until: When it may be asked again.
        granted: Seconds of pauses so far.
        gap: Seconds between two requests, 0 where it set no limit so far.
        widened: When the gap was widened last.
        next_turn: When the next request may go out.
    """

    until: float = 0.0
    granted: float = 0.0
    gap: float = 0.0
    widened: float = 0.0
    next_turn: float = 0.0


class Pauses:
    """Which origins asked for quiet, and how fast they take requests; shared by all threads of a transport."""

    def __init__(self, options: TransportOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[Origin, _State] = {}

    def hold(self, origin: Origin, seconds: float) -> None:
        """Have everybody leave this origin alone for that long, `pause_cap` at most; a longer pause stays."""
        now = self._clock()
        with self._lock:
            state = self._state(origin)
            until = now + min(seconds, self._options.pause_cap)
            if until > state.until:
                state.granted += until - max(state.until, now)
                state.until = until

    def slow(self, origin: Origin) -> None:
        """Widen the gap between requests: the origin said that there are too many."""
        now = self._clock()
        with self._lock:
            state = self._state(origin)
            # What was under way before the gap was widened says nothing about it.
            if now - state.widened < state.gap:
                return
            state.gap = min(max(2 * state.gap, _FIRST_GAP * self._options.backoff), self._options.backoff_cap)
            state.widened, state.next_turn = now, max(state.next_turn, now + state.gap)
            state.granted += state.gap

    def well(self, origin: Origin) -> None:
        """Let the gap close a little: the origin took a request."""
        with self._lock:
            state = self._states.get(origin)
            if state is not None and state.gap:
                gap = state.gap * _CLOSING
                state.gap = gap if gap > _CLOSED * _FIRST_GAP * self._options.backoff else 0.0

    def remaining(self, origin: Origin) -> float:
        """Return the seconds for which the origin is still to be left alone, 0 where it is not."""
        with self._lock:
            state = self._states.get(origin)
        return 0.0 if state is None else max(0.0, state.until - self._clock())

    def turn(self, origin: Origin) -> float:
        """Return the seconds until one more request may go out, and keep that place for it."""
        now = self._clock()
        with self._lock:
            state = self._states.get(origin)
            if state is None or not state.gap:
                return 0.0
            turn = max(now, state.next_turn)
            state.next_turn = turn + state.gap
        return turn - now

    def is_spent(self, origin: Origin) -> bool:
        """Whether the origin was granted all the pauses that there are (`pause_total`)."""
        with self._lock:
            state = self._states.get(origin)
        return state is not None and state.granted >= self._options.pause_total

    def renew(self) -> None:
        """Count what is granted from nothing again, and forget the origins of which nothing else is known."""
        now = self._clock()
        with self._lock:
            self._states = {origin: state for origin, state in self._states.items() if state.until > now or state.gap}
            for state in self._states.values():
                state.granted = 0.0

    def _state(self, origin: Origin) -> _State:
        return self._states.setdefault(origin, _State())
