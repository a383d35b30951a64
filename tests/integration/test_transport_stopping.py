"""Whatever a request is doing, closing, a stop, a deadline or Ctrl-C ends it within a tenth of a second."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest
from attrs import evolve

import faulty_server as faulty
from faulty_server import FaultyServer
from pydeps_host.errors import ClosedError, DeadlineError
from pydeps_host.events import Event, RequestSent, Waiting
from pydeps_host.limiter import Ask, Budget, Stop
from pydeps_host.transport import HttpxTransport, Request, Response, TransportOptions
from pydeps_host.values import Url
from waiting import eventually

PROMPT = 0.1
SLOW = TransportOptions(backoff=60, backoff_cap=60, trust_environment=False)


def ask(url: str, **more: object) -> Request:
    return Request(Url.parse(url), **{"max_bytes": 1 << 20, "max_bytes_name": "page_bytes"} | more)  # type: ignore[arg-type]


@contextmanager
def black_hole() -> Iterator[str]:
    """A port whose connections are never made: the queue of its listener is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(address)
        time.sleep(0.05)
        yield f"http://127.0.0.1:{address[1]}/"


@contextmanager
def silent_tls() -> Iterator[str]:
    """A server that accepts and never answers the TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"


def drip(connection: faulty.Connection, seen: faulty.Seen) -> None:
    faulty.dripping(10_000, 0.01)(connection, seen)


class Situation:
    """A transport with a request that is stuck somewhere."""

    def __init__(self, stack: ExitStack, name: str) -> None:
        self.events: list[Event] = []
        self.stop = Stop()
        self.server = stack.enter_context(FaultyServer())
        self.server.at("/ok", faulty.text("hello"))
        self.server.at("/header", faulty.stall).at("/body", faulty.stalling_body(b"abc", 10)).at("/drip", drip)
        self.server.at("/backoff", faulty.reset).at("/pause", faulty.status(429, ("Retry-After", "50")))
        budget = Budget(requests_per_hour=1, burst=1)
        options = evolve(SLOW, max_connections=1) if name == "pool" else SLOW
        self.transport = stack.enter_context(
            HttpxTransport(limiter=budget if name == "budget" else None, stop=self.stop, observer=self.events.append, options=options)
        )
        self.url = self.server.url(f"/{name}")
        if name == "budget":
            budget.acquire(Ask())
        elif name == "connect":
            self.url = stack.enter_context(black_hole())
        elif name == "tls":
            self.url = stack.enter_context(silent_tls())
        elif name == "reused":
            self.transport.send(ask(self.server.url("/ok")))
            self.url = self.server.url("/header")
        elif name == "pool":
            self.url = self.server.url("/header")
            threading.Thread(target=self.send_until_closed, daemon=True).start()
            self.server.wait_for(1)
        self.waits = name in ("budget", "backoff", "pause")
        self.sent_before = len(self.events)

    def send(self, deadline: float | None = None) -> Response:
        return self.transport.send(ask(self.url, deadline=deadline))

    def send_until_closed(self) -> None:
        with suppress(ClosedError):
            self.send()

    def until_stuck(self, threads: int = 1) -> None:
        kind: type[Event] = Waiting if self.waits else RequestSent
        end = time.monotonic() + 10
        while sum(isinstance(event, kind) for event in self.events[self.sent_before :]) < threads:
            assert time.monotonic() < end
            time.sleep(0.001)
        # From being sent to being stuck in the operating system.
        time.sleep(0.1)


STUCK = ["header", "reused", "body", "drip", "connect", "tls", "pool", "budget", "backoff", "pause"]


@pytest.fixture
def situation(request: pytest.FixtureRequest) -> Iterator[Situation]:
    with ExitStack() as stack:
        yield Situation(stack, request.param)


@pytest.mark.parametrize("ending", ["close", "stop"])
@pytest.mark.parametrize("situation", STUCK, indirect=True)
def test_closing_or_a_stop_ends_every_send_within_a_tenth_of_a_second(situation: Situation, ending: str) -> None:
    ended: list[float] = []

    def worker() -> None:
        with pytest.raises(ClosedError):
            situation.send()
        ended.append(time.monotonic())

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(worker) for _ in range(8)]
        situation.until_stuck(8)
        began = time.monotonic()
        if ending == "close":
            situation.transport.close()
        else:
            situation.stop.set()
        for future in futures:
            future.result(5)
    assert max(ended) - began < PROMPT
    with pytest.raises(ClosedError):
        situation.send()


@pytest.mark.parametrize("situation", ["header", "reused", "body", "drip", "connect", "tls", "pool"], indirect=True)
def test_a_deadline_ends_a_request_that_is_under_way(situation: Situation) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        situation.send(deadline=began + 0.3)
    assert 0.3 <= time.monotonic() - began < 0.3 + PROMPT


@pytest.mark.parametrize("situation", ["budget", "backoff", "pause"], indirect=True)
def test_a_wait_that_passes_the_deadline_is_refused_at_once(situation: Situation) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        # A random backoff below 60 s: one in a thousand is shorter than this.
        situation.send(deadline=began + 0.06)
    assert time.monotonic() - began < 0.06 + PROMPT


@pytest.mark.parametrize("situation", STUCK, indirect=True)
def test_ctrl_c_in_the_main_thread_ends_its_send_and_closing_then_ends_the_others(situation: Situation) -> None:
    at: list[float] = []

    def interrupt() -> None:
        situation.until_stuck(2)
        at.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def worker() -> None:
        with pytest.raises(ClosedError):
            situation.send()

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(interrupt), pool.submit(worker)]
        with pytest.raises(KeyboardInterrupt):
            situation.send()
        assert time.monotonic() - at[0] < PROMPT
        situation.transport.close()
        for future in futures:
            future.result(1)


def request_threads() -> int:
    return sum(thread.name == "pydeps-host-request" for thread in threading.enumerate())


@pytest.mark.parametrize("situation", ["header", "reused", "body", "drip", "pool"], indirect=True)
def test_nothing_is_left_behind_after_closing(situation: Situation) -> None:
    thread = threading.Thread(target=situation.send_until_closed)
    thread.start()
    situation.until_stuck()
    situation.transport.close()
    thread.join(5)
    eventually(lambda: request_threads() == 0)
    assert situation.transport._wire._doors == {}
    assert situation.transport._wire._users == 0
    assert situation.transport._wire._discretion not in logging.getLogger("httpcore.http11").filters
    assert situation.stop._callbacks == {}


def test_connections_that_closing_had_to_leave_to_a_request_are_closed_when_it_lets_go() -> None:
    with FaultyServer() as server, black_hole() as url:
        server.at("/", faulty.text("hello"))
        transport = HttpxTransport(options=evolve(SLOW, connect_timeout=0.6))
        transport.send(ask(server.url("/")))
        with pytest.raises(DeadlineError):
            transport.send(ask(url, deadline=time.monotonic() + 0.1))
        transport.close()
        assert transport._wire._doors != {}
        eventually(lambda: transport._wire._doors == {})
        eventually(lambda: request_threads() == 0)


@pytest.mark.parametrize("situation", ["body", "drip"], indirect=True)
def test_a_request_that_was_left_gives_its_connection_up_at_once(situation: Situation) -> None:
    with pytest.raises(DeadlineError):
        situation.send(deadline=time.monotonic() + 0.2)
    # Left alone, it would read on for a second past the deadline.
    eventually(lambda: request_threads() == 0, 0.9)
    assert situation.transport.send(ask(situation.server.url("/ok"))).body == b"hello"


def test_a_sink_is_not_written_to_once_send_has_left() -> None:
    class Watched:
        def __init__(self) -> None:
            self.left = False
            self.late = 0

        def restart(self) -> None: ...

        def write(self, data: bytes) -> None:
            self.late += self.left

    sink = Watched()
    with FaultyServer() as server, HttpxTransport(options=SLOW) as transport:
        server.at("/", faulty.chunked(lambda: iter(lambda: b"x", b"")))
        with pytest.raises(DeadlineError):
            transport.send(ask(server.url("/"), into=sink, max_bytes=1 << 40, deadline=time.monotonic() + 0.2))
        sink.left = True
        eventually(lambda: request_threads() == 0)
    assert sink.late == 0


def test_a_closed_transport_may_be_closed_again_and_refuses_to_ask() -> None:
    transport = HttpxTransport(options=SLOW)
    transport.close()
    transport.close()
    with pytest.raises(ClosedError):
        transport.send(ask("http://127.0.0.1:1/"))


def test_a_socket_that_closing_shut_is_no_fault_of_the_server() -> None:
    for _ in range(10):
        with FaultyServer() as server:
            server.at("/", faulty.stall)
            transport = HttpxTransport(options=evolve(SLOW, attempts=1))

            def worker(transport: HttpxTransport = transport, url: str = server.url("/")) -> None:
                with pytest.raises(ClosedError):
                    transport.send(ask(url))

            with ThreadPoolExecutor(8) as pool:
                futures = [pool.submit(worker) for _ in range(8)]
                server.wait_for(8)
                transport.close()
                for future in futures:
                    future.result(5)


def test_a_stop_that_is_set_already_closes_a_new_transport() -> None:
    stop = Stop()
    stop.set()
    with HttpxTransport(stop=stop) as transport, pytest.raises(ClosedError):
        transport.send(ask("http://127.0.0.1:1/"))


def test_one_transport_is_closed_and_another_goes_on() -> None:
    with FaultyServer() as server, HttpxTransport(options=SLOW) as first, HttpxTransport(options=SLOW) as second:
        server.at("/", faulty.text("hello"))
        first.send(ask(server.url("/")))
        first.close()
        assert second.send(ask(server.url("/"))).body == b"hello"
