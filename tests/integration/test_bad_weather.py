"""Long runs through bad weather: not one wrong byte, no more requests than promised."""

import hashlib
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import faulty_server as faulty
from faulty_server import Connection, FaultyServer, Seen
from pydeps_host.errors import HostError
from pydeps_host.limiter import Budget
from pydeps_host.simple_api import File, fetch_file
from pydeps_host.transport import HttpxTransport, Request, TransportOptions
from pydeps_host.values import Digest, Url

# A two-hundredth of the real times.
SCALED = TransportOptions(
    backoff=0.0025, backoff_cap=0.04, pause_cap=0.3, read_timeout=0.15, header_timeout=0.3, rate_window=0.15, trust_environment=False
)
DOWNLOADS, FAULTY = 500, 0.3
TAG = ("ETag", '"one"')


def content_of(path: str) -> bytes:
    return random.Random(path).randbytes(500 + int(path[1:]) * 40)


class Weather:
    """Answers three requests of ten with a fault, by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.faults: Counter[str] = Counter()

    def __call__(self, connection: Connection, seen: Seen) -> None:
        content = content_of(seen.path)
        answers: dict[str, faulty.Answer] = {
            "reset": faulty.reset,
            "truncation": faulty.part(content, TAG, cut=self._random.randrange(len(content))),
            "truncation without a validator": faulty.part(content, cut=self._random.randrange(len(content))),
            "500": faulty.status(500),
            "503": faulty.status(503, ("Retry-After", "0")),
            "429": faulty.status(429),
            "wrong bytes": faulty.body(bytes(len(content)), TAG),
            "stall": faulty.stall,
            "stall in the body": faulty.stalling_body(content[:100], len(content)),
        }
        name = self._random.choice(list(answers)) if self._random.random() < FAULTY else ""
        self.faults[name] += 1
        answers.get(name, faulty.part(content, TAG))(connection, seen)


def test_of_five_hundred_downloads_in_bad_weather_each_ends_whole_or_with_an_error_that_may_be_tried_again(tmp_path: Path) -> None:
    weather = Weather(seed=6)

    def one(number: int) -> HostError | None:
        content = content_of(f"/{number}")
        digest = Digest("sha256", hashlib.sha256(content).hexdigest())
        file = File("a-1.tar.gz", Url.parse(server.url(f"/{number}")), frozenset({digest}), len(content) if number % 2 else None)
        try:
            fetch_file(file, tmp_path / str(number), transport=transport)
        except HostError as problem:
            return problem
        return None

    began = time.monotonic()
    with FaultyServer(answer=weather) as server, HttpxTransport(options=SCALED) as transport, ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(one, range(DOWNLOADS)))
    took = time.monotonic() - began
    problems = [problem for problem in ended if problem is not None]
    assert all(problem.retryable for problem in problems), problems
    published = {int(path.name): path.read_bytes() for path in tmp_path.iterdir()}
    assert published.keys() == {number for number, problem in enumerate(ended) if problem is None}
    assert all(data == content_of(f"/{number}") for number, data in published.items())
    assert len(published) > DOWNLOADS * 0.9
    assert 0.2 < 1 - weather.faults[""] / weather.faults.total() < 0.4
    assert len(weather.faults) == 10
    assert sum("range" in seen.headers for seen in server.requests) > 5
    assert took < 60


@pytest.mark.parametrize("threads", [1, 16])
def test_the_rate_that_is_promised_is_the_rate_at_the_server_retries_and_redirects_counted(threads: int) -> None:
    # The default is 16 in a second; four times as fast is as much as a busy machine serves without queues of its own.
    rate, burst, requests = 64.0, 100, 520
    options = TransportOptions(backoff=0.001, backoff_cap=0.002, trust_environment=False)
    with FaultyServer() as server:
        server.at("/plain", faulty.text("hello")).at("/moved", faulty.redirect("/plain"))
        server.at("/flaky", *([faulty.status(503), faulty.text("hello")] * requests))
        limiter = Budget(requests_per_hour=rate * 3600)
        with HttpxTransport(limiter=limiter, options=options) as transport, ThreadPoolExecutor(threads) as pool:

            def ask(number: int) -> int:
                if len(server.requests) >= requests:
                    return 200
                url = Url.parse(server.url(("/plain", "/moved", "/flaky")[number % 3]))
                return transport.send(Request(url, max_bytes=100, max_bytes_name="page_bytes")).status

            # The first request loads the engine; by the second the bucket is full again.
            ask(0)
            time.sleep(0.1)
            assert set(pool.map(ask, range(requests))) <= {200, 503}
        times = sorted(seen.at for seen in server.requests[1:])
    # Once the burst is spent, by the clock of the server.
    steady = times[2 * burst :]
    assert abs((len(steady) - 1) / (steady[-1] - steady[0]) - rate) < 0.02 * rate
    # The most that came in any stretch of time beyond what the rate gives for it.
    above = least = 0.0
    for count, at in enumerate(times):
        least = min(least, count - rate * (at - times[0]))
        above = max(above, count + 1 - rate * (at - times[0]) - least)
    # Threads and sockets move single requests about by a tenth of a second or two.
    assert above <= burst + 0.2 * rate
