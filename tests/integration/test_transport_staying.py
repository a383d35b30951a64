"""A request over a connection that is open stays in the thread that sends it, and is ended in time all the same."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from attrs import evolve

import faulty_server as faulty
from faulty_server import Connection, FaultyServer, Seen
from pydeps_host.errors import ClosedError, DeadlineError, UnavailableError
from pydeps_host.events import Event, RequestSent
from pydeps_host.limiter import Stop
from pydeps_host.transport import HttpxTransport, Request, TransportOptions
from pydeps_host.transport.threads import AT_WORK
from pydeps_host.transport.watch import WATCHING
from pydeps_host.values import Url
from waiting import eventually

T = TypeVar("T")
PROMPT = 0.1
OPTIONS = TransportOptions(backoff=0.005, backoff_cap=0.01, attempts=2, trust_environment=False)


def ask(url: str, **more: object) -> Request:
    return Request(Url.parse(url), **{"max_bytes": 1 << 20, "max_bytes_name": "page_bytes"} | more)  # type: ignore[arg-type]


def named(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def elsewhere(work: Callable[[], T]) -> T:
    """Do something in a thread that is not the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(30)


class Bench:
    """A server that counts the threads that are at a request while it answers, and a transport."""

    def __init__(self, server: FaultyServer) -> None:
        self.server = server
        self.at_work: list[int] = []
        server.at("/ok", self.counting).at("/header", faulty.stall).at("/body", faulty.stalling_body(b"abc", 10))
        server.at("/drip", faulty.dripping(10_000, 0.01))

    def counting(self, connection: Connection, seen: Seen) -> None:
        self.at_work.append(named(AT_WORK))
        faulty.text("hello")(connection, seen)

    def get(self, transport: HttpxTransport, path: str = "/ok", **more: object) -> bytes:
        return transport.send(ask(self.server.url(path), **more)).body


@pytest.fixture
def bench() -> Iterator[Bench]:
    with FaultyServer() as server:
        yield Bench(server)


def test_the_first_request_gets_a_thread_and_the_next_ones_need_none(bench: Bench) -> None:
    with HttpxTransport(options=OPTIONS) as transport:
        elsewhere(lambda: [bench.get(transport) for _ in range(3)])
    assert bench.at_work == [1, 0, 0]
    assert bench.server.connections == 1


def test_where_no_connection_can_be_open_none_is_looked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpxTransport(options=OPTIONS) as transport:
        looked_up: list[Url] = []
        monkeypatch.setattr(transport._keys, "of", looked_up.append)
        elsewhere(lambda: bench.get(transport))
        # Once for each time that the work is begun.
        assert len(looked_up) == 1


def test_in_the_main_thread_none_stays_for_ctrl_c_reaches_that(bench: Bench) -> None:
    with HttpxTransport(options=OPTIONS) as transport:
        for _ in range(2):
            bench.get(transport)
    assert bench.at_work == [1, 1]


def test_none_stays_where_the_keyring_may_have_to_ask_a_person(bench: Bench) -> None:
    url = bench.server.url("/ok", user="ada:secret")
    with HttpxTransport(options=evolve(OPTIONS, keyring=True)) as transport:
        elsewhere(lambda: [transport.send(ask(url)) for _ in range(2)])
    assert bench.at_work == [1, 1]


def test_a_connection_that_the_server_closed_is_made_anew_in_a_thread_and_costs_no_attempt(bench: Bench) -> None:
    events: list[Event] = []

    def once(connection: Connection, seen: Seen) -> None:
        bench.counting(connection, seen)
        connection.reset()

    bench.server.at("/ok", once, bench.counting)
    with HttpxTransport(options=evolve(OPTIONS, attempts=1), observer=events.append) as transport:

        def both() -> None:
            bench.get(transport)
            # It is seen by the engine as soon as it is here.
            time.sleep(0.1)
            bench.get(transport)

        elsewhere(both)
    assert bench.at_work == [1, 1]
    assert bench.server.connections == 2
    assert [event.attempt for event in events if isinstance(event, RequestSent)] == [1, 1]


@pytest.mark.parametrize("path", ["/header", "/body", "/drip"])
def test_a_deadline_ends_it(bench: Bench, path: str) -> None:
    with HttpxTransport(options=OPTIONS) as transport:

        def late() -> float:
            bench.get(transport)
            began = time.monotonic()
            with pytest.raises(DeadlineError):
                bench.get(transport, path, deadline=began + 0.3)
            return time.monotonic() - began

        assert 0.3 <= elsewhere(late) < 0.3 + PROMPT
        # It gave its connection up, and the next request gets another one.
        assert elsewhere(lambda: bench.get(transport)) == b"hello"


@pytest.mark.parametrize("path", ["/header", "/body", "/drip"])
def test_closing_ends_it(bench: Bench, path: str) -> None:
    transport = HttpxTransport(options=OPTIONS)

    def until_closed() -> float:
        bench.get(transport)
        with pytest.raises(ClosedError):
            bench.get(transport, path)
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(until_closed)
        bench.server.wait_for(2)
        time.sleep(0.05)
        assert named(AT_WORK) == 0
        began = time.monotonic()
        transport.close()
        assert ended.result(5) - began < PROMPT
    eventually(lambda: named(WATCHING) == 0, 1)
    assert transport._wire._doors == {}
    assert transport._wire._users == 0


def test_a_stop_ends_it_though_its_socket_was_passed_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Stop()
    with HttpxTransport(options=OPTIONS, stop=stop) as transport, ThreadPoolExecutor(1) as pool:
        elsewhere(lambda: bench.get(transport))
        monkeypatch.setattr(transport._wire, "shut", lambda: None)
        ended = pool.submit(bench.get, transport, "/header")
        bench.server.wait_for(2)
        time.sleep(0.05)
        began = time.monotonic()
        stop.set()
        with pytest.raises(ClosedError):
            ended.result(5)
        assert time.monotonic() - began < PROMPT


@pytest.mark.parametrize(("path", "detail"), [("/header", "header was not here within 0.4 s"), ("/drip", "too slow")])
def test_what_comes_too_slowly_is_given_up(bench: Bench, path: str, detail: str) -> None:
    options = evolve(OPTIONS, header_timeout=0.4, rate_window=0.2, least_rate=2000, attempts=1)
    with HttpxTransport(options=options) as transport:

        def slow() -> None:
            bench.get(transport)
            with pytest.raises(UnavailableError, match=detail):
                bench.get(transport, path)

        began = time.monotonic()
        elsewhere(slow)
        assert time.monotonic() - began < 1.5


def test_whoever_finds_every_connection_taken_waits_in_a_thread_that_can_be_left(bench: Bench) -> None:
    with HttpxTransport(options=evolve(OPTIONS, max_connections=1)) as transport, ThreadPoolExecutor(1) as pool:
        elsewhere(lambda: bench.get(transport))
        holds = pool.submit(bench.get, transport, "/header")
        bench.server.wait_for(2)

        def waits() -> float:
            began = time.monotonic()
            with pytest.raises(DeadlineError):
                bench.get(transport, deadline=began + 0.3)
            return time.monotonic() - began

        assert 0.3 <= elsewhere(waits) < 0.3 + PROMPT
        transport.close()
        with pytest.raises(ClosedError):
            holds.result(5)


def test_many_threads_get_their_answers_over_few_connections(bench: Bench) -> None:
    with HttpxTransport(options=evolve(OPTIONS, max_connections=3)) as transport, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: bench.get(transport), range(400))) == {b"hello"}
    assert bench.server.connections <= 3
    assert bench.at_work.count(0) > 0
