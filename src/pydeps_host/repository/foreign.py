"""Files of a repository that are not as they were written, and files that something else put there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydeps_host.errors import DiskError, disk_errors
from pydeps_host.repository.damage import REMOVE, Damage
from pydeps_host.repository.disk import is_folder, read_bytes
from pydeps_host.repository.layout import ATTRIBUTES_TEXT, FORMAT, HEAD_TEXT, PACK_NAME, Card, Layout, config_text
from pydeps_host.repository.references import loose_refs
from pydeps_host.repository.superseding import PackAccount
from pydeps_host.values import shown

_QUOTED: Final = r'"(?:[^"\\\n]|\\["\\])*"'
_NEEDED_FOLDERS: Final = ("objects/pack", "refs", "pydeps-host/versions")
_IN_ROOT: Final = frozenset({"HEAD", "config", "description", "info", "objects", "packed-refs", "pydeps-host", "refs"})
# What each of these does to git is told, because it is not plain from the name.
_MEANINGS: Final = {
    "alternates": "git looks for objects in other repositories",
    "http-alternates": "git looks for objects in other repositories",
    "grafts": "git takes other parents for those of a commit",
    "shallow": "git takes commits for roots that are none",
    "commondir": "git looks for everything in another folder",
    "config.worktree": "git reads it as configuration",
    "multi-pack-index": "git asks it instead of the packs' own indexes",
}


def wrong_files(layout: Layout) -> Iterator[Damage]:
    """Check the files and folders that make it a repository, and that keep git in its place."""
    for folder in _NEEDED_FOLDERS:
        try:
            if not is_folder(layout.root / folder):
                yield Damage("file", folder, "the folder is missing")
        except DiskError as problem:
            yield _refused(folder, problem)
    wanted = {
        "HEAD": re.compile(re.escape(HEAD_TEXT)),
        "info/attributes": re.compile(re.escape(ATTRIBUTES_TEXT)),
        "config": _config(),
        "pydeps-host/format.json": re.compile(re.escape(json.dumps({"format": FORMAT}) + "\n")),
    }
    for name, pattern in wanted.items():
        yield from _wrong_file(layout.root / name, name, pattern)
    yield from _missing_journal(layout.journal)


def foreign_files(layout: Layout, packs: PackAccount | None) -> Iterator[Damage]:
    """Find what something else put there.

    Args:
        layout: Where the repository is.
        packs: What the journal says of packs, or None where the journal does not tell: then no pack is foreign.
    """
    try:
        for name in loose_refs(layout.root):
            what = "a reference in a file of its own, which git prefers to ours"
            yield Damage("foreign", shown(name), what, reference=shown(name), remedy=REMOVE)
        yield from _unknown(layout.root, _IN_ROOT, "")
        yield from _unknown(layout.root / "info", {"attributes"}, "info/")
        yield from _unknown(layout.root / "objects", {"info", "pack"}, "objects/")
        yield from _unknown(layout.root / "objects" / "info", frozenset(), "objects/info/")
        yield from _foreign_packs(layout, packs)
    except DiskError as problem:
        path = Path(problem.path)
        where = path.relative_to(layout.root).as_posix() if path.is_relative_to(layout.root) else problem.path
        yield _refused(where, problem)


def pack_files(folder: Path) -> frozenset[tuple[str, str]]:
    """Return what is in a folder of packs, as (name, suffix).

    Raises:
        DiskError: The folder cannot be listed.
    """
    with disk_errors(folder, "listing"):
        return frozenset((path.stem, path.suffix) for path in folder.iterdir())


def _config() -> re.Pattern[str]:
    """Return what the configuration must be, whatever the name and the page of the project."""
    whole = re.escape(config_text(Card(name="@", web_url="@")))
    name, _, url = whole.partition(re.escape("\tweb-url"))
    quoted = re.escape('"@"')
    return re.compile(f"{name.replace(quoted, _QUOTED)}(?:{re.escape(chr(9) + 'web-url')}{url.replace(quoted, _QUOTED)})?")


def _missing_journal(journal: Path) -> Iterator[Damage]:
    where = "pydeps-host/journal.jsonl"
    try:
        with disk_errors(journal, "looking at"):
            if not journal.exists():
                yield Damage("journal", where, "it is missing")
    except DiskError as problem:
        yield _refused(where, problem)


def _refused(where: str, problem: DiskError) -> Damage:
    return Damage("file", shown(where), f"{problem.doing} it: {shown(problem.reason)}")


def _wrong_file(path: Path, name: str, pattern: re.Pattern[str]) -> Iterator[Damage]:
    try:
        data = read_bytes(path)
        with disk_errors(path, "looking at"):
            is_there = path.exists()
    except DiskError as problem:
        yield _refused(name, problem)
        return
    if not is_there:
        yield Damage("file", name, "it is missing")
    elif not pattern.fullmatch(data.decode("utf-8", "replace")):
        yield Damage("file", name, "it is not as it was written")


def _unknown(folder: Path, known: frozenset[str] | set[str], prefix: str) -> Iterator[Damage]:
    if not is_folder(folder):
        return
    with disk_errors(folder, "listing"):
        names = sorted(path.name for path in folder.iterdir() if path.name not in known)
    for name in names:
        yield Damage("foreign", shown(prefix + name), _meaning(prefix, name), remedy=REMOVE)


def _meaning(prefix: str, name: str) -> str:
    if prefix == "objects/" and re.fullmatch("[0-9a-f]{2}", name):
        return "loose objects: this library writes none"
    return _MEANINGS.get(name, "this library did not put it there")


def _foreign_packs(layout: Layout, packs: PackAccount | None) -> Iterator[Damage]:
    known: set[str] = set() if packs is None else {*packs.live, *packs.superseded, *_announced(layout.lock)}
    for stem, suffix in sorted(pack_files(layout.packs)):
        where = shown(f"objects/pack/{stem}{suffix}")
        if suffix not in {".pack", ".idx"} or not PACK_NAME.fullmatch(stem):
            yield Damage("foreign", where, _meaning("", stem + suffix), remedy=REMOVE)
        elif packs is not None and stem not in known:
            yield Damage("foreign", where, "the journal names no such pack", remedy=REMOVE)


def _announced(lock: Path) -> list[str]:
    """Return the packs that somebody is putting in place, or was when it died: the next one who publishes removes those."""
    return read_bytes(lock).decode("ascii", "replace").split("\n")
