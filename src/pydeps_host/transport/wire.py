"""httpx, and nothing else: a question goes out, a raw answer comes in."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from pydeps_host.errors import ProxyAccessError
from pydeps_host.transport.certificates import check, context_for
from pydeps_host.transport.discretion import Discretion
from pydeps_host.transport.environment import Proxy, certificates, proxies, proxy_for
from pydeps_host.transport.faults import Fault, Scene, fault_of
from pydeps_host.transport.options import TransportOptions
from pydeps_host.transport.sockets import Sockets, shut
from pydeps_host.transport.values import Headers
from pydeps_host.values import Outcome, Url

if TYPE_CHECKING:
    import httpx

# How long `close` waits for requests under way to let go of their connections.
_GRACE: Final = 0.1


@frozen
class Question:
    """One request as it goes out.

    Attributes:
        url: Where to; its credentials are not looked at.
        headers: Every header field but `Host`.
        seconds: What is left until the deadline, None without one.
        hold: Is given a function that ends the answer at once, to be called from another thread.
    """

    url: Url
    headers: tuple[tuple[bytes, bytes], ...]
    seconds: float | None
    hold: Callable[[Callable[[], None]], None]


@frozen
class Answer:
    """A response whose body is still on its way.

    Attributes:
        status: Its status.
        headers: Its header fields.
        pieces: Its raw body; raises Fault where it breaks off.
    """

    status: int
    headers: Headers
    pieces: Iterator[bytes]


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
        self._doors: dict[Proxy | None, httpx.HTTPTransport] = {}
        self._users = 0
        self._closed = False

    @contextmanager
    def ask(self, question: Question) -> Iterator[Answer]:
        """Send a question, and give its answer for as long as the block lasts.

        Raises:
            Fault: No answer came.
            HeaderTooLargeError: Its header is too large.
            CertificateError: The server's certificate, or the proxy's, is not trusted.
            ClientCertificateError: The server wants a client certificate, or another one.
            ProxyAccessError: The proxy wants a user name and a password, or others.
            UsageError: The certificates cannot be used any more.
        """
        proxy = proxy_for(question.url.origin, self._proxies, self._options)
        way = _Way(question.url, proxy, self._sockets)
        with self._in_use(), self._discretion:
            reply = self._reply(question, way)
            try:
                if proxy is not None and reply.status_code == 407:
                    raise _refused(question.url, proxy)
                socket = reply.extensions["network_stream"].get_extra_info("socket")
                question.hold(lambda: shut(socket))
                yield Answer(reply.status_code, Headers.from_raw(reply.headers.raw), self._pieces(reply, way))
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

    def _reply(self, question: Question, way: "_Way") -> "httpx.Response":
        """Return the response with its header read."""
        import httpx

        try:
            request = httpx.Request(
                "GET",
                question.url.without_credentials().reveal(),
                headers=list(question.headers),
                extensions={"timeout": self._timeouts(question.seconds), "trace": way},
            )
            return self._door(way.proxy).handle_request(request)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as raised:
            problem = self._problem(raised, way)
        # Outside of the handler: the cause holds the request, with its header fields.
        raise problem

    def _problem(self, raised: Exception, way: "_Way") -> Exception:
        import httpx

        if way.proxy is not None and isinstance(raised, httpx.ProxyError) and str(raised).startswith("407"):
            return _refused(way.url, way.proxy)
        return fault_of(raised, Scene(way.url, way.proxy, self._bundle, self._options, way.stage))

    def _pieces(self, reply: "httpx.Response", way: "_Way") -> Iterator[bytes]:
        import httpx

        raw, received = reply.iter_raw(), 0
        while True:
            try:
                piece = next(raw, None)
            except (httpx.HTTPError, httpx.StreamError, OSError) as raised:
                problem = self._problem(raised, way)
            else:
                if piece is None:
                    return
                received += len(piece)
                yield piece
                continue
            raise Fault(f"truncated after {received} bytes: {problem.detail}") if isinstance(problem, Fault) else problem

    def _timeouts(self, seconds: float | None) -> dict[str, float | None]:
        # A second more than is left: the caller is the one who watches the deadline.
        left = None if seconds is None else seconds + 1

        def within(seconds: float) -> float:
            return seconds if left is None else min(seconds, left)

        read = within(self._options.read_timeout)
        return {"connect": within(self._options.connect_timeout), "read": read, "write": read, "pool": left}

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

    def _door(self, proxy: Proxy | None) -> "httpx.HTTPTransport":
        with self._changed:
            if proxy not in self._doors:
                self._discretion.install()
                self._doors[proxy] = self._new_door(proxy)
            return self._doors[proxy]

    def _new_door(self, proxy: Proxy | None) -> "httpx.HTTPTransport":
        import httpx

        most = self._options.max_connections
        return httpx.HTTPTransport(
            verify=context_for(self._bundle, self._options.client_certificate),
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


class _Way:
    """One request's way through the engine, who tells of it (httpx's documented `trace` extension)."""

    def __init__(self, url: Url, proxy: Proxy | None, sockets: Sockets) -> None:
        self.url = url
        self.proxy = proxy
        self.stage = ""
        self._sockets = sockets

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember what was begun last, and learn of every new connection."""
        if event.endswith(".started"):
            self.stage = event
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets.add(info["return_value"].get_extra_info("socket"))


def _refused(url: Url, proxy: Proxy) -> ProxyAccessError:
    detail = "wants a user name and a password" if proxy.url.credentials is None else "does not take the user name and the password"
    return ProxyAccessError(str(url), 407, Outcome.PROXY_AUTHENTICATION_REQUIRED.remedy, str(proxy), detail)
