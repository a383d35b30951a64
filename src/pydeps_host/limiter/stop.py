"""A flag that is raised once, and wakes whoever waits."""

import threading
from collections.abc import Callable


class Stop:
    """Tells every thread that shares it to end its waits.

    Once set it stays set. It may be set from any thread and from a signal
    handler: all of its locks are reentrant, so a handler that runs in the
    middle of a wait of the same thread does not block.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.RLock())
        self._set = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    def set(self) -> None:
        """Raise the flag, end every wait, then call what `on_set` was given, in order."""
        with self._condition:
            self._set = True
            callbacks = tuple(self._callbacks.values())
            self._callbacks.clear()
            self._condition.notify_all()
        # Outside the lock: a callback takes locks whose holders may be asking `is_set`.
        for callback in callbacks:
            callback()

    def is_set(self) -> bool:
        """Return whether the flag is up."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Wait until the flag is up, at most this many seconds; return whether it is."""
        with self._condition:
            return self._condition.wait_for(self.is_set, min(seconds, threading.TIMEOUT_MAX))

    def on_set(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called once when the flag goes up: at once where it is up already.

        It is how a wait for something else, such as a `Condition`, is woken
        without polling. The callback is short and raises nothing.

        Returns:
            What makes the Stop forget the callback; calling it twice is harmless.
        """
        key = object()
        with self._condition:
            is_set = self._set
            if not is_set:
                self._callbacks[key] = callback
        if is_set:
            callback()

        def forget() -> None:
            with self._condition:
                self._callbacks.pop(key, None)

        return forget
