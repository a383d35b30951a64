"""Records of a zip file's central directory (APPNOTE 4.3.12), each checked for itself."""

import calendar
import hashlib
import re
import stat
import struct
from collections.abc import Iterator
from typing import BinaryIO, Self

from attrs import frozen

from pydeps_host.archive.budget import Budget
from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.archive.values import Kind
from pydeps_host.archive.zipattributes import Attributes, check_version, unix_mode
from pydeps_host.archive.zipend import Directory
from pydeps_host.archive.zipextra import UNICODE_PATH, parse_extra, widen

STORED = 0
DEFLATED = 8
ENCRYPTED = 1 << 0
DESCRIPTOR = 1 << 3
UTF8 = 1 << 11

_RECORD = struct.Struct("<4sBBHHHHHIIIHHHHHII")
# Bits 1 and 2 say how hard the compressor tried. Strong encryption and hidden headers are bits 6 and 13.
_KNOWN_FLAGS = 0b110 | DESCRIPTOR | UTF8
_ENCRYPTION = ENCRYPTED | 1 << 6 | 1 << 13
_PRINTABLE = re.compile(rb"[ -~\t\r\n]*")
# As VMS writes it.
_VERSION = re.compile(rb";[0-9]*\Z")

_PACKED = struct.Struct(">QQQIHBBBq")
_KINDS = (None, *Kind)


@frozen(eq=False)
class Record:
    """What the central directory says of one entry.

    Attributes:
        name: As it stands there.
        kind: What it is, or None for a device or a FIFO.
        executable: Whether the owner may execute it; false where no Unix system wrote the record.
        flags: The general purpose flags.
        method: 0 or 8.
        crc: CRC-32 of the content.
        packed: Bytes in the archive.
        size: Bytes of content.
        offset: Where the local record begins.
        mtime: Seconds since 1970 of the local time, read as UTC; -1 where it is no date.
        unicode_path: Whether it has Info-ZIP's Unicode path.
    """

    name: bytes
    kind: Kind | None
    executable: bool
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mtime: int
    unicode_path: bool = False

    def pack(self) -> bytes:
        """Return the record in one piece, a quarter of its size; those of one archive sort by their offsets."""
        marks = self.executable | self.unicode_path << 1
        kind = _KINDS.index(self.kind)
        numbers = (self.offset, self.packed, self.size, self.crc, self.flags, self.method, kind, marks, self.mtime)
        return _PACKED.pack(*numbers) + self.name

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the record that was packed."""
        offset, packed, size, crc, flags, method, kind, marks, mtime = _PACKED.unpack_from(data)
        name = data[_PACKED.size :]
        return cls(name, _KINDS[kind], bool(marks & 1), flags, method, crc, packed, size, offset, mtime, bool(marks & 2))


def read_directory(file: BinaryIO, directory: Directory, budget: Budget) -> Iterator[Record]:
    """Yield the records of a central directory, which must fill it.

    Raises:
        Refused: A record is malformed, encrypted, of an unknown method, or given twice.
    """
    budget.foresee_entries(directory.entries)
    file.seek(directory.offset)
    total = names = 0
    # Digests of names, because 200,000 names may be long.
    seen: set[bytes] = set()
    left = directory.size
    for _ in range(directory.entries):
        budget.enter()
        place = directory.offset + directory.size - left
        fields, name, extra, comment = _parts(file, left)
        left -= _RECORD.size + len(name) + len(extra) + len(comment)
        names += len(name)
        try:
            budget.foresee_name(name, names)
            record = _record(fields, name, extra, comment)
        except Refused as refused:
            raise refused.at(name, place) from None
        digest = hashlib.blake2b(name, digest_size=16).digest()
        if digest in seen:
            raise Refused(Refusal.ZIP_DUPLICATE, "two records of one name", name, place)
        seen.add(digest)
        total += record.size
        budget.foresee(total)
        yield record
    if left:
        raise Refused(Refusal.ZIP_DIRECTORY, "more than records in the directory", offset=directory.offset + directory.size - left)


def _parts(file: BinaryIO, left: int) -> tuple[tuple[int, ...], bytes, bytes, bytes]:
    head = file.read(min(left, _RECORD.size))
    if len(head) < _RECORD.size or not head.startswith(b"PK\x01\x02"):
        raise Refused(Refusal.ZIP_DIRECTORY, "fewer records than the end record says")
    fields = _RECORD.unpack(head)
    sizes = fields[11:14]
    if sum(sizes) > left - _RECORD.size:
        raise Refused(Refusal.ZIP_DIRECTORY, "a record longer than the directory")
    name, extra, comment = (file.read(size) for size in sizes)
    return fields, name, extra, comment


def _record(fields: tuple[int, ...], name: bytes, extra: bytes, comment: bytes) -> Record:
    _, _, system, version, flags, method, time, date, crc, packed, size, _, _, _, disk, internal, external, offset = fields
    _check_flags(flags, method)
    check_version(version)
    if _VERSION.search(name):
        raise Refused(Refusal.ZIP_NAME_VERSION, "a name with a version at its end, which unzip takes off")
    if _PRINTABLE.fullmatch(comment) is None:
        raise Refused(Refusal.ZIP_COMMENT, "an entry's comment that is more than plain text")
    if disk:
        raise Refused(Refusal.ZIP_DISKS, "an entry is said to be on another disk")
    beside = parse_extra(extra, name)
    size, packed, offset = widen(beside.zip64, (size, packed, offset))
    if size and not crc:
        raise Refused(Refusal.ZIP_CHECKSUM, "no checksum of an entry with content")
    if flags & UTF8:
        _check_utf8(name)
    mode = unix_mode(name, Attributes(system, internal, external, beside.kinds))
    kind, mtime = _kind(name, size, mode), _seconds(date, time)
    return Record(name, kind, mode & 0o100 != 0, flags, method, crc, packed, size, offset, mtime, UNICODE_PATH in beside.kinds)


def _check_utf8(name: bytes) -> None:
    try:
        name.decode()
    except UnicodeDecodeError as error:
        raise Refused(Refusal.ZIP_FLAGS, "a name that is said to be UTF-8, and is not") from error


def _check_flags(flags: int, method: int) -> None:
    if flags & _ENCRYPTION:
        raise Refused(Refusal.ZIP_ENCRYPTED, "an encrypted entry")
    if flags & ~_KNOWN_FLAGS:
        raise Refused(Refusal.ZIP_FLAGS, f"unknown flags {flags:#06x}")
    if method not in {STORED, DEFLATED}:
        raise Refused(Refusal.ZIP_METHOD, f"compression method {method}; stored and deflated ones are read")


def _kind(name: bytes, size: int, mode: int) -> Kind | None:
    form = stat.S_IFMT(mode)
    if name.endswith(b"/"):
        if size or form not in {0, stat.S_IFDIR, stat.S_IFREG}:
            raise Refused(Refusal.ZIP_FOLDER, "a folder's name on an entry that is none")
        return Kind.DIRECTORY
    if form == stat.S_IFDIR:
        raise Refused(Refusal.ZIP_FOLDER, "a folder's attributes on an entry that is none by its name")
    if form == stat.S_IFLNK:
        return Kind.SYMLINK
    return Kind.FILE if form in {0, stat.S_IFREG} else None


def _seconds(date: int, time: int) -> int:
    year, month, day = 1980 + (date >> 9), date >> 5 & 15, date & 31
    hour, minute, second = time >> 11, time >> 5 & 63, (time & 31) * 2
    if not (1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1] and hour < 24 and minute < 60 and second < 60):
        return -1
    return calendar.timegm((year, month, day, hour, minute, second))
