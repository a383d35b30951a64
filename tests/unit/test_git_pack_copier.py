"""Packs made one, and packs read through without an index."""

import hashlib
import random
import struct
import zlib
from pathlib import Path

import pytest

from pydeps_host.errors import DamagedError
from pydeps_host.git import IndexEntry, ObjectId, PackReader, PackWriter, encode_index, object_id
from pydeps_host.git.pack_copier import PackCopier
from pydeps_host.git.pack_entries import kinds_of
from pydeps_host.git.pack_format import decode_distance, encode_distance, encode_entry_header
from pydeps_host.git.pack_scan import index_pack

BASE = b"0123456789"
# Makes `0123456789` and one letter more of itself.
DELTA = b"\x0a\x0b\x90\x0a\x01a"
RESULT = BASE + b"a"
BASE_ID, RESULT_ID = object_id("blob", BASE), object_id("blob", RESULT)


def going_on() -> None:
    pass


def entry(type_: int, data: bytes, base: bytes = b"") -> bytes:
    header = bytearray(encode_entry_header("commit", len(data)))
    header[0] = header[0] & 0x8F | type_ << 4
    return bytes(header) + base + zlib.compress(data)


def pack(folder: Path, stem: str, *entries: tuple[ObjectId, bytes]) -> PackReader:
    content = b"PACK" + struct.pack(">II", 2, len(entries))
    places = []
    for id_, data in entries:
        places.append(IndexEntry(id_, zlib.crc32(data), len(content)))
        content += data
    checksum = hashlib.sha1(content).digest()
    (folder / f"{stem}.pack").write_bytes(content + checksum)
    (folder / f"{stem}.idx").write_bytes(encode_index(places, checksum))
    return PackReader(folder / f"{stem}.pack")


def with_delta(folder: Path, stem: str = "delta", *, between: bytes = b"") -> PackReader:
    """A pack of a base, something between, and a delta by distance."""
    full, other = entry(3, BASE), entry(3, between)
    distance = encode_distance(len(full) + len(other))
    return pack(folder, stem, (BASE_ID, full), (object_id("blob", between), other), (RESULT_ID, entry(6, DELTA, distance)))


def copied(folder: Path, *packs: PackReader) -> PackReader:
    with PackWriter(folder / "new.pack") as writer:
        copier = PackCopier(writer, check=going_on)
        for one in packs:
            copier.copy(one)
        assert writer.finish(sync=False) is not None
    return PackReader(folder / "new.pack")


@pytest.mark.parametrize("distance", [0, 1, 127, 128, 129, 16511, 16512, 2**31, 2**40])
def test_a_distance_comes_back(distance: int) -> None:
    written = encode_distance(distance)
    assert decode_distance(written + b"x", 0) == (distance, len(written))


def test_every_object_of_all_packs_is_in_the_new_one_once(tmp_path: Path) -> None:
    contents = [random.Random(number).randbytes(number * 700) for number in range(40)]
    packs = []
    for name, part in (("a", contents[:25]), ("b", contents[15:])):
        with PackWriter(tmp_path / f"{name}.pack") as writer:
            for content in part:
                writer.add("blob", content)
            writer.finish(sync=False)
        packs.append(PackReader(tmp_path / f"{name}.pack"))
    new = copied(tmp_path, *packs)
    assert len(new.index) == 40
    new.index.verify()
    assert all(new.read(object_id("blob", content)) == ("blob", content) for content in contents)


def test_bytes_of_an_entry_stay_as_they_are_and_so_does_its_checksum(tmp_path: Path) -> None:
    old = pack(tmp_path, "old", (BASE_ID, entry(3, BASE)))
    new = copied(tmp_path, pack(tmp_path, "first", (RESULT_ID, entry(3, RESULT))), old)
    crcs = {found.id: found.crc for found in new.index}
    assert crcs[BASE_ID] == next(iter(old.index)).crc
    place = new.index.find(BASE_ID)
    assert place is not None
    assert new.packed(place, 1000) == old.packed(12, 1000)


def test_a_delta_finds_its_base_at_the_new_distance(tmp_path: Path) -> None:
    # Before the base stands more than there was, between base and delta less: the other blob is there already.
    between = random.Random(0).randbytes(5000)
    first = pack(tmp_path, "first", (object_id("blob", between), entry(3, between)))
    new = copied(tmp_path, first, with_delta(tmp_path, between=between))
    assert new.read(RESULT_ID) == ("blob", RESULT)
    assert len(new.index) == 3
    pack_, entries = index_pack(_bare(new.path), sync=False, check=going_on)
    assert sorted(entries) == sorted(new.index)
    assert pack_.checksum == new.index.pack_checksum


def test_a_delta_whose_base_came_from_another_pack_finds_it_there(tmp_path: Path) -> None:
    filler = random.Random(1).randbytes(20_000)
    first = pack(tmp_path, "first", (BASE_ID, entry(3, BASE)), (object_id("blob", filler), entry(3, filler)))
    new = copied(tmp_path, first, with_delta(tmp_path))
    assert new.read(RESULT_ID) == ("blob", RESULT)
    assert new.index.find(BASE_ID) == 12


def test_a_delta_by_id_is_kept_even_where_its_base_comes_later(tmp_path: Path) -> None:
    old = pack(tmp_path, "old", (RESULT_ID, entry(7, DELTA, BASE_ID)), (BASE_ID, entry(3, BASE)))
    assert copied(tmp_path, old).read(RESULT_ID) == ("blob", RESULT)


def test_two_packs_that_hold_each_others_base_as_a_delta_make_no_ring(tmp_path: Path) -> None:
    shorter = b"\x0b\x0a\x90\x0a"
    one = pack(tmp_path, "one", (BASE_ID, entry(3, BASE)), (RESULT_ID, entry(7, DELTA, BASE_ID)))
    two = pack(tmp_path, "two", (RESULT_ID, entry(3, RESULT)), (BASE_ID, entry(7, shorter, RESULT_ID)))
    for order in ((one, two), (two, one)):
        new = copied(tmp_path, *order)
        assert new.read(BASE_ID) == ("blob", BASE)
        assert new.read(RESULT_ID) == ("blob", RESULT)
        new.close()
        new.path.unlink()
        new.path.with_suffix(".idx").unlink()


@pytest.mark.parametrize("place", [12, 15, -21])
def test_an_entry_that_is_not_as_it_was_written_is_not_passed_on(tmp_path: Path, place: int) -> None:
    path = with_delta(tmp_path).path
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        copied(tmp_path, PackReader(path))
    assert not (tmp_path / "new.pack").exists()


def test_an_index_that_is_not_as_it_was_written_is_not_passed_on(tmp_path: Path) -> None:
    path = with_delta(tmp_path).path.with_suffix(".idx")
    content = bytearray(path.read_bytes())
    content[8 + 1024 + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="checksum"):
        copied(tmp_path, PackReader(path.with_suffix(".pack")))


@pytest.mark.parametrize("distance", [3, 0])
def test_a_delta_of_nothing_or_of_itself_is_damage(tmp_path: Path, distance: int) -> None:
    lost = pack(tmp_path, "lost", (BASE_ID, entry(3, BASE)), (RESULT_ID, entry(6, DELTA, encode_distance(distance))))
    with pytest.raises(DamagedError, match="not before it"):
        copied(tmp_path, lost)


def test_copying_ends_when_it_is_told_to(tmp_path: Path) -> None:
    content = random.Random(2).randbytes(17 * 1024 * 1024)
    with PackWriter(tmp_path / "large.pack", level=0) as writer:
        writer.add("blob", content)
        writer.finish(sync=False)

    def stop() -> None:
        raise KeyboardInterrupt

    with PackWriter(tmp_path / "new.pack") as writer, pytest.raises(KeyboardInterrupt):
        PackCopier(writer, check=stop).copy(PackReader(tmp_path / "large.pack"))


def test_kinds_are_known_from_headers_through_deltas(tmp_path: Path) -> None:
    old = pack(tmp_path, "old", (BASE_ID, entry(2, BASE)), (RESULT_ID, entry(7, DELTA, BASE_ID)))
    assert dict(kinds_of(old)) == {BASE_ID: "tree", RESULT_ID: "tree"}


@pytest.mark.parametrize("bad", [(5, b""), (7, RESULT_ID), (7, b"\0" * 20), (6, encode_distance(11))])
def test_an_entry_whose_kind_cannot_be_known_is_damage(tmp_path: Path, bad: tuple[int, bytes]) -> None:
    type_, base = bad
    with pytest.raises(DamagedError, match=RESULT_ID.hex()):
        dict(kinds_of(pack(tmp_path, "bad", (BASE_ID, entry(3, BASE)), (RESULT_ID, entry(type_, DELTA, base)))))


# --- reading a pack through ---


def _bare(path: Path) -> Path:
    path.with_suffix(".idx").unlink()
    return path


def _written(folder: Path, *entries: bytes, count: int | None = None, extra: bytes = b"") -> Path:
    content = b"PACK" + struct.pack(">II", 2, len(entries) if count is None else count) + b"".join(entries) + extra
    (folder / "x.pack").write_bytes(content + hashlib.sha1(content).digest())
    return folder / "x.pack"


def test_the_index_that_is_made_of_a_pack_is_the_one_that_was_written_with_it(tmp_path: Path) -> None:
    with PackWriter(tmp_path / "a.pack") as writer:
        for number in range(300):
            writer.add("blob", random.Random(number).randbytes(number * 50))
        writer.add("tree", b"")
        finished = writer.finish(sync=False)
    assert finished is not None
    expected = finished.index_path.read_bytes()
    assert index_pack(_bare(finished.path), sync=False, check=going_on)[0] == finished
    assert finished.index_path.read_bytes() == expected


def test_a_long_chain_of_deltas_is_read_whether_or_not_its_bases_are_still_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, entries, expected = BASE, [entry(3, BASE)], [BASE]
    for number in range(30):
        delta = bytes([len(content), len(content) + 1, 0x90, len(content), 1, 65 + number])
        entries.append(entry(6, delta, encode_distance(len(entries[-1]))))
        content += bytes([65 + number])
        expected.append(content)
    path = _written(tmp_path, *entries)
    for kept in (1 << 20, 0):
        monkeypatch.setattr("pydeps_host.git.pack_scan._KEPT_BYTES", kept)
        found = index_pack(path, sync=False, check=going_on)[1]
        assert [one.id for one in found] == [object_id("blob", one) for one in expected]
        path.with_suffix(".idx").unlink()


@pytest.mark.parametrize(
    ("entries", "more", "message"),
    [
        ([entry(3, BASE)], {"count": 2}, "header|no end|expected|cut off"),
        ([entry(3, BASE), entry(3, RESULT)], {"count": 1}, "after the last entry"),
        ([entry(3, BASE), entry(3, BASE)], {}, "twice"),
        ([entry(5, BASE)], {}, "type 5"),
        ([entry(7, DELTA, BASE_ID)], {}, "type 7"),
        ([entry(3, BASE), entry(6, DELTA, encode_distance(100))], {}, "not in the pack"),
        ([entry(3, BASE), entry(6, DELTA[:-1], encode_distance(len(entry(3, BASE))))], {}, "delta"),
        ([entry(3, BASE)[:-3]], {}, "cut off"),
        ([entry(3, BASE)[:1] + b"\0" * 20], {}, "broken"),
        ([b"\x3b" + zlib.compress(BASE)], {}, "holds 10 bytes rather than 11"),
        ([b"\x39" + zlib.compress(BASE)], {}, "more than 9"),
    ],
)
def test_what_is_no_whole_pack_gets_no_index(tmp_path: Path, entries: list[bytes], more: dict[str, int], message: str) -> None:
    path = _written(tmp_path, *entries, **more)  # type: ignore[arg-type] # only counts are given
    with pytest.raises(DamagedError, match=message):
        index_pack(path, sync=False, check=going_on)
    assert not path.with_suffix(".idx").exists()


@pytest.mark.parametrize("content", [b"", b"PACK", b"PACK" + b"\0\0\0\3" + b"\0" * 24])
def test_a_file_that_is_no_pack_gets_no_index(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pack").write_bytes(content)
    with pytest.raises(DamagedError, match="no pack of version 2"):
        index_pack(tmp_path / "x.pack", sync=False, check=going_on)


def test_a_pack_with_another_checksum_gets_no_index(tmp_path: Path) -> None:
    path = _written(tmp_path, entry(3, BASE))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedError, match="checksum"):
        index_pack(path, sync=False, check=going_on)


def test_an_entry_beyond_two_gibibytes_is_found_by_its_offset_of_64_bits(tmp_path: Path) -> None:
    # The pack is mostly a hole, which takes no room on the disk and is no entry.
    far = 2**31 + 12345
    content = entry(3, RESULT)
    ending = b"\1" * 20
    with (tmp_path / "far.pack").open("wb") as file:
        file.write(b"PACK" + struct.pack(">II", 2, 2) + entry(3, BASE))
        file.seek(far)
        file.write(content + ending)
    places = [IndexEntry(BASE_ID, 0, 12), IndexEntry(RESULT_ID, zlib.crc32(content), far)]
    (tmp_path / "far.idx").write_bytes(encode_index(places, ending))
    with PackReader(tmp_path / "far.pack") as reader:
        assert reader.index.find(RESULT_ID) == far
        assert reader.end == far + len(content)
        assert reader.read(RESULT_ID) == ("blob", RESULT)
        assert reader.read(BASE_ID) == ("blob", BASE)
        assert dict(kinds_of(reader)) == {BASE_ID: "blob", RESULT_ID: "blob"}
