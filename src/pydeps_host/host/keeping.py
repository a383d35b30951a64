"""Which versions of a project stay for a reason other than its order, and which go in spite of it."""

from collections.abc import Mapping
from typing import Final

from attrs import evolve
from packaging.utils import NormalizedName

from pydeps_host.config import ON_DEMAND, Filters
from pydeps_host.host.asking import pin_of
from pydeps_host.repository import Batch, Claims, State, Status, VersionRow
from pydeps_host.values import shown

_NAMED: Final = 5


def kept_out(filters: Filters, name: NormalizedName, rows: Mapping[str, VersionRow], claims: Claims) -> tuple[str, ...]:
    """Return the versions that have tags, or are claimed, and that the filters keep out now."""
    own = filters.of(name)
    if own.are_silent:
        return ()
    known = {text for text, row in rows.items() if row.is_published}
    known = known.union(*(texts for entries in claims.values() for texts in entries.values()))
    return tuple(sorted(text for text in known if own.reason(text) is not None))


def without_tags(rows: Mapping[str, VersionRow], texts: tuple[str, ...]) -> Mapping[str, VersionRow]:
    """Return the rows as they are once these versions have lost their tags."""
    return {text: evolve(row, status=Status.REMOVED) if text in texts and row.is_published else row for text, row in rows.items()}


def kept_out_notice(texts: tuple[str, ...]) -> str:
    """Tell what the next sync takes away."""
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return f"the filters keep out {', '.join(map(shown, texts[:_NAMED]))}{more}, and the next sync takes the tags away"


def keep_asked(name: NormalizedName, state: State, batch: Batch, *, asked: frozenset[str]) -> None:
    """Claim for those who asked what was there for another reason, which may end now.

    Args:
        name: The project.
        state: Its repository's.
        batch: What is about to be published.
        asked: The commits of the versions that somebody asked for.
    """
    if not asked:
        return
    claimed = frozenset().union(*state.claims.get(ON_DEMAND, {}).values())
    for row in state.rows.values():
        if row.is_published and row.commit in asked and row.text not in claimed:
            batch.claim(ON_DEMAND, str(pin_of(name, row.text)), {row.text})
