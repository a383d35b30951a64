"""The limiter without waiting: rates, refusals, and what is loaded when."""

import math
import subprocess
import sys
import threading
import time
from fractions import Fraction

import pytest

from pydeps_host.errors import ClosedError, DeadlineError, UsageError
from pydeps_host.limiter import Ask, Budget, Priority, Stop, Unlimited
from pydeps_host.limiter.bucket import Bucket

HOUR = 3600 * 10**9


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="no rate"):
        Budget(requests_per_hour=rate)


def test_a_burst_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="burst"):
        Budget(requests_per_hour=1, burst=0)


def test_a_full_bucket_gives_its_burst_and_then_nothing() -> None:
    bucket = Bucket(57600, 100)
    assert [bucket.take(0) for _ in range(101)] == [True] * 100 + [False]


@pytest.mark.parametrize("rate", [0.5, 1 / 3, 1, 7, 57600, 999_999, 10**7 + 1, 3.6e9, 10**10, 1e-9])
def test_the_time_between_two_requests_is_exact_to_a_millionth_at_any_rate(rate: float) -> None:
    bucket = Bucket(rate, 1)
    assert bucket.take(0)
    interval = Fraction(HOUR) / Fraction(rate)
    taken, at, steps = 0, Fraction(0), 50
    for step in range(1, steps + 1):
        at = interval * step
        assert not bucket.take(math.floor(at - interval / 1000)) or interval < 1000
        taken += bucket.take(math.ceil(at * (1 + Fraction(1, 10**6))))
    assert taken == steps


def test_half_a_request_an_hour_is_one_in_two_hours() -> None:
    bucket = Bucket(0.5, 1)
    assert bucket.take(0)
    assert bucket.delay(0) == pytest.approx(7200, rel=1e-6)
    assert not bucket.take(2 * HOUR - HOUR // 1000)
    assert bucket.take(2 * HOUR)


@pytest.mark.parametrize("rate", [5e-324, 1e-300, 1e308])
def test_an_absurd_rate_neither_overflows_nor_waits_for_longer_than_a_thread_can(rate: float) -> None:
    bucket = Bucket(rate, 1)
    assert bucket.take(0)
    assert 0 <= bucket.delay(0, 10) <= threading.TIMEOUT_MAX


def test_the_delay_of_several_requests_counts_those_beyond_the_burst() -> None:
    bucket = Bucket(3600, 2)
    assert bucket.delay(0, 2) == 0
    assert bucket.delay(0, 5) == pytest.approx(3)
    assert bucket.take(0)
    assert bucket.delay(0, 1) == 0
    assert bucket.delay(0, 2) == pytest.approx(1)


def test_a_deadline_that_cannot_be_met_is_refused_at_once_and_spends_nothing() -> None:
    budget = Budget(requests_per_hour=3600, burst=1)
    budget.acquire(Ask())
    began = time.monotonic()
    told: list[float] = []
    with pytest.raises(DeadlineError):
        budget.acquire(Ask(deadline=began + 0.5, on_wait=told.append))
    assert time.monotonic() - began < 0.2
    assert told == []
    # The next one waits a second, not two.
    with pytest.raises(DeadlineError):
        budget.acquire(Ask(deadline=time.monotonic() + 0.9))


def test_a_deadline_that_has_passed_is_refused_though_there_are_requests_left() -> None:
    budget = Budget(requests_per_hour=3600)
    for limiter in (budget, Unlimited()):
        with pytest.raises(DeadlineError):
            limiter.acquire(Ask(deadline=time.monotonic() - 1))


def test_a_stop_that_is_set_ends_every_later_ask() -> None:
    stop = Stop()
    stop.set()
    for limiter in (Budget(requests_per_hour=3600), Unlimited()):
        with pytest.raises(ClosedError):
            limiter.acquire(Ask(stop=stop))


def test_no_limit_costs_no_time() -> None:
    assert Unlimited().acquire(Ask(priority=Priority.WAITED_FOR)) == 0


def test_a_stop_calls_back_once_and_at_once_where_it_is_set_already() -> None:
    stop, calls = Stop(), list[str]()
    stop.on_set(lambda: calls.append("kept"))
    forget = stop.on_set(lambda: calls.append("forgotten"))
    forget()
    forget()
    assert not stop.wait(0)
    stop.set()
    stop.set()
    stop.on_set(lambda: calls.append("late"))
    assert calls == ["kept", "late"]
    assert stop.is_set()
    assert stop.wait(10**12)


def test_a_stop_may_be_set_from_its_own_callback() -> None:
    stop, calls = Stop(), list[int]()

    def callback() -> None:
        stop.set()
        calls.append(1)

    stop.on_set(callback)
    stop.set()
    assert calls == [1]


def test_the_engine_is_loaded_at_the_first_request_and_starts_no_thread() -> None:
    program = """
import sys, threading
from pydeps_host.limiter import Ask, Budget
budget = Budget(requests_per_hour=1)
assert "pyrate_limiter" not in sys.modules
for _ in range(100): budget.acquire(Ask())
assert "pyrate_limiter" in sys.modules
assert threading.active_count() == 1, threading.enumerate()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
