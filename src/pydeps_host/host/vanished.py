"""What an index had and has no more, or has otherwise: reported, and never a reason to change what is there."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from attrs import evolve, frozen

from pydeps_host.host.order import Entry, Selection, Wanted
from pydeps_host.host.telling import bytes_notice, has_other_bytes
from pydeps_host.repository import Claims, VersionRow
from pydeps_host.resolver import Found
from pydeps_host.simple_api import File, version_of
from pydeps_host.values import shown

_NAMED: Final = 5


@frozen
class Standing:
    """What is published of a project, against what its page lists now.

    Attributes:
        changed: Rows whose file the page lists with other bytes.
        gone: Rows whose file it lists no more, by the version's text.
    """

    changed: tuple[VersionRow, ...]
    gone: Mapping[str, VersionRow]

    @classmethod
    def of(cls, found: Found, rows: Mapping[str, VersionRow]) -> "Standing":
        """Compare, of what came from the index that answers now."""
        ours = [row for row in rows.values() if row.is_published and row.index == found.index.name]
        taken = {row.filename for row in ours}
        listed: dict[str | None, list[File]] = defaultdict(list)
        for file in found.project.files:
            if file.filename in taken:
                listed[file.filename].append(file)
        return cls(
            tuple(row for row in ours if any(has_other_bytes(file, row) for file in listed[row.filename])),
            {row.text: row for row in ours if not listed[row.filename]},
        )


def page_notices(found: Found, standing: Standing) -> tuple[str, ...]:
    """Tell which files that were taken are not listed any more, and which are listed with other bytes."""
    told = [bytes_notice(row) for row in standing.changed]
    if standing.gone:
        names = [shown(row.filename or "") for row in standing.gone.values()]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        told.append(f"{shown(found.index.name)} no longer lists {', '.join(names[:_NAMED])}{more}, taken before; the tags stay")
    return tuple(told)


def not_going_back(selection: Selection, standing: Standing, claims: Claims, *, most: int) -> tuple[Selection, tuple[str, ...]]:
    """Leave out what an entry would take for the only reason that a newer release that it took before is gone.

    A mirror that fell behind, or an index that was set back, shows an older state;
    to follow it would bring releases that nobody would have chosen then or now.
    A bare name takes nothing older than it took. Of a range, what is gone counts
    among the `most` releases that it brings.
    """
    if not standing.gone:
        return selection, ()
    kept, notices = [], []
    past_the_most = _past_the_most(selection, standing, claims, most)
    for wanted in selection.wanted:
        newer = {
            entry: _newer_gone(entry, wanted, standing, claims) or past_the_most.get((entry, wanted.release.text))
            for entry in wanted.entries
        }
        entries = tuple(entry for entry in wanted.entries if newer[entry] is None)
        if entries:
            kept.append(wanted if len(entries) == len(wanted.entries) else evolve(wanted, entries=entries))
        notices += [
            f"{entry.text} keeps {shown(text)}, which the index no longer lists; {shown(wanted.release.text)} is older and not taken"
            for entry, text in newer.items()
            if text is not None
        ]
    return evolve(selection, wanted=tuple(kept)), tuple(notices)


def _newer_gone(entry: Entry, wanted: Wanted, standing: Standing, claims: Claims) -> str | None:
    """Return the release that a bare name took before, that is newer than the one that it would take now, and gone."""
    version = wanted.release.version
    if entry.dependency.specifier or version is None:
        return None
    before = claims.get(entry.claimant, {}).get(entry.text, frozenset())
    newer = [text for text in sorted(before) if text in standing.gone and (was := version_of(text)) is not None and was > version]
    return newer[0] if newer else None


def _past_the_most(selection: Selection, standing: Standing, claims: Claims, most: int) -> Mapping[tuple[Entry, str], str]:
    """Return what ranges took of late only because newer ones are gone: by entry and release, the newest that is gone."""
    found = {}
    for entry, _ in selection.located:
        before = claims.get(entry.claimant, {}).get(entry.text, frozenset())
        gone = {version: text for text in before if text in standing.gone and (version := version_of(text)) is not None}
        if not gone or not entry.dependency.specifier or entry.dependency.is_pin:
            continue
        chosen = {one.release.version: one.release.text for one in selection.wanted if entry in one.entries and one.release.version}
        for version in sorted({*gone, *chosen}, reverse=True)[most:]:
            if version in chosen and chosen[version] not in before:
                found[entry, chosen[version]] = gone[max(gone)]
    return found
