"""Many processes at one repository at once: those who sync it, and those who read it meanwhile."""

import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from crashing import VERSIONS, Refs, Scene, job, leftovers, read_by_dulwich, read_by_pygit2, repository
from gitting import git, refs

PROCESSES = 32


@frozen
class Crowd:
    """What came of syncs at once.

    Attributes:
        downloads: How often each file was downloaded.
        reads: How many reads there were while somebody was at work, by reader.
        seconds: How long it took.
    """

    downloads: Counter[str]
    reads: Counter[str]
    seconds: float


def crowd(scene: Scene, seed: int) -> Crowd:
    """Have 32 processes sync one project at once, and readers read it until all of them are done.

    Every read has to succeed and to see references that were published together.
    """
    states, store, done = _states(scene), scene.folder / "crowd", threading.Event()
    before, began = len(scene.index.files), time.monotonic()
    runs = [scene.program.start(job(scene.index, store, ["gamma>=1"], **_ALONE)) for _ in range(PROCESSES)]
    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(_read, repository(store, "gamma"), states, done, random.Random(seed + number)) for number in range(4)]
        try:
            for run in runs:
                run.go()
            for run in runs:
                last = run.wait()
                assert last is not None
                assert last["errors"] == [], last
                assert sorted(last["present"]["gamma"]) == [f"v{version}" for version in VERSIONS["gamma"]]
        finally:
            done.set()
        found = sum((one.result() for one in reading), Counter[str]())
    left = leftovers(store)
    assert left == [], left
    shutil.rmtree(store)
    return Crowd(Counter(scene.index.files[before:]), found, time.monotonic() - began)


def ensure_while_busy(scene: Scene, dependency: str, pin: str, *, after: float, batch: int) -> tuple[float, bool]:
    """Ask for one version while a sync is busy with others of the same project.

    Returns:
        How long it took, in seconds, and whether the sync was still busy then.
    """
    store = scene.folder / "busy"
    wanted = job(scene.index, store, [dependency], additive=True, batch=batch)
    bulk = scene.program.start(wanted).go()
    assert not bulk.ended(after), "the sync is done already"
    urgent = scene.program.start({**wanted, "ensure": pin})
    began = time.monotonic()
    last = urgent.go().wait()
    took, is_busy = time.monotonic() - began, not bulk.ended(0)
    assert last is not None
    assert last["errors"] == [], last
    assert bulk.wait() is not None
    shutil.rmtree(store)
    return took, is_busy


# One project, and a state for every version of it.
_ALONE = {"additive": True, "batch": 1}


def _states(scene: Scene) -> list[Refs]:
    """Every state, as a sync alone publishes them."""
    alone = scene.folder / "alone"
    run = scene.program.start(job(scene.index, alone, ["gamma>=1"], **_ALONE)).go()
    assert run.wait() is not None
    shutil.rmtree(alone)
    states: list[Refs] = []
    for told in run.told():
        if "changed" in told:
            before = states[-1] if states else {}
            states.append({name: id_ for name, id_ in before.items() if name not in told["old"]} | told["new"])
    return states


def _read(path: Path, states: Sequence[Refs], done: threading.Event, chance: random.Random) -> Counter[str]:
    found = Counter[str]()
    while not done.is_set():
        if path.exists():
            name = chance.choice(sorted(READERS))
            assert READERS[name](path) in states, name
            found[name] += 1
        else:
            time.sleep(0.001)
    return found


def _clone(path: Path) -> Refs:
    with tempfile.TemporaryDirectory() as folder:
        git(path, "clone", "--quiet", "--mirror", "--no-local", str(path), folder)
        return refs(Path(folder))


def _list(path: Path) -> Refs:
    """All objects, without the references: what is seen of these is read before."""
    seen = refs(path)
    git(path, "rev-list", "--objects", "--all")
    return seen


# A clone without hard links asks upload-pack for everything.
READERS: dict[str, Callable[[Path], Refs]] = {
    "clone": _clone,
    "rev-list": _list,
    "pygit2": read_by_pygit2,
    "dulwich": read_by_dulwich,
}
