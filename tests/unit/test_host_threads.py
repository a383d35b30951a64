"""Several projects at a time, and every way to stop early."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench import Bench, sdist, statuses
from pydeps_host import Host, HostConfig, Status, Store, Unlimited
from pydeps_host.errors import ClosedError, UsageError
from pydeps_host.events import Event, ProjectFinished, ProjectStarted, RepositoryChanged, SyncStarted, VersionFinished
from pydeps_host.host import host as host_module
from pydeps_host.host import workers
from pydeps_host.host.project import sync_project
from pydeps_host.host.workers import Workers
from pydeps_host.testing import FakeIndex, build_sdist

NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota")


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    for name in NAMES:
        made.index.add(sdist("1.0", name), sdist("2.0", name))
    return made


def everything(bench: Bench) -> dict[str, dict[str, str]]:
    return {repository.name: {ref: one.id.hex() for ref, one in repository.refs().items()} for repository in bench.store.repositories()}


def test_the_ids_are_the_same_for_one_job_and_for_eight(bench, tmp_path):
    wanted = [f"{name}>=1" for name in NAMES]
    assert bench.sync(*wanted, jobs=1).succeeded
    other = Bench(tmp_path / "other", bench.index)
    report = other.sync(*reversed(wanted), jobs=8)
    assert everything(other) == everything(bench)
    assert [project.name for project in report.projects] == sorted(NAMES)
    assert report.count(Status.ADDED) == 18
    assert (other.events.of(SyncStarted), len(other.events.of(ProjectStarted))) == ((SyncStarted(9),), 9)
    assert {event.name for event in other.events.of(ProjectFinished) if event.succeeded} == set(NAMES)


def test_events_come_one_at_a_time(bench):
    inside = threading.Lock()

    def observe(event: Event) -> None:
        assert inside.acquire(blocking=False)
        time.sleep(0.001)
        inside.release()

    with Host(bench.config(*NAMES), bench.store, transport=bench.index, observer=observe) as host:
        assert host.sync(jobs=8).succeeded


@pytest.mark.parametrize("jobs", [1, 8])
def test_what_an_observer_raises_stops_the_sync_undoes_nothing_and_holds_no_lock(bench, jobs):
    told: list[VersionFinished] = []

    def observe(event: Event) -> None:
        if isinstance(event, VersionFinished):
            told.append(event)
            if len(told) == 3:
                raise LookupError("enough")

    with Host(bench.config(*NAMES), bench.store, transport=bench.index, observer=observe) as host:
        with pytest.raises(LookupError, match="enough"):
            host.sync(jobs=jobs)
        published = everything(bench)
        assert len(published) < len(NAMES)
        assert host.sync(jobs=jobs).succeeded
    assert published.items() <= everything(bench).items()


def test_ctrl_c_closes_the_host(bench):
    def observe(event: Event) -> None:
        if isinstance(event, RepositoryChanged):
            raise KeyboardInterrupt

    with Host(bench.config(*NAMES), bench.store, transport=bench.index, observer=observe) as host:
        with pytest.raises(KeyboardInterrupt):
            host.sync(jobs=2)
        with pytest.raises(ClosedError, match="closed"):
            host.plan()
    assert len(everything(bench)) >= 1


def test_closing_a_host_at_work_ends_the_work_and_what_is_published_stays(bench):
    host = bench.host("alpha==1.0", "beta>=1")
    bench.index.script(bench.index.file_path("beta-2.0.tar.gz"), lambda request: host.close())
    with pytest.raises(ClosedError, match="what was published stays"):
        host.sync(jobs=1)
    assert bench.store.names() == ("alpha",)
    assert "beta-1.0.tar.gz" not in bench.index.files
    assert bench.sync("alpha==1.0", "beta>=1").succeeded
    assert bench.index.files.count("beta-2.0.tar.gz") == 1


def test_an_iterator_that_is_closed_early_begins_nothing_more_and_leaves_what_is_under_way(bench):
    with bench.host(*NAMES) as host:
        reports = host.sync_iter(jobs=1)
        first = next(reports)
        reports.close()
        assert first.name == "alpha"
        done = len(everything(bench))
        assert done <= 2
        assert host.sync(jobs=2).succeeded


def test_an_iterator_that_is_closed_early_stops_other_threads_between_two_files(bench):
    at_work, go_on = threading.Event(), threading.Event()

    def hold(request):
        at_work.set()
        assert go_on.wait(10)

    bench.index.script(bench.index.file_path("beta-2.0.tar.gz"), hold)
    with bench.host("alpha", "beta>=1") as host:
        reports = host.sync_iter(jobs=2)
        assert next(reports).name == "alpha"
        assert at_work.wait(10)
        threading.Timer(0.2, go_on.set).start()
        reports.close()
    assert "beta-1.0.tar.gz" not in bench.index.files
    assert bench.store.names() == ("alpha",)


def test_an_iterator_that_nobody_starts_does_nothing(bench):
    with bench.host("alpha") as host:
        host.sync_iter().close()
    assert bench.events.events == ()


def test_a_host_is_shared_by_threads_and_brings_each_version_once(bench):
    with bench.host(*NAMES) as host, ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(host.ensure, f"{name}==1.0") for name in NAMES for _ in range(3)]
        found = {job.result() for job in jobs}
    assert len(found) == len(NAMES)
    assert sorted(bench.index.files) == sorted(f"{name}-1.0.tar.gz" for name in NAMES)


def test_an_observer_may_ask_the_host_for_something_and_is_told_of_that_too(bench):
    hosts: list[Host] = []

    def observe(event: Event) -> None:
        bench.events(event)
        if isinstance(event, RepositoryChanged) and event.name == "alpha":
            hosts[0].ensure("beta==1.0")

    with Host(bench.config("alpha", "beta"), bench.store, transport=bench.index, observer=observe) as host:
        hosts.append(host)
        alpha, beta = host.sync(jobs=1).projects
    assert statuses(alpha) == {"2.0": "added"}
    assert statuses(beta) == {"2.0": "added"}
    assert bench.tags("beta") == ["v1.0", "v2.0"]
    assert [event.name for event in bench.events.of(RepositoryChanged)] == ["alpha", "beta", "beta"]


def test_no_jobs_are_refused_and_nothing_to_do_is_fine(bench):
    with bench.host("alpha") as host, pytest.raises(UsageError, match="0 jobs"):
        host.sync(jobs=0)
    report = bench.sync()
    assert (report.projects, report.succeeded) == ((), True)


def test_a_host_that_is_given_no_transport_makes_one_and_closes_it(bench):
    for more in ({}, {"rateLimit": {"enabled": False}}):
        with Host(bench.config("alpha", **more), bench.store) as host:
            assert host.repositories() == ()
        with pytest.raises(ClosedError):
            host.sync()
    with Host(bench.config("alpha"), bench.store, limiter=Unlimited()) as host:
        pass


def test_workers_that_are_done_are_joined_before_they_ever_began():
    several: Workers[int, int] = Workers([1, 2, 3], abs, jobs=2)
    several.join()
    assert list(Workers([1, -2], abs, jobs=1).results()) == [1, 2]


class Watched:
    """Work that knows how much of it is under way at once."""

    def __init__(self, work):
        self.work = work
        self.lock = threading.Lock()
        self.now = self.most = 0

    def __call__(self, task):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return self.work(task)
        finally:
            with self.lock:
                self.now -= 1


def test_a_task_that_is_done_soon_is_done_alone(monkeypatch):
    monkeypatch.setattr(workers, "_ALONE_SECONDS", 60.0)

    def work(task):
        time.sleep(0.001)
        return threading.get_ident()

    watched = Watched(work)
    began = time.monotonic()
    assert len(set(Workers(range(50), watched, jobs=4).results())) == 1, "nor is it handed from thread to thread"
    assert (watched.most, time.monotonic() - began < 30) == (1, True)


def test_a_task_that_takes_longer_keeps_no_other_one_from_beginning():
    together = threading.Barrier(3)
    watched = Watched(lambda task: together.wait(20))
    assert sorted(Workers(range(3), watched, jobs=3).results()) == [0, 1, 2]
    assert watched.most == 3


@pytest.mark.parametrize("loads", [True, False])
def test_the_first_task_is_given_a_longer_while_if_it_loads_what_all_need(monkeypatch, loads):
    monkeypatch.setattr(workers, "_FIRST_SECONDS", 1.0)
    began: list[float] = []
    hold = threading.Barrier(3)

    def work(task):
        began.append(time.monotonic())
        hold.wait(20)

    assert len(list(Workers(range(3), work, jobs=3, first_loads=loads).results())) == 3
    assert (began[1] - began[0] >= 1.0) is loads
    assert began[2] - began[1] < 0.9


def test_where_folders_alone_are_looked_into_nobody_waits_for_a_server(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_FIRST_SECONDS", 60.0)
    for name in ("alpha", "beta"):
        build_sdist(name, "1.0", {"a.py": ""}).into(tmp_path / "index" / name)
    config = HostConfig.loads(json.dumps({"dependencies": ["alpha==1.0", "beta==1.0"], "urls": [(tmp_path / "index").as_uri()]}))
    together = threading.Barrier(2)

    def side_by_side(*words, **more):
        together.wait(20)
        return sync_project(*words, **more)

    monkeypatch.setattr(host_module, "sync_project", side_by_side)
    with Host(config, Store(tmp_path / "store")) as host:
        assert host.sync(jobs=2).succeeded


def test_who_is_done_with_a_long_task_waits_for_the_one_that_began_meanwhile(monkeypatch):
    monkeypatch.setattr(workers, "_ALONE_SECONDS", 0.2)
    began: dict[int, float] = {}
    second, third = threading.Event(), threading.Event()

    def work(task):
        began[task] = time.monotonic()
        {1: second, 2: third}.get(task, threading.Event()).set()
        assert (second, third, third)[task].wait(20)

    assert len(list(Workers(range(3), work, jobs=2).results())) == 3
    assert began[2] - began[1] >= 0.2


def test_of_those_that_wait_for_their_turn_one_looks_for_it(monkeypatch):
    hold = threading.Event()
    looking = Watched(time.sleep)
    several = Workers(range(8), lambda task: hold.wait(20), jobs=8)
    monkeypatch.setattr(time, "sleep", looking)
    with ThreadPoolExecutor(1) as pool:
        everything = pool.submit(list, several.results())
        hold.wait(0.5)
        hold.set()
        assert everything.result() == [True] * 8
    assert looking.most == 1


def test_a_task_that_fails_gives_up_its_turn(monkeypatch):
    """Whoever fails takes no further task; the others do."""
    monkeypatch.setattr(workers, "_ALONE_SECONDS", 0.05)

    def work(task):
        if task == 0:
            raise LookupError
        done.append(task)

    done: list[int] = []
    several: Workers[int, None] = Workers(range(6), work, jobs=2)
    with pytest.raises(LookupError):
        list(several.results())
    for _ in range(200):
        if len(done) == 5:
            break
        time.sleep(0.05)
    several.join()
    assert done == [1, 2, 3, 4, 5]


def test_no_task_begins_after_the_end_though_somebody_waits_for_his_turn(monkeypatch):
    monkeypatch.setattr(workers, "_FIRST_SECONDS", 0.3)
    began: list[int] = []
    hold = threading.Event()

    def work(task):
        began.append(task)
        return hold.wait(20)

    several: Workers[int, bool] = Workers(range(3), work, jobs=2)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(next, several.results())
        while not began:
            time.sleep(0.01)
        several.join(0)
        hold.set()
        assert first.result() is True
    several.join()
    assert began == [0]


def test_results_are_gathered_but_for_the_first_and_the_last(monkeypatch):
    monkeypatch.setattr(workers, "_GATHER_SECONDS", 60.0)
    hold = threading.Event()
    several: Workers[int, bool] = Workers(range(4), lambda task: not task or hold.wait(20), jobs=2)
    results = several.results()
    began = time.monotonic()
    assert next(results) is True
    hold.set()
    assert list(results) == [True] * 3
    assert time.monotonic() - began < 20


def test_a_failure_is_not_kept_until_others_have_ended(monkeypatch):
    monkeypatch.setattr(workers, "_GATHER_SECONDS", 60.0)
    fail, hold = threading.Event(), threading.Event()

    def work(task):
        if task == 1:
            assert fail.wait(20)
            raise LookupError
        assert not task or hold.wait(20)

    several: Workers[int, None] = Workers(range(3), work, jobs=3)
    results = several.results()
    next(results)
    began = time.monotonic()
    threading.Timer(0.05, fail.set).start()
    with pytest.raises(LookupError):
        next(results)
    assert time.monotonic() - began < 10
    hold.set()
    several.join()


def test_who_takes_results_is_not_woken_for_each(monkeypatch):
    monkeypatch.setattr(workers, "_GATHER_SECONDS", 0.3)
    begin, hold = threading.Event(), threading.Event()
    several: Workers[int, bool] = Workers(range(20), lambda task: not task or (begin if task < 19 else hold).wait(20), jobs=1)
    results = several.results()
    next(results)
    began = time.monotonic()
    threading.Timer(0.02, begin.set).start()
    assert [next(results) for _ in range(18)] == [True] * 18
    assert 0.2 < time.monotonic() - began < 3, "those that ended meanwhile come at once"
    hold.set()
    assert list(results) == [True]


def test_a_transport_that_is_given_has_its_own_limiter_and_options(tmp_path):
    config = HostConfig.from_mapping({"urls": ["https://index.example.com/simple"]})
    with pytest.raises(UsageError, match="own limiter and options"):
        Host(config, Store(tmp_path), transport=FakeIndex(), limiter=Unlimited())
