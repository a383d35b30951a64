"""One answer for each question, however many threads ask it."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from attrs import define, field

from pydeps_host.errors import DeadlineError

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@define
class _Flight(Generic[_Value]):
    """A question that was asked: by whom it was does not matter, all wait for the one answer."""

    landed: threading.Event = field(factory=threading.Event)
    answers: list[_Value] = field(factory=list)


class Once(Generic[_Key, _Value]):
    """Remembers answers; of threads that ask at once, one works and the others wait.

    A question that was not answered, because the worker's deadline passed or the
    like, is not remembered: the next who waits works on it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[_Key, _Flight[_Value]] = {}

    def get(self, key: _Key, work: Callable[[], _Value], *, deadline: float | None, doing: str) -> _Value:
        """Return the answer to `key`, made by `work` if nobody made it before.

        Raises:
            DeadlineError: Somebody else was still working when `deadline` passed, in seconds of `time.monotonic()`.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if mine:
                return self._work(key, flight, work)
            if not flight.landed.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                raise DeadlineError(doing)
            if flight.answers:
                return flight.answers[0]

    def forget(self, key: _Key) -> None:
        """Forget the answer; whoever waits for it still gets it."""
        with self._lock:
            self._flights.pop(key, None)

    def _work(self, key: _Key, flight: _Flight[_Value], work: Callable[[], _Value]) -> _Value:
        try:
            flight.answers.append(work())
        except BaseException:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            raise
        finally:
            flight.landed.set()
        return flight.answers[0]
