"""Many packs made one, so that a repository of a thousand small changes reads as fast as one of a single large one.

Objects stay, those that no reference leads to as well: a version that is claimed
again gets its tags back without a download. Only commits that the branch
`history` left behind go, where all packs are made one.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from attrs import evolve, frozen

from pydeps_host.errors import ClosedError, DamagedError, DeadlineError, DiskError, disk_errors
from pydeps_host.git import FinishedPack, ObjectId, PackReader, PackWriter
from pydeps_host.git.pack_copier import PackCopier
from pydeps_host.git.pack_entries import bases_of
from pydeps_host.repository.history import history_of, superseded_history
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.locks import Patience, locked
from pydeps_host.repository.publishing import Publisher, Swap
from pydeps_host.repository.references import encode_refs, loose_refs
from pydeps_host.repository.repacking import Repacking, RepackingError, has_git, repack
from pydeps_host.repository.state import State, references_of, refs_digest
from pydeps_host.repository.superseding import KEEP_SUPERSEDED, Kept, check_keep, superseded_files
from pydeps_host.repository.workspace import Workspace

# Automatic maintenance begins with more small packs than this.
AUTOMATIC_PACKS: Final = 20
# A larger pack is not small: copying it again and again would cost more than it brings.
AUTOMATIC_BYTES: Final = 64 * 1024 * 1024
# Git may use so many threads at most; each of them may need 256 MiB.
_THREADS: Final = min(4, os.cpu_count() or 1)

Way = Literal["none", "copy", "git"]


def _now() -> datetime:
    return datetime.now(UTC)


@frozen(kw_only=True)
class Upkeep:
    """How a repository is to be maintained.

    Attributes:
        automatic: Whether only small packs count, and only where there are more
            than 20 of them; git is not started then.
        deltas: Whether git, where it is there, is to write the new pack with deltas.
        keep_superseded: How long packs stay whose objects are in another one.
        threads: How many threads git may use.
        now: Tells the time, in UTC.
    """

    automatic: bool = False
    deltas: bool = True
    keep_superseded: timedelta = KEEP_SUPERSEDED
    threads: int = _THREADS
    now: Callable[[], datetime] = _now

    def __attrs_post_init__(self) -> None:
        """Refuse, with a `UsageError`, a time to keep packs that is less than nothing or longer than ten years."""
        check_keep(self.keep_superseded)


@frozen(kw_only=True)
class Maintained:
    """What maintenance did. Sizes are those of packs with their indexes, in bytes.

    Attributes:
        way: `copy` (entries as they are), `git` (with deltas), or `none`: there was nothing to do.
        packs_before: How many packs held the objects.
        packs_after: How many do now.
        bytes_before: What they took.
        bytes_after: What they take now.
        kept: How many superseded packs are still there, for readers.
        kept_bytes: What these take.
        removed: How many superseded packs were removed.
        problem: Why git could not do its part, where it was to, or None.
    """

    way: Way
    packs_before: int
    packs_after: int
    bytes_before: int
    bytes_after: int
    kept: int
    kept_bytes: int
    removed: int = 0
    problem: str | None = None


def may_be_due(state: State) -> bool:
    """Say whether automatic maintenance may find something to do, as far as the journal tells."""
    return len(state.packs) > AUTOMATIC_PACKS or bool(state.account.superseded)


@frozen
class Maintainer:
    """Maintains one repository, while others publish into it and read it.

    Attributes:
        publisher: Publishes what comes of it.
        upkeep: How.
        patience: How long to wait for locks.
    """

    publisher: Publisher
    upkeep: Upkeep
    patience: Patience

    def maintain(self) -> Maintained:
        """Do what is to be done.

        The new pack is written aside. The publishing lock is held only while it
        takes its place; a lock of its own keeps others from doing the same work.

        Raises:
            LockedError, ClosedError, DeadlineError: A lock was not to be had, or the wait for git ended.
            DamagedError: An entry is not what it was written as; everything is left as it was.
            FormatError, DiskError: The repository is not in order.
        """
        # Whoever is at it already does what an automatic one would do.
        patience = evolve(self.patience, seconds=0.0) if self.upkeep.automatic else self.patience
        with locked(self._layout.maintenance, patience, doing=f"waiting to maintain {self.publisher.name}"):
            before = self.publisher.reader.state()
            old = self._chosen(before)
            sizes = _sizes(self._layout, before.packs)
            way, problem = self._swapped(before, old) if old else ("none", None)
            removed = self.publisher.remove_superseded(self._is_over, self.patience)
        after = self.publisher.reader.state()
        sizes_after = _sizes(self._layout, after.packs)
        kept = _sizes(self._layout, after.account.superseded, missing_ok=True)
        return Maintained(
            way=way,
            packs_before=len(sizes),
            packs_after=len(sizes_after),
            bytes_before=sum(sizes.values()),
            bytes_after=sum(sizes_after.values()),
            kept=len(kept),
            kept_bytes=sum(kept.values()),
            removed=len(removed),
            problem=problem,
        )

    def is_due(self) -> bool:
        """Say whether `maintain` would do anything; no lock is taken and nothing is written.

        Raises:
            DamagedError, FormatError, DiskError: The repository is not in order.
        """
        state = self.publisher.reader.state()
        return bool(self._chosen(state) or superseded_files(state.account, self._layout.packs, is_over=self._is_over))

    @property
    def _layout(self) -> Layout:
        return self.publisher.layout

    def _chosen(self, state: State) -> frozenset[str]:
        """Return the packs that are to be made one; none where that would bring nothing."""
        if self.upkeep.automatic:
            return _small(_sizes(self._layout, state.packs)) if len(state.packs) > AUTOMATIC_PACKS else frozenset()
        wants_deltas = self._asks_git() and state.packs != state.account.deltas
        return state.packs if len(state.packs) > 1 or wants_deltas else frozenset()

    def _asks_git(self) -> bool:
        return self.upkeep.deltas and not self.upkeep.automatic and has_git()

    def _swapped(self, state: State, old: frozenset[str]) -> tuple[Way, str | None]:
        """Write one pack in the place of some; return how, and why not by git where it was to be."""
        workspace = Workspace.open(self._layout.writing)
        try:
            with _opened(self._layout, old) as packs:
                leave_out = _left_behind(self._layout.root, packs, state) if old == state.packs else frozenset()
                way, problem = self._written(state, packs, leave_out, workspace)
                if way == "none" and leave_out:
                    # Somebody published meanwhile, and may need some of it again.
                    way, problem = self._written(state, packs, frozenset(), workspace)
            return way, problem
        finally:
            with suppress(DiskError):
                workspace.close(self.publisher.disk)

    def _written(
        self, state: State, packs: tuple[PackReader, ...], leave_out: frozenset[ObjectId], workspace: Workspace
    ) -> tuple[Way, str | None]:
        """Write a pack, and put it in the place of some; return how, or that others were faster, and why not by git."""
        way, problem, pack = self._packed(state, packs, leave_out, workspace)
        swap = Swap(self.upkeep.now(), self.upkeep.keep_superseded, way == "git", state.generation if leave_out else None)
        old = frozenset(reader.path.stem for reader in packs)
        return (way if self.publisher.supersede(old, pack, swap, self.patience) else "none"), problem

    def _packed(
        self, state: State, packs: tuple[PackReader, ...], leave_out: frozenset[ObjectId], workspace: Workspace
    ) -> tuple[Way, str | None, FinishedPack]:
        problem = None
        if self._asks_git():
            try:
                return "git", None, repack(self._layout.root, packs, workspace.new_path(), self._repacking(state, leave_out))
            except RepackingError as error:
                problem = str(error)
        return "copy", problem, self._copied(packs, leave_out, workspace)

    def _repacking(self, state: State, leave_out: frozenset[ObjectId]) -> Repacking:
        sizes = _sizes(self._layout, state.packs)
        with_deltas = sum(sizes[name] for name in state.account.deltas)
        return Repacking(
            # A few new versions are put to the deltas that are there; a repository that is mostly new is packed afresh.
            anew=2 * with_deltas < sum(sizes.values()),
            threads=self.upkeep.threads,
            leave_out=leave_out,
            durable=self.publisher.disk.durable,
            check=self._check,
        )

    def _copied(self, packs: tuple[PackReader, ...], leave_out: frozenset[ObjectId], workspace: Workspace) -> FinishedPack:
        with PackWriter(workspace.new_path()) as writer:
            copier = PackCopier(writer, check=self._check)
            for pack in packs:
                copier.copy(pack, leave_out=leave_out)
            finished = writer.finish(sync=self.publisher.disk.durable)
        if finished is None:
            raise DamagedError(str(self._layout.packs), "packs that the journal names hold nothing")
        return finished

    def _is_over(self, kept: Kept) -> bool:
        """Say whether a superseded pack may go: when its time has come, or, asked for by hand, when the time that is given has."""
        until = kept.until if self.upkeep.automatic else kept.since + self.upkeep.keep_superseded
        return until <= self.upkeep.now()

    def _check(self) -> None:
        doing = f"maintaining {self.publisher.name}"
        if self.patience.stop is not None and self.patience.stop.is_set():
            raise ClosedError(doing)
        if self.patience.deadline is not None and time.monotonic() >= self.patience.deadline:
            raise DeadlineError(doing)


def _left_behind(root: Path, packs: tuple[PackReader, ...], state: State) -> frozenset[ObjectId]:
    """Return the commits that the branch `history` left behind, and that nothing needs which stays.

    None, where a reference may need one: a loose reference, which somebody else
    made, or a branch that is not what is made of the rows here.
    """
    history = history_of(state.name, state.rows)
    if loose_refs(root) or refs_digest(encode_refs(references_of(state.rows, history))) != state.refs:
        return frozenset()
    commits = superseded_history(packs, history)
    needed = [id_ for pack in packs if commits for id_ in bases_of(pack) & commits.keys()]
    kept: set[ObjectId] = set()
    while needed:
        # A delta's base stays, and with it the commits that came before it.
        id_ = needed.pop()
        if id_ in commits and id_ not in kept:
            kept.add(id_)
            needed += commits[id_].parents
    return frozenset(commits.keys() - kept)


@contextmanager
def _opened(layout: Layout, names: frozenset[str]) -> Iterator[tuple[PackReader, ...]]:
    """Open packs, the largest first: one that holds all that is in the others comes out as it is."""
    sizes = _sizes(layout, names)
    with ExitStack() as stack:
        ordered = sorted(names, key=lambda name: (-sizes[name], name))
        yield tuple(stack.enter_context(PackReader(layout.packs / f"{name}.pack")) for name in ordered)


def _small(sizes: Mapping[str, int]) -> frozenset[str]:
    """Return the small packs that are worth making one, so that each object is copied a few times in its life.

    A pack that is as large as all smaller ones together is left alone: the
    packs' sizes end up as powers of two, so to speak, and few.
    """
    small = sorted((size, name) for name, size in sizes.items() if size <= AUTOMATIC_BYTES)
    if len(small) <= AUTOMATIC_PACKS:
        return frozenset()
    below = sum(size for size, _ in small)
    while len(small) > 1 and small[-1][0] >= (below := below - small[-1][0]):
        small.pop()
    return frozenset(name for _, name in small) if len(small) > 1 else frozenset()


def _sizes(layout: Layout, names: Iterable[str], *, missing_ok: bool = False) -> dict[str, int]:
    """Return the sizes of packs with their indexes, in bytes, by name."""
    sizes = {}
    for name in names:
        paths = [layout.packs / f"{name}{suffix}" for suffix in (".pack", ".idx")]
        with disk_errors(paths[0], "looking at"):
            try:
                sizes[name] = sum(path.stat().st_size for path in paths)
            except FileNotFoundError:
                if not missing_ok:
                    raise DamagedError(str(paths[0]), "the journal names it, and it is not there") from None
    return sizes
