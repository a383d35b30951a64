"""Plugs of one's own, as a typed program writes them: the protocols take them, and no base class is needed."""

from datetime import datetime
from typing import assert_type

from pydeps_host import Ask, Event, Host, HostConfig, Limiter, Observer, Priority, Request, Response, Stop, Store, Transport, Url
from pydeps_host.transport import Headers


class Canned:
    """A transport that knows one answer."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def send(self, request: Request, /) -> Response:
        assert_type(request.url, Url)
        assert_type(request.max_bytes, int)
        assert_type(request.headers, tuple[tuple[str, str], ...])
        assert_type(request.priority, Priority)
        assert_type(request.deadline, float | None)
        if request.into is not None:
            request.into.restart()
            request.into.write(self.body)
        return Response(request.url, 200, Headers.of([("Content-Type", "text/html")]), self.body, attempts=1)


class Patient:
    """A limiter that lets everything pass."""

    def acquire(self, ask: Ask, /) -> float:
        assert_type(ask.priority, Priority)
        assert_type(ask.stop, Stop | None)
        if ask.on_wait is not None:
            ask.on_wait(0.5)
        ask.check()
        return 0


class Told:
    """An observer with a memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)


transport: Transport = Canned(b"")
limiter: Limiter = Patient()
observer: Observer = Told()
host = Host(HostConfig.load("host.jsonc"), Store("code"), transport=transport, limiter=limiter, observer=observer)

response = transport.send(Request(Url.parse("https://packages.example.com/"), max_bytes=1, max_bytes_name="page_bytes"))
assert_type(response, Response)
assert_type(response.status, int)
assert_type(response.headers.get("etag"), str | None)
assert_type(response.retry_at, datetime | None)
assert_type(limiter.acquire(Ask(priority=Priority.WAITED_FOR)), float)
