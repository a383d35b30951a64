"""Sockets that can be shut from another thread."""

import socket
import threading
import weakref
from contextlib import suppress


def shut(one: socket.socket) -> None:
    """End whatever blocks on a socket; its owner still has to close it."""
    with suppress(OSError):
        # Not `one.shutdown`: an SSLSocket's forgets the TLS layer first, and a
        # thread that writes at that moment would write in the clear.
        socket.socket.shutdown(one, socket.SHUT_RDWR)


class Sockets:
    """All sockets of a transport, for as long as their connections live."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may shut them while its thread adds one.
        self._lock = threading.RLock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._shut = False

    def add(self, one: socket.socket) -> None:
        """Keep a new socket in mind; one that comes too late is shut at once."""
        with self._lock:
            self._open.add(one)
            late = self._shut
        if late:
            shut(one)

    def shut(self) -> None:
        """Shut every socket, and those still to come."""
        with self._lock:
            self._shut = True
            present = list(self._open)
        for one in present:
            shut(one)
