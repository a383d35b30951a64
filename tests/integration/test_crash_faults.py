"""A disk that is full, that fails, that must not be written; too few open files."""

import errno
import sys
from pathlib import Path

import pytest

from crash_faults import fill, refuse, starve
from crash_kills import calls, chosen_calls
from crash_mounts import small
from crashing import Scene, heal, judge

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="calls are refused as Linux does it"),
    pytest.mark.needs("git"),
    pytest.mark.needs("strace"),
]


def test_a_disk_full_at_every_16_kib_is_told_by_path_leaves_a_whole_state_and_heals_with_room(crash_scene: Scene, tmp_path: Path) -> None:
    with small(tmp_path / "small") as disk:
        room, faults = 0, 0
        while fill(crash_scene, disk, room).errors:
            room, faults = room + (16 << 10), faults + 1
    assert faults > 10


def test_a_store_that_must_not_be_written_is_told_by_path_and_left_as_it_is(crash_scene: Scene, tmp_path: Path) -> None:
    with small(tmp_path / "small") as disk:
        store = crash_scene.store(disk.folder)
        disk.set_writable(False)
        last = crash_scene.start(store).go().wait()
        assert last is not None
        told = [one for one in last["errors"] if one["type"] == "DiskError"]
        assert len(told) == len(last["errors"]) == 4
        assert all(one["errno"] == errno.EROFS and one["path"].startswith(str(store)) for one in told)
        assert not any(judge(crash_scene, store).values())
        disk.set_writable(True)
        heal(crash_scene, store)


def test_a_call_that_fails_is_told_by_path_leaves_a_whole_state_and_heals(crash_scene: Scene) -> None:
    told = [bool(refuse(crash_scene, kind, number).errors) for kind, number in chosen_calls(calls(crash_scene), 12, seed=2)]
    assert any(told)


def test_too_few_open_files_are_told_by_path_leave_a_whole_state_and_heal(crash_scene: Scene) -> None:
    told = [bool(starve(crash_scene, files).errors) for files in (3, 5, 7, 9, 30)]
    assert told[0]
    assert not told[-1]
