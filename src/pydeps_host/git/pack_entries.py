"""The entries of a pack in the order in which they stand in it."""

from collections.abc import Iterator
from operator import attrgetter

from pydeps_host.errors import DamagedError
from pydeps_host.git.objects import ID_BYTES, Kind, ObjectId
from pydeps_host.git.pack_format import KINDS, MOST_NUMBER_BYTES, OFS_DELTA, REF_DELTA, decode_distance, decode_entry_header
from pydeps_host.git.pack_index import IndexEntry
from pydeps_host.git.pack_reader import PackReader

# No header, with what names a delta's base, is longer.
HEADER_BYTES = MOST_NUMBER_BYTES + max(MOST_NUMBER_BYTES, ID_BYTES)


def in_order(pack: PackReader) -> list[tuple[IndexEntry, int]]:
    """Return each entry with the place where it ends, the first one first.

    Raises:
        DiskError, DamagedError: The pack or its index cannot be read.
    """
    entries = sorted(pack.index, key=attrgetter("offset"))
    return list(zip(entries, [*(entry.offset for entry in entries[1:]), pack.end], strict=True))


def kinds_of(pack: PackReader) -> Iterator[tuple[ObjectId, Kind]]:
    """Yield each object's id and kind, from the headers of the entries alone.

    Raises:
        DiskError: The pack cannot be read.
        DamagedError: An entry is none, or a delta whose base is not before it.
    """
    kinds: dict[int, Kind] = {}
    for entry, type_, base in _types(pack):
        try:
            kinds[entry.offset] = KINDS[type_] if base is None else kinds[base]
        except KeyError as problem:
            raise _damaged(pack, entry, problem) from None
        yield entry.id, kinds[entry.offset]


def bases_of(pack: PackReader) -> frozenset[ObjectId]:
    """Return the objects that others in the pack are deltas of.

    Raises:
        DiskError: The pack cannot be read.
        DamagedError: An entry is none.
    """
    offsets = {base for _, _, base in _types(pack) if base is not None}
    return frozenset(entry.id for entry in pack.index if entry.offset in offsets)


def _types(pack: PackReader) -> Iterator[tuple[IndexEntry, int, int | None]]:
    """Yield each entry in its order, its type and, of a delta, where its base begins."""
    for entry in sorted(pack.index, key=attrgetter("offset")):
        try:
            type_, base = _type(pack, entry.offset)
        except ValueError as problem:
            raise _damaged(pack, entry, problem) from None
        yield entry, type_, base


def _damaged(pack: PackReader, entry: IndexEntry, problem: Exception) -> DamagedError:
    return DamagedError(str(pack.path), f"object {entry.id.hex()}: {problem}")


def _type(pack: PackReader, offset: int) -> tuple[int, int | None]:
    """Return an entry's type and, of a delta, where its base begins."""
    head = pack.packed(offset, HEADER_BYTES)
    type_, _, at = decode_entry_header(head)
    if type_ == OFS_DELTA:
        return type_, offset - decode_distance(head, at)[0]
    if type_ == REF_DELTA:
        base = pack.index.find(ObjectId(head[at : at + ID_BYTES].ljust(ID_BYTES)))
        if base is None:
            raise ValueError("its base is not in the pack")
        return type_, base
    return type_, None
