"""One piece of work for all who ask for it at once."""

import threading
import time
from collections.abc import Callable, Hashable
from copy import copy
from typing import Generic, TypeVar

from attrs import define, field

from pydeps_host.errors import ClosedError, DeadlineError, HostError

_Key = TypeVar("_Key", bound=Hashable)
_Result = TypeVar("_Result")


@define
class _Flight(Generic[_Result]):
    """Work under way, and what came of it once it has landed: a result, a problem, or nothing that concerns others."""

    landed: threading.Event = field(factory=threading.Event)
    results: list[_Result] = field(factory=list)
    problem: HostError | None = None


class Flights(Generic[_Key, _Result]):
    """Of threads that ask for the same at once one works, and all get what comes of it.

    Nothing is remembered. Where the one who works gives up, because its own time is
    over or its observer raised something, the next who waits works.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[_Key, _Flight[_Result]] = {}

    def share(self, key: _Key, work: Callable[[], _Result], *, deadline: float | None, doing: str) -> _Result:
        """Return what `work` returns, to this thread or to another one.

        Args:
            key: What the work is about.
            work: Done in this thread, if nobody is at it.
            deadline: When to give up waiting for others, in seconds of `time.monotonic()`, or None.
            doing: What is told of where that happens.

        Raises:
            DeadlineError: Others were still at it.
            HostError: What the work raised.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if mine:
                return self._fly(key, flight, work)
            if not flight.landed.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                raise DeadlineError(doing)
            if flight.results:
                return flight.results[0]
            if flight.problem is not None:
                raise copy(flight.problem)

    def _fly(self, key: _Key, flight: _Flight[_Result], work: Callable[[], _Result]) -> _Result:
        try:
            result = work()
            flight.results.append(result)
        except (ClosedError, DeadlineError):
            raise
        except HostError as problem:
            flight.problem = copy(problem)
            raise
        finally:
            with self._lock:
                del self._flights[key]
            flight.landed.set()
        return result
