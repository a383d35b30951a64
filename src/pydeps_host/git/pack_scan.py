"""Reading a whole pack without an index: every object is made and hashed.

So its index can be written by who does not trust the one who wrote the pack,
and a pack that is cut off, or holds an object that cannot be made, is noticed.
"""

import hashlib
import os
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import DamagedError, disk_errors
from pydeps_host.git.append_file import AppendFile
from pydeps_host.git.deflate import crc32
from pydeps_host.git.delta import apply_delta
from pydeps_host.git.objects import Kind, object_id
from pydeps_host.git.pack_format import (
    HEADER,
    KINDS,
    MOST_NUMBER_BYTES,
    OFS_DELTA,
    SIGNATURE,
    TRAILER_BYTES,
    VERSION,
    decode_distance,
    decode_entry_header,
)
from pydeps_host.git.pack_index import IndexEntry, encode_index
from pydeps_host.git.pack_reader import MAX_BYTES
from pydeps_host.git.pack_writer import FinishedPack

_PIECE: Final = 1024 * 1024
_LEAST_READ: Final = 4096
_MOST_READ: Final = 256 * 1024
# Objects that deltas are likely to be of: git writes those of one chain one after another.
_KEPT_BYTES: Final = 64 * 1024 * 1024
_OBJECTS_A_CHECK: Final = 256


def index_pack(path: Path, *, sync: bool, check: Callable[[], None]) -> tuple[FinishedPack, list[IndexEntry]]:
    """Write the index of a finished pack beside it, from its objects alone.

    Memory holds the objects of one chain of deltas, 64 MiB of others at most, and
    some 300 bytes for each object.

    Args:
        path: The pack.
        sync: Have the index on the disk before returning.
        check: Called every few objects; what it raises ends the reading.

    Returns:
        The pack, and its entries in the order in which they stand in it.

    Raises:
        DiskError: The disk refuses.
        DamagedError: The file is no whole pack of version 2, holds an object
            twice, or a delta whose base is not before it in the pack.
    """
    with disk_errors(path, "reading"):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            scan = _Scan(descriptor, check)
            entries = scan.entries()
        except ValueError as problem:
            raise DamagedError(str(path), str(problem)) from None
        finally:
            os.close(descriptor)
    index_path = path.with_suffix(".idx")
    with AppendFile(index_path) as index:
        index.append(encode_index(entries, scan.checksum))
        index.finish(sync=sync)
    return FinishedPack(path, index_path, scan.checksum, len(entries)), entries


@frozen
class _Found:
    """What an entry holds, once unpacked: an object, or a delta of the one at `base`."""

    type: int
    base: int
    data: bytes
    end: int
    crc: int


class _Scan:
    def __init__(self, descriptor: int, check: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._check = check
        self._end = os.fstat(descriptor).st_size - TRAILER_BYTES
        self._kept: OrderedDict[int, tuple[Kind, bytes]] = OrderedDict()
        self._kept_bytes = 0
        self.checksum = b""

    def entries(self) -> list[IndexEntry]:
        """Read everything; raises ValueError for what is no pack."""
        count = self._count()
        self._check_sum()
        entries = []
        offset = HEADER.size
        for number in range(count):
            if number % _OBJECTS_A_CHECK == 0:
                self._check()
            found = self._read(offset)
            kind, data = self._keep(offset, self._made(found))
            entries.append(IndexEntry(object_id(kind, data), found.crc, offset))
            offset = found.end
        if offset != self._end:
            raise ValueError(f"{self._end - offset} bytes after the last entry belong to none")
        if len({entry.id for entry in entries}) != count:
            raise ValueError("it holds an object twice")
        return entries

    def _count(self) -> int:
        header = os.pread(self._descriptor, HEADER.size, 0)
        if self._end < HEADER.size or header[:8] != HEADER.pack(SIGNATURE, VERSION, 0)[:8]:
            raise ValueError("it is no pack of version 2")
        return int.from_bytes(header[8:])

    def _check_sum(self) -> None:
        digest = hashlib.sha1()
        offset = 0
        while offset < self._end:
            piece = os.pread(self._descriptor, min(_PIECE, self._end - offset), offset)
            if not piece:
                break
            digest.update(piece)
            offset += len(piece)
            self._check()
        self.checksum = os.pread(self._descriptor, TRAILER_BYTES, self._end)
        if digest.digest() != self.checksum:
            raise ValueError("its checksum is not that of its bytes")

    def _read(self, offset: int) -> _Found:
        """Unpack the entry at a place, whatever it is."""
        head = self._bytes(offset, 2 * MOST_NUMBER_BYTES)
        type_, size, at = decode_entry_header(head)
        base = 0
        if type_ == OFS_DELTA:
            distance, at = decode_distance(head, at)
            base = offset - distance
        elif type_ not in KINDS:
            raise ValueError(f"the entry at {offset} is of type {type_}, which is not expected")
        if size > MAX_BYTES:
            raise ValueError(f"the entry at {offset} has {size} bytes")
        data, end, crc = self._inflate(offset + at, size, crc32(head[:at]))
        return _Found(type_, base, data, end, crc)

    def _inflate(self, offset: int, size: int, crc: int) -> tuple[bytes, int, int]:
        """Return (what a zlib stream holds, where it ends, the CRC-32 of its packed bytes that continues `crc`)."""
        stream = zlib.decompressobj()
        pieces: list[bytes] = []
        left = size
        while not stream.eof:
            packed = self._bytes(offset, min(max(left, _LEAST_READ), _MOST_READ))
            if not packed:
                raise ValueError("compressed data is cut off")
            try:
                pieces.append(stream.decompress(packed, left + 1))
            except zlib.error as error:
                raise ValueError(f"compressed data is broken: {error}") from None
            left -= len(pieces[-1])
            used = len(packed) - len(stream.unused_data)
            crc = crc32(packed[:used], crc)
            offset += used
            if left < 0:
                raise ValueError(f"compressed data holds more than {size} bytes")
        if left:
            raise ValueError(f"compressed data holds {size - left} bytes rather than {size}")
        return b"".join(pieces), offset, crc

    def _made(self, found: _Found) -> tuple[Kind, bytes]:
        """Return the object that an entry stands for, down to its base by as many deltas as there are."""
        deltas = []
        kept = None
        while found.type == OFS_DELTA:
            deltas.append(found.data)
            kept = self._kept.get(found.base)
            if kept is not None:
                self._kept.move_to_end(found.base)
                break
            # Always to a lower place: what begins before the first entry is no entry.
            if found.base < HEADER.size:
                raise ValueError("the base of a delta is not in the pack")
            found = self._read(found.base)
        kind, data = kept if kept is not None else (KINDS[found.type], found.data)
        for delta in reversed(deltas):
            data = apply_delta(data, delta, max_bytes=MAX_BYTES)
        return kind, data

    def _keep(self, offset: int, made: tuple[Kind, bytes]) -> tuple[Kind, bytes]:
        self._kept[offset] = made
        self._kept_bytes += len(made[1])
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, (_, data) = self._kept.popitem(last=False)
            self._kept_bytes -= len(data)
        return made

    def _bytes(self, offset: int, size: int) -> bytes:
        if not HEADER.size <= offset < self._end:
            return b""
        return os.pread(self._descriptor, min(size, self._end - offset), offset)
