"""Where everything is in a repository's folder, and how an empty one is made.

What git needs to take it for a bare repository (gitrepository-layout(5)), what
keeps git from maintaining it, what keeps a package's own files from changing
how git shows them, and one folder of our own.
"""

import json
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import DamagedError, DiskError, FormatError, NotStoredError, disk_errors
from pydeps_host.repository.disk import Disk, look_at, read_bytes
from pydeps_host.values import escape

# The one format number, of repositories and of the store that holds them.
FORMAT: Final = 1
# More than its file ever holds.
_FORMAT_BYTES: Final = 4096
_FORMAT_TEXT: Final = f'{{"format": {FORMAT}}}\n'.encode()

# As git names packs, less a suffix.
PACK_NAME: Final = re.compile("pack-[0-9a-f]{40}")

# Names in a repository, for who puts a text together: that costs a sixth of what a path does, and a sync looks at each of these
# in every repository.
PACKS: Final = "objects/pack"
PACKED_REFS: Final = "packed-refs"
_OURS: Final = "pydeps-host"
JOURNAL: Final = f"{_OURS}/journal.jsonl"
LOCK: Final = f"{_OURS}/lock"
NEW_REFS: Final = f"{_OURS}/packed-refs.new"
WRITING: Final = f"{_OURS}/writing"
_VERSIONS: Final = f"{_OURS}/versions"
_FORMAT_FILE: Final = f"{_OURS}/format.json"

# Without which a folder is no repository, for git or for us.
_NEEDED: Final = (PACKS, "refs", "HEAD", JOURNAL)

_FOLDERS: Final = (PACKS, "objects/info", "refs/heads", "refs/tags", "info", _VERSIONS)

# What a package's .gitattributes could set, taken back for every path: git reads
# info/attributes last, and takes each attribute from the last place that speaks
# of it (gitattributes(5)). `-text` besides stops the line-end settings of
# whoever runs git. `-working-tree-encoding` would be a fatal error of git.
ATTRIBUTES_TEXT: Final = (
    "* -text !eol !crlf !ident !filter !working-tree-encoding\n"
    "* !diff !merge !binary !conflict-marker-size !whitespace !delta !encoding\n"
    "* !export-ignore !export-subst\n"
    "* !linguist-detectable !linguist-documentation !linguist-generated !linguist-language !linguist-vendored\n"
    "* !gitlab-generated !gitlab-language\n"
)
HEAD_TEXT: Final = "ref: refs/heads/latest\n"


# Without slots, for a path is joined once.
@frozen(slots=False)
class Layout:
    """The paths of one repository.

    Attributes:
        root: Its folder, `<name>.git`.
    """

    root: Path

    @cached_property
    def packs(self) -> Path:
        """The folder of packs that readers look into."""
        return self.root / PACKS

    @cached_property
    def packed_refs(self) -> Path:
        """All references."""
        return self.root / PACKED_REFS

    @cached_property
    def ours(self) -> Path:
        """The folder that git knows nothing of."""
        return self.root / _OURS

    @cached_property
    def journal(self) -> Path:
        """One line a change."""
        return self.root / JOURNAL

    @cached_property
    def lock(self) -> Path:
        """Held over publishing. It holds the names of the packs that its holder puts in place."""
        return self.root / LOCK

    @cached_property
    def maintenance(self) -> Path:
        """Held over maintenance, so that nobody does the same work."""
        return self.ours / "maintenance.lock"

    @cached_property
    def versions(self) -> Path:
        """The locks of versions."""
        return self.root / _VERSIONS

    @cached_property
    def writing(self) -> Path:
        """What is not published yet: packs, and for each batch a lock that says that it lives."""
        return self.root / WRITING

    @cached_property
    def new_refs(self) -> Path:
        """The next `packed-refs`, before it is renamed."""
        return self.root / NEW_REFS

    @cached_property
    def format(self) -> Path:
        """The format's number."""
        return self.root / _FORMAT_FILE


@frozen(kw_only=True)
class Card:
    """What the repository tells an indexer of itself.

    Attributes:
        name: What it is called there, such as `python/numpy`.
        description: One line for people.
        web_url: A page of the project, or empty.
    """

    name: str
    description: str = ""
    web_url: str = ""


def create_layout(layout: Layout, card: Card, disk: Disk) -> None:
    """Make an empty repository, all of it on the disk when this returns.

    Raises:
        DiskError: The system refuses, or there is something at the path.
    """
    with disk_errors(layout.root, "creating"):
        layout.root.mkdir()
        for folder in _FOLDERS:
            (layout.root / folder).mkdir(parents=True)
    files = {
        layout.root / "HEAD": HEAD_TEXT,
        layout.root / "config": config_text(card),
        layout.root / "description": f"{escape(card.description or card.name)}\n",
        layout.root / "info" / "attributes": ATTRIBUTES_TEXT,
        layout.journal: "",
        layout.lock: "",
        layout.format: _FORMAT_TEXT.decode(),
    }
    for path, text in files.items():
        disk.write(path, text.encode())
    for folder, _, _ in os.walk(layout.root, topdown=False):
        disk.sync_file(Path(folder))
    disk.sync_file(layout.root.parent)


def check_layout(layout: Layout) -> None:
    """Check that there is a repository of ours, of a format that we read.

    Raises:
        NotStoredError: There is nothing at the path.
        DamagedError: There is something else.
        FormatError: A newer version of this library made it.
        DiskError: The system refuses.
    """
    try:
        _check_files(str(layout.root))
    except (DamagedError, DiskError):
        # Where there is nothing, nothing is damaged.
        if look_at(layout.root) is None:
            raise NotStoredError(layout.root.name.removesuffix(".git"), str(layout.root.parent)) from None
        raise


def _check_files(root: str) -> None:
    _check_format(f"{root}/{_FORMAT_FILE}")
    for name in _NEEDED:
        if look_at(f"{root}/{name}") is None:
            raise DamagedError(f"{root}/{name}", "it is missing")


def _check_format(path: str) -> None:
    data = read_bytes(path, most=_FORMAT_BYTES)
    if data == _FORMAT_TEXT:
        return
    try:
        found = json.loads(data)["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedError(path, "it names no format: this is no repository of pydeps-host") from error
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise DamagedError(path, "it names no format")
    if found > FORMAT:
        raise FormatError(path, found, FORMAT)


def config_text(card: Card) -> str:
    """Return the repository's configuration for git; an empty `mailmap.blob` names no mailmap."""
    sections = {
        "core": {"repositoryformatversion": "0", "filemode": "true", "bare": "true"},
        "gc": {"auto": "0"},
        "maintenance": {"auto": "false"},
        "mailmap": {"blob": '""'},
        "zoekt": {"name": _quoted(card.name)} | ({"web-url": _quoted(card.web_url)} if card.web_url else {}),
    }
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]\n")
        lines += [f"\t{key} = {value}\n" for key, value in values.items()]
    return "".join(lines)


def _quoted(text: str) -> str:
    # After `escape`, nothing is left that the format cannot hold but these two.
    return '"' + escape(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
