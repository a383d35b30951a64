"""Packs of somebody else's repository: what git writes there is read, and nothing that it never would."""

import hashlib
import time
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from pydeps_host.errors import LockfileError
from pydeps_host.git import IndexEntry, ObjectId, encode_index, object_id
from pydeps_host.git.pack_format import HEADER, OFS_DELTA, REF_DELTA, SIGNATURE, VERSION, encode_distance
from pydeps_host.lockfiles import LockLimits, read_lockfiles
from repositories import Made

BLOB = 3


def number(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def header(type_: int, size: int) -> bytes:
    first = type_ << 4 | size & 0x0F
    return bytes([first | (0x80 if size > 15 else 0)]) + (number(size >> 4) if size > 15 else b"")


def entry(type_: int, data: bytes, base: bytes = b"", *, size: int | None = None) -> bytes:
    return header(type_, len(data) if size is None else size) + base + zlib.compress(data)


def copy_all(size: int) -> bytes:
    """A delta that copies its whole base."""
    return number(size) + number(size) + bytes([0x80 | 0x10 | 0x20 | 0x40]) + size.to_bytes(3, "little")


def pack(folder: Path, entries: list[tuple[ObjectId, bytes]], *, broken: bytes | None = None) -> None:
    content, listed = HEADER.pack(SIGNATURE, VERSION, len(entries)), []
    for id_, packed in entries:
        listed.append(IndexEntry(id_, zlib.crc32(packed), len(content)))
        content += packed
    checksum = hashlib.sha1(content).digest()
    (folder / "objects/pack/pack-1.pack").write_bytes(content + checksum if broken is None else broken)
    (folder / "objects/pack/pack-1.idx").write_bytes(encode_index(listed, checksum))


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path / "app.git")


def fault(made: Made, id_: ObjectId, **limits: int) -> LockfileError:
    """What reading a revision says whose one lock file is this object."""
    made.main({"requirements.txt": ("100644", id_)})
    (error,) = read_lockfiles(f"{made.folder}@main", limits=LockLimits(**limits)).errors
    return error


def dependencies(made: Made, id_: ObjectId) -> list[str]:
    made.main({"requirements.txt": ("100644", id_)})
    (lockfile,) = read_lockfiles(f"{made.folder}@main").lockfiles
    return [str(dependency) for dependency in lockfile.dependencies]


def test_deltas_by_distance_and_by_name_are_read(made):
    base, data = b"flask==3.0\n", b"flask==3.0\nattrs==24.1\n"
    delta = number(len(base)) + number(len(data)) + bytes([0x90, len(base)]) + bytes([12]) + b"attrs==24.1\n"
    first = entry(BLOB, base)
    other = object_id("blob", b"other")
    pack(
        made.folder,
        [
            (object_id("blob", base), first),
            (object_id("blob", data), entry(OFS_DELTA, delta, encode_distance(len(first)))),
            (other, entry(REF_DELTA, copy_all(len(data)), object_id("blob", data))),
        ],
    )
    assert dependencies(made, object_id("blob", data)) == ["flask==3.0", "attrs==24.1"]
    assert "another id" in fault(made, other).message


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (entry(BLOB, b"flask\n", size=5), "holds more than 5 bytes"),
        (entry(BLOB, b"flask\n", size=7), "rather than 7"),
        (entry(BLOB, b"flask\n")[:4], "compressed data"),
        (entry(5, b"flask\n"), "no kind of entry 5"),
        (entry(BLOB, b"flask\n", size=65 * 1024 * 1024), "allowed"),
        (entry(OFS_DELTA, copy_all(6), encode_distance(4000)), "not before it"),
        (entry(OFS_DELTA, copy_all(6), encode_distance(3)), ""),
        (entry(REF_DELTA, copy_all(6), b"x" * 20), "not in the pack"),
        (b"\xff" * 30, "no end"),
    ],
)
def test_an_entry_that_is_none_is_refused(made, packed, message):
    id_ = object_id("blob", b"flask\n")
    pack(made.folder, [(id_, packed)])
    error = fault(made, id_)
    assert (error.reason, error.place) == ("repository", f"object {id_.hex()}")
    assert message in error.message


def test_deltas_that_lead_in_a_circle_end(made):
    first, second = (ObjectId(hashlib.sha1(name).digest()) for name in (b"1", b"2"))
    pack(made.folder, [(first, entry(REF_DELTA, copy_all(6), second)), (second, entry(REF_DELTA, copy_all(6), first))])
    assert "deltas from its base" in fault(made, first).message


def test_a_chain_of_deltas_that_each_copy_megabytes_is_ended_by_the_budget(made):
    data = bytes(8 * 1024 * 1024)
    ids = [ObjectId(number.to_bytes(20)) for number in range(1, 2000)]
    entries = [(ids[0], entry(BLOB, data))]
    for before, id_ in pairwise(ids):
        entries.append((id_, entry(REF_DELTA, copy_all(len(data)), before)))
    pack(made.folder, entries)
    started = time.process_time()
    assert "costs more than is allowed" in fault(made, ids[-1]).message
    assert time.process_time() - started < 20


def stuffed(size: int) -> bytes:
    """A zlib stream of so many bytes that holds nothing: blocks without content."""
    return b"\x78\x01" + b"\0\0\0\xff\xff" * (size // 5) + b"\x01\0\0\xff\xff" + zlib.adler32(b"").to_bytes(4)


def test_a_stream_that_is_long_and_holds_nothing_is_paid_for(made):
    id_ = object_id("blob", b"")
    pack(made.folder, [(id_, header(BLOB, 0) + stuffed(200_000))])
    assert "costs more than is allowed" in fault(made, id_, object_bytes=100_000).message
    assert dependencies(made, id_) == []


def test_a_loose_object_that_is_long_and_holds_nothing_is_paid_for(made):
    id_ = made.loose("blob", b"")
    head = zlib.compressobj(9, zlib.DEFLATED, 15)
    stream = head.compress(b"blob 0\0") + head.flush(zlib.Z_FULL_FLUSH)
    path = made.folder / "objects" / id_.hex()[:2] / id_.hex()[2:]
    path.chmod(0o644)
    path.write_bytes(stream + b"\0\0\0\xff\xff" * 40_000 + b"\x01\0\0\xff\xff" + zlib.adler32(b"blob 0\0").to_bytes(4))
    assert "costs more than is allowed" in fault(made, id_, object_bytes=100_000).message
    assert dependencies(made, id_) == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [(b"", "not the one"), (b"PACK" + bytes(40), "not the one"), (None, "")],
)
def test_a_pack_that_is_not_the_one_of_its_index_is_refused(made, broken, message):
    id_ = object_id("blob", b"flask\n")
    pack(made.folder, [(id_, entry(BLOB, b"flask\n"))], broken=broken)
    if broken is None:
        assert dependencies(made, id_) == ["flask"]
    else:
        assert message in fault(made, id_).message


@pytest.mark.parametrize(("content", "message"), [(b"", "no pack index"), (b"\xfftOc\0\0\0\2" + bytes(2000), "no index of 0 objects")])
def test_an_index_that_is_none_is_refused(made, content, message):
    id_ = object_id("blob", b"flask\n")
    pack(made.folder, [(id_, entry(BLOB, b"flask\n"))])
    (made.folder / "objects/pack/pack-1.idx").write_bytes(content)
    assert message in fault(made, id_).message


def test_a_pack_without_an_index_and_an_index_without_a_pack_say_what_is_missing(made):
    id_ = object_id("blob", b"flask\n")
    pack(made.folder, [(id_, entry(BLOB, b"flask\n"))])
    (made.folder / "objects/pack/pack-1.pack").unlink()
    assert "No such file" in fault(made, id_).message
    (made.folder / "objects/pack/pack-1.idx").unlink()
    assert "it is not there" in fault(made, id_).message
