"""Checking a pack against its index, byte for byte.

Every byte of both files is looked at: the header, each entry (its CRC, its
deflated bytes, its id), the place where each begins and ends, both checksums.
Memory holds the index, the places of its entries, and one piece of a blob; of
deltas one object and its base, and what `_KEPT_BYTES` allows of other bases.
An object that is no blob is held whole.
"""

import hashlib
import os
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from attrs import frozen

from pydeps_host.errors import DamagedError, DiskError, disk_errors
from pydeps_host.git.deflate import crc32, inflate
from pydeps_host.git.delta import apply_delta
from pydeps_host.git.objects import ID_BYTES, Kind, ObjectHasher, ObjectId, object_id
from pydeps_host.git.pack_format import (
    HEADER,
    KINDS,
    MOST_NUMBER_BYTES,
    OFS_DELTA,
    REF_DELTA,
    SIGNATURE,
    TRAILER_BYTES,
    VERSION,
    decode_distance,
    decode_entry_header,
)
from pydeps_host.git.pack_index import PackIndex
from pydeps_host.git.pack_reader import MAX_BYTES, MAX_DELTAS

_PIECE = 256 * 1024
_KEPT_BYTES = 64 * 1024 * 1024
_HEADER_BYTES = MOST_NUMBER_BYTES + max(MOST_NUMBER_BYTES, ID_BYTES)
# One bad block can spoil every delta upon it: what is wrong is plain after so many.
_MOST_FAULTS = 20


@frozen
class Fault:
    """Something that is wrong with a pack or its index.

    Attributes:
        path: The file.
        detail: What is wrong.
        object: The object that it is about, in hexadecimal, or None.
    """

    path: Path
    detail: str
    object: str | None = None


class Look(Protocol):
    """Takes every object whose bytes have its id."""

    def __call__(self, id_: ObjectId, kind: Kind, data: bytes | None, /) -> None:
        """Look at one object.

        Args:
            id_: Its id.
            kind: Its kind.
            data: Its bytes; None for a blob.

        Raises:
            ValueError: Something is wrong with it.
        """


def check_pack(path: Path, look: Look) -> Iterator[Fault]:
    """Check a pack and the index beside it.

    Args:
        path: The pack.
        look: Takes every object; a `ValueError` from it is a fault of that object.

    Yields:
        What is wrong; after twenty faults of one pack it ends.
    """
    faults = 0
    try:
        index = PackIndex.open(path.with_suffix(".idx"))
        index.verify()
        for fault in _Check(path, index, look).run():
            yield fault
            faults += 1
            if faults == _MOST_FAULTS:
                return
    except DamagedError as problem:
        yield Fault(Path(problem.path), problem.detail)
    except DiskError as problem:
        yield Fault(Path(problem.path), f"{problem.doing} it: {problem.reason}")


@frozen
class _Entry:
    """One entry: what its header says, and where its parts are."""

    type: int
    size: int
    data_at: int
    base: int | None


class _Check:
    """One look at one pack."""

    def __init__(self, path: Path, index: PackIndex, look: Look) -> None:
        self._path = path
        self._index = index
        self._look = look
        self._end = 0
        self._descriptor = -1
        # By place of the base in the pack: (kind, bytes), the one used last at the end.
        self._bases: OrderedDict[int, tuple[Kind, bytes]] = OrderedDict()
        self._bases_bytes = 0

    def run(self) -> Iterator[Fault]:
        with disk_errors(self._path, "opening"):
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield from self._faults()
        finally:
            os.close(self._descriptor)

    def _faults(self) -> Iterator[Fault]:
        with disk_errors(self._path, "looking at"):
            size = os.fstat(self._descriptor).st_size
        self._end = size - TRAILER_BYTES
        if self._read(0, HEADER.size) != HEADER.pack(SIGNATURE, VERSION, len(self._index)):
            yield Fault(self._path, f"its header is not that of a pack of {len(self._index)} objects")
        yield from self._entries()
        yield from self._checksum()

    def _entries(self) -> Iterator[Fault]:
        """Check every entry in the order of the pack, and that they touch each other."""
        ids, crcs, offsets = bytearray(), array("L"), array("Q")
        for id_, crc, offset in self._index:
            ids += id_
            crcs.append(crc)
            offsets.append(offset)
        order = sorted(range(len(offsets)), key=offsets.__getitem__)
        if order and offsets[order[0]] != HEADER.size:
            yield Fault(self._path, f"its first entry is at byte {offsets[order[0]]}")
        for rank, place in enumerate(order):
            id_ = ObjectId(bytes(ids[place * ID_BYTES : (place + 1) * ID_BYTES]))
            end = offsets[order[rank + 1]] if rank + 1 < len(order) else max(self._end, 0)
            detail = self._fault_of(id_, crcs[place], (offsets[place], end))
            if detail:
                yield Fault(self._path, detail, id_.hex())

    def _fault_of(self, id_: ObjectId, crc: int, place: tuple[int, int]) -> str:
        try:
            self._check_place(place, crc)
            self._check_object(self._entry(place[0]), place, id_)
        except ValueError as error:
            return str(error)
        return ""

    def _check_place(self, place: tuple[int, int], crc: int) -> None:
        offset, end = place
        if not HEADER.size <= offset < end <= self._end:
            raise ValueError(f"its entry, from byte {offset} to {end}, is not inside of the pack")
        if self._crc(offset, end) != crc:
            raise ValueError("its entry has another CRC-32 than the index tells")

    def _check_object(self, entry: _Entry, place: tuple[int, int], id_: ObjectId) -> None:
        offset, end = place
        if KINDS.get(entry.type) == "blob":
            # Piece by piece: it may be larger than what memory should hold.
            hasher = ObjectHasher("blob", entry.size)
            for piece in _pieces(self._read, entry.data_at, end):
                hasher.update(piece)
            _same(hasher.finish(), id_)
            self._look(id_, "blob", None)
            return
        unpacked = self._whole(entry, end)
        if entry.base is not None:
            kind, data = self._resolve(offset)
        elif entry.type in KINDS:
            kind, data = KINDS[entry.type], unpacked
        else:
            raise ValueError(f"there is no kind of entry {entry.type}")
        _same(object_id(kind, data), id_)
        self._look(id_, kind, None if kind == "blob" else data)

    def _whole(self, entry: _Entry, end: int) -> bytes:
        """Return what an entry unpacks to, and see that it ends where the next one begins."""
        if entry.size > MAX_BYTES:
            raise ValueError(f"it has {entry.size} bytes, {MAX_BYTES} are allowed")
        unpacked = bytearray()
        for piece in _pieces(self._read, entry.data_at, end):
            unpacked += piece
            if len(unpacked) > entry.size:
                break
        if len(unpacked) != entry.size:
            raise ValueError(f"its compressed data does not hold {entry.size} bytes")
        return bytes(unpacked)

    def _resolve(self, offset: int) -> tuple[Kind, bytes]:
        """Return an object, from the nearest base that is kept upwards."""
        deltas: list[tuple[int, _Entry]] = []
        at = offset
        while at not in self._bases:
            entry = self._entry(at)
            if entry.base is None:
                if entry.type not in KINDS:
                    raise ValueError(f"there is no kind of entry {entry.type}")
                self._keep(at, KINDS[entry.type], self._inflated(entry))
                break
            deltas.append((at, entry))
            if len(deltas) > MAX_DELTAS:
                raise ValueError(f"it is more than {MAX_DELTAS} deltas from its base")
            at = entry.base
        kind, data = self._bases[at]
        self._bases.move_to_end(at)
        for place, entry in reversed(deltas):
            data = apply_delta(data, self._inflated(entry), max_bytes=MAX_BYTES)
            self._keep(place, kind, data)
        return kind, data

    def _keep(self, offset: int, kind: Kind, data: bytes) -> None:
        self._bases[offset] = kind, data
        self._bases_bytes += len(data)
        while self._bases_bytes > _KEPT_BYTES and len(self._bases) > 1:
            _, (_, gone) = self._bases.popitem(last=False)
            self._bases_bytes -= len(gone)

    def _inflated(self, entry: _Entry) -> bytes:
        if entry.size > MAX_BYTES:
            raise ValueError(f"it has {entry.size} bytes, {MAX_BYTES} are allowed")
        return inflate(self._inside, entry.data_at, entry.size)

    def _entry(self, offset: int) -> _Entry:
        header = self._inside(offset, _HEADER_BYTES)
        type_, size, end = decode_entry_header(header)
        base: int | None = None
        if type_ == OFS_DELTA:
            distance, end = decode_distance(header, end)
            if not 0 < distance <= offset - HEADER.size:
                raise ValueError("its base is not before it")
            base = offset - distance
        elif type_ == REF_DELTA:
            base = self._index.find(ObjectId(header[end : end + ID_BYTES].ljust(ID_BYTES)))
            end += ID_BYTES
            if base is None:
                raise ValueError("its base is not in the pack")
        return _Entry(type_, size, offset + end, base)

    def _crc(self, offset: int, end: int) -> int:
        crc = 0
        while offset < end:
            piece = self._read(offset, min(_PIECE, end - offset))
            if not piece:
                raise ValueError("its entry is cut off")
            crc = crc32(piece, crc)
            offset += len(piece)
        return crc

    def _checksum(self) -> Iterator[Fault]:
        """Compare the pack's last bytes with all before them, with the index, and with the file's name."""
        digest, offset = hashlib.sha1(), 0
        while offset < self._end and (piece := self._read(offset, min(_PIECE, self._end - offset))):
            digest.update(piece)
            offset += len(piece)
        trailer = self._read(max(self._end, 0), TRAILER_BYTES)
        if trailer != digest.digest():
            yield Fault(self._path, "its checksum is not that of its bytes")
        if trailer != self._index.pack_checksum:
            yield Fault(self._path.with_suffix(".idx"), "it is the index of another pack")
        elif self._path.stem != f"pack-{trailer.hex()}":
            yield Fault(self._path, f"its name is not that of its checksum, {trailer.hex()}")

    def _inside(self, offset: int, size: int) -> bytes:
        """Return bytes of the entries, none before or after them."""
        return self._read(offset, min(size, self._end - offset)) if HEADER.size <= offset < self._end else b""

    def _read(self, offset: int, size: int) -> bytes:
        with disk_errors(self._path, "reading"):
            return os.pread(self._descriptor, size, offset)


def _same(found: ObjectId, id_: ObjectId) -> None:
    if found != id_:
        raise ValueError("its bytes have another id")


def _pieces(read: Callable[[int, int], bytes], offset: int, end: int) -> Iterator[bytes]:
    """Inflate what stands from `offset` to `end`: one zlib stream, and nothing after it."""
    stream = zlib.decompressobj()
    packed = b""
    while not stream.eof:
        packed = stream.unconsumed_tail or read(offset, min(_PIECE, end - offset))
        offset += 0 if stream.unconsumed_tail else len(packed)
        try:
            piece = stream.decompress(packed, _PIECE)
        except zlib.error as error:
            raise ValueError(f"compressed data is broken: {error}") from None
        # What was unpacked and did not fit into a piece comes with the next, though nothing more is read.
        if not packed and not piece and not stream.eof:
            raise ValueError("compressed data is cut off")
        yield piece
    if stream.unused_data or offset != end:
        raise ValueError("something stands between its entry and the next")
