"""Claims that are ended by name."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from attrs import frozen
from packaging.version import Version

from pydeps_host.config import COMMAND, LOCK_FILE, ON_DEMAND
from pydeps_host.dependency import Dependency
from pydeps_host.errors import UsageError
from pydeps_host.repository import Batch, Change, Claims, Repository
from pydeps_host.repository.state import Rows
from pydeps_host.values import shown

# Those whose claims no sync ends: who asked on the command line, with lock files too, or on demand.
BY_HAND: Final = (COMMAND, ON_DEMAND, f"{LOCK_FILE}{COMMAND}:*")


@frozen(kw_only=True)
class Released:
    """What a release did.

    Attributes:
        name: The project.
        claims: The claims that ended, or that hold fewer versions now, as (claimant, entry).
        removed: The versions that lost their tags, because nobody else claims them.
        change: What changed.
    """

    name: str
    claims: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    change: Change | None


def fill_release(
    batch: Batch, claims: Claims, dependency: Dependency, claimants: tuple[str, ...]
) -> Mapping[tuple[str, str], frozenset[str]]:
    """Put into a batch that some claims end; return the versions that each of them, as (claimant, entry), gives up.

    A name alone ends all claims on the project; a pin those on that version; anything else the
    claim of that text.

    Args:
        batch: A batch of the project's repository.
        claims: The repository's claims.
        dependency: What is given up.
        claimants: Who gives it up; `*` in one stands for anything.

    Raises:
        UsageError: None of them claims it.
    """
    ended: dict[tuple[str, str], frozenset[str]] = {}
    for claimant, entries in claims.items():
        for entry, texts in entries.items() if _is_meant(claimant, claimants) else ():
            given_up = _given_up(entry, texts, dependency)
            if given_up:
                batch.unclaim(given_up, claimant=claimant) if dependency.is_pin else batch.end_entry(claimant, entry)
                ended[claimant, entry] = given_up
    if not ended:
        raise UsageError(f"{dependency} is not claimed by {_listed(claimants)}", _who_claims(claims))
    return MappingProxyType(ended)


def with_asked(claims: Claims, name: str, rows: Rows, asked: frozenset[str]) -> Claims:
    """Return the claims, with those of whoever asked on demand for what is there for another reason.

    Args:
        claims: The repository's claims.
        name: The project.
        rows: The repository's rows.
        asked: The commits of the versions that somebody asked for.
    """
    own = claims.get(ON_DEMAND, {})
    claimed = frozenset().union(*own.values())
    more = {row.text for row in rows.values() if row.commit in asked and row.text not in claimed}
    return {**claims, ON_DEMAND: {**own, **{f"{name}=={text}": frozenset({text}) for text in more}}}


def removed_versions(before: frozenset[str], repository: Repository) -> tuple[str, ...]:
    """Return which of these versions have no tags any more, sorted."""
    return tuple(sorted(before.difference(repository.versions())))


def _is_meant(claimant: str, named: tuple[str, ...]) -> bool:
    return claimant in named or any(fnmatchcase(claimant, pattern) for pattern in named)


def _given_up(entry: str, texts: frozenset[str], dependency: Dependency) -> frozenset[str]:
    if dependency.is_pin:
        return frozenset(text for text in texts if _is(text, dependency))
    return texts if not dependency.specifier or entry == str(dependency) else frozenset()


def _is(text: str, pin: Dependency) -> bool:
    wanted = pin.pinned_text or ""
    if text == wanted or pin.is_arbitrary:
        return text == wanted
    try:
        return Version(text) == Version(wanted)
    except ValueError:
        return False


def _who_claims(claims: Mapping[str, Mapping[str, object]]) -> str:
    told = [f"{shown(claimant)} ({', '.join(map(shown, sorted(entries)))})" for claimant, entries in sorted(claims.items()) if entries]
    return f"who claims the project: {'; '.join(told)}" if told else "nobody claims the project: `prune` removes it"


def _listed(names: Iterable[str]) -> str:
    return " or ".join(map(shown, names))
