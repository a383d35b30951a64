"""What a reader yields and what the whole-tree policy takes and gives."""

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from attrs import frozen

from pydeps_host.archive.reasons import FlagReason, SkipReason


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    DIRECTORY = "directory"


# For what is asked of every entry, a dozen times: before Python 3.12 a look into the class of an Enum takes ten times as long.
FILE: Final = Kind.FILE
DIRECTORY: Final = Kind.DIRECTORY
SYMLINK: Final = Kind.SYMLINK


class Member(NamedTuple):
    """One entry of an archive, in the archive's order; a tuple, because one is made for every entry.

    Attributes:
        path: Relative, `/` between components, none of them empty, `.` or `..`; UTF-8.
        kind: What it is.
        executable: Whether the owner may execute it (mode bit 0o100, the one git looks at).
        size: Bytes of a file's content; 0 for everything else.
        mtime: Seconds since 1970 (UTC; a zip's local time is read as UTC), or None where there is no sane one.
        offset: Where its header begins, in bytes from the start of the (inflated) archive.
        target: What a link points at: a symlink's text as it is, a hard link's path made
            relative like `path`; empty for everything else.
        content: A file's bytes: one object up to 1 MiB, else an iterator of pieces,
            to be consumed before the next member is asked for (else it is drained).
    """

    path: bytes
    kind: Kind
    executable: bool
    size: int
    mtime: int | None
    offset: int
    target: bytes = b""
    content: bytes | Iterator[bytes] = b""

    def __repr__(self) -> str:
        """Leave the content out, which may be a megabyte."""
        return f"Member({', '.join(f'{name}={value!r}' for name, value in zip(self._fields[:-1], self[:-1], strict=True))})"


@frozen
class Skip:
    """An entry that was left out.

    Attributes:
        path: As the archive has it.
        reason: A code of `SkipReason`.
        offset: Where its header begins, in bytes from the start of the (inflated) archive, or None where that is not known.
    """

    path: bytes
    reason: str
    offset: int | None = None

    @property
    def message(self) -> str:
        """What was seen, in a few words."""
        return SkipReason(self.reason).message


@frozen
class Flag:
    """An entry that was kept, and of which a person should know something.

    Attributes:
        path: The entry's path.
        reason: A code of `FlagReason`.
        offset: Where its header begins, as in `Skip`; None too where a folder is meant that is only implied.
    """

    path: bytes
    reason: str
    offset: int | None = None

    @property
    def message(self) -> str:
        """What was seen, in a few words."""
        return FlagReason(self.reason).message


class Entry(NamedTuple):
    """One entry as the whole-tree policy sees it: its content has become an id. A tuple, because one is made for every entry.

    Attributes:
        path: As `Member.path`.
        kind: What it is.
        executable: As `Member.executable`.
        id: The id of a file's or a symlink's blob; empty for hard links and directories.
        target: What a link points at, or None.
        offset: Where its header begins, or None.
    """

    path: bytes
    kind: Kind
    executable: bool = False
    id: bytes = b""
    target: bytes | None = None
    offset: int | None = None


@frozen
class Layout:
    """What a tree is made of.

    Attributes:
        entries: Files and symlinks, sorted by path; paths without the top folder that was stripped.
        skips: Entries that the whole-tree rules left out, by the path that they would have had.
        flags: Entries that were kept and flagged.
        stripped: The top folder that was stripped, or empty.
    """

    entries: tuple[Entry, ...] = ()
    skips: tuple[Skip, ...] = ()
    flags: tuple[Flag, ...] = ()
    stripped: bytes = b""


def sane_time(seconds: int) -> int | None:
    """Return seconds since 1970 where they are in the years 1970 to 9999, else None."""
    return seconds if 0 <= seconds < 253_402_300_800 else None
