"""Changes to tar files and to what compresses them, each drawn from one source of chance."""

import bz2
import gzip
import lzma
import re
from random import Random

from fuzzing_seeds import GNU, TarSeed, packed_seeds, tar_seeds
from fuzzing_words import MAGICS, NAMES, NUMBERS, RECORDS, SIZES, TAR, TARGETS, TYPES
from raw_archives import header, padded, pax, record

BLOCK = 512
_OFTEN = ("name", "name", "name", "mode", "mode", "size", "size", "mtime", "type", "type", "target", "target", "magic", "prefix")


def tar(chance: Random, seed: TarSeed | None = None) -> bytes:
    """Return a tar file that differs from a valid one in a few places."""
    seed = seed or chance.choice(tar_seeds())
    entries = list(seed.entries)
    moved = chance.random() < 0.35
    if moved:
        _move(entries, chance)
    data = bytearray(
        b"".join(entries) + (seed.end if chance.random() < 0.97 else chance.choice((b"", bytes(512), bytes(10240), bytes(1000))))
    )
    for _ in range(chance.choice((0, 1, 1, 2) if moved else (1, 1, 2, 3))):
        _edit(data, chance)
    if chance.random() < 0.1:
        _damage(data, chance)
    return bytes(data)


def packed(chance: Random) -> tuple[str, bytes]:
    """Return a compressed tar file, as (suffix, bytes), that is broken inside, or outside, or not at all."""
    if chance.random() < 0.5:
        suffix, data = chance.choice(packed_seeds())
        return suffix, damaged(data, chance, (b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0", b"YZ", b"\x17rE8P\x90", b"\0\0\0\0\xff\xff"))
    data = tar(chance)
    match chance.randrange(10):
        case 0:
            return ".tar.bz2", bz2.compress(data, 1)
        case 1:
            return ".tar.xz", lzma.compress(data, preset=0)
        case 2 if data:
            cut = chance.choice((chance.randrange(len(data)), chance.randrange(len(data) // BLOCK + 1) * BLOCK))
            return ".tar.gz", gzip.compress(data[:cut], 1, mtime=0) + gzip.compress(data[cut:], 1, mtime=0)
        case 3:
            return ".tar.gz", gzip.compress(data, 1, mtime=0) + chance.choice(
                (bytes(1), bytes(512), b"\n", b"x" * 9, gzip.compress(b"", mtime=0), gzip.compress(data, mtime=0))
            )
        case _:
            return chance.choice((".tar.gz", ".tgz")), _with_fields(gzip.compress(data, 1, mtime=0), chance)


def damaged(data: bytes, chance: Random, magics: tuple[bytes, ...]) -> bytes:
    """Return bytes with something flipped, cut out, doubled, moved or put in, without regard to what they mean."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        # The ends of a file are its headers and trailers.
        near = chance.choice((len(changed), len(changed), min(24, len(changed))))
        place, other = chance.randrange(near + 1), chance.randrange(len(changed) + 1)
        if chance.random() < 0.3:
            place = len(changed) - place
        length = chance.choice((1, 2, 4, 8, 22, 46, 100, 512))
        match chance.randrange(7):
            case 0 | 1 if changed:
                changed[place % len(changed)] ^= 1 << chance.randrange(8)
            case 2:
                changed[place : place + 1] = bytes([chance.choice((0, 1, 8, 32, 0x7F, 0x80, 0xFF, chance.randrange(256)))])
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = changed[other : other + length]
            case 5:
                changed[place:place] = chance.choice(magics)
            case _:
                del changed[max(place, 1) :]
    return bytes(changed)


def _with_fields(data: bytes, chance: Random) -> bytes:
    """Return a gzip file with a header that says more, rightly or wrongly."""
    flags = chance.choice((0, 0, 0, 0, 1, 2, 4, 8, 16, 0x18, 0x1E, 0x20, 0x80))
    fields = {4: b"\3\0abc", 8: b"name\0", 16: b"words\0", 2: b"\0\0"}
    more = b"".join(value for flag, value in fields.items() if flags & flag)
    return data[:3] + bytes([flags]) + data[4:10] + more + data[10:]


def _move(entries: list[bytes], chance: Random) -> None:
    other = chance.choice(chance.choice(tar_seeds()).entries or (bytes(512),))
    place = chance.randrange(len(entries) + 1)
    match chance.randrange(8):
        case 0 if entries:
            del entries[place % len(entries)]
        case 1 if entries:
            entries.insert(place, chance.choice(entries))
        case 2:
            chance.shuffle(entries)
        case 3:
            kind = chance.choice((b"x", b"x", b"x", b"g"))
            entries.insert(place, pax(*(record(*chance.choice(RECORDS)) for _ in range(chance.choice((1, 1, 2)))), kind=kind))
        case 4:
            name = chance.choice((*NAMES, b"p/" + b"n" * 150)) + chance.choice((b"\0", b"\0", b"", b"\0\0"))
            kind, magic = chance.choice((b"L", b"K")), chance.choice((GNU, GNU, MAGICS[0]))
            entries.insert(place, header(b"././@LongLink", size=len(name), kind=kind, magic=magic) + padded(name))
        case 5:
            entries.insert(place, chance.choice((bytes(512), bytes(1024), b"\0" * 511 + b"x", bytes(512) + other)))
        case _:
            entries.insert(place, other)


def _edit(data: bytearray, chance: Random) -> None:
    """Change one field of one header, or one record, and let the checksum come right."""
    headers = [begin for begin in range(0, len(data) - BLOCK + 1, BLOCK) if _is_header(data, begin)]
    if not headers:
        return
    begin = chance.choice(headers)
    if data[begin + 156] in b"xg" and chance.random() < 0.7:
        _edit_records(data, begin, chance)
        return
    name = chance.choice(_OFTEN) if chance.random() < 0.8 else chance.choice(tuple(TAR))
    place, width = TAR[name]
    value = _value(name, bytes(data[begin + place : begin + place + width]), chance)
    data[begin + place : begin + place + width] = value[:width].ljust(width, chance.choice((b"\0", b"\0", b"\0", b" ")))
    if name != "checksum":
        _sum(data, begin, signed=chance.random() < 0.05)


def _value(field: str, present: bytes, chance: Random) -> bytes:
    if chance.random() < 0.1:
        noise = bytearray(present)
        noise[chance.randrange(len(noise))] = chance.choice((0, 32, 0x80, 0xFF, 0x37, chance.randrange(256)))
        return bytes(noise)
    match field:
        case "name" | "prefix":
            return chance.choice(NAMES)
        case "target":
            return chance.choice(TARGETS)
        case "size":
            form = chance.choice(SIZES)
            octal = present.strip(b" \0")
            size = int(octal, 8) if octal.isdigit() and b"8" not in octal and b"9" not in octal else 3
            size = chance.choice((size, size, size, 0, 1, 511, 512, 513, size + 512, size + 1))
            return form % size if b"%" in form else form
        case "mtime":
            return chance.choice(NUMBERS).ljust(11, chance.choice((b"0", b" ", b"\0"))) + b"\0"
        case "type":
            return bytes([chance.choice(TYPES)])
        case "magic":
            return chance.choice(MAGICS)
        case "owner" | "group" | "after":
            return chance.choice((b"", b"root", b"nobody\0x", b"\xff" * 32, b"n" * 32, b"tar\0", bytes(8) + b"tar\0"))
        case _:
            return chance.choice(NUMBERS)


def _edit_records(data: bytearray, begin: int, chance: Random) -> None:
    """Write other records into an extended header."""
    size = int(bytes(data[begin + 124 : begin + 135]).strip(b" \0") or b"0", 8) if _octal(data, begin) else 0
    body = bytes(data[begin + BLOCK : begin + BLOCK + size])
    records = [line + b"\n" for line in body.split(b"\n") if line]
    new = record(*chance.choice(RECORDS))
    match chance.randrange(6):
        case 0 if records:
            records[chance.randrange(len(records))] = new
        case 1:
            records = [new]
        case 2 if records:
            records.append(chance.choice(records))
        case 3:
            length = re.sub(
                rb"^\d+", lambda found: chance.choice((b"0", b"1", b"5", b"99999", b"0" + found[0], b"+" + found[0], b"-1", b"")), new
            )
            records.insert(chance.randrange(len(records) + 1), length)
        case 4:
            records.append(chance.choice((b"\0", b"\n", b"x", b" ", b"\0" * 5)))
        case _:
            records.insert(chance.randrange(len(records) + 1), new)
    made = b"".join(records)
    data[begin + BLOCK : begin + BLOCK + size + -size % BLOCK] = padded(made)
    data[begin + 124 : begin + 136] = b"%011o\0" % len(made)
    _sum(data, begin, signed=False)


def _octal(data: bytearray, begin: int) -> bool:
    return re.fullmatch(rb"[0-7]{11}[ \0]", bytes(data[begin + 124 : begin + 136])) is not None


def _damage(data: bytearray, chance: Random) -> None:
    """Change whole blocks or single bytes."""
    place = chance.randrange(len(data) // BLOCK + 1) * BLOCK
    other = chance.randrange(len(data) // BLOCK + 1) * BLOCK
    match chance.randrange(8):
        case 0:
            del data[place : place + BLOCK]
        case 1:
            data[place:place] = data[other : other + BLOCK]
        case 2:
            data[place : place + BLOCK], data[other : other + BLOCK] = data[other : other + BLOCK], data[place : place + BLOCK]
        case 3:
            del data[chance.choice((place, chance.randrange(len(data) + 1))) :]
        case 4:
            data += chance.choice((bytes(512), bytes(9728), b"x", bytes(100), b"\n", chance.choice(tar_seeds()).data()))
        case 5:
            data[place:place] = bytes(BLOCK)
        case _ if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case _:
            data += bytes(BLOCK)


def _is_header(data: bytearray, begin: int) -> bool:
    block = data[begin : begin + BLOCK]
    found = re.fullmatch(rb" *([0-7]+)[\0 ]*", bytes(block[148:156]))
    return found is not None and int(found[1], 8) == sum(block[:148]) + sum(block[156:]) + 256


def _sum(data: bytearray, begin: int, *, signed: bool) -> None:
    block = data[begin : begin + BLOCK]
    total = sum(block[:148]) + sum(block[156:]) + 256
    if signed:
        total -= 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    data[begin + 148 : begin + 156] = b"%06o\0 " % max(total, 0)
