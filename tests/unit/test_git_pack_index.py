import hashlib
import zlib
from pathlib import Path

import pytest

from pydeps_host.errors import DamagedError, DiskError
from pydeps_host.git import IndexEntry, PackIndex, encode_index, object_id

_CHECKSUM = b"c" * 20
_HEAD = 8 + 1024


def _entries(count: int) -> list[IndexEntry]:
    ids = [object_id("blob", str(number).encode()) for number in range(count)]
    return [IndexEntry(id_, zlib.crc32(id_), 12 + place * 100) for place, id_ in enumerate(ids)]


def _index(content: bytes) -> PackIndex:
    return PackIndex(content, path=Path("pack-x.idx"))


@pytest.mark.parametrize("count", [0, 1, 2, 255, 3000])
def test_every_entry_is_found_and_nothing_else(count: int) -> None:
    entries = _entries(count)
    index = _index(encode_index(entries, _CHECKSUM))
    assert [index.find(entry.id) for entry in entries] == [entry.offset for entry in entries]
    assert all(entry.id in index for entry in entries)
    assert list(index) == sorted(entries)
    assert len(index) == count
    assert index.pack_checksum == _CHECKSUM
    for number in range(1000):
        absent = object_id("tree", str(number).encode())
        assert absent not in index
        assert index.find(absent) is None
    index.verify()


def test_offsets_of_two_gigabytes_and_more_come_back() -> None:
    offsets = [12, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**62]
    entries = [entry._replace(offset=offset) for entry, offset in zip(_entries(7), offsets, strict=True)]
    content = encode_index(entries, _CHECKSUM)
    assert len(content) == _HEAD + 7 * 28 + 5 * 8 + 40
    index = _index(content)
    index.verify()
    assert [index.find(entry.id) for entry in entries] == offsets


def test_an_index_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "pack-x.idx"
    path.write_bytes(encode_index(_entries(3), _CHECKSUM))
    assert len(PackIndex.open(path)) == 3
    with pytest.raises(DiskError, match=r"reading .*absent\.idx"):
        PackIndex.open(tmp_path / "absent.idx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pack index of version 2"),
        (b"\xfftOc\0\0\0\1" + bytes(1064), "no pack index of version 2"),
        (b"\xfftOc\0\0\0\3" + bytes(1064), "no pack index of version 2"),
        (bytes(2000), "no pack index of version 2"),
        (b"\xfftOc\0\0\0\2" + bytes(1063), "no pack index of version 2"),
        (encode_index(_entries(3), _CHECKSUM)[:-1], "are no index of 3 objects"),
        (encode_index(_entries(3), _CHECKSUM) + b"x", "are no index of 3 objects"),
        (encode_index(_entries(3), _CHECKSUM)[:-8], "are no index of 3 objects"),
        (encode_index(_entries(3), _CHECKSUM) + bytes(8 * 4), "are no index of 3 objects"),
        (b"\xfftOc\0\0\0\2" + b"\xff" * 1024 + bytes(40), "are no index of 4294967295 objects"),
    ],
)
def test_what_is_no_index_of_version_2_is_damaged(content: bytes, message: str) -> None:
    with pytest.raises(DamagedError, match=message):
        _index(content)


def test_counts_that_go_down_are_damage() -> None:
    content = bytearray(encode_index(_entries(3), _CHECKSUM))
    content[8:12] = (4).to_bytes(4, "big")
    with pytest.raises(DamagedError, match="counts are not in order"):
        _index(bytes(content))


def test_a_large_offset_that_is_not_there_is_damage() -> None:
    entries = [entry._replace(offset=2**31) for entry in _entries(2)]
    content = bytearray(encode_index(entries, _CHECKSUM))
    at = _HEAD + 2 * 24 + 4
    assert content[at : at + 4] == b"\x80\0\0\1"
    content[at + 3] = 2
    with pytest.raises(DamagedError, match="no 64-bit offset number 2"):
        _index(bytes(content)).find(max(entries).id)


def test_verifying_finds_a_changed_byte() -> None:
    content = bytearray(encode_index(_entries(3), _CHECKSUM))
    content[_HEAD + 3 * 20] ^= 1
    with pytest.raises(DamagedError, match="checksum is not that of its bytes"):
        _index(bytes(content)).verify()


@pytest.mark.parametrize("order", [[1, 0], [0, 0]])
def test_verifying_finds_ids_out_of_order_under_a_right_checksum(order: list[int]) -> None:
    content = encode_index(_entries(2), _CHECKSUM)
    ids = [content[_HEAD : _HEAD + 20], content[_HEAD + 20 : _HEAD + 40]]
    changed = content[:_HEAD] + b"".join(ids[place] for place in order) + content[_HEAD + 40 : -20]
    with pytest.raises(DamagedError, match="ids are not in order"):
        _index(changed + hashlib.sha1(changed).digest()).verify()


def test_verifying_finds_counts_that_are_not_those_of_the_ids() -> None:
    content = bytearray(encode_index(_entries(1), _CHECKSUM)[:-20])
    content[8 : 8 + 1024] = (1).to_bytes(4, "big") * 256
    with pytest.raises(DamagedError, match="ids are not in order"):
        _index(bytes(content) + hashlib.sha1(content).digest()).verify()
