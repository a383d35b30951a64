"""Extra fields of zip records (APPNOTE 4.5)."""

import struct
import zlib

from pydeps_host.archive.reasons import Refusal, Refused

_ZIP64 = 0x0001
_UNICODE_PATH = 0x7075
_FULL = 0xFFFF_FFFF


def parse_extra(data: bytes, name: bytes) -> bytes | None:
    """Check a record's extra fields, and return its ZIP64 field's content, or None where it has none.

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
        if kind in {_ZIP64, _UNICODE_PATH}:
            if kind in seen:
                raise Refused(Refusal.ZIP_EXTRA, "two extra fields of one kind: readers take one of them")
            seen.add(kind)
            if kind == _ZIP64:
                zip64 = content
            else:
                _check_unicode_path(content, name)
    return zip64


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
