"""A repository that takes the place of a damaged one.

There is no call that exchanges two folders, so there are two renames: the damaged
one goes aside, the new one into its place. Before the first the new one is given
a name that says that it is whole. Whoever finds nothing in the place and
something under that name makes the second rename: so a process that was killed
in between costs nobody more than a look.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from attrs import frozen

from pydeps_host.errors import DiskError, disk_errors
from pydeps_host.repository import Disk, Patience, locked
from pydeps_host.repository.disk import is_folder
from pydeps_host.repository.layout import Layout


@frozen(kw_only=True)
class Rebuilding:
    """Where a damaged repository is, and where its successor is made.

    Attributes:
        place: Where the repository is, for everybody to read.
        building: Where the new one is made; one that was left unfinished may be there.
        ready: Where the new one waits for its place, for a moment.
        aside: The folder that damaged ones go to. Nothing is ever removed from it.
        disk: How files are written.
    """

    place: Path
    building: Path
    ready: Path
    aside: Path
    disk: Disk

    def discard(self) -> None:
        """Remove what an earlier attempt has made."""
        with disk_errors(self.building, "removing"):
            shutil.rmtree(self.building, ignore_errors=not self.building.exists())

    def swap(self) -> Path:
        """Set the damaged repository aside, and put the new one into its place.

        Returns:
            Where the damaged one is now.

        Raises:
            DiskError: The system refuses.
        """
        self._rename(self.building, self.ready)
        set_aside = self.set_aside()
        try:
            self.disk.rename(self.ready, self.place)
        except DiskError:
            # Whoever looked between the renames may have made this one already.
            if is_folder(self.ready) or not is_folder(self.place):
                raise
        self._sync_folders(self.ready, self.place)
        return set_aside

    def set_aside(self) -> Path:
        """Set the damaged repository aside, with nothing in its place, and return where it is now."""
        target = self._free_name()
        self._rename(self.place, target)
        return target

    def _rename(self, source: Path, target: Path) -> None:
        self.disk.rename(source, target)
        self._sync_folders(source, target)

    def _sync_folders(self, source: Path, target: Path) -> None:
        self.disk.sync_file(target.parent)
        self.disk.sync_file(source.parent)

    def _free_name(self) -> Path:
        stamp = f"{self.place.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        names = (f"{stamp}{f'-{number}' if number else ''}.git" for number in count())
        return next(path for name in names if not (path := self.aside / name).exists())


@contextmanager
def rebuilding_locked(where: Rebuilding, lock: Path, patience: Patience | None) -> Iterator[Rebuilding]:
    """Keep everybody else from making, publishing into or maintaining a repository while it is built anew.

    Args:
        where: The repository.
        lock: The lock on the project's name; its folder exists.
        patience: How long to wait for each lock.

    Raises:
        ClosedError, DeadlineError, LockedError: The wait ended.
        DiskError: The system refuses.
    """
    layout = Layout(where.place)
    doing = f"waiting to repair {where.place.stem}"
    with ExitStack() as held:
        held.enter_context(locked(lock, patience, doing=doing))
        finish_swap(where.ready, where.place, where.disk)
        if is_folder(where.ready):
            # Whoever made it was killed before anything went aside. What it took over may have changed since.
            where.discard()
            where.disk.rename(where.ready, where.building)
        if is_folder(where.place):
            # Somebody may have lost these folders; there must be something to lock.
            for folder in (layout.ours, layout.versions):
                with disk_errors(folder, "making"):
                    folder.mkdir(exist_ok=True)
            for path in (layout.maintenance, layout.lock):
                held.enter_context(locked(path, patience, doing=doing))
        yield where


def finish_swap(ready: Path, place: Path, disk: Disk) -> None:
    """Put a whole repository into its place, where whoever made it was killed before it could.

    Any number of processes may do it at once: one of them succeeds.

    Raises:
        DiskError: The system refuses to look, or the disk cannot be synced.
    """
    if is_folder(place) or not is_folder(ready):
        return
    with suppress(OSError):
        ready.rename(place)
        disk.sync_file(place.parent)
        disk.sync_file(ready.parent)
