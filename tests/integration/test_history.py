"""What real git makes of the branch `history`."""

from datetime import timedelta
from pathlib import Path

import pytest

from bench import Bench, sdist
from gitting import check, git
from pydeps_host import Repair
from pydeps_host.repository import HISTORY, Repository, Upkeep, maintenance
from pydeps_host.repository.history import history_of
from pydeps_host.testing import build_sdist

pytestmark = pytest.mark.needs("git")

# Each release adds a line somewhere; the fifth takes one away that the sixth brings again.
RELEASES = {
    "1.0": ["import os", "", "def find(name):", "    return os.path.join('x', name)"],
    "1.1": ["import os", "", "def find(name):", "    check(name)", "    return os.path.join('x', name)"],
    "1.2rc1": ["import os", "", "def find(name):", "    check(name)", "    log(name)", "    return os.path.join('x', name)"],
    "1.2": ["import os", "import re", "", "def find(name):", "    check(name)", "    log(name)", "    return os.path.join('x', name)"],
    "1.10": ["import os", "import re", "", "def find(name):", "    log(name)", "    return os.path.join('x', name)"],
    "2.0": ["import os", "import re", "", "def find(name):", "    check(name)", "    log(name)", "    return os.path.join('x', name)"],
}
FIRST_IN = ["1.0", "1.2", "1.0", "1.0", "2.0", "1.2rc1", "1.0"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for version, lines in RELEASES.items():
        made.index.add(build_sdist("alpha", version, {"alpha/code.py": "".join(f"{line}\n" for line in lines)}))
    return made


def blamed(repository: Repository, path: str) -> list[str]:
    """For each line of a file the release that `git blame` names."""
    said = git(repository.path, "blame", "--line-porcelain", HISTORY, "--", path).decode().splitlines()
    return [line.removeprefix("summary alpha ") for line in said if line.startswith("summary ")]


def logged(repository: Repository, *words: str) -> list[str]:
    return git(repository.path, "log", "--format=%(trailers:key=Tag,valueonly,separator=)", *words, HISTORY).decode().split()


@pytest.fixture
def whole(bench: Bench) -> Repository:
    assert bench.project("alpha>=0.dev0").succeeded
    return bench.store.repository("alpha")


def test_blame_names_the_release_in_which_a_line_first_appeared(whole: Repository) -> None:
    assert blamed(whole, "alpha/code.py") == FIRST_IN


def test_the_log_of_a_file_names_the_releases_that_changed_it(bench: Bench, whole: Repository) -> None:
    assert logged(whole) == [f"v{version}" for version in reversed(RELEASES)]
    bench.index.add(build_sdist("alpha", "2.1", {"alpha/code.py": "".join(f"{line}\n" for line in RELEASES["2.0"]), "new": "new\n"}))
    assert bench.project("alpha>=0.dev0").succeeded
    assert logged(whole, "-1") == ["v2.1"]
    assert git(whole.path, "log", "--format=%s", HISTORY, "--", "alpha/code.py").decode().split("\n")[0] == "alpha 2.0"


def test_a_commit_of_the_history_differs_in_nothing_from_the_releases_tag(whole: Repository) -> None:
    for version, id_ in whole.history().items():
        assert git(whole.path, "rev-parse", f"{id_}^{{tree}}") == git(whole.path, "rev-parse", f"v{version}^{{tree}}")
        assert git(whole.path, "diff", id_, f"v{version}") == b""


def test_git_finds_nothing_wrong_however_versions_came_and_went(bench: Bench, tmp_path: Path) -> None:
    for wanted in (("alpha==2.0",), ("alpha==2.0", "alpha==1.0"), ("alpha==1.0", "alpha==1.10"), ("alpha>=1",)):
        assert bench.project(*wanted).succeeded
    repository = bench.store.repository("alpha")
    check(repository.path, tmp_path / "clone")
    assert logged(repository) == ["v2.0", "v1.10", "v1.2", "v1.1", "v1.0"]
    assert (
        git(tmp_path / "clone", "log", "--format=%H", f"origin/{HISTORY.rpartition('/')[2]}").decode().split()
        == list(repository.history().values())[::-1]
    )


def test_ids_of_the_history_do_not_depend_on_the_order_of_syncing(bench: Bench, whole: Repository, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Bench(tmp_path / "other", index=bench.index)
    for version in ("1.10", "2.0", "1.2rc1", "1.0", "1.2", "1.1"):
        other.sync(add=[f"alpha=={version}"])
    assert other.store.repository("alpha").history() == whole.history()


@pytest.mark.parametrize("deltas", [True, False])
def test_git_reads_what_maintenance_left_of_the_history(bench: Bench, tmp_path: Path, deltas: bool) -> None:
    for version in ("2.0", "1.10", "1.2", "1.1", "1.0"):
        bench.sync(add=[f"alpha=={version}"])
    repository = bench.store.repository("alpha")
    before = git(repository.path, "rev-list", "--count", "--all", "--reflog")
    unreachable = "--unreachable", "--no-reflogs", "--no-progress", "--full"
    assert b"unreachable commit" in git(repository.path, "fsck", *unreachable)
    repository.maintain(Upkeep(deltas=deltas, keep_superseded=timedelta()))
    assert git(repository.path, "fsck", *unreachable) == b""
    assert git(repository.path, "rev-list", "--count", "--all", "--reflog") == before
    check(repository.path, tmp_path / "clone")
    assert repository.verify() == ()


@pytest.mark.parametrize("deltas", [True, False])
@pytest.mark.parametrize("reason", ["a reference of somebody else", "another idea of the line"])
def test_maintenance_drops_no_commit_that_a_reference_may_need(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, reason: str, deltas: bool
) -> None:
    bench.sync(add=["alpha==2.0"])
    repository = bench.store.repository("alpha")
    old = repository.history()["2.0"]
    if reason == "a reference of somebody else":
        git(repository.path, "update-ref", "refs/keep-around/one", old)
    bench.sync(add=["alpha==1.0"])
    bench.sync(add=["alpha==1.1"])
    if reason == "another idea of the line":
        # As a process has whose library orders versions in another way.
        monkeypatch.setattr(maintenance, "history_of", lambda name, rows: history_of(name, rows)[:1])
    repository.maintain(Upkeep(deltas=deltas, keep_superseded=timedelta()))
    assert git(repository.path, "cat-file", "-t", old) == b"commit\n"
    assert git(repository.path, "fsck", "--full", "--strict", "--no-dangling") == b""


@pytest.mark.parametrize("count", [3, 6, 10])
def test_commits_that_others_are_deltas_of_stay_with_those_before_them(bench: Bench, count: int) -> None:
    """A pack of git's has deltas between commits too: copied, each needs its base, and that the commits before it."""
    for number in range(1, count + 1):
        bench.index.add(sdist(f"{number}.0", "beta"))
    bench.index.add(sdist("0.1", "beta"))
    bench.sync(add=["beta>=1"])
    repository = bench.store.repository("beta")
    repository.maintain(Upkeep(keep_superseded=timedelta()))
    # All that git has packed with deltas is left behind at once.
    bench.sync(add=["beta==0.1"])
    done = repository.maintain(Upkeep(deltas=False, keep_superseded=timedelta()))
    assert (done.way, done.packs_after) == ("copy", 1)
    assert repository.verify() == ()
    assert git(repository.path, "fsck", "--full", "--strict", "--no-dangling") == b""


def test_a_repair_gives_the_history_back(bench: Bench, whole: Repository) -> None:
    before, refs = dict(whole.history()), dict(whole.refs())
    for path in (whole.path / "objects" / "pack").glob("*.pack"):
        path.chmod(0o644)
        path.write_bytes(bytes(path.stat().st_size))
    with bench.host() as host:
        report = host.repair("alpha")
    assert {version.status for version in report.versions} == {Repair.REBUILT}
    repaired = bench.store.repository("alpha")
    assert (dict(repaired.history()), dict(repaired.refs()), repaired.verify()) == (before, refs, ())
    assert blamed(repaired, "alpha/code.py") == FIRST_IN
