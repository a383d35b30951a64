"""A folder on disk as a tree of lock files."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from attrs import define, evolve, frozen

from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles.tree import ENVIRONMENT_MARK, is_lockfile, is_skipped
from pydeps_host.lockfiles.values import LockLimits

# Without blocking: a FIFO that takes a file's place would wait for a writer.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


@frozen
class FolderTree:
    """Files below a folder; symbolic links count where they stay in it, and are not followed while looking for files."""

    folder: Path
    limits: LockLimits

    def name_of(self, path: PurePosixPath) -> str:
        """Return the file's path."""
        return os.fspath(self.folder / path)

    def read(self, path: PurePosixPath, *, max_bytes: int, asked_by: LockfileError | None = None) -> bytes:
        """Return a file's bytes; see `Tree.read`."""
        problem = asked_by if asked_by is not None else LockfileError(self.name_of(path), "", "unreadable", "it is not read")
        try:
            real = (self.folder / path).resolve(strict=True)
            if not real.is_relative_to(self.folder.resolve(strict=True)):
                raise _refused(problem, "it leads out of the folder", "a link may lead to files of the same folder")
            return read_regular(real, problem, max_bytes=max_bytes)
        except (OSError, RuntimeError) as error:
            raise _unreadable(problem, error) from None

    def find(self, inside: PurePosixPath) -> Iterator[PurePosixPath]:
        """Yield the lock files below a folder; see `Tree.find`."""
        yield from sorted(_Walk(self).below(self.folder / inside, inside, self.limits.depth))


@define
class _Walk:
    tree: FolderTree
    visited: int = 0

    def below(self, folder: Path, path: PurePosixPath, depth: int) -> Iterator[PurePosixPath]:
        for entry in self._entries(folder):
            below = path / entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth > 0 and not is_skipped(entry.name) and not _is_closed(Path(entry.path)):
                    yield from self.below(Path(entry.path), below, depth - 1)
            elif is_lockfile(entry.name) and entry.is_file(follow_symlinks=False):
                yield below

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                entries = []
                for entry in found:
                    self.visited += 1
                    if self.visited > self.tree.limits.visited:
                        message = f"more than {self.tree.limits.visited} files and folders are not looked at"
                        raise LockfileError(os.fspath(self.tree.folder), "", "limit", message, "name a smaller folder")
                    entries.append(entry)
        except OSError as error:
            raise _unreadable(LockfileError(os.fspath(folder), "", "unreadable", ""), error) from None
        return entries


def _is_closed(folder: Path) -> bool:
    """Whether a folder is a virtual environment or a bare repository."""
    return (folder / ENVIRONMENT_MARK).exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


def read_regular(path: Path, problem: LockfileError, *, max_bytes: int) -> bytes:
    """Return the bytes of a regular file, and of nothing else.

    Args:
        path: The file; a link is not followed.
        problem: What to raise, with the reason put in.
        max_bytes: The most that it may have.

    Raises:
        LockfileError: It is no regular file, or larger.
        OSError: The system refuses.
    """
    descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  # A descriptor is no path.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(problem, "it is no regular file", "name a file")
        pieces, left = [], max_bytes + 1
        while left > 0 and (piece := file.read(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
    if left <= 0:
        raise evolve(
            problem, reason="limit", message=f"it has more than {max_bytes} bytes", remedy="check that it is the file that is meant"
        )
    return b"".join(pieces)


def _refused(problem: LockfileError, message: str, remedy: str) -> LockfileError:
    return evolve(problem, reason="unreadable", message=_joined(problem.message, message), remedy=remedy)


def _joined(before: str, why: str) -> str:
    return f"{before}: {why}" if before else why


def _unreadable(problem: LockfileError, error: Exception) -> LockfileError:
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return _refused(problem, "a symbolic link leads here, or in circles", "name the file itself")
    said = (error.strerror or str(error)) if isinstance(error, OSError) else "a symbolic link leads in circles"
    return _refused(problem, said, "check its path and permissions")
