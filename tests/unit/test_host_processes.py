"""Versions made by worker processes, and files downloaded ahead of them."""

import hashlib
import multiprocessing
import multiprocessing.spawn
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from bench import Bench, codes, sdist, statuses
from pydeps_host import Artifact, Host, HostConfig, Policy, Status, Store
from pydeps_host.errors import ArchiveError, ClosedError, DiskError, WorkerDiedError
from pydeps_host.events import RepositoryChanged, VersionFinished
from pydeps_host.git import PackIndex
from pydeps_host.host import filling
from pydeps_host.host.lanes import Lanes
from pydeps_host.host.spooling import spooled
from pydeps_host.materializer import Subject
from pydeps_host.processes import pool, worker
from pydeps_host.processes.channel import Channel
from pydeps_host.processes.shift import Shift
from pydeps_host.processes.task import Finish, Make, NewPack, Task
from pydeps_host.processes.task import carry_out as carry_out_here
from pydeps_host.testing import Distribution

VERSIONS = ("3.0", "2.0", "1.1", "1.0")


class Watched:
    """Every worker that was started, and every message to one."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self.words: list[tuple[list[str], dict[str, str]]] = []
        self.sent: list[tuple[object, bytes]] = []
        self._asked: dict[int, int] = {}
        self.before: Callable[[object], None] = lambda message: None
        self.after: Callable[[object], None] = lambda message: None

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.started]

    def asks(self, pid: int) -> None:
        """Note which worker this thread is about to ask."""
        self._asked[threading.get_ident()] = pid

    def kill_at(self, wanted: Callable[[object], bool], *, times: int = 1) -> None:
        """Kill a worker that was sent a message of this kind, before it has done anything about it."""
        left = iter(range(times))
        doomed: set[int] = set()

        def before(message: object) -> None:
            pid = self._asked.get(threading.get_ident(), 0)
            if wanted(message) and next(left, None) is not None:
                os.kill(pid, signal.SIGSTOP)
                doomed.add(pid)

        def after(message: object) -> None:
            pid = self._asked.get(threading.get_ident(), 0)
            if wanted(message) and pid in doomed:
                doomed.remove(pid)
                os.kill(pid, signal.SIGKILL)

        self.before, self.after = before, after


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    seen = Watched()
    start, send, ask = subprocess.Popen, Channel.send, worker.Worker.ask

    def started(words: list[str], **more: Any) -> "subprocess.Popen[bytes]":
        process = start(words, **more)
        if "pass_fds" in more:
            seen.started.append(process)
            seen.words.append((words, more["env"]))
        return process

    def sent(self: Channel, value: object) -> None:
        seen.sent.append((value, pickle.dumps(value)))
        seen.before(value)
        send(self, value)
        seen.after(value)

    def asked(self: worker.Worker, *about: Any) -> Any:
        seen.asks(self.pid)
        return ask(self, *about)

    monkeypatch.setattr(worker.Worker, "ask", asked)
    monkeypatch.setattr("pydeps_host.processes.worker.subprocess.Popen", started)
    monkeypatch.setattr(Channel, "send", sent)
    yield seen
    assert all(process.poll() is not None for process in seen.started), "no worker outlives its sync"


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are worth it for the smallest file, on the smallest machine."""
    monkeypatch.setattr(pool, "_WORTH_BYTES", 1)
    monkeypatch.setattr("pydeps_host.host.host.cores", lambda: 4)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for name in ("alpha", "beta", "gamma"):
        made.index.add(*(sdist(version, name, **{"same.txt": f"{name}\n" * 99}) for version in VERSIONS))
    return made


def references(bench: Bench) -> dict[str, dict[str, str]]:
    return {repository.name: {ref: one.id.hex() for ref, one in repository.refs().items()} for repository in bench.store.repositories()}


def is_make(text: str) -> Callable[[object], bool]:
    return lambda message: isinstance(message, Make) and message.task.subject.text == text


# --- the same, elsewhere -----------------------------------------------------


@pytest.mark.usefixtures("always")
def test_workers_make_what_this_process_makes_byte_by_byte(bench, watched, tmp_path, monkeypatch):
    wanted = ("alpha>=1", "beta>=1", "gamma>=1")
    assert bench.sync(*wanted, jobs=1).succeeded
    assert watched.started == []
    monkeypatch.setattr(filling, "carry_out", lambda task, into: pytest.fail("it was made in this process"))
    for jobs in (2, 4):
        other = Bench(tmp_path / str(jobs), bench.index)
        assert other.sync(*wanted, jobs=jobs).count(Status.ADDED) == 12
        assert references(other) == references(bench)
        assert {name: repository.verify() for name in other.store.names() for repository in [other.store.repository(name)]} == {
            "alpha": (),
            "beta": (),
            "gamma": (),
        }
        assert other.rows("alpha")["1.1"] == bench.rows("alpha")["1.1"]
    assert len(watched.started) == 6
    assert os.getpid() not in watched.pids


@pytest.mark.usefixtures("always")
def test_a_lone_project_is_made_by_all_workers_and_reported_newest_first(bench, watched):
    bench.index.add(*(sdist(f"{number}.0") for number in range(4, 30)))
    project = bench.project("alpha>=1", jobs=2)
    assert [version.version for version in project.versions] == [*(f"{number}.0" for number in range(29, 1, -1)), "1.1", "1.0"]
    assert set(statuses(project).values()) == {"added"}
    assert len({message.pack.path for message, _ in watched.sent if isinstance(message, Make)}) > len(bench.events.of(RepositoryChanged))
    assert bench.store.repository("alpha").verify() == ()


@pytest.mark.usefixtures("always")
def test_what_was_published_before_is_not_written_again(bench, watched):
    bench.sync("alpha==1.0", jobs=2)
    bench.sync("alpha>=1", jobs=2)
    indexes = map(PackIndex.open, (bench.store.path_of("alpha") / "objects" / "pack").glob("*.idx"))
    ids = [entry.id for index in indexes for entry in index]
    assert len(ids) == len(set(ids)) > 20


def test_a_few_small_files_start_no_worker(bench, watched):
    assert bench.sync("alpha>=1", "beta>=1", jobs=4).succeeded
    assert watched.started == []


@pytest.mark.usefixtures("always")
def test_what_is_refused_is_refused_for_the_same_reason_and_gives_way_as_here(bench, watched):
    broken = sdist("2.0", "beta")
    bench.index.add(Distribution("beta", broken.filename, broken.data[:-9]))
    project = bench.project("beta>=1", jobs=2)
    error = next(version.error for version in project.versions if version.version == "2.0")
    assert isinstance(error, ArchiveError)
    assert codes(project) == {"3.0": None, "2.0": "archive", "1.1": None, "1.0": None}
    assert bench.rows("beta")["2.0"].error.code == "archive"


@pytest.mark.usefixtures("always")
def test_a_worker_is_told_nothing_that_is_secret(bench, watched, monkeypatch):
    monkeypatch.setenv("INDEX_PASSWORD", "canary")
    secret = Bench(bench.folder / "secret", bench.index, urls=["https://user:${INDEX_PASSWORD}@index.example.com/simple"])
    assert secret.sync("alpha>=1", "beta>=1", jobs=2).succeeded
    assert len(watched.started) == 2
    assert len([message for message, _ in watched.sent if isinstance(message, Make)]) == 8
    assert "canary" not in repr(watched.words)
    assert not any(b"canary" in data or b"example.com" in data for _, data in watched.sent)


# --- what goes wrong ---------------------------------------------------------


@pytest.mark.usefixtures("always")
def test_a_worker_that_is_killed_costs_the_version_that_it_was_at_and_no_other(bench, watched):
    watched.kill_at(is_make("1.1"))
    alpha, beta = bench.sync("alpha>=1", "beta==3.0", jobs=2).projects
    assert beta.succeeded
    error = next(version.error for version in alpha.versions if version.version == "1.1")
    assert isinstance(error, WorkerDiedError)
    assert (error.what, error.how, error.retryable) == ("alpha 1.1", "SIGKILL", True)
    assert codes(alpha) == {"3.0": None, "2.0": None, "1.1": "worker-died", "1.0": None}
    assert bench.tags() == ["v1.0", "v2.0", "v3.0"]
    assert bench.store.repository("alpha").verify() == ()
    assert statuses(bench.sync("alpha>=1", "beta==3.0").projects[0])["1.1"] == "added"


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("times", [1, 2])
def test_versions_whose_worker_dies_before_their_pack_is_complete_are_made_again(times, bench, watched):
    watched.kill_at(lambda message: isinstance(message, Finish), times=times)
    project = bench.project("alpha>=1", jobs=2)
    assert list(statuses(project).items()) == [(version, "added") for version in VERSIONS]
    assert bench.store.repository("alpha").verify() == ()


@pytest.mark.usefixtures("always")
def test_where_workers_die_again_and_again_the_work_is_done_here(bench, watched):
    watched.kill_at(lambda message: isinstance(message, Finish), times=99)
    assert list(statuses(bench.project("alpha>=1", jobs=2))) == list(VERSIONS)
    assert len(watched.started) <= 6
    assert bench.tags() == ["v1.0", "v1.1", "v2.0", "v3.0"]


@pytest.mark.usefixtures("always")
def test_a_worker_that_died_while_it_had_nothing_to_do_is_replaced(bench, watched):
    killed = threading.Event()
    bench.index.script(bench.index.page_path("beta"), lambda request: killed.wait(10) and None)

    def kill(event: object) -> None:
        # The other project's index has not answered yet: no worker is at work.
        if isinstance(event, RepositoryChanged) and not killed.is_set():
            for process in watched.started:
                process.kill()
                process.wait()
            killed.set()

    with Host(bench.config("alpha>=1", "beta>=1"), bench.store, transport=bench.index, observer=kill) as host:
        assert host.sync(jobs=2).succeeded
    assert references(bench).keys() == {"alpha", "beta"}


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python", ""])
def test_where_no_worker_can_be_started_the_work_is_done_here(program, bench):
    usual = multiprocessing.spawn.get_executable()
    multiprocessing.set_executable(program)
    try:
        assert bench.sync("alpha>=1", "beta>=1", jobs=2).succeeded
    finally:
        multiprocessing.set_executable(usual)
    assert bench.tags("beta") == ["v1.0", "v1.1", "v2.0", "v3.0"]


@pytest.mark.usefixtures("always")
def test_a_frozen_program_is_not_started_a_second_time(bench, watched, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert bench.sync("alpha>=1", "beta>=1", jobs=2).succeeded
    assert watched.started == []


@pytest.mark.usefixtures("always")
def test_a_project_that_fails_takes_its_unfinished_packs_away_and_leaves_the_worker_to_others(bench, watched):
    def take_away(message: object) -> None:
        if isinstance(message, Make) and message.task.what == "alpha 1.1":
            message.task.artifact.path.unlink()

    watched.before = take_away
    alpha, beta = bench.sync("alpha>=1", "beta>=1", jobs=2).projects
    assert isinstance(alpha.error, DiskError)
    assert beta.succeeded
    remembered = bench.store.known_repository("alpha")
    assert remembered is not None
    assert not (remembered.path / "pydeps-host" / "writing").exists()


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_reach_a_whole_group_do_not_end_a_worker(sent, bench, watched):
    def signal_all(message: object) -> None:
        if isinstance(message, Make):
            for pid in watched.pids:
                os.kill(pid, sent)

    watched.before = signal_all
    assert bench.sync("alpha>=1", "beta>=1", jobs=2).count(Status.ADDED) == 8
    assert len(watched.started) == 2


@pytest.mark.usefixtures("always")
def test_closing_the_host_ends_the_wait_for_a_worker_and_the_worker(bench, watched):
    host = bench.host("alpha>=1", "beta>=1")

    def stop(message: object) -> None:
        if isinstance(message, Make):
            for process in watched.started:
                os.kill(process.pid, signal.SIGSTOP)
            threading.Timer(0.1, close).start()

    ended: list[float] = []

    def close() -> None:
        ended.append(time.monotonic())
        host.close()

    watched.after = stop
    with pytest.raises(ClosedError):
        host.sync(jobs=2)
    assert time.monotonic() - ended[0] < 1
    assert all(row.error is None for row in bench.rows().values()), "nobody says that a version failed"


# --- whatever program it is --------------------------------------------------

PROGRAM = """
import os, sys, time
from pydeps_host import Host, HostConfig, Store
from pydeps_host.processes import channel, pool, worker
from pydeps_host.processes.task import Make
import pydeps_host.host.host as host_module

print("begun", flush=True)
pool._WORTH_BYTES = 1
host_module.cores = lambda: 2
send = channel.Channel.send

def told(self, value):
    send(self, value)
    if isinstance(value, Make):
        print("at work", flush=True)

channel.Channel.send = told
start = worker._started

def started(descriptor):
    process = start(descriptor)
    print("worker", process.pid, flush=True)
    return process

worker._started = started
config = HostConfig.from_mapping({"urls": [sys.argv[1]], "dependencies": ["alpha>=1", "beta>=1"], "rateLimit": {"enabled": False}})
if sys.argv[3:]:
    send_first = channel.Channel.send

    def forked(self, value):
        channel.Channel.send = send_first
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        send_first(self, value)

    channel.Channel.send = forked
with Host(config, Store(sys.argv[2])) as host:
    print("succeeded", host.sync(jobs=2).succeeded, flush=True)
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder index with large files."""
    index = tmp_path_factory.mktemp("index")
    for name, version in (("alpha", "2.0"), ("alpha", "1.0"), ("beta", "1.0")):
        made = sdist(version, name, **{"data.bin": os.urandom(12 << 20)})
        (index / name).mkdir(exist_ok=True)
        (index / name / made.filename).write_bytes(made.data)
    return index


@pytest.fixture
def folder(index: Path, tmp_path: Path) -> Path:
    """A program that is no module and guards nothing."""
    (tmp_path / "index").symlink_to(index)
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    return tmp_path


def begin(folder: Path, *more: str) -> "subprocess.Popen[str]":
    words = [sys.executable, str(folder / "program.py"), (folder / "index").resolve().as_uri(), str(folder / "code"), *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def at_work(process: "subprocess.Popen[str]", folder: Path) -> list[int]:
    """Wait until its workers are in the middle of a file, and return their ids."""
    pids: list[int] = []
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("worker"):
            pids.append(int(line.split()[1]))
        elif line == "at work\n":
            break
    while not packs_in_writing(folder):
        assert process.poll() is None, "it ended too soon"
        time.sleep(0.002)
    return pids


def packs_in_writing(folder: Path) -> list[Path]:
    return [path for path in (folder / "code").rglob("pydeps-host/writing/*.pack") if path.stat().st_size > 1000]


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    """Whether processes end within a time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Whoever adopts orphans here may never look after them.
    words = ["ps", "-o", "stat=", "-p", str(pid)]
    return not subprocess.run(words, capture_output=True, text=True, check=False).stdout.startswith("Z")


def test_a_program_that_guards_nothing_is_run_once(folder):
    process = begin(folder)
    told, problems = process.communicate(timeout=60)
    assert (process.returncode, problems) == (0, "")
    assert told.count("begun") == 1
    assert told.count("worker") == 2
    assert "succeeded True" in told


def test_a_host_that_is_killed_leaves_no_worker_behind_and_the_next_sync_cleans_up(folder):
    process = begin(folder)
    pids = at_work(process, folder)
    process.kill()
    process.communicate()
    assert gone(pids)
    assert packs_in_writing(folder) != []
    again = begin(folder)
    told, _ = again.communicate(timeout=60)
    assert "succeeded True" in told
    assert [path for repository in Store(folder / "code").repositories() for path in repository.path.glob("pydeps-host/writing/*")] == []


def test_a_fork_of_the_host_that_outlives_it_keeps_no_worker_alive(folder):
    process = begin(folder, "fork")
    pids = at_work(process, folder)
    process.kill()
    process.wait()
    try:
        assert gone(pids)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_ctrl_c_is_for_the_host_alone_and_ends_its_workers(folder):
    process = begin(folder)
    pids = at_work(process, folder)
    os.killpg(process.pid, signal.SIGINT)
    _, problems = process.communicate(timeout=30)
    assert gone(pids)
    assert problems.count("KeyboardInterrupt") == 1
    assert problems.count("Traceback (most recent call last)") == 1


def test_a_worker_loads_what_it_needs_and_nothing_that_asks_indexes():
    program = (
        "import sys, pydeps_host.processes.program\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('pydeps_host.')}\n"
        "unwanted = {'transport', 'simple_api', 'resolver', 'config', 'limiter', 'repository', 'store', 'host'}\n"
        "print(rooms & unwanted, [name for name in ('httpx', 'cattrs', 'packaging', 'multiprocessing') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told == "set() []\n"


# --- ahead -------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_next_file_comes_while_a_version_is_made(jobs, bench, monkeypatch):
    came = threading.Event()
    bench.index.script(bench.index.file_path("alpha-2.0.tar.gz"), lambda request: came.set())
    make = carry_out_here

    def carry_out(task: Any, into: Any) -> Any:
        assert came.wait(10), "its file was not asked for"
        return make(task, into)

    monkeypatch.setattr(filling, "carry_out", carry_out)
    assert bench.sync("alpha>=1", jobs=jobs).succeeded
    assert [path.rpartition("/")[2] for path in bench.index.files] == [f"alpha-{version}.tar.gz" for version in VERSIONS]


@pytest.mark.parametrize(("jobs", "ahead"), [(1, False), (2, True)])
def test_a_file_of_a_folder_comes_ahead_only_of_a_worker(jobs, ahead, tmp_path, monkeypatch):
    folder = tmp_path / "index" / "alpha"
    folder.mkdir(parents=True)
    for made in map(sdist, VERSIONS):
        (folder / made.filename).write_bytes(made.data)
    config = HostConfig.from_mapping({"urls": [folder.parent.as_uri()], "dependencies": ["alpha>=1"]})
    threads: set[str] = set()

    def noted(*about: Any) -> Any:
        threads.add(threading.current_thread().name)
        return spooled(*about)

    monkeypatch.setattr("pydeps_host.host.ahead.spooled", noted)
    monkeypatch.setattr("pydeps_host.host.host.cores", lambda: 2)
    with Host(config, Store(tmp_path / "store")) as host:
        assert host.sync(jobs=jobs).succeeded
    assert any(name.endswith("-ahead") for name in threads) is ahead


def test_only_so_many_files_are_downloaded_ahead(bench, monkeypatch):
    bench.index.add(*(sdist(f"{number}.0") for number in range(4, 20)))
    make = carry_out_here
    asked: list[int] = []

    def carry_out(task: Any, into: Any) -> Any:
        if not asked:
            time.sleep(0.5)
            asked.append(len(bench.index.files))
        return make(task, into)

    monkeypatch.setattr(filling, "carry_out", carry_out)
    assert bench.sync("alpha>=1").succeeded
    assert 2 <= asked[0] <= 5
    assert len(bench.index.files) == len(set(bench.index.files)) == 20


def test_what_goes_wrong_with_a_file_ahead_is_the_matter_of_its_version_alone(bench):
    bench.index.script_always(bench.index.file_path("alpha-2.0.tar.gz"), 404)
    assert codes(bench.project("alpha>=1")) == {"3.0": None, "2.0": "file-gone", "1.1": None, "1.0": None}
    assert len(bench.index.files) == 4, "it was asked for once"


def test_a_file_that_somebody_took_away_meanwhile_is_downloaded_again(bench, monkeypatch):
    make = carry_out_here

    def carry_out(task: Any, into: Any) -> Any:
        if task.subject.text == "3.0":
            deadline = time.monotonic() + 10
            while (
                len(found := [path for path in bench.store.spooled("alpha") if path.suffix != ".part"]) < 4 and time.monotonic() < deadline
            ):
                time.sleep(0.01)
            for path in found:
                if path != task.artifact.path:
                    path.unlink()
        return make(task, into)

    monkeypatch.setattr(filling, "carry_out", carry_out)
    assert bench.sync("alpha>=1").succeeded
    assert len(bench.index.files) == 7
    assert bench.tags() == ["v1.0", "v1.1", "v2.0", "v3.0"]


def test_each_version_is_told_once(bench):
    bench.sync("alpha>=1", "beta>=1", jobs=2)
    told = [(event.name, event.version) for event in bench.events.of(VersionFinished)]
    assert len(told) == len(set(told)) == 8


def test_versions_that_somebody_else_publishes_meanwhile_are_in_no_downloads_way(bench, monkeypatch):
    bench.index.add(*(sdist(f"{number}.0") for number in range(4, 10)))
    # A repository that is not born yet is locked until it is.
    assert bench.sync("alpha==1.0").succeeded
    make, others = carry_out_here, [f"alpha=={number}.0" for number in (8, 7, 6, 5)]

    def carry_out(task: Any, into: Any) -> Any:
        if others:
            pins = others.copy()
            others.clear()
            until(lambda: sum(path.is_file() for path in bench.store.spooled("alpha")) == 5)
            assert bench.sync(*pins).succeeded
        return make(task, into)

    monkeypatch.setattr(filling, "carry_out", carry_out)
    monkeypatch.setattr(filling, "_BATCH_VERSIONS", 1)
    with bench.host("alpha>=1") as host:
        stuck = threading.Timer(20, host.close)
        stuck.start()
        try:
            assert host.sync(jobs=1).succeeded
        finally:
            stuck.cancel()
    assert len(bench.index.files) == len(set(bench.index.files)) == 10


def nothing() -> None:
    """Whoever waits goes on waiting."""


def nothing_of(about: object) -> None:
    """Do nothing about it."""


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_batch_whose_pack_cannot_be_begun_leaves_its_worker_to_others():
    def begin() -> NewPack:
        raise OSError("no room")

    with closing(pool.Pool(2)) as workers:
        workers.expect(1 << 30)
        shift = Shift(workers, begin, nothing)
        with pytest.raises(OSError, match="no room"):
            shift.make(cast("Task", None))
        shift.close()
        with workers.worker("another", nothing) as worker_:
            assert worker_.batches == {"another"}
        assert sum(len(one.batches) for one in workers._workers) == 1


def test_what_is_passed_by_while_it_comes_is_not_waited_for(bench):
    asked, answer = threading.Event(), threading.Event()

    def answered(request: object) -> None:
        asked.set()
        answer.wait(10)

    bench.index.script(bench.index.file_path("alpha-3.0.tar.gz"), answered)
    passed: list[str] = []
    usual = filling.Filling._bring

    def bring(self: Any, wanted: Any, row: Any) -> None:
        if not passed:
            passed.append(wanted.release.text)
            waiting = threading.Thread(target=self._ahead.wait, args=(wanted,))
            waiting.start()
            assert asked.wait(10)
            self._ahead.pass_by(wanted)
            waiting.join(5)
            assert not waiting.is_alive()
            answer.set()
        usual(self, wanted, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling.Filling, "_bring", bring)
        assert bench.sync("alpha>=1").succeeded
    assert passed == ["3.0"]


@pytest.mark.parametrize("room", [1, 3])
def test_helpers_end_where_not_all_of_them_can_be_started(room, monkeypatch):
    left, usual = deque(range(6)), threading.Thread.start
    done: list[int] = []
    concluded: list[int] = []
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if started:
            # After the one that was started has begun something, where there is room for it.
            until(lambda: len(left) < 6 or room == 1)
            raise RuntimeError("can't start new thread")
        started.append(thread)
        usual(thread)

    def work(task: int) -> None:
        # The thread that can start no other one ends those that it started.
        assert lanes._over.wait(10)
        done.append(task)

    monkeypatch.setattr(threading.Thread, "start", start)
    lanes = Lanes(left, work, goes_on=lambda busy: True, conclude=concluded.append)
    with pytest.raises(RuntimeError, match="can't start"):
        lanes.run(lambda: room, most=3)
    assert not started[0].is_alive()
    assert done == ([] if room == 1 else [0])
    assert concluded == []


def test_each_lane_concludes_once_it_has_nothing_more_to_begin_and_the_last_one_alone():
    concluded: list[int] = []
    helped, goes_on = threading.Event(), threading.Event()

    def work(task: str) -> None:
        if task == "short":
            assert helped.wait(10)
        else:
            helped.set()
            assert goes_on.wait(10), "the other lane had nothing more to begin, and did not conclude"

    def conclude(busy: int) -> None:
        concluded.append(busy)
        goes_on.set()

    lanes = Lanes(deque(["short", "long"]), work, goes_on=lambda busy: True, conclude=conclude)
    lanes.run(lambda: 2, most=2)
    assert concluded == [1, 0]


def test_what_goes_wrong_in_a_conclusion_is_raised_and_after_a_failure_there_is_none():
    def fail(about: object) -> None:
        raise OSError(f"not {about}")

    lanes = Lanes(deque(["one"]), nothing_of, goes_on=lambda busy: True, conclude=fail)
    with pytest.raises(OSError, match="not 0"):
        lanes.run(lambda: 1, most=1)
    concluded: list[int] = []
    lanes = Lanes(deque(["one"]), fail, goes_on=lambda busy: True, conclude=concluded.append)
    with pytest.raises(OSError, match="not one"):
        lanes.run(lambda: 1, most=1)
    assert concluded == []


def test_what_goes_wrong_in_a_helpers_conclusion_is_raised_in_the_calling_thread():
    calling = threading.current_thread()

    def conclude(busy: int) -> None:
        if threading.current_thread() is not calling:
            raise OSError(f"{busy} under way")

    met = threading.Barrier(2, timeout=10)
    lanes = Lanes(deque(range(2)), lambda task: met.wait() and None, goes_on=lambda busy: True, conclude=conclude)
    with pytest.raises(OSError, match="under way"):
        lanes.run(lambda: 2, most=2)


def test_of_several_failures_the_first_is_raised():
    second = threading.Event()

    def fail(task: str) -> None:
        if task == "second":
            second.set()
            until(lambda: lanes._problem is not None)
        assert second.wait(10)
        raise OSError(task)

    lanes = Lanes(deque(["first", "second"]), fail, goes_on=lambda busy: True, conclude=nothing_of)
    with pytest.raises(OSError, match="first"):
        lanes.run(lambda: 2, most=2)


def test_a_lane_for_which_there_is_no_room_any_more_begins_nothing():
    rooms, by = [2], defaultdict[str, list[int]](list)
    first = threading.Barrier(2, timeout=10)

    def work(task: int) -> None:
        by[threading.current_thread().name].append(task)
        if task < 2:
            rooms[0] = 1
            first.wait()
        time.sleep(0.03)

    Lanes(deque(range(8)), work, goes_on=lambda busy: True, conclude=nothing_of).run(lambda: rooms[0], most=2)
    assert sorted(map(len, by.values())) == [1, 7]


# --- the end of a batch ------------------------------------------------------


@pytest.mark.usefixtures("always")
def test_a_pack_is_completed_while_another_worker_makes_the_last_version(bench, watched):
    begun, completed = threading.Event(), threading.Event()

    def before(message: object) -> None:
        if is_make("2.0")(message):
            assert begun.wait(10)
        elif is_make("1.0")(message):
            begun.set()
            assert completed.wait(10), "it waited for the last version"

    def after(message: object) -> None:
        if isinstance(message, Finish):
            completed.set()

    watched.before, watched.after = before, after
    bench.index.add(*(sdist(version, "delta") for version in ("2.0", "1.0")))
    assert bench.sync("delta>=1", jobs=2).succeeded
    assert bench.store.repository("delta").verify() == ()


@pytest.mark.usefixtures("always")
def test_a_version_whose_file_comes_late_finds_a_pack_to_go_into(bench, watched):
    completed = threading.Event()
    met = threading.Barrier(2, timeout=10)

    def before(message: object) -> None:
        # Both workers are at work once, so that there are two packs.
        if is_make("3.0")(message) or is_make("2.0")(message):
            met.wait()

    def after(message: object) -> None:
        if isinstance(message, Finish):
            completed.set()

    watched.before, watched.after = before, after

    def late(request: object) -> None:
        assert completed.wait(10)
        # Time enough to complete the other pack, too, if it were not kept.
        time.sleep(0.3)

    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), late)
    assert bench.sync("alpha>=1", jobs=2).succeeded
    assert len({message.pack.path for message, _ in watched.sent if isinstance(message, Make)}) == 2
    assert bench.store.repository("alpha").verify() == ()


@pytest.mark.usefixtures("always")
def test_a_pack_that_cannot_be_completed_fails_its_project_alone(bench, watched):
    times = iter(range(1))

    def before(message: object) -> None:
        if isinstance(message, Finish) and next(times, None) is not None:
            # Where its index is to be.
            message.pack.path.with_suffix(".idx").symlink_to("elsewhere")

    watched.before = before
    report = bench.sync("alpha>=1", "beta>=1", jobs=2)
    assert sorted(project.error is None for project in report.projects) == [False, True]
    assert isinstance(next(project.error for project in report.projects if project.error), DiskError)
    assert bench.sync("alpha>=1", "beta>=1", jobs=2).succeeded


def test_a_worker_that_a_real_time_signal_ended_is_told_by_its_number():
    assert worker._ending(-35) == "signal 35"
    assert worker._ending(-9) == "SIGKILL"
    assert worker._ending(3) == "exit status 3"


def test_a_batch_that_chose_a_worker_and_began_no_pack_leaves_it_to_others():
    one, other = object(), object()
    with closing(pool.Pool(2)) as workers:
        workers.expect(1 << 30)
        with workers.worker(one, nothing) as first, workers.worker(one, nothing) as second:
            assert first is not second, "nobody else had a use for it"
        workers.release(one)
        assert first.batches == second.batches == set()
        with workers.worker(other, nothing) as third:
            assert third.batches == {other}
        workers.release(other, third)
        assert third.batches == set()


# --- who gets a worker -------------------------------------------------------


@pytest.fixture
def workers() -> Iterator[pool.Pool]:
    with closing(pool.Pool(2, projects=3)) as made:
        made.expect(1 << 30)
        yield made


def begun(work: Callable[[], object], workers: pool.Pool) -> threading.Thread:
    """Begin work that waits for a worker, and return once it waits."""
    before = len(workers._waiters)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(lambda: len(workers._waiters) > before)
    return thread


def test_who_waits_longer_for_a_worker_gets_it_first(workers):
    came: list[str] = []

    def turn(name: str) -> None:
        with workers.turn([first], nothing):
            came.append(name)

    with workers.worker("a", nothing) as first:
        threads = [begun(lambda: turn("one"), workers), begun(lambda: turn("two"), workers)]
    # It gave the worker back, and is awake already.
    turn("three")
    for thread in threads:
        thread.join(10)
    assert came == ["one", "two", "three"]


def test_a_version_that_waits_for_its_batchs_worker_goes_to_one_that_nobody_has_a_use_for_any_more(workers):
    got: list[worker.Worker] = []

    def make() -> None:
        with workers.worker("a", nothing) as one:
            got.append(one)

    with workers.worker("a", nothing) as first:
        with workers.worker("b", nothing) as second:
            assert second is not first
            waiting = begun(make, workers)
        waiting.join(0.2)
        assert got == [], "its batch may still have a use for it"
        workers.release("b", second)
        waiting.join(10)
        assert got == [second]


def test_a_new_batch_gets_the_first_worker_that_has_nothing_to_do(workers):
    got: list[worker.Worker] = []

    def make() -> None:
        with workers.worker("c", nothing) as one:
            got.append(one)

    with workers.worker("a", nothing):
        with workers.worker("b", nothing) as second:
            waiting = begun(make, workers)
        waiting.join(10)
        assert got == [second]


def test_who_stops_waiting_takes_no_worker_along(workers):
    def stop() -> None:
        raise ClosedError("the host is closed")

    with workers.worker("a", nothing), workers.worker("b", nothing), pytest.raises(ClosedError), workers.worker("c", stop):
        pytest.fail("all are busy")
    assert not any(one.is_busy for one in workers._workers)


def test_who_stops_waiting_in_the_moment_in_which_a_worker_is_handed_over_gives_it_back(workers):
    held = [workers.worker("a", nothing), workers.worker("b", nothing)]
    for one in held:
        one.__enter__()

    def stop() -> None:
        for one in held:
            one.__exit__(None, None, None)
        raise ClosedError("the host is closed")

    with pytest.raises(ClosedError), workers.worker("c", stop):
        pytest.fail("it is too late")
    assert not any(one.is_busy for one in workers._workers)


def dies_before_it_began(workers: pool.Pool) -> None:
    one = workers._workers[0]
    one.end()
    workers.bury(one, began=False, guilty=False)


@pytest.mark.parametrize("ends", [pool.Pool.close, dies_before_it_began])
def test_who_waits_for_a_worker_learns_that_there_will_be_none(ends, workers):
    told: list[str] = []

    def make() -> None:
        try:
            with workers.worker("c", nothing):
                told.append("a worker")
        except pool.NoWorkerError:
            told.append("none")

    with workers.worker("a", nothing), workers.worker("b", nothing):
        waiting = begun(make, workers)
        ends(workers)
        waiting.join(10)
        assert told == ["none"]


def test_a_project_that_is_done_leaves_its_workers_to_the_others_once(workers):
    assert (workers.room(), workers.most) == (1, 2)
    workers.done("alpha")
    workers.done("alpha")
    assert workers.room() == 1
    workers.done("beta")
    assert workers.room() == 2


@pytest.mark.usefixtures("always")
def test_a_project_leaves_its_workers_to_the_others_before_it_is_published(bench, watched, monkeypatch):
    told: list[str] = []
    usual = pool.Pool.done
    monkeypatch.setattr(filling, "_BATCH_VERSIONS", 2)

    def done(self: pool.Pool, project: str) -> None:
        told.append(project)
        usual(self, project)

    monkeypatch.setattr(pool.Pool, "done", done)
    watched.before = lambda message: told.append(type(message).__name__)
    assert bench.sync("alpha>=1", jobs=2).succeeded
    # Two batches, of which only the second leaves nothing to be begun; one version may be on its way to a worker.
    first = told.index("alpha")
    assert told[:first].count("Make") >= 3
    assert "Finish" in told[first:]


def test_the_pack_of_a_worker_that_has_nothing_to_do_is_completed_while_another_one_is_busy(workers, tmp_path):
    shift = a_shift(workers, tmp_path)
    shift.make(task(tmp_path, "1.0"))
    (first,) = (one for one in workers._workers if shift in one.batches)
    (second,) = (one for one in workers._workers if one is not first)
    with workers.turn([first], nothing):
        shift.make(task(tmp_path, "2.0"))
        assert shift in second.batches
        finishing = begun(shift.finish, workers)
        until(lambda: len(shift.finished()) == 1)
        assert shift in first.batches
        assert shift not in second.batches
    finishing.join(10)
    assert [pack.path.name for pack in shift.finished()] == ["1.pack", "0.pack"]


def test_a_pack_that_two_threads_wait_to_complete_is_completed_once(workers, tmp_path):
    shift = a_shift(workers, tmp_path)
    shift.make(task(tmp_path, "1.0"))
    ended: list[str] = []

    def finish() -> None:
        shift.finish()
        ended.append(threading.current_thread().name)

    with workers.turn([next(one for one in workers._workers if shift in one.batches)], nothing):
        threads = [begun(finish, workers), begun(finish, workers)]
    for thread in threads:
        thread.join(10)
    assert sorted(ended) == sorted(thread.name for thread in threads)
    assert [pack.path.name for pack in shift.finished()] == ["0.pack"]


def test_as_many_packs_stay_open_as_versions_are_under_way_whoever_waits_to_complete_them(workers, tmp_path):
    shift = a_shift(workers, tmp_path)
    shift.make(task(tmp_path, "1.0"))
    (first,) = (one for one in workers._workers if shift in one.batches)
    with workers.turn([first], nothing):
        shift.make(task(tmp_path, "2.0"))
        (second,) = (one for one in workers._workers if one is not first)
        with workers.turn([second], nothing):
            threads = [begun(lambda: shift.finish(but=1), workers) for _ in range(2)]
    for thread in threads:
        thread.join(10)
    assert len(shift.finished()) == 1
    assert len(shift._packs) == 1


def test_a_pack_that_could_not_be_begun_is_none_to_complete(workers, tmp_path):
    gone = tmp_path / "gone"
    shift = a_shift(workers, gone)
    gone.rmdir()
    with pytest.raises(DiskError):
        shift.make(task(tmp_path, "1.0"))
    shift.finish()
    assert shift.finished() == ()
    assert all(shift not in one.batches for one in workers._workers)


def test_a_pack_that_cannot_be_completed_leaves_its_worker_to_others(workers, tmp_path):
    shift = a_shift(workers, tmp_path)
    shift.make(task(tmp_path, "1.0"))
    (tmp_path / "0.idx").symlink_to("elsewhere")
    with pytest.raises(DiskError):
        shift.finish()
    assert any(shift in one.batches for one in workers._workers)
    shift.close()
    assert all(shift not in one.batches for one in workers._workers)


def test_the_versions_of_a_pack_that_was_not_completed_are_lost(workers, tmp_path):
    shift = a_shift(workers, tmp_path)
    shift.make(task(tmp_path, "1.0"))
    shift.close()
    assert (shift.finished(), shift.lost(), shift.lost()) == ((), {"1.0"}, set())


def test_a_worker_takes_an_unfinished_pack_away_before_it_begins_another(workers, tmp_path):
    one, another = tmp_path / "one", tmp_path / "another"
    shift = a_shift(workers, one)
    shift.make(task(tmp_path, "1.0"))
    (used,) = (worker_ for worker_ in workers._workers if worker_.batches)
    shift.close()
    assert (one / "0.pack").exists()
    with workers.turn([worker_ for worker_ in workers._workers if worker_ is not used], nothing):
        a_shift(workers, another).make(task(tmp_path, "2.0"))
    assert not (one / "0.pack").exists()
    assert (another / "0.pack").exists()


def a_shift(workers: pool.Pool, folder: Path) -> Shift:
    """Begin a batch whose packs are written into a folder: 0.pack, 1.pack and so on."""
    folder.mkdir(exist_ok=True)
    paths = (folder / f"{number}.pack" for number in range(9))
    return Shift(workers, lambda: NewPack(path=next(paths), folder=folder / "none", known=frozenset(), sync=False), nothing)


def task(folder: Path, version: str) -> Task:
    made = sdist(version)
    path = folder / made.filename
    path.write_bytes(made.data)
    artifact = Artifact(path, made.filename, len(made.data), hashlib.sha256(made.data).hexdigest())
    return Task(subject=Subject("alpha", version), artifact=artifact, policy=Policy())
