"""The way in: a file and its name to members."""

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

from pydeps_host.archive.budget import Budget
from pydeps_host.archive.desk import Desk
from pydeps_host.archive.policy import Gate
from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.archive.stream import ByteStream, bunzip2, gunzip, plain, unxz
from pydeps_host.archive.tar import TarReader
from pydeps_host.archive.values import Flag, Member, Skip
from pydeps_host.archive.zip import ZipReader
from pydeps_host.errors import ArchiveError, DiskError, UsageError
from pydeps_host.values import Limits, escape

_TARS: dict[str, Callable[[BinaryIO, Budget], Iterator[bytes]]] = {
    ".tar.gz": gunzip,
    ".tgz": gunzip,
    ".tar.bz2": bunzip2,
    ".tar.xz": unxz,
    ".tar": plain,
}
_T = TypeVar("_T")
_ZIPS = (".zip", ".whl")


def is_readable(filename: str) -> bool:
    """Tell whether there is a reader for files of this name (by its end, whatever its case)."""
    return filename.lower().endswith((*_TARS, *_ZIPS))


def read_archive(file: BinaryIO, filename: str, *, limits: Limits | None = None) -> "ArchiveReader":
    """Return a reader of an archive; nothing is read before it is iterated.

    Args:
        file: The archive, open for reading, seekable; the caller closes it.
        filename: Its name, which tells the format.
        limits: What is enforced; the defaults where None.
    """
    return ArchiveReader(file, filename, limits or Limits())


class ArchiveReader:
    """An archive's members, in the archive's order, once.

    Iterating raises `ArchiveError` wherever the archive is refused, which may be
    at its very end: nothing that was yielded before holds until the iteration is
    over. It raises `DiskError` where the file cannot be read.

    Attributes:
        skips: Entries that were left out so far.
        flags: Entries that were kept and flagged so far.
    """

    def __init__(self, file: BinaryIO, filename: str, limits: Limits) -> None:
        self._file = file
        self._filename = filename
        self._limits = limits
        self._gate: Gate | None = None
        self._started = False
        self._failure: ArchiveError | DiskError | None = None

    @property
    def skips(self) -> tuple[Skip, ...]:
        """Entries that were left out, complete when the iteration is over."""
        return tuple(self._gate.skips) if self._gate is not None else ()

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Entries that were kept and flagged, complete when the iteration is over."""
        return tuple(self._gate.flags) if self._gate is not None else ()

    def __iter__(self) -> Iterator[Member]:
        if self._started:
            raise UsageError("an archive's reader was iterated a second time", "make another reader with read_archive")
        self._started = True
        return self._translated(self._members())

    def _members(self) -> Iterator[Member]:
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        budget = Budget(self._limits, size)
        self._gate = Gate(budget)
        desk = Desk(self._gate, budget, self._translated)
        name = self._filename.lower()
        if name.endswith(_ZIPS):
            yield from ZipReader(self._file, size, desk, budget).members()
            return
        for suffix, decode in _TARS.items():
            if name.endswith(suffix):
                stream = ByteStream(decode(self._file, budget))
                yield from TarReader(stream, desk, budget, sealed=decode is not plain).members()
                return
        raise Refused(Refusal.FORMAT_UNKNOWN, "no reader for files of this name")

    def _translated(self, items: Iterator[_T]) -> Iterator[_T]:
        try:
            # Not `yield from`: whoever closes a member's content must not close what drains it.
            for item in items:
                yield item
                # Whoever swallowed an error of a member's content must not take this for a sound archive.
                if self._failure is not None:
                    raise self._failure
        except Refused as refused:
            entry = None if refused.entry is None else escape(refused.entry.decode("utf-8", "surrogateescape"))
            self._failure = ArchiveError(self._filename, refused.reason.value, refused.detail, entry, refused.offset)
            raise self._failure from refused
        except OSError as error:
            self._failure = DiskError(self._filename, "reading", error.strerror or str(error), error.errno)
            raise self._failure from error
