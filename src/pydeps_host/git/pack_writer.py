"""Writing one pack (version 2, no deltas) and its index."""

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from pydeps_host.git.append_file import AppendFile
from pydeps_host.git.deflate import crc32, deflate, deflater
from pydeps_host.git.objects import Kind, ObjectHasher, ObjectId, object_id
from pydeps_host.git.pack_format import HEADER, SIGNATURE, VERSION, encode_entry_header
from pydeps_host.git.pack_index import IndexEntry, encode_index


@frozen
class Mark:
    """A state of a pack being written, to come back to.

    Attributes:
        size: The pack's size then, in bytes.
        objects: How many objects it had.
    """

    size: int
    objects: int


@frozen
class FinishedPack:
    """A pack that is complete, still under the names that it was written under.

    Attributes:
        path: The pack.
        index_path: Its index.
        checksum: The pack's 20 last bytes.
        objects: How many objects it holds, one at least.
    """

    path: Path
    index_path: Path
    checksum: bytes
    objects: int

    @property
    def pack_name(self) -> str:
        """The file name that the pack has in a repository."""
        return f"pack-{self.checksum.hex()}.pack"

    @property
    def index_name(self) -> str:
        """The file name that the index has in a repository."""
        return f"pack-{self.checksum.hex()}.idx"


_HELD_BYTES: Final = 16 * 1024 * 1024


def _nothing(_: ObjectId, /) -> bool:
    return False


class PackWriter:
    """A pack being written; a context manager that takes away what was not finished.

    Not for several threads. Where `add` or `add_stream` fails, the pack is
    as it was before the call, so the caller may go on, roll back or abort.
    """

    def __init__(self, path: Path, *, known: Callable[[ObjectId], bool] = _nothing, level: int = 1) -> None:
        """Create the file.

        Args:
            path: The pack while it is written, which must not be there yet; the
                index goes beside it, with the suffix `.idx`. Not in a
                repository's own folder of packs, where readers would find them.
            known: Says which objects need not be written.
            level: How hard to compress, from 0 (fastest) to 3 (smallest).

        Raises:
            DiskError: The file cannot be created.
        """
        if level not in range(4):
            raise ValueError(f"there is no level {level}, there are 0 to 3")
        self._known = known
        self._level = level
        self._path = path
        self._index_path = path.with_suffix(".idx")
        # A line of the index in three places, because a pack may have as many objects as an archive has entries.
        self._ids: dict[ObjectId, None] = {}
        self._crcs = array("I")
        self._offsets = array("Q")
        self._file = AppendFile(path)
        self._file.append(HEADER.pack(SIGNATURE, VERSION, 0))
        self._end = self._file.size
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.abort()

    def add(self, kind: Kind, data: bytes) -> ObjectId:
        """Write an object, unless it is in this pack already or known.

        Raises:
            DiskError: The disk refuses.
        """
        id_ = object_id(kind, data)
        if id_ not in self._ids and not self._known(id_):
            self._cut()
            entry = encode_entry_header(kind, len(data)) + deflate(data, self._level)
            self._file.append(entry)
            self._enter(id_, crc32(entry))
        return id_

    def add_stream(self, kind: Kind, size: int, chunks: Iterable[bytes]) -> ObjectId:
        """Write an object that comes in pieces.

        Up to 16 MiB are held until the id is known, so that an object that is there
        already costs no compression. Of a larger one memory holds a piece at a time:
        it is compressed in any case, and cut off again where it turns out to be there.
        Whatever the pieces' iterator raises goes through, and nothing of the object stays.

        Raises:
            ValueError: The pieces have not `size` bytes in all.
            DiskError: The disk refuses.
        """
        hasher = ObjectHasher(kind, size)
        if size <= _HELD_BYTES:
            pieces = []
            for piece in chunks:
                hasher.update(piece)
                pieces.append(piece)
            id_ = hasher.finish()
            if not self._has(id_):
                self._enter(id_, self._compress(kind, size, pieces))
            return id_
        crc = self._compress(kind, size, map(hasher.updated, chunks))
        id_ = hasher.finish()
        if not self._has(id_):
            self._enter(id_, crc)
        return id_

    def add_packed(self, id_: ObjectId, pieces: Iterable[bytes]) -> int:
        """Take an entry over as it is packed elsewhere, header and all; nothing of it is checked.

        Args:
            id_: The object, which is not in this pack yet.
            pieces: The entry's bytes. The base of a delta is in this pack.

        Returns:
            Where the entry begins in this pack, in bytes.

        Raises:
            DiskError: The disk refuses.
        """
        self._cut()
        crc = 0
        for piece in pieces:
            crc = self._append(piece, crc)
        self._enter(id_, crc)
        return self._offsets[-1]

    def mark(self) -> Mark:
        """Return the present state, for `rollback`."""
        return Mark(self._end, len(self._ids))

    def rollback(self, mark: Mark) -> None:
        """Take back everything since a mark.

        Raises:
            ValueError: The mark is of another pack, or of a time that was itself taken back.
            DiskError: The disk refuses.
        """
        later = len(self._ids) - mark.objects
        if later < 0 or mark.size != (self._offsets[mark.objects] if later else self._end):
            raise ValueError("the mark is of no state that this pack went through")
        for _ in range(later):
            self._ids.popitem()
        del self._crcs[mark.objects :], self._offsets[mark.objects :]
        self._end = mark.size
        self._cut()

    def finish(self, *, sync: bool = True) -> FinishedPack | None:
        """Complete the pack and write its index.

        Args:
            sync: Have both files on the disk before returning; their folder is the caller's.

        Returns:
            None where there is nothing to keep; the file is gone then.

        Raises:
            DiskError: The disk refuses; both files are gone then.
        """
        try:
            if self._ids:
                checksum = self._complete(sync=sync)
                self._open = False
                return FinishedPack(self._path, self._index_path, checksum, len(self._ids))
        finally:
            self.abort()
        return None

    def abort(self) -> None:
        """Take the files away; without effect once the pack is finished.

        Raises:
            DiskError: The disk refuses.
        """
        if self._open:
            self._open = False
            self._file.remove()

    def _has(self, id_: ObjectId) -> bool:
        return id_ in self._ids or self._known(id_)

    def _compress(self, kind: Kind, size: int, pieces: Iterable[bytes]) -> int:
        """Append an entry that is made of pieces, and return its checksum."""
        self._cut()
        stream = deflater(self._level)
        crc = self._append(encode_entry_header(kind, size), 0)
        for piece in pieces:
            crc = self._append(stream.compress(piece), crc)
        return self._append(stream.flush(), crc)

    def _append(self, data: bytes, crc: int) -> int:
        self._file.append(data)
        return crc32(data, crc)

    def _enter(self, id_: ObjectId, crc: int) -> None:
        """Make what was appended since the last entry one more entry."""
        self._ids[id_] = None
        self._crcs.append(crc)
        self._offsets.append(self._end)
        self._end = self._file.size

    def _cut(self) -> None:
        """Cut off what is no entry: a failure, or an object that was there already, left it."""
        if self._file.size != self._end:
            self._file.truncate(self._end)

    def _complete(self, *, sync: bool) -> bytes:
        """Complete both files, and return the pack's checksum."""
        self._cut()
        self._file.overwrite(0, HEADER.pack(SIGNATURE, VERSION, len(self._ids)))
        # One more reading, at a gigabyte a second, is what lets objects be taken back at any time.
        checksum = self._file.sha1()
        self._file.append(checksum)
        self._file.finish(sync=sync)
        with AppendFile(self._index_path) as index:
            index.append(encode_index(map(IndexEntry, self._ids, self._crcs, self._offsets), checksum))
            index.finish(sync=sync)
        return checksum
