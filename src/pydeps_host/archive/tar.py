"""tar files: blocks to members, with every header checked."""

from collections.abc import Iterator

from attrs import define

from pydeps_host.archive.budget import Budget
from pydeps_host.archive.desk import NOTHING, Desk, Found
from pydeps_host.archive.pax import Pax, is_padded, parse_entry_header, parse_global_header, time_alone
from pydeps_host.archive.policy import climbs
from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.archive.stream import ByteStream
from pydeps_host.archive.tarheader import BLOCK, ZERO_BLOCK, Header, common_fields, parse_header
from pydeps_host.archive.values import DIRECTORY, FILE, Kind, Member

_HEADER_BYTES = 256 * 1024
_GLOBAL_BYTES = 1024 * 1024

_KINDS = {b"0": FILE, b"1": Kind.HARDLINK, b"2": Kind.SYMLINK, b"5": DIRECTORY}
_DEVICES = frozenset({b"3", b"4", b"6"})
_EXTENSIONS = frozenset({b"x", b"g", b"L", b"K"})
# Headers of extended headers, which CPython's tarfile writes all alike, are kept for the next one like it.
_KEPT_HEADERS = 64


@define
class _LongNames:
    """What GNU's headers for long names said of the entry that must follow."""

    name: bytes | None = None
    target: bytes | None = None


_NO_PAX = Pax()
_NO_NAMES = _LongNames()


class TarReader:
    """Reads one tar file, once.

    Args:
        stream: The tar file's bytes.
        desk: Makes members of entries.
        budget: Charged for entries and their headers.
        sealed: Whether the bytes come out of a compressed stream whose own end was
            checked, so that a tar file without its end is not a truncated one.
    """

    def __init__(self, stream: ByteStream, desk: Desk, budget: Budget, *, sealed: bool) -> None:
        self._stream = stream
        self._desk = desk
        self._budget = budget
        self._sealed = sealed
        self._content = _PaddedContent(stream)
        # An extended header, of whatever kind, waits for its entry; and what it said of it: one of these at most.
        self._waiting = False
        self._time: int | None = None
        self._pax: Pax | None = None
        self._long: _LongNames | None = None
        self._kept: dict[bytes, Header] = {}
        # The last extended header that told a time alone, its own header included, and that time: often the next one is the same.
        self._stamp: bytes | None = None
        self._stamped = 0
        self._global_bytes = 0
        self._global_mtime: int | None = None
        self._v7: bool | None = None
        self._name: bytes | None = None

    def members(self) -> Iterator[Member]:
        """Yield the members that are taken.

        Raises:
            Refused: The archive is refused.
        """
        while True:
            offset = self._stream.offset
            self._name = None
            try:
                member, rest = self._at_hand(offset), NOTHING
                if member is None and self._stream.offset == offset:
                    header = self._header()
                    if header is None:
                        return
                    member, rest = self._desk.take(self._found(header, offset), self._content)
            except Refused as refused:
                raise refused.at(self._name, offset) from None
            if member is not None:
                yield member
            if rest is not NOTHING:
                _drain(rest)

    def _at_hand(self, offset: int) -> Member | None:
        """Take the next entry at one look, where it is as most are, and return its member, or None where it is left out.

        Such a one is a file or a folder, nothing about its headers is unusual, and all of it is in the buffer. Of
        any other nothing is taken: it goes the long way, which has a word for whatever is wrong.
        """
        if self._v7 is not False or self._global_mtime is not None:
            return None
        buffer, begin = self._stream.window()
        at = self._after_stamp(buffer, begin)
        fields = common_fields(buffer, at)
        if fields is None:
            return None
        name, mode, size, mtime, flag, _ = fields
        content = at + BLOCK
        after = content + size
        end = after + -size % BLOCK
        is_file = flag == b"0"
        if end > len(buffer) or size > self._desk.whole_bytes or not (is_file or (flag == b"5" and not size)):
            return None
        self._name = name
        self._budget.enter()
        self._stream.skip(end - begin)
        if at != begin:
            mtime = self._stamped
        if is_file:
            return self._desk.file(name, mtime, offset, buffer[content:after], executable=mode & 0o100 != 0)
        return self._desk.folder(name, mtime, offset)

    def _after_stamp(self, buffer: bytes, begin: int) -> int:
        """Return where the next header begins: behind an extended one that tells a time alone, which is kept, else at `begin`."""
        if self._stamp is not None and buffer.startswith(self._stamp, begin):
            return begin + len(self._stamp)
        content = begin + BLOCK
        header = self._kept.get(buffer[begin:content])
        if header is None:
            return begin
        end = content + header.size + -header.size % BLOCK
        time = time_alone(buffer[content:end], header.size)
        if time is None:
            return begin
        self._stamp, self._stamped = buffer[begin:end], time
        return end

    def _header(self) -> Header | None:
        """Return the next entry's header, its extensions read; None at the end."""
        while True:
            block = self._stream.take(BLOCK)
            # What follows an extended header is another kind of header, if all is well.
            header = None if self._waiting else self._kept.get(block)
            if header is None:
                if len(block) < BLOCK or block == ZERO_BLOCK:
                    self._finish(block)
                    return None
                header = self._parsed(block)
            self._name = header.name
            if header.type not in _EXTENSIONS:
                return header
            self._extend(header)

    def _parsed(self, block: bytes) -> Header:
        header = parse_header(block)
        self._name = header.name
        if header.v7 is not self._v7:
            self._set_dialect(header)
        if header.type == b"x" and len(self._kept) < _KEPT_HEADERS:
            self._kept[block] = header
        return header

    def _set_dialect(self, header: Header) -> None:
        if self._v7 is not None:
            raise Refused(Refusal.TAR_DIALECT, "headers with and without a magic in one archive")
        self._v7 = header.v7

    def _extend(self, header: Header) -> None:
        size = header.size
        allowed = _GLOBAL_BYTES - self._global_bytes if header.type == b"g" else _HEADER_BYTES
        if size > allowed:
            raise Refused(Refusal.LIMIT_HEADER, f"an extended header of {size} bytes, {allowed} are allowed")
        blocks = self._stream.exactly(size + -size % BLOCK)
        self._waiting = True
        if header.type == b"x":
            if self._time is not None or self._pax is not None or self._long is not None:
                raise Refused(Refusal.TAR_EXTENSION_ORDER, "an extended header after another one")
            self._time = time_alone(blocks, size)
            if self._time is None:
                self._pax = parse_entry_header(_without_padding(blocks, size, Refusal.PAX_RECORD))
        elif header.type == b"g":
            self._extend_all(_without_padding(blocks, size, Refusal.PAX_RECORD))
        else:
            self._extend_name(header.type, _long_name(_without_padding(blocks, size, Refusal.TAR_LONG_NAME)))

    def _extend_all(self, data: bytes) -> None:
        # No entry has to come between one global header and the next.
        self._budget.check_time()
        if self._time is not None or self._pax is not None or self._long is not None:
            raise Refused(Refusal.TAR_EXTENSION_ORDER, "a global header between an extended one and its entry")
        self._global_bytes += len(data)
        mtime = parse_global_header(data)
        self._global_mtime = self._global_mtime if mtime is None else mtime

    def _extend_name(self, kind: bytes, name: bytes) -> None:
        long = self._long = self._long or _LongNames()
        if self._time is not None or self._pax is not None or (long.name if kind == b"L" else long.target) is not None:
            raise Refused(Refusal.TAR_EXTENSION_ORDER, "a long name after an extended header, or after another one")
        if kind == b"L":
            long.name = name
        else:
            long.target = name

    def _found(self, header: Header, offset: int) -> Found:
        self._budget.enter()
        raw, mode, size, mtime, kind, target, _ = header
        self._waiting = False
        if self._time is not None:
            mtime, self._time = self._time, None
        else:
            if self._global_mtime is not None:
                mtime = self._global_mtime
            if self._pax is not None or self._long is not None:
                raw, target, mtime = self._extended(header, mtime)
        what = _KINDS.get(kind) or _unusual_kind(kind, raw)
        if size and what is not FILE:
            raise Refused(Refusal.TAR_PAYLOAD, "a payload on an entry of a kind that has none: some readers read it as entries")
        if size > self._stream.buffered:
            self._budget.foresee(size - self._stream.buffered)
        return Found(raw, what, mode & 0o100 != 0, size, mtime, offset, target)

    def _extended(self, header: Header, mtime: int) -> tuple[bytes, bytes, int]:
        """Return an entry's name, its link's target and its time, as its extended headers have them."""
        pax, long = self._pax or _NO_PAX, self._long or _NO_NAMES
        self._pax = self._long = None
        raw = self._name = _agreed(header.name, pax.path or long.name)
        target = _agreed(header.target, pax.linkpath or long.target)
        if header.type == b"\0" and header.name.endswith(b"/") is not raw.endswith(b"/"):
            raise Refused(Refusal.TAR_NAMES_DISAGREE, "a folder by one of its two names alone")
        if pax.size is not None and pax.size != header.size:
            raise Refused(Refusal.TAR_SIZES_DISAGREE, "two sizes of one entry")
        return raw, target, mtime if pax.mtime is None else pax.mtime

    def _finish(self, block: bytes) -> None:
        if self._waiting:
            raise Refused(Refusal.TAR_EXTENSION_ORDER, "an extended header without an entry")
        if not block:
            # CPython and GNU tar take an archive that just stops where a header could begin.
            if not self._sealed or self._v7 is None:
                raise Refused(Refusal.TAR_END_MISSING, "the archive ends without a zero block")
            return
        if len(block) < BLOCK:
            raise Refused(Refusal.TRUNCATED, "the archive ends inside a header")
        for piece in self._stream.rest():
            if piece.count(0) != len(piece):
                raise Refused(Refusal.TAR_TRAILING, "data after the end of the archive")
            self._budget.check_time()


class _PaddedContent:
    """Content that is filled up to a whole block."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def whole(self, size: int) -> bytes:
        """Return all of it."""
        return self._stream.filled(size, BLOCK)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield all of it in the pieces that the stream has."""
        left = size
        for piece in self._stream.pieces(size):
            left -= len(piece)
            yield piece
        self._stream.exactly(left)
        self._stream.exactly(-size % BLOCK)


def _unusual_kind(flag: bytes, raw: bytes) -> Kind | None:
    if flag == b"\0":
        # v7 had no type for folders: a slash at the end of the name made one.
        return Kind.DIRECTORY if raw.endswith(b"/") else Kind.FILE
    if flag in _DEVICES:
        return None
    raise Refused(Refusal.TAR_TYPE, f"an entry of type {flag!r}, which readers treat differently")


def _without_padding(blocks: bytes, size: int, reason: Refusal) -> bytes:
    """Return what an extended header holds, without the zeros behind it."""
    # CPython reads on behind the header's end as long as it finds something.
    if not is_padded(blocks, size):
        raise Refused(reason, "an extended header with something behind its end")
    return blocks[:size]


def _long_name(data: bytes) -> bytes:
    name = data.removesuffix(b"\0")
    if not name or b"\0" in name:
        raise Refused(Refusal.TAR_LONG_NAME, "a long name that is empty, or ends before its header does")
    return name


def _agreed(short: bytes, long: bytes | None) -> bytes:
    """Return the name that holds: an extended header's before the header's own.

    They differ where the header has no room for the name. A reader that knows no
    extended headers takes the short one, so that it must not lead elsewhere.
    """
    if long is None:
        return short
    if climbs(short) and not climbs(long):
        raise Refused(Refusal.TAR_NAMES_DISAGREE, "a header's own name leads out of the tree, its extended one does not")
    return long


def _drain(rest: Iterator[bytes]) -> None:
    for _ in rest:
        """Whoever wanted the content has had it."""
