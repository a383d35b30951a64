"""Waiting for what other threads do."""

import time
from collections.abc import Callable


def eventually(is_so: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return as soon as it is so, and fail where that takes too long."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)
