"""One 512-byte header block of a tar file (POSIX.1-1988 ustar, GNU, and v7 before them)."""

import re
import zlib
from typing import NamedTuple

from pydeps_host.archive.reasons import Refusal, Refused

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)

# A header as nearly every tar writes it: name, mode, user, group, size, time, checksum, type, link's
# target, magic, user's and group's names, device numbers, and no prefix. Whatever looks otherwise is read
# field by field.
_COMMON = re.compile(
    rb"""(?sx)
    (?=([^\0]{0,100}))      .{100}
    ([0-7]{6}[0-7\ ])[\0\ ]
    (?:[0-7]{6}[0-7\ ][\0\ ]){2}
    ([0-7]{11})[\0\ ]
    ([0-7]{11})[\0\ ]
    ([0-7]{6})\0\x20
    ([^S])
    (?=([^\0]{0,100}))      .{100}
    ustar(?:\x0000|\0\0\0|\0\ \ |\ \ \0(?=.{80}\0{155}))  .{64}
    (?:\0{16}|(?:0{7}\0){2}|(?:0{6}\ \0){2})
    \0
    """
)
_NO_DEVICE = frozenset({bytes(16), b"0000000\0" * 2, b"000000 \0" * 2})
_NUMBERS = re.compile(rb"(?:[0-7]{6}[0-7 ][\0 ]){3}(?:[0-7]{11}[\0 ]){2}[0-7]{6}\0 ")
_OCTAL = re.compile(rb" *([0-7]+)[\0 ]*|\0+")


# Magic and version. GNU tar reads a prefix in ustar's headers alone.
_USTAR = frozenset({b"ustar\x0000", b"ustar\0\0\0", b"ustar\0  "})
_GNU = b"ustar  \0"
_V7 = bytes(8)

# What the types of a Unix system have room for.
IDS = range(1 << 32)
_TIMES = range(-(1 << 63), 1 << 63)
_DEVICE_NUMBERS = range(1 << 31)
_DEVICES = frozenset({b"3", b"4"})


class Header(NamedTuple):
    """What a header block says; a tuple, because one is made for every header.

    Attributes:
        name: The name, with the prefix in front where the dialect has one; may be empty.
        mode: The permission bits and more.
        size: The payload's size in bytes.
        mtime: Seconds since 1970.
        type: The type flag, one byte.
        target: What a link points at; may be empty.
        v7: Whether it has no magic, as before ustar.
    """

    name: bytes
    mode: int
    size: int
    mtime: int
    type: bytes
    target: bytes
    v7: bool


def parse_header(block: bytes) -> Header:
    """Read a header block, every field of it.

    Raises:
        Refused: The checksum is wrong, a number is none, or no dialect has such a header.
    """
    fields = common_fields(block, 0)
    if fields is None:
        return _parse_unusual(block)
    name, mode, size, mtime, kind, target = fields
    return Header(name, mode, size, mtime, kind, target, v7=False)


def common_fields(buffer: bytes, begin: int) -> tuple[bytes, int, int, int, bytes, bytes] | None:
    """Read a header block among other bytes, where it is as nearly every tar writes it and sound; None for any other.

    Args:
        buffer: The block, with whatever is around it.
        begin: Where in `buffer` it begins.

    Returns:
        The fields of a `Header`, less the last.
    """
    found = _COMMON.match(buffer, begin)
    if found is None:
        return None
    name, mode, size, mtime, total, kind, target = found.groups()
    block = buffer[begin : begin + BLOCK]
    # What stands in the checksum's own field, these digits, a NUL and a space, counts as eight spaces.
    if not block.isascii() or _sum_ascii(block) - sum(total) - 32 + 256 != int(total, 8):
        return None
    return name, int(mode, 8), int(size, 8), int(mtime, 8), kind, target


def _parse_unusual(block: bytes) -> Header:
    kind = block[156:157]
    if kind == b"S":
        raise Refused(Refusal.TAR_SPARSE, "a sparse file: its holes are filled in by some readers only")
    if _NUMBERS.match(block, 100) and block[329:345] in _NO_DEVICE:
        mode, size, mtime = int(block[100:107], 8), int(block[124:135], 8), int(block[136:147], 8)
        total = int(block[148:154], 8)
    else:
        mode, size, mtime, total = _numbers(block)
    _check_sum(block, total, own=sum(block[148:156]))
    magic = block[257:265]
    name = block[:100].partition(b"\0")[0]
    if magic not in _USTAR:
        _check_old(block, magic)
    elif block[345] and name:
        # The headers of star, whose mark this is, have a shorter prefix, with times behind it.
        if block[508:] == b"tar\0" and b"\0" not in block[345:476]:
            raise Refused(Refusal.TAR_DIALECT, "a prefix as long as ustar's in a header of star")
        name = _string(block[345:500]) + b"/" + name
    return Header(name, mode, size, mtime, kind, _string(block[157:257]) if block[157] else b"", magic == _V7)


def _check_old(block: bytes, magic: bytes) -> None:
    if magic not in {_GNU, _V7}:
        raise Refused(Refusal.TAR_DIALECT, "a header of no dialect that is known")
    # CPython puts a prefix in front of the name all the same.
    if any(block[345:500]):
        raise Refused(Refusal.TAR_DIALECT, "a name's prefix, in a dialect that has none")


def _string(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _check_sum(block: bytes, total: int, *, own: int) -> None:
    # The sum is taken with eight spaces in its own field.
    unsigned = (_sum_ascii(block) if block.isascii() else sum(block)) - own + 256
    if unsigned == total:
        return
    # Some old systems summed signed characters.
    signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    if signed != total:
        raise Refused(Refusal.TAR_CHECKSUM, "a header's checksum is wrong")


def _sum_ascii(block: bytes) -> int:
    # The lower half of Adler-32 is a sum as well, from 1 and up to 65,520; bytes of ASCII stay below that.
    return (zlib.adler32(block) & 0xFFFF) - 1


def _numbers(block: bytes) -> tuple[int, int, int, int]:
    # User, group and device decide nothing here, and yet a header in which they are
    # no numbers is none: GNU tar fails where it has no such user, group or time.
    for begin in (108, 116):
        _within(_number(block[begin : begin + 8]), IDS)
    for begin in (329, 337):
        device = _number if block[156:157] in _DEVICES else _number_or_blank
        _within(device(block[begin : begin + 8]), _DEVICE_NUMBERS)
    size = _number(block[124:136])
    if size < 0:
        raise Refused(Refusal.TAR_FIELD, "a size below zero")
    return _octal(block[100:108]), size, _within(_number(block[136:148]), _TIMES), _octal(block[148:156])


def _within(number: int, allowed: range) -> int:
    if number not in allowed:
        raise Refused(Refusal.TAR_FIELD, "a number that is too large, or below zero")
    return number


def _number_or_blank(field: bytes) -> int:
    return _number(field) if field.strip(b" \0") else 0


def _number(field: bytes) -> int:
    # GNU's base 256, for what octal digits have no room for.
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    if field[0] == 0xFF:
        return int.from_bytes(field, "big", signed=True)
    return _octal(field)


def _octal(field: bytes) -> int:
    found = _OCTAL.fullmatch(field)
    if found is None:
        raise Refused(Refusal.TAR_FIELD, f"a number that is none: {field!r}")
    return int(found[1] or b"0", 8)
