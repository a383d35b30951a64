"""Archives made block by block, so that any field can be wrong."""

import gzip
import io
import struct
import zlib

from attrs import frozen

from pydeps_host.archive import ArchiveReader, Entry, Kind, Layout, Member, layout, read_archive
from pydeps_host.values import Limits

END = bytes(1024)


def header(name: bytes = b"a.txt", *, size: int | bytes = 0, kind: bytes = b"0", **fields: bytes) -> bytes:
    """One ustar header; `fields` overwrite by name, and the checksum comes right unless given."""
    values = {
        "name": name,
        "mode": b"0000644\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "size": b"%011o\0" % size if isinstance(size, int) else size,
        "mtime": b"00000000001\0",
        "checksum": b" " * 8,
        "type": kind,
        "target": b"",
        "magic": b"ustar\x0000",
        "owner": b"",
        "group": b"",
        "major": b"0000000\0",
        "minor": b"0000000\0",
        "prefix": b"",
        **fields,
    }
    block = b"".join(values[field].ljust(width, b"\0") for field, width in _FIELDS)
    if "checksum" not in fields:
        block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    assert len(block) == 512
    return block


_FIELDS = (
    *(("name", 100), ("mode", 8), ("uid", 8), ("gid", 8), ("size", 12), ("mtime", 12), ("checksum", 8), ("type", 1)),
    *(("target", 100), ("magic", 8), ("owner", 32), ("group", 32), ("major", 8), ("minor", 8), ("prefix", 167)),
)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def entry(name: bytes, data: bytes = b"", **fields: bytes) -> bytes:
    return header(name, size=len(data), **fields) + padded(data)


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(str(length)) + len(key) + len(value) + 3 != length:
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


def pax(*records: bytes, kind: bytes = b"x") -> bytes:
    data = b"".join(records)
    return header(b"PaxHeader", size=len(data), kind=kind) + padded(data)


@frozen
class Part:
    """One entry of a zip file: what its local record, its content and its directory record say."""

    name: bytes
    data: bytes = b""
    packed: bytes | None = None
    method: int = 0
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    local_name: bytes | None = None
    local_extra: bytes = b""
    extra: bytes = b""
    comment: bytes = b""
    descriptor: bytes = b""
    local: tuple[int, int, int] | None = None
    attributes: int = 0
    system: int = 3
    time: tuple[int, int] = (0, 0x21)
    disk: int = 0

    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.data) if self.method == 8 else self.data

    def numbers(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        packed = len(self.body()) if self.packed_size is None else self.packed_size
        return crc, packed, len(self.data) if self.size is None else self.size

    def local_record(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        numbers = self.numbers() if self.local is None else self.local
        head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, self.flags, self.method, *self.time, *numbers, len(name), len(self.local_extra))
        return head + name + self.local_extra + self.body() + self.descriptor

    def directory_record(self, offset: int) -> bytes:
        lengths = (len(self.name), len(self.extra), len(self.comment))
        head = struct.pack("<4sBB5H3I5H2I", b"PK\1\2", 20, self.system, 20, self.flags, self.method, *self.time, *self.numbers(), *lengths,
                           self.disk, 0, self.attributes, offset)  # fmt: skip
        return head + self.name + self.extra + self.comment


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def end_record(entries: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    return struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, entries, entries, size, offset, len(comment)) + comment


def zipped(*parts: Part, comment: bytes = b"", between: bytes = b"") -> bytes:
    """A zip file of parts; `between` goes before the directory."""
    data, directory = b"", b""
    for part in parts:
        directory += part.directory_record(len(data))
        data += part.local_record()
    data += between
    return data + directory + end_record(len(parts), len(directory), len(data), comment)


def reader(data: bytes, filename: str = "a.tar", **limits: int) -> ArchiveReader:
    return read_archive(io.BytesIO(data), filename, limits=Limits(**limits))


def members(data: bytes, filename: str = "a.tar", **limits: int) -> list[Member]:
    """Read an archive to its end, every content whole."""
    found = reader(data, filename, **limits)
    return [one._replace(content=content(one)) for one in found]


def contents(data: bytes, filename: str = "a.tar", **limits: int) -> dict[bytes, object]:
    return {one.path: one.content for one in members(data, filename, **limits) if one.kind is Kind.FILE}


def skips(data: bytes, filename: str = "a.tar", **limits: int) -> list[tuple[bytes, str]]:
    found = reader(data, filename, **limits)
    for _ in found:
        """Only what is left out matters."""
    return [(one.path, one.reason) for one in found.skips]


def tree(data: bytes, filename: str = "a.tar", *, strip: bool = False) -> Layout:
    """Read an archive and lay it out, with contents for ids."""
    found = reader(data, filename)
    entries = [as_entry(one._replace(content=content(one))) for one in found]
    return layout(entries, strip=strip, filename=filename, left_out=found.skips)


def content(one: Member) -> bytes:
    return one.content if isinstance(one.content, bytes) else b"".join(one.content)


def as_entry(one: Member) -> Entry:
    assert isinstance(one.content, bytes)
    return Entry(one.path, one.kind, one.executable, one.content if one.kind is Kind.FILE else b"", one.target or None, one.offset)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)
