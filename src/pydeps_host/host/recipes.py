"""What has to be made again, by all that is left of a damaged repository."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen
from packaging.version import Version

from pydeps_host.dependency import tag_of, version_of_tag
from pydeps_host.host.survivors import Survivors
from pydeps_host.repository import TAGS, Ref, Status, VersionRow, VersionTag
from pydeps_host.repository.salvage import Salvaged
from pydeps_host.values import AUTHOR_EMAIL, AUTHOR_NAME, unescape

_LINE: Final = re.compile(r"^(File|Size|SHA-256|Policy|Skipped): (.*)$", re.MULTILINE)


@frozen(kw_only=True)
class Recipes:
    """The versions to make again, and what else is known.

    Attributes:
        published: What must be there, by the version's text. A row that no line of the
            journal told holds what commit and tags tell.
        others: The rows of versions that have no tags.
        notices: What a person should know.
    """

    published: Mapping[str, VersionRow]
    others: tuple[VersionRow, ...]
    notices: tuple[str, ...] = ()


def recipes(salvaged: Salvaged, survivors: Survivors) -> Recipes:
    """Find out which versions there must be.

    A whole journal tells all of it. Otherwise the references say which versions
    had tags, the journal's readable lines say what was known of those, and the
    commits that can still be read tell the rest.
    """
    rows = salvaged.state.rows
    if salvaged.is_whole:
        return _split(rows, {})
    tags = _tags_by_commit(salvaged, survivors)
    # A commit that was not made here may name no version at all.
    found = {row.text: row for commit, named in tags.items() for row in [_row(commit, named, rows, survivors)] if row.text}
    if salvaged.refs_are_whole:
        # What had no tags any more lost them in a line that is gone.
        standing = {text: _without_tags(row) if row.is_published and text not in found else row for text, row in rows.items()}
    else:
        standing = dict(rows)
        found = {text: row for text, row in found.items() if text not in standing or not standing[text].is_published}
    damaged = sum(one.line is None for one in salvaged.lines)
    lines = f"{damaged} of {len(salvaged.lines)} lines" if damaged else "its end"
    lost = (
        f"the journal could not be read whole ({lines}): claims and refusals that stood there are lost, and come again with the next sync"
    )
    return _split({**standing, **found}, found, lost)


def _split(rows: Mapping[str, VersionRow], found: Mapping[str, VersionRow], *notices: str) -> Recipes:
    undated = sorted(text for text, row in found.items() if row.date is None)
    told = [f"{text}: nothing is left that tells its date or file; its id may change" for text in undated]
    return Recipes(
        published=MappingProxyType({text: row for text, row in rows.items() if row.is_published}),
        others=tuple(row for row in rows.values() if not row.is_published),
        notices=(*notices, *told),
    )


def _without_tags(row: VersionRow) -> VersionRow:
    return evolve(row, status=Status.REMOVED)


def _tags_by_commit(salvaged: Salvaged, survivors: Survivors) -> dict[str, list[VersionTag]]:
    """Return the tags of each commit; of references that may be damaged, those whose tag objects agree."""
    found: dict[str, list[VersionTag]] = {}
    for name, ref in salvaged.refs.items():
        tag = name.removeprefix(TAGS)
        if name.startswith(TAGS) and (salvaged.refs_are_whole or _agrees(tag, ref, survivors)):
            found.setdefault(ref.commit.hex(), []).append(VersionTag(tag, ref.id.hex()))
    return found


def _agrees(name: str, ref: Ref, survivors: Survivors) -> bool:
    tag = survivors.tag(ref.id.hex())
    if tag is None or tag.name != name or tag.object != ref.peeled:
        return False
    # A tag that somebody else made is no version, whatever its name.
    return (tag.tagger.name, tag.tagger.email) == (AUTHOR_NAME, AUTHOR_EMAIL)


def _row(commit: str, tags: list[VersionTag], rows: Mapping[str, VersionRow], survivors: Survivors) -> VersionRow:
    """Return what is known of a commit: by the journal, else by itself, else by its tags alone."""
    recorded = next((row for row in rows.values() if row.commit == commit), None)
    names = {tag.name for tag in tags}
    if recorded is not None:
        own = tuple(tag for tag in recorded.tags if tag.name in names)
        known = {tag.name for tag in own}
        return evolve(recorded, status=Status.PUBLISHED, tags=own + tuple(tag for tag in tags if tag.name not in known), error=None)
    return _row_of_commit(commit, tags, survivors)


def _row_of_commit(commit: str, tags: list[VersionTag], survivors: Survivors) -> VersionRow:
    found = survivors.commit(commit)
    if found is None:
        return _row_of_tags(commit, tags)
    message = found.message.decode("utf-8", "replace")
    text = unescape(message.partition("\n")[0].partition(" ")[2])
    said = dict(_LINE.findall(message))
    skipped = [words.rpartition(" ") for key, words in _LINE.findall(message) if key == "Skipped"]
    return VersionRow(
        text,
        Status.PUBLISHED,
        filename=unescape(said.get("File", "")),
        size=int(said["Size"]) if said.get("Size", "").isdecimal() else None,
        sha256=said.get("SHA-256"),
        date=found.committer.seconds,
        policy=said.get("Policy", ""),
        commit=commit,
        tags=_ordered(text, tags),
        skipped=tuple((reason, int(count)) for reason, _, count in skipped if count.isdecimal()),
    )


def _row_of_tags(commit: str, tags: list[VersionTag]) -> VersionRow:
    texts = sorted(map(_version_of, (tag.name for tag in tags)), key=lambda text: (not _is_normal(text), text))
    return VersionRow(texts[0], Status.PUBLISHED, commit=commit, tags=_ordered(texts[0], tags))


def _ordered(text: str, tags: list[VersionTag]) -> tuple[VersionTag, ...]:
    """Return the version's own tag first."""
    return tuple(sorted(tags, key=lambda tag: (tag.name != tag_of(text), tag.name)))


def _version_of(tag: str) -> str:
    try:
        return version_of_tag(tag)
    except ValueError:
        return tag.removeprefix("v")


def _is_normal(text: str) -> bool:
    try:
        return str(Version(text)) == text
    except ValueError:
        return False
