"""The programs of docs/examples, run as their readers would run them, on a folder for an index."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pydeps_host import Store
from pydeps_host.testing import build_sdist

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NAMES = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def folder(tmp_path):
    """A configuration, and the folder that it takes its packages from."""
    for name in NAMES:
        for version in ("1.0", "2.0"):
            build_sdist(name, version, {"code.py": f"{name} {version}\n"}).into(tmp_path / "packages")
    configure(tmp_path, *NAMES)
    return tmp_path


def configure(folder: Path, *dependencies: str) -> None:
    config = {"urls": [(folder / "packages").as_uri()], "dependencies": dependencies}
    (folder / "host.jsonc").write_text(json.dumps(config))


def words(program: str, *more: str) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLES / program), "host.jsonc", "code", *more]


def run(folder: Path, program: str, *more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words(program, *more), cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done


@contextmanager
def started(folder: Path, program: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(words(program, *more), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def commit(folder: Path, name: str, version: str) -> str | None:
    return Store(folder / "code").repository(name).commit_of(version)


def test_threads_ask_one_host_and_each_is_told(folder):
    done = run(folder, "thread_pool.py", "alpha==1.0", "beta==2.0", "beta==9.9", "unknown==1.0")
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == [
        f"alpha==1.0 {commit(folder, 'alpha', '1.0')}",
        f"beta==2.0 {commit(folder, 'beta', '2.0')}",
        "beta==9.9 version-not-found ",
        "unknown==1.0 usage ",
    ]
    assert run(folder, "thread_pool.py", "alpha==1.0").returncode == 0


def test_a_service_on_asyncio_answers_from_threads(folder):
    def get(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answered:
            return str(answered.read().decode().strip())

    with started(folder, "asyncio_service.py", "0") as process:
        port = line(process).rpartition(" ")[2]
        assert get("/alpha/v2.0") == commit(folder, "alpha", "2.0")
        for path in ("/alpha/v9.9", "/unknown/v1.0", "/alpha/main", "/", "/%00/v1"):
            with pytest.raises(urllib.error.HTTPError, match="404") as refused:
                get(path)
            refused.value.close()
        process.send_signal(signal.SIGINT)
        process.wait(10)


def test_processes_bring_a_share_each_and_take_nothing_away_from_one_another(folder):
    for _ in range(2):
        done = run(folder, "processes.py", "2")
        assert (done.stdout, done.returncode) == ("projects: 4 failed: 0\n", 0)
    store = Store(folder / "code")
    assert {repository.name: repository.versions() for repository in store.repositories()} == dict.fromkeys(NAMES, ("2.0",))
    claimants = {claimant for repository in store.repositories() for claimant in repository.claims()}
    assert claimants == {"default-0-of-2", "default-1-of-2"}


def test_a_hook_indexes_what_changed_and_catches_up_on_what_it_missed(folder):
    (folder / "index.py").write_text("import sys\nwith open('indexed', 'a') as file:\n    file.write(sys.argv[-1] + '\\n')\n")

    def indexed() -> list[str]:
        (folder / "indexed").unlink(missing_ok=True)
        assert run(folder, "on_change.py", "seen.json", sys.executable, "index.py").returncode == 0
        log = folder / "indexed"
        return sorted(Path(path).stem for path in log.read_text().splitlines()) if log.exists() else []

    assert indexed() == sorted(NAMES)
    assert indexed() == []
    configure(folder, *NAMES, "alpha==1.0")
    assert indexed() == ["alpha"]
    seen = json.loads((folder / "seen.json").read_text())
    assert seen == dict(Store(folder / "code").generations())
    (folder / "seen.json").write_text(json.dumps({**seen, "beta": 0}))
    assert indexed() == ["beta"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_timer_syncs_again_and_again_and_stops_when_it_is_told_to(folder, number):
    with started(folder, "hourly.py", "0.2") as process:
        assert [line(process), line(process)] == ["succeeded", "succeeded"]
        configure(folder, "alpha", "nothing-there")
        assert "failed in part" in (line(process), line(process))
        (folder / "host.jsonc").write_text("{")
        assert process.stderr is not None
        assert "host.jsonc: " in process.stderr.readline()
        process.send_signal(number)
        while (said := line(process)) != "stopped":
            assert said == "failed in part"
        assert process.wait(10) == 0


def test_every_example_is_run_here():
    source = Path(__file__).read_text()
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in source] == []
