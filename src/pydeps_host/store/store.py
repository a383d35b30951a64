"""One folder of repositories, and what is kept beside them."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.config import ON_DEMAND
from pydeps_host.dependency import Dependency
from pydeps_host.errors import NotStoredError, StoreError, UsageError, disk_errors
from pydeps_host.repository import KEEP_SUPERSEDED, Damage, Disk, Patience, Repository, locked, verify_repository
from pydeps_host.repository.disk import is_folder
from pydeps_host.repository.locks import locked_in_turn
from pydeps_host.repository.superseding import check_keep
from pydeps_host.store.arriving import Arrivals
from pydeps_host.store.asked import AskedVersions
from pydeps_host.store.format import check_format, write_format
from pydeps_host.store.navigating import modules_in, provides
from pydeps_host.store.pages import KeptPages
from pydeps_host.store.places import Places
from pydeps_host.store.pruning import Prunable, Pruning, prunable, remove_folder
from pydeps_host.store.rebuilding import Rebuilding, finish_swap, rebuilding_locked
from pydeps_host.store.releasing import BY_HAND, Released, fill_release, removed_versions, with_asked
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
        self._arrivals = Arrivals(self._places, self._disk)

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
        path = self._arrivals.place(name)
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
        for place in (self._arrivals.place, self._places.unborn, self._places.repository):
            try:
                return Repository.open(place(name), disk=self._disk)
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
        path = self._arrivals.place(name)
        return verify_repository(path if is_folder(path) else self._places.unborn(name))

    @contextmanager
    def rebuilding(self, name: str, patience: Patience | None = None) -> Iterator[Rebuilding]:
        """Give a project's repository to somebody who will put another one in its place.

        Raises:
            ClosedError, DeadlineError, LockedError: The wait for a lock ended.
            StoreError: The disk or the store is not as it must be.
        """
        self.prepare()
        final = self._arrivals.place(name)
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
            self._arrivals.make(folder)
        with rebuilding_locked(where, self._places.lock(name), patience):
            yield where

    @contextmanager
    def writing(self, name: str, patience: Patience | None = None, *, known: Repository | None = None) -> Iterator[Repository]:
        """Give a project's repository to somebody who will publish a batch into it.

        One that has nothing published yet is kept out of sight, and comes into
        place with its first version: a reader never meets an empty one. Who makes
        it holds a lock, so that others wait and then find it.

        Args:
            name: The project.
            patience: How long to wait for the lock.
            known: What `known_repository` gave, so that what was read of it is not read again.

        Raises:
            ClosedError, DeadlineError, LockedError: The wait for the lock ended.
            StoreError: The disk or the store is not as it must be.
        """
        final = self._arrivals.place(name)
        opened = known if known is not None and known.path == final else None
        if opened is None:
            self.prepare()
        if not is_folder(final):
            self._arrivals.make(self._places.lock(name).parent)
            # Held over a whole batch, and again over the next one as long as none succeeds.
            with locked_in_turn(self._places.lock(name), patience, doing=f"waiting for the lock on {name}") as lock:
                if not is_folder(final):
                    yield from self._arrivals.born(name, final, lock)
                    return
        self._arrivals.settle(name, patience)
        yield opened if opened is not None else Repository.open(final, disk=self._disk)

    def modules(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return the modules that a project's published versions provide, each with those versions, the newest first.

        Raises:
            NotStoredError: There is no repository.
            StoreError: It cannot be read.
        """
        return modules_in(self.repository(name))

    def projects_of(self, module: str) -> tuple[NormalizedName, ...]:
        """Return the projects with a published version that provides a module, or a package that it is in, in order.

        Every journal of the store is read: a program that asks often keeps what `modules` told, by generation.

        Args:
            module: Its dotted name, such as `yaml` or `google.cloud.storage.blob`.

        Raises:
            StoreError: The store cannot be read. A repository that cannot is passed over.
        """
        found = []
        for name in self.names():
            with suppress(StoreError, NotStoredError):
                found += [name] if any(provides(one, module) for one in self.modules(name)) else []
        return tuple(found)

    def prunable(self, name: str) -> Prunable | None:
        """Tell whether nothing claims a project's repository, so that `prune` would remove it; None where something does.

        Raises:
            NotStoredError: There is no repository.
            StoreError: It cannot be read.
        """
        return prunable(self.repository(name))

    def prune(self, name: str, patience: Patience | None = None) -> Prunable | None:
        """Remove a project's repository, if nothing claims it once all of its locks are held.

        What was learnt of the project stays, so that it gets the same ids when it comes
        back. Whoever is about to publish into it makes a new one.

        Returns:
            What was removed, or None where something claims it, or it is gone.

        Raises:
            ClosedError, DeadlineError, LockedError: The wait for a lock ended.
            StoreError: It cannot be read, or the system refuses.
        """
        aside = self._places.ours("pruned")
        with self.rebuilding(name, patience) as where:
            if where.place != self.path_of(name) or not is_folder(where.place):
                return None
            memory = self._places.unborn(name)
            for folder in (aside, memory.parent):
                self._arrivals.make(folder)
            pruning = Pruning(place=where.place, memory=memory, aside=aside, namespace=self.namespace, disk=self._disk)
            removed = pruning.remove()
        if removed is not None:
            self.asked.forget_all(name)
            self.drop_stale_spools(name)
        self.sweep_pruned()
        return removed

    def sweep_pruned(self) -> None:
        """Remove what is left of repositories whose removal was cut off.

        Raises:
            DiskError: The system refuses.
        """
        for path in self._places.ours("pruned").glob("*"):
            remove_folder(path)

    def release(self, dependency: Dependency, *, claimants: Iterable[str] = BY_HAND, patience: Patience | None = None) -> Released:
        """End claims by name: those on a version (`numpy==1.26.0`), on a project (`numpy`), or one entry (`numpy>=1`).

        Versions that nobody else claims lose their tags. What a configuration still
        lists comes back with its next sync.

        Args:
            dependency: What is given up.
            claimants: Who gives it up, such as `command` and `on-demand`, or a configuration's `id`; `*` stands for anything.
            patience: How long to wait for a lock.

        Raises:
            NotStoredError: There is no repository of the project.
            UsageError: None of them claims it.
            ClosedError, DeadlineError, LockedError: The wait for a lock ended.
            StoreError: The repository is not as it must be.
        """
        name = dependency.name
        repository = self.repository(name)
        rows, asked = repository.rows(), self.asked
        claims = with_asked(repository.claims(), name, rows, asked.commits(name))
        waits = patience if patience is not None else Patience()
        with repository.batch(stop=waits.stop, deadline=waits.deadline) as batch:
            ended = fill_release(batch, claims, dependency, tuple(claimants))
            change = batch.publish()
        removed = removed_versions(frozenset(text for text, row in rows.items() if row.is_published), repository)
        for claimant, entry in ended:
            # Otherwise a sync would claim it again for those who once asked.
            for text in ended[claimant, entry] if claimant == ON_DEMAND else ():
                asked.forget(name, rows[text].commit or "")
        return Released(name=name, claims=tuple(ended), removed=removed, change=change)

    def settle(self, name: str, *, known: Repository | None = None) -> None:
        """Have what a project's repository holds on the disk, if whoever put it in place was killed before it had synced it.

        Args:
            name: The project.
            known: Its repository, if it was opened just now.

        Raises:
            NotStoredError: There is no repository.
            StoreError: The disk or the store is not as it must be.
        """
        self._arrivals.settle(name)
        (known or self.repository(name)).settle()

    def is_settled(self, name: str) -> bool:
        """Whether nobody left it to others to have a project's repository, as it came into its place, on the disk.

        Raises:
            DiskError: The system refuses.
        """
        return self._arrivals.is_settled(name)

    def spool(self, name: str) -> Path:
        """Return the folder, made if need be, where a project's files wait to be published.

        It may go when it is empty. It is not synced: what a power failure takes is downloaded again.

        Raises:
            DiskError: The system refuses.
        """
        folder = self._places.spool(name)
        with disk_errors(folder, "making"):
            folder.parent.mkdir(parents=True, exist_ok=True)
            # Not `exist_ok`, which looks at what is there: that may have gone meanwhile.
            with suppress(FileExistsError):
                folder.mkdir()
        return folder

    def spooled(self, name: str) -> tuple[Path, ...] | None:
        """Return the files of a project that wait to be published, whole or not; None where there is no folder for them.

        Raises:
            DiskError: The system refuses.
        """
        folder = self._places.spool(name)
        with disk_errors(folder, "listing"):
            try:
                return tuple(folder / file for file in os.listdir(folder))  # noqa: PTH208 - most often there is none
            except FileNotFoundError:
                return None

    def drop_stale_spools(self, name: str) -> None:
        """Remove files that nobody came back for in a week, and the folder where nothing is left in it."""
        oldest = time.time() - _STALE_SPOOL_SECONDS
        for path in self.spooled(name) or ():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
        with suppress(OSError):
            self._places.spool(name).rmdir()

    @property
    def pages(self) -> KeptPages:
        """The index pages that are kept."""
        return KeptPages(self._places.pages)

    @property
    def asked(self) -> AskedVersions:
        """Which versions somebody asked for, and when last."""
        return AskedVersions(self._places.ours("asked"))

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
        if check_format(path):
            return
        self._arrivals.make(path.parent)
        # Whoever made them may have been killed before it had synced them.
        for folder in (self.path, self.path.parent):
            if os.access(folder, os.R_OK):
                self._disk.sync_file(folder)
        with locked(path.with_name("lock")):
            if not path.exists():
                write_format(path, self._disk)


def _names_in(folder: Path) -> tuple[NormalizedName, ...]:
    if not is_folder(folder):
        return ()
    with disk_errors(folder, "reading"), os.scandir(folder) as entries:
        found = sorted(entry.name.removesuffix(".git") for entry in entries if entry.name.endswith(".git") and entry.is_dir())
    # Whoever made the folder a work tree of git has a nameless one there.
    return tuple(NormalizedName(stem) for stem in found if stem and stem == canonicalize_name(stem))
