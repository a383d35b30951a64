"""Small valid archives of every kind, from which the fuzzer makes others."""

import bz2
import gzip
import io
import itertools
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from functools import cache

from attrs import frozen

from raw_archives import END, Part, entry, header, padded, pax, record, zipped

GNU = b"ustar  \0"
LINK = (stat.S_IFLNK | 0o777) << 16
EXECUTABLE = (stat.S_IFREG | 0o755) << 16
PLAIN = (stat.S_IFREG | 0o644) << 16
FOLDER = (stat.S_IFDIR | 0o755) << 16 | 0x10


@frozen
class TarSeed:
    """A tar file in pieces that can be moved: each an entry with its extended headers and its payload."""

    name: str
    entries: tuple[bytes, ...]
    end: bytes = END

    def data(self) -> bytes:
        return b"".join(self.entries) + self.end


@frozen
class ZipSeed:
    """A zip file as parts, or, where another library wrote it, as its bytes."""

    name: str
    parts: tuple[Part, ...] = ()
    comment: bytes = b""
    written: bytes = b""

    def data(self) -> bytes:
        return self.written or zipped(*self.parts, comment=self.comment)


@cache
def tar_seeds() -> tuple[TarSeed, ...]:
    """Return tar files: v7, ustar, GNU, PAX, and what CPython writes in each of its formats."""
    return (
        TarSeed("v7", tuple(_old(*one) for one in ((b"p/", b"", b"\0"), (b"p/a.txt", b"hello", b"\0"), (b"p/run", b"x" * 600, b"\0")))),
        TarSeed(
            "ustar",
            (
                header(b"p/", kind=b"5", mode=b"0000755\0"),
                entry(b"p/a.txt", b"hello"),
                entry(b"p/run", b"#!" * 300, mode=b"0000755\0"),
                entry(b"tail", b"deep", prefix=b"p/" + b"d" * 90),
                header(b"p/link", kind=b"2", target=b"a.txt"),
                header(b"p/hard", kind=b"1", target=b"p/a.txt"),
            ),
        ),
        TarSeed(
            "gnu",
            (
                _gnu(b"p/a", b"one"),
                _gnu(b"././@LongLink", b"p/" + b"n" * 120 + b"\0", kind=b"L") + _gnu(b"p/" + b"n" * 98, b"two"),
                _gnu(b"././@LongLink", b"a/" * 60 + b"b\0", kind=b"K") + header(b"p/k", kind=b"2", target=b"a/" * 50, magic=GNU),
                header(b"p/wide", size=b"\x80" + bytes(10) + b"\3", mtime=b"\xff" * 11 + b"\xf0", uid=b"\x80\0\0\0\0\xff\0\0", magic=GNU)
                + padded(b"256"),
            ),
        ),
        TarSeed(
            "pax",
            (
                pax(record(b"comment", b"0123456789abcdef"), kind=b"g") + header(b"p/", kind=b"5", mode=b"0000755\0"),
                pax(record(b"path", "p/é".encode()), record(b"mtime", b"1.5"), record(b"size", b"3")) + entry(b"p/e", b"pax"),
                pax(record(b"linkpath", "é".encode())) + header(b"p/l", kind=b"2", target=b"e"),
                pax(record(b"mtime", b"77.25")) + entry(b"p/run", b"y" * 513, mode=b"0000755\0"),
            ),
        ),
        TarSeed(
            "old folders",
            tuple(
                extended + header(short, kind=b"\0")
                for extended, short in (
                    (pax(record(b"path", b"p/x/")), b"p/"),
                    (entry(b"././@LongLink", b"p/y/\0", kind=b"L"), b"p/y/"),
                    (pax(record(b"path", b"p/z")), b"z"),
                )
            ),
        ),
        TarSeed(
            "devices",
            (
                entry(b"p/a", b"a"),
                header(b"p/char", kind=b"3", major=b"0000001\0", minor=b"0000003\0"),
                header(b"p/block", kind=b"4", major=b"0000007\0"),
                header(b"p/fifo", kind=b"6"),
                entry(b"p/.git/config", b"[x]"),
                entry(b"p/../out", b"out"),
            ),
        ),
        TarSeed("empty", (), END),
        *(
            _tarfile(name, form)
            for name, form in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT))
        ),
    )


@cache
def zip_seeds() -> tuple[ZipSeed, ...]:
    """Return zip files: stored, deflated, streamed, ZIP64, with extra fields, links and comments, and what CPython writes."""
    wide = b"\1\0\x10\0" + (5).to_bytes(8, "little") * 2
    unicode_path = struct.pack("<HHBI", 0x7075, 5 + 3, 1, zlib.crc32(b"u/a")) + b"u/a"
    return (
        ZipSeed(
            "stored",
            (
                Part(b"d/", attributes=FOLDER),
                Part(b"d/a.txt", b"hello", attributes=PLAIN),
                Part(b"run", b"#!x", attributes=EXECUTABLE),
                Part(b"l", b"d/a.txt", attributes=LINK),
            ),
            comment=b"a comment",
        ),
        ZipSeed(
            "deflated",
            (
                Part(b"b", b"b" * 500, method=8, extra=b"UT\5\0\1abcd", local_extra=b"UT\5\0\1abcd", attributes=PLAIN),
                Part(b"c", b"c" * 20, method=8, system=0, attributes=0x20),
                Part("é".encode(), b"flag", flags=1 << 11, attributes=EXECUTABLE),
                Part(b"u/a", b"path", extra=unicode_path, local_extra=unicode_path),
            ),
        ),
        ZipSeed(
            "streamed", (_streamed(b"s", signed=True), _streamed(b"t", signed=False), Part(b"e"), _streamed(b"o", signed=True, method=0))
        ),
        ZipSeed(
            "zip64", (Part(b"w", b"wide!", size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=wide, local_extra=wide), Part(b"n", b"narrow"))
        ),
        # As old setuptools and Bazel write them.
        ZipSeed("odd", (Part(b"d/", method=8, packed=b"", attributes=FOLDER), Part(b"d/w", b"wide!", local_extra=wide, attributes=PLAIN))),
        ZipSeed("empty"),
        ZipSeed("zip64 end", written=_wide_end()),
        ZipSeed("zipfile", written=_zipfile()),
    )


@cache
def packed_seeds() -> tuple[tuple[str, bytes], ...]:
    """Return compressed tar files, as (suffix, bytes)."""
    data = tar_seeds()[1].data()
    named = bytearray(gzip.compress(data, mtime=0))
    named[3:10] = b"\x1e" + named[4:10]
    # FEXTRA, FNAME, FCOMMENT and FHCRC (RFC 1952, 2.3.1).
    fields = bytes(named[:10]) + b"\4\0ab\0\0" + b"name.tar\0" + b"comment\0"
    whole = fields + (zlib.crc32(fields) & 0xFFFF).to_bytes(2, "little") + bytes(named[10:])
    return (
        (".tar.gz", gzip.compress(data, mtime=0)),
        (".tar.gz", gzip.compress(data[:1000], mtime=0) + gzip.compress(data[1000:], mtime=0)),
        (".tgz", whole),
        (".tar.gz", gzip.compress(data, 0, mtime=0) + bytes(20)),
        (".tar.bz2", bz2.compress(data)),
        (".tar.bz2", bz2.compress(data[:600]) + bz2.compress(data[600:])),
        (".tar.xz", lzma.compress(data, preset=0)),
        (".tar.xz", lzma.compress(data[:600], preset=0) + lzma.compress(data[600:], check=lzma.CHECK_SHA256, preset=0)),
    )


def _old(name: bytes, data: bytes, kind: bytes) -> bytes:
    return entry(name, data, kind=kind, magic=b"", major=b"", minor=b"", mode=b"   755 \0", uid=b"     0 \0", gid=b"     0 \0")


def _gnu(name: bytes, data: bytes, *, kind: bytes = b"0") -> bytes:
    return entry(name, data, kind=kind, magic=GNU, major=b"", minor=b"", owner=b"root", group=b"root")


def _tarfile(name: str, form: int) -> TarSeed:
    """What CPython writes; its entries are cut where the next one begins."""
    buffer = io.BytesIO()
    cuts = [0]
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for path, kind, target in (
            ("n" * 80 + "/" + "m" * 60 + "/f", tarfile.REGTYPE, ""),
            ("p", tarfile.DIRTYPE, ""),
            ("p/ä" if form != tarfile.USTAR_FORMAT else "p/a", tarfile.REGTYPE, ""),
            ("p/s", tarfile.SYMTYPE, "f"),
            ("p/f", tarfile.REGTYPE, ""),
            ("p/h", tarfile.LNKTYPE, "p/f"),
        ):
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.mode = kind, target, 0o755 if kind == tarfile.DIRTYPE else 0o644
            info.mtime = 1.5 if form == tarfile.PAX_FORMAT else 1
            info.size = 4 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"data"))
            cuts.append(archive.offset)
    data = buffer.getvalue()
    return TarSeed(f"tarfile-{name}", tuple(data[begin:end] for begin, end in itertools.pairwise(cuts)))


def _streamed(name: bytes, *, signed: bool, method: int = 8) -> Part:
    part = Part(name, name * 40, method=method, flags=8, local=(0, 0, 0), attributes=PLAIN)
    written = struct.pack("<III", *part.numbers())
    return Part(name, part.data, method=method, flags=8, local=(0, 0, 0), attributes=PLAIN, descriptor=b"PK\7\x08" * signed + written)


def _wide_end() -> bytes:
    """A zip file whose end record is all in the ZIP64 one."""
    part = Part(b"z", b"zip64", attributes=EXECUTABLE)
    local, directory = part.local_record(), part.directory_record(0)
    offset = len(local) + len(directory)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), len(local))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return local + directory + end64 + locator + end


def _zipfile() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("m/a.py"), b"import b\n")
        archive.writestr(zipfile.ZipInfo("m/ü.py"), b"u\n" * 50)
        with archive.open(zipfile.ZipInfo("m/big"), "w", force_zip64=True) as file:
            file.write(b"zip64 " * 9)
        folder = zipfile.ZipInfo("empty/")
        folder.external_attr = FOLDER
        archive.writestr(folder, b"")
    return buffer.getvalue()
