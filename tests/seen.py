"""What a reader saw in an archive, and what the readers of tests/readers.py share."""

import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from attrs import frozen


class Node(NamedTuple):
    """One file or symlink.

    Attributes:
        kind: `file` or `symlink`; `other` for what an oracle made and no tree of ours has.
        executable: Whether the owner may execute it; false for a symlink.
        sha256: Hexadecimal, of the content or of the link's text.
    """

    kind: str
    executable: bool
    sha256: str


# By path, `/` between its components; without folders.
Seen = dict[bytes, Node]


@frozen
class Ours:
    """What our reader makes of an archive, nothing stripped.

    Attributes:
        seen: What is in the tree.
        skipped: Names as the archive has them, of what was left out by the reader or by the tree's rules.
    """

    seen: Seen
    skipped: frozenset[bytes]


class Disagreement(Exception):  # noqa: N818 - a verdict, and no fault of the program.
    """A reader fails on an archive that we accept, or reads something else in it.

    Attributes:
        reader: Which one.
        text: How.
    """

    def __init__(self, reader: str, text: str) -> None:
        super().__init__(f"{reader}: {text}")
        self.reader = reader
        self.text = text


def zipped(path: Path) -> bool:
    """Tell whether a file is a zip file, by its name."""
    return path.name.lower().endswith((".zip", ".whl"))


def names(path: Path) -> list[bytes]:
    """Every entry's name as it stands in the archive, as CPython reads it; none where it cannot."""
    try:
        if zipped(path):
            with zipfile.ZipFile(path) as archive:
                return [raw_name(info) for info in archive.infolist()]
        with tarfile.open(path, "r:*", encoding="utf-8", errors="surrogateescape") as opened:
            return [as_bytes(info.name) for info in opened]
    except Exception:  # noqa: BLE001 - `cpython` says so, as a verdict.
        return []


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & 1 << 11 else "cp437")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plain(raw: bytes) -> bytes:
    return b"/".join(part for part in raw.split(b"/") if part not in {b"", b"."})
