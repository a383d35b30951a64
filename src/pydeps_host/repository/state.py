"""What the journal says once its lines are read: a repository's state."""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from pydeps_host.repository.history import HistoryCommit
from pydeps_host.repository.order import latest_version
from pydeps_host.repository.references import HISTORY, LATEST, TAGS, Ref
from pydeps_host.repository.rows import VersionRow
from pydeps_host.repository.superseding import PackAccount

Rows = Mapping[str, VersionRow]
# Claimant to entry to the texts of the versions that the entry chose.
Claims = Mapping[str, Mapping[str, frozenset[str]]]


def refs_digest(packed_refs: bytes) -> str:
    """Return how the journal names a `packed-refs` file: by its digest; no file is an empty one."""
    return f"sha256:{hashlib.sha256(packed_refs).hexdigest()}"


@frozen
class State:
    """All that is known of a repository at one generation.

    Attributes:
        generation: Counted from 1; 0 is an empty repository.
        refs: The digest of the `packed-refs` file that belongs to it.
        owner: The name of the index that owns the project, or None.
        rows: Every version that was ever spoken of, by its text.
        claims: Who wants which versions, and for the sake of which entry.
        account: The packs that the journal names.
        end: Where the journal's line of this state ends, in bytes.
        lines: How many lines of the journal lead to it.
        name: The project's name as the branch `history` tells it, or None while nothing was published.
    """

    generation: int = 0
    refs: str = field(factory=lambda: refs_digest(b""))
    owner: str | None = None
    rows: Rows = MappingProxyType({})
    claims: Claims = MappingProxyType({})
    account: PackAccount = field(factory=PackAccount)
    end: int = 0
    lines: int = 0
    name: str | None = None

    @property
    def packs(self) -> frozenset[str]:
        """The names of the packs that hold the objects, without a suffix; none that is superseded."""
        return self.account.live


EMPTY: Final = State()


def references_of(rows: Rows, history: Sequence[HistoryCommit] = ()) -> dict[str, Ref]:
    """Return the references that these rows lead to: the tags of what is published, `latest`, and the end of their history."""
    published = [row for row in rows.values() if row.is_published]
    refs = {}
    for row in published:
        commit = _commit(row)
        for tag in row.tags:
            refs[f"{TAGS}{tag.name}"] = Ref(bytes.fromhex(tag.id), commit)
    latest = latest_version(published)
    if latest is not None:
        refs[LATEST] = Ref(_commit(rows[latest]))
    if history:
        refs[HISTORY] = Ref(history[-1].id)
    return refs


def _commit(row: VersionRow) -> bytes:
    return bytes.fromhex(row.commit or "")
