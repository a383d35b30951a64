"""Writing files so that they are there after a crash."""

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import disk_errors

# What is asked for at once, in bytes: most files of ours are shorter, and memory for much more is asked of the system each time.
_PIECE: Final = 1 << 16
# What the system answers where a path leads nowhere.
_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EBADF})
# What macOS answers where a file system knows no full sync.
_NO_FULL_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOTTY})


@frozen
class Disk:
    """How files are written.

    A rename is atomic to whoever looks, and durable once the folder is synced;
    a file's bytes are durable once the file is synced. Both are needed before
    anything is acknowledged (POSIX.1-2024, fsync). On macOS fsync alone leaves
    them in the drive's cache, and only a full sync gets them out of it (fsync(2)
    and fcntl(2) there).

    Attributes:
        durable: Whether anything is synced. Without, a killed process still loses
            nothing, and a power failure may lose the latest changes or the repository.
    """

    durable: bool = True

    def sync(self, descriptor: int) -> None:
        """Return when the file's bytes are on the disk."""
        if self.durable:
            _sync(descriptor)

    def sync_file(self, path: Path) -> None:
        """Sync a file or a folder that is not open."""
        if self.durable:
            with disk_errors(path, "syncing"), _opened(path, os.O_RDONLY) as descriptor:
                _sync(descriptor)

    def write(self, path: Path, data: bytes) -> None:
        """Write a whole file in place, synced; its folder is not."""
        with disk_errors(path, "writing"), _opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
            write_all(descriptor, data)
            self.sync(descriptor)

    def append(self, path: Path, data: bytes) -> None:
        """Write at a file's end, synced."""
        with disk_errors(path, "appending to"), _opened(path, os.O_WRONLY | os.O_APPEND) as descriptor:
            write_all(descriptor, data)
            self.sync(descriptor)

    def cut(self, path: Path, length: int) -> None:
        """Shorten a file to its first `length` bytes, synced."""
        with disk_errors(path, "shortening"), _opened(path, os.O_WRONLY) as descriptor:
            os.ftruncate(descriptor, length)
            self.sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name, over whatever had it; the folder is not synced."""
        with disk_errors(target, "renaming to"):
            os.replace(source, target)  # noqa: PTH105 - one place where the system is called, for tests that stop it there

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is fine."""
        with disk_errors(path, "removing"), suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - as above


def read_bytes(path: Path | str, *, most: int | None = None) -> bytes:
    """Return a file's bytes, or the first `most` of them; none for a file that is not there."""
    with disk_errors(path, "reading"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        # By hand: a file object of the standard library makes five calls of the system more.
        try:
            return os.read(descriptor, most) if most else b"".join(iter(partial(os.read, descriptor, _PIECE), b""))
        finally:
            os.close(descriptor)


def read_from(path: Path | str, start: int, *, inode: int) -> bytes | None:
    """Return a file's bytes from `start` on; None where the path leads to another file by now.

    Raises:
        DiskError: The system refuses, or there is no file.
    """
    with disk_errors(path, "reading"), _opened(path, os.O_RDONLY) as descriptor:
        if os.fstat(descriptor).st_ino != inode:
            return None
        os.lseek(descriptor, start, os.SEEK_SET)
        # What is added meanwhile is read, too.
        return b"".join(iter(partial(os.read, descriptor, _PIECE), b""))


def is_folder(path: Path) -> bool:
    """Say whether there is a folder at a path.

    Raises:
        DiskError: The system does not let it be seen.
    """
    found = look_at(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def beginning_with(folder: Path, prefix: str) -> list[Path]:
    """Return what lies in a folder under names that begin so, in order; nothing where there is no folder.

    `Path.glob` would make an expression of each prefix, which takes longer than the look.

    Raises:
        DiskError: The system refuses.
    """
    with disk_errors(folder, "listing"):
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are wanted, not paths
        except FileNotFoundError:
            return []
    return [folder / name for name in sorted(names) if name.startswith(prefix)]


def look_at(path: Path | str) -> os.stat_result | None:
    """Return what the system tells of a file or a folder; None where there is nothing, or nothing that can be followed.

    Raises:
        DiskError: The system does not let it be seen.
    """
    try:
        return os.stat(path)  # noqa: PTH116 - it is asked for dozens of times a project, and a Path's method takes three times as long
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        with disk_errors(path, "looking at"):
            raise


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`: one write may take less."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in _NO_FULL_SYNC:
                raise
        else:
            return
    os.fsync(descriptor)


@contextmanager
def _opened(path: Path | str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
