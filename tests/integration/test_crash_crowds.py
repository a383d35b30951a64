"""Many processes at one repository at once; `crash_repositories.py` has readers read it five hundred times."""

import sys
import time
from collections.abc import Iterator

import pytest
from attrs import evolve

from crash_crowds import PROCESSES, crowd, ensure_while_busy
from crashing import Scene
from pydeps_host.testing import build_sdist

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are watched as Linux does it"),
    pytest.mark.needs("git"),
]

# What each file takes to come, in seconds; so many versions are a batch.
SLOW, BATCH = 0.2, 3


@pytest.fixture
def slow(crash_scene: Scene) -> Iterator[Scene]:
    """A project of which everything comes slowly, and one of which nothing but the oldest version can be used."""
    index = crash_scene.index
    for number in range(16):
        good = build_sdist("zeta", f"1.{number}", {"a.py": str(number)})
        bad = build_sdist("broken", f"1.{number}", {"a.py": str(number)})
        for one in (good, evolve(bad, data=b"no archive %d" % number) if number else bad):
            index.add(one)
            index.script_always(index.file_path(one.filename), lambda _: time.sleep(SLOW))
    yield crash_scene
    for name in ("zeta", "broken"):
        index.remove_project(name)


def test_of_32_processes_each_succeeds_each_version_is_downloaded_once_and_no_reader_sees_an_error(crash_scene: Scene) -> None:
    found = crowd(crash_scene, 1)
    assert PROCESSES == 32
    assert found.downloads == {f"gamma-1.{number}.tar.gz": 1 for number in range(4)}
    assert found.reads.total() > 0


@pytest.mark.parametrize("project", ["zeta", "broken"])
def test_who_asks_for_one_version_during_a_bulk_sync_of_the_project_waits_for_one_batch_at_most(project: str, slow: Scene) -> None:
    took, is_busy = ensure_while_busy(slow, f"{project}>1.0", f"{project}==1.0", after=SLOW, batch=BATCH)
    # One batch, its own file, and what the processes themselves take.
    assert took < SLOW * BATCH + SLOW + 1.2
    assert is_busy, "the sync was over first"
