"""How long to wait before a server is asked again."""

import random
import threading
import time
from typing import Final

from pydeps_host.transport.options import TransportOptions
from pydeps_host.values import Origin

# A request timed out, too many of them, or the server (or one behind it) stumbles.
RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})


def backoff(attempt: int, options: TransportOptions) -> float:
    """Return the seconds before the attempt that follows this one: exponential, with full jitter.

    Full jitter spreads clients that failed together as far apart as it can.
    """
    # The exponent is cut where the cap is long passed: 2.0**1024 overflows.
    ceiling = min(options.backoff * 2.0 ** min(attempt - 1, 60), options.backoff_cap)
    return random.uniform(0, ceiling)  # noqa: S311  # Jitter is no secret.


class Pauses:
    """Which origins asked for quiet, and until when; shared by all threads of a transport."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[Origin, float] = {}

    def hold(self, origin: Origin, seconds: float) -> None:
        """Have everybody leave this origin alone for that long; a longer pause stays."""
        now = time.monotonic()
        with self._lock:
            self._until = {one: until for one, until in self._until.items() if until > now}
            self._until[origin] = max(self._until.get(origin, now), now + seconds)

    def remaining(self, origin: Origin) -> float:
        """Return the seconds for which the origin is still to be left alone, 0 where it is not."""
        with self._lock:
            until = self._until.get(origin)
        return 0.0 if until is None else max(0.0, until - time.monotonic())
