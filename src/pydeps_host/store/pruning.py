"""Repositories that nothing claims: how they are told, and how they go.

What was learnt of a project stays, out of sight: who owns it, which bytes were
taken and when. So the project gets the same ids when it comes back, and nobody
else's bytes.
"""

import shutil
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from attrs import frozen
from packaging.utils import NormalizedName

from pydeps_host.errors import disk_errors
from pydeps_host.repository import Disk, Repository
from pydeps_host.repository.beginning import begin
from pydeps_host.repository.disk import is_folder
from pydeps_host.repository.journal import JournalLine
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.state import EMPTY


@frozen
class Prunable:
    """A repository that nothing claims, and that has no version.

    Attributes:
        name: The project.
        path: Its folder.
        size: What its packs take, in bytes.
        generation: The number of its state.
    """

    name: NormalizedName
    path: Path
    size: int
    generation: int


@frozen(kw_only=True)
class Pruning:
    """One repository that is about to go, under all of its locks.

    Attributes:
        place: Where it is, for everybody to read.
        memory: Where what was learnt of the project is kept.
        aside: The folder that repositories are removed from. The next prune removes what is left there.
        namespace: The folder that the repository is in.
        disk: How files are written.
    """

    place: Path
    memory: Path
    aside: Path
    namespace: str
    disk: Disk

    def remove(self) -> Prunable | None:
        """Remove the repository, or return None where somebody claims it by now.

        Killed at any instant, it is in its place, or gone; what was learnt of the
        project is there before it goes.

        Raises:
            StoreError: It cannot be read, or the system refuses.
        """
        repository = Repository.open(self.place, disk=self.disk)
        found = prunable(repository)
        if found is not None:
            self._remember(repository)
            self._take_away()
        return found

    def _remember(self, repository: Repository) -> None:
        remove_folder(self.memory)
        first = JournalLine(
            repository.generation + 1,
            EMPTY.refs,
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            rows=tuple(repository.rows().values()),
            owner=repository.owner,
        )
        begin(self.memory, first, namespace=self.namespace, disk=self.disk)

    def _take_away(self) -> None:
        names = (f"{self.place.stem}{f'-{number}' if number else ''}.git" for number in count())
        target = next(path for name in names if not is_folder(path := self.aside / name))
        self.disk.rename(self.place, target)
        self.disk.sync_file(target.parent)
        self.disk.sync_file(self.place.parent)


def prunable(repository: Repository) -> Prunable | None:
    """Tell a repository that nothing claims and that has no version; None for any other.

    A version that was published without a claim, by a program of somebody's own,
    keeps its repository.

    Raises:
        StoreError: It cannot be read.
    """
    if any(repository.claims().values()) or repository.versions():
        return None
    packs = Layout(repository.path).packs
    with disk_errors(packs, "listing"):
        size = sum(path.stat().st_size for path in packs.iterdir())
    return Prunable(NormalizedName(repository.name), repository.path, size, repository.generation)


def remove_folder(path: Path) -> None:
    """Remove a folder and all that is in it; others may be at it too.

    Raises:
        DiskError: The system refuses.
    """
    with disk_errors(path, "removing"):
        while is_folder(path):
            try:
                shutil.rmtree(path)
            except FileNotFoundError:
                continue
