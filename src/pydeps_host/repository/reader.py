"""Reading a repository's state while others may publish."""

from attrs import frozen

from pydeps_host.errors import DamagedError
from pydeps_host.repository.disk import look_at, read_bytes, read_from
from pydeps_host.repository.journal import JournalLine, advance, decode_lines
from pydeps_host.repository.layout import JOURNAL, PACKED_REFS, Layout, check_layout
from pydeps_host.repository.state import EMPTY, State, refs_digest

# Of a file: its inode, size and time of change. None where there is no file.
_Stamp = tuple[int, int, int] | None


@frozen
class _Seen:
    """What was read, and the stamps of both files before it was.

    Every change adds to the journal, so its size alone tells two states apart
    even where a file system's clock is coarse.
    """

    stamps: tuple[_Stamp, _Stamp]
    packed_refs: bytes
    state: State | None = None


class StateReader:
    """The references and the state, read again whenever a file changed.

    The references come first and the journal after them: a line is on the disk
    before the references that it leads to are, so the line is always found.
    No lock is taken and nothing is written. Threads may share it.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._packed_refs = f"{layout.root}/{PACKED_REFS}"
        self._journal = f"{layout.root}/{JOURNAL}"
        self._seen: _Seen | None = None
        # The journal's inode and the state that was read from it last.
        self._last: tuple[int, State] = (0, EMPTY)

    def packed_refs(self) -> bytes:
        """Return the bytes of all references; the journal is not read.

        Raises:
            NotStoredError, DamagedError, FormatError: The repository is gone, or no longer one.
        """
        return self._look().packed_refs

    def state(self) -> State:
        """Return the present state.

        Raises:
            DamagedError: The journal cannot be read, or knows nothing of the present references.
            FormatError: A newer version of this library wrote to the journal.
        """
        while (seen := self._look()).state is None:
            state = self._read_state(seen)
            # Where another repository came into the place meanwhile, what was seen is the old one's.
            self._seen = _Seen(seen.stamps, seen.packed_refs, state) if state is not None else None
            if state is not None:
                return state
        return seen.state

    def lines(self) -> tuple[JournalLine, ...]:
        """Return every committed line of the journal, oldest first."""
        data = read_bytes(self._journal)[: self.state().end]
        return tuple(line for line, _ in decode_lines(data, self._journal))

    def _look(self) -> _Seen:
        seen = self._seen
        stamps = _stamp(self._packed_refs), _stamp(self._journal)
        if seen is not None and seen.stamps == stamps:
            return seen
        if stamps[1] is None:
            check_layout(self._layout)
        seen = _Seen(stamps, read_bytes(self._packed_refs))
        self._seen = seen
        return seen

    def _read_state(self, seen: _Seen) -> State | None:
        """Return the state, or None where the journal is another file than the one that was seen."""
        inode, size, _ = seen.stamps[1] or (0, 0, 0)
        last_inode, last = self._last
        # What was current once is never cut off, so reading goes on from there,
        # unless somebody put another journal in its place.
        since = last if inode == last_inode and last.end <= size else EMPTY
        refs = refs_digest(seen.packed_refs)
        # Another thread may have read on since these references were seen: they are those of an earlier line then.
        for start in (since, EMPTY):
            lines = self._lines_after(start, inode)
            if lines is None:
                return None
            state = advance(start, lines, refs)
            if state is not None:
                self._last = inode, state
                return state
        raise DamagedError(self._packed_refs, "the journal knows nothing of it: something else changed the references")

    def _lines_after(self, start: State, inode: int) -> list[tuple[JournalLine, int]] | None:
        data = read_from(self._journal, start.end, inode=inode)
        return None if data is None else decode_lines(data, self._journal, before=start.lines)


def _stamp(path: str) -> _Stamp:
    found = look_at(path)
    return None if found is None else (found.st_ino, found.st_size, found.st_mtime_ns)
