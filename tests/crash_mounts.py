"""File systems of the tests' own: small ones, and ones whose power can be cut."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen


def mount(*words: str) -> None:
    """Mount something, or skip the test aloud where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")


def unmount(folder: Path) -> None:
    """Take a file system away; whoever still looks at it may go on doing so."""
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)


@frozen
class Small:
    """A file system in memory that can be made larger and smaller, and read-only.

    Attributes:
        folder: Where it is mounted.
    """

    folder: Path

    def leave(self, room: int) -> None:
        """Have room for so many more bytes; of them it counts whole pages."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._remount(f"size={used + room}")

    def set_writable(self, yes: bool) -> None:
        """Have it take changes, or refuse them."""
        self._remount("rw" if yes else "ro")

    def _remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.folder)], check=True)


@contextmanager
def small(folder: Path) -> Iterator[Small]:
    """Mount a file system of 64 MiB in memory."""
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder))
    try:
        yield Small(folder)
    finally:
        unmount(folder)


@frozen
class Machine:
    """An ext4 file system on an image, of which copies can be made while it is in use: what a power failure would leave.

    Attributes:
        image: The image.
        folder: Where it is mounted.
    """

    image: Path
    folder: Path

    def cut(self, into: Path, *, attempts: int = 10_000) -> None:
        """Copy the image as it is at one instant.

        What the copy took is read once more: where nothing of it has changed,
        the copy is the image at an instant between the two readings.
        """
        for _ in range(attempts):
            taken = self._pieces()
            if taken == self._pieces():
                break
        else:
            raise AssertionError("the image never stood still")
        with into.open("wb") as copy:
            copy.truncate(self.image.stat().st_size)
            for offset, data in taken.items():
                copy.seek(offset)
                copy.write(data)

    def _pieces(self) -> dict[int, bytes]:
        """Read all that is no hole."""
        pieces: dict[int, bytes] = {}
        descriptor = os.open(self.image, os.O_RDONLY)
        try:
            end, size = 0, os.fstat(descriptor).st_size
            while end < size:
                try:
                    start = os.lseek(descriptor, end, os.SEEK_DATA)
                except OSError:
                    break
                end = os.lseek(descriptor, start, os.SEEK_HOLE)
                pieces[start] = os.pread(descriptor, end - start, start)
        finally:
            os.close(descriptor)
        return pieces


@contextmanager
def machine(folder: Path, name: str = "disk") -> Iterator[Machine]:
    """Make a small image, and mount it."""
    image = folder / f"{name}.img"
    with image.open("wb") as new:
        new.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)], check=True, capture_output=True)
    with mounted(image, folder / name) as where:
        yield Machine(image, where)


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """Mount an image; the file system first makes good what a power failure left undone."""
    folder.mkdir(exist_ok=True)
    mount("-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        unmount(folder)
