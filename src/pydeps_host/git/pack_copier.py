"""Several packs made one, without unpacking anything.

Entries are copied as they are. Only the way back from a delta to its base is
written anew, because the distance between the two is another one.
"""

from collections.abc import Callable, Iterator
from typing import Final

from pydeps_host.errors import DamagedError
from pydeps_host.git.deflate import crc32
from pydeps_host.git.objects import ObjectId
from pydeps_host.git.pack_entries import HEADER_BYTES, in_order
from pydeps_host.git.pack_format import OFS_DELTA, decode_distance, decode_entry_header, encode_distance
from pydeps_host.git.pack_index import IndexEntry
from pydeps_host.git.pack_reader import PackReader
from pydeps_host.git.pack_writer import PackWriter

_PIECE: Final = 1024 * 1024
# After so many bytes somebody is asked whether to go on.
_STRETCH: Final = 16 * 1024 * 1024


class PackCopier:
    """Copies whole packs into one, each object once.

    Memory holds one piece of an entry, and some 300 bytes for each object.
    """

    def __init__(self, into: PackWriter, *, check: Callable[[], None]) -> None:
        """Copy into a pack that is being written and still empty.

        Args:
            into: The pack.
            check: Called every few megabytes; what it raises ends the copying.
        """
        self._into = into
        self._check = check
        self._places: dict[ObjectId, int] = {}
        self._uncounted = 0

    def copy(self, pack: PackReader, *, leave_out: frozenset[ObjectId] = frozenset()) -> None:
        """Copy every entry of a pack whose object was not copied before.

        Args:
            pack: The pack.
            leave_out: Objects that are not wanted any more. None of them is the base of a delta.

        Raises:
            DiskError: The disk refuses.
            DamagedError: The index or an entry is not what its checksum says; nothing damaged is passed on.
        """
        pack.index.verify()
        entries = in_order(pack)
        ids = {entry.offset: entry.id for entry, _ in entries}
        for entry, end in entries:
            if entry.id not in self._places and entry.id not in leave_out:
                self._places[entry.id] = self._into.add_packed(entry.id, self._moved(pack, entry, end, ids))
                self._count(end - entry.offset)

    def _moved(self, pack: PackReader, entry: IndexEntry, end: int, ids: dict[int, ObjectId]) -> Iterator[bytes]:
        """Yield an entry's bytes for its new place, and check that the old ones were what they were written as."""
        head = pack.packed(entry.offset, min(HEADER_BYTES, end - entry.offset))
        try:
            new, at = self._header(head, entry, ids)
        except ValueError as problem:
            raise _damaged(pack, entry, str(problem)) from None
        yield new
        crc = crc32(head[:at])
        position = entry.offset + at
        while position < end:
            piece = pack.packed(position, min(_PIECE, end - position))
            if not piece:
                break
            crc = crc32(piece, crc)
            position += len(piece)
            yield piece
        if crc != entry.crc:
            raise _damaged(pack, entry, "its packed bytes are not those that were written")

    def _header(self, head: bytes, entry: IndexEntry, ids: dict[int, ObjectId]) -> tuple[bytes, int]:
        """Return an entry's header for its new place, and how many bytes the old one has.

        A delta that names its base by id (REF_DELTA) needs no change: the base is
        in the same pack, so it is copied too, or it was. No circle can come of
        deltas of several packs: what is dropped is dropped for what stands before it.
        """
        type_, _, at = decode_entry_header(head)
        if type_ != OFS_DELTA:
            return head[:at], at
        distance, after = decode_distance(head, at)
        base = ids.get(entry.offset - distance)
        if base is None or base not in self._places:
            raise ValueError("its base is not before it")
        return head[:at] + encode_distance(self._into.mark().size - self._places[base]), after

    def _count(self, size: int) -> None:
        self._uncounted += size
        if self._uncounted >= _STRETCH:
            self._uncounted = 0
            self._check()


def _damaged(pack: PackReader, entry: IndexEntry, detail: str) -> DamagedError:
    return DamagedError(str(pack.path), f"object {entry.id.hex()}: {detail}")
