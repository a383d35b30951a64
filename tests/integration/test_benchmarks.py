"""The benchmark runs whole on a few small source distributions, so that it does not rot."""

import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from attrs import evolve
from benchmarks import chart, fast_import, page, table
from benchmarks.artifacts import artifacts
from benchmarks.config import write_config
from benchmarks.figures import Figure, Results
from benchmarks.git_program import git
from benchmarks.measuring import Measured, compile_sources, measure, run
from benchmarks.race import DULWICH, FAST_IMPORT, FLOOR, LOOPBACK, OURS, OURS_TWO, WORK_TREE, Race, WrongTreesError

from pydeps_host import events
from pydeps_host.testing import Item, build_sdist

ROOT = Path(__file__).parents[2]
WAYS = [FLOOR, OURS, OURS_TWO, LOOPBACK, FAST_IMPORT, DULWICH, WORK_TREE]
FILES: dict[str, Item | bytes | str] = {
    "src/code.py": "def function():\n    return 1\n" * 100,
    "run.sh": Item(b"#!/bin/sh\n", executable=True),
    "copy.sh": Item(link="run.sh"),
    "a folder/a file": b"\0\1\2" * 1000,
}
TAKEN = Measured(seconds=1.0, cpu=1.0, whole_seconds=1.0, whole_cpu=1.0, peak_bytes=1, facts={"skipped": {}})
pytestmark = pytest.mark.needs("git")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three distributions of two projects; one has a file that its own `.gitignore` hides from a work tree."""
    folder = tmp_path_factory.mktemp("set")
    build_sdist("alpha", "1.0", FILES).into(folder / "alpha")
    build_sdist("alpha", "1.1", {**FILES, "src/new.py": "new = 1\n"}).into(folder / "alpha")
    build_sdist("beta", "2.0", {"kept.py": "", ".gitignore": "*.log\n", "hidden.log": "x"}).into(folder / "beta")
    return folder


@pytest.fixture(scope="module")
def measured(folder, tmp_path_factory):
    """The quick form as a person runs it: what it printed and what it saved."""
    place = tmp_path_factory.mktemp("results")
    # Neither folder is there yet.
    saved, scratch = place / "saved" / "results.json", place / "scratch"
    words = [sys.executable, "-m", "benchmarks", str(folder), "--quick", "--json", str(saved), "--scratch", str(scratch)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout, Results.load(saved)


def test_every_way_is_in_the_table_and_made_the_same_trees(measured):
    printed, results = measured
    assert [way.name for way in results.ways] == WAYS
    # The work tree hid one file of one version, which git was told to by the package itself.
    assert {way.name: way.same for way in results.ways} == {**dict.fromkeys(WAYS, (3, 3)), FLOOR: None, WORK_TREE: (2, 3)}
    assert all(way.seconds > 0 and way.cpu > 0 and way.peak_bytes > 5e6 for way in results.ways)
    assert all(f"| {name} " in printed for name in WAYS)


def test_every_figure_that_has_a_target_is_in_the_table_with_a_yes_or_a_no(measured):
    printed, results = measured
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines()]
    answers = {row[0]: row[3] for row in rows if len(row) == 4 and row[3] in {"yes", "no"}}
    assert answers == {one.name: "yes" if one.is_met else "no" for one in results.figures if one.is_met is not None}
    wanted = [
        *("against the floor", "1 job against 2", "loopback index", "peak memory, ours", "against ours, 1 job", "against ours, 2 jobs"),
        *(
            "gc --aggressive",
            "unpacked",
            "adding one version",
            "first sync",
            "nothing to bring",
            "processor time a project",
            "import pydeps_host",
        ),
    ]
    assert [one for one in wanted if not any(one in name for name in answers)] == []


def test_requests_are_those_that_the_documentation_promises(measured):
    _, results = measured
    assert [one.value for one in results.figures if one.unit == "requests"] == [2.0, 1.0]


def test_what_is_saved_comes_back_as_it_was_and_goes_into_the_page_again_and_again(measured, tmp_path):
    _, results = measured
    (tmp_path / "images").mkdir()
    shutil.copy(ROOT / "docs" / "performance.md", tmp_path)
    page.write(results, tmp_path)
    written = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert table.render(results) in written
    assert (tmp_path / "images" / "performance.svg").read_text(encoding="utf-8") == chart.draw(results.ways)
    page.write(results, tmp_path)
    assert (tmp_path / "performance.md").read_text(encoding="utf-8") == written


def test_a_figure_is_met_at_its_target_and_not_beyond_it():
    assert [Figure(name="", value=value, most=2.0).is_met for value in (1.9, 2.0, 2.1)] == [True, True, False]
    assert [Figure(name="", value=value, least=2.0).is_met for value in (1.9, 2.0, 2.1)] == [False, True, True]
    assert Figure(name="", value=1.0).is_met is None


@pytest.mark.parametrize("change", ["another tree", "no tag", "a work tree without a tag", "a work tree without a reason"])
def test_a_way_that_made_something_else_is_told_and_not_measured(change, folder, tmp_path):
    other = WORK_TREE if change.startswith("a work tree") else FAST_IMPORT
    race = Race(folder, tmp_path, 1)
    race.results = {FLOOR: [TAKEN], OURS: [TAKEN], other: [TAKEN]}
    for name in (OURS, other):
        make(race, name, folder)
    assert [way.same for way in race.ways()] == [None, (3, 3), (3, 3)]
    spoil(race.result(other) / "alpha.git", change)
    with pytest.raises(WrongTreesError, match=r"alpha/v1\.1"):
        race.ways()


def test_ours_without_a_version_of_the_set_is_told(folder, tmp_path):
    race = Race(folder, tmp_path, 1)
    race.results = {FLOOR: [TAKEN], OURS: [TAKEN]}
    make(race, OURS, folder)
    git(race.result(OURS) / "python" / "alpha.git", "tag", "-d", "v1.0")
    with pytest.raises(WrongTreesError, match=r"alpha/v1\.0"):
        race.ways()


def test_a_way_that_left_an_object_out_is_told(folder, tmp_path):
    race = Race(folder, tmp_path, 1)
    race.results = {FLOOR: [TAKEN], OURS: [TAKEN]}
    make(race, OURS, folder)
    repository = race.result(OURS) / "python" / "alpha.git"
    (pack,) = (repository / "objects" / "pack").glob("*.pack")
    moved = pack.rename(tmp_path / "moved.pack")
    with moved.open("rb") as objects:
        subprocess.run(["git", "unpack-objects", "-q"], cwd=repository, stdin=objects, check=True)
    blob = git(repository, "rev-parse", "v1.1:src/new.py").strip()
    assert race.ways()
    (repository / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(subprocess.CalledProcessError):
        race.ways()


def test_a_sync_that_did_not_bring_everything_ends_the_benchmark(folder, tmp_path, capfd):
    config = write_config(tmp_path / "config.json", folder.as_uri(), ["alpha==1.0", "alpha==3.0"])
    with pytest.raises(SystemExit, match=r"benchmarks\.ours"):
        measure("ours", config, tmp_path / "store")
    assert "not everything came" in capfd.readouterr().err


def make(race, name, folder):
    """Stand in for a way: repositories with the trees of the set, made by git fast-import."""
    fast_import.main(folder, race.result(name) / ("python" if name == OURS else ""))
    assert len(race.repositories(name)) == len({one.project for one in artifacts(folder)})


def spoil(repository, change):
    git(repository, "tag", "-d", "v1.1")
    if not change.endswith("tag"):
        git(repository, "tag", "-m", "another", "v1.1", "v1.0")


def test_versions_with_skipped_entries_are_not_compared(folder, tmp_path):
    race = Race(folder, tmp_path, 1)
    race.results = {FLOOR: [TAKEN], OURS: [evolve(TAKEN, facts={"skipped": {"alpha/v1.1": 1}})], FAST_IMPORT: [TAKEN]}
    for name in (OURS, FAST_IMPORT):
        make(race, name, folder)
    spoil(race.result(FAST_IMPORT) / "alpha.git", "another tree")
    assert [way.same for way in race.ways()] == [None, (2, 2), (2, 2)]


def test_what_is_measured_is_compiled_beforehand_as_pip_compiles_what_it_installs():
    compiled = Path(cache_from_source(events.__file__))
    compiled.unlink(missing_ok=True)
    compile_sources.cache_clear()
    run([sys.executable, "-B", "-c", "pass"])
    assert compiled.exists()
