"""Syncs of which the system refuses something: typed errors that name a path, the old state, and a cure."""

import errno
import shutil
from pathlib import Path
from typing import Any

from attrs import frozen

from crash_mounts import Small
from crash_program import Json
from crashing import Scene, heal, judge

# What a fault of the disk may be told as, and what one may be told as that befalls a connection.
_OF_THE_DISK = {"DiskError"}
_OF_THE_NETWORK = {"UnavailableError", "ProjectUnavailableError"}


@frozen
class Fault:
    """What became of a sync that was refused something, and of the one after it.

    Attributes:
        errors: What the first one reported.
        moved: Whether any repository left its old state all the same.
    """

    errors: tuple[Json, ...]
    moved: bool

    def all_name_a_path_of(self, store: Path, code: int) -> bool:
        """Whether each error is of the disk, names a path of the store and has this number."""
        return all(
            one["type"] in _OF_THE_DISK and one["path"].startswith(str(store)) and one["path"] in one["message"] and one["errno"] == code
            for one in self.errors
        )


def fill(scene: Scene, disk: Small, room: int) -> Fault:
    """Sync where there is room for so many bytes; then make room."""
    disk.leave(32 << 20)
    store = scene.store(disk.folder)
    disk.leave(room)
    fault = _fault(scene, store, scene.start(store).go().wait())
    assert fault.all_name_a_path_of(store, errno.ENOSPC), fault.errors
    disk.leave(32 << 20)
    _heal(scene, store)
    return fault


def refuse(scene: Scene, kind: str, number: int, *, error: str = "EIO") -> Fault:
    """Have the n-th call of a kind fail, with an error by its name."""
    store = scene.store()
    run = scene.start(store).trace("-e", f"trace={kind}", "-e", f"inject={kind}:error={error}:when={number}").go()
    fault = _fault(scene, store, run.wait())
    assert fault.all_name_a_path_of(store, getattr(errno, error)), fault.errors
    _heal(scene, store)
    return fault


def starve(scene: Scene, files: int) -> Fault:
    """Sync in a process that may have only so many files open, sockets among them."""
    store = scene.store()
    fault = _fault(scene, store, scene.start(store, files=files).go().wait())
    assert all(one["type"] in _OF_THE_DISK | _OF_THE_NETWORK for one in fault.errors), fault.errors
    assert all(one["errno"] == errno.EMFILE and one["path"] for one in fault.errors if one["type"] in _OF_THE_DISK), fault.errors
    _heal(scene, store)
    return fault


def _fault(scene: Scene, store: Path, last: Json | None) -> Fault:
    assert last is not None
    states = judge(scene, store)
    assert last["errors"] or all(number == len(scene.states[name]) - 1 for name, number in states.items()), states
    return Fault(tuple(last["errors"]), any(states.values()))


def _heal(scene: Scene, store: Path, **more: Any) -> None:
    heal(scene, store)
    shutil.rmtree(store)
