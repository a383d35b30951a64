"""An entry that a reader found to a member that is taken, whatever the format."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from pydeps_host.archive.budget import Budget
from pydeps_host.archive.policy import Gate, check_name, content_reason, path_in_tree
from pydeps_host.archive.reasons import SkipReason
from pydeps_host.archive.values import DIRECTORY, FILE, Kind, Member, sane_time

# A member up to this size is one bytes object.
WHOLE_BYTES = 1024 * 1024


class Found(NamedTuple):
    """An entry as the archive has it; a tuple, because one is made for every entry.

    Attributes:
        raw: The name.
        kind: What it is, or None for a device or a FIFO.
        executable: Whether the owner may execute it.
        size: Bytes of content, as the archive promises; the reader holds it to that.
        mtime: Seconds since 1970, any number.
        offset: Where its header begins.
        target: What a link points at.
    """

    raw: bytes
    kind: Kind | None
    executable: bool
    size: int
    mtime: int
    offset: int
    target: bytes = b""


class Content(Protocol):
    """An entry's content, read once, either way, to its end."""

    def whole(self, size: int, /) -> bytes:
        """Return all of it, for a size that memory may be taken for."""
        ...

    def pieces(self, size: int, /) -> Iterator[bytes]:
        """Yield all of it in bounded pieces."""
        ...


class Desk:
    """Makes members of entries, by the rules that look at one entry alone.

    Args:
        gate: Admits names.
        budget: Charged for entries and content.
        guard: Wraps an iterator of content that is handed out.

    Attributes:
        whole_bytes: Up to this size a file's content is one bytes object.
    """

    def __init__(self, gate: Gate, budget: Budget, guard: Callable[[Iterator[bytes]], Iterator[bytes]]) -> None:
        self._gate = gate
        self._budget = budget
        self._guard = guard
        self.whole_bytes: int = min(WHOLE_BYTES, budget.limits.file_bytes)

    def take(self, found: Found, content: Content) -> tuple[Member | None, Iterator[bytes]]:
        """Return the member, or None where the entry is left out; and what is to be drained after it."""
        raw, kind, executable, size, mtime, offset, _ = found
        if kind is None:
            return None, self.leave(found, SkipReason.DEVICE, content)
        if kind is not FILE:
            return self._other(found, kind), NOTHING
        path = self._gate.admit(raw, FILE, offset)
        if path is None:
            return None, self._timed(content.pieces(size))
        whole = content.whole(size) if size <= self.whole_bytes else None
        reason = SkipReason.TOO_LARGE if size > self._budget.limits.file_bytes else _reason(raw, path, whole)
        if reason is not None:
            self._gate.skip(raw, reason, offset)
            return None, NOTHING if whole is not None else self._timed(content.pieces(size))
        if whole is not None:
            return Member(path, FILE, executable, size, sane_time(mtime), offset, b"", whole), NOTHING
        pieces = self._timed(content.pieces(size))
        return Member(path, FILE, executable, size, sane_time(mtime), offset, b"", self._guard(pieces)), pieces

    def file(self, raw: bytes, mtime: int, offset: int, content: bytes, *, executable: bool) -> Member | None:
        """Return the member of a file whose content is at hand, at most `whole_bytes`; None where it is left out."""
        path = self._gate.admit(raw, FILE, offset)
        if path is None:
            return None
        reason = _reason(raw, path, content)
        if reason is not None:
            self._gate.skip(raw, reason, offset)
            return None
        return Member(path, FILE, executable, len(content), sane_time(mtime), offset, b"", content)

    def folder(self, raw: bytes, mtime: int, offset: int) -> Member | None:
        """Return the member of a folder, or None where it is left out."""
        path = self._gate.admit(raw, DIRECTORY, offset)
        # The root is a folder that every tree has.
        return Member(path, DIRECTORY, executable=False, size=0, mtime=sane_time(mtime), offset=offset) if path else None

    def leave(self, found: Found, reason: SkipReason, content: Content) -> Iterator[bytes]:
        """Leave an entry out before its name is looked at; return what is to be drained."""
        raw, size, offset = found.raw, found.size, found.offset
        check_name(found.raw)
        self._budget.name(raw)
        self._gate.skip(raw, reason, offset)
        return self._timed(content.pieces(size)) if size else NOTHING

    def _other(self, found: Found, kind: Kind) -> Member | None:
        if kind is DIRECTORY:
            return self.folder(found.raw, found.mtime, found.offset)
        path = self._gate.admit(found.raw, kind, found.offset)
        if path is None:
            return None
        target = found.target
        if kind is Kind.HARDLINK:
            reason, target = path_in_tree(target)
            if reason is not None:
                self._gate.skip(found.raw, SkipReason.HARD_LINK_MISSING, found.offset)
                return None
        self._budget.text(target)
        return Member(path, kind, executable=False, size=0, mtime=sane_time(found.mtime), offset=found.offset, target=target)

    def _timed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._budget.check_time()
            yield piece


def _reason(raw: bytes, path: bytes, content: bytes | None) -> SkipReason | None:
    # A path that is the very name was plain, and no rule looks into such a file.
    return None if path is raw else content_reason(path, content)


# What is to be drained where there is nothing.
NOTHING: Iterator[bytes] = iter(())
