"""Packs whose objects are all in another pack: kept for a while, for those who still read them."""

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from pydeps_host.errors import UsageError, disk_errors
from pydeps_host.repository.layout import PACK_NAME
from pydeps_host.repository.row_codec import decode_time

KEEP_SUPERSEDED: Final = timedelta(hours=1)
# Far more than any reader needs, and far from the last year that a time can be of.
LONGEST_KEPT: Final = timedelta(days=3660)


@frozen
class Supersession:
    """What a line of the journal says of packs that its own packs take the place of.

    Attributes:
        packs: Their names without a suffix.
        until: When they may be removed, as ISO 8601 text in UTC.
        deltas: Whether git wrote the new pack, with deltas.
    """

    packs: tuple[str, ...]
    until: str
    deltas: bool = False


@frozen
class Kept:
    """One superseded pack.

    Attributes:
        since: When it was superseded.
        until: When it may be removed.
    """

    since: datetime
    until: datetime


@frozen
class PackAccount:
    """What became of all packs that a journal names.

    Attributes:
        live: Those that hold the objects.
        superseded: Those of which everything is in live ones; most of them are removed already.
        deltas: The live ones that git wrote, with deltas.
    """

    live: frozenset[str] = frozenset()
    superseded: Mapping[str, Kept] = MappingProxyType({})
    deltas: frozenset[str] = frozenset()


def check_keep(keep: timedelta) -> None:
    """Check how long superseded packs are to stay.

    Raises:
        UsageError: It is less than nothing, or longer than ten years.
    """
    if not timedelta() <= keep <= LONGEST_KEPT:
        raise UsageError("superseded packs cannot be kept for so long", f"give 0 to {LONGEST_KEPT.days} days")


def account(before: PackAccount, changes: Iterable[tuple[str, tuple[str, ...], Supersession | None]]) -> PackAccount:
    """Return the account after some changes.

    Args:
        before: The account before them.
        changes: Of each line: when it was written, the packs that it added, and what these superseded.
    """
    live, superseded, deltas = set(before.live), dict(before.superseded), set(before.deltas)
    for at, added, supersession in changes:
        live.update(added)
        for name in added:
            # One that was superseded earlier and came out again, byte for byte.
            superseded.pop(name, None)
        if supersession is not None:
            kept = Kept(datetime.fromisoformat(at), datetime.fromisoformat(supersession.until))
            superseded.update(dict.fromkeys(supersession.packs, kept))
            live.difference_update(supersession.packs)
            deltas.update(added if supersession.deltas else ())
    return PackAccount(frozenset(live), MappingProxyType(superseded), frozenset(deltas & live))


def encode_supersession(supersession: Supersession) -> dict[str, Any]:
    """Return its JSON value."""
    value: dict[str, Any] = {"packs": supersession.packs, "keepUntil": supersession.until}
    return value | ({"deltas": True} if supersession.deltas else {})


def decode_supersession(value: dict[str, Any]) -> Supersession:
    """Read a JSON value.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is none.
    """
    names = tuple(value["packs"])
    if not all(map(PACK_NAME.fullmatch, names)):
        raise ValueError("a pack is named by its checksum")
    decode_time(value["keepUntil"])
    return Supersession(names, value["keepUntil"], value.get("deltas", False) is True)


def superseded_files(packs: PackAccount, folder: Path | str, *, is_over: Callable[[Kept], bool]) -> tuple[str, ...]:
    """Return the names of the superseded packs that are still there and whose time is over, in order.

    Raises:
        DiskError: The folder of packs cannot be read.
    """
    over = {name for name, kept in packs.superseded.items() if is_over(kept)}
    if not over:
        return ()
    with disk_errors(folder, "listing"):
        # The journal names every pack that there ever was: few of them are still there.
        return tuple(sorted(over & {name.partition(".")[0] for name in os.listdir(folder)}))  # noqa: PTH208 - names are wanted, not paths
