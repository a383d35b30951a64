"""Syncs that are killed; `crash_repositories.py` kills a thousand."""

import shutil
import sys
import threading

import pytest

from crash_kills import Tally, calls, chosen_calls, duration, kill_at_call, kill_at_time, kill_command
from crashing import AFTER, Scene, heal, job, judge, repository
from pydeps_host.repository import Repository

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are watched and traced as Linux does it"),
    pytest.mark.needs("git"),
    pytest.mark.needs("strace"),
]


def test_a_sync_killed_at_any_call_leaves_a_whole_state_and_the_next_one_finishes_it(crash_scene: Scene) -> None:
    tally = Tally()
    for kind, number in chosen_calls(calls(crash_scene), 22, seed=1):
        tally.count(kill_at_call(crash_scene, kind, number))
    assert tally.kills.total() > 20
    assert tally.found["between"] > 0


def test_a_sync_killed_at_any_time_leaves_a_whole_state_and_the_next_one_finishes_it(crash_scene: Scene) -> None:
    length, tally = duration(crash_scene, jobs=3), Tally()
    for part in range(1, 7):
        tally.count(kill_at_time(crash_scene, length * part / 7))
    assert tally.kills.total() > 2


def test_the_command_killed_with_its_group_leaves_a_whole_state(crash_scene: Scene) -> None:
    tally = Tally()
    for seconds in (0.6, 0.9):
        tally.count(kill_command(crash_scene, seconds))
    assert tally.kills.total() + tally.ended.total() == 2


def test_a_version_whose_line_was_written_and_whose_references_were_not_arrives_though_the_page_is_unchanged(crash_scene: Scene) -> None:
    store = crash_scene.store()
    path = repository(store, "beta")
    words = ("-P", str(path / "pydeps-host" / "packed-refs.new"), "-e", "trace=/^rename", "-e", "inject=/^rename:signal=KILL:when=1")
    assert crash_scene.start(store).trace(*words).go().wait() is None
    journal = path / "pydeps-host" / "journal.jsonl"
    assert journal.stat().st_size > Repository.open(path)._reader.state().end, "it was killed between the two"
    asked = len(crash_scene.index.requests)
    heal(crash_scene, store)
    (page,) = [one for one in crash_scene.index.requests[asked:] if one.url.path == crash_scene.index.page_path("beta")]
    assert "if-none-match" in {name.lower() for name, _ in page.headers}
    shutil.rmtree(store)


@pytest.mark.parametrize("done", [0, 1, 3])
def test_after_k_of_n_versions_were_verified_the_next_sync_downloads_exactly_n_less_k(done: int, crash_scene: Scene) -> None:
    index, store, reached, gate = crash_scene.index, crash_scene.folder / f"verified-{done}", threading.Event(), threading.Event()
    # Newest first.
    path = index.file_path(f"gamma-1.{3 - done}.tar.gz")

    def wait(_: object) -> None:
        reached.set()
        gate.wait(30)

    index.script(path, wait)
    run = crash_scene.program.start(job(index, store, ["gamma>=1"], batch=16)).go()
    assert reached.wait(30)
    run.kill()
    gate.set()
    before = len(index.files)
    assert crash_scene.program.start(job(index, store, ["gamma>=1"], batch=16)).go().wait() is not None
    assert len(index.files) - before == 4 - done


def test_a_store_that_nobody_disturbed_is_judged_whole(crash_scene: Scene) -> None:
    store = crash_scene.store()
    assert crash_scene.program.start(job(crash_scene.index, store, AFTER)).go().wait() is not None
    assert all(number == len(crash_scene.states[name]) - 1 for name, number in judge(crash_scene, store).items())
    shutil.rmtree(store)
