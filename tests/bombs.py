"""tar files that cost more than they weigh, as runs of bytes; every maker takes how many times to do it."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice, product
from typing import BinaryIO

from crc import joined, repeated
from raw_archives import END, entry, header, pax, record

MIB = 1024 * 1024
ZEROS = bytes(16 * MIB)
# Bytes, and how many times they come.
Run = tuple[bytes, int]


def plain(out: BinaryIO, runs: Iterable[Run]) -> None:
    for data, times in runs:
        out.writelines(data for _ in range(times))


def gzip(out: BinaryIO, runs: Iterable[Run]) -> None:
    """One gzip member of runs; a run that comes often is compressed once."""
    out.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    crc = size = 0
    for data, times in runs:
        size += len(data) * times
        if times == 1:
            out.write(packer.compress(data))
            crc = zlib.crc32(data, crc)
            continue
        out.write(packer.flush(zlib.Z_FULL_FLUSH))
        out.writelines(flushed(data) for _ in range(times))
        crc = joined(crc, repeated(data, times), len(data) * times)
    out.write(packer.flush() + struct.pack("<II", crc, size & 0xFFFF_FFFF))


def bzip2(out: BinaryIO, runs: Iterable[Run]) -> None:
    """A bzip2 stream each time that a run comes."""
    for data, times in runs:
        out.writelines(_bzipped(data) for _ in range(times))


def xz(out: BinaryIO, runs: Iterable[Run]) -> None:
    """An xz stream each time that a run comes."""
    for data, times in runs:
        out.writelines(_xzipped(data) for _ in range(times))


@cache
def flushed(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


@cache
def _bzipped(data: bytes) -> bytes:
    return bz2.compress(data)


@cache
def _xzipped(data: bytes) -> bytes:
    return lzma.compress(data, preset=1)


# What tar files hold.


def one_member(times: int) -> Iterator[Run]:
    """Zeros, 16 MiB so many times, in one member."""
    size = times * len(ZEROS)
    yield header(b"zeros", size=b"\x80" + size.to_bytes(11, "big")), 1
    yield ZEROS, times
    yield END, 1


def many_members(times: int) -> Iterator[Run]:
    """Zeros in members of 14 MiB, which are kept."""
    content = bytes(7 * MIB)
    for number in range(times):
        yield header(b"zeros%d" % number, size=2 * len(content)), 1
        yield content, 2
    yield END, 1


def padding(times: int) -> Iterator[Run]:
    """Zeros behind the end of the archive."""
    yield entry(b"a", b"a") + END, 1
    yield ZEROS, times


def extension(times: int, kind: bytes) -> Iterator[Run]:
    """Zeros in one extended header."""
    size = times * len(ZEROS)
    yield header(b"x", size=b"\x80" + size.to_bytes(11, "big"), kind=kind), 1
    yield ZEROS, times
    yield entry(b"a") + END, 1


def large_extensions(times: int) -> Iterator[Run]:
    """Entries with an extended header of nearly the largest size each."""
    head = pax(record(b"comment", b"x" * 255 * 1024))
    for number in range(times):
        yield head, 1
        yield header(b"%d" % number), 1
    yield END, 1


def many_records(times: int) -> Iterator[Run]:
    """Entries with an extended header of many small records each."""
    head = pax(*(record(b"comment.%d" % number, b"x") for number in range(12_000)))
    for number in range(times):
        yield head, 1
        yield header(b"%d" % number), 1
    yield END, 1


def entry_headers(times: int) -> Iterator[Run]:
    """Extended headers in a chain before one entry."""
    yield pax(record(b"comment", b"x")) * 1000, times // 1000
    yield entry(b"a") + END, 1


def global_headers(times: int) -> Iterator[Run]:
    """Global headers in a chain before one entry."""
    yield pax(record(b"comment", b"x" * 400), kind=b"g") * 1000, times // 1000
    yield entry(b"a") + END, 1


def empty_global_headers(times: int) -> Iterator[Run]:
    """Global headers that hold nothing, in a chain before one entry."""
    yield pax(kind=b"g") * 1000, times // 1000
    yield entry(b"a") + END, 1


def named(name: bytes, data: bytes = b"", **fields: bytes) -> bytes:
    """An entry, with a prefix or an extended header where the name is long."""
    if len(name) <= 250 and name[-95:-94] == b"/":
        return entry(name[-94:], data, prefix=name[:-95], **fields)
    return entry(name, data, **fields) if len(name) <= 100 else pax(record(b"path", name)) + entry(b"short", data, **fields)


def linked(name: bytes, target: bytes, kind: bytes = b"2") -> bytes:
    """A link, with an extended header where its target is long."""
    if len(target) <= 100:
        return header(name, kind=kind, target=target)
    return pax(record(b"linkpath", target)) + header(name, kind=kind, target=b"short")


def files(names: Iterable[bytes]) -> Iterator[Run]:
    """Empty files."""
    for name in names:
        yield named(name), 1
    yield END, 1


def symlinks(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[Run]:
    """Symlinks of a name and a target each."""
    for name, target in pairs:
        yield linked(name, target), 1
    yield END, 1


def hard_links(times: int) -> Iterator[Run]:
    """Hard links to one file."""
    yield entry(b"a", b"a"), 1
    for number in range(times):
        yield header(b"l%d" % number, kind=b"1", target=b"a"), 1
    yield END, 1


def distinct_files(times: int) -> Iterator[Run]:
    """Small files of different contents."""
    for number in range(times):
        yield entry(b"%d" % number, b"%d" % number), 1
    yield END, 1


def gitmodules(times: int) -> Iterator[Run]:
    """A `.gitmodules` with so many blanks where a value should be."""
    yield entry(b".gitmodules", b"url =" + b" " * times + b"!") + END, 1


# Names and links.


def tiny_names(times: int) -> Iterator[bytes]:
    return (b"%x" % number for number in range(times))


def deep_names(times: int) -> Iterator[bytes]:
    """Files in 120 folders each, which no other file is in."""
    return (b"%08d" % number + b"/d" * 119 + b"/f" for number in range(times))


def long_names(times: int) -> Iterator[bytes]:
    """Names of 4,095 bytes, the longest whose components are no longer than 255, that differ at their end."""
    folders = (b"x" * 255 + b"/") * 15
    return (folders + b"%0255d" % number for number in range(times))


def absolute_names(times: int) -> Iterator[bytes]:
    """Names of 4,096 bytes that are skipped."""
    return (b"/\x01" + b"%04094d" % number for number in range(times))


def cases(times: int) -> Iterator[bytes]:
    """Names that differ in case alone."""
    return (bytes(letters) for letters in islice(product(*(b"aA" for _ in range(20))), times))


def cases_above(times: int) -> Iterator[bytes]:
    """Deep folders of long names below two that differ in case alone."""
    for number in range(times):
        for top in (b"a", b"A"):
            yield b"/".join((top, b"%029d" % number, *([b"x" * 30] * 125), b"f"))


def chain(times: int) -> Iterator[tuple[bytes, bytes]]:
    """Symlinks in a row, each of which leads to the next."""
    yield b"l0", b"nothing"
    yield from ((b"l%d" % (number + 1), b"l%d" % number) for number in range(times))


def chain_backwards(times: int) -> Iterator[tuple[bytes, bytes]]:
    """Symlinks in a row, each of which leads to the one that comes after it."""
    return ((b"l%d" % number, b"l%d" % (number + 1)) for number in range(times))


def doubling(times: int) -> Iterator[tuple[bytes, bytes]]:
    """Symlinks, each of which leads twice through the one before it."""
    yield b"l0", b"."
    yield from ((b"l%d" % (number + 1), b"l%d/l%d" % (number, number)) for number in range(times))


def through_one(times: int) -> Iterator[tuple[bytes, bytes]]:
    """Symlinks that lead thirty times through one other."""
    yield b"here", b"."
    yield from ((b"l%d" % number, b"here/" * 30 + b"x") for number in range(times))


def to_nowhere(times: int) -> Iterator[tuple[bytes, bytes]]:
    """Symlinks to deep places that nothing is at, no two of them alike."""
    for number in range(times):
        yield b"l%d" % number, b"/".join(b"%x" % (number * 1000 + step) for step in range(640))[:4095].rstrip(b"/")


def up_and_down(times: int) -> Iterator[tuple[bytes, bytes]]:
    """Symlinks that go down and up again 800 times."""
    return ((b"d/l%d" % number, b"x/../" * 800 + b"x") for number in range(times))


# Compressed streams as such.


def gzip_members(out: BinaryIO, times: int) -> None:
    """Empty gzip members."""
    _streams(out, b"\x1f\x8b\x08\0\0\0\0\0\0\xff\3\0" + bytes(8), times)


def bzip2_members(out: BinaryIO, times: int) -> None:
    _streams(out, bz2.compress(b""), times)


def xz_members(out: BinaryIO, times: int) -> None:
    _streams(out, lzma.compress(b""), times)


def _streams(out: BinaryIO, one: bytes, times: int) -> None:
    out.writelines(one * 1000 for _ in range(times // 1000))


def xz_dictionary(out: BinaryIO, times: int, *, code: int) -> None:
    """An xz file of zeros that says that it needs a large dictionary: 28 is 64 MiB, 37 is 1.5 GiB (xz format, 5.3.1)."""
    data = bytearray(lzma.compress(b"".join(part * number for part, number in one_member(times)), preset=1))
    size = (data[12] + 1) * 4
    place = data.index(b"\x21\x01", 12) + 2
    data[place] = code
    data[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(data[12 : 12 + size - 4]))
    out.write(data)
