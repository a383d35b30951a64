"""What is wanted of each project: dependencies grouped, then made releases."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from attrs import evolve, field, frozen
from packaging.utils import NormalizedName
from packaging.version import Version

from pydeps_host.config import LOCK_FILE
from pydeps_host.dependency import Dependency, spelled_tag, tag_of
from pydeps_host.errors import BlockedError, ClosedError, DeadlineError, HostError, Problem, UsageError
from pydeps_host.repository import Batch
from pydeps_host.resolver import Found, Located, Release
from pydeps_host.values import Digest, Url, shown

_OLDEST: Final = Version("0.dev0")


@frozen
class Entry:
    """One dependency, and for whom it is wanted.

    Attributes:
        dependency: What is wanted.
        claimant: The configuration's id, or whoever else asks.
        indexes: The names of the indexes that it may come from; empty for the whole chain.
    """

    dependency: Dependency
    claimant: str
    indexes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """How the entry's claim is recorded; a lock file's without the digests, which are many and choose no version."""
        return str(evolve(self.dependency, hashes=()) if self.is_locked else self.dependency)

    @property
    def is_locked(self) -> bool:
        """Whether a lock file wants it."""
        return self.claimant.startswith(LOCK_FILE)


@frozen
class Order:
    """All that is wanted of one project.

    Attributes:
        name: The normalised name.
        entries: Who wants what; none where the configuration has forgotten the project.
    """

    name: NormalizedName
    entries: tuple[Entry, ...] = ()

    @property
    def indexes(self) -> frozenset[str]:
        """The names of the indexes that come into question; empty where one entry at least may come from any."""
        bound = [entry.indexes for entry in self.entries]
        return frozenset().union(*bound) if all(bound) else frozenset()


@frozen(kw_only=True)
class Wanted:
    """One release that is wanted.

    Attributes:
        release: The release, with the files that come into question.
        tags: The tags that it must have, its own first.
        required: One of these digests is required; empty for any.
        entries: The entries that chose it.
        index: The name of the index that has it.
        page: The page that lists its files, or None where nobody knows.
    """

    release: Release
    index: str
    tags: tuple[str, ...]
    required: tuple[Digest, ...]
    entries: tuple[Entry, ...]
    page: Url | None = None


@frozen(kw_only=True)
class Selection:
    """What the entries of an order come to.

    Attributes:
        wanted: Releases, newest first, each once.
        missed: Entries that chose nothing, and why.
        blocked: Entries that take nothing because of the filters, each with what keeps it out.
        notices: What a person should know.
        located: What each entry that chose something takes, and of whom.
    """

    wanted: tuple[Wanted, ...]
    missed: tuple[tuple[Entry, HostError], ...] = ()
    blocked: tuple[tuple[Entry, str], ...] = ()
    located: tuple[tuple[Entry, Located], ...] = ()
    notices: tuple[str, ...] = ()


def group(entries: Iterable[Entry]) -> tuple[Order, ...]:
    """Group entries by project, in the order in which projects are named first."""
    orders: dict[NormalizedName, list[Entry]] = {}
    for entry in entries:
        orders.setdefault(entry.dependency.name, []).append(entry)
    return tuple(Order(name, tuple(dict.fromkeys(found))) for name, found in orders.items())


@frozen
class _Chosen:
    found: dict[str, Wanted] = field(factory=dict)
    missed: list[tuple[Entry, HostError]] = field(factory=list)
    blocked: list[tuple[Entry, str]] = field(factory=list)
    located: list[tuple[Entry, Located]] = field(factory=list)
    notices: list[str] = field(factory=list)


def select(
    order: Order,
    found: Found,
    take: Callable[[Dependency, tuple[str, ...]], Located],
    *,
    made: Mapping[Version, str] = MappingProxyType({}),
) -> Selection:
    """Choose the releases that an order wants.

    Args:
        order: What is wanted of one project.
        found: The project at its owner.
        take: Chooses the releases of one dependency, at indexes of these names alone; empty for the whole chain.
        made: What versions that were made already are called.

    Raises:
        ClosedError, DeadlineError: The work was interrupted.
    """
    chosen = _Chosen()
    # Hundreds of lock files may want the same thing.
    take = cache(take)
    for entry in order.entries:
        try:
            located = take(entry.dependency, entry.indexes)
        except (ClosedError, DeadlineError):
            raise
        except BlockedError as kept_out:
            chosen.blocked.append((entry, kept_out.by))
            continue
        except HostError as missing:
            # A later index that cannot be asked costs the entry that it was asked for, and no other.
            chosen.missed.append((entry, missing))
            continue
        chosen.located.append((entry, located))
        index = located.found.index.name
        chosen.notices.extend(_told(notice, entry) for notice in located.choice.notices)
        if index != found.index.name:
            chosen.notices.append(f"{entry.text} comes from {shown(index)}: {shown(found.index.name)} lacks it")
        for release in located.choice.releases:
            _take(chosen, _wanted(_as_made(release, entry, made), entry, located.found))
    newest_first = sorted(chosen.found.values(), key=_age, reverse=True)
    return Selection(
        wanted=tuple(newest_first),
        missed=tuple(chosen.missed),
        blocked=tuple(chosen.blocked),
        located=tuple(chosen.located),
        notices=tuple(dict.fromkeys(chosen.notices)),
    )


def _told(notice: Problem, entry: Entry) -> str:
    return str(notice) if notice.place else f"{entry.text}: {notice}"


def _as_made(release: Release, entry: Entry, made: Mapping[Version, str]) -> Release:
    """Call a release what it was called when it was made: `1.0` stays that when a better file, spelled `1.0.0`, comes."""
    if release.version is None or entry.dependency.specifier.startswith("==="):
        return release
    text = made.get(release.version, release.text)
    return release if text == release.text else evolve(release, text=text)


def _wanted(release: Release, entry: Entry, found: Found) -> Wanted:
    spelled = spelled_tag(entry.dependency)
    tags = (tag_of(release.text), *([spelled] if spelled is not None else []))
    return Wanted(
        release=release,
        index=found.index.name,
        tags=tuple(dict.fromkeys(tags)),
        required=entry.dependency.hashes,
        entries=(entry,),
        page=found.project.url,
    )


def _take(chosen: _Chosen, wanted: Wanted) -> None:
    """Add a release, joined with what another entry said of the same one."""
    text = wanted.release.text
    before = chosen.found.get(text)
    if before is None:
        chosen.found[text] = wanted
        return
    try:
        chosen.found[text] = _joined(before, wanted)
    except UsageError as contradiction:
        chosen.missed.append((wanted.entries[0], contradiction))


def _joined(first: Wanted, second: Wanted) -> Wanted:
    if _lists_another_file(first, second):
        # Tools that write the digest of one file alone choose it by the machine they run on. Each file is the release's.
        files = dict.fromkeys(first.release.candidates + second.release.candidates)
        return evolve(
            first,
            release=evolve(first.release, candidates=tuple(files)),
            required=first.required + second.required,
            tags=tuple(dict.fromkeys(first.tags + second.tags)),
            entries=first.entries + second.entries,
        )
    required = first.required or second.required
    if first.required and second.required:
        required = tuple(digest for digest in first.required if digest in second.required)
        if not required:
            message = f"{first.entries[0].text} and {second.entries[0].text} require different digests of one release"
            raise UsageError(message, "leave the digests of one file in both")
    names = {file.filename for file in second.release.candidates}
    candidates = tuple(file for file in first.release.candidates if file.filename in names)
    return Wanted(
        release=evolve(first.release, candidates=candidates),
        index=first.index,
        tags=tuple(dict.fromkeys(first.tags + second.tags)),
        required=required,
        entries=first.entries + second.entries,
        page=first.page,
    )


def _lists_another_file(first: Wanted, second: Wanted) -> bool:
    """Whether lock files alone want a release, and the digests of one are those of other files than the digests of the other."""
    locked = all(entry.is_locked for entry in first.entries + second.entries)
    return locked and bool(first.required and second.required) and set(first.required).isdisjoint(second.required)


def _age(wanted: Wanted) -> tuple[bool, Version, str]:
    version = wanted.release.version
    return version is not None, version or _OLDEST, wanted.release.text


def enter_claims(wanted: Iterable[Wanted], batch: Batch) -> None:
    """Claim in a batch what each entry has chosen among these releases."""
    chosen: dict[tuple[str, str], set[str]] = {}
    for one in wanted:
        for entry in one.entries:
            chosen.setdefault((entry.claimant, entry.text), set()).add(one.release.text)
    for (claimant, text), versions in chosen.items():
        batch.claim(claimant, text, versions)
