"""The branch `history`: a project's releases as one line, so that git follows a file from one to the next.

A release is a commit without parents, whose id depends on nothing but that
release. So the branch has commits of its own, one a release in the order of
PEP 440: with the tree and the date of the release's commit, and the release
before it for a parent. They are a function of the rows alone. An older release
that comes in, or goes, makes everything after it anew.

The exact bytes are fixed here and described in the documentation of the format;
a test holds golden ids.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen

from pydeps_host.errors import DamagedError
from pydeps_host.git import (
    Commit,
    FinishedPack,
    ObjectId,
    PackReader,
    PackWriter,
    decode_commit,
    object_id,
    parse_id,
)
from pydeps_host.git.pack_entries import kinds_of
from pydeps_host.repository.order import oldest_first
from pydeps_host.repository.rows import VersionRow
from pydeps_host.values import AUTHOR_EMAIL, AUTHOR_NAME, escape

_HOW: Final = """\
The files of this release, on top of those of the release before it in the
order of PEP 440. The release's own commit, which has no parent, is named below.
"""
_MESSAGE: Final = re.compile(rf"[^\n]* [^\n]*\n\n{re.escape(_HOW)}\nTag: [^\n]+\nRelease: [0-9a-f]{{40}}\n".encode())


@frozen
class HistoryCommit:
    """One commit of the branch.

    Attributes:
        text: The version.
        id: The commit's id.
        data: The commit's bytes.
    """

    text: str
    id: ObjectId
    data: bytes


def history_of(name: str | None, rows: Mapping[str, VersionRow]) -> tuple[HistoryCommit, ...]:
    """Return the commits of the branch, the oldest release first.

    Args:
        name: The project's name.
        rows: All rows; what is published counts, and what PEP 440 knows.

    Returns:
        None where nothing counts, or where the name or something of a release is
        not known: as in a journal that was written before there was a history.
    """
    releases = [rows[text] for text in oldest_first(text for text, row in rows.items() if row.is_published)]
    if name is None or not all(map(_is_told, releases)):
        return ()
    line: list[HistoryCommit] = []
    for row in releases:
        data = _encode(name, row, line[-1].id if line else None)
        line.append(HistoryCommit(row.text, object_id("commit", data), data))
    return tuple(line)


def with_trees(rows: Mapping[str, VersionRow], packs: Iterable[Path]) -> Mapping[str, VersionRow]:
    """Return the rows with the trees and dates that only the commits themselves tell.

    Args:
        rows: All rows.
        packs: Where the commits are. No pack is opened where all rows tell theirs.

    Raises:
        DamagedError, DiskError: A commit cannot be read.
    """
    untold = [row for row in rows.values() if row.is_published and not _is_told(row)]
    if not untold:
        return rows
    with ExitStack() as opened:
        readers = [opened.enter_context(PackReader(path)) for path in packs]
        return MappingProxyType({**rows, **{row.text: _told(row, readers) for row in untold}})


def write_history(line: Iterable[HistoryCommit], path: Path, *, durable: bool) -> FinishedPack | None:
    """Write a pack of commits of the branch; None where there are none.

    Raises:
        DiskError: The disk refuses.
    """
    with PackWriter(path) as writer:
        for commit in line:
            writer.add("commit", commit.data)
        return writer.finish(sync=durable)


def superseded_history(packs: Iterable[PackReader], history: Iterable[HistoryCommit]) -> Mapping[ObjectId, Commit]:
    """Return the commits in some packs that once were of the branch, and are not any more.

    Raises:
        DamagedError, DiskError: A pack cannot be read.
    """
    current = {commit.id for commit in history}
    found = {}
    for pack in packs:
        for id_, kind in kinds_of(pack):
            commit = _history_commit(pack, id_) if kind == "commit" and id_ not in current else None
            if commit is not None:
                found[id_] = commit
    return found


def _history_commit(pack: PackReader, id_: ObjectId) -> Commit | None:
    """Return a commit if it is of the branch, as it is or as it once was."""
    found = pack.read(id_)
    try:
        commit = decode_commit(found[1] if found is not None else b"")
    except ValueError:
        return None
    return commit if commit.author.email == AUTHOR_EMAIL and _MESSAGE.fullmatch(commit.message) else None


def _encode(name: str, row: VersionRow, parent: ObjectId | None) -> bytes:
    # Not by way of `encode_commit`, which a test holds it against: of two thousand releases each change makes two thousand.
    who = f"{AUTHOR_NAME} <{AUTHOR_EMAIL}> {row.date} +0000"
    above = f"parent {parent.hex()}\n" if parent is not None else ""
    message = f"{name} {escape(row.text)}\n\n{_HOW}\nTag: {row.tags[0].name}\nRelease: {row.commit}\n"
    return f"tree {row.tree}\n{above}author {who}\ncommitter {who}\n\n{message}".encode()


def _is_told(row: VersionRow) -> bool:
    return row.tree is not None and row.date is not None


def _told(row: VersionRow, packs: Iterable[PackReader]) -> VersionRow:
    id_ = parse_id(row.commit or "")
    found = next((found for pack in packs if (found := pack.read(id_)) is not None), None)
    try:
        commit = decode_commit(found[1] if found is not None else b"")
    except ValueError:
        raise DamagedError(f"commit {row.commit}", f"it cannot be read as the commit of {row.text!r}") from None
    return evolve(row, tree=commit.tree.hex(), date=row.date if row.date is not None else commit.committer.seconds)
