"""httpx, and nothing else: a question goes out, a raw answer comes in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from attrs import frozen

from pydeps_host.errors import ProxyAccessError
from pydeps_host.transport.addresses import Place
from pydeps_host.transport.certificates import check, context_for
from pydeps_host.transport.discretion import Discretion
from pydeps_host.transport.environment import Proxy, certificates, proxies, proxy_for
from pydeps_host.transport.faults import Fault, Scene, fault_of
from pydeps_host.transport.options import TransportOptions
from pydeps_host.transport.sockets import Sockets
from pydeps_host.transport.values import Headers
from pydeps_host.transport.way import Door, NoConnectionError, Question, Way
from pydeps_host.values import Outcome, Url

if TYPE_CHECKING:
    import ssl

    import httpx

# How long `close` waits for requests under way to let go of their connections.
_GRACE: Final = 0.1


@frozen
class Answer:
    """A response whose body is still on its way.

    Attributes:
        status: Its status.
        headers: Its header fields.
        pieces: Its raw body; raises Fault where it breaks off.
        place: Where the server is that gave it.
    """

    status: int
    headers: Headers
    pieces: Iterator[bytes]
    place: Place


class Wire:
    """The connections of one transport."""

    def __init__(self, options: TransportOptions) -> None:
        """Look at the environment and at the files that are named, and load nothing.

        Raises:
            UsageError: The environment or the options name what is not there, or what cannot be used.
        """
        self._options = options
        self._bundle = certificates(options)
        check(self._bundle, options.client_certificate)
        self._proxies = proxies(options)
        self._sockets = Sockets()
        self._discretion = Discretion()
        self._changed = threading.Condition(threading.RLock())
        self._doors: dict[Door, httpx.HTTPTransport] = {}
        self._context: ssl.SSLContext | None = None
        self._users = 0
        self._closed = False

    @contextmanager
    def ask(self, question: Question) -> Iterator[Answer]:
        """Send a question, and give its answer for as long as the block lasts.

        Raises:
            Fault: No answer came.
            NoConnectionError: It may not open one, and none that is open is free; nothing was sent.
            ForbiddenPlaceError: Whoever led us here must not lead us there; nothing was sent.
            HeaderTooLargeError: Its header is too large.
            CertificateError: The server's certificate, or the proxy's, is not trusted.
            ClientCertificateError: The server wants a client certificate, or another one.
            ProxyAccessError: The proxy wants a user name and a password, or others.
            UsageError: The certificates cannot be used any more.
        """
        proxy = proxy_for(question.url.origin, self._proxies, self._options)
        way = Way(question, proxy, self._sockets, self._options)
        with self._in_use(), self._discretion, way:
            question.hold(way.leave)
            reply = self._reply(question, way)
            try:
                question.pace.header_came()
                if proxy is not None and reply.status_code == 407:
                    raise _refused(question.url, proxy)
                place = way.take(reply.extensions["network_stream"])
                yield Answer(reply.status_code, Headers.from_raw(reply.headers.raw), self._pieces(reply, way), place)
            finally:
                reply.close()

    def shut(self) -> None:
        """End everything that is under way; what comes later ends at once."""
        self._sockets.shut()

    def close(self) -> None:
        """Shut, and close every connection, at the latest when the last request has let go."""
        self.shut()
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._users, _GRACE)
            self._close_doors()

    def _reply(self, question: Question, way: Way) -> "httpx.Response":
        """Return the response with its header read."""
        import httpx

        way.check_name()
        try:
            return self._door(way.door).handle_request(self._request(question, way))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as raised:
            is_waiting = isinstance(raised, httpx.PoolTimeout) and not question.opens
            problem = NoConnectionError() if is_waiting else self._problem(raised, way)
        # Outside of the handler: the cause holds the request, with its header fields.
        raise problem

    def _request(self, question: Question, way: Way) -> "httpx.Request":
        import httpx

        url = httpx.URL(question.url.without_credentials().reveal())
        return httpx.Request(
            "GET",
            url,
            headers=[(b"Host", url.netloc), *question.headers],
            # Without a content that httpx would look at first; a GET has none.
            stream=httpx.ByteStream(b""),
            extensions={"timeout": self._timeouts(question), "trace": way},
        )

    def _problem(self, raised: Exception, way: Way) -> Exception:
        import httpx

        if way.proxy is not None and isinstance(raised, httpx.ProxyError) and str(raised).startswith("407"):
            return _refused(way.url, way.proxy)
        return fault_of(raised, Scene(way.url, way.proxy, self._bundle, self._options, way.stage))

    def _pieces(self, reply: "httpx.Response", way: Way) -> Iterator[bytes]:
        import httpx

        # Not `iter_raw`, which cuts what comes into pieces once more.
        raw, received = iter(cast("httpx.SyncByteStream", reply.stream)), 0
        while True:
            try:
                piece = next(raw, None)
            except (httpx.HTTPError, httpx.StreamError, OSError) as raised:
                problem = self._problem(raised, way)
            else:
                if piece is None:
                    return
                received += len(piece)
                way.pace.came(len(piece))
                yield piece
                continue
            raise Fault(f"truncated after {received} bytes: {problem.detail}") if isinstance(problem, Fault) else problem

    def _timeouts(self, question: Question) -> dict[str, float | None]:
        # A second more than is left: the caller is the one who watches the deadline.
        left = None if question.seconds is None else question.seconds + 1

        def within(seconds: float) -> float:
            return seconds if left is None else min(seconds, left)

        read = within(self._options.read_timeout)
        return {"connect": within(self._options.connect_timeout), "read": read, "write": read, "pool": left if question.opens else 0.0}

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._changed:
            self._users += 1
        try:
            yield
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()
                if self._closed:
                    self._close_doors()

    def _close_doors(self) -> None:
        # Not under a request that still reads: a closed number may be another file's by then.
        if self._users:
            return
        doors, self._doors = self._doors, {}
        for door in doors.values():
            door.close()
        self._discretion.remove()

    def _door(self, door: Door) -> "httpx.HTTPTransport":
        with self._changed:
            if door not in self._doors:
                self._discretion.install()
                self._doors[door] = self._new_door(door.proxy)
            return self._doors[door]

    def _new_door(self, proxy: Proxy | None) -> "httpx.HTTPTransport":
        import httpx

        most = self._options.max_connections
        if self._context is None:
            # Of all doors one, for it takes its time.
            self._context = context_for(self._bundle, self._options.client_certificate)
        return httpx.HTTPTransport(
            verify=self._context,
            trust_env=False,
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=self._options.keepalive),
            proxy=None if proxy is None else self._through(proxy.url),
        )

    def _through(self, proxy: Url) -> "httpx.Proxy":
        import httpx

        own = proxy.credentials
        auth = None if own is None else (own.username.reveal(), own.password.reveal() if own.password else "")
        # The client certificate is for servers: a proxy is not told who we are by it.
        context = context_for(self._bundle, None) if proxy.scheme == "https" else None
        return httpx.Proxy(proxy.without_credentials().reveal(), auth=auth, ssl_context=context)


def _refused(url: Url, proxy: Proxy) -> ProxyAccessError:
    detail = "wants a user name and a password" if proxy.url.credentials is None else "does not take the user name and the password"
    return ProxyAccessError(str(url), 407, Outcome.PROXY_AUTHENTICATION_REQUIRED.remedy, str(proxy), detail)
