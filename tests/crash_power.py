"""Power cuts: copies of the disk under a sync that goes on, and what of its promises they hold."""

import random
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from crash_mounts import machine, mounted
from crash_program import Json
from crashing import Refs, Scene, heal, job, judge, judge_repository, repository
from gitting import refs

# So long a sync rests after each call that changes the disk, in microseconds: a cut finds every moment of it.
_REST = 3000
_RESTING = "fsync,write,pwrite64,ftruncate,/^rename,/^unlink,/^mkdir"


@frozen
class Cut:
    """One power cut.

    Attributes:
        acknowledged: For each project, the number of the state that was promised before it.
        found: The number of the state that is there after it; -1 for none that there ever was.
    """

    acknowledged: tuple[int, ...]
    found: tuple[int, ...]

    @property
    def loses(self) -> bool:
        """Whether anything is gone that was promised."""
        return any(is_there < promised for promised, is_there in zip(self.acknowledged, self.found, strict=True))


def cut_sync(scene: Scene, folder: Path, chance: random.Random, *, cuts: int, durable: bool = True) -> list[Cut]:
    """Cut the power under one sync several times, and judge what each cut leaves: durably, everything has to be in order."""
    with machine(folder) as disk:
        store = scene.store(disk.folder)
        subprocess.run(["sync", "--file-system", str(store)], check=True)
        words = ("-e", f"trace={_RESTING}", "-e", f"inject={_RESTING}:delay_exit={_REST}")
        run = scene.start(store, durable=durable, jobs=2).trace(*words).go()
        promised = []
        for number in range(cuts):
            if not run.ended(chance.expovariate(2.5)):
                time.sleep(chance.uniform(0, 0.02))
            promised.append(acknowledged(scene, run.told()))
            disk.cut(folder / f"cut-{number}.img")
        assert run.wait() is not None
        place = store.relative_to(disk.folder)
    found = []
    for number, before in enumerate(promised):
        image = folder / f"cut-{number}.img"
        with mounted(image, folder / "after") as where:
            after = _judged(scene, where / place) if durable else _seen(scene, where / place)
        found.append(Cut(before, after))
        image.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    return found


def cut_after_death(scene: Scene, folder: Path, *, dependency: str, syncs_left: int, batch: int = 2) -> Cut:
    """Kill a sync shortly before its last promise, let another one find its work done, and cut the power as soon as that one has said so.

    Args:
        scene: Of it, one project alone is synced.
        folder: Where the image is made.
        dependency: What is wanted of the project.
        syncs_left: Which of the calls that sync something kills it, counted from the last one.
        batch: How many versions are published at once.
    """
    name = dependency.partition(">")[0]
    with machine(folder) as disk:
        more = {"additive": True, "batch": batch}
        number = _syncs(scene, job(scene.index, scene.store(), [dependency], **more)) - syncs_left
        store = scene.store(disk.folder)
        subprocess.run(["sync", "--file-system", str(store)], check=True)
        wanted = job(scene.index, store, [dependency], **more)
        words = ("-e", "trace=fsync", "-e", f"inject=fsync:signal=KILL:when={number}")
        assert scene.program.start(wanted).trace(*words).go().wait() is None
        second = scene.program.start(wanted).go()
        assert second.wait() is not None
        disk.cut(folder / "cut.img")
    with mounted(folder / "cut.img", folder / "after") as where:
        path = repository(where / store.relative_to(disk.folder), name)
        return Cut((len(scene.states[name]) - 1,), (judge_repository(path, scene.states[name]),))


def _syncs(scene: Scene, wanted: Json) -> int:
    """Return how many calls that sync something are made by the thread that makes the last one."""
    log = scene.folder / "syncs"
    assert scene.program.start(wanted).trace("-o", str(log), "-e", "trace=fsync").go().wait() is not None
    shutil.rmtree(wanted["store"])
    threads = [line.split()[0] for line in log.read_text().splitlines() if "fsync(" in line]
    return threads.count(threads[-1])


def acknowledged(scene: Scene, told: Sequence[Json]) -> tuple[int, ...]:
    """Return the number of the state that was promised of each project."""
    changes = [one["changed"] for one in told if "changed" in one]
    return tuple(changes.count(name) for name in scene.states)


def _judged(scene: Scene, store: Path) -> tuple[int, ...]:
    states = tuple(judge(scene, store).values())
    heal(scene, store)
    return states


def _seen(scene: Scene, store: Path) -> tuple[int, ...]:
    return tuple(_state(repository(store, name), of) for name, of in scene.states.items())


def _state(path: Path, of: Sequence[Refs]) -> int:
    try:
        return list(of).index(refs(path) if path.exists() else {})
    except (AssertionError, ValueError):
        return -1
