"""zip files: the central directory, proven by the local records, to members."""

import struct
import zlib
from collections.abc import Collection, Iterator
from typing import BinaryIO, NamedTuple

from pydeps_host.archive.budget import PIECE_BYTES, Budget
from pydeps_host.archive.desk import Desk, Found
from pydeps_host.archive.reasons import Refusal, Refused, SkipReason
from pydeps_host.archive.stream import inflate_raw
from pydeps_host.archive.values import Kind, Member
from pydeps_host.archive.zipdirectory import DEFLATED, DESCRIPTOR, UTF8, Record, read_directory
from pydeps_host.archive.zipend import Directory, find_directory
from pydeps_host.archive.zipextra import UNICODE_PATH, parse_extra, widen

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_SIGNATURE = b"PK\x07\x08"
# A symlink's text that is longer than a path may be is read only to be checked.
_LINK_BYTES = 4096
# Among 200,000 entries, five of different sizes have one checksum by chance in one of 10 ** 14 archives.
_SHARED_SIZES = 4


class ZipReader:
    """Reads one zip file, once.

    Args:
        file: The file.
        size: Its bytes.
        desk: Makes members of entries.
        budget: Charged for entries.
    """

    def __init__(self, file: BinaryIO, size: int, desk: Desk, budget: Budget) -> None:
        self._file = file
        self._size = size
        self._desk = desk
        self._budget = budget
        # Seen in the directory, or in any local record so far.
        self._unicode_path = False
        self._streamed = False
        self._sums = _SharedChecksums()

    def members(self) -> Iterator[Member]:
        """Yield the members that are taken, in the order of their local records.

        Raises:
            Refused: The archive is refused.
        """
        directory = find_directory(self._file, self._size)
        for record, end in self._records(directory):
            try:
                place = self._local(record, end)
                content = _Content(self._file, self._budget, record, place, self._sums.sizes(record.crc))
                member, rest = self._take(record, content)
            except Refused as refused:
                raise refused.at(record.name, record.offset) from None
            if member is not None:
                yield member
            try:
                for _ in rest:
                    """Whoever wanted the content has had it."""
            except Refused as refused:
                raise refused.at(record.name, record.offset) from None

    def _records(self, directory: Directory) -> Iterator[tuple[Record, int]]:
        """Yield the records in the order of what they are of, each with where the next one's begins."""
        kept: list[bytes] = []
        for record in read_directory(self._file, directory, self._budget):
            self._sums.add(record)
            self._unicode_path |= record.unicode_path
            kept.append(record.pack())
        kept.sort(reverse=True)
        following = Record.unpack(kept.pop()) if kept else None
        if (following or directory).offset != 0:
            raise Refused(Refusal.ZIP_GAP, "something precedes the first entry", offset=0)
        while following is not None:
            record = following
            # Each is let go as it is read: its place in memory is taken by what is made of it.
            following = Record.unpack(kept.pop()) if kept else None
            yield record, (following or directory).offset

    def _take(self, record: Record, content: "_Content") -> tuple[Member | None, Iterator[bytes]]:
        found = Found(record.name, record.kind, record.executable, record.size, record.mtime, record.offset)
        # Without the flag a name is in whatever code page its author had.
        if not record.flags & UTF8 and not record.name.isascii():
            return None, self._desk.leave(found, SkipReason.NO_UTF8_FLAG, content)
        if record.kind is Kind.SYMLINK:
            if record.size > _LINK_BYTES:
                return None, self._desk.leave(found, SkipReason.LINK_TOO_LONG, content)
            found = found._replace(target=content.whole(record.size))
        elif record.kind is Kind.DIRECTORY:
            content.whole(0)
        return self._desk.take(found, content)

    def _local(self, record: Record, end: int) -> "_Place":
        """Check the local record, which must end where the next one begins; return where its content is."""
        self._file.seek(record.offset)
        head = self._file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
            raise Refused(Refusal.ZIP_HEADERS_DISAGREE, "no local record where the directory says")
        _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(head)
        name = self._file.read(name_bytes)
        # Some writers say in the local record alone that a data descriptor follows.
        if (name, flags & ~DESCRIPTOR, method) != (record.name, record.flags & ~DESCRIPTOR, record.method) or record.flags & ~flags:
            raise Refused(Refusal.ZIP_HEADERS_DISAGREE, "the local record has another name, method or flags")
        zip64, kinds = parse_extra(self._file.read(extra_bytes), name)
        streamed = bool(flags & DESCRIPTOR)
        # Wheels made by Bazel give both sizes a second time, where nothing needs it.
        if not streamed and zip64 == struct.pack("<QQ", size, packed):
            zip64 = None
        size, packed = widen(zip64, (size, packed))
        if (crc, packed, size) != (record.crc, record.packed, record.size) and not (streamed and (crc, packed, size) == (0, 0, 0)):
            raise Refused(Refusal.ZIP_HEADERS_DISAGREE, "the local record has another size or checksum")
        self._unicode_path |= UNICODE_PATH in kinds
        self._streamed |= streamed
        if self._streamed and self._unicode_path:
            raise Refused(Refusal.ZIP_UNICODE_PATH, "a data descriptor in an archive with a Unicode path, whose length unzip mistakes")
        begin = record.offset + _LOCAL.size + name_bytes + extra_bytes
        self._check_cover(end - begin - record.packed, streamed=streamed)
        if streamed:
            self._check_descriptor(record, begin + record.packed, end, wide=zip64 is not None)
        return _Place(begin, open_ended=streamed and packed == 0)

    def _check_cover(self, left: int, *, streamed: bool) -> None:
        if left < 0:
            raise Refused(Refusal.ZIP_OVERLAP, "an entry reaches into what follows it")
        if left and not streamed:
            raise Refused(Refusal.ZIP_GAP, "an entry ends before the next record begins")

    def _check_descriptor(self, record: Record, begin: int, end: int, *, wide: bool) -> None:
        # APPNOTE 4.3.9: the signature may be left out; 8-byte sizes go with a ZIP64 extra field.
        plain = struct.pack("<IQQ" if wide else "<III", record.crc, record.packed, record.size)
        self._file.seek(begin)
        found = self._file.read(min(end - begin, 32))
        if found not in {plain, _SIGNATURE + plain}:
            raise Refused(Refusal.ZIP_DESCRIPTOR, "a data descriptor that does not agree with the directory")


class _SharedChecksums:
    """Knows which checksums entries of different sizes share."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._shared: dict[int, set[int]] = {}

    def add(self, record: Record) -> None:
        """Take note of an entry.

        Raises:
            Refused: More sizes share its checksum than chance would bring.
        """
        size = self._first.setdefault(record.crc, record.size)
        if size != record.size:
            sizes = self._shared.setdefault(record.crc, {size})
            sizes.add(record.size)
            # Every entry would be looked through once for each of these sizes.
            if len(sizes) > _SHARED_SIZES:
                raise Refused(Refusal.ZIP_CHECKSUM, "more sizes of one checksum than chance brings", record.name, record.offset)

    def sizes(self, crc: int) -> Collection[int]:
        """Return the sizes that share a checksum; none where all entries that have it are of one size."""
        return self._shared.get(crc, ())


class _Place(NamedTuple):
    """Where an entry's content is.

    Attributes:
        begin: Where it begins.
        open_ended: Whether the local record does not say how long it is.
    """

    begin: int
    open_ended: bool


class _Content:
    """One entry's content, proven by its size and checksum.

    Args:
        file: The archive.
        budget: Charged for the content.
        record: What the directory says of the entry.
        place: Where the content is.
        sizes: Sizes of entries that have the same checksum; a few.
    """

    def __init__(self, file: BinaryIO, budget: Budget, record: Record, place: _Place, sizes: Collection[int]) -> None:
        self._file = file
        self._budget = budget
        self._record = record
        self._place, self._open_ended = place
        self._left = record.packed
        self._sizes = sizes

    def whole(self, size: int) -> bytes:
        """Return all of it."""
        data = b"".join(self.pieces(size))
        for shorter in self._sizes:
            # One file in 4,000 million has this by chance; a reader that looks for the
            # end of the content by its checksum would stop at it.
            if shorter < size and zlib.crc32(data[:shorter]) == self._record.crc:
                raise Refused(Refusal.ZIP_CHECKSUM, "the content begins with another entry's, and both have one checksum")
        return data

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield all of it in bounded pieces."""
        crc = 0
        left = size
        for piece in self._raw():
            left -= len(piece)
            if left < 0:
                raise Refused(Refusal.ZIP_SIZE, "more content than the directory says")
            crc = zlib.crc32(piece, crc)
            yield piece
        if left:
            raise Refused(Refusal.ZIP_SIZE, "less content than the directory says")
        if crc != self._record.crc:
            raise Refused(Refusal.ZIP_CHECKSUM, "the content has another checksum than the directory says")

    def _raw(self) -> Iterator[bytes]:
        # The zip files of setuptools 0.7 to 2.2 call a folder deflated and hold no stream for it: no reader looks for one.
        bare = self._record.kind is Kind.DIRECTORY and not self._record.packed
        if self._record.method == DEFLATED and not bare:
            yield from inflate_raw(self._read, self._budget)
            return
        stored = iter(lambda: self._read(PIECE_BYTES), b"")
        for piece in _without_end(stored) if self._open_ended else stored:
            self._budget.unpack(len(piece))
            yield piece

    def _read(self, size: int) -> bytes:
        # The place is sought each time: whoever has the content may move about in the file.
        self._file.seek(self._place)
        data = self._file.read(min(size, self._left))
        self._place += len(data)
        self._left -= len(data)
        return data


def _without_end(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield stored content that must not look as if it ended: who reads a stream takes a data descriptor in it for its own."""
    crc = 0
    held = b""
    for piece in pieces:
        data = held + piece
        done = 0
        place = data.find(_SIGNATURE)
        while 0 <= place <= len(data) - 8:
            crc = zlib.crc32(data[done:place], crc)
            done = place
            if data[place + 4 : place + 8] == crc.to_bytes(4, "little"):
                raise Refused(Refusal.ZIP_DESCRIPTOR, "the content holds a data descriptor that fits what precedes it")
            place = data.find(_SIGNATURE, place + 1)
        # The last bytes may begin a signature.
        end = max(done, len(data) - 7)
        crc = zlib.crc32(data[done:end], crc)
        held = data[end:]
        yield piece
