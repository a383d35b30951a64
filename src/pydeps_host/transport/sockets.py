"""Sockets that can be shut from another thread."""

import socket
import threading
import weakref
from collections.abc import Hashable
from contextlib import suppress

from attrs import frozen

from pydeps_host.transport.addresses import Place


def shut(one: socket.socket) -> None:
    """End whatever blocks on a socket; its owner still has to close it."""
    with suppress(OSError):
        # Not `one.shutdown`: an SSLSocket's forgets the TLS layer first, and a
        # thread that writes at that moment would write in the clear.
        socket.socket.shutdown(one, socket.SHUT_RDWR)


@frozen(kw_only=True)
class Use:
    """What a socket is there for.

    Attributes:
        spot: Where it leads; it may be used again for the same spot.
        place: Where its other end is, None where that is a proxy.
        user: Whose request goes over it now, None for nobody's.
    """

    spot: Hashable = None
    place: Place | None = None
    user: object | None = None


class Sockets:
    """All sockets of a transport, for as long as their connections live, and who uses each."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may shut them while its thread adds one.
        self._lock = threading.RLock()
        self._open: weakref.WeakKeyDictionary[socket.socket, Use] = weakref.WeakKeyDictionary()
        self._shut = False

    def add(self, one: socket.socket, use: Use) -> None:
        """Keep a new socket in mind; one that comes too late is shut at once."""
        with self._lock:
            self._open[one] = use
            late = self._shut
        if late:
            shut(one)

    def take(self, one: socket.socket, user: object) -> Place | None:
        """Know who uses a socket, and return where its other end is."""
        with self._lock:
            before = self._open.get(one, Use())
            self._open[one] = Use(spot=before.spot, place=before.place, user=user)
        return before.place

    def let_go(self, user: object) -> None:
        """Know that this user's request is over."""
        with self._lock:
            for one, use in tuple(self._open.items()):
                if use.user is user:
                    self._open[one] = Use(spot=use.spot, place=use.place)

    def shut_of(self, user: object, spot: Hashable) -> None:
        """Shut what this user's request goes over.

        The engine does not tell which connection it uses again until the
        header is here. Before that it is one of those that nobody is known to
        use, and all of them are shut: idle ones cost a new connection, and a
        request that is in the same state is sent again.
        """
        with self._lock:
            mine = [one for one, use in self._open.items() if use.user is user]
            mine = mine or [one for one, use in self._open.items() if use.user is None and use.spot == spot]
        for one in mine:
            shut(one)

    def shut(self) -> None:
        """Shut every socket, and those still to come."""
        with self._lock:
            self._shut = True
            present = list(self._open)
        for one in present:
            shut(one)
