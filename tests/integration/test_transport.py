"""The transport against servers that do right and wrong: answers, bounds, retries, redirects, secrets."""

import base64
import gzip
import logging
import os
import pickle
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from attrs import evolve

import faulty_server as faulty
from faulty_server import FaultyServer
from pydeps_host.config import Redirects
from pydeps_host.errors import (
    CertificateError,
    DeadlineError,
    HostError,
    PageError,
    ProxyAccessError,
    RedirectError,
    TooLargeError,
    UnavailableError,
    UsageError,
)
from pydeps_host.events import Event, RequestSent, Waiting
from pydeps_host.limiter import Ask, Budget, Priority
from pydeps_host.transport import HttpxTransport, Request, TransportOptions
from pydeps_host.transport.sockets import Sockets, Use, shut
from pydeps_host.values import Secret, Url

# Waits a hundredth as long as the real ones.
QUICK = TransportOptions(backoff=0.005, backoff_cap=0.08, connect_timeout=2, read_timeout=2, trust_environment=False)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def transport() -> Iterator[HttpxTransport]:
    with HttpxTransport(options=QUICK) as open_one:
        yield open_one


def ask(url: str | Url, **more: object) -> Request:
    parsed = Url.parse(url) if isinstance(url, str) else url
    return Request(parsed, **{"max_bytes": 1 << 20, "max_bytes_name": "page_bytes"} | more)  # type: ignore[arg-type]


class Kept:
    """A sink that keeps what it is given, and how often it began anew."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1
        self.data.clear()

    def write(self, data: bytes) -> None:
        self.data += data


# --- answers -----------------------------------------------------------------


def test_an_answer_is_returned_with_its_url_status_headers_and_body(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.text("hello", ("ETag", '"\xe9"')))
    response = transport.send(ask(server.url("/a?q=1"), accept="text/html", headers=(("If-None-Match", '"\xe9"'),)))
    assert (response.status, response.body, response.attempts) == (200, b"hello", 1)
    assert response.headers["etag"] == '"\xe9"'
    assert response.url == Url.parse(server.url("/a?q=1"))
    seen = server.requests[0]
    assert seen.target == "/a?q=1"
    assert seen.headers["accept"] == "text/html"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["user-agent"].startswith("pydeps-host/")
    assert seen.headers["if-none-match"] == '"\xe9"'
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert not {"authorization", "cookie"} & set(seen.headers)


@pytest.mark.parametrize("code", [204, 206, 300, 304, 305, 400, 401, 403, 404, 407, 410, 501, 505])
def test_any_other_status_is_returned_at_once(server: FaultyServer, transport: HttpxTransport, code: int) -> None:
    content = "" if code in (204, 304) else "why"
    server.at("/a", faulty.status(code, content=content))
    response = transport.send(ask(server.url("/a")))
    assert (response.status, response.body) == (code, content.encode())
    assert len(server.requests) == 1


def test_a_status_is_an_answer_though_its_page_is_coded_or_breaks_off(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/coded", faulty.status(404, ("Content-Encoding", "br"), content="?"))
    server.at("/cut", faulty.raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\nsorry", close=True))
    assert transport.send(ask(server.url("/coded"))).status == 404
    assert transport.send(ask(server.url("/cut"))).status == 404


def test_a_page_of_a_203_is_taken_whole_and_coded_as_that_of_a_200_is(server: FaultyServer, transport: HttpxTransport) -> None:
    content = b"page" * 50_000
    server.at("/a", faulty.body(content, code=203))
    server.at("/zipped", faulty.body(gzip.compress(content), ("Content-Encoding", "gzip"), code=203))
    for path in ("/a", "/zipped"):
        response = transport.send(ask(server.url(path), gzip=True))
        assert (response.status, response.body) == (203, content)
    with pytest.raises(TooLargeError):
        transport.send(ask(server.url("/a"), max_bytes=100_000))


def test_a_file_is_not_taken_from_a_203(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.body(b"changed on its way", code=203))
    sink = Kept()
    assert transport.send(ask(server.url("/a"), into=sink)).status == 203
    assert (bytes(sink.data), sink.restarts) == (b"", 0)


def test_connections_are_used_again_after_pages_errors_and_redirects(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.text("x" * 100_000)).at("/moved", faulty.redirect("/a"))
    for path in ("/a", "/missing", "/moved", "/a"):
        transport.send(ask(server.url(path)))
    assert len(server.requests) == 5
    assert server.connections == 1


def test_cookies_are_not_kept(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.text("", ("Set-Cookie", "a=b")))
    transport.send(ask(server.url("/a")))
    transport.send(ask(server.url("/a")))
    assert "cookie" not in server.requests[1].headers


def test_a_body_goes_to_the_sink_in_pieces_and_each_attempt_starts_it_anew(server: FaultyServer, transport: HttpxTransport) -> None:
    content = os.urandom(300_000)
    server.at("/a", faulty.truncated(content[:1000], len(content)), faulty.body(content))
    sink = Kept()
    response = transport.send(ask(server.url("/a"), into=sink))
    assert response.body == b""
    assert bytes(sink.data) == content
    assert sink.restarts == 2
    assert response.attempts == 2


def test_a_sink_is_not_touched_by_anything_but_a_200(server: FaultyServer, transport: HttpxTransport) -> None:
    sink = Kept()
    assert transport.send(ask(server.url("/missing"), into=sink)).status == 404
    assert sink.restarts == 0


def test_what_a_sink_raises_reaches_the_caller_as_it_is(server: FaultyServer, transport: HttpxTransport) -> None:
    class Full(Kept):
        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    server.at("/a", faulty.text("hello"))
    with pytest.raises(OSError, match="No space left") as caught:
        transport.send(ask(server.url("/a"), into=Full()))
    assert not isinstance(caught.value, HostError)
    assert len(server.requests) == 1


# --- bounds ------------------------------------------------------------------


def test_gzip_is_asked_for_and_taken_off(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.zipped(b"hello"))
    assert transport.send(ask(server.url("/a"), gzip=True)).body == b"hello"
    assert server.requests[0].headers["accept-encoding"] == "gzip"
    with pytest.raises(PageError, match="no coding was asked for"):
        transport.send(ask(server.url("/a")))


def test_a_gzip_bomb_ends_at_the_limit_in_flat_memory(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/bomb", faulty.gzip_bomb(4))
    transport.send(ask(server.url("/warm")))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="page_bytes"):
            transport.send(ask(server.url("/bomb"), gzip=True, into=Null(), max_bytes=64 << 20))
        # The server's own block of 16 MiB is in the same process.
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


class Null:
    def restart(self) -> None: ...

    def write(self, data: bytes) -> None: ...


def test_an_endless_body_ends_at_the_limit(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.chunked(lambda: iter(lambda: b"x" * 10_000, b"")))
    with pytest.raises(TooLargeError) as caught:
        transport.send(ask(server.url("/a"), max_bytes=100_000))
    assert caught.value.actual is None


def test_a_body_announced_as_too_large_is_refused_before_it_is_read(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.stalling_body(b"", 10**12))
    began = time.monotonic()
    with pytest.raises(TooLargeError) as caught:
        transport.send(ask(server.url("/a")))
    assert caught.value.actual == 10**12
    assert time.monotonic() - began < 1


def test_a_header_without_end_is_refused_and_not_asked_for_again(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400_000 + b"\r\n\r\n"))
    with pytest.raises(PageError, match="header is larger") as caught:
        transport.send(ask(server.url("/a")))
    assert caught.value.reason == "limit"
    assert len(server.requests) == 1


def test_an_error_page_without_end_costs_64_kib(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 300_000))
    assert len(transport.send(ask(server.url("/a"))).body) == 65536


# --- faults and retries ------------------------------------------------------

FAULTS = {
    "reset": (faulty.reset, "reset"),
    "hang up": (faulty.hang_up, "closed the connection"),
    "truncated": (faulty.truncated(b"abc", 10), "truncated after 3 bytes"),
    "chunk cut": (faulty.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", close=True), "truncated after 2 bytes"),
    "no http": (faulty.raw(b"SSH-2.0-OpenSSH_9.0\r\n\r\n"), "not HTTP"),
    "two lengths": (faulty.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "not HTTP"),
    "odd length": (faulty.raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"), "not HTTP"),
    "odd chunk": (faulty.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), "truncated"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_retried_and_after_four_attempts_it_is_an_error(server: FaultyServer, transport: HttpxTransport, name: str) -> None:
    answer, detail = FAULTS[name]
    server.at("/once", answer, faulty.text("hello")).at("/always", answer)
    response = transport.send(ask(server.url("/once")))
    assert (response.body, response.attempts) == (b"hello", 2)
    with pytest.raises(UnavailableError, match=detail) as caught:
        transport.send(ask(server.url("/always")))
    assert caught.value.attempts == 4
    assert server.paths().count("/always") == 4
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), UnavailableError)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_retried_and_after_four_attempts_returned(
    server: FaultyServer, transport: HttpxTransport, code: int
) -> None:
    server.at("/once", faulty.status(code), faulty.text("hello")).at("/always", faulty.status(code, content="why"))
    assert transport.send(ask(server.url("/once"))).attempts == 2
    response = transport.send(ask(server.url("/always")))
    assert (response.status, response.body, response.attempts) == (code, b"why", 4)
    assert server.paths().count("/always") == 4


def test_a_read_that_takes_too_long_is_retried(server: FaultyServer) -> None:
    server.at("/head", faulty.stall).at("/body", faulty.stalling_body(b"abc", 10))
    with HttpxTransport(options=evolve(QUICK, read_timeout=0.1, attempts=2)) as transport:
        for path, detail in (("/head", "nothing for 0.1 s"), ("/body", "truncated after 3 bytes: .*0.1 s")):
            with pytest.raises(UnavailableError, match=detail):
                transport.send(ask(server.url(path)))
    assert len(server.requests) == 4


def test_a_connection_that_is_refused_is_retried_and_then_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sent: list[Event] = []
    with HttpxTransport(options=QUICK, observer=sent.append) as transport, pytest.raises(UnavailableError, match="refused") as caught:
        transport.send(ask(f"http://127.0.0.1:{port}/"))
    assert caught.value.attempts == 4
    assert [event.attempt for event in sent if isinstance(event, RequestSent)] == [1, 2, 3, 4]


def test_a_name_that_nobody_knows_is_retried_and_then_an_error(transport: HttpxTransport) -> None:
    with pytest.raises(UnavailableError, match="looked up") as caught:
        transport.send(ask("http://no-such-host.invalid/"))
    assert caught.value.attempts == 4


def test_a_name_that_can_be_none_is_an_error_at_once(transport: HttpxTransport) -> None:
    with pytest.raises(UnavailableError, match="no name") as caught:
        transport.send(ask(f"http://{'a' * 64}.example/"))
    assert caught.value.attempts == 1


def test_a_url_that_is_too_long_is_an_error_at_once(server: FaultyServer, transport: HttpxTransport) -> None:
    with pytest.raises(UnavailableError, match="too long"):
        transport.send(ask(server.url("/" + "a" * 70_000)))
    assert server.requests == []


def test_backoff_grows_and_is_told(server: FaultyServer) -> None:
    server.at("/a", faulty.status(503))
    events: list[Event] = []
    with HttpxTransport(options=evolve(QUICK, backoff=0.02, attempts=5), observer=events.append) as transport:
        began = time.monotonic()
        transport.send(ask(server.url("/a")))
        elapsed = time.monotonic() - began
    waits = [event for event in events if isinstance(event, Waiting)]
    assert [event.reason for event in waits] == ["retry"] * 4
    assert all(event.seconds <= ceiling for event, ceiling in zip(waits, [0.02, 0.04, 0.08, 0.08], strict=True))
    assert elapsed >= sum(event.seconds for event in waits)


# --- Retry-After -------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 503])
def test_a_pause_that_the_server_asks_for_is_kept_by_every_thread_for_that_origin(server: FaultyServer, code: int) -> None:
    server.at("/limited", faulty.status(code, ("Retry-After", "1")), faulty.text("hello")).at("/other", faulty.text("other"))
    events: list[Event] = []
    with FaultyServer() as elsewhere, HttpxTransport(options=evolve(QUICK, pause_cap=0.4), observer=events.append) as transport:
        elsewhere.at("/", faulty.text("free"))
        with ThreadPoolExecutor(9) as pool:
            first = pool.submit(transport.send, ask(server.url("/limited")))
            server.wait_for(1)
            while not any(isinstance(event, Waiting) for event in events):
                time.sleep(0.001)
            paused = time.monotonic()
            others = [pool.submit(transport.send, ask(server.url("/other"))) for _ in range(7)]
            assert transport.send(ask(elsewhere.url("/"))).body == b"free"
            assert time.monotonic() - paused < 0.3
            assert first.result().attempts == 2
            assert [future.result().body for future in others] == [b"other"] * 7
        assert min(seen.at for seen in server.requests[1:]) - server.requests[0].at >= 0.39
    assert {event.reason for event in events if isinstance(event, Waiting)} == {"pause"}


def test_a_date_is_compared_with_the_servers_own_clock(server: FaultyServer) -> None:
    then = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    later = format_datetime(then + timedelta(seconds=1), usegmt=True)
    server.at("/a", faulty.status(503, ("Date", format_datetime(then, usegmt=True)), ("Retry-After", later)), faulty.text("hello"))
    with HttpxTransport(options=evolve(QUICK, pause_cap=0.3)) as transport:
        transport.send(ask(server.url("/a")))
    # A second is what it asks for, and `pause_cap` what it gets.
    assert 0.29 <= server.requests[1].at - server.requests[0].at < 0.9


@pytest.mark.parametrize("value", ["-1", "0", "rubbish", "1e9", "\xff"])
def test_a_retry_after_that_is_nonsense_is_harmless(server: FaultyServer, transport: HttpxTransport, value: str) -> None:
    server.at("/a", faulty.status(429, ("Retry-After", value)), faulty.text("hello"))
    began = time.monotonic()
    assert transport.send(ask(server.url("/a"))).status == 200
    assert time.monotonic() - began < 1


def test_a_pause_longer_than_the_deadline_is_refused_at_once_and_costs_nothing(server: FaultyServer) -> None:
    server.at("/a", faulty.status(429, ("Retry-After", "3600")))
    limiter = Counting()
    with HttpxTransport(limiter=limiter, options=QUICK) as transport:
        began = time.monotonic()
        with pytest.raises(DeadlineError):
            transport.send(ask(server.url("/a"), deadline=began + 5))
        # And for whoever comes next, before anything is sent or paid.
        with pytest.raises(DeadlineError):
            transport.send(ask(server.url("/b"), deadline=time.monotonic() + 5))
        assert time.monotonic() - began < 0.5
    assert len(server.requests) == len(limiter.asks) == 1


def test_a_pause_that_begins_while_a_request_waits_for_the_budget_holds_for_it_too(server: FaultyServer) -> None:
    server.at("/limited", faulty.status(429, ("Retry-After", "1"))).at("/b", faulty.text("hello"))
    events: list[Event] = []
    limiter = Budget(requests_per_hour=3600 * 10, burst=1)
    options = evolve(QUICK, attempts=1, pause_cap=0.5)
    with HttpxTransport(limiter=limiter, options=options, observer=events.append) as transport, ThreadPoolExecutor(1) as pool:
        # The first request loads the engine, which is not what is measured.
        transport.send(ask(server.url("/b")))
        limiter.acquire(Ask())
        events.clear()
        first = pool.submit(transport.send, ask(server.url("/limited")))
        while not events:
            time.sleep(0.001)
        # Behind the first in the queue of the budget, while there is no pause yet.
        assert transport.send(ask(server.url("/b"))).body == b"hello"
        assert first.result().status == 429
    assert server.paths() == ["/b", "/limited", "/b"]
    assert server.requests[2].at - server.requests[1].at >= 0.49


# --- the budget --------------------------------------------------------------


class Counting:
    def __init__(self) -> None:
        self.asks: list[Ask] = []

    def acquire(self, ask: Ask, /) -> float:
        self.asks.append(ask)
        return 0.0


def test_every_request_that_goes_out_is_charged_and_told(server: FaultyServer) -> None:
    server.at("/a", faulty.reset, faulty.status(503), faulty.redirect("/b")).at("/b", faulty.reset, faulty.text("hello"))
    limiter, events = Counting(), list[Event]()
    deadline = time.monotonic() + 10
    with HttpxTransport(limiter=limiter, options=QUICK, observer=events.append) as transport:
        response = transport.send(ask(server.url("/a"), priority=Priority.WAITED_FOR, deadline=deadline))
    assert response.attempts == 4
    assert len(server.requests) == len(limiter.asks) == 5
    assert {(ask.priority, ask.deadline) for ask in limiter.asks} == {(Priority.WAITED_FOR, deadline)}
    sent = [(event.url.path, event.attempt) for event in events if isinstance(event, RequestSent)]
    assert sent == [("/a", 1), ("/a", 2), ("/a", 3), ("/b", 3), ("/b", 4)]


def test_a_wait_for_the_budget_is_told(server: FaultyServer) -> None:
    server.at("/a", faulty.text("hello"))
    events: list[Event] = []
    limiter = Budget(requests_per_hour=3600 * 2, burst=2)
    with HttpxTransport(limiter=limiter, options=QUICK, observer=events.append) as transport:
        transport.send(ask(server.url("/a")))
        limiter.acquire(Ask())
        limiter.acquire(Ask())
        transport.send(ask(server.url("/a")))
    (waiting,) = [event for event in events if isinstance(event, Waiting)]
    assert waiting.reason == "budget"
    assert 0 < waiting.seconds <= 0.5


def test_events_come_one_at_a_time_and_what_an_observer_raises_reaches_the_caller(server: FaultyServer) -> None:
    server.at("/a", faulty.text("hello"))
    inside = threading.Lock()

    def observer(_: Event) -> None:
        assert inside.acquire(blocking=False)
        time.sleep(0.002)
        inside.release()

    with HttpxTransport(options=QUICK, observer=observer) as transport, ThreadPoolExecutor(8) as pool:
        assert all(response.status == 200 for response in pool.map(transport.send, [ask(server.url("/a"))] * 40))

    def fails(event: Event) -> None:
        raise LookupError(event)

    with HttpxTransport(options=QUICK, observer=fails) as transport, pytest.raises(LookupError):
        transport.send(ask(server.url("/a")))


# --- redirects and credentials -----------------------------------------------


def authorization(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_credentials_are_sent_at_once_in_utf_8(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/a", faulty.text("hello"))
    transport.send(ask(server.url("/a", user="us%C3%A9r:p%40%3A%2F%20ss")))
    transport.send(ask(server.url("/a", user="token")))
    assert server.requests[0].headers["authorization"] == authorization("us\xe9r", "p@:/ ss")
    assert server.requests[1].headers["authorization"] == authorization("token", "")


def test_netrc_adds_no_credentials(server: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    server.at("/a", faulty.text("hello"))
    with HttpxTransport(options=evolve(QUICK, trust_environment=True)) as transport:
        transport.send(ask(server.url("/a")))
    assert "authorization" not in server.requests[0].headers


def test_credentials_follow_to_their_own_origin_alone(server: FaultyServer, transport: HttpxTransport) -> None:
    with FaultyServer() as other:
        server.at("/a", faulty.redirect("/b")).at("/b", faulty.redirect(other.url("/c", user="evil:pw"))).at("/d", faulty.text("hello"))
        other.at("/c", faulty.redirect(server.url("/d")))
        response = transport.send(ask(server.url("/a", user="u:p")))
        assert response.body == b"hello"
        assert response.url == Url.parse(server.url("/d", user="u:p"))
        assert [seen.headers.get("authorization") for seen in server.requests] == [authorization("u", "p")] * 3
        assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("redirects", [Redirects.REFUSE, Redirects.ABSENT])
def test_a_page_redirected_elsewhere_is_refused_and_elsewhere_is_not_asked(
    server: FaultyServer, transport: HttpxTransport, redirects: Redirects
) -> None:
    with FaultyServer() as other:
        other.at("/", faulty.text("hello"))
        server.at("/a", faulty.redirect(other.url("/")))
        with pytest.raises(RedirectError, match="another origin"):
            transport.send(ask(server.url("/a"), redirects=redirects))
        assert other.requests == []
        allowed = ask(server.url("/a"), redirects=redirects, allowed_hosts=("127.0.0.1",))
        assert transport.send(allowed).body == b"hello"


def test_loops_and_long_chains_are_refused(server: FaultyServer, transport: HttpxTransport) -> None:
    server.at("/loop", faulty.redirect("/pool")).at("/pool", faulty.redirect("/loop"))
    for number in range(11):
        server.at(f"/{number}", faulty.redirect(f"/{number + 1}"))
    server.at("/11", faulty.text("hello"))
    with pytest.raises(RedirectError, match="loop"):
        transport.send(ask(server.url("/loop")))
    assert transport.send(ask(server.url("/1"))).body == b"hello"
    with pytest.raises(RedirectError, match="number 11"):
        transport.send(ask(server.url("/0")))


# --- TLS and proxies ---------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=index.example.com", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *options, "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[FaultyServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with FaultyServer(tls=context) as running:
        yield running


@pytest.mark.needs("openssl")
def test_a_certificate_is_trusted_by_option_or_variable_and_else_refused_once(
    tls_server: FaultyServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls_server.at("/a", faulty.text("hello"))
    with HttpxTransport(options=evolve(QUICK, ca_bundle=certificate)) as transport:
        assert transport.send(ask(tls_server.url("/a"))).body == b"hello"
    sent: list[Event] = []
    with HttpxTransport(options=QUICK, observer=sent.append) as transport, pytest.raises(CertificateError, match="not trusted"):
        transport.send(ask(tls_server.url("/a")))
    assert len(sent) == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with HttpxTransport(options=evolve(QUICK, trust_environment=True)) as transport:
        assert transport.send(ask(tls_server.url("/a"))).body == b"hello"


@pytest.mark.needs("openssl")
def test_a_certificate_for_another_name_is_refused(tls_server: FaultyServer, certificate: Path) -> None:
    with HttpxTransport(options=evolve(QUICK, ca_bundle=certificate)) as transport, pytest.raises(CertificateError, match="localhost"):
        transport.send(ask(f"https://localhost:{tls_server.port}/"))


@pytest.mark.needs("openssl")
def test_https_is_not_left_for_http(tls_server: FaultyServer, server: FaultyServer, certificate: Path) -> None:
    tls_server.at("/a", faulty.redirect(server.url("/b")))
    with HttpxTransport(options=evolve(QUICK, ca_bundle=certificate)) as transport, pytest.raises(RedirectError, match="never left"):
        transport.send(ask(tls_server.url("/a")))
    assert server.requests == []


@pytest.mark.needs("openssl")
def test_shutting_a_tls_socket_never_leaves_it_open_for_clear_text(tls_server: FaultyServer, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    with (
        socket.create_connection(("127.0.0.1", tls_server.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        shut(secured)
        assert secured.version() is not None
        with pytest.raises(OSError, match=r"."):
            secured.send(b"secret")


def test_a_server_that_speaks_no_tls_is_a_fault(transport: HttpxTransport) -> None:
    with FaultyServer(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as server, pytest.raises(UnavailableError, match="TLS failed"):
        transport.send(ask(f"https://127.0.0.1:{server.port}/"))


def test_a_bundle_that_holds_no_certificates_is_an_error_that_names_it(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("nothing")
    with pytest.raises(UsageError, match=r"bundle\.pem \(`ca_bundle`\)"):
        HttpxTransport(options=evolve(QUICK, ca_bundle=bundle))


def test_a_proxy_is_asked_with_its_own_credentials_by_option_and_by_variable(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def proxied(connection: faulty.Connection, _: faulty.Seen) -> None:
        faulty.text("from the proxy")(connection, _)

    with FaultyServer(answer=proxied) as proxy:
        address = proxy.url(user="pu:p%40w")
        with HttpxTransport(options=evolve(QUICK, proxy=Url.parse(address))) as transport:
            assert transport.send(ask(server.url("/a", user="u:p"))).body == b"from the proxy"
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with HttpxTransport(options=evolve(QUICK, trust_environment=True)) as transport:
            assert transport.send(ask(server.url("/a"))).body == b"from the proxy"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with HttpxTransport(options=evolve(QUICK, trust_environment=True)) as transport:
            assert transport.send(ask(server.url("/a"))).status == 404
        assert [seen.target for seen in proxy.requests] == [server.url("/a")] * 2
        assert proxy.requests[0].headers["proxy-authorization"] == authorization("pu", "p@w")
        assert proxy.requests[0].headers["authorization"] == authorization("u", "p")
    assert len(server.requests) == 1
    assert "proxy-authorization" not in server.requests[0].headers


def test_a_proxy_that_wants_a_password_is_an_error_of_its_own_and_one_that_stumbles_a_fault() -> None:
    for code in (407, 502):
        with FaultyServer(answer=faulty.status(code)) as proxy:
            with HttpxTransport(options=evolve(QUICK, proxy=Url.parse(proxy.url()))) as transport:
                if code == 407:
                    with pytest.raises(ProxyAccessError, match=r"\(`proxy`\) wants a user name and a password"):
                        transport.send(ask("https://index.example.com/"))
                else:
                    with pytest.raises(UnavailableError, match=r"the proxy .* answered 502"):
                        transport.send(ask("https://index.example.com/"))
            assert proxy.requests[0].method == "CONNECT"
            assert proxy.requests[0].target == "index.example.com:443"


# --- secrets -----------------------------------------------------------------


def test_no_secret_is_in_any_log_record_event_or_error(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str] = []
    with FaultyServer() as server, HttpxTransport(options=QUICK, observer=lambda event: shown.append(repr(event))) as transport:
        base = Url.parse(server.url("/hush-token/simple/?hush-query", user="u:hush-password"))
        url = evolve(base, hidden=(Secret("hush-token", label="${TOKEN}"),), shown=None)
        server.at("/hush-token/simple/", faulty.redirect("/hush-token/next?hush-query"))
        server.at(
            "/hush-token/next",
            faulty.status(503, ("X-Echo", "hush-token")),
            faulty.truncated(b"", 10, ("Set-Cookie", "a=hush-token")),
            faulty.raw(b"HTTP/1.1 hush-token\r\n\r\n"),
        )
        with caplog.at_level(logging.DEBUG), pytest.raises(UnavailableError) as caught:
            transport.send(ask(url))
        shown += [str(caught.value), repr(caught.value), repr(caught.value.args)]
    shown += [record.getMessage() for record in caplog.records] + [str(record.__dict__) for record in caplog.records]
    assert len(caplog.records) > 10
    everything = "\n".join(shown)
    assert server.requests[0].headers["authorization"] == authorization("u", "hush-password")
    assert "hush" not in everything
    assert authorization("u", "hush-password").removeprefix("Basic ") not in everything
    assert "${TOKEN}" in everything


def test_every_error_is_one_of_ours(server: FaultyServer) -> None:
    noise = [os.urandom(200) for _ in range(30)] + [b"HTTP/1.1 200 OK\r\n" + os.urandom(100) + b"\r\n\r\n" for _ in range(30)]
    with HttpxTransport(options=evolve(QUICK, attempts=1, read_timeout=0.1)) as transport:
        for data in noise:
            server.at("/a", faulty.raw(data, close=True))
            try:
                transport.send(ask(server.url("/a"), gzip=True))
            except HostError:
                continue
    assert len(server.requests) == len(noise)


# --- sockets ---------------------------------------------------------------


def test_a_connection_that_is_made_after_closing_is_shut_at_once() -> None:
    sockets = Sockets()
    early, late = socket.socketpair(), socket.socketpair()
    sockets.add(early[0], Use())
    sockets.shut()
    sockets.add(late[0], Use())
    for ours, theirs in (early, late):
        with ours, theirs:
            assert ours.recv(1) == b""


# --- many threads ------------------------------------------------------------


def test_many_threads_share_a_transport_and_its_connections(server: FaultyServer) -> None:
    contents = {f"/{number}": os.urandom(1000 + number) for number in range(50)}
    for path, content in contents.items():
        server.at(path, faulty.body(content))
    with HttpxTransport(options=evolve(QUICK, max_connections=4)) as transport, ThreadPoolExecutor(16) as pool:
        paths = list(contents) * 6
        answers = pool.map(lambda path: transport.send(ask(server.url(path))).body, paths)
        assert all(body == contents[path] for path, body in zip(paths, answers, strict=True))
    # Four would do; one that the server or the pool gives up under load is made anew. Without reuse it would be 300.
    assert server.connections <= len(paths) // 10
