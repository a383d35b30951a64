"""Threads that wait for more work, and hold nobody and nothing up."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from pydeps_host.transport import threads as room
from pydeps_host.transport.threads import AT_WORK, Threads, Work
from waiting import eventually

SECONDS: Final = 5.0


def waiting() -> int:
    return sum(thread.name == "pydeps-host-waiting" for thread in threading.enumerate())


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    made.close()
    eventually(lambda: waiting() == 0)


def done_by(threads: Threads, work: Callable[[], object] = threading.get_ident) -> object:
    """Return what `work` returned in one of the threads."""
    answers, ended = list[object](), threading.Event()

    def both() -> None:
        answers.append(work())
        ended.set()

    threads.run(both)
    assert ended.wait(SECONDS)
    return answers[0]


def test_a_thread_whose_work_is_done_takes_the_next(threads: Threads) -> None:
    first = done_by(threads)
    eventually(lambda: waiting() == 1)
    assert done_by(threads) == first
    eventually(lambda: waiting() == 1)


def test_work_that_is_stuck_holds_up_no_other(threads: Threads) -> None:
    release = threading.Event()

    def stuck() -> None:
        release.wait(SECONDS)

    for _ in range(3):
        threads.run(stuck)
    assert done_by(threads) is not None
    release.set()
    eventually(lambda: waiting() == 4)


def test_a_thread_is_named_for_what_it_does(threads: Threads) -> None:
    assert done_by(threads, lambda: threading.current_thread().name) == AT_WORK
    eventually(lambda: waiting() == 1)
    assert done_by(threads, lambda: threading.current_thread().name) == AT_WORK


def test_threads_are_daemons(threads: Threads) -> None:
    assert done_by(threads, lambda: threading.current_thread().daemon) is True


def test_a_thread_that_waits_keeps_nothing_of_its_work_alive(threads: Threads) -> None:
    class Held:
        pass

    def holding() -> "tuple[Work, weakref.ref[Held]]":
        held = Held()
        return (lambda: setattr(held, "seen", True)), weakref.ref(held)

    for _ in range(2):
        work, kept = holding()
        threads.run(work)
        del work
        eventually(lambda: kept() is None)  # noqa: B023 - asked before the next one is made
        eventually(lambda: waiting() == 1)


def test_a_thread_that_nobody_needs_ends_after_a_while(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_IDLE_SECONDS", 0.05)
    first = done_by(threads, threading.current_thread)
    assert isinstance(first, threading.Thread)
    first.join(SECONDS)
    assert not first.is_alive()
    assert done_by(threads) is not None


def test_work_that_comes_just_as_a_thread_gives_up_is_done(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    class Taken(deque[Any]):
        """Somebody takes a thread between the end of its patience and its leave."""

        def remove(self, inbox: Any) -> None:
            monkeypatch.setattr(room, "_IDLE_SECONDS", SECONDS)
            super().remove(inbox)
            inbox.put(done.set)
            raise ValueError

    monkeypatch.setattr(room, "_IDLE_SECONDS", 0.01)
    threads._waiting = Taken()
    done_by(threads)
    assert done.wait(SECONDS)
    eventually(lambda: waiting() == 1)


def test_closing_ends_the_threads_that_wait_at_once_and_the_others_with_their_work(threads: Threads) -> None:
    release = threading.Event()
    done_by(threads)
    eventually(lambda: waiting() == 1)
    stuck = threading.Event()

    def work() -> None:
        stuck.set()
        release.wait(SECONDS)

    threads.run(work)
    threads.run(lambda: None)
    assert stuck.wait(SECONDS)
    threads.close()
    eventually(lambda: waiting() == 0)
    release.set()
    eventually(lambda: not any(thread.name in {AT_WORK, "pydeps-host-waiting"} for thread in threading.enumerate()))


def test_work_that_is_given_after_closing_is_done_and_its_thread_ends(threads: Threads) -> None:
    threads.close()
    last = done_by(threads, threading.current_thread)
    assert isinstance(last, threading.Thread)
    last.join(SECONDS / 2)
    assert not last.is_alive(), "it would have waited for more work"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_was_forked_has_threads_of_its_own(threads: Threads) -> None:
    done_by(threads)
    eventually(lambda: waiting() == 1)
    child = os.fork()
    if child == 0:
        done = threading.Event()
        threads.run(done.set)
        os._exit(0 if done.wait(SECONDS) else 1)
    assert os.waitpid(child, 0)[1] == 0
