"""Versions on demand, against a real server: many threads, many processes, and a sync beside them."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from loopback import serving
from pydeps_host import Budget, Host, HostConfig, Store
from pydeps_host.errors import MissingError, UsageError
from pydeps_host.events import Event, RequestSent
from pydeps_host.testing import build_sdist

# Asks from eight threads at once for what its arguments say, when the first line comes in.
ASKER = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pydeps_host import Host, HostConfig, Store
folder, url, wanted = sys.argv[1:]
config = HostConfig.from_mapping({"urls": [url], "onDemand": {"allow": ["*"]}})
with Host(config, Store(folder)) as host, ThreadPoolExecutor(8) as pool:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(sorted({one.commit for one in pool.map(host.ensure, [wanted] * 8)})), flush=True)
"""


@pytest.fixture
def index():
    with serving() as made:
        for number in range(10):
            made.add(build_sdist("alpha", f"1.{number}", {"code.py": f"alpha {number}\n" * 2000}))
        yield made


def config(index, *dependencies, **more):
    return HostConfig.from_mapping({"urls": [index.url], "dependencies": list(dependencies), **more})


def test_thirty_two_threads_that_ask_for_one_version_ask_the_index_once_and_download_it_once(index, tmp_path):
    together = threading.Barrier(32)

    def ask(_: int) -> str:
        together.wait()
        return host.ensure("alpha==1.3").commit

    with Host(config(index, "alpha"), Store(tmp_path / "code")) as host, ThreadPoolExecutor(32) as pool:
        found = set(pool.map(ask, range(32)))
    assert len(found) == 1
    assert (index.pages, index.files) == (("alpha",), ("alpha-1.3.tar.gz",))


def test_four_processes_of_eight_threads_that_ask_for_one_version_download_it_once(index, tmp_path):
    command = [sys.executable, "-c", ASKER, str(tmp_path / "code"), index.url, "alpha==1.3"]
    askers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        for asker in askers:
            assert asker.stdout is not None
            assert asker.stdout.readline() == "ready\n"
        answers = [json.loads(asker.communicate("go\n", timeout=60)[0]) for asker in askers]
    finally:
        for asker in askers:
            asker.kill()
            asker.wait()
    assert len({commit for answer in answers for commit in answer}) == 1
    assert index.files == ("alpha-1.3.tar.gz",)
    assert Store(tmp_path / "code").repository("alpha").claims() == {"on-demand": {"alpha==1.3": frozenset({"1.3"})}}


def test_a_thousand_askings_for_what_is_there_take_two_seconds_at_most(index, tmp_path):
    with Host(config(index, "alpha>=1"), Store(tmp_path / "code")) as host:
        assert host.sync().succeeded
        asked = len(index.requests)
        began = time.process_time()
        for number in range(1000):
            host.ensure("alpha", f"v1.{number % 10}^0")
        assert time.process_time() - began <= 2
        assert len(index.requests) == asked


def test_what_cannot_be_had_is_refused_in_the_time_that_is_given(index, tmp_path):
    index.script_always(index.page_path("alpha"), lambda _: time.sleep(3))
    with Host(config(index, "alpha"), Store(tmp_path / "code")) as host, ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        jobs = [pool.submit(host.ensure, "alpha==1.0", timeout=0.2) for _ in range(4)]
        assert {type(job.exception()).__name__ for job in jobs} == {"DeadlineError"}
        assert time.monotonic() - began < 1.5


def test_an_asking_goes_before_the_bulk_work_that_waits_and_takes_half_of_the_budget_while_that_lasts(index, tmp_path):
    """The sync waits for the budget all the time; so do those who ask, for what is not there: one request each."""
    names = [f"bulk-{number}" for number in range(25)]
    for name in names:
        index.add(build_sdist(name, "1.0", {"code.py": "x\n"}))
    sent: list[str] = []
    done = threading.Event()

    def observe(event: Event) -> None:
        if isinstance(event, RequestSent):
            sent.append(str(event.url).rpartition("/files/")[2].partition("simple/")[2] or "bulk-file")

    def ask(asker: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            with pytest.raises(MissingError):
                host.ensure(f"asked-{asker}-{number}==1.0")

    budget = Budget(requests_per_hour=3600 * 50, burst=1)
    wanted = config(index, *names, onDemand={"allow": ["asked-*"]})
    with Host(wanted, Store(tmp_path / "code", durable=False), limiter=budget, observer=observe) as host, ThreadPoolExecutor(4) as pool:
        askers = [pool.submit(ask, number) for number in range(4)]
        assert host.sync(jobs=6).succeeded
        done.set()
        for asker in askers:
            asker.result()
    bulk = [place for place, what in enumerate(sent) if what.startswith("bulk")]
    during = sent[bulk[0] : bulk[-1] + 1]
    share = sum(what.startswith("asked") for what in during) / len(during)
    assert len(bulk) == 50
    assert 0.35 <= share <= 0.6


def test_who_is_not_served_costs_no_request(index, tmp_path):
    with Host(config(index, "alpha", onDemand={"allow": ["beta"]}), Store(tmp_path / "code")) as host:
        with pytest.raises(UsageError):
            host.ensure("alpha==1.0")
        for _ in range(2):
            with pytest.raises(MissingError):
                host.ensure("beta==1.0")
    assert index.pages == ("beta",)
