"""The bucket over any pattern of arrivals."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pydeps_host.limiter.bucket import Bucket

HOUR = 3600 * 10**9

rates = st.one_of(
    st.floats(min_value=0.001, max_value=1e12, allow_nan=False),
    st.integers(min_value=1, max_value=10**9).map(float),
)
# Gaps in fractions of the time between two requests: a gap in nanoseconds would be always or never enough.
gaps = st.lists(
    st.one_of(st.just(0.0), st.floats(min_value=0, max_value=5), st.floats(min_value=0, max_value=300)), min_size=1, max_size=120
)


def arrivals(rate: float, gaps: list[float]) -> list[int]:
    now, times = Fraction(0), []
    for gap in gaps:
        now += Fraction(gap) * HOUR / Fraction(rate)
        times.append(int(now))
    return times


@given(rates, st.integers(1, 40), gaps)
def test_no_window_holds_more_than_the_burst_and_what_the_rate_gives(rate: float, burst: int, gaps: list[float]) -> None:
    bucket = Bucket(rate, burst)
    granted = [now for now in arrivals(rate, gaps) if bucket.take(now)]
    per_nanosecond = Fraction(rate) / HOUR
    for first, start in enumerate(granted):
        for last in range(first, len(granted)):
            # One tick more: times are cut to a millionth of the interval.
            allowed = burst + per_nanosecond * (granted[last] - start) + Fraction(1, 10**6)
            assert last - first + 1 <= allowed


@given(rates, st.integers(1, 40), gaps)
def test_whoever_waits_as_long_as_told_is_served_and_not_before(rate: float, burst: int, gaps: list[float]) -> None:
    bucket = Bucket(rate, burst)
    for now in arrivals(rate, gaps):
        if bucket.take(now):
            continue
        delay = bucket.delay(now)
        interval = HOUR / rate
        early = now + int(delay * 1e9 - max(interval / 1000, 2))
        assert early <= now or not bucket.take(early)
        assert bucket.take(now + int(delay * 1e9 * (1 + 1e-12)) + 2)
        return


@given(rates, st.integers(2, 40), st.integers(100, 400))
def test_a_crowd_that_always_asks_gets_the_rate_within_a_thousandth(rate: float, burst: int, intervals: int) -> None:
    # With a burst of 1, an arrival a nanosecond early is a whole interval lost: that is the rule, not an error.
    bucket = Bucket(rate, burst)
    interval = Fraction(HOUR) / Fraction(rate)
    granted = 0
    for step in range(intervals + 1):
        while bucket.take(int(interval * step) + 1):
            granted += 1
            if granted > burst + intervals + 1:
                break
    # Under a nanosecond between two requests, a whole nanosecond gives several.
    slack = 1 + int(2 / interval)
    assert burst + intervals - 1 <= granted <= burst + intervals + slack
