"""What is ready to be published together."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pydeps_host.errors import DiskError, UsageError
from pydeps_host.git import FinishedPack, KnownObjects, ObjectId, PackWriter
from pydeps_host.repository.locks import Patience
from pydeps_host.repository.merge import Claim, ClaimChange, Conflict, EndClaims, EndEntry, Offer, Proposal, Unclaim, without_claim
from pydeps_host.repository.publishing import Change, Publisher
from pydeps_host.repository.rows import VersionRow
from pydeps_host.repository.state import State
from pydeps_host.repository.workspace import Workspace


class Batch:
    """Objects, rows and claims that become visible at once.

    A context manager; leaving it without `publish` takes everything away. Only
    `publish` takes the lock, so any number of batches may be filled at a time.
    For one thread.

    Attributes:
        conflicts: After `publish`: the rows that were not taken, because what is recorded comes first.
    """

    def __init__(self, publisher: Publisher, patience: Patience) -> None:
        self._publisher = publisher
        self._patience = patience
        self._workspace: Workspace | None = None
        self._known: KnownObjects | None = None
        self._known_packs: frozenset[str] | None = None
        self._writer: PackWriter | None = None
        self._packs: list[FinishedPack] = []
        self._offers: dict[str, Offer] = {}
        self._claims: list[ClaimChange] = []
        self._owner: str | None = None
        self._done = False
        self.conflicts: tuple[Conflict, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done = True
        # What cannot be removed now is removed by the next publishing, and must
        # not hide that this one succeeded, or why it did not.
        if self._writer is not None:
            with suppress(DiskError):
                self._writer.abort()
        if self._workspace is not None:
            workspace, self._workspace = self._workspace, None
            with suppress(DiskError):
                workspace.close(self._publisher.disk)

    @property
    def pack(self) -> PackWriter:
        """Where the batch's objects go; what is published already is not written again."""
        self._check_open()
        if self._writer is None:
            self._writer = PackWriter(self.new_path(), known=self.knows)
        return self._writer

    def knows(self, id_: ObjectId, /) -> bool:
        """Whether an object was published before this batch first asked."""
        if self._known is None:
            self._known = KnownObjects(self._publisher.layout.packs, self.known_packs)
        return self._known(id_)

    @property
    def known_packs(self) -> frozenset[str]:
        """The names of the packs that were published before this batch first asked."""
        if self._known_packs is None:
            # Its files are in that very repository then: those of one that a prune or a repair took away go with it.
            self._opened()
            self._known_packs = self._publisher.reader.state().packs
        return self._known_packs

    @property
    def packs_folder(self) -> Path:
        """Where published packs are, by those names."""
        return self._publisher.layout.packs

    @property
    def is_durable(self) -> bool:
        """Whether packs have to be on the disk before they are included."""
        return self._publisher.disk.durable

    def new_path(self) -> Path:
        """Return a path where another process may write a pack for this batch."""
        self._check_open()
        return self._opened().new_path()

    def include(self, pack: FinishedPack) -> None:
        """Take a pack that was written at a `new_path`."""
        self._check_open()
        self._packs.append(pack)

    def add(self, row: VersionRow, *, replace: bool = False) -> None:
        """Record what is known of a version; published, with its tags.

        Args:
            row: The row; a later one of the same version takes its place. Of a
                published one, the objects of commit and tags are in the batch's
                packs or in the repository.
            replace: Whether it may take the place of another commit. The row
                then has to bring all of its tags, other spellings too.

        Raises:
            UsageError: A published row without a commit or a tag.
        """
        self._check_open()
        if row.is_published and (not row.commit or not row.tags):
            raise UsageError(f"the published version {row.text!r} has no commit or no tag", "give both, or another status")
        self._offers[row.text] = Offer(row, replace)

    def claim(self, claimant: str, entry: str, versions: Iterable[str]) -> None:
        """Say that an entry chose these versions; those it chose before stay claimed.

        Claim a version in the batch that adds it: one that was never claimed never loses its tags.
        """
        self._check_open()
        self._claims.append(Claim(claimant, entry, frozenset(versions)))

    def end_claims(self, claimant: str, *, keep_entries: Iterable[str]) -> tuple[str, ...]:
        """End a claimant's claims but those of the entries that still stand.

        Returns:
            The published versions that nobody claims any more, as things stand;
            publishing takes the tags from those of which that is still true.
        """
        self._check_open()
        self._claims.append(EndClaims(claimant, frozenset(keep_entries)))
        return without_claim(self._publisher.reader.state(), self._proposal())

    def end_entry(self, claimant: str, entry: str) -> None:
        """End a claimant's claims for the sake of one entry; its others stay."""
        self._check_open()
        self._claims.append(EndEntry(claimant, entry))

    def unclaim(self, versions: Iterable[str], *, claimant: str | None = None) -> None:
        """End the claims on these versions, whatever entry chose them.

        Args:
            versions: Their texts.
            claimant: Whose claims; None ends everybody's, and takes the tags from those that nobody claimed, too.
        """
        self._check_open()
        self._claims.append(Unclaim(frozenset(versions), claimant))

    def record_owner(self, index: str) -> None:
        """Say which index the project comes from; publishing fails if another one is recorded."""
        self._check_open()
        self._owner = index

    def keeps(self, state: State) -> bool:
        """Whether `publish` would find this very state, nothing to change in it and nothing to make good; errors are those of `publish`.

        Args:
            state: What the repository told.
        """
        self._check_open()
        return self._publisher.unchanged(self._proposal(), of=state) is not None

    def publish(self) -> Change | None:
        """Make everything visible at once, and return when it is on the disk.

        Where nothing has to change and nothing is to be made good, no lock is taken.

        Returns:
            The change, or None where nothing had to change.

        Raises:
            LockedError, ClosedError, DeadlineError: The lock was not to be had in time.
            OwnerChangedError: Another index owns the project.
            UsageError: A version's objects are missing, or this batch is over.
            DamagedError, FormatError, DiskError: The repository is not in order.
        """
        self._check_open()
        proposal = self._proposal()
        try:
            unchanged = self._publisher.unchanged(proposal)
            if unchanged is None:
                self._write_history(proposal)
        finally:
            self._done = True
        if unchanged is not None:
            self.conflicts = unchanged.conflicts
            return None
        change, self.conflicts = self._publisher.publish(proposal, self._finished(), self._patience)
        return change

    def _write_history(self, proposal: Proposal) -> None:
        """Put into the pack what the branch `history` will need, as things stand: whoever publishes in between costs one more pack."""
        for commit in self._publisher.history_after(proposal, self.knows):
            if not self.knows(commit.id):
                self.pack.add("commit", commit.data)

    def _opened(self) -> Workspace:
        if self._workspace is None:
            self._workspace = Workspace.open(self._publisher.layout.writing)
        return self._workspace

    def _finished(self) -> tuple[FinishedPack, ...]:
        # Synced before the lock is taken: a large pack takes its time.
        disk = self._publisher.disk
        own = self._writer.finish(sync=disk.durable) if self._writer is not None else None
        return (*self._packs, own) if own is not None else tuple(self._packs)

    def _proposal(self) -> Proposal:
        return Proposal(tuple(self._offers.values()), tuple(self._claims), self._owner)

    def _check_open(self) -> None:
        if self._done:
            raise UsageError("this batch is over", "begin another one")
