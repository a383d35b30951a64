"""One change of a repository, from the lock to the last sync.

The order is what makes it safe to be killed at any instant: packs, then the
journal's line, then the references. Until these are renamed the old state
stands, and whatever came before is cleaned up by the next one who publishes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from attrs import evolve, frozen

from pydeps_host.errors import DamagedError, DiskError, HostError, disk_errors
from pydeps_host.git import FinishedPack, KnownObjects, ObjectId
from pydeps_host.repository.disk import Disk
from pydeps_host.repository.history import HistoryCommit, history_of, with_trees, write_history
from pydeps_host.repository.incoming import Incoming, named_objects
from pydeps_host.repository.journal import JournalLine, encode_line, line_sum
from pydeps_host.repository.layout import PACKS, Layout
from pydeps_host.repository.locks import Patience, locked
from pydeps_host.repository.merge import Conflict, Merged, Proposal, changed_rows, merge
from pydeps_host.repository.packs import announce, announced, pack_name, place_pack, remove_pack
from pydeps_host.repository.reader import StateReader
from pydeps_host.repository.references import Ref, decode_refs, encode_refs
from pydeps_host.repository.seal import Seal, read_seal, write_seal
from pydeps_host.repository.settled import is_settled
from pydeps_host.repository.state import State, references_of, refs_digest
from pydeps_host.repository.superseding import Kept, Supersession, superseded_files
from pydeps_host.repository.workspace import Workspace, clean_dead


@frozen
class Change:
    """A change that is on the disk.

    Attributes:
        generation: The number of the state that it led to.
        old: Changed references before, as (full name, id in hexadecimal), by name.
        new: The same references now; one that is gone is not among them.
    """

    generation: int
    old: tuple[tuple[str, str], ...]
    new: tuple[tuple[str, str], ...]


@frozen
class Swap:
    """How packs give way to one that holds their objects.

    Attributes:
        at: The time, aware of its zone.
        keep: How long they stay.
        deltas: Whether git wrote the new one, with deltas.
        generation: The state for which something was left out of the new one, or None where nothing was.
    """

    at: datetime
    keep: timedelta
    deltas: bool = False
    generation: int | None = None


@frozen
class Publisher:
    """Publishes into one repository.

    Attributes:
        layout: Where it is.
        disk: How files are written.
        reader: Its state.
        name: The project's name, for errors.
    """

    layout: Layout
    disk: Disk
    reader: StateReader
    name: str

    def unchanged(self, proposal: Proposal, *, of: State | None = None) -> Merged | None:
        """Return what a proposal makes of the present state where that is no change; errors are those of `publish`.

        No lock is taken. So it is None, too, where something is to be done under the
        lock first: made good, cleared up after somebody who died, or removed.

        Args:
            proposal: What is wanted.
            of: The state that has to be the present one, if it has to be any.
        """
        state, packs, now = self.reader.state(), f"{self.layout.root}/{PACKS}", datetime.now(UTC)
        if of is not None and state is not of:
            return None
        if not is_settled(self.layout, state) or superseded_files(state.account, packs, is_over=lambda kept: kept.until <= now):
            return None
        merged = self._merged(state, proposal, KnownObjects(packs, state.packs))
        return merged if merged.changes_nothing else None

    def publish(
        self, proposal: Proposal, packs: tuple[FinishedPack, ...], patience: Patience
    ) -> tuple[Change | None, tuple[Conflict, ...]]:
        """Put a proposal upon the state that is there once the lock is held.

        Returns:
            The change, durable, or None where there was nothing to change; and what was not taken.

        Raises:
            LockedError, ClosedError, DeadlineError: The lock was not to be had.
            OwnerChangedError: Another index owns the project.
            UsageError: A tag's or a commit's object is in no pack.
            DamagedError, FormatError, DiskError: The repository is not in order;
                its state is the old one, unless the last sync was what failed.
        """
        with locked(self.layout.lock, patience, doing=f"waiting to publish {self.name}") as lock:
            state = self._recover(lock)
            # What cannot be removed now is removed later; it keeps nobody from publishing.
            now = datetime.now(UTC)
            with suppress(DiskError):
                self._sweep(state, lambda kept: kept.until <= now)
            known = KnownObjects(self.layout.packs, state.packs)
            merged = self._merged(state, proposal, known)
            if merged.changes_nothing:
                return None, merged.conflicts
            incoming = Incoming(packs, known)
            incoming.require(merged.changed_rows)
            merged = self._with_trees(state, merged, packs)
            history = history_of(state.name or self.name, merged.rows)
            try:
                with self._written(incoming.missing(history)) as more:
                    needed = (*(packs if incoming.is_needed else ()), *more)
                    return self._commit(lock, state, (merged, history), needed), merged.conflicts
            except BaseException:
                with suppress(HostError):
                    self._recover(lock)
                raise

    def history_after(self, proposal: Proposal, known: Callable[[ObjectId], bool]) -> tuple[HistoryCommit, ...]:
        """Return the branch `history` as a proposal would leave it if nobody else published before; errors are those of `publish`."""
        state = self.reader.state()
        merged = self._merged(state, proposal, known)
        return () if merged.changes_nothing else history_of(state.name or self.name, merged.rows)

    def supersede(self, old: frozenset[str], new: FinishedPack, how: Swap, patience: Patience) -> bool:
        """Put a pack that holds all objects of some others in their place; these stay where they are for a while.

        Returns:
            Whether that was done; False where one of them is superseded already, or
            where somebody published who may need what was left out.

        Raises:
            LockedError, ClosedError, DeadlineError: The lock was not to be had.
            DamagedError, FormatError, DiskError: As `publish`.
        """
        with locked(self.layout.lock, patience, doing=f"waiting to maintain {self.name}") as lock:
            state = self._recover(lock)
            if not old <= state.packs or how.generation not in {None, state.generation}:
                return False
            try:
                self._swap(lock, state, (old, new), how)
            except BaseException:
                with suppress(HostError):
                    self._recover(lock)
                raise
            return True

    def _swap(self, lock: int, state: State, packs: tuple[frozenset[str], FinishedPack], how: Swap) -> None:
        old, new = packs
        name = pack_name(new)
        # Of several packs one may hold all that is in the others.
        added = () if name in state.packs else (name,)
        if added:
            self._place(lock, (new,), added)
        superseded = Supersession(tuple(sorted(old - {name})), _text(how.at + how.keep), how.deltas)
        self._write(lock, JournalLine(state.generation + 1, state.refs, _text(how.at), packs=(name,), superseded=superseded), None)

    def remove_superseded(self, is_over: Callable[[Kept], bool], patience: Patience) -> tuple[str, ...]:
        """Remove the superseded packs whose time is over, and return their names; errors are those of `supersede`."""
        if not superseded_files(self.reader.state().account, self.layout.packs, is_over=is_over):
            return ()
        with locked(self.layout.lock, patience, doing=f"waiting to maintain {self.name}") as lock:
            return self._sweep(self._recover(lock), is_over)

    def _sweep(self, state: State, is_over: Callable[[Kept], bool]) -> tuple[str, ...]:
        """Remove packs that were superseded.

        The pack goes first and its index after it, so that none is ever there
        without its index. Git takes no notice of an index alone, and looks for the
        objects of a pack that is gone in those that came meanwhile.
        """
        names = superseded_files(state.account, self.layout.packs, is_over=is_over)
        if names:
            # Whoever wrote the line that says so may have died before it was on the disk.
            self.disk.sync_file(self.layout.journal)
        for name in names:
            remove_pack(name, self.layout.packs, self.disk)
        return names

    def _recover(self, lock: int) -> State:
        """Take away what a dead process left behind, and return the state."""
        state = self.reader.state()
        seal = read_seal(self.layout.lock)
        if seal is not None and seal.generation > state.generation:
            # Nothing may be cut off or built upon: there was more than what can be read now.
            raise DamagedError(str(self.layout.journal), f"generation {seal.generation} was published, what is there is {state.generation}")
        if state.generation and (seal is None or seal.generation < state.generation):
            # Whoever led here died before its last sync: nothing may rest on this state before that is made good.
            self.disk.sync_file(self.layout.journal)
            self.disk.sync_file(self.layout.root)
        with disk_errors(self.layout.journal, "looking at"):
            size = self.layout.journal.stat().st_size
        if size > state.end:
            self.disk.cut(self.layout.journal, state.end)
        if names := announced(lock, self.layout.lock):
            for name in set(names) - state.packs - state.account.superseded.keys():
                remove_pack(name, self.layout.packs, self.disk)
            announce(lock, (), self.layout.lock)
        self.disk.remove(self.layout.new_refs)
        clean_dead(self.layout.writing, self.disk)
        return state

    def _merged(self, state: State, proposal: Proposal, known: Callable[[ObjectId], bool]) -> Merged:
        return merge(state, proposal, name=self.name, has=lambda row: row.commit is not None and all(map(known, named_objects(row))))

    def _with_trees(self, state: State, merged: Merged, packs: tuple[FinishedPack, ...]) -> Merged:
        """Have every published row tell its tree: those of older journals do not."""
        paths = (*(pack.path for pack in packs), *(self.layout.packs / f"{name}.pack" for name in sorted(state.packs)))
        rows = with_trees(merged.rows, paths)
        return merged if rows is merged.rows else evolve(merged, rows=rows, changed_rows=changed_rows(state.rows, rows))

    @contextmanager
    def _written(self, history: tuple[HistoryCommit, ...]) -> Iterator[tuple[FinishedPack, ...]]:
        """Give a pack of commits that are in none: few batches meet another state than they foresaw."""
        if not history:
            yield ()
            return
        workspace = Workspace.open(self.layout.writing)
        try:
            pack = write_history(history, workspace.new_path(), durable=self.disk.durable)
            yield (pack,) if pack is not None else ()
        finally:
            with suppress(DiskError):
                workspace.close(self.disk)

    def _commit(self, lock: int, state: State, come: tuple[Merged, Sequence[HistoryCommit]], packs: tuple[FinishedPack, ...]) -> Change:
        merged, history = come
        added = tuple(sorted({pack_name(pack) for pack in packs} - state.packs))
        if added:
            self._place(lock, packs, added)
        old, new = self._references(), references_of(merged.rows, history)
        packed_refs = encode_refs(new)
        name = self.name if state.name is None and history else None
        line = evolve(_line(state, merged, added, refs_digest(packed_refs) if new != old else state.refs), name=name)
        self._write(lock, line, packed_refs if new != old else None)
        return _change(line.generation, old, new)

    def _write(self, lock: int, line: JournalLine, packed_refs: bytes | None) -> None:
        """Write a line, and the references where they change: from then on the change is there."""
        encoded = encode_line(line)
        self.disk.append(self.layout.journal, encoded)
        if packed_refs is not None:
            self.disk.write(self.layout.new_refs, packed_refs)
            self.disk.rename(self.layout.new_refs, self.layout.packed_refs)
            self.disk.sync_file(self.layout.root)
        # The change is on the disk: nothing after it may make it look like a failure.
        with suppress(DiskError):
            write_seal(lock, Seal(line.generation, line_sum(encoded) or "", line.refs), self.layout.lock)

    def _place(self, lock: int, packs: tuple[FinishedPack, ...], names: tuple[str, ...]) -> None:
        announce(lock, names, self.layout.lock)
        # After a power failure, too, it must be known whose packs nothing refers to.
        self.disk.sync_file(self.layout.lock)
        for pack in packs:
            if pack_name(pack) in names:
                place_pack(pack, self.layout.packs, self.disk)
        self.disk.sync_file(self.layout.packs)

    def _references(self) -> dict[str, Ref]:
        return decode_refs(self.reader.packed_refs(), self.layout.packed_refs)


def _line(state: State, merged: Merged, added: tuple[str, ...], refs: str) -> JournalLine:
    return JournalLine(
        state.generation + 1,
        refs,
        _text(datetime.now(UTC)),
        merged.changed_rows,
        merged.changed_claims,
        added,
        merged.owner,
    )


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _change(generation: int, old: Mapping[str, Ref], new: Mapping[str, Ref]) -> Change:
    names = sorted(name for name in {**old, **new} if old.get(name) != new.get(name))
    return Change(generation, _ids(names, old), _ids(names, new))


def _ids(names: Iterable[str], refs: Mapping[str, Ref]) -> tuple[tuple[str, str], ...]:
    return tuple((name, refs[name].id.hex()) for name in names if name in refs)
