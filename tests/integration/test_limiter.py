"""The budget in real time, at rates that make an hour short."""

import itertools
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from pydeps_host.errors import ClosedError, DeadlineError
from pydeps_host.limiter import Ask, Budget, Priority, Stop

PROMPT = 0.1


def spent(budget: Budget, burst: int) -> None:
    for _ in range(burst):
        budget.acquire(Ask())


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("rate", [57600.0 * 10, 3_600_000.0])
def test_sixteen_threads_get_the_rate_within_two_percent_in_the_long_run(rate: float) -> None:
    spent(Budget(requests_per_hour=1), 1)  # The engine is loaded: that is no part of the rate.
    budget = Budget(requests_per_hour=rate, burst=100)
    counts = itertools.count()
    start = time.monotonic()
    end = start + 2

    def worker() -> None:
        while time.monotonic() < end:
            try:
                budget.acquire(Ask(deadline=end))
            except DeadlineError:
                return
            next(counts)

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(worker) for _ in range(16)]:
            future.result()
    elapsed = time.monotonic() - start
    granted = next(counts)
    per_second = rate / 3600
    assert granted <= 100 + per_second * elapsed
    assert granted >= (100 + per_second * 2) * 0.98


def test_a_stop_ends_the_waits_of_sixteen_threads_within_a_tenth_of_a_second() -> None:
    budget, stop = Budget(requests_per_hour=1, burst=1), Stop()
    spent(budget, 1)
    ended: list[float] = []

    def waiter() -> None:
        with pytest.raises(ClosedError):
            budget.acquire(Ask(stop=stop))
        ended.append(time.monotonic())

    threads = [threading.Thread(target=waiter) for _ in range(16)]
    for thread in threads:
        thread.start()
    until(lambda: len(budget._queue) == 16)
    began = time.monotonic()
    stop.set()
    for thread in threads:
        thread.join(5)
    assert len(ended) == 16
    assert max(ended) - began < PROMPT
    assert budget._queue == []
    assert stop._callbacks == {}


def test_ctrl_c_ends_the_wait_of_the_main_thread_and_its_place_is_given_on() -> None:
    budget = Budget(requests_per_hour=3600 * 2, burst=1)
    spent(budget, 1)
    raised_at: list[float] = []

    def interrupt() -> None:
        until(lambda: len(budget._queue) == 1)
        raised_at.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        budget.acquire(Ask())
    assert time.monotonic() - raised_at[0] < PROMPT
    thread.join()
    assert budget._queue == []
    # It spent nothing: the next request comes when the abandoned one would have come.
    assert budget.acquire(Ask()) < 0.6


def test_a_stop_set_by_a_signal_handler_of_the_waiting_thread_ends_the_wait() -> None:
    budget, stop = Budget(requests_per_hour=1, burst=1), Stop()
    spent(budget, 1)
    before = signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    try:
        timer = threading.Timer(0.05, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1))
        timer.start()
        with pytest.raises(ClosedError):
            budget.acquire(Ask(stop=stop))
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_is_waited_for_goes_first_and_takes_turns_with_bulk_and_first_come_is_first_served_within_each() -> None:
    budget = Budget(requests_per_hour=3600 * 20, burst=1)
    spent(budget, 1)
    order: list[tuple[Priority, int]] = []
    threads: list[threading.Thread] = []

    def waiter(priority: Priority, number: int) -> None:
        budget.acquire(Ask(priority=priority))
        order.append((priority, number))

    # Bulk first, so that only the priority can bring the others to the front.
    for number, priority in enumerate([Priority.BULK] * 2 + [Priority.WAITED_FOR] * 5):
        threads.append(threading.Thread(target=waiter, args=(priority, number)))
        threads[-1].start()
        until(lambda place=number: len(budget._queue) + len(order) == place + 1)  # type: ignore[misc]
    for thread in threads:
        thread.join(5)
    first_served = order[0][1] == 0  # The head of the queue may be served while the others still arrive.
    rest = [number for _, number in order[1:]] if first_served else [number for _, number in order]
    assert rest == ([2, 1, 3, 4, 5, 6] if first_served else [2, 0, 3, 1, 4, 5, 6])


def test_bulk_work_that_gives_up_leaves_no_turn_behind() -> None:
    budget, stop = Budget(requests_per_hour=3600 * 10, burst=1), Stop()
    spent(budget, 1)
    order: list[str] = []

    def waiter(name: str, ask: Ask) -> None:
        with suppress(ClosedError):
            budget.acquire(ask)
            order.append(name)

    asks = {"gone": Ask(stop=stop), "first": Ask(priority=Priority.WAITED_FOR), "second": Ask(priority=Priority.WAITED_FOR)}
    threads = [threading.Thread(target=waiter, args=item) for item in asks.items()]
    for number, thread in enumerate(threads):
        thread.start()
        until(lambda place=number: len(budget._queue) == place + 1)  # type: ignore[misc]
    until(lambda: order == ["first"])
    stop.set()
    until(lambda: len(budget._queue) == 1)
    late = threading.Thread(target=waiter, args=("late", Ask()))
    late.start()
    for thread in (*threads, late):
        thread.join(5)
    assert order == ["first", "second", "late"]


def test_whoever_is_overtaken_and_can_no_longer_meet_its_deadline_is_told_at_once() -> None:
    budget = Budget(requests_per_hour=3600, burst=1)
    spent(budget, 1)
    refused: list[float] = []

    def bulk() -> None:
        with pytest.raises(DeadlineError):
            budget.acquire(Ask(deadline=time.monotonic() + 1.5))
        refused.append(time.monotonic())

    stop = Stop()

    def waited_for() -> None:
        with pytest.raises(ClosedError):
            budget.acquire(Ask(priority=Priority.WAITED_FOR, stop=stop))

    first = threading.Thread(target=bulk)
    first.start()
    until(lambda: len(budget._queue) == 1)
    began = time.monotonic()
    second = threading.Thread(target=waited_for)
    second.start()
    first.join(5)
    assert refused[0] - began < PROMPT
    stop.set()
    second.join(5)


def test_an_abandoned_wait_spends_nothing_and_wakes_the_next() -> None:
    budget, stop = Budget(requests_per_hour=3600 * 4, burst=1), Stop()
    spent(budget, 1)
    began = time.monotonic()

    def abandoned() -> None:
        with pytest.raises(ClosedError):
            budget.acquire(Ask(stop=stop))

    threads = [threading.Thread(target=abandoned) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(budget._queue) == 8)
    last = threading.Thread(target=lambda: budget.acquire(Ask()))
    last.start()
    until(lambda: len(budget._queue) == 9)
    stop.set()
    last.join(5)
    assert time.monotonic() - began < 0.25 + PROMPT
    for thread in threads:
        thread.join(5)


def test_the_estimate_is_told_once_before_the_wait_and_is_right() -> None:
    budget = Budget(requests_per_hour=3600 * 5, burst=2)
    told: list[float] = []
    assert budget.acquire(Ask(on_wait=told.append)) == 0
    assert budget.acquire(Ask(on_wait=told.append)) == 0
    waited = budget.acquire(Ask(on_wait=told.append))
    assert len(told) == 1
    assert told[0] == pytest.approx(0.2, abs=0.02)
    assert told[0] - 0.01 <= waited < told[0] + PROMPT


def test_what_on_wait_raises_leaves_the_queue_as_it_was() -> None:
    budget = Budget(requests_per_hour=3600 * 5, burst=1)
    spent(budget, 1)

    def fails(seconds: float) -> None:
        raise LookupError(seconds)

    with pytest.raises(LookupError):
        budget.acquire(Ask(on_wait=fails))
    assert budget._queue == []
    assert budget.acquire(Ask()) < 0.3


def test_a_deadline_ends_the_wait_of_whoever_stands_behind_one_that_is_held_up() -> None:
    budget = Budget(requests_per_hour=3600 * 10, burst=1)
    spent(budget, 1)
    release = threading.Event()

    def hold(seconds: float) -> None:
        release.wait(seconds + 5)

    held = threading.Thread(target=lambda: budget.acquire(Ask(on_wait=hold)))
    held.start()
    until(lambda: len(budget._queue) == 1)
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        budget.acquire(Ask(deadline=began + 0.5))
    assert 0.4 < time.monotonic() - began < 0.5 + PROMPT
    release.set()
    held.join(5)


def test_nobody_spends_out_of_turn_while_the_head_of_the_queue_is_held_up() -> None:
    budget = Budget(requests_per_hour=3600 * 20, burst=1)
    spent(budget, 1)
    release = threading.Event()

    def hold(seconds: float) -> None:
        release.wait(seconds + 5)

    held = threading.Thread(target=lambda: budget.acquire(Ask(on_wait=hold)))
    held.start()
    until(lambda: len(budget._queue) == 1)
    time.sleep(0.1)  # By now there is a request to spend, and it is the head's.
    with pytest.raises(DeadlineError):
        budget.acquire(Ask(deadline=time.monotonic() + 0.1))
    release.set()
    held.join(5)
