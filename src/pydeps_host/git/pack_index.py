"""Indexes of packs, version 2 (gitformat-pack(5)): where each object is.

An index is held in memory whole: 28 bytes an object. So it needs no closing,
and no change of the file on disk can hurt who reads it.
"""

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from pydeps_host.errors import DamagedError, disk_errors
from pydeps_host.git.objects import ID_BYTES, ObjectId

_SIGNATURE = b"\xfftOc\0\0\0\2"
_FANOUT = struct.Struct(">256I")
_IDS_AT = len(_SIGNATURE) + _FANOUT.size
_TRAILER_BYTES = 2 * ID_BYTES
# Offsets from here on stand in a table of their own, of 64 bits each.
_LARGE = 2**31


class IndexEntry(NamedTuple):
    """One object of a pack.

    Attributes:
        id: The object's id.
        crc: CRC-32 of the entry as packed, its header included.
        offset: Where the entry begins in the pack, in bytes.
    """

    id: ObjectId
    crc: int
    offset: int


def encode_index(entries: Iterable[IndexEntry], pack_checksum: bytes) -> bytes:
    """Return the index of a pack; the entries may come in any order, each id once."""
    ordered = sorted(entries)
    firsts = bytes(entry.id[0] for entry in ordered)
    fanout = _FANOUT.pack(*(bisect_left(firsts, first + 1) for first in range(256)))
    large = [entry.offset for entry in ordered if entry.offset >= _LARGE]
    places = iter(range(_LARGE, _LARGE + len(large)))
    offsets = [entry.offset if entry.offset < _LARGE else next(places) for entry in ordered]
    content = b"".join(
        (
            _SIGNATURE,
            fanout,
            b"".join([entry.id for entry in ordered]),
            struct.pack(f">{len(ordered)}I", *(entry.crc for entry in ordered)),
            struct.pack(f">{len(ordered)}I", *offsets),
            struct.pack(f">{len(large)}Q", *large),
            pack_checksum,
        )
    )
    return content + hashlib.sha1(content).digest()


class PackIndex:
    """An index that was read."""

    def __init__(self, content: bytes, *, path: Path) -> None:
        """Take an index's bytes.

        Only what look-ups rest on is checked, so that opening stays cheap;
        `verify` checks the rest.

        Args:
            content: The whole file.
            path: Where it was read, for errors.

        Raises:
            DamagedError: This is no index of version 2, or its size is not what its counts say.
        """
        self.path = path
        self._content = content
        if not content.startswith(_SIGNATURE) or len(content) < _IDS_AT + _TRAILER_BYTES:
            raise self._damaged("it is no pack index of version 2")
        self._fanout: tuple[int, ...] = (0, *_FANOUT.unpack_from(content, len(_SIGNATURE)))
        self._count = self._fanout[-1]
        self._crcs_at = _IDS_AT + self._count * ID_BYTES
        self._offsets_at = self._crcs_at + self._count * 4
        self._large_at = self._offsets_at + self._count * 4
        large, odd = divmod(len(content) - _TRAILER_BYTES - self._large_at, 8)
        if odd or not 0 <= large <= self._count:
            raise self._damaged(f"{len(content)} bytes are no index of {self._count} objects")
        if self._fanout != tuple(sorted(self._fanout)):
            raise self._damaged("its counts are not in order")
        self._large_count = large

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read an index file.

        Raises:
            DiskError: It cannot be read.
            DamagedError: As when one is made of bytes.
        """
        with disk_errors(path, "reading"):
            content = path.read_bytes()
        return cls(content, path=path)

    @property
    def pack_checksum(self) -> bytes:
        """The checksum that the pack must end with."""
        return self._content[-_TRAILER_BYTES:-ID_BYTES]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[IndexEntry]:
        """All entries by ascending id; raises `DamagedError` as `find` does."""
        for place in range(self._count):
            (crc,) = struct.unpack_from(">I", self._content, self._crcs_at + place * 4)
            yield IndexEntry(self._id(place), crc, self._offset(place))

    def __contains__(self, id_: ObjectId) -> bool:
        return self.place(id_) is not None

    def find(self, id_: ObjectId) -> int | None:
        """Return where in the pack an object begins, or None where it is not in it.

        Raises:
            DamagedError: The index points to a 64-bit offset that it does not have.
        """
        place = self.place(id_)
        return None if place is None else self._offset(place)

    def verify(self) -> None:
        """Check everything that can be checked without the pack.

        Raises:
            DamagedError: The checksum is not that of the bytes, or ids are not in order.
        """
        if hashlib.sha1(self._content[:-ID_BYTES]).digest() != self._content[-ID_BYTES:]:
            raise self._damaged("its checksum is not that of its bytes")
        previous = b""
        for entry in self:
            if entry.id <= previous or not self._fanout[entry.id[0]] < self._fanout[entry.id[0] + 1]:
                raise self._damaged("its ids are not in order")
            previous = entry.id

    def place(self, id_: ObjectId) -> int | None:
        """Return an object's number in the order of the ids, from 0, or None where it is not in the pack."""
        # By hand: the key function that `bisect` would need makes a look-up half as fast.
        low, high = self._fanout[id_[0]], self._fanout[id_[0] + 1]
        content = self._content
        while low < high:
            middle = (low + high) // 2
            at = _IDS_AT + middle * ID_BYTES
            found = content[at : at + ID_BYTES]
            if found == id_:
                return middle
            if found < id_:
                low = middle + 1
            else:
                high = middle
        return None

    def _id(self, place: int) -> ObjectId:
        at = _IDS_AT + place * ID_BYTES
        return ObjectId(self._content[at : at + ID_BYTES])

    def _offset(self, place: int) -> int:
        (offset,) = struct.unpack_from(">I", self._content, self._offsets_at + place * 4)
        if offset < _LARGE:
            return int(offset)
        if offset - _LARGE >= self._large_count:
            raise self._damaged(f"it has no 64-bit offset number {offset - _LARGE}")
        (large,) = struct.unpack_from(">Q", self._content, self._large_at + (offset - _LARGE) * 8)
        return int(large)

    def _damaged(self, detail: str) -> DamagedError:
        return DamagedError(str(self.path), detail)
