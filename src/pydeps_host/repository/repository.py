"""One bare repository."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from pydeps_host.dependency import tag_of
from pydeps_host.errors import LockedError
from pydeps_host.repository.batch import Batch
from pydeps_host.repository.damage import Damage
from pydeps_host.repository.disk import Disk
from pydeps_host.repository.history import history_of
from pydeps_host.repository.journal import JournalLine
from pydeps_host.repository.layout import Card, Layout, check_layout, create_layout
from pydeps_host.repository.locks import Patience, locked
from pydeps_host.repository.maintenance import Maintained, Maintainer, Upkeep, may_be_due
from pydeps_host.repository.order import latest_version, newest_first
from pydeps_host.repository.publishing import Publisher
from pydeps_host.repository.reader import StateReader
from pydeps_host.repository.references import LATEST, TAGS, Ref, decode_refs, find_ref, loose_refs
from pydeps_host.repository.rows import VersionRow
from pydeps_host.repository.seal import read_seal
from pydeps_host.repository.state import Claims, State, refs_digest
from pydeps_host.repository.superseding import KEEP_SUPERSEDED
from pydeps_host.repository.verifying import verify_repository

if TYPE_CHECKING:
    from pydeps_host.limiter import Stop

# Publishing takes moments: who waits longer waits for a process that hangs.
_PUBLISHING_SECONDS: Final = 600.0


class Repository:
    """A bare repository of one project: references, journal, claims and publishing.

    Everything is read as it is when asked for, without a lock, while others may
    publish. Threads may share it. Reading raises `DamagedError`, `FormatError`
    and `DiskError`, and `NotStoredError` once the repository is gone.
    """

    def __init__(self, path: Path, *, disk: Disk | None = None) -> None:
        """Use `open` or `create`."""
        self._layout = Layout(path)
        self._disk = disk or Disk()
        self._reader = StateReader(self._layout)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, disk: Disk | None = None) -> Self:
        """Open a repository that is there.

        Args:
            path: Its folder, `<name>.git`.
            disk: How files are written; durably if it is not given.

        Raises:
            NotStoredError: There is nothing at the path.
            DamagedError: There is something else.
            FormatError: A newer version of this library made it.
            DiskError: The system refuses.
        """
        repository = cls(path if isinstance(path, Path) else Path(path), disk=disk)
        check_layout(repository._layout)
        return repository

    @classmethod
    def create(cls, path: Path, *, name: str, description: str = "", web_url: str = "", disk: Disk | None = None) -> Self:
        """Make an empty repository where nothing is, and return when it is on the disk.

        Not atomic: make it aside, and rename it into place.

        Args:
            path: Its folder, which is not there yet; the folder above it is.
            name: What indexers call it, such as `python/numpy`.
            description: One line for people; the name if it is not given.
            web_url: A page of the project, or empty.
            disk: How files are written; durably if it is not given.

        Raises:
            DiskError: The system refuses, or something is there.
        """
        repository = cls(path, disk=disk)
        create_layout(repository._layout, Card(name=name, description=description, web_url=web_url), repository._disk)
        return repository

    def __repr__(self) -> str:
        return f"Repository({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The repository's folder."""
        return self._layout.root

    @property
    def name(self) -> str:
        """The project's normalised name, as the folder has it."""
        return self.path.name.removesuffix(".git")

    # --- from the references alone ---

    def refs(self) -> Mapping[str, Ref]:
        """Return all references by full name, such as `refs/tags/v1.0`."""
        return MappingProxyType(decode_refs(self._reader.packed_refs(), self._layout.packed_refs))

    def commit_of(self, text: str) -> str | None:
        """Return the commit of a version, in hexadecimal, or None where it has no tag.

        Args:
            text: The version, normalised or in a spelling that has a tag.
        """
        return self._commit(f"{TAGS}{tag_of(text)}")

    @property
    def latest_commit(self) -> str | None:
        """The commit that HEAD leads to, in hexadecimal, or None in an empty repository."""
        return self._commit(LATEST)

    def settle(self) -> None:
        """Have the references on the disk, if whoever put them in place was killed before it had synced them.

        Reading tells what is there; call this before promising somebody that it
        stays. It costs a look at one file, and a sync only where somebody died or
        is publishing right now.
        """
        seal = read_seal(self._layout.lock)
        if seal is None or seal.refs != refs_digest(self._reader.packed_refs()):
            self._disk.sync_file(self.path)

    def loose_refs(self) -> tuple[str, ...]:
        """Return references that something else put beside ours, which git prefers to ours."""
        return loose_refs(self.path)

    def _commit(self, name: str) -> str | None:
        ref = find_ref(self._reader.packed_refs(), name, self._layout.packed_refs)
        return None if ref is None else ref.commit.hex()

    # --- from the journal ---

    def state(self) -> State:
        """Return all that is known at one moment: what the properties and methods below tell, each of its own moment."""
        return self._reader.state()

    @property
    def generation(self) -> int:
        """The number of the present state, counted from 1; 0 while nothing was ever published."""
        return self._reader.state().generation

    @property
    def owner(self) -> str | None:
        """The name of the index that owns the project, or None while none is recorded."""
        return self._reader.state().owner

    def rows(self) -> Mapping[str, VersionRow]:
        """Return what is known of every version, by its text."""
        return self._reader.state().rows

    def claims(self) -> Claims:
        """Return which versions are wanted: claimant to entry to texts."""
        return self._reader.state().claims

    def versions(self) -> tuple[str, ...]:
        """Return the versions that have tags, newest first."""
        return newest_first(row.text for row in self.rows().values() if row.is_published)

    @property
    def latest(self) -> str | None:
        """The version that the bare name would choose, or None in an empty repository."""
        return latest_version(row for row in self.rows().values() if row.is_published)

    def revisions(self, *, limit: int = 64) -> tuple[str, ...]:
        """Return the names of what to index: `latest`, then tags of versions, newest first.

        Args:
            limit: How many at most; zoekt takes 64 branches of a repository.
        """
        rows = self.rows()
        tags = [rows[text].tags[0].name for text in newest_first(text for text, row in rows.items() if row.is_published)]
        return tuple([LATEST.rpartition("/")[2], *tags][:limit]) if tags else ()

    def history(self) -> Mapping[str, str]:
        """Return the commits of the branch `history`, in hexadecimal, by version, the oldest first.

        They have the trees of the versions' own commits, and parents. An older version that comes in
        or goes makes those after it anew.
        """
        state = self._reader.state()
        return MappingProxyType({commit.text: commit.id.hex() for commit in history_of(state.name, state.rows)})

    def journal(self) -> tuple[JournalLine, ...]:
        """Return all changes, oldest first."""
        return self._reader.lines()

    # --- all of it ---

    def verify(self) -> tuple[Damage, ...]:
        """Check every byte of packs, indexes, references and journal, and every link between objects.

        It takes as long as reading and unpacking everything, and no lock.

        Returns:
            What is wrong and where; nothing where all is well.
        """
        return verify_repository(self.path)

    # --- changing it ---

    def batch(self, *, stop: "Stop | None" = None, deadline: float | None = None) -> Batch:
        """Begin to collect what is to be published at once.

        Args:
            stop: Ends the wait for the publishing lock when it is set.
            deadline: Ends it at this time of `time.monotonic()`.
        """
        return Batch(self._publisher(), Patience(stop=stop, deadline=deadline, seconds=_PUBLISHING_SECONDS))

    def maintain(self, upkeep: Upkeep | None = None, *, stop: "Stop | None" = None, deadline: float | None = None) -> Maintained:
        """Make one pack of many, and remove superseded ones whose time is over.

        Nobody who reads or publishes is held up. What is superseded stays for an
        hour, unless `upkeep` says otherwise, for those who read it.

        Args:
            upkeep: How; if it is not given, everything into one pack, with deltas where git is there.
            stop: Ends the work and its waits when it is set.
            deadline: Ends them at this time of `time.monotonic()`.

        Raises:
            LockedError, ClosedError, DeadlineError: A lock was not to be had in time, or the work was ended. Nothing changed.
            DamagedError: An object is not what was written; nothing changed.
            FormatError, DiskError: The repository is not in order, or the disk is full.
        """
        patience = Patience(stop=stop, deadline=deadline, seconds=_PUBLISHING_SECONDS)
        return Maintainer(self._publisher(), upkeep or Upkeep(), patience).maintain()

    def maintain_if_due(self, *, keep_superseded: timedelta = KEEP_SUPERSEDED, stop: "Stop | None" = None) -> Maintained | None:
        """Do what keeps small packs from piling up, if it is time: quick, without git, and not where somebody else is at it.

        There are to be more than 20 packs below 64 MiB. Those of them that are
        larger than all smaller ones together are left alone.

        Args:
            keep_superseded: How long packs stay whose objects are in another one.
            stop: Ends the work when it is set.

        Returns:
            What was done, or None.

        Raises:
            ClosedError: The work was ended by `stop`.
            DamagedError, FormatError, DiskError: As `maintain`.
        """
        if not may_be_due(self._reader.state()):
            return None
        upkeep = Upkeep(automatic=True, keep_superseded=keep_superseded)
        maintainer = Maintainer(self._publisher(), upkeep, Patience(stop=stop, seconds=_PUBLISHING_SECONDS))
        if not maintainer.is_due():
            return None
        try:
            return maintainer.maintain()
        except LockedError:
            return None

    def _publisher(self) -> Publisher:
        return Publisher(self._layout, self._disk, self._reader, self.name)

    @contextmanager
    def version_lock(self, text: str, *, stop: "Stop | None" = None, deadline: float | None = None) -> Iterator[None]:
        """Hold the lock over downloading and verifying one version.

        Lock files are never unlinked, so versions share 256 of them. Hence a
        thread must not hold two at a time: it could wait for itself.

        Raises:
            ClosedError, DeadlineError: The wait ended without the lock.
            DiskError: The system refuses.
        """
        share = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:2]
        patience = Patience(stop=stop, deadline=deadline)
        with locked(self._layout.versions / f"{share}.lock", patience, doing=f"waiting for {self.name} {text}"):
            yield
