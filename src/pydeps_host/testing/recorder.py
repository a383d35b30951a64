"""An observer that remembers."""

import threading
from typing import TypeVar

from pydeps_host.events import Event

_Event = TypeVar("_Event", bound=Event)


class Recorder:
    """Keeps every event that it is told, in order.

    Safe to be told by several threads, and by several hosts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event] = []

    def __call__(self, event: Event, /) -> None:
        """Take one event: this is what makes it an `Observer`."""
        with self._lock:
            self._events.append(event)

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        with self._lock:
            return tuple(self._events)

    def of(self, kind: type[_Event]) -> tuple[_Event, ...]:
        """Return the events of one kind so far."""
        return tuple(event for event in self.events if isinstance(event, kind))

    def clear(self) -> None:
        """Forget what came."""
        with self._lock:
            self._events.clear()
