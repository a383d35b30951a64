"""Values between two processes, over a pair of sockets."""

import os
import pickle
import select
import struct
from collections.abc import Callable
from typing import Any, Final

_LENGTH: Final = struct.Struct(">Q")
_PIECE: Final = 1 << 20


class Channel:
    """Sends and receives pickled values, each whole. One thread sends, one receives."""

    def __init__(self, descriptor: int, *, look: Callable[[], object], every: float) -> None:
        """Take one end of the pair.

        Args:
            descriptor: The open socket; closed with the channel.
            look: Called from time to time while `receive` waits; what it raises ends the wait.
            every: How often, in seconds.
        """
        self._descriptor = descriptor
        self._look = look
        self._milliseconds = int(every * 1000)

    def send(self, value: object) -> None:
        """Send a value.

        Raises:
            OSError: The other side is gone.
        """
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        view = memoryview(_LENGTH.pack(len(data)) + data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def receive(self, look: Callable[[], object] | None = None) -> Any:
        """Wait for a value.

        Args:
            look: Called in the place of what the channel was made with.

        Raises:
            EOFError, OSError: The other side is gone.
        """
        look = look or self._look
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, look))
        return pickle.loads(self._exactly(length, look))  # noqa: S301 - the other side is ours

    def close(self) -> None:
        """Close this end: the other side finds out."""
        os.close(self._descriptor)

    def _exactly(self, size: int, look: Callable[[], object]) -> bytes:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        data = bytearray()
        while len(data) < size:
            if not poll.poll(self._milliseconds):
                look()
                continue
            piece = os.read(self._descriptor, min(size - len(data), _PIECE))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)
