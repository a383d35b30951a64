"""The `packed-refs` file: a repository's references, all of them, in one file.

Its form is git's own, as `git pack-refs` writes it (gitrepository-layout(5)),
byte for byte, so that the digest in the journal is that of the file whoever
packed it last.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import DamagedError, disk_errors

LATEST: Final = "refs/heads/latest"
HISTORY: Final = "refs/heads/history"
TAGS: Final = "refs/tags/"

# The space before the line's end is git's.
_HEADER: Final = b"# pack-refs with: peeled fully-peeled sorted \n"
_LINE: Final = re.compile(rb"([0-9a-f]{40}) (refs/[^\x00-\x20\x7f]+)\n(?:\^([0-9a-f]{40})\n)?")


@frozen
class Ref:
    """What a reference points at.

    Attributes:
        id: The object's id, 20 bytes.
        peeled: The commit's id where the object is an annotated tag; None for a commit.
    """

    id: bytes
    peeled: bytes | None = None

    @property
    def commit(self) -> bytes:
        """The id of the commit that the reference leads to."""
        return self.peeled or self.id


def encode_refs(refs: Mapping[str, Ref]) -> bytes:
    """Return the file that holds these references, given by full name (`refs/tags/v1.0`)."""
    lines = [_HEADER]
    for name, ref in sorted((name.encode(), ref) for name, ref in refs.items()):
        lines.append(b"%s %s\n" % (ref.id.hex().encode(), name))
        if ref.peeled is not None:
            lines.append(b"^%s\n" % ref.peeled.hex().encode())
    return b"".join(lines)


def decode_refs(data: bytes, path: Path) -> dict[str, Ref]:
    """Read a `packed-refs` file; `path` names it in errors. An empty one holds nothing.

    Raises:
        DamagedError: It is not as `encode_refs` and git write it: another header,
            a line that is none, names out of order or twice.
    """
    position = _after_header(data, path)
    refs: dict[str, Ref] = {}
    last = b""
    while position < len(data):
        found = _LINE.match(data, position)
        if found is None or found[2] <= last:
            line = data.count(b"\n", 0, position) + 1
            raise DamagedError(str(path), f"line {line} is no reference, or out of order")
        last = found[2]
        refs[_name(last, path)] = _ref(found)
        position = found.end()
    return refs


def find_ref(data: bytes, name: str, path: Path) -> Ref | None:
    """Find one reference in a `packed-refs` file without reading all of it.

    Raises:
        DamagedError: The file's header or the line that was found is not as it must be.
    """
    _after_header(data, path)
    place = data.find(b" %s\n" % name.encode())
    if place < 0:
        return None
    found = _LINE.match(data, data.rfind(b"\n", 0, place) + 1)
    if found is None:
        raise DamagedError(str(path), f"the line of {name} is no reference")
    return _ref(found)


def loose_refs(repository: Path) -> tuple[str, ...]:
    """Return the names of references that stand in files of their own, sorted.

    This library writes none: somebody else made them, and git prefers them. A link
    that leads nowhere is one too: git takes its target for the name of a reference.
    """
    root = repository / "refs"
    with disk_errors(root, "listing"):
        return tuple(sorted(path.relative_to(repository).as_posix() for path in root.rglob("*") if path.is_symlink() or path.is_file()))


def _after_header(data: bytes, path: Path) -> int:
    if data and not data.startswith(_HEADER):
        raise DamagedError(str(path), "its first line is not the one that git writes")
    return min(len(data), len(_HEADER))


def _name(name: bytes, path: Path) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise DamagedError(str(path), "the name of a reference is not UTF-8") from None


def _ref(found: re.Match[bytes]) -> Ref:
    return Ref(bytes.fromhex(found[1].decode()), bytes.fromhex(found[3].decode()) if found[3] else None)
