"""One answer for each question, however many threads ask it."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from pydeps_host.resolver.flights import Flights

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Once(Generic[_Key, _Value]):
    """Remembers answers; of threads that ask at once, one works and the others wait.

    A question that was not answered is not remembered: the next who asks works on it.
    """

    def __init__(self) -> None:
        self._flights: Flights[_Key, tuple[_Value]] = Flights()
        self._answers: dict[_Key, tuple[_Value]] = {}

    def get(self, key: _Key, work: Callable[[], _Value], *, deadline: float | None, doing: str) -> _Value:
        """Return the answer to `key`, made by `work` if nobody made it before; errors are those of `Flights.share`."""

        def answer() -> tuple[_Value]:
            # Somebody may have landed with it since this thread looked.
            known = self._answers.get(key)
            if known is None:
                known = self._answers[key] = (work(),)
            return known

        known = self._answers.get(key) or self._flights.share(key, answer, deadline=deadline, doing=doing)
        return known[0]

    def forget(self, key: _Key) -> None:
        """Forget an answer that was given; one that somebody works on now stays."""
        self._answers.pop(key, None)
