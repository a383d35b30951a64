"""Power cuts; `crash_repositories.py` makes a hundred."""

import random
import sys
from pathlib import Path

import pytest

from crash_power import cut_after_death, cut_sync
from crashing import Scene

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="images are mounted as Linux does it"),
    pytest.mark.needs("git"),
    pytest.mark.needs("strace"),
    pytest.mark.needs("mkfs.ext4"),
]


def test_a_power_cut_loses_nothing_that_was_acknowledged_and_damages_nothing(crash_scene: Scene, tmp_path: Path) -> None:
    assert not [one for one in cut_sync(crash_scene, tmp_path, random.Random(1), cuts=5) if one.loses]


def test_without_syncing_a_power_cut_does_lose_versions(crash_scene: Scene, tmp_path: Path) -> None:
    assert [one for one in cut_sync(crash_scene, tmp_path, random.Random(1), cuts=5, durable=False) if one.loses]


@pytest.mark.parametrize(
    ("dependency", "batch", "syncs_left"),
    # The last call but three syncs the references of a new repository, those after it the folders that it was put into.
    [("beta>=1", 2, 0), ("gamma>=1", 16, 0), ("gamma>=1", 16, 2), ("gamma>=1", 16, 3)],
)
def test_what_a_killed_process_did_not_sync_is_synced_before_another_one_acknowledges_it(
    dependency: str, batch: int, syncs_left: int, crash_scene: Scene, tmp_path: Path
) -> None:
    assert not cut_after_death(crash_scene, tmp_path, dependency=dependency, syncs_left=syncs_left, batch=batch).loses
