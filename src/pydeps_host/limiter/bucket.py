"""The token bucket itself: a rule about time that neither waits nor looks at a clock."""

import math
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from pydeps_host.errors import UsageError

if TYPE_CHECKING:
    from pyrate_limiter import StateBucket

# pyrate-limiter counts whole milliseconds, and whole microseconds between two
# requests: 999,999 an hour would become 999,722, and 10**10 an hour 3.6 * 10**9.
# The unit is opaque to it, so we give it one that divides every rate: a
# millionth of the time between two requests.
_TICKS: Final = 1_000_000
_NANOSECONDS_PER_HOUR: Final = 3600 * 10**9


class Bucket:
    """At most `burst` requests at once, and `requests_per_hour` in the long run.

    Time is given as nanoseconds since the bucket was made, when it is full.
    Not safe between threads: its owner has a lock.
    """

    def __init__(self, requests_per_hour: float, burst: int) -> None:
        if not (math.isfinite(requests_per_hour) and requests_per_hour > 0):
            raise UsageError(f"{requests_per_hour!r} requests an hour is no rate", "give a number above 0, or `Unlimited()`")
        if burst < 1:
            raise UsageError(f"a burst of {burst!r} requests lets none through", "give 1 or more")
        ticks_per_nanosecond = Fraction(requests_per_hour) * _TICKS / _NANOSECONDS_PER_HOUR
        # As integers, because a Fraction's arithmetic looks for common divisors every time.
        self._ticks, self._nanoseconds = ticks_per_nanosecond.as_integer_ratio()
        self._burst = burst
        self._engine: StateBucket | None = None

    def load(self) -> None:
        """Import the engine, which takes a third of a second once: for a caller that holds no lock yet."""
        import pyrate_limiter  # noqa: F401  # Only to have it loaded.

    def take(self, now: int) -> bool:
        """Spend one request if there is one; else spend nothing."""
        from pyrate_limiter import RateItem

        return bool(self._loaded().put(RateItem("request", self._ticks_at(now))))

    def delay(self, now: int, requests: int = 1) -> float:
        """Return the seconds until this many requests could be spent, if nobody else spends any."""
        engine = self._loaded()
        at_once = min(requests, self._burst)
        state = engine.store.read(engine.algorithm, engine.rates)
        _, decision = engine.algorithm.step(engine.rates, state, self._ticks_at(now), at_once)  # type: ignore[arg-type]  # a local store answers at once
        ticks = (decision.retry_after_ms or 0) + (requests - at_once) * _TICKS
        nanoseconds = -(-ticks * self._nanoseconds // self._ticks)
        return min(nanoseconds, int(threading.TIMEOUT_MAX) * 10**9) / 10**9

    def _ticks_at(self, now: int) -> int:
        return now * self._ticks // self._nanoseconds

    def _loaded(self) -> "StateBucket":
        # The one place that makes the engine: a store shared between machines
        # goes in here, with a clock that these machines share.
        if self._engine is None:
            from pyrate_limiter import InMemoryStateStore, Rate, StateBucket, TokenBucket

            self._engine = StateBucket([Rate(1, _TICKS, burst=self._burst)], TokenBucket(), InMemoryStateStore())
        return self._engine
