"""One folder of repositories, and what is kept beside them.

| place | what |
|---|---|
| `<namespace>/<name>.git` | repositories, for everybody to read |
| `.pydeps-host/format.json` | the store's format number |
| `.pydeps-host/unborn/` | repositories with nothing published yet |
| `.pydeps-host/spool/` | downloaded files that wait to be published |
| `.pydeps-host/pages/` | index pages, kept to ask whether they changed |
| `.pydeps-host/locks/` | locks on names that have no repository yet |
"""

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from pydeps_host.errors import DamagedError, FormatError, NotStoredError, UsageError, disk_errors
from pydeps_host.repository import FORMAT, Disk, Patience, Repository, locked
from pydeps_host.store.pages import KeptPages
from pydeps_host.values import shown

_OURS: Final = ".pydeps-host"
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STALE_SPOOL_SECONDS: Final = 7 * 24 * 3600


class Store:
    """A folder of repositories, one a project.

    Making a `Store` touches no disk. Any number of processes and threads may
    use one folder at once.

    Attributes:
        path: The folder; made at the first writing.
        namespace: The folder below it that holds the repositories.
    """

    def __init__(self, path: str | os.PathLike[str], *, namespace: str = "python", durable: bool = True) -> None:
        """Name a store.

        Args:
            path: The folder.
            namespace: One component of lower-case letters, digits, `.`, `_` and `-`.
            durable: Whether what is acknowledged survives a power failure. Without,
                a sync is faster and a power failure may lose repositories.

        Raises:
            UsageError: The namespace is none.
        """
        if not _NAMESPACE.fullmatch(namespace) or namespace.endswith(".git"):
            raise UsageError(f"the namespace {shown(namespace)!r} is no folder's name", "use lower-case letters, digits, `.`, `_` and `-`")
        self.path: Path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links that may change
        self.namespace = namespace
        self._disk = Disk(durable=durable)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, namespace={self.namespace!r})"

    def names(self) -> tuple[NormalizedName, ...]:
        """Return the names of all projects that have a repository, in order.

        Raises:
            FormatError: The store was written by a newer version.
            DiskError: The folder cannot be read.
        """
        self.check_format()
        return self._names_in(self.path / self.namespace)

    def path_of(self, name: str) -> Path:
        """Return where the repository of a project is, or would be.

        Raises:
            UsageError: The name is no project's.
        """
        try:
            normalized = canonicalize_name(name, validate=True)
        except InvalidName:
            raise UsageError(f"{shown(name)!r} is no project's name", "use letters, digits, `.`, `_` and `-`") from None
        return self.path / self.namespace / f"{normalized}.git"

    def repository(self, name: str) -> Repository:
        """Open a project's repository for reading.

        Raises:
            NotStoredError: There is none.
            FormatError: The store was written by a newer version.
            StoreError: The repository cannot be read.
        """
        self.check_format()
        path = self.path_of(name)
        if not path.is_dir():
            raise NotStoredError(name, str(self.path))
        return Repository.open(path, disk=self._disk)

    def repositories(self) -> tuple[Repository, ...]:
        """Open all repositories, in the order of their names."""
        return tuple(self.repository(name) for name in self.names())

    def generations(self) -> Mapping[str, int]:
        """Return each repository's generation: what an embedder that missed events compares."""
        return {repository.name: repository.generation for repository in self.repositories()}

    def known_repository(self, name: str) -> Repository | None:
        """Open what is remembered of a project, published or not, or None where nothing is.

        Raises:
            StoreError: It cannot be read.
        """
        # The last look is for one that came into place between the first two.
        for path in (self.path_of(name), self._unborn(name), self.path_of(name)):
            try:
                return Repository.open(path, disk=self._disk)
            except NotStoredError:
                continue
        return None

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
        final = self.path_of(name)
        if not final.is_dir():
            with locked(self._lock(name), patience, doing=f"waiting for the lock on {name}"):
                if not final.is_dir():
                    yield from self._born(name, final)
                    return
        yield Repository.open(final, disk=self._disk)

    def spool(self, name: str) -> Path:
        """Return the folder, made if need be, where a project's files wait to be published."""
        folder = self._spool(name)
        self._make(folder)
        return folder

    def drop_stale_spools(self, name: str) -> None:
        """Remove files that nobody came back for in a week."""
        oldest = time.time() - _STALE_SPOOL_SECONDS
        for path in self._spool(name).glob("*"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    @property
    def pages(self) -> KeptPages:
        """The index pages that are kept."""
        return KeptPages(self.path / _OURS / "pages")

    def check_format(self) -> None:
        """Refuse a store that a newer version wrote.

        Raises:
            FormatError: It was.
            DamagedError: Its format number cannot be read.
        """
        path = self.path / _OURS / "format.json"
        with disk_errors(path, "reading"):
            if not path.exists():
                return
            written = path.read_bytes()
        try:
            found = json.loads(written)["format"]
        except (ValueError, KeyError, TypeError):
            raise DamagedError(str(path), "it holds no format number") from None
        if not isinstance(found, int) or found > FORMAT:
            raise FormatError(str(path), found, FORMAT)

    def prepare(self) -> None:
        """Make the folder a store, if it is none yet.

        Raises:
            FormatError: It is one of a newer version.
            DiskError: It cannot be written.
        """
        path = self.path / _OURS / "format.json"
        self.check_format()
        if path.exists():
            return
        self._make(path.parent)
        with locked(path.with_name("lock")):
            if not path.exists():
                new = path.with_suffix(".new")
                self._disk.write(new, json.dumps({"format": FORMAT}).encode() + b"\n")
                self._disk.rename(new, path)
                self._disk.sync_file(path.parent)

    def _born(self, name: str, final: Path) -> Iterator[Repository]:
        unborn = self._unborn(name)
        if not unborn.is_dir():
            self._create(unborn, final)
        repository = Repository.open(unborn, disk=self._disk)
        yield repository
        if repository.refs():
            self._make(final.parent)
            self._disk.rename(unborn, final)
            self._disk.sync_file(final.parent)
            self._disk.sync_file(unborn.parent)

    def _create(self, unborn: Path, final: Path) -> None:
        """Make an empty repository, whole or not at all."""
        self._make(unborn.parent)
        new = unborn.with_suffix(".new")
        if new.exists():
            shutil.rmtree(new)
        description = f"The releases of the Python package {final.stem}, one tag each"
        Repository.create(new, name=f"{self.namespace}/{final.stem}", description=description, disk=self._disk)
        self._disk.rename(new, unborn)
        self._disk.sync_file(unborn.parent)

    def _spool(self, name: str) -> Path:
        return self.path / _OURS / "spool" / self.namespace / self.path_of(name).stem

    def _unborn(self, name: str) -> Path:
        return self.path / _OURS / "unborn" / self.namespace / self.path_of(name).name

    def _lock(self, name: str) -> Path:
        folder = self.path / _OURS / "locks" / self.namespace
        self._make(folder)
        return folder / f"{self.path_of(name).stem}.lock"

    def _make(self, folder: Path) -> None:
        """Make a folder and those on the way to it, each synced into its parent."""
        missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
        for one in reversed(missing):
            with disk_errors(one, "making"):
                one.mkdir(exist_ok=True)
            self._disk.sync_file(one.parent)

    def _names_in(self, folder: Path) -> tuple[NormalizedName, ...]:
        if not folder.is_dir():
            return ()
        with disk_errors(folder, "reading"):
            found = sorted(path.stem for path in folder.iterdir() if path.suffix == ".git" and path.is_dir())
        return tuple(NormalizedName(stem) for stem in found if stem == canonicalize_name(stem))
