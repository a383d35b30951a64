"""One folder of repositories, and what is kept beside them."""

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.errors import NotStoredError, UsageError, disk_errors
from pydeps_host.repository import KEEP_SUPERSEDED, Damage, Disk, Patience, Repository, locked, verify_repository
from pydeps_host.repository.beginning import create_for
from pydeps_host.repository.disk import is_folder
from pydeps_host.repository.locks import locked_in_turn
from pydeps_host.repository.superseding import check_keep
from pydeps_host.store.format import check_format, write_format
from pydeps_host.store.pages import KeptPages
from pydeps_host.store.places import Places
from pydeps_host.store.rebuilding import Rebuilding, finish_swap, rebuilding_locked
from pydeps_host.values import shown

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STALE_SPOOL_SECONDS: Final = 7 * 24 * 3600


class Store:
    """A folder of repositories, one a project.

    Making a `Store` touches no disk. Any number of processes and threads may
    use one folder at once.

    Attributes:
        path: The folder; made at the first writing.
        namespace: The folder below it that holds the repositories.
        keep_superseded: How long packs stay that a sync made one of, for those who read them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        namespace: str = "python",
        durable: bool = True,
        keep_superseded: timedelta = KEEP_SUPERSEDED,
    ) -> None:
        """Name a store.

        Args:
            path: The folder.
            namespace: One component of lower-case letters, digits, `.`, `_` and `-`.
            durable: Whether what is acknowledged survives a power failure. Without,
                a sync is faster and a power failure may lose repositories.
            keep_superseded: How long packs stay whose objects are in another one.

        Raises:
            UsageError: The namespace is none, or packs are to stay for less than nothing or longer than ten years.
        """
        check_keep(keep_superseded)
        if not _NAMESPACE.fullmatch(namespace) or namespace.endswith(".git"):
            raise UsageError(f"the namespace {shown(namespace)!r} is no folder's name", "use lower-case letters, digits, `.`, `_` and `-`")
        self.path: Path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links that may change
        self.namespace = namespace
        self.keep_superseded = keep_superseded
        self._disk = Disk(durable=durable)
        self._places = Places(self.path, namespace)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, namespace={self.namespace!r})"

    def names(self) -> tuple[NormalizedName, ...]:
        """Return the names of all projects that have a repository, in order.

        Raises:
            FormatError: The store was written by a newer version.
            DiskError: The folder cannot be read.
        """
        self.check_format()
        for ready in self._places.ours("repaired").glob("*.git"):
            finish_swap(ready, self._places.repositories / ready.name, self._disk)
        return _names_in(self._places.repositories)

    def path_of(self, name: str) -> Path:
        """Return where the repository of a project is, or would be.

        Raises:
            UsageError: The name is no project's.
        """
        return self._places.repository(name)

    def repository(self, name: str) -> Repository:
        """Open a project's repository for reading.

        Raises:
            NotStoredError: There is none.
            FormatError: The store was written by a newer version.
            StoreError: The repository cannot be read.
        """
        self.check_format()
        path = self._place(name)
        if not is_folder(path):
            raise NotStoredError(name, str(self.path))
        return Repository.open(path, disk=self._disk)

    def repositories(self) -> tuple[Repository, ...]:
        """Open all repositories, in the order of their names.

        Raises:
            StoreError: The store or one of them cannot be read. To pass over
                that one, ask for each of `names` with `repository`.
        """
        return tuple(self.repository(name) for name in self.names())

    def generations(self) -> Mapping[str, int]:
        """Return each repository's generation: what an embedder that missed events compares; errors are those of `repositories`."""
        return {repository.name: repository.generation for repository in self.repositories()}

    def known_repository(self, name: str) -> Repository | None:
        """Open what is remembered of a project, published or not, or None where nothing is.

        Raises:
            StoreError: It cannot be read.
        """
        # The last look is for one that came into place between the first two.
        for path in (self._place(name), self._places.unborn(name), self._places.repository(name)):
            try:
                return Repository.open(path, disk=self._disk)
            except NotStoredError:
                continue
        return None

    def verify(self, name: str) -> tuple[Damage, ...]:
        """Check a project's repository, every byte of it, and change nothing.

        Returns:
            What is wrong and where; nothing where all is well.

        Raises:
            NotStoredError: There is none.
            FormatError: A newer version of this library wrote it.
        """
        self.check_format()
        path = self._place(name)
        return verify_repository(path if is_folder(path) else self._places.unborn(name))

    @contextmanager
    def rebuilding(self, name: str, patience: Patience | None = None) -> Iterator[Rebuilding]:
        """Give a project's repository to somebody who will put another one in its place.

        Raises:
            ClosedError, DeadlineError, LockedError: The wait for a lock ended.
            StoreError: The disk or the store is not as it must be.
        """
        self.prepare()
        final = self._place(name)
        is_unborn = not is_folder(final) and is_folder(self._places.unborn(name))
        where = Rebuilding(
            place=self._places.unborn(name) if is_unborn else final,
            building=self._places.ours("repairing") / final.name,
            # Nobody but a repair looks for one of the unborn: it must not come into sight.
            ready=self._places.ours("repairing") / f"{final.stem}.unborn" if is_unborn else self._places.ours("repaired") / final.name,
            aside=self._places.ours("damaged"),
            disk=self._disk,
        )
        for folder in (where.building.parent, where.ready.parent, where.aside, self._places.lock(name).parent):
            self._make(folder)
        with rebuilding_locked(where, self._places.lock(name), patience):
            yield where

    @contextmanager
    def writing(self, name: str, patience: Patience | None = None) -> Iterator[Repository]:
        """Give a project's repository to somebody who will publish a batch into it.

        One that has nothing published yet is kept out of sight, and comes into
        place with its first version: a reader never meets an empty one. Who makes
        it holds a lock, so that others wait and then find it.

        Raises:
            ClosedError, DeadlineError, LockedError: The wait for the lock ended.
            StoreError: The disk or the store is not as it must be.
        """
        self.prepare()
        final = self._place(name)
        if not is_folder(final):
            self._make(self._places.lock(name).parent)
            # Held over a whole batch, and again over the next one as long as none succeeds.
            with locked_in_turn(self._places.lock(name), patience, doing=f"waiting for the lock on {name}") as lock:
                if not is_folder(final):
                    yield from self._born(name, final, lock)
                    return
        self._settle_place(name, patience)
        yield Repository.open(final, disk=self._disk)

    def settle(self, name: str) -> None:
        """Have what a project's repository holds on the disk, if whoever put it in place was killed before it had synced it.

        Raises:
            NotStoredError: There is no repository.
            StoreError: The disk or the store is not as it must be.
        """
        self._settle_place(name)
        self.repository(name).settle()

    def spool(self, name: str) -> Path:
        """Return the folder, made if need be, where a project's files wait to be published."""
        folder = self._places.spool(name)
        self._make(folder)
        return folder

    def spooled(self, name: str) -> tuple[Path, ...]:
        """Return the files of a project that wait to be published, whole or not."""
        folder = self._places.spool(name)
        with disk_errors(folder, "listing"):
            return tuple(folder.glob("*"))

    def drop_stale_spools(self, name: str) -> None:
        """Remove files that nobody came back for in a week."""
        oldest = time.time() - _STALE_SPOOL_SECONDS
        for path in self.spooled(name):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    @property
    def pages(self) -> KeptPages:
        """The index pages that are kept."""
        return KeptPages(self._places.pages)

    def check_format(self) -> None:
        """Refuse a store that a newer version wrote.

        Raises:
            FormatError: It was.
            DamagedError: Its format number cannot be read.
        """
        check_format(self._places.format)

    def prepare(self) -> None:
        """Make the folder a store, if it is none yet.

        Raises:
            FormatError: It is one of a newer version.
            DiskError: It cannot be written.
        """
        path = self._places.format
        self.check_format()
        if path.exists():
            return
        self._make(path.parent)
        # Whoever made them may have been killed before it had synced them.
        for folder in (self.path, self.path.parent):
            if os.access(folder, os.R_OK):
                self._disk.sync_file(folder)
        with locked(path.with_name("lock")):
            if not path.exists():
                write_format(path, self._disk)

    def _born(self, name: str, final: Path, lock: int) -> Iterator[Repository]:
        unborn = self._places.unborn(name)
        if not is_folder(unborn):
            self._create(unborn, final)
        repository = Repository.open(unborn, disk=self._disk)
        yield repository
        if repository.refs():
            self._make(final.parent)
            # It says that the rename may not be on the disk. Not synced: after a power failure there is nothing to make good.
            _mark(lock, b"a repository is put in place\n", self._places.lock(name))
            self._disk.rename(unborn, final)
            self._sync_place(name, lock)

    def _settle_place(self, name: str, patience: Patience | None = None) -> None:
        path = self._places.lock(name)
        if _is_marked(path):
            with locked(path, patience, doing=f"waiting for the lock on {name}") as lock:
                self._sync_place(name, lock)

    def _sync_place(self, name: str, lock: int) -> None:
        for folder in (self._places.repository(name).parent, self.path, self._places.unborn(name).parent):
            self._disk.sync_file(folder)
        _mark(lock, b"", self._places.lock(name))

    def _create(self, unborn: Path, final: Path) -> None:
        """Make an empty repository, whole or not at all."""
        self._make(unborn.parent)
        new = unborn.with_suffix(".new")
        with disk_errors(new, "removing"):
            if new.exists():
                shutil.rmtree(new)
        create_for(new, final.stem, namespace=self.namespace, disk=self._disk)
        self._disk.rename(new, unborn)
        self._disk.sync_file(unborn.parent)

    def _place(self, name: str) -> Path:
        """Return where a project's repository is or would be, after a repair that was cut off is brought to its end."""
        final = self._places.repository(name)
        finish_swap(self._places.ours("repaired") / final.name, final, self._disk)
        return final

    def _make(self, folder: Path) -> None:
        """Make a folder and those on the way to it, each synced into its parent."""
        missing = [one for one in (folder, *folder.parents) if not is_folder(one)]
        for one in reversed(missing):
            with disk_errors(one, "making"):
                one.mkdir(exist_ok=True)
            self._disk.sync_file(one.parent)


def _names_in(folder: Path) -> tuple[NormalizedName, ...]:
    if not is_folder(folder):
        return ()
    with disk_errors(folder, "reading"):
        found = sorted(path.stem for path in folder.iterdir() if path.suffix == ".git" and path.is_dir())
    return tuple(NormalizedName(stem) for stem in found if stem == canonicalize_name(stem))


def _mark(lock: int, text: bytes, path: Path) -> None:
    with disk_errors(path, "writing"):
        os.ftruncate(lock, 0)
        os.pwrite(lock, text, 0)


def _is_marked(path: Path) -> bool:
    with disk_errors(path, "looking at"):
        return path.exists() and path.stat().st_size > 0
