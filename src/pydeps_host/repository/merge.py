"""A batch put upon the state that it finds: pure, and the same whoever came first."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import evolve, field, frozen

from pydeps_host.errors import OwnerChangedError
from pydeps_host.repository.journal import ClaimChanges, freeze_claims
from pydeps_host.repository.rows import Status, VersionRow, VersionTag
from pydeps_host.repository.state import Claims, Rows, State


@frozen
class Offer:
    """A row that a batch brings.

    Attributes:
        row: The row.
        replace: Whether it may take the place of other bytes under the same version.
    """

    row: VersionRow
    replace: bool = False


@frozen
class Claim:
    """An entry chose these versions; what it chose before stays claimed.

    Attributes:
        claimant: The configuration's id, or `command`.
        entry: The dependency's text.
        versions: The versions' texts.
    """

    claimant: str
    entry: str
    versions: frozenset[str]


@frozen
class EndClaims:
    """A claimant has only these entries left.

    Attributes:
        claimant: The configuration's id.
        keep: The entries that still stand.
    """

    claimant: str
    keep: frozenset[str]


@frozen
class EndEntry:
    """A claimant gives up one entry.

    Attributes:
        claimant: Whose entry.
        entry: The dependency's text.
    """

    claimant: str
    entry: str


@frozen
class Unclaim:
    """These versions are wanted no more.

    Attributes:
        versions: Their texts.
        claimant: Whose claims on them end; None for everybody's, and then they lose their tags even if nobody claimed them.
    """

    versions: frozenset[str]
    claimant: str | None = None


@frozen
class Conflict:
    """A row that was not taken, because trust in what is recorded comes first.

    Attributes:
        text: The version.
        reason: `other-commit`, `other-bytes` or `tag-taken`.
        recorded: What is recorded: a commit, a SHA-256, the version that has the tag.
        offered: What was offered instead: likewise, but the tag that is taken.
    """

    text: str
    reason: str
    recorded: str
    offered: str


ClaimChange: TypeAlias = Claim | EndClaims | EndEntry | Unclaim


@frozen
class Proposal:
    """What a batch wants, in the order in which it was said.

    Attributes:
        offers: Rows.
        claims: Claims made and ended.
        owner: The index that owns the project, or None if nothing is said of it.
    """

    offers: tuple[Offer, ...] = ()
    claims: tuple[ClaimChange, ...] = ()
    owner: str | None = None


@frozen
class Merged:
    """What a proposal makes of a state.

    Attributes:
        rows: All rows from then on.
        changed_rows: Those that are new or other than before.
        changed_claims: Entries that are new or other than before; None for one that ended.
        owner: The owner, where it is new.
        conflicts: What was not taken.
    """

    rows: Rows
    changed_rows: tuple[VersionRow, ...] = ()
    changed_claims: ClaimChanges = field(factory=lambda: MappingProxyType({}))
    owner: str | None = None
    conflicts: tuple[Conflict, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether the state is as it was."""
        return not self.changed_rows and not self.changed_claims and self.owner is None


def merge(state: State, proposal: Proposal, *, name: str, has: Callable[[VersionRow], bool]) -> Merged:
    """Put a proposal upon a state.

    A version that somebody else published meanwhile with the same commit is no
    change; with another one the recorded stays. Versions that lose their last
    claim lose their tags, and none ends where a version was not taken and is not
    there otherwise; a removed one that is claimed again gets them back
    where its objects are still there.

    Args:
        state: What is recorded.
        proposal: What is wanted.
        name: The project's name, for errors.
        has: Says whether the objects of a removed version are in the repository.

    Raises:
        OwnerChangedError: Another index is recorded as the project's owner.
    """
    owner = _owner(state, proposal, name)
    table = _Table(state.rows)
    conflicts = [table.take(offer) for offer in proposal.offers]
    claims = _claims(state.claims, _claims_left(proposal, conflicts))
    table.remove((claimed(state.claims) | _banned(proposal)) - claimed(claims))
    conflicts += [table.restore(text) for text in sorted(claimed(claims)) if table.is_removed(text) and has(table.rows[text])]
    return Merged(
        MappingProxyType(table.rows),
        changed_rows(state.rows, table.rows),
        _changed_claims(state.claims, claims),
        owner,
        tuple(conflict for conflict in conflicts if conflict is not None),
    )


def changed_rows(before: Rows, after: Rows) -> tuple[VersionRow, ...]:
    """Return the rows that are new or other than before."""
    # Most are the very same: to compare two of a version field by field takes its time, and a project may have hundreds.
    return tuple(row for text, row in after.items() if (old := before.get(text)) is not row and old != row)


def claimed(claims: Claims) -> frozenset[str]:
    """Return the texts of all versions that anybody claims."""
    return frozenset().union(*(versions for entries in claims.values() for versions in entries.values()))


def without_claim(state: State, proposal: Proposal) -> tuple[str, ...]:
    """Return the texts of published versions that would lose their last claim, sorted."""
    lost = claimed(state.claims) - claimed(_claims(state.claims, proposal.claims))
    return tuple(sorted(text for text in lost if text in state.rows and state.rows[text].is_published))


def _owner(state: State, proposal: Proposal, name: str) -> str | None:
    if proposal.owner is None or proposal.owner == state.owner:
        return None
    if state.owner is not None:
        raise OwnerChangedError(name, state.owner, proposal.owner)
    return proposal.owner


def _banned(proposal: Proposal) -> frozenset[str]:
    """Return the texts of the versions that nobody is to claim."""
    for_all = (change for change in proposal.claims if isinstance(change, Unclaim) and change.claimant is None)
    return frozenset().union(*(change.versions for change in for_all))


def _claims(before: Claims, changes: Iterable[ClaimChange]) -> Claims:
    claims = {claimant: dict(entries) for claimant, entries in before.items()}
    for change in changes:
        match change:
            case Claim(claimant=claimant, entry=entry, versions=versions):
                entries = claims.setdefault(claimant, {})
                entries[entry] = entries.get(entry, frozenset()) | versions
            case EndClaims(claimant=claimant, keep=keep):
                claims[claimant] = {entry: versions for entry, versions in claims.get(claimant, {}).items() if entry in keep}
            case EndEntry(claimant=claimant, entry=ended):
                claims[claimant] = {entry: versions for entry, versions in claims.get(claimant, {}).items() if entry != ended}
            case Unclaim(claimant=claimant, versions=released):
                for one in claims if claimant is None else {claimant} & claims.keys():
                    claims[one] = _less(claims[one], released)
    return freeze_claims(claims)


def _less(entries: Mapping[str, frozenset[str]], released: frozenset[str]) -> dict[str, frozenset[str]]:
    """Return a claimant's entries without some versions; one that is left with none ends."""
    kept = {entry: versions - released for entry, versions in entries.items()}
    return {entry: versions for entry, versions in kept.items() if versions}


def _claims_left(proposal: Proposal, conflicts: Iterable[Conflict | None]) -> tuple[ClaimChange, ...]:
    """Return the changes of claims, but none that ends some where a version could not be taken."""
    if all(conflict is None or conflict.reason == "other-commit" for conflict in conflicts):
        return proposal.claims
    return tuple(change for change in proposal.claims if isinstance(change, Claim))


def _changed_claims(before: Claims, after: Claims) -> ClaimChanges:
    changes: dict[str, Mapping[str, frozenset[str] | None]] = {}
    for claimant in {**before, **after}:
        old, new = before.get(claimant, {}), after.get(claimant, {})
        changed: dict[str, frozenset[str] | None] = {entry: new.get(entry) for entry in {**old, **new} if old.get(entry) != new.get(entry)}
        if changed:
            changes[claimant] = changed
    return changes


def _distrust(recorded: VersionRow, offered: VersionRow) -> Conflict | None:
    if not offered.is_published:
        return None
    if recorded.is_published and recorded.commit != offered.commit:
        return Conflict(offered.text, "other-commit", recorded.commit or "", offered.commit or "")
    other_bytes = recorded.sha256 is not None and offered.sha256 is not None and recorded.sha256 != offered.sha256
    # A refused file that the index mended is another matter: nothing was ever made of it.
    if other_bytes and recorded.commit is not None and recorded.filename == offered.filename:
        return Conflict(offered.text, "other-bytes", recorded.sha256 or "", offered.sha256 or "")
    return None


def _joined(recorded: VersionRow, offered: VersionRow) -> VersionRow:
    """Return the offered row with what must not be forgotten of the recorded one."""
    if offered.is_published:
        return _told(offered, recorded) if recorded.commit == offered.commit else offered
    if recorded.commit is None:
        return offered
    # A failure says nothing about the version that was made earlier: what is published stays so.
    if recorded.is_published:
        return recorded
    return evolve(
        recorded,
        status=offered.status,
        error=offered.error,
        attempts=offered.attempts,
        retry_after=offered.retry_after,
        # These tell whether to try again; bytes, date, commit and tags are trust.
        digests=offered.digests or recorded.digests,
        policy=offered.policy or recorded.policy,
    )


def _told(offered: VersionRow, recorded: VersionRow) -> VersionRow:
    """Return the offered row of the same commit with what only the recorded one tells of it."""
    return evolve(
        offered,
        tags=_union(recorded.tags, offered.tags),
        tree=offered.tree or recorded.tree,
        date=recorded.date if offered.date is None else offered.date,
        modules=recorded.modules if offered.modules is None else offered.modules,
    )


class _Table:
    """Rows while they are merged, and which version has which tag."""

    def __init__(self, rows: Rows) -> None:
        self.rows = dict(rows)
        self._tags = {tag.name: row.text for row in rows.values() if row.is_published for tag in row.tags}

    def take(self, offer: Offer) -> Conflict | None:
        """Put in an offered row, unless what is recorded speaks against it."""
        row = offer.row
        recorded = self.rows.get(row.text)
        if recorded is not None:
            conflict = None if offer.replace else _distrust(recorded, row)
            if conflict is not None:
                return conflict
            row = _joined(recorded, row)
        return self._put(row)

    def remove(self, texts: Iterable[str]) -> None:
        """Take the tags from those of these versions that have some."""
        for text in texts:
            if text in self.rows and self.rows[text].is_published:
                self._put(evolve(self.rows[text], status=Status.REMOVED))

    def is_removed(self, text: str) -> bool:
        """Whether the version once had its tags."""
        return text in self.rows and self.rows[text].status is Status.REMOVED

    def restore(self, text: str) -> Conflict | None:
        """Give a removed version its tags back."""
        return self._put(evolve(self.rows[text], status=Status.PUBLISHED))

    def _put(self, row: VersionRow) -> Conflict | None:
        names = [tag.name for tag in row.tags] if row.is_published else []
        taken = next((name for name in names if self._tags.get(name, row.text) != row.text), None)
        if taken is not None:
            return Conflict(row.text, "tag-taken", self._tags[taken], taken)
        for tag in self.rows[row.text].tags if row.text in self.rows else ():
            if self._tags.get(tag.name) == row.text:
                del self._tags[tag.name]
        self._tags.update(dict.fromkeys(names, row.text))
        self.rows[row.text] = row
        return None


def _union(first: tuple[VersionTag, ...], second: tuple[VersionTag, ...]) -> tuple[VersionTag, ...]:
    names = {tag.name for tag in first}
    return first + tuple(tag for tag in second if tag.name not in names)
