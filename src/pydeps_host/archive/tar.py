"""tar files: blocks to members, with every header checked."""

from collections.abc import Iterator

from attrs import define

from pydeps_host.archive.budget import Budget
from pydeps_host.archive.desk import Desk, Found
from pydeps_host.archive.pax import Pax, parse_entry_header, parse_global_header
from pydeps_host.archive.policy import climbs
from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.archive.stream import ByteStream
from pydeps_host.archive.tarheader import BLOCK, ZERO_BLOCK, Header, parse_header
from pydeps_host.archive.values import Kind, Member

_HEADER_BYTES = 256 * 1024
_GLOBAL_BYTES = 1024 * 1024

_KINDS = {b"0": Kind.FILE, b"\0": Kind.FILE, b"1": Kind.HARDLINK, b"2": Kind.SYMLINK, b"5": Kind.DIRECTORY}
_DEVICES = frozenset({b"3", b"4", b"6"})
_NO_PAX = Pax()
_EXTENSIONS = frozenset({b"x", b"g", b"L", b"K"})


@define
class _Pending:
    """What extended headers said of the entry that must follow."""

    pax: Pax | None = None
    name: bytes | None = None
    target: bytes | None = None


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
        # An extended header, of whatever kind, waits for its entry; and what it said of it.
        self._waiting = False
        self._pending: _Pending | None = None
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
                header = self._header()
                if header is None:
                    return
                found = self._found(header, offset)
                member, rest = self._desk.take(found, self._content)
            except Refused as refused:
                raise refused.at(self._name, offset) from None
            if member is not None:
                yield member
            _drain(rest)

    def _header(self) -> Header | None:
        """Return the next entry's header, its extensions read; None at the end."""
        while True:
            block = self._stream.take(BLOCK)
            if len(block) < BLOCK or block == ZERO_BLOCK:
                self._finish(block)
                return None
            header = parse_header(block)
            self._name = header.name
            if header.v7 is not self._v7:
                self._set_dialect(header)
            if header.type not in _EXTENSIONS:
                return header
            self._extend(header)

    def _set_dialect(self, header: Header) -> None:
        if self._v7 is not None:
            raise Refused(Refusal.TAR_DIALECT, "headers with and without a magic in one archive")
        self._v7 = header.v7

    def _extend(self, header: Header) -> None:
        self._budget.check_time()
        allowed = _GLOBAL_BYTES - self._global_bytes if header.type == b"g" else _HEADER_BYTES
        if header.size > allowed:
            raise Refused(Refusal.LIMIT_HEADER, f"an extended header of {header.size} bytes, {allowed} are allowed")
        data = self._extension(header)
        self._waiting = True
        if header.type == b"g":
            self._extend_all(data)
        elif header.type == b"x":
            if self._pending is not None:
                raise Refused(Refusal.TAR_EXTENSION_ORDER, "an extended header after another one")
            self._pending = _Pending(parse_entry_header(data))
        else:
            self._extend_name(header.type, _long_name(data))

    def _extend_all(self, data: bytes) -> None:
        if self._pending is not None:
            raise Refused(Refusal.TAR_EXTENSION_ORDER, "a global header between an extended one and its entry")
        self._global_bytes += len(data)
        mtime = parse_global_header(data)
        self._global_mtime = self._global_mtime if mtime is None else mtime

    def _extend_name(self, kind: bytes, name: bytes) -> None:
        pending = self._pending = self._pending or _Pending()
        if pending.pax is not None or (pending.name if kind == b"L" else pending.target) is not None:
            raise Refused(Refusal.TAR_EXTENSION_ORDER, "a long name after an extended header, or after another one")
        if kind == b"L":
            pending.name = name
        else:
            pending.target = name

    def _extension(self, header: Header) -> bytes:
        data = self._stream.exactly(header.size)
        # CPython reads on behind the header's end as long as it finds something.
        if self._stream.exactly(-header.size % BLOCK).strip(b"\0"):
            reason = Refusal.PAX_RECORD if header.type in {b"x", b"g"} else Refusal.TAR_LONG_NAME
            raise Refused(reason, "an extended header with something behind its end")
        return data

    def _found(self, header: Header, offset: int) -> Found:
        self._budget.enter()
        raw, mode, size, mtime, kind, target, _ = header
        if self._global_mtime is not None:
            mtime = self._global_mtime
        self._waiting = False
        pending = self._pending
        if pending is not None:
            self._pending = None
            pax = pending.pax or _NO_PAX
            raw = self._name = _agreed(raw, pax.path or pending.name)
            target = _agreed(target, pax.linkpath or pending.target)
            if kind == b"\0" and header.name.endswith(b"/") is not raw.endswith(b"/"):
                raise Refused(Refusal.TAR_NAMES_DISAGREE, "a folder by one of its two names alone")
            if pax.size is not None and pax.size != size:
                raise Refused(Refusal.TAR_SIZES_DISAGREE, "two sizes of one entry")
            mtime = mtime if pax.mtime is None else pax.mtime
        what = _kind(kind, raw)
        if size and what is not Kind.FILE:
            raise Refused(Refusal.TAR_PAYLOAD, "a payload on an entry of a kind that has none: some readers read it as entries")
        self._budget.foresee(size - self._stream.buffered)
        return Found(raw, what, mode & 0o100 != 0, size, mtime, offset, target)

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


def _kind(flag: bytes, raw: bytes) -> Kind | None:
    kind = _KINDS.get(flag)
    if kind is None:
        if flag in _DEVICES:
            return None
        raise Refused(Refusal.TAR_TYPE, f"an entry of type {flag!r}, which readers treat differently")
    # v7 had no type for folders: a slash at the end of the name made one.
    return Kind.DIRECTORY if flag == b"\0" and raw.endswith(b"/") else kind


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
