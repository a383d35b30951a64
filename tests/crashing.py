"""Syncs that are cut short, and what has to be true of a store whatever happened to it."""

import gzip
import random
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pygit2
from attrs import field, frozen
from dulwich.objects import Tag
from dulwich.repo import Repo

from crash_program import Json, Program, Run, program
from gitting import git, refs
from loopback import serving
from pydeps_host import Store
from pydeps_host.repository.history import history_of
from pydeps_host.repository.state import references_of
from pydeps_host.testing import FakeIndex, build_sdist

# Each kind of call that changes a disk, in strace's words.
CALLS = ("openat", "write", "pwrite64", "fsync", "/^rename", "/^unlink", "ftruncate", "/^mkdir", "flock", "close")

Refs = dict[str, str]


@frozen
class Scene:
    """An index, a store before a sync, and every state that the sync goes through.

    Attributes:
        folder: Where stores are put.
        index: What is asked; its requests are counted.
        program: Whoever syncs.
        base: The store before.
        states: For each project, its references after each batch; the first is the old state, the last one the new.
        files: How many files the sync downloads.
    """

    folder: Path
    index: FakeIndex
    program: Program
    base: Path
    states: Mapping[str, Sequence[Refs]]
    files: int
    _numbers: Iterator[int] = field(factory=count)

    def store(self, folder: Path | None = None) -> Path:
        """A copy of the store before the sync."""
        path = (folder or self.folder) / f"store-{next(self._numbers)}"
        shutil.copytree(self.base, path)
        return path

    def job(self, store: Path, **more: Any) -> Json:
        """The sync, for a program."""
        return job(self.index, store, AFTER, **more)

    def start(self, store: Path, **more: Any) -> Run:
        """Begin the sync, stopped."""
        return self.program.start(self.job(store, **more))


BEFORE = ("alpha==1.0", "beta==1.0", "delta==1.0")
# Of alpha a version goes and others come, beta gets more, gamma is new, and delta has only more who want it.
AFTER = ("alpha>=2", "beta>=1", "gamma>=1", "delta==1.0", "delta>=1")
VERSIONS = {
    "alpha": ("1.0", "2.0", "2.1", "2.2", "2.3"),
    "beta": ("1.0", "1.1", "1.2", "1.3"),
    "gamma": ("1.0", "1.1", "1.2", "1.3"),
    "delta": ("1.0",),
}


def job(index: FakeIndex, store: Path, dependencies: Sequence[str] = (), **more: Any) -> Json:
    """A sync that publishes two versions a batch."""
    config = {"urls": [index.url], "dependencies": list(dependencies)}
    usual = {"durable": True, "jobs": 1, "batch": 2, "additive": False, "ensure": None, "files": 0, "number": 0}
    return {"config": config, "store": str(store), **usual, **more}


@contextmanager
def scene(folder: Path, *, size: int = 12_000) -> Iterator[Scene]:
    """Set everything up, with source distributions of about `size` bytes."""
    with serving() as index:
        for name, versions in VERSIONS.items():
            for version in versions:
                data = random.Random(f"{name} {version}").randbytes(size // 2)
                index.add(build_sdist(name, version, {"a.py": f"{name} {version}\n", "b.bin": data, "c/d.bin": data[::-1]}))
        base, whole = folder / "base", folder / "whole"
        with program(folder, job(index, folder / "warm", ["delta==1.0"])) as running:
            assert running.start(job(index, base, BEFORE)).go().wait() is not None
            states: dict[str, list[Refs]] = {
                name: [refs(path)] if path.exists() else [{}] for name in VERSIONS for path in [repository(base, name)]
            }
            shutil.copytree(base, whole)
            asked = len(index.files)
            run = running.start(job(index, whole, AFTER)).go()
            assert run.wait() is not None
            for told in run.told():
                if "changed" in told:
                    of = states[told["changed"]]
                    of.append({name: id_ for name, id_ in of[-1].items() if name not in told["old"]} | told["new"])
            assert {name: of[-1] for name, of in states.items()} == {name: refs(repository(whole, name)) for name in VERSIONS}
            yield Scene(folder, index, running, base, states, len(index.files) - asked)


def repository(store: Path, name: str) -> Path:
    """Where a project's repository is."""
    return store / "python" / f"{name}.git"


def judge(scene: Scene, store: Path) -> dict[str, int]:
    """Hold every repository of a store against the states that it may have, as every reader sees it.

    Returns:
        For each project the number of its state.
    """
    found = {name: judge_repository(repository(store, name), of) for name, of in scene.states.items()}
    for name in VERSIONS:
        remembered = Store(store).known_repository(name)
        if remembered is not None:
            rows = remembered.rows()
            assert dict(remembered.refs()) == references_of(rows, history_of(remembered.name, rows))
    return found


def judge_repository(path: Path, states: Sequence[Refs]) -> int:
    """Hold one repository against its states; none is the state of no references."""
    if not path.exists():
        assert states[0] == {}, path
        return 0
    seen = refs(path)
    assert seen in states, (path, seen)
    packs = path / "objects" / "pack"
    assert all(pack.with_suffix(".idx").exists() for pack in packs.glob("*.pack")), sorted(packs.iterdir())
    assert git(path, "fsck", "--full", "--strict", "--no-dangling") == b"", path
    with tempfile.TemporaryDirectory() as clone:
        git(path, "clone", "--quiet", "--mirror", "--no-local", "--config", "transfer.fsckObjects=true", str(path), clone)
        assert refs(Path(clone)) == seen
    assert read_by_pygit2(path) == read_by_dulwich(path) == seen
    return list(states).index(seen)


def read_by_pygit2(path: Path) -> Refs:
    """All references as libgit2 sees them, after reading what they lead to."""
    opened = pygit2.Repository(str(path))
    found = _settled(lambda: {name: str(opened.references[name].target) for name in opened.references})
    for name in found:
        for entry in opened.references[name].peel(pygit2.Commit).tree:
            assert entry.id in opened
    return found


def read_by_dulwich(path: Path) -> Refs:
    """All references as dulwich sees them, after reading what they lead to."""
    with Repo(str(path)) as opened:
        found = _settled(lambda: {name.decode(): id_.decode() for name, id_ in opened.get_refs().items()})
        for id_ in found.values():
            target = opened[id_.encode()]
            commit = opened[target.object[1]] if isinstance(target, Tag) else target
            assert all(entry.sha in opened.object_store for entry in opened[commit.tree].items())  # type: ignore[attr-defined]
        return {name: id_ for name, id_ in found.items() if name != "HEAD"}


def _settled(look: Callable[[], Refs]) -> Refs:
    """Return what two looks in a row agree on: where each reference is looked up by itself, a change may come between two of them."""
    seen = look()
    while (again := look()) != seen:
        seen = again
    return seen


def heal(scene: Scene, store: Path) -> None:
    """Sync once more: everything arrives, what was downloaded is not downloaded again, and nothing is left over."""
    have, asked = spooled(store) + len(published(store) - published(scene.base)), len(scene.index.files)
    last = scene.start(store).go().wait()
    assert last is not None
    assert last["errors"] == []
    assert len(scene.index.files) - asked == scene.files - have, (have, spooled_files(store))
    for name, of in scene.states.items():
        assert refs(repository(store, name)) == of[-1]
        assert git(repository(store, name), "fsck", "--full", "--strict", "--no-dangling") == b""
    left = leftovers(store)
    assert left == [], left


def leftovers(store: Path) -> list[str]:
    """Whatever lies in a store that no reader and no later sync needs."""
    ours = store / ".pydeps-host"
    found = [*spooled_files(store), *ours.glob("unborn/*/*"), *ours.glob("*.new"), *ours.glob("pages/*/*[.-]*")]
    for opened in Store(store).repositories():
        path, state = opened.path, opened._reader.state()
        named = {path / "objects" / "pack" / f"{name}.{suffix}" for name in state.packs for suffix in ("pack", "idx")}
        found += {*path.glob("objects/pack/*")} ^ named
        found += [*path.glob("pydeps-host/writing/*"), *path.glob("pydeps-host/*.new")]
        found += [lock for lock in [path / "pydeps-host" / "lock"] if b"pack-" in lock.read_bytes()]
        found += [journal for journal in [path / "pydeps-host" / "journal.jsonl"] if journal.stat().st_size != state.end]
    return sorted(str(path.relative_to(store)) for path in found)


def spooled_files(store: Path) -> list[Path]:
    """Files on their way, whole or not."""
    return [path for path in (store / ".pydeps-host" / "spool").glob("*/*/*") if path.is_file()]


def spooled(store: Path) -> int:
    """How many files were verified and not published yet, and lost nothing when power failed; of each the name without its digest."""
    gone = {row.sha256 for opened in _remembered(store) for row in opened.rows().values() if row.is_published}
    verified = [path for path in spooled_files(store) if path.suffix != ".part" and _is_whole(path)]
    return len({path.stem for path in verified if path.suffix[1:] not in gone})


def _is_whole(sdist: Path) -> bool:
    try:
        return bool(gzip.decompress(sdist.read_bytes()))
    except (OSError, EOFError, zlib.error):
        return False


def published(store: Path) -> set[tuple[str, str]]:
    """Every version whose objects are there, to be seen by readers or not yet."""
    return {(opened.name, row.text) for opened in _remembered(store) for row in opened.rows().values() if row.commit}


def _remembered(store: Path) -> list[Any]:
    found = [Store(store).known_repository(name) for name in VERSIONS]
    return [opened for opened in found if opened is not None]
