"""The transport that asks real servers."""

import base64
import json
import platform
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from types import TracebackType
from typing import Final, Self

import pydeps_host
from pydeps_host.errors import AddressError, DeadlineError, PageError, RateLimitedError, UnavailableError, UsageError
from pydeps_host.events import Event, Observer, RequestSent, Waiting, ignore
from pydeps_host.limiter import Ask, Limiter, Stop, Unlimited
from pydeps_host.transport.addresses import Place, place_by_name
from pydeps_host.transport.body import glimpse, receive
from pydeps_host.transport.call import Call, Patience
from pydeps_host.transport.course import Course, Reply
from pydeps_host.transport.faults import Fault, ForbiddenPlaceError, HeaderTooLargeError
from pydeps_host.transport.keys import Keys
from pydeps_host.transport.options import TransportOptions
from pydeps_host.transport.pace import Pace
from pydeps_host.transport.pauses import RETRIED, TOO_MANY, Pauses, backoff
from pydeps_host.transport.redirects import redirect_target
from pydeps_host.transport.resume import Arriving
from pydeps_host.transport.retry_after import retry_after
from pydeps_host.transport.threads import Threads
from pydeps_host.transport.values import Request, Response
from pydeps_host.transport.watch import Watch
from pydeps_host.transport.way import NoConnectionError, Question
from pydeps_host.transport.wire import Answer, Wire
from pydeps_host.values import Credentials, Origin, Secret, Url

_DEFAULTS: Final = TransportOptions()


class HttpxTransport:
    """Asks servers over HTTP/1.1, by httpx; safe to share between threads.

    Every request that goes out is charged to the limiter: each attempt and each
    redirect. A connection is made in a thread that does nothing else meanwhile,
    so that `close`, the stop, a deadline or Ctrl-C ends `send` at once, whatever
    it is doing. Over one that is open, a request stays in the thread that sends it, unless that
    is the main thread. httpx is loaded with the first request.

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
        indexes: Sequence[Url] = (),
    ) -> None:
        """Look at the options and the environment; nothing is asked, no thread is started.

        Args:
            limiter: What requests are charged to; None limits nothing.
            stop: Setting it ends everything under way and refuses the rest, as `close` does.
            observer: Is told `RequestSent` and `Waiting`, one event at a time.
            options: How servers are asked.
            indexes: The indexes that are asked, with their credentials: what lies below one of them is asked
                with its credentials, whoever links to it, and below several with those of the longest path.

        Raises:
            UsageError: A certificate or a key cannot be used, a proxy's URL is none, or the netrc file or the keyring is not there.
        """
        self._limiter: Limiter = Unlimited() if limiter is None else limiter
        self._observer = observer
        self._observing = threading.RLock()
        self._options = options
        self._pauses = Pauses(options)
        self._keys = Keys(indexes, options)
        self._wire = Wire(options)
        # Where each server was when it answered last, public for ever where it once was: what it links to is judged by that.
        self._places: dict[Origin, Place] = {}
        self._threads = Threads()
        self._watch = Watch()
        self._stop = Stop()
        self._forget = (stop or Stop()).on_set(self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every `send` under way with a ClosedError, and close all connections; may be called twice.

        Each `send` ends within 100 ms. A thread of ours that the operating
        system holds in a name's look-up ends when that does, and one that it
        holds while a connection is made ends after `connect_timeout` at the latest.
        """
        self._forget()
        self._end()
        self._wire.close()
        self._threads.close()
        self._watch.close()

    def renew_pauses(self) -> None:
        """Grant every server the pauses of a new sync."""
        self._pauses.renew()

    def asks_as(self, url: Url, /, deadline: float | None = None) -> Secret:
        """Return what tells apart who asks for a URL; see `Identified.asks_as`."""
        patience = Patience(self._stop, deadline, f"asking {url}")
        patience.remaining()
        # In a thread of its own, for the keyring may have to ask a person.
        call: Call[Credentials | None] = Call(lambda _: self._keys.of(url), run=self._threads.run)
        own = call.result(patience)
        certificate = self._options.client_certificate
        who = "" if own is None or own == url.credentials else json.dumps([own.username.reveal(), own.password and own.password.reveal()])
        return Secret(who if certificate is None else f"{who} {certificate.certificate.absolute()}")

    def send(self, request: Request, /) -> Response:
        """Ask, and return the answer whatever its status; see `Transport.send`."""
        patience = Patience(self._stop, request.deadline, f"asking {request.url}")
        arriving = None if request.into is None else Arriving(request, request.into)
        course = Course(request, patience, [request.url], self._place_of(request.linked_from), arriving)
        while True:
            outcome = self._attempt(course)
            if isinstance(outcome, Reply):
                target = redirect_target(request, course.visited, outcome.status, outcome.headers)
                if target is not None:
                    course.peer = outcome.place
                    course.visited.append(target)
                    continue
                self._heed(course.url.origin, outcome)
                if outcome.status not in RETRIED or course.attempt >= self._options.attempts:
                    return _response(course, outcome)
            elif outcome.final or course.attempt >= self._options.attempts:
                raise UnavailableError(str(course.url), outcome.detail, None, course.attempt)
            pause, rest = self._granted(course), backoff(course.attempt, self._options)
            self._wait(course.url, "pause" if pause > rest else "retry", max(pause, rest), patience)
            course.attempt += 1

    def _attempt(self, course: Course) -> Reply | Fault:
        self._clear(course)
        url, patience = course.url, course.patience
        self._tell(RequestSent(url, course.attempt))
        pace = Pace(self._options)
        try:
            reply = self._done(course, pace)
        except HeaderTooLargeError:
            raise PageError(str(url), "limit", "the response's header is larger than 100 KiB") from None
        except ForbiddenPlaceError:
            raise AddressError(str(url), str(course.guide)) from None
        except Fault as fault:
            # A socket that `close` shut looks like a fault; and time may be up by now.
            patience.remaining()
            return fault
        # Its name may lead to a private address by now, which is no reason to let its pages lead there, too.
        if self._places.get(url.origin) is not Place.PUBLIC:
            self._places[url.origin] = reply.place
        return reply

    def _done(self, course: Course, pace: Pace) -> Reply:
        """Do one attempt: in this thread where a connection is open, for only making one can get stuck where nothing ends it."""
        if self._may_stay(course.url.origin):
            with suppress(NoConnectionError):
                stays: Call[Reply] = Call(partial(self._work, course, pace, opens=False))
                return stays.here(course.patience, pace.check, self._watch)
        goes: Call[Reply] = Call(partial(self._work, course, pace, opens=True), run=self._threads.run)
        return goes.result(course.patience, pace.check)

    def _may_stay(self, origin: Origin) -> bool:
        """Whether a connection may be open, and nobody else has to be asked for the credentials; Ctrl-C reaches the main thread alone."""
        if origin not in self._places or self._options.keyring:
            return False
        return threading.current_thread() is not threading.main_thread()

    def _clear(self, course: Course) -> None:
        """Wait until the request may go out, and pay for it."""
        request, url = course.request, course.url
        course.patience.remaining()
        self._sit_out_pause(course)
        on_wait = partial(self._on_wait, url)
        self._limiter.acquire(Ask(priority=request.priority, deadline=request.deadline, stop=self._stop, on_wait=on_wait))
        seconds = self._pauses.turn(url.origin)
        if seconds > 0:
            self._wait(url, "pause", self._granted(course, seconds), course.patience)
        # Another thread may have been told to pause while this one waited.
        self._sit_out_pause(course)

    def _sit_out_pause(self, course: Course) -> None:
        while (seconds := self._granted(course)) > 0:
            self._wait(course.url, "pause", seconds, course.patience)

    def _granted(self, course: Course, seconds: float | None = None) -> float:
        """Return the seconds for which the server is to be left alone, as far as it was not granted all of them already."""
        origin = course.url.origin
        seconds = self._pauses.remaining(origin) if seconds is None else seconds
        if seconds > 0 and self._pauses.is_spent(origin):
            raise RateLimitedError(str(course.url), datetime.now(UTC) + timedelta(seconds=seconds), course.attempt)
        return seconds

    def _heed(self, origin: Origin, reply: Reply) -> None:
        """Learn how much the server takes, and when."""
        if reply.status == TOO_MANY:
            self._pauses.slow(origin)
        if reply.status not in RETRIED:
            self._pauses.well(origin)
            return
        seconds = retry_after(reply.headers.get("retry-after"), reply.headers.get("date"), reply.received)
        if seconds is not None:
            self._pauses.hold(origin, seconds)

    def _place_of(self, page: Url | None) -> Place | None:
        """Return where the server of a page is; by its name where it was not asked by this transport."""
        if page is None:
            return None
        known = self._places.get(page.origin)
        return place_by_name(page, self._options.place_of) if known is None else known

    def _wait(self, url: Url, reason: str, seconds: float, patience: Patience) -> None:
        remaining = patience.remaining()
        if remaining is not None and seconds > remaining:
            raise DeadlineError(patience.doing)
        self._tell(Waiting(url, reason, seconds))
        patience.sleep(seconds)

    def _work(self, course: Course, pace: Pace, call: Call[Reply], *, opens: bool) -> Reply:
        """Do one attempt; its caller may leave, or have it ended."""
        request, url, arriving = course.request, course.url, course.arriving
        asks = () if arriving is None else arriving.fields(url)
        fields = _header_fields(request, self._keys.of(url), asks)
        question = Question(url, fields, course.patience.remaining(), call.on_abandon, course.peer, pace, opens)
        # A traceback shows every variable, and these hold the credentials.
        del fields
        with self._wire.ask(question) as answer:
            received = datetime.now(UTC)
            # A proxy that changed a page on its way says 203 in place of 200 (RFC 9110, section 15.3.4).
            # Of a file, only the server's own bytes count.
            if answer.status == 200 or (answer.status == 203 and arriving is None) or (answer.status == 206 and asks):
                body = _taken(course, answer, call)
                # What was put together of parts is a whole: whoever asked for one has got it.
                return Reply(200 if answer.status == 206 else answer.status, answer.headers, body, received, answer.place)
            if answer.status == 416 and asks and arriving is not None:
                arriving.forget()
                raise Fault("the server does not go on where it broke off")
            body = b""
            # The status is the answer, even if its page breaks off.
            with suppress(Fault):
                body = glimpse(answer.headers, answer.pieces)
            return Reply(answer.status, answer.headers, body, received, answer.place)

    def _tell(self, event: Event) -> None:
        with self._observing:
            self._observer(event)

    def _on_wait(self, url: Url, seconds: float) -> None:
        self._tell(Waiting(url, "budget", seconds))

    def _end(self) -> None:
        self._stop.set()
        self._wire.shut()
        self._watch.wake()


def _response(course: Course, reply: Reply) -> Response:
    resumed = course.arriving is not None and course.arriving.resumed
    return Response(course.url, reply.status, reply.headers, reply.body, course.attempt, received=reply.received, resumed=resumed)


def _taken(course: Course, answer: Answer, call: Call[Reply]) -> bytes:
    """Take the body of a 200 or a 203, or the rest of one; return it unless it goes to a sink."""
    arriving = course.arriving
    if arriving is None:
        parts: list[bytes] = []
        receive(course.request, course.url, answer.headers, answer.pieces, parts.append)
        return b"".join(parts)
    begin = partial(arriving.begin, course.url, answer.headers) if answer.status == 200 else partial(arriving.go_on, answer.headers)
    call.guarded(begin)
    receive(course.request, course.url, answer.headers, answer.pieces, lambda piece: call.guarded(partial(arriving.write, piece)))
    arriving.finish()
    return b""


def _header_fields(request: Request, credentials: Credentials | None, more: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    fields = [
        ("User-Agent", _user_agent()),
        ("Accept", request.accept),
        ("Accept-Encoding", "gzip" if request.gzip else "identity"),
        *request.headers,
        *more,
    ]
    if credentials is not None:
        fields.append(("Authorization", _basic(credentials)))
    return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in fields)


@cache
def _user_agent() -> str:
    return f"pydeps-host/{pydeps_host.__version__} (Python {platform.python_version()})"


def _basic(credentials: Credentials) -> str:
    """Return the Basic scheme's value (RFC 7617, in UTF-8).

    Raises:
        UsageError: They hold a lone surrogate, which is how Python reads what is not UTF-8.
    """
    password = credentials.password.reveal() if credentials.password else ""
    with suppress(UnicodeEncodeError):
        return f"Basic {base64.b64encode(f'{credentials.username.reveal()}:{password}'.encode()).decode()}"
    # Where that is no longer handled: it holds the password.
    raise UsageError("the user name or the password is not UTF-8", "store it as UTF-8")
