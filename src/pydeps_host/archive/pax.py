"""PAX extended headers (POSIX.1-2001, pax, "pax Extended Header")."""

import re
from typing import NamedTuple

from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.archive.tarheader import BLOCK, IDS

# What nearly every extended header is, because CPython's tarfile writes one for a time with a fraction.
_ONE_TIME = re.compile(rb"([1-9][0-9]) mtime=([0-9]{1,18})(?:\.[0-9]*)?\n")
_LENGTH = re.compile(rb"([1-9][0-9]{0,8}) ")
_SECONDS = re.compile(rb"-?[0-9]{1,18}(?:\.[0-9]*)?")
_ID = re.compile(rb"[0-9]{1,10}")
# GNU tar fails where one of these is no number, or none that there is room for.
_NUMBERS = {b"mtime": _SECONDS, b"atime": _SECONDS, b"ctime": _SECONDS, b"uid": _ID, b"gid": _ID}
# As many as a block can be filled up with.
_ZEROS = bytes(BLOCK)
_UTF8 = b"ISO-IR 10646 2000 UTF-8"
# As star and Solaris tell of a sparse file.
_SPARSE = frozenset({b"SCHILY.realsize", b"SUN.holesdata"})

# What says which entry it is and how long: no global header may say that, because
# readers differ in whether it holds for entries that have a header of their own.
_OF_ONE_ENTRY = frozenset({b"path", b"linkpath", b"size"})


class Pax(NamedTuple):
    """What an extended header says of the one entry that follows it; a tuple, because one is made for every header.

    Attributes:
        path: The entry's name, or None.
        linkpath: The link's target, or None.
        size: The payload's size in bytes, or None.
        mtime: Whole seconds since 1970, or None.
    """

    path: bytes | None = None
    linkpath: bytes | None = None
    size: int | None = None
    mtime: int | None = None


def time_alone(block: bytes, size: int) -> int | None:
    """Return the whole seconds since 1970 that an `x` header gives its entry, where it says nothing else; None for any other.

    Args:
        block: The records, filled up with zeros.
        size: How many bytes the records have.
    """
    found = _ONE_TIME.fullmatch(block, 0, size)
    if found is None or not is_padded(block, size):
        return None
    length, seconds = found.groups()
    return int(seconds) if int(length) == size else None


def is_padded(blocks: bytes, size: int) -> bool:
    """Tell whether nothing but zeros follows the first `size` bytes of some blocks."""
    return blocks.endswith(_ZEROS[: len(blocks) - size])


def parse_entry_header(data: bytes) -> Pax:
    """Read the records of an `x` header.

    Raises:
        Refused: The records are not well-formed, not unique, not in UTF-8, or of a sparse file.
    """
    records = _records(data)
    path, target, size = records.get(b"path"), records.get(b"linkpath"), records.get(b"size")
    return Pax(
        None if path is None else _text(path),
        None if target is None else _text(target),
        None if size is None else _size(size),
        _seconds(records.get(b"mtime")),
    )


def parse_global_header(data: bytes) -> int | None:
    """Read the records of a `g` header, and return the time that it gives to what follows, or None.

    Raises:
        Refused: As `parse_entry_header`, and for a path, a link's target or a size.
    """
    records = _records(data)
    for key in records.keys() & _OF_ONE_ENTRY:
        raise Refused(Refusal.PAX_GLOBAL, f"a global header gives every entry the same {key.decode()}")
    return _seconds(records.get(b"mtime"))


def _records(data: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        key, value, position = _record(data, position)
        if key in records:
            raise Refused(Refusal.PAX_DUPLICATE, "a header has two records of one key")
        records[key] = value
    for key in records.keys() & _NUMBERS.keys():
        value = records[key]
        if _NUMBERS[key].fullmatch(value) is None or (_NUMBERS[key] is _ID and int(value) not in IDS):
            raise Refused(Refusal.PAX_RECORD, f"no {key.decode()} that a Unix system has")
    if b"hdrcharset" in records and records[b"hdrcharset"] != _UTF8:
        raise Refused(Refusal.PAX_CHARSET, "the records are said not to be in UTF-8")
    return records


def _record(data: bytes, position: int) -> tuple[bytes, bytes, int]:
    found = _LENGTH.match(data, position)
    if found is None:
        raise Refused(Refusal.PAX_RECORD, "a record does not begin with its length")
    end = position + int(found[1])
    key, equals, value = data[found.end() : end - 1].partition(b"=")
    if end > len(data) or data[end - 1 : end] != b"\n" or not equals or not key:
        raise Refused(Refusal.PAX_RECORD, "a record is not `length key=value` and a line break")
    if key[0] in b" \t":
        raise Refused(Refusal.PAX_RECORD, "a key with a blank in front, which some readers take off")
    if b"\0" in key or (b"\0" in value and not key.startswith((b"SCHILY.xattr.", b"LIBARCHIVE.xattr."))):
        raise Refused(Refusal.PAX_RECORD, "a record has a NUL in it, where it ends for some readers")
    if key.startswith(b"GNU.sparse.") or key in _SPARSE:
        raise Refused(Refusal.TAR_SPARSE, "a sparse file: its holes are filled in by some readers only")
    return key, value, end


def _text(value: bytes) -> bytes:
    if not value:
        raise Refused(Refusal.PAX_RECORD, "an empty path, which some readers take for no path")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise Refused(Refusal.PAX_CHARSET, "a path is not in UTF-8") from error
    return value


def _size(value: bytes) -> int:
    if not value.isdigit() or len(value) > 19:
        raise Refused(Refusal.PAX_RECORD, "a size that is no decimal number")
    return int(value)


def _seconds(value: bytes | None) -> int | None:
    return None if value is None else int(value.partition(b".")[0])
