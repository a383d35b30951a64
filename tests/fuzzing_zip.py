"""Changes to zip files, each drawn from one source of chance."""

import itertools
import struct
import zlib
from random import Random

from attrs import evolve

from fuzzing_seeds import EXECUTABLE, FOLDER, LINK, PLAIN, zip_seeds
from fuzzing_tar import damaged
from fuzzing_words import CENTRAL, END, END64, KINDS, LOCAL, LOCATOR, MODES, NAMES, TARGETS
from raw_archives import Part, deflated, zipped

_RECORDS = (
    (b"PK\1\2", CENTRAL),
    (b"PK\1\2", CENTRAL),
    (b"PK\3\4", LOCAL),
    (b"PK\3\4", LOCAL),
    (b"PK\5\6", END),
    (b"PK\6\6", END64),
    (b"PK\6\7", LOCATOR),
)
_MAGICS = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"PK\5\5", bytes(22), b"PK\5\6" + bytes(18))


def zip_(chance: Random) -> bytes:
    """Return a zip file that differs from a valid one in a few places."""
    seed = chance.choice(zip_seeds())
    if seed.written:
        data = bytearray(seed.written)
    else:
        parts = list(seed.parts)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            _change(parts, chance)
        between = chance.choice((b"", b"", b"", b"", b"", b"", b"", b"x", b"PK\5\5\0\0", bytes(4)))
        comment = (
            seed.comment
            if chance.random() < 0.9
            else chance.choice((b"c", b"c" * 70000, b"PK\5\6" + bytes(18), b"\0", b"\xff\xfe", b"\x1b[0m"))
        )
        data = bytearray(zipped(*parts, comment=comment[:65535], between=between))
        if chance.random() < 0.1:
            _reorder(data, parts, chance)
    if seed.written or chance.random() < 0.5:
        _patch(data, chance)
    if chance.random() < 0.1:
        return damaged(bytes(data), chance, _MAGICS)
    if chance.random() < 0.03:
        return chance.choice((b"#!", bytes(22))) + bytes(data) if chance.random() < 0.5 else bytes(data) + chance.choice(zip_seeds()).data()
    return bytes(data)


def _change(parts: list[Part], chance: Random) -> None:
    """Take out, double, move or change a whole entry."""
    place = chance.randrange(len(parts) + 1)
    match chance.randrange(10):
        case 0 if parts:
            del parts[place % len(parts)]
        case 1 if parts:
            parts.insert(place, chance.choice(parts))
        case 2:
            chance.shuffle(parts)
        case 3:
            parts[place:place] = chance.choice(zip_seeds()).parts[:2]
        case _ if parts:
            place %= len(parts)
            parts[place] = _changed(parts[place], chance)
        case _:
            parts.append(Part(b"new", b"new"))


def _changed(part: Part, chance: Random) -> Part:  # noqa: C901 - a list of changes, one case for each.
    match chance.randrange(14):
        case 0 | 1:
            return evolve(part, name=chance.choice(NAMES), flags=part.flags | chance.choice((0, 1 << 11)))
        case 2:
            return evolve(part, local_name=chance.choice((part.name.upper(), part.name + b"x", chance.choice(NAMES))))
        case 3 | 4:
            mode = chance.choice(MODES) << 16 | chance.choice((0, 0, 0x10, 0x01, 0x20, 0xFF))
            return evolve(part, attributes=mode, system=chance.choice((3, 3, 3, 0, 10, 19, 7, 11, chance.randrange(21), 255)))
        case 5:
            return evolve(part, attributes=chance.choice((LINK, EXECUTABLE, FOLDER, PLAIN)))
        case 6 | 7:
            extra = _extra(part, chance)
            both = chance.choice((0, 1, 2))
            return evolve(part, extra=part.extra + extra * (both != 1), local_extra=part.local_extra + extra * (both != 2))
        case 8:
            return evolve(part, comment=chance.choice((b"c", b"\0", b"\xff", b"PK\5\6" + bytes(18), b"c" * 300, b"\x1b")))
        case 9:
            return _streamed(part, chance)
        case 10:
            data = chance.choice((b"", b"a", b"a" * 300, b"\0" * 40, *TARGETS))
            return evolve(part, data=data, packed=None, descriptor=b"", local=None, flags=part.flags & ~8)
        case 11:
            packed = deflated(part.data) + chance.choice((b"", b"", b"\0", b"\3\0"))
            return evolve(
                part,
                method=8,
                packed=chance.choice((packed, b"\1\0\0\xff\xff", b"\3\0", packed[:-1])),
                size=chance.choice((None, None, 0, 1)),
            )
        case 12:
            return evolve(part, flags=part.flags ^ 1 << chance.randrange(16))
        case _:
            return evolve(
                part,
                time=(chance.choice((0, 0xFFFF, 0x7000)), chance.choice((0, 0xFFFF, 0x21, 0x1FF))),
                method=chance.choice((0, 8, 8, 9, 12)),
            )


def _extra(part: Part, chance: Random) -> bytes:
    kind = chance.choice(KINDS)
    wide = struct.pack("<QQQI", len(part.data), len(part.body()), 0, 0)
    unicode_path = struct.pack("<BI", chance.choice((1, 1, 1, 0, 2)), chance.choice((zlib.crc32(part.name), 0)))
    content = {
        0x0001: wide[: chance.choice((0, 4, 8, 16, 24, 28))],
        0x7075: unicode_path + chance.choice((part.name, part.name, b"other", b"p/\xc3\xa9", b"")),
        0x6375: struct.pack("<BI", 1, zlib.crc32(part.comment)) + b"comment",
        0x5455: bytes([chance.choice((1, 3, 7, 0))]) + bytes(chance.choice((0, 4, 8, 12))),
        0x000D: bytes(12) + chance.choice((b"", b"a.txt")),
        0x756E: struct.pack("<IHIHH", 0, chance.choice(MODES), 5, 0, 0) + b"a.txt",
        0x7875: b"\1\4" + bytes(4) + b"\4" + bytes(4),
        0x334D: bytes(14) + b"zit\0",
        0x4341: b"ARC0" + bytes(16),
    }.get(kind, bytes(chance.choice((0, 1, 4, 8, 12, 20))))
    size = len(content) if chance.random() < 0.9 else chance.choice((0, len(content) + 1, 0xFFFF, max(0, len(content) - 1)))
    return struct.pack("<HH", kind, size) + content + chance.choice((b"",) * 12 + (b"\0", b"\0\0\0", b"\0\0\0\0"))


def _reorder(data: bytearray, parts: list[Part], chance: Random) -> None:
    """Put the directory's records into another order, or let two of them be of one entry."""
    places = _places(data, b"PK\1\2")
    if len(places) != len(parts) or not parts:
        return
    end = data.rfind(b"PK\5\6")
    records = [bytes(data[begin:after]) for begin, after in itertools.pairwise([*places, end])]
    if chance.random() < 0.7:
        chance.shuffle(records)
    else:
        one, other = chance.randrange(len(records)), chance.choice(records)
        records[one] = records[one][:42] + other[42:46] + records[one][46:]
    data[places[0] : end] = b"".join(records)


def _streamed(part: Part, chance: Random) -> Part:
    """Put the entry's numbers behind it, in one of the forms that there are, or beside them."""
    crc, packed, size = evolve(part, size=None, packed_size=None).numbers()
    form = chance.choice(("<III", "<III", "<IQQ"))
    descriptor = chance.choice((b"PK\7\x08", b"PK\7\x08", b"")) + struct.pack(form, crc, packed, size)
    if chance.random() < 0.15:
        descriptor = chance.choice((descriptor + b"\0", descriptor[:-1], descriptor[:4], b"", descriptor * 2, bytes(len(descriptor))))
    local = chance.choice(((0, 0, 0), (0, 0, 0), (crc, packed, size), (crc, 0, 0), (0, packed, size)))
    return evolve(part, flags=part.flags | 8, descriptor=descriptor, local=local)


def _patch(data: bytearray, chance: Random) -> None:
    """Change one field of one record, or of both that an entry has."""
    magic, fields = chance.choice(_RECORDS)
    places = _places(data, magic)
    if not places:
        return
    which = chance.randrange(len(places))
    field = chance.choice(tuple(fields))
    number = _number(data, places[which], fields[field], chance)
    _put(data, places[which], fields[field], number)
    if fields is not CENTRAL and fields is not LOCAL:
        return
    other = LOCAL if fields is CENTRAL else CENTRAL
    twins = _places(data, b"PK\3\4" if fields is CENTRAL else b"PK\1\2")
    # A change that both records share is one that a reader has to understand.
    if field in other and which < len(twins) and chance.random() < 0.6:
        _put(data, twins[which], other[field], number)


def _places(data: bytearray, magic: bytes) -> list[int]:
    places, place = [], data.find(magic)
    while place >= 0:
        places.append(place)
        place = data.find(magic, place + 1)
    return places


def _number(data: bytearray, record: int, field: tuple[int, int], chance: Random) -> int:
    begin, width = field
    present = int.from_bytes(data[record + begin : record + begin + width], "little")
    top = (1 << 8 * width) - 1
    flip = present ^ 1 << chance.randrange(8 * width)
    small = (0, 1, 2, 8, 10, 20, 45, 51, 63, 64, 0x7F)
    return (
        chance.choice((flip, flip, present + 1, max(present - 1, 0), top, top >> 1, chance.choice(small), chance.randrange(top + 1))) & top
    )


def _put(data: bytearray, record: int, field: tuple[int, int], number: int) -> None:
    begin, width = field
    if record + begin + width <= len(data):
        data[record + begin : record + begin + width] = number.to_bytes(width, "little")
