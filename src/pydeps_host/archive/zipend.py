"""The end of a zip file: its end record, the ZIP64 one, and where the directory is (APPNOTE 4.3.14 to 4.3.16)."""

import struct
from typing import BinaryIO

from attrs import frozen

from pydeps_host.archive.reasons import Refusal, Refused

_END = b"PK\x05\x06"
_END_BYTES = 22
_END64_BYTES = 56
_LOCATOR_BYTES = 20
_LONGEST_COMMENT = 0xFFFF


@frozen
class Directory:
    """Where the central directory is.

    Attributes:
        offset: Where it begins, in bytes from the start of the file.
        size: Its bytes.
        entries: Its records.
    """

    offset: int
    size: int
    entries: int


def find_directory(file: BinaryIO, size: int) -> Directory:
    """Find the central directory of a file of `size` bytes.

    Raises:
        Refused: There is no end record, more than one that a reader could take for
            it, or the records at the end do not follow each other without a gap.
    """
    start = max(0, size - _END_BYTES - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read(size - start)
    place = _end_record(tail)
    end = start + place
    disk, first, here, entries, length, offset, _ = struct.unpack_from("<HHHHIIH", tail, place + 4)
    locator = _read(file, end - _LOCATOR_BYTES, _LOCATOR_BYTES)
    if locator.startswith(b"PK\x06\x07"):
        directory, end = _read_end64(file, end - _LOCATOR_BYTES, locator)
        shorts = (here, entries, length, offset)
        wides = (directory.entries, directory.entries, directory.size, directory.offset)
        fulls = (0xFFFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF)
        if any(short not in {wide, full} for short, wide, full in zip(shorts, wides, fulls, strict=True)):
            raise Refused(Refusal.ZIP_ZIP64, "the two end records disagree", offset=end)
        # A count that both have room for is given by both.
        if disk not in {0, 0xFFFF} or first not in {0, 0xFFFF}:
            raise Refused(Refusal.ZIP_DISKS, "the archive is said to be on several disks", offset=end)
    else:
        directory = Directory(offset, length, entries)
        if disk or first or here != entries:
            raise Refused(Refusal.ZIP_DISKS, "the archive is said to be on several disks", offset=end)
    if directory.offset + directory.size != end:
        raise Refused(Refusal.ZIP_GAP, "the central directory does not end where the end record begins", offset=end)
    return directory


def _end_record(tail: bytes) -> int:
    """Return where the end record is; it must be the only one that a reader can take for it."""
    found = -1
    place = tail.find(_END)
    while place >= 0:
        comment = int.from_bytes(tail[place + 20 : place + 22], "little")
        ends = place + _END_BYTES + comment
        if found >= 0:
            raise Refused(Refusal.ZIP_SECOND_END, "an end record inside the comment of another")
        if ends == len(tail):
            found = place
        elif ends > len(tail) >= place + _END_BYTES:
            raise Refused(Refusal.ZIP_SECOND_END, "an end record whose comment is longer than the file")
        place = tail.find(_END, place + 1)
    if found < 0:
        raise Refused(Refusal.ZIP_END, "no end record, or data after it")
    return found


def _read_end64(file: BinaryIO, locator_offset: int, locator: bytes) -> tuple[Directory, int]:
    disk, offset, disks = struct.unpack_from("<IQI", locator, 4)
    record = _read(file, locator_offset - _END64_BYTES, _END64_BYTES)
    right = offset == locator_offset - _END64_BYTES and record.startswith(b"PK\x06\x06")
    if not right or record[4:12] != (_END64_BYTES - 12).to_bytes(8, "little"):
        raise Refused(Refusal.ZIP_ZIP64, "the ZIP64 end record is not where its locator says, or not of its size", offset=locator_offset)
    here_disk, first_disk, here, entries, length, start = struct.unpack_from("<IIQQQQ", record, 16)
    if disk or disks != 1 or here_disk or first_disk or here != entries:
        raise Refused(Refusal.ZIP_DISKS, "the archive is said to be on several disks", offset=offset)
    return Directory(start, length, entries), offset


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    if offset < 0:
        return b""
    file.seek(offset)
    return file.read(size)
