"""The transport that asks real servers."""

import base64
import platform
import threading
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

from attrs import frozen

import pydeps_host
from pydeps_host.errors import DeadlineError, PageError, UnavailableError
from pydeps_host.events import Event, Observer, RequestSent, Waiting, ignore
from pydeps_host.limiter import Ask, Limiter, Stop, Unlimited
from pydeps_host.transport.body import glimpse, receive
from pydeps_host.transport.call import Call, Patience
from pydeps_host.transport.faults import Fault, HeaderTooLargeError
from pydeps_host.transport.options import TransportOptions
from pydeps_host.transport.pauses import RETRIED, Pauses, backoff
from pydeps_host.transport.redirects import redirect_target
from pydeps_host.transport.retry_after import retry_after
from pydeps_host.transport.values import Headers, Request, Response
from pydeps_host.transport.wire import Question, Wire
from pydeps_host.values import Credentials, Url

_DEFAULTS: Final = TransportOptions()


@frozen
class _Reply:
    """An answer that is here as a whole."""

    status: int
    headers: Headers
    body: bytes
    received: datetime


class HttpxTransport:
    """Asks servers over HTTP/1.1, by httpx; safe to share between threads.

    Every request that goes out is charged to the limiter: each attempt and each
    redirect. A request's work in the operating system runs in a thread of its
    own, so that `close`, the stop, a deadline or Ctrl-C ends `send` at once,
    whatever it is doing. httpx is loaded with the first request.

    Ctrl-C reaches the main thread alone: whoever has other threads in `send`
    calls `close` (or sets the stop) before waiting for them.
    """

    def __init__(
        self,
        *,
        limiter: Limiter | None = None,
        stop: Stop | None = None,
        observer: Observer = ignore,
        options: TransportOptions = _DEFAULTS,
    ) -> None:
        """Look at the options and the environment; nothing is asked, no thread is started.

        Args:
            limiter: What requests are charged to; None limits nothing.
            stop: Setting it ends everything under way and refuses the rest, as `close` does.
            observer: Is told `RequestSent` and `Waiting`, one event at a time.
            options: How servers are asked.

        Raises:
            UsageError: A certificate or a key cannot be used, or a proxy's URL is none.
        """
        self._limiter: Limiter = Unlimited() if limiter is None else limiter
        self._observer = observer
        self._observing = threading.RLock()
        self._options = options
        self._pauses = Pauses()
        self._wire = Wire(options)
        self._stop = Stop()
        self._forget = (stop or Stop()).on_set(self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every `send` under way with a ClosedError, and close all connections; may be called twice.

        Each `send` ends within 100 ms. A thread of ours that the operating
        system holds in a name's look-up ends when that does.
        """
        self._forget()
        self._end()
        self._wire.close()

    def send(self, request: Request, /) -> Response:
        """Ask, and return the answer whatever its status; see `Transport.send`."""
        patience = Patience(self._stop, request.deadline, f"asking {request.url}")
        visited, attempt = [request.url], 1
        while True:
            url = visited[-1]
            outcome = self._attempt(request, url, attempt, patience)
            if isinstance(outcome, _Reply):
                target = redirect_target(request, visited, outcome.status, outcome.headers)
                if target is not None:
                    visited.append(target)
                    continue
                self._heed(url, outcome)
                if outcome.status not in RETRIED or attempt >= self._options.attempts:
                    return Response(url, outcome.status, outcome.headers, outcome.body, attempt, received=outcome.received)
            elif outcome.final or attempt >= self._options.attempts:
                raise UnavailableError(str(url), outcome.detail, None, attempt)
            pause, rest = self._pauses.remaining(url.origin), backoff(attempt, self._options)
            self._wait(url, "pause" if pause > rest else "retry", max(pause, rest), patience)
            attempt += 1

    def _attempt(self, request: Request, url: Url, attempt: int, patience: Patience) -> "_Reply | Fault":
        self._clear(request, url, patience)
        self._tell(RequestSent(url, attempt))
        try:
            call: Call[_Reply] = Call(partial(self._work, request, url, patience.remaining()))
            return call.result(patience)
        except HeaderTooLargeError:
            raise PageError(str(url), "limit", "the response's header is larger than 100 KiB") from None
        except Fault as fault:
            # A socket that `close` shut looks like a fault; and time may be up by now.
            patience.remaining()
            return fault

    def _clear(self, request: Request, url: Url, patience: Patience) -> None:
        """Wait until the request may go out, and pay for it."""
        patience.remaining()
        self._sit_out_pause(url, patience)
        on_wait = partial(self._on_wait, url)
        self._limiter.acquire(Ask(priority=request.priority, deadline=request.deadline, stop=self._stop, on_wait=on_wait))
        # Another thread may have been told to pause while this one waited for the budget.
        self._sit_out_pause(url, patience)

    def _sit_out_pause(self, url: Url, patience: Patience) -> None:
        while (seconds := self._pauses.remaining(url.origin)) > 0:
            self._wait(url, "pause", seconds, patience)

    def _heed(self, url: Url, reply: _Reply) -> None:
        if reply.status not in RETRIED:
            return
        seconds = retry_after(reply.headers.get("retry-after"), reply.headers.get("date"), reply.received)
        if seconds is not None:
            self._pauses.hold(url.origin, min(seconds, self._options.pause_cap))

    def _wait(self, url: Url, reason: str, seconds: float, patience: Patience) -> None:
        remaining = patience.remaining()
        if remaining is not None and seconds > remaining:
            raise DeadlineError(patience.doing)
        self._tell(Waiting(url, reason, seconds))
        patience.sleep(seconds)

    def _work(self, request: Request, url: Url, seconds: float | None, call: Call[_Reply]) -> _Reply:
        """Do one attempt; in a thread of its own, whose caller may leave."""
        with self._wire.ask(Question(url, _header_fields(request, url), seconds, call.on_abandon)) as answer:
            received = datetime.now(UTC)
            if answer.status != 200:
                body = b""
                # The status is the answer, even if its page breaks off.
                with suppress(Fault):
                    body = glimpse(answer.headers, answer.pieces)
                return _Reply(answer.status, answer.headers, body, received)
            parts: list[bytes] = []
            into = request.into
            if into is not None:
                call.guarded(into.restart)
            put = parts.append if into is None else into.write
            receive(request, url, answer.headers, answer.pieces, lambda piece: call.guarded(partial(put, piece)))
            return _Reply(answer.status, answer.headers, b"".join(parts), received)

    def _tell(self, event: Event) -> None:
        with self._observing:
            self._observer(event)

    def _on_wait(self, url: Url, seconds: float) -> None:
        self._tell(Waiting(url, "budget", seconds))

    def _end(self) -> None:
        self._stop.set()
        self._wire.shut()


def _header_fields(request: Request, url: Url) -> tuple[tuple[bytes, bytes], ...]:
    fields = [
        ("User-Agent", f"pydeps-host/{pydeps_host.__version__} (Python {platform.python_version()})"),
        ("Accept", request.accept),
        ("Accept-Encoding", "gzip" if request.gzip else "identity"),
        *request.headers,
    ]
    if url.credentials is not None:
        fields.append(("Authorization", _basic(url.credentials)))
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in fields)


def _basic(credentials: Credentials) -> str:
    """Return the Basic scheme's value (RFC 7617, in UTF-8)."""
    password = credentials.password.reveal() if credentials.password else ""
    pair = f"{credentials.username.reveal()}:{password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"
