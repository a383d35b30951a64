"""Extra fields of zip records (APPNOTE 4.5)."""

import struct
import zlib
from typing import NamedTuple

from pydeps_host.archive.reasons import Refusal, Refused

_ZIP64 = 0x0001
UNICODE_PATH = 0x7075
_AES = 0x9901
# libarchive's own, for readers of streams: attributes that hold before the directory's.
_XL = 0x6C78
_FULL = 0xFFFF_FFFF


class Extra(NamedTuple):
    """What a record's extra fields say.

    Attributes:
        zip64: The ZIP64 field's content, or None.
        kinds: What fields there are.
    """

    zip64: bytes | None = None
    kinds: frozenset[int] = frozenset()


def parse_extra(data: bytes, name: bytes) -> Extra:
    """Check a record's extra fields, and return what decides.

    Args:
        data: The extra fields.
        name: The record's name, as it stands there.

    Raises:
        Refused: The fields do not fill their space, one that decides comes twice, or
            one gives the entry another name.
    """
    zip64: bytes | None = None
    seen: set[int] = set()
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise Refused(Refusal.ZIP_EXTRA, "an extra field without a whole header")
        kind, size = struct.unpack_from("<HH", data, position)
        content = data[position + 4 : position + 4 + size]
        position += 4 + size
        if len(content) != size:
            raise Refused(Refusal.ZIP_EXTRA, "an extra field longer than its space")
        if kind == _AES:
            raise Refused(Refusal.ZIP_ENCRYPTED, "an extra field of an encrypted entry")
        if kind == _XL:
            raise Refused(Refusal.ZIP_ATTRIBUTES, "a mode in an extra field, at which few readers look")
        if kind in seen and kind in {_ZIP64, UNICODE_PATH}:
            raise Refused(Refusal.ZIP_EXTRA, "two extra fields of one kind: readers take one of them")
        seen.add(kind)
        if kind == _ZIP64:
            zip64 = content
        elif kind == UNICODE_PATH:
            _check_unicode_path(content, name)
    return Extra(zip64, frozenset(seen))


def widen(zip64: bytes | None, fields: tuple[int, ...]) -> tuple[int, ...]:
    """Return a record's fields with those that are too large for 32 bits taken from its ZIP64 field.

    Raises:
        Refused: The ZIP64 field holds more or less than what it is needed for.
    """
    needed = fields.count(_FULL)
    if zip64 is None:
        if needed:
            raise Refused(Refusal.ZIP_ZIP64, "a field is said to be in a ZIP64 extra field, and there is none")
        return fields
    if len(zip64) != needed * 8:
        raise Refused(Refusal.ZIP_ZIP64, "a ZIP64 extra field holds other fields than the record leaves out")
    wide = iter(struct.unpack(f"<{needed}Q", zip64))
    return tuple(next(wide) if value == _FULL else value for value in fields)


def _check_unicode_path(content: bytes, name: bytes) -> None:
    # Info-ZIP's own field: a version, a CRC of the name that it stands for, the name in UTF-8.
    right = content[:1] == b"\x01" and content[1:5] == zlib.crc32(name).to_bytes(4, "little") and content[5:] == name
    if not right:
        raise Refused(Refusal.ZIP_UNICODE_PATH, "an extra field gives the entry another name: readers take either")
