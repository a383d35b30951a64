"""zip files that cost more than they weigh, written record by record; every maker takes how many times to do it."""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

from attrs import evolve

from bombs import MIB, ZEROS, flushed
from crc import joined, repeated
from raw_archives import Part, end_record


class Zip:
    """A zip file that is written record by record; its directory waits in memory."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._size = 0
        self._directory = bytearray()
        self._count = 0

    def add(self, part: Part) -> None:
        self._directory += part.directory_record(self._size)
        self._count += 1
        self._write(part.local_record())

    def finish(self, comment: bytes = b"") -> None:
        offset = self._size
        self._write(bytes(self._directory))
        wide = self._count > 0xFFFE
        if wide:
            self._write(end64(self._count, len(self._directory), offset))
        self._out.write(end_record(0xFFFF if wide else self._count, len(self._directory), offset, comment))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._size += len(data)


def end64(count: int, size: int, offset: int) -> bytes:
    """A ZIP64 end record and its locator."""
    fields = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    return fields + struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)


def zipped(out: BinaryIO, parts: Iterable[Part], comment: bytes = b"") -> None:
    archive = Zip(out)
    for part in parts:
        archive.add(part)
    archive.finish(comment)


def files(out: BinaryIO, names: Iterable[bytes]) -> None:
    """Empty files."""
    zipped(out, (Part(name) for name in names))


def distinct(out: BinaryIO, times: int) -> None:
    """Small files of different contents."""
    zipped(out, (Part(b"%x" % number, b"%d" % number) for number in range(times)))


def zeros(out: BinaryIO, times: int) -> None:
    """Files of zeros, of just under 15 MiB each, told as they are."""
    data = ZEROS[: 15 * MIB]
    packed = flushed(data) + b"\3\0"
    crc = zlib.crc32(data)
    part = Part(b"", packed=packed, method=8, crc=crc, size=len(data))
    zipped(out, (evolve(part, name=b"zeros%d" % number) for number in range(times)))


def one(out: BinaryIO, times: int, *, told: int | None = None) -> None:
    """One file of zeros, 16 MiB so many times, which the records give another size where one is `told`."""
    packed = flushed(ZEROS) * times + b"\3\0"
    size = times * len(ZEROS) if told is None else told
    zip64 = struct.pack("<HHQ", 1, 8, size)
    crc = repeated(ZEROS, times)
    zipped(out, [Part(b"zeros", packed=packed, method=8, crc=crc, size=0xFFFF_FFFF, local_extra=zip64, extra=zip64)])


def full_overlap(out: BinaryIO, times: int) -> None:
    """Directory records that all point to one local record."""
    packed = flushed(ZEROS) + b"\3\0"
    part = Part(b"0", packed=packed, method=8, crc=zlib.crc32(ZEROS), size=len(ZEROS))
    local = part.local_record()
    out.write(local)
    directory = b"".join(evolve(part, name=b"%d" % number).directory_record(0) for number in range(times))
    out.write(directory + end_record(times, len(directory), len(local)))


def quoted_overlap(out: BinaryIO, times: int) -> None:
    """Entries whose content begins with the local record of the next one, quoted by a stored block, down to one kernel of zeros."""
    packed, crc, size = flushed(ZEROS) + b"\3\0", zlib.crc32(ZEROS), len(ZEROS)
    made: list[tuple[Part, int]] = []
    tail, local = packed, b""
    for number in reversed(range(times)):
        if made:
            crc, size = joined(zlib.crc32(local), crc, size), size + len(local)
            tail = b"\0" + struct.pack("<HH", len(local), len(local) ^ 0xFFFF) + tail
        part = Part(b"%d" % number, packed=b"", method=8, crc=crc, size=size, packed_size=len(tail))
        local = part.local_record()
        tail = local + tail
        made.append((part, len(tail)))
    out.write(tail)
    directory = b"".join(part.directory_record(len(tail) - behind) for part, behind in reversed(made))
    out.write(directory + end_record(times, len(directory), len(tail)))


def extra_overlap(out: BinaryIO, times: int) -> None:
    """Entries that have the local records of all later ones in an extra field, and share one kernel of zeros."""
    packed = flushed(ZEROS) + b"\3\0"
    made: list[tuple[Part, int]] = []
    quoted = b""
    for number in reversed(range(times)):
        extra = struct.pack("<HH", 0x7777, len(quoted)) + quoted if quoted else b""
        part = Part(b"%d" % number, ZEROS, packed=b"", method=8, packed_size=len(packed), local_extra=extra)
        local = part.local_record()
        quoted = local
        made.append((part, len(quoted)))
    out.write(quoted + packed)
    directory = b"".join(part.directory_record(len(quoted) - behind) for part, behind in reversed(made))
    out.write(directory + end_record(times, len(directory), len(quoted + packed)))


def directory(out: BinaryIO, times: int, *, told: int | None = None) -> None:
    """So many records in the directory and nothing in front of it; or one, and more told by the end record."""
    block = b"".join(Part(b"%06x" % number).directory_record(0) for number in range(min(times, 250_000)))
    out.writelines(block for _ in range(max(1, times // 250_000)))
    size = len(block) * max(1, times // 250_000)
    out.write(end64(told or times, size, 0) + end_record(0xFFFF, size & 0xFFFF_FFFF, 0))


def long_records(out: BinaryIO, times: int) -> None:
    """Records whose names have 65,535 bytes."""
    zipped(out, (Part(b"%065535d" % number) for number in range(times)))


def one_checksum(out: BinaryIO, times: int) -> None:
    """Records of different sizes that all tell one checksum."""
    zipped(out, (Part(b"%d" % number, packed=b"", crc=1, size=number + 1, packed_size=0) for number in range(times)))


def backwards(out: BinaryIO, times: int) -> None:
    """A directory whose records are in the reverse order of the entries."""
    part = Part(b"%08d" % 0)
    step = len(part.local_record())
    out.writelines(Part(b"%08d" % number).local_record() for number in range(times))
    directory = b"".join(Part(b"%08d" % number).directory_record(number * step) for number in reversed(range(times)))
    out.write(directory)
    if times > 0xFFFE:
        out.write(end64(times, len(directory), times * step))
    out.write(end_record(min(times, 0xFFFF), len(directory), times * step))
