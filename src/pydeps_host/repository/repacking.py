"""The one place where git is started: to write a pack with deltas.

Git only reads. It is told which objects to pack, and its pack comes out of its
standard output, so nothing of it is ever in the repository. What it wrote is
read through and indexed by our own reader before anybody is to rely on it.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from pydeps_host.errors import DamagedError, disk_errors
from pydeps_host.git import FinishedPack, ObjectId, PackReader
from pydeps_host.git.pack_entries import kinds_of
from pydeps_host.git.pack_scan import index_pack
from pydeps_host.repository.foreign import wrong_files
from pydeps_host.repository.layout import Layout
from pydeps_host.values import shown

# All that git gets of this process's environment.
_INHERITED: Final = ("PATH", "TMPDIR")
_ENVIRONMENT: Final = {
    "HOME": os.devnull,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    # Whatever a repository's configuration says: nothing is fetched, and no program started to do so.
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# As `git gc --aggressive` has them (git-gc(1)), with a bound on memory that it lacks.
_OPTIONS: Final = ("--window=250", "--depth=50", "--window-memory=256m", "--delta-base-offset")
_LOOK_SECONDS: Final = 0.05
_MOST_SAID: Final = 500
_MOST_SECONDS: Final = 3600.0


class RepackingError(Exception):
    """Git did not do it; what it was to do can be done without."""


@frozen(kw_only=True)
class Repacking:
    """How git is to work.

    Attributes:
        anew: Whether deltas that are there are looked for again rather than kept.
        threads: How many threads it may use.
        leave_out: Objects that are not wanted any more, and that no other one names.
        durable: Whether what it wrote is synced.
        check: Called 20 times a second; what it raises stops git and goes through.
    """

    anew: bool = True
    threads: int = 1
    leave_out: frozenset[ObjectId] = frozenset()
    durable: bool = True
    check: Callable[[], None]


def has_git() -> bool:
    """Say whether there is a git to start."""
    return shutil.which("git") is not None


def repack(repository: Path, packs: Iterable[PackReader], into: Path, how: Repacking) -> FinishedPack:
    """Write one pack of all objects of some packs, but for those that are left out, and its index.

    Args:
        repository: The repository's folder, which git reads.
        packs: The packs; whatever else the repository has is left out.
        into: The pack to write.
        how: What is left out, threads, time, and when to stop.

    Raises:
        RepackingError: Git is not there, failed, took too long, or wrote something
            else; or the repository holds other settings than ours, which git is not
            to obey. Both files may be there.
        DiskError: The disk refuses.
    """
    for wrong in wrong_files(Layout(repository)):
        raise RepackingError(f"git is not started: {wrong.where}: {wrong.what}")
    packs = tuple(packs)
    wanted = {entry.id for pack in packs for entry in pack.index} - how.leave_out
    roots = [id_ for pack in packs for id_, kind in kinds_of(pack) if kind in {"commit", "tag"} and id_ not in how.leave_out]
    pack, found = _packed(repository, roots, into, how)
    if missing := wanted - found:
        # What no commit leads to has no path that could help to find a good base.
        pack, found = _packed(repository, [*roots, *sorted(missing)], into, how)
    if found != wanted:
        raise RepackingError(f"git packed {len(found)} objects rather than {len(wanted)}")
    return pack


def _packed(repository: Path, roots: Iterable[ObjectId], into: Path, how: Repacking) -> tuple[FinishedPack, set[ObjectId]]:
    """Have everything that some objects lead to packed; return the pack and what is in it."""
    words = ["git", "--git-dir", str(repository), "pack-objects", "--revs", "--stdout", "-q", f"--threads={how.threads}", *_OPTIONS]
    if how.anew:
        words.append("--no-reuse-object")
    with _temporary() as asked, disk_errors(into, "writing"):
        for left in (into, into.with_suffix(".idx")):
            left.unlink(missing_ok=True)
        asked.write(b"".join(b"%b\n" % id_.hex().encode() for id_ in roots))
        asked.seek(0)
        with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444), "wb") as output:
            _run_git(words, asked, output, how)
            if how.durable:
                os.fsync(output.fileno())
    try:
        pack, entries = index_pack(into, sync=how.durable, check=how.check)
    except DamagedError as problem:
        raise RepackingError(f"git wrote no good pack: {problem.detail}") from None
    return pack, {entry.id for entry in entries}


def _run_git(words: list[str], asked: IO[bytes], output: IO[bytes], how: Repacking) -> None:
    """Start git, the only function that does, and wait until it ends, or is to end."""
    with _temporary() as said:
        try:
            # No word comes from outside but the repository's path.
            process = subprocess.Popen(words, stdin=asked, stdout=output, stderr=said, env=_environment(os.environ), cwd=os.sep)  # noqa: S603 - as said above
        except OSError as problem:
            raise RepackingError(f"git cannot be started: {problem.strerror}") from None
        try:
            status = _wait(process, how)
        finally:
            process.kill()
            process.wait()
        if status != 0:
            said.seek(0)
            raise RepackingError(f"git ended with {status}: {shown(said.read(_MOST_SAID).decode(errors='replace').strip())}")


def _temporary() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as problem:
        raise RepackingError(f"no temporary file can be made: {problem.strerror}") from None


def _wait(process: "subprocess.Popen[bytes]", how: Repacking) -> int:
    end = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < end:
        how.check()
        try:
            return process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    raise RepackingError(f"git was not done after {_MOST_SECONDS:.0f} s")


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    return {name: inherited[name] for name in _INHERITED if name in inherited} | _ENVIRONMENT
