"""What lock files want, as entries; and whose claims a sync ends.

A lock file claims what it lists. What it no longer lists loses that claim; one
that cannot be read ends none. An index that it names selects among those that
are configured, and no other is asked.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from attrs import field, frozen

from pydeps_host.config import COMMAND, LOCK_FILE, HostConfig, Index
from pydeps_host.errors import LockfileError
from pydeps_host.events import LockfileRead
from pydeps_host.host.order import Entry
from pydeps_host.lockfiles import LeftOut, Locked, Lockfile, read_lockfiles
from pydeps_host.values import shown


@frozen
class Ending:
    """Which claims in a repository are the configuration's, to be ended where no entry stands for them.

    Attributes:
        id: The configuration's.
        unread: Claimants whose lock file could not be read: they keep what they claim.
        unlisted: Beginnings of claimants, of places in which lock files could not be looked for.
    """

    id: str
    unread: frozenset[str] = frozenset()
    unlisted: tuple[str, ...] = ()

    def of(self, claimants: Iterable[str]) -> tuple[str, ...]:
        """Return those of the claimants that are the configuration's and could be read."""
        own = _claimant(self.id, "")
        return tuple(one for one in claimants if one == self.id or (one.startswith(own) and not self._is_kept(one)))

    def _is_kept(self, claimant: str) -> bool:
        below = (claimant == place or claimant.startswith((f"{place}/", f"{place}:", f"{place}@")) for place in self.unlisted)
        return claimant in self.unread or any(below)


@frozen
class Locking:
    """What all lock files come to.

    Attributes:
        entries: What they want.
        told: What came of each.
        ending: Whose claims a sync ends.
    """

    entries: tuple[Entry, ...]
    told: tuple[LockfileRead, ...]
    ending: Ending


def read_locking(config: HostConfig, more: Iterable[str | os.PathLike[str]], tell: Callable[[LockfileRead], None]) -> Locking:
    """Read the lock files of a configuration, and others, whose dependencies only add.

    Args:
        config: The configuration.
        more: Files, folders and revisions of repositories besides; relative ones are relative to the working directory.
        tell: Takes what came of each lock file.
    """
    reading = _Reading(config.urls, tell)
    for text in config.lockfiles:
        reading.read(os.path.join(config.folder, text), _claimant(config.id, text))  # noqa: PTH118  # It may be `repo.git@main`.
    for place in more:
        reading.read(os.fspath(place), _claimant(COMMAND, os.path.abspath(place)))  # noqa: PTH100  # As above; links stay as they are.
    ending = Ending(config.id, frozenset(reading.unread), tuple(reading.unlisted))
    return Locking(tuple(reading.entries), tuple(reading.told), ending)


@frozen
class _Reading:
    urls: tuple[Index, ...]
    tell: Callable[[LockfileRead], None]
    entries: list[Entry] = field(factory=list)
    told: list[LockfileRead] = field(factory=list)
    unread: list[str] = field(factory=list)
    unlisted: list[str] = field(factory=list)

    def read(self, text: str, claimant: str) -> None:
        """Read what is at a place, for a claimant; each lock file of several is a claimant of its own."""
        place = os.fspath(Path(text))
        try:
            found = read_lockfiles(place)
        except LockfileError as problem:
            self.unlisted.append(claimant)
            self._told(LockfileRead(problem.path, error=problem))
            return
        for lockfile in found.lockfiles:
            self._take(lockfile, claimant + _below(lockfile.path, place))
        for error in found.errors:
            self.unread.append(claimant + _below(error.path, place))
            self._told(LockfileRead(error.path, error=error))
        if not found.lockfiles and not found.errors:
            self._told(LockfileRead(place, notices=("there is no lock file in it",)))

    def _take(self, lockfile: Lockfile, claimant: str) -> None:
        left_out = list(lockfile.left_out)
        taken = 0
        for locked in lockfile.entries:
            entry = self._entry(locked, claimant)
            if entry is not None:
                taken += 1
                self.entries.append(entry)
            else:
                left_out.append(LeftOut(locked.place, "index", _from_another(locked)))
        self._told(
            LockfileRead(
                lockfile.path,
                lockfile.format.value,
                taken,
                tuple((one.place, one.reason, one.text) for one in left_out),
                tuple(self._notices(lockfile)),
            )
        )

    def _entry(self, locked: Locked, claimant: str) -> Entry | None:
        """Return the entry of a dependency; None where nothing says that what a configured index has is what the file means.

        Its digests do. Without them, an index that is not configured may have something else under the name.
        """
        at = [tuple(index.name for index in self.urls if named.is_at(index.url)) for named in locked.indexes]
        if all(at):
            return Entry(locked.dependency, claimant, tuple(dict.fromkeys(name for names in at for name in names)))
        return Entry(locked.dependency, claimant) if locked.dependency.hashes else None

    def _notices(self, lockfile: Lockfile) -> Iterator[str]:
        for named in lockfile.indexes:
            if not any(named.is_at(index.url) for index in self.urls):
                yield f"it names the index {named.text}, which is not configured and is not asked"

    def _told(self, read: LockfileRead) -> None:
        self.told.append(read)
        self.tell(read)


def _claimant(config_id: str, text: str) -> str:
    # Quoted, so that no id is the beginning of another's claimants.
    return f"{LOCK_FILE}{quote(config_id, safe='')}:{text}"


def _from_another(locked: Locked) -> str:
    indexes: Mapping[str, None] = dict.fromkeys(named.text for named in locked.indexes)
    return f"{shown(str(locked.dependency))} from {', '.join(indexes)}, without digests"


def _below(path: str, place: str) -> str:
    """Return what a lock file's path adds to that of the place that it was found in."""
    if path == place or path.startswith((f"{place}/", f"{place}:", f"{place}@")):
        return path[len(place) :]
    # Found in the present folder, which is called `.` and stands in no path.
    return f"/{path}"
