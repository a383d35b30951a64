"""One request's way through the engine, and what is known of its connection."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from attrs import field, frozen

from pydeps_host.transport.addresses import Place, may_lead, place_by_name
from pydeps_host.transport.environment import Proxy
from pydeps_host.transport.faults import ForbiddenPlaceError
from pydeps_host.transport.options import TransportOptions
from pydeps_host.transport.pace import Pace
from pydeps_host.transport.sockets import Sockets, Use
from pydeps_host.values import Url


@frozen
class Question:
    """One request as it goes out.

    Attributes:
        url: Where to; its credentials are not looked at.
        headers: Every header field but `Host`; the credentials are among them, so that a traceback must not show them.
        seconds: What is left until the deadline, None without one.
        hold: Is given a function that ends the answer at once, to be called from another thread.
        peer: Where the server is that led us here, None where nobody did.
        pace: Is told how the answer comes along.
        opens: Whether a connection may be made for it, and waited for; else it takes one that is open.
    """

    url: Url
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    seconds: float | None
    hold: Callable[[Callable[[], None]], None]
    peer: Place | None
    pace: Pace
    opens: bool = True


class NoConnectionError(Exception):
    """No connection was open that the request could take; nothing was sent."""


@frozen
class Door:
    """Which connections may be used for one another.

    Attributes:
        proxy: What they go through, or None.
        public: Whether each of them was made to a public address, and only then kept.
    """

    proxy: Proxy | None
    public: bool


class Way:
    """One request's way through the engine, who tells of it (httpx's documented `trace` extension)."""

    def __init__(self, question: Question, proxy: Proxy | None, sockets: Sockets, options: TransportOptions) -> None:
        self.url: Url = question.url
        self.proxy = proxy
        self.pace: Pace = question.pace
        self.stage: str = ""
        # A connection is used again without a word: so those for which the address counts are kept apart.
        self.door: Door = Door(proxy, public=question.peer is Place.PUBLIC)
        self._opens = question.opens
        self._peer = question.peer
        self._judge = options.place_of
        self._sockets = sockets
        self._spot = (self.door, question.url.origin)
        self._place: Place | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.let_go(self)

    def check_name(self) -> None:
        """Refuse what the URL's text forbids already; behind a proxy, who looks names up himself, there is no more to know."""
        if self.proxy is not None and not may_lead(self._peer, place_by_name(self.url, self._judge)):
            raise ForbiddenPlaceError

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember what was begun last, and learn of every new connection."""
        if not self._opens and event.endswith("connect_tcp.started"):
            raise NoConnectionError
        if event.endswith(".started"):
            self.pace.begin()
            self.stage = event
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._connected(info["return_value"])

    def take(self, stream: Any) -> Place:
        """Know which connection it was, new or not, and return where its other end is."""
        place = self._sockets.take(stream.get_extra_info("socket"), self)
        return place_by_name(self.url, self._judge) if place is None else place

    def leave(self) -> None:
        """End it from another thread."""
        if self.stage:
            self._sockets.shut_of(self, self._spot)

    def _connected(self, stream: Any) -> None:
        """Judge a connection before anything is sent over it."""
        if self.proxy is None and self._place is None:
            try:
                self._place = self._judged(stream)
            except BaseException:
                # The engine keeps nothing of it.
                stream.close()
                raise
        self._sockets.add(stream.get_extra_info("socket"), Use(spot=self._spot, place=self._place, user=self))

    def _judged(self, stream: Any) -> Place:
        place = self._judge(stream.get_extra_info("server_addr")[0])
        if not may_lead(self._peer, place):
            raise ForbiddenPlaceError
        return place
