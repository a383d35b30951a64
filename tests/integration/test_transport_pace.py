"""Servers that take their time: headers that drip, bodies that crawl, pauses without end."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import evolve

import faulty_server as faulty
from faulty_server import Connection, FaultyServer, Seen
from pydeps_host import Host, HostConfig, Store
from pydeps_host.errors import HostError, PageError, ProjectUnavailableError, RateLimitedError, UnavailableError
from pydeps_host.events import Event, Waiting
from pydeps_host.resolver import Resolver
from pydeps_host.transport import HttpxTransport, Request, Response, TransportOptions
from pydeps_host.values import Outcome, Url

# A hundredth of the real times, as far as these tests are about them.
SCALED = TransportOptions(
    backoff=0.005, backoff_cap=0.08, header_timeout=0.4, rate_window=0.2, least_rate=1024, attempts=1, trust_environment=False
)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def ask(url: str, **more: object) -> Request:
    return Request(Url.parse(url), **{"max_bytes": 1 << 20, "max_bytes_name": "page_bytes"} | more)  # type: ignore[arg-type]


def piecemeal(begin: bytes, piece: bytes, seconds: float, count: int = 10_000) -> faulty.Answer:
    """Send `piece` again and again."""

    def answer(connection: Connection, _: Seen) -> None:
        connection.send(begin)
        for _sent in range(count):
            connection.send(piece)
            if connection.stopping.wait(seconds):
                return

    return answer


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SLOW = {
    "a header byte by byte": (piecemeal(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.02), "header was not here within 0.4 s"),
    "a header line by line": (piecemeal(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.02), "header was not here within 0.4 s"),
    "interim answers without end": (piecemeal(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001), "header was not here within 0.4 s"),
    "nothing at all": (faulty.stall, "header was not here within 0.4 s"),
    "a body byte by byte": (piecemeal(LONG, b"x", 0.02), "too slow: [0-9]+ bytes of the body in 0"),
    "a body that begins well": (piecemeal(LONG + b"x" * 50_000, b"x", 0.02), "too slow: [0-9]+ bytes of the body in 0"),
    "a body that stalls": (faulty.stalling_body(b"x" * 5000, 10_000), "too slow: 0 bytes of the body in 0"),
    "a chunk's length digit by digit": (piecemeal(CHUNKED, b"0", 0.02), "(too slow: 0 bytes|truncated)"),
    "trailers without end": (piecemeal(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n", 0.02), "too slow: [01] bytes"),
    "an error page byte by byte": (piecemeal(b"HTTP/1.1 404 No\r\nContent-Length: 1000000\r\n\r\n", b"x", 0.02), "too slow"),
}


@pytest.mark.parametrize(
    ("name", "reused"), [*((name, False) for name in SLOW), ("a header byte by byte", True), ("a body byte by byte", True)]
)
def test_what_comes_too_slowly_is_given_up_with_its_connection(server: FaultyServer, name: str, reused: bool) -> None:
    answer, detail = SLOW[name]
    server.at("/slow", answer).at("/ok", faulty.text("hello"))
    with HttpxTransport(options=evolve(SCALED, max_connections=1)) as transport:
        if reused:
            transport.send(ask(server.url("/ok")))
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=detail):
            transport.send(ask(server.url("/slow")))
        assert time.monotonic() - began < 1.5
        # There is one connection, and the slow server no longer has it.
        assert transport.send(ask(server.url("/ok"))).body == b"hello"
        end = time.monotonic() + 1
        while any(thread.name == "pydeps-host-request" for thread in threading.enumerate()):
            assert time.monotonic() < end
            time.sleep(0.01)


def test_what_comes_slowly_and_fast_enough_is_taken(server: FaultyServer) -> None:
    server.at("/a", piecemeal(b"HTTP/1.1 200 OK\r\nContent-Length: 2500\r\n\r\n", b"x" * 50, 0.015, 50))
    with HttpxTransport(options=SCALED) as transport:
        began = time.monotonic()
        assert len(transport.send(ask(server.url("/a"))).body) == 2500
        assert time.monotonic() - began > SCALED.rate_window * 3


def test_a_flood_of_header_fields_is_refused(server: FaultyServer) -> None:
    server.at("/a", faulty.raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n"))
    with HttpxTransport(options=SCALED) as transport, pytest.raises(PageError, match="header is larger"):
        transport.send(ask(server.url("/a")))


def test_waiting_for_a_free_connection_is_no_slowness_of_the_server(server: FaultyServer) -> None:
    server.at("/a", piecemeal(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", b"x" * 200, 0.04, 10))
    options = evolve(SCALED, max_connections=1)
    with HttpxTransport(options=options) as transport, ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(transport.send, [ask(server.url("/a"))] * 3))
    assert [len(answer.body) for answer in answers] == [2000] * 3


# --- pauses ------------------------------------------------------------------


def test_pauses_add_up_to_so_much_and_then_the_server_has_failed_until_the_next_sync(server: FaultyServer) -> None:
    server.at("/a", faulty.status(503, ("Retry-After", "3600")))
    options = evolve(SCALED, attempts=100, pause_cap=0.1, pause_total=0.35)
    with HttpxTransport(options=options) as transport:
        for asked in (4, 8):
            began = time.monotonic()
            with pytest.raises(RateLimitedError) as caught:
                transport.send(ask(server.url("/a")))
            assert 0.25 < time.monotonic() - began < 1
            assert caught.value.retryable
            assert caught.value.until is not None
            with pytest.raises(RateLimitedError):
                transport.send(ask(server.url("/other")))
            assert server.paths() == ["/a"] * asked
            transport.renew_pauses()


def test_an_index_that_wants_more_quiet_than_it_is_granted_is_told_as_rate_limited(server: FaultyServer) -> None:
    server.at("/simple/a/", faulty.status(429, ("Retry-After", "3600")))
    with HttpxTransport(options=evolve(SCALED, attempts=9, pause_cap=0.05, pause_total=0.1)) as transport:
        resolver = Resolver(HostConfig.from_mapping({"urls": [server.url("/simple")]}).urls, transport=transport)
        with pytest.raises(ProjectUnavailableError) as caught:
            resolver.project("a")
    (tried,) = caught.value.tried
    assert (tried.outcome, tried.until is not None) == (Outcome.RATE_LIMITED, True)


def test_every_sync_grants_pauses_anew(server: FaultyServer, tmp_path: Path) -> None:
    server.at("/simple/a/", faulty.status(503, ("Retry-After", "3600")))
    config = HostConfig.from_mapping({"urls": [server.url("/simple")], "dependencies": ["a"]})
    options = evolve(SCALED, attempts=9, pause_cap=0.05, pause_total=0.09)
    asked = []
    with Host(config, Store(tmp_path), options=options) as host:
        for _ in range(3):
            host.sync()
            asked.append(len(server.requests))
            time.sleep(0.05)
    assert asked == [2, 4, 6]


class Limited:
    """A server that takes a request every so many seconds, and answers 429 without a word to any other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._free = 0.0
        self.refused = 0

    def __call__(self, connection: Connection, seen: Seen) -> None:
        with self._lock:
            taken = time.monotonic() >= self._free
            if taken:
                self._free = time.monotonic() + self._seconds
            else:
                self.refused += 1
        (faulty.text("hello") if taken else faulty.status(429))(connection, seen)


def test_a_429_without_a_header_slows_every_thread_down_until_all_get_through() -> None:
    limited = Limited(0.02)
    options = TransportOptions(backoff=0.05, backoff_cap=0.8, trust_environment=False)
    events: list[Event] = []
    with FaultyServer(answer=limited) as server, HttpxTransport(options=options, observer=events.append) as transport:

        def one(number: int) -> Response | HostError:
            return transport.send(ask(server.url(f"/{number}")))

        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            answers = [answer.status for answer in pool.map(one, range(24)) if isinstance(answer, Response)]
    assert answers == [200] * 24
    assert time.monotonic() - began < 24 * 0.02 * 8
    assert any(isinstance(event, Waiting) and event.reason == "pause" for event in events)
