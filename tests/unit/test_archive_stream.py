"""Compressed streams, and what is taken out of them."""

import bz2
import gzip
import io
import lzma
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from pydeps_host.archive import Refusal
from pydeps_host.archive.budget import Budget
from pydeps_host.archive.reasons import Refused
from pydeps_host.archive.stream import ByteStream, bunzip2, gunzip, inflate_raw, unxz
from pydeps_host.errors import ArchiveError, DiskError
from pydeps_host.values import Limits
from raw_archives import END, Part, contents, entry, members, reader, zipped

TAR = entry(b"a", b"hello" * 1000) + END
WANTED = {b"a": b"hello" * 1000}


def reason(data: bytes, filename: str = "a.tar.gz", **limits: int) -> str:
    with pytest.raises(ArchiveError) as caught:
        members(data, filename, **limits)
    return caught.value.reason


@pytest.mark.parametrize(
    ("filename", "data"),
    [
        ("a.tar", TAR),
        ("a.tar.gz", gzip.compress(TAR)),
        ("A.TGZ", gzip.compress(TAR)),
        ("a.tar.bz2", bz2.compress(TAR)),
        ("a.tar.xz", lzma.compress(TAR)),
    ],
)
def test_every_compression_is_read(filename, data):
    assert contents(data, filename) == WANTED


@pytest.mark.parametrize(("filename", "compress"), [("a.tar.gz", gzip.compress), ("a.tar.bz2", bz2.compress), ("a.tar.xz", lzma.compress)])
def test_several_compressed_members_are_one_archive(filename, compress):
    data = b"".join(compress(TAR[begin : begin + 700]) for begin in range(0, len(TAR), 700))
    assert contents(data, filename) == WANTED
    assert reason(data, filename, compressed_members=3) == Refusal.LIMIT_MEMBERS


@pytest.mark.parametrize(("filename", "compress"), [("a.tar.gz", gzip.compress), ("a.tar.bz2", bz2.compress), ("a.tar.xz", lzma.compress)])
def test_a_second_archive_behind_the_first_is_refused(filename, compress):
    assert reason(compress(TAR) + compress(entry(b"b") + END), filename) == Refusal.TAR_TRAILING


@pytest.mark.parametrize(("filename", "compress"), [("a.tar.gz", gzip.compress), ("a.tar.bz2", bz2.compress), ("a.tar.xz", lzma.compress)])
def test_garbage_behind_the_compressed_data_is_refused(filename, compress):
    data = compress(TAR)
    assert reason(data + b"garbage", filename) == Refusal.STREAM_TRAILING
    assert reason(data + data[:1] + b"garbage" * 4, filename) == Refusal.STREAM_MALFORMED


def test_zero_bytes_behind_gzip_are_padding_and_end_it():
    data = gzip.compress(TAR)
    assert contents(data + bytes(100_000), "a.tar.gz") == WANTED
    assert reason(data + bytes(100_000) + b"x") == Refusal.STREAM_TRAILING
    assert reason(data + bytes(10) + gzip.compress(b"")) == Refusal.STREAM_TRAILING


@pytest.mark.parametrize(("filename", "compress"), [("a.tar.gz", gzip.compress), ("a.tar.bz2", bz2.compress), ("a.tar.xz", lzma.compress)])
def test_a_cut_at_any_place_is_refused(filename, compress):
    data = compress(TAR)
    for length in range(0, len(data), max(1, len(data) // 40)):
        assert reason(data[:length], filename) in {Refusal.TRUNCATED, Refusal.STREAM_MALFORMED}
    assert reason(data[:-1], filename) == Refusal.TRUNCATED


@pytest.mark.parametrize("place", [-1, -4, -5, -8, 2, 3])
def test_the_header_the_checksum_and_the_size_of_gzip_are_checked(place):
    data = bytearray(gzip.compress(TAR))
    data[place] ^= 0x80
    assert reason(bytes(data)) == Refusal.STREAM_MALFORMED


def test_a_gzip_header_may_have_a_name_a_comment_and_a_checksum():
    flags, extra = 2 | 4 | 8 | 16, b"\3\0abc"
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + extra + b"name\0comment\0"
    body = gzip.compress(TAR)[10:]
    assert contents(head + struct.pack("<H", zlib.crc32(head) & 0xFFFF) + body, "a.tar.gz") == WANTED
    assert reason(head + b"\0\0" + body) == Refusal.STREAM_MALFORMED


def test_a_file_that_is_something_else_is_refused():
    for filename in ("a.tar.gz", "a.tar.bz2", "a.tar.xz"):
        assert reason(TAR, filename) == Refusal.STREAM_MALFORMED
        assert reason(b"", filename) == Refusal.STREAM_MALFORMED


def test_broken_bzip2_and_xz_are_refused():
    for filename, data in (("a.tar.bz2", bz2.compress(TAR)), ("a.tar.xz", lzma.compress(TAR))):
        broken = bytearray(data)
        broken[len(data) // 2] ^= 0xFF
        assert reason(bytes(broken), filename) == Refusal.STREAM_MALFORMED


def test_an_xz_stream_whose_check_is_of_an_unknown_kind_is_refused():
    data = bytearray(lzma.compress(TAR, check=lzma.CHECK_CRC32))
    # Kind 2 has four bytes as well, and no meaning yet. Head and foot carry it, and a checksum of themselves.
    data[7] = data[-3] = 2
    data[8:12] = struct.pack("<I", zlib.crc32(data[6:8]))
    data[-12:-8] = struct.pack("<I", zlib.crc32(data[-8:-2]))
    assert len(lzma.decompress(data)) == len(TAR), "nobody looks at the check"
    assert reason(bytes(data), "a.tar.xz") == Refusal.STREAM_MALFORMED
    for check in (lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256):
        assert contents(lzma.compress(TAR, check=check), "a.tar.xz") == WANTED


def test_the_xz_decoder_takes_no_more_memory_than_allowed():
    data = lzma.compress(TAR, preset=6)
    assert contents(data, "a.tar.xz") == WANTED
    assert reason(data, "a.tar.xz", xz_memory_bytes=1024 * 1024) == Refusal.LIMIT_MEMORY


def test_a_stream_with_an_incomplete_code_is_refused_as_zlib_refuses_it():
    """ISA-L accepts such streams: a version must not depend on which library a machine has."""
    packed, content = bytes.fromhex("05c1010100000883b0ac20ef5f412d891dcc9c983e"), b"ddbadaecaaebdbebabdbb"
    with pytest.raises(zlib.error):
        zlib.decompress(packed, -15)
    trailer = struct.pack("<II", zlib.crc32(content), len(content))
    assert reason(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + packed + trailer) == Refusal.STREAM_MALFORMED
    with pytest.raises(ArchiveError) as caught:
        members(zipped(Part(b"a", content, method=8, packed=packed)), "a.zip")
    assert caught.value.reason == Refusal.STREAM_MALFORMED


@pytest.mark.parametrize("piece", [1, 7, 512, 100_000])
def test_a_byte_stream_gives_what_is_asked_for_across_its_pieces(piece):
    data = bytes(range(256)) * 20
    stream = ByteStream(iter([data[begin : begin + piece] for begin in range(0, len(data), piece)]))
    assert stream.take(3) == data[:3]
    assert stream.exactly(600) == data[3:603]
    assert stream.offset == 603
    assert stream.filled(500, 512) == data[603:1103]
    assert stream.offset == 603 + 512
    assert b"".join(stream.pieces(1000)) == data[1115:2115]
    assert b"".join(stream.rest()) == data[2115:]
    assert stream.take(5) == b""


def test_a_disk_that_fails_is_the_disks_fault_and_no_archives():
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    for filename in ("a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"):
        found = reader(b"", filename)
        found._file = Failing(b"x" * 100)
        with pytest.raises(DiskError) as caught:
            list(found)
        assert (caught.value.errno, caught.value.path) == (5, filename)


class Counted(Budget):
    """Remembers what a decoder was asked for, and what was charged."""

    def __init__(self, limits: Limits, artifact_bytes: int) -> None:
        super().__init__(limits, artifact_bytes)
        self.produced = 0

    def unpack(self, size: int) -> None:
        self.produced += size
        super().unpack(size)


Unpack = Callable[[BinaryIO, Budget], Iterator[bytes]]
PACKERS: dict[str, tuple[Callable[[bytes], bytes], Unpack]] = {
    ".tar.gz": (gzip.compress, gunzip),
    ".tar.bz2": (bz2.compress, bunzip2),
    ".tar.xz": (lzma.compress, unxz),
}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("limit", [1, 65_535, 65_536, 300_000, 1_000_000])
def test_no_decoder_gives_more_than_64_kib_beyond_the_limit(suffix, limit):
    pack, unpack = PACKERS[suffix]
    data = pack(bytes(5 * 1024 * 1024))
    budget = Counted(Limits(unpacked_bytes=limit), len(data))
    with pytest.raises(Refused) as caught:
        deque(unpack(io.BytesIO(data), budget), maxlen=0)
    assert caught.value.reason is Refusal.LIMIT_UNPACKED
    assert limit < budget.produced <= limit + 64 * 1024


def test_a_deflated_entry_gives_no_more_than_64_kib_beyond_the_limit():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = io.BytesIO(packer.compress(bytes(5 * 1024 * 1024)) + packer.flush())
    budget = Counted(Limits(unpacked_bytes=100_000), 1)
    with pytest.raises(Refused):
        deque(inflate_raw(data.read, budget), maxlen=0)
    assert 100_000 < budget.produced <= 100_000 + 64 * 1024
