"""Reading objects from one pack, those of git's own making among them."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import frozen

from pydeps_host.errors import DamagedError, disk_errors
from pydeps_host.git.deflate import inflate
from pydeps_host.git.delta import apply_delta
from pydeps_host.git.objects import ID_BYTES, Kind, ObjectId, object_id
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

# The most that git itself will make.
MAX_DELTAS = 4095
MAX_BYTES = 256 * 1024 * 1024


class PackReader:
    """A pack and its index; a context manager that closes the pack.

    The index is read at once, the pack is opened by the first look into it.
    Reading may be done by several threads, closing not at the same time.
    """

    def __init__(self, path: Path) -> None:
        """Take the pack at `path`, whose index stands beside it.

        Raises:
            DiskError: The index cannot be read.
            DamagedError: It is no index.
        """
        self.path = path
        self.index: PackIndex = PackIndex.open(path.with_suffix(".idx"))
        self._file: _PackFile | None = None
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def read(self, id_: ObjectId, *, max_bytes: int = MAX_BYTES) -> tuple[Kind, bytes] | None:
        """Return an object as (kind, data), or None where it is not in the pack.

        What is returned has the id that was asked for: it is hashed again.

        Args:
            id_: The object.
            max_bytes: The most that it, and everything that it is a delta of, may have.

        Raises:
            DiskError: The pack cannot be read.
            DamagedError: The pack or its index is broken, or the object is larger.
        """
        offset = self.index.find(id_)
        if offset is None:
            return None
        try:
            kind, data = self._object(offset, max_bytes)
        except ValueError as error:
            raise self._damaged(id_, str(error)) from None
        if object_id(kind, data) != id_:
            raise self._damaged(id_, "its bytes have another id")
        return kind, data

    @property
    def end(self) -> int:
        """Where the last entry ends, in bytes; raises as `packed` does."""
        return self._opened().end

    def packed(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes as they stand in the pack, fewer at the end of its entries.

        Raises:
            DiskError: The pack cannot be read.
            DamagedError: It is not the pack that its index is of.
        """
        return self._opened().read(offset, size)

    def close(self) -> None:
        """Close the pack."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _object(self, offset: int, max_bytes: int) -> tuple[Kind, bytes]:
        """Go down to the base by headers alone, then up again, one delta in memory at a time."""
        file = self._opened()
        entry = self._entry(offset)
        deltas = []
        while entry.base is not None:
            deltas.append(entry)
            if len(deltas) > MAX_DELTAS:
                raise ValueError(f"it is more than {MAX_DELTAS} deltas from its base")
            entry = self._entry(entry.base)
        data = _inflate(file, entry, max_bytes)
        for delta in reversed(deltas):
            data = apply_delta(data, _inflate(file, delta, max_bytes), max_bytes=max_bytes)
        return KINDS[entry.type], data

    def _entry(self, offset: int) -> "PackEntry":
        return read_entry(self._opened().read, self.index, offset)

    def _damaged(self, id_: ObjectId, detail: str) -> DamagedError:
        return DamagedError(str(self.path), f"object {id_.hex()}: {detail}")

    def _opened(self) -> "_PackFile":
        with self._opening:
            if self._file is None:
                self._file = _PackFile(self.path, self.index)
            return self._file


@frozen
class PackEntry:
    """One entry of a pack, as its header tells it.

    Attributes:
        type: A number of `KINDS`, or of a delta.
        size: How many bytes it unpacks to; of a delta, the delta itself.
        data_at: Where its zlib stream begins in the pack.
        base: Where the entry begins that it is a delta of, or None.
    """

    type: int
    size: int
    data_at: int
    base: int | None


def read_entry(read: Callable[[int, int], bytes], index: PackIndex, offset: int) -> PackEntry:
    """Read the header of the entry that begins at `offset`.

    Args:
        read: Gives up to as many bytes of the pack (second argument) from a position (first).
        index: The pack's.
        offset: Where the entry begins, in bytes.

    Raises:
        ValueError: There is no whole header, or the base is not in the pack.
    """
    header = read(offset, MOST_NUMBER_BYTES + max(MOST_NUMBER_BYTES, ID_BYTES))
    type_, size, end = decode_entry_header(header)
    base: int | None = None
    if type_ == OFS_DELTA:
        distance, end = decode_distance(header, end)
        if not 0 < distance <= offset:
            raise ValueError("its base is not before it")
        base = offset - distance
    elif type_ == REF_DELTA:
        base = index.find(ObjectId(header[end : end + ID_BYTES].ljust(ID_BYTES)))
        end += ID_BYTES
        if base is None:
            raise ValueError("its base is not in the pack")
    elif type_ not in KINDS:
        raise ValueError(f"there is no kind of entry {type_}")
    return PackEntry(type_, size, offset + end, base)


def _inflate(file: "_PackFile", entry: PackEntry, max_bytes: int) -> bytes:
    if entry.size > max_bytes:
        raise ValueError(f"it has {entry.size} bytes, {max_bytes} are allowed")
    return inflate(file.read, entry.data_at, entry.size)


class _PackFile:
    """The pack's bytes between header and checksum, read at a place: no shared position, no mapping that can fault."""

    def __init__(self, path: Path, index: PackIndex) -> None:
        self._path = path
        with disk_errors(path, "opening"):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._check(index)
        except BaseException:
            self.close()
            raise

    def _check(self, index: PackIndex) -> None:
        with disk_errors(self._path, "reading"):
            self.end = os.fstat(self._descriptor).st_size - TRAILER_BYTES
            header = os.pread(self._descriptor, HEADER.size, 0)
            trailer = os.pread(self._descriptor, TRAILER_BYTES, max(self.end, 0))
        if header != HEADER.pack(SIGNATURE, VERSION, len(index)) or trailer != index.pack_checksum:
            raise DamagedError(str(self._path), "it is not the pack that its index is of")

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes, fewer at the end of the entries, none before or after them."""
        if not HEADER.size <= offset < self.end:
            return b""
        with disk_errors(self._path, "reading"):
            return os.pread(self._descriptor, min(size, self.end - offset), offset)

    def close(self) -> None:
        os.close(self._descriptor)
