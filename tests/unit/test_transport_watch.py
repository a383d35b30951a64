"""Work in its caller's thread, and the one that sees to it that it ends."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from pydeps_host.errors import ClosedError, DeadlineError
from pydeps_host.limiter import Stop
from pydeps_host.transport import watch as room
from pydeps_host.transport.call import AbandonedError, Call, Patience
from pydeps_host.transport.watch import WATCHING, Watch
from waiting import eventually

SECONDS: Final = 5.0
FOREVER: Final = Patience(Stop(), None, "testing")


def watching() -> int:
    return sum(thread.name == WATCHING for thread in threading.enumerate())


@pytest.fixture
def watch() -> Iterator[Watch]:
    # That of a test before may be about to go.
    eventually(lambda: watching() == 0)
    made = Watch()
    yield made
    made.close()
    eventually(lambda: watching() == 0)


def never() -> None:
    """Nothing but the patience ends it."""


def test_a_call_gives_what_its_work_returns_or_raises_in_the_same_thread(watch: Watch) -> None:
    assert Call(lambda _: threading.get_ident()).here(FOREVER, never, watch) == threading.get_ident()

    def fail(_: Call[None]) -> None:
        secret = "hidden"  # noqa: F841 - a variable of a frame that must be emptied
        raise LookupError("here")

    with pytest.raises(LookupError, match="here") as raised:
        Call(fail).here(FOREVER, never, watch)
    frames, traceback = [], raised.value.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    assert frames[-1].f_code is fail.__code__
    assert frames[-1].f_locals == {}


@pytest.mark.parametrize("by", ["deadline", "stop", "check"])
def test_what_ends_it_is_raised_in_the_place_of_what_the_work_makes_of_that(watch: Watch, by: str) -> None:
    stop, ended, began = Stop(), threading.Event(), time.monotonic()

    def check() -> float:
        if by == "check" and time.monotonic() - began >= 0.1:
            raise LookupError("too slow")
        return 0.1

    def stuck(call: Call[None]) -> None:
        call.on_abandon(ended.set)
        assert ended.wait(SECONDS)
        call.guarded(lambda: pytest.fail("nobody wants it any more"))

    def at_once() -> None:
        stop.set()
        watch.wake()

    timer = threading.Timer(0.1, at_once if by == "stop" else never)
    timer.start()
    patience = Patience(stop, began + 0.1 if by == "deadline" else None, "testing")
    with pytest.raises({"deadline": DeadlineError, "stop": ClosedError, "check": LookupError}[by]):
        Call(stuck).here(patience, check, watch)
    assert 0.1 <= time.monotonic() - began < 0.2
    timer.join()


def test_it_is_told_to_end_until_it_does(watch: Watch) -> None:
    told: list[float] = []

    def deaf(call: Call[str]) -> str:
        call.on_abandon(lambda: told.append(time.monotonic()))
        eventually(lambda: len(told) >= 3)
        return "done all the same"

    assert Call(deaf).here(Patience(Stop(), time.monotonic() + 0.05, "testing"), never, watch) == "done all the same"
    count = len(told)
    time.sleep(0.1)
    assert len(told) == count


def test_an_effect_under_way_holds_nobody_else_up_and_may_itself_end_everything(watch: Watch) -> None:
    def effect() -> None:
        # By now it is told to end, while it writes.
        time.sleep(0.8)
        watch.wake()
        assert Call(lambda _: 3).here(FOREVER, never, watch) == 3

    def write(call: Call[str]) -> str:
        call.guarded(effect)
        return "written"

    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(Call(write).here, Patience(Stop(), began + 0.05, "testing"), never, watch)
        time.sleep(0.1)
        assert Call(lambda _: 4).here(FOREVER, never, watch) == 4
        assert time.monotonic() - began < 0.6
        assert writing.result(SECONDS) == "written"


def test_what_has_ended_before_it_began_is_not_begun(watch: Watch) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(ClosedError):
        Call(lambda _: pytest.fail("begun")).here(Patience(stop, None, "testing"), never, watch)
    assert watching() == 0


def test_one_that_is_due_sooner_than_all_others_is_looked_at_in_time(watch: Watch) -> None:
    with watch.over(lambda: 60.0, lambda _: None):
        # The thread sleeps for long by now.
        eventually(lambda: watching() == 1)
        time.sleep(0.05)
        began, ended = time.monotonic(), threading.Event()

        def stuck(call: Call[None]) -> None:
            call.on_abandon(ended.set)
            assert ended.wait(SECONDS)
            raise AbandonedError

        with pytest.raises(DeadlineError):
            Call(stuck).here(Patience(Stop(), began + 0.1, "testing"), never, watch)
        assert time.monotonic() - began < 0.2


def test_one_thread_looks_after_all_and_goes_when_there_was_nothing_for_a_while(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_IDLE_SECONDS", 0.05)
    with watch.over(never, lambda _: None), watch.over(never, lambda _: None):
        time.sleep(0.2)
        assert watching() == 1
    eventually(lambda: watching() == 0)
    with watch.over(never, lambda _: None):
        assert watching() == 1


def test_the_thread_outlives_closing_until_the_last_work_has_ended() -> None:
    watch, told = Watch(), threading.Event()
    stop = Stop()
    with watch.over(lambda: Patience(stop, None, "testing").remaining(), lambda _: told.set()):
        watch.close()
        time.sleep(0.05)
        assert watching() == 1
        stop.set()
        watch.wake()
        assert told.wait(SECONDS)
    eventually(lambda: watching() == 0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_gets_a_thread_of_its_own(watch: Watch) -> None:
    with watch.over(lambda: 60.0, lambda _: None):
        child = os.fork()
        if child == 0:
            ended = threading.Event()
            try:
                with watch.over(Patience(Stop(), time.monotonic() + 0.05, "testing").remaining, lambda _: ended.set()):
                    os._exit(0 if ended.wait(SECONDS) else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
