"""The packs that belong to a repository's state, and those about to."""

import os
from collections.abc import Iterable
from pathlib import Path

from pydeps_host.errors import disk_errors
from pydeps_host.git import FinishedPack
from pydeps_host.repository.disk import Disk, write_all
from pydeps_host.repository.layout import PACK_NAME


def pack_name(pack: FinishedPack) -> str:
    """Return the name of a pack, without a suffix."""
    return pack.pack_name.removesuffix(".pack")


def place_pack(pack: FinishedPack, folder: Path, disk: Disk) -> None:
    """Put a pack where readers find it, the index first: no pack is ever there without it.

    Raises:
        DiskError: The system refuses.
    """
    disk.sync_file(pack.index_path)
    disk.rename(pack.index_path, folder / pack.index_name)
    disk.sync_file(pack.path)
    disk.rename(pack.path, folder / pack.pack_name)


def announce(lock: int, names: Iterable[str], lock_path: Path) -> None:
    """Write into the lock which packs its holder is about to place; the caller syncs it before they are."""
    with disk_errors(lock_path, "writing"):
        os.ftruncate(lock, 0)
        os.lseek(lock, 0, os.SEEK_SET)
        write_all(lock, "".join(f"{name}\n" for name in names).encode())


def announced(lock: int, lock_path: Path) -> tuple[str, ...]:
    """Return the packs that a holder of the lock was about to place when it died."""
    with disk_errors(lock_path, "reading"):
        text = os.pread(lock, os.fstat(lock).st_size, 0).decode("ascii", "replace")
    return tuple(name for name in text.split("\n") if PACK_NAME.fullmatch(name))


def remove_pack(name: str, folder: Path, disk: Disk) -> None:
    """Remove a pack that nothing refers to, its index last."""
    disk.remove(folder / f"{name}.pack")
    disk.remove(folder / f"{name}.idx")
