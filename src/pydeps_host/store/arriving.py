"""How a project's repository comes into its place: unseen until its first version, and on the disk before that counts."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from pydeps_host.errors import disk_errors
from pydeps_host.repository import Disk, Patience, Repository, locked
from pydeps_host.repository.beginning import create_for
from pydeps_host.repository.disk import is_folder, look_at
from pydeps_host.store.places import Places
from pydeps_host.store.rebuilding import finish_swap


@frozen
class Arrivals:
    """Puts the repositories of one store into their places.

    Attributes:
        places: Where everything is.
        disk: How files are written.
    """

    places: Places
    disk: Disk

    def place(self, name: str) -> Path:
        """Return where a project's repository is or would be, after a repair that was cut off is brought to its end."""
        final = self.places.repository(name)
        if not is_folder(final):
            finish_swap(self.places.ours("repaired") / final.name, final, self.disk)
        return final

    def born(self, name: str, final: Path, lock: int) -> Iterator[Repository]:
        """Yield a project's repository that nobody sees yet; afterwards put it in place, if anything was published in it.

        Args:
            name: The project.
            final: Its place, where nothing is.
            lock: The open file of the project's lock, which is held.

        Raises:
            StoreError: The disk or the store is not as it must be.
        """
        unborn = self.places.unborn(name)
        if not is_folder(unborn):
            self._create(unborn, final)
        repository = Repository.open(unborn, disk=self.disk)
        yield repository
        if repository.refs():
            self.make(final.parent)
            # It says that the rename may not be on the disk. Not synced: after a power failure there is nothing to make good.
            _mark(lock, b"a repository is put in place\n", self.places.lock(name))
            self.disk.rename(unborn, final)
            self._sync_place(name, lock)

    def settle(self, name: str, patience: Patience | None = None) -> None:
        """Have a repository's place on the disk, if whoever put it there was killed before it had synced it.

        Raises:
            ClosedError, DeadlineError, LockedError: The wait for the lock ended.
            DiskError: The system refuses.
        """
        if not self.is_settled(name):
            with locked(self.places.lock(name), patience, doing=f"waiting for the lock on {name}") as lock:
                self._sync_place(name, lock)

    def is_settled(self, name: str) -> bool:
        """Whether a repository's place is on the disk, as far as its lock tells."""
        found = look_at(self.places.lock(name))
        return found is None or not found.st_size

    def make(self, folder: Path) -> None:
        """Make a folder and those on the way to it, each synced into its parent."""
        missing = [one for one in (folder, *folder.parents) if not is_folder(one)]
        for one in reversed(missing):
            with disk_errors(one, "making"):
                one.mkdir(exist_ok=True)
            self.disk.sync_file(one.parent)

    def _sync_place(self, name: str, lock: int) -> None:
        for folder in (self.places.repository(name).parent, self.places.root, self.places.unborn(name).parent):
            self.disk.sync_file(folder)
        _mark(lock, b"", self.places.lock(name))

    def _create(self, unborn: Path, final: Path) -> None:
        """Make an empty repository, whole or not at all."""
        self.make(unborn.parent)
        new = unborn.with_suffix(".new")
        with disk_errors(new, "removing"):
            if new.exists():
                shutil.rmtree(new)
        create_for(new, final.stem, namespace=self.places.namespace, disk=self.disk)
        self.disk.rename(new, unborn)
        self.disk.sync_file(unborn.parent)


def _mark(lock: int, text: bytes, path: Path) -> None:
    with disk_errors(path, "writing"):
        os.ftruncate(lock, 0)
        os.pwrite(lock, text, 0)
