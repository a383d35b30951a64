"""A process that publishes is killed at each call that it makes to the system.

Run as a program, this file is that process: it copies a repository for each
call, and publishes into the copy from a fork that dies at the call.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pydeps_host.git import Commit, Identity, Mode, Tag, encode_commit, encode_tag, write_tree
from pydeps_host.repository import Batch, Change, Disk, Repository, Status, VersionRow, VersionTag

GIT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
CALLS = ("open", "write", "pwrite", "fsync", "ftruncate", "replace", "unlink", "close")


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, env=GIT, check=True, capture_output=True, text=True, timeout=60).stdout


def add_version(batch: Batch, text: str, content: bytes = b"") -> VersionRow:
    blob = batch.pack.add("blob", content or text.encode())
    tree = write_tree([(b"pkg/a.py", Mode.FILE, blob)], batch.pack.add)
    who = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)
    commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=who, committer=who, message=b"pkg\n")))
    tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=who, message=b"pkg\n")))
    row = VersionRow(
        text,
        Status.PUBLISHED,
        sha256="00" * 32,
        date=who.seconds,
        commit=commit.hex(),
        tree=tree.hex(),
        tags=(VersionTag(f"v{text}", tag.hex()),),
    )
    batch.add(row)
    return row


def prepare(repository: Repository) -> Change | None:
    with repository.batch() as batch:
        add_version(batch, "1.0")
        add_version(batch, "1.1")
        batch.claim("default", "pkg<2", ["1.0", "1.1"])
        batch.record_owner("index.example.com/simple")
        return batch.publish()


def change(repository: Repository) -> Change | None:
    with repository.batch() as batch:
        add_version(batch, "2.0")
        batch.claim("default", "pkg>=2", ["2.0"])
        batch.end_claims("default", keep_entries=["pkg>=2"])
        return batch.publish()


def observed(repository: Repository) -> tuple[Any, ...]:
    return dict(repository.refs()), repository.generation, dict(repository.rows()), dict(repository.claims()), repository.owner


@pytest.mark.needs("git")
def test_a_process_killed_at_any_call_leaves_the_old_state_or_the_new_and_nothing_else(tmp_path: Path) -> None:
    base = Repository.create(tmp_path / "base.git", name="pkg", disk=Disk(durable=False))
    prepare(base)
    old = observed(base)
    other = tmp_path / "other.git"
    shutil.copytree(base.path, other)
    change(Repository.open(other))
    new = observed(Repository.open(other))

    run = subprocess.run([sys.executable, __file__, str(base.path), str(tmp_path)], check=True, capture_output=True, text=True, timeout=300)
    killed = sorted(tmp_path.glob("killed-*.git"))
    assert len(killed) == int(run.stdout) > 40

    for path in killed:
        survivor = Repository.open(path)
        assert observed(survivor) in (old, new), path.name
        git(path, "fsck", "--full", "--strict")
        git(path, "clone", "--quiet", "--mirror", ".", f"{path}.clone")
        assert path.name != killed[-1].name or observed(survivor) == new

        change(survivor)
        assert observed(Repository.open(path)) == new, path.name
        assert no_leftovers(path), path.name
        git(path, "fsck", "--full", "--strict")


def no_leftovers(path: Path) -> bool:
    state = Repository.open(path)._reader.state()
    packs = {file.name for file in (path / "objects" / "pack").iterdir()}
    ours = path / "pydeps-host"
    return (
        packs == {f"{name}.{suffix}" for name in state.packs for suffix in ("pack", "idx")}
        and list(ours.glob("writing/*")) == []
        and (ours / "journal.jsonl").stat().st_size == state.end
        and b"pack-" not in (ours / "lock").read_bytes()
        and not (ours / "packed-refs.new").exists()
    )


def die_at(call: int) -> None:
    """Kill this process when it makes its n-th call; a write is cut in the middle."""
    made = 0

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*arguments: Any, **options: Any) -> Any:
            nonlocal made
            made += 1
            if made == call:
                if name in {"write", "pwrite"}:
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], *arguments[2:])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return replacement

    for name in CALLS:
        setattr(os, name, dying(name, getattr(os, name)))


def main(base: Path, folder: Path) -> None:
    call = 0
    status = -1
    while status != 0:
        call += 1
        path = folder / f"killed-{call:03}.git"
        shutil.copytree(base, path)
        child = os.fork()
        if child == 0:
            die_at(call)
            change(Repository.open(path))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
    print(call)  # noqa: T201 - the program's answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
