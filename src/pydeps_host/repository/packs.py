"""The packs that belong to a repository's state, and those about to."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from pydeps_host.errors import DiskError, disk_errors
from pydeps_host.git import FinishedPack, ObjectId, PackIndex
from pydeps_host.repository.disk import Disk, write_all
from pydeps_host.repository.layout import PACK_NAME


class KnownObjects:
    """Says whether an object is in one of some packs.

    Only packs that the journal names count. One that a dead process left behind
    may be removed at any time, so nothing may rest on it.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        opened = (_open_index(folder / f"{name}.idx") for name in sorted(names))
        self._indexes = [index for index in opened if index is not None]

    def __call__(self, id_: ObjectId, /) -> bool:
        """Return whether the object is in one of the packs."""
        for place, index in enumerate(self._indexes):
            if id_ in index:
                # Neighbours tend to be in one pack.
                self._indexes.insert(0, self._indexes.pop(place))
                return True
        return False


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


def _open_index(path: Path) -> PackIndex | None:
    try:
        return PackIndex.open(path)
    except DiskError as error:
        # Somebody repacked the repository by hand: its objects are written anew.
        if error.errno == errno.ENOENT:
            return None
        raise
