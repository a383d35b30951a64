"""Whether an answer comes fast enough.

A time-out of each read is no bound: a server that sends a byte every 29 s keeps
a connection for years. So the header has a time as a whole, and the body a rate.
"""

import time

from pydeps_host.transport.faults import Fault
from pydeps_host.transport.options import TransportOptions


class Pace:
    """How one answer comes along: told by the thread that reads it, looked at by the one that waits for it."""

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._began: float | None = None
        self._window: float | None = None
        self._received = 0
        self._before = 0

    def begin(self) -> None:
        """The connection is being made, or the request goes out; waiting for a free connection does not count."""
        if self._began is None:
            self._began = time.monotonic()

    def header_came(self) -> None:
        """The header is here as a whole."""
        self._window = time.monotonic()

    def came(self, count: int) -> None:
        """So many bytes of the body are here."""
        self._received += count

    def check(self) -> float:
        """Return the seconds after which it is to be checked again.

        Raises:
            Fault: It comes too slowly.
        """
        now = time.monotonic()
        if self._window is not None:
            return self._check_body(now, self._window)
        options = self._options
        if self._began is not None and now - self._began >= options.header_timeout:
            raise Fault(f"the answer's header was not here within {options.header_timeout:g} s")
        left = options.header_timeout if self._began is None else self._began + options.header_timeout - now
        return min(left, options.rate_window)

    def _check_body(self, now: float, begun: float) -> float:
        options = self._options
        if now - begun < options.rate_window:
            return begun + options.rate_window - now
        came = self._received - self._before
        if came < options.least_rate * (now - begun):
            raise Fault(f"too slow: {came} bytes of the body in {now - begun:.1f} s")
        self._window, self._before = now, self._received
        return options.rate_window
