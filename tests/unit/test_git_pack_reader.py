import hashlib
import os
import struct
import threading
import time
import zlib
from pathlib import Path

import pytest

from pydeps_host.errors import DamagedError, DiskError
from pydeps_host.git import (
    EMPTY_TREE,
    Commit,
    Identity,
    IndexEntry,
    Kind,
    Mode,
    ObjectDatabase,
    ObjectId,
    PackReader,
    PackWriter,
    Tag,
    TreeEntry,
    encode_commit,
    encode_index,
    encode_tag,
    encode_tree,
    object_id,
)
from pydeps_host.git.pack_format import decode_distance, decode_entry_header, decode_size, encode_entry_header

_BASE = b"0123456789"
_BASE_ID = object_id("blob", _BASE)
# Each makes `0123456789` of itself and one letter more.
_DELTA = b"\x0a\x0b\x90\x0a\x01a"
_RESULT = _BASE + b"a"


def _entry(type_: int, data: bytes, *, base: bytes = b"", size: int | None = None) -> bytes:
    size = len(data) if size is None else size
    header = bytearray(encode_entry_header("commit", size))
    header[0] = header[0] & 0x8F | type_ << 4
    return bytes(header) + base + zlib.compress(data)


def _pack(folder: Path, entries: list[tuple[ObjectId, bytes]], stem: str = "pack-x") -> PackReader:
    """A pack of entries as they are given, whatever they hold."""
    content = b"PACK" + struct.pack(">II", 2, len(entries))
    places = []
    for id_, entry in entries:
        places.append(IndexEntry(id_, zlib.crc32(entry), len(content)))
        content += entry
    checksum = hashlib.sha1(content).digest()
    (folder / f"{stem}.pack").write_bytes(content + checksum)
    (folder / f"{stem}.idx").write_bytes(encode_index(places, checksum))
    return PackReader(folder / f"{stem}.pack")


def _id(data: bytes) -> ObjectId:
    return object_id("blob", data)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 127, 2047, 2048, 2**31, 2**32, 2**63])
def test_a_header_of_any_size_comes_back(size: int) -> None:
    header = encode_entry_header("tag", size)
    assert decode_entry_header(header + b"rest") == (4, size, len(header))


def test_a_number_that_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="size has no end"):
        decode_size(b"\x80" * 100, 0)
    with pytest.raises(ValueError, match="distance has no end"):
        decode_distance(b"\x80" * 100, 0)


@pytest.mark.parametrize(
    ("data", "distance"), [(b"\x01", 1), (b"\x7f", 127), (b"\x80\x00", 128), (b"\x81\x00", 256), (b"\x80\x80\x00", 16512)]
)
def test_a_distance_is_read_as_git_writes_it(data: bytes, distance: int) -> None:
    assert decode_distance(data, 0) == (distance, len(data))


def test_an_object_that_is_not_there_is_none(tmp_path: Path) -> None:
    with _pack(tmp_path, [(_BASE_ID, _entry(3, _BASE))]) as pack:
        assert pack.read(_BASE_ID) == ("blob", _BASE)
        assert pack.read(EMPTY_TREE) is None


def test_a_delta_names_its_base_by_distance_or_by_id(tmp_path: Path) -> None:
    base = _entry(3, _BASE)
    by_distance = _entry(6, _DELTA, base=bytes([len(base)]))
    second = b"\x0b\x0c\x90\x0b\x01b"
    by_id = _entry(7, second, base=_id(_RESULT))
    with _pack(tmp_path, [(_BASE_ID, base), (_id(_RESULT), by_distance), (_id(_RESULT + b"b"), by_id)]) as pack:
        assert pack.read(_id(_RESULT)) == ("blob", _RESULT)
        assert pack.read(_id(_RESULT + b"b")) == ("blob", _RESULT + b"b")


def test_a_base_named_by_its_id_may_come_later(tmp_path: Path) -> None:
    with _pack(tmp_path, [(_id(_RESULT), _entry(7, _DELTA, base=_BASE_ID)), (_BASE_ID, _entry(3, _BASE))]) as pack:
        assert pack.read(_id(_RESULT)) == ("blob", _RESULT)


def test_a_long_chain_of_deltas_is_followed_without_recursion(tmp_path: Path) -> None:
    entries = [(_BASE_ID, _entry(3, _BASE))]
    data = _BASE
    for _ in range(2000):
        same = struct.pack("BB", len(_BASE) + 1, len(_BASE) + 1) + b"\x90\x0b"
        delta = _DELTA if data is _BASE else same
        data = _RESULT
        entries.append((object_id("blob", str(len(entries)).encode()), _entry(6, delta, base=bytes([len(entries[-1][1])]))))
    entries[-1] = (_id(_RESULT), entries[-1][1])
    with _pack(tmp_path, entries) as pack:
        assert pack.read(_id(_RESULT)) == ("blob", _RESULT)


def test_deltas_in_a_ring_end(tmp_path: Path) -> None:
    with (
        _pack(tmp_path, [(_BASE_ID, _entry(7, _DELTA, base=_id(_RESULT))), (_id(_RESULT), _entry(7, _DELTA, base=_BASE_ID))]) as pack,
        pytest.raises(DamagedError, match="more than 4095 deltas from its base"),
    ):
        pack.read(_BASE_ID)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_entry(7, _DELTA, base=b"z" * 20), "base is not in the pack"),
        (_entry(6, _DELTA, base=b"\x00"), "base is not before it"),
        (_entry(6, _DELTA, base=b"\x7f"), "base is not before it"),
        (_entry(6, _DELTA, base=b"\x05"), "object [0-9a-f]{40}: "),
        (_entry(6, _DELTA, base=b"\x80" * 30), "distance has no end"),
        (_entry(5, _BASE), "no kind of entry 5"),
        (_entry(0, _BASE), "no kind of entry 0"),
        (_entry(3, _BASE, size=11), "holds 10 bytes rather than 11"),
        (_entry(3, _BASE, size=9), "holds more than 9 bytes"),
        (_entry(3, _BASE, size=2**40), "1099511627776 bytes, 268435456 are allowed"),
        (_entry(3, b"012345678X"), "have another id"),
        (_entry(2, _BASE), "have another id"),
        (_entry(3, _BASE)[:-1], "cut off"),
        (_entry(3, _BASE)[:1], "cut off"),
        (b"\xff" * 40, "size has no end"),
        (b"", "size has no end"),
    ],
)
def test_a_broken_entry_is_damage(tmp_path: Path, entry: bytes, message: str) -> None:
    with _pack(tmp_path, [(_BASE_ID, entry)]) as pack, pytest.raises(DamagedError, match=message) as caught:
        pack.read(_BASE_ID)
    assert caught.value.path == str(tmp_path / "pack-x.pack")


@pytest.mark.parametrize("offset", [0, 11, 10_000, 2**40, 2**64 - 1])
def test_an_offset_outside_of_the_pack_is_damage(tmp_path: Path, offset: int) -> None:
    _pack(tmp_path, [(_BASE_ID, _entry(3, _BASE))])
    checksum = (tmp_path / "pack-x.pack").read_bytes()[-20:]
    (tmp_path / "pack-x.idx").write_bytes(encode_index([IndexEntry(_BASE_ID, 0, offset)], checksum))
    with PackReader(tmp_path / "pack-x.pack") as pack, pytest.raises(DamagedError, match="size has no end"):
        pack.read(_BASE_ID)


def test_an_object_over_the_bound_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    entries = [(_BASE_ID, _entry(3, _BASE)), (_id(_RESULT), _entry(7, _DELTA, base=_BASE_ID))]
    with _pack(tmp_path, entries) as pack:
        assert pack.read(_BASE_ID, max_bytes=10) == ("blob", _BASE)
        with pytest.raises(DamagedError, match="10 bytes, 9 are allowed"):
            pack.read(_BASE_ID, max_bytes=9)
        assert pack.read(_id(_RESULT), max_bytes=11) == ("blob", _RESULT)
        with pytest.raises(DamagedError, match="11 bytes, 10 are allowed"):
            pack.read(_id(_RESULT), max_bytes=10)


@pytest.mark.parametrize("place", [0, 7, 11, -1])
def test_a_pack_that_is_not_the_one_of_its_index_is_damage(tmp_path: Path, place: int) -> None:
    with _pack(tmp_path, [(_BASE_ID, _entry(3, _BASE))]) as pack:
        content = bytearray(pack.path.read_bytes())
        content[place] ^= 1
        pack.path.write_bytes(content)
        before = _open_files()
        with pytest.raises(DamagedError, match="not the pack that its index is of"):
            pack.read(_BASE_ID)
        assert _open_files() == before


@pytest.mark.parametrize("length", [0, 5, 12, 31])
def test_a_pack_that_was_cut_off_is_damage(tmp_path: Path, length: int) -> None:
    with _pack(tmp_path, [(_BASE_ID, _entry(3, _BASE))]) as pack:
        pack.path.write_bytes(pack.path.read_bytes()[:length])
        with pytest.raises(DamagedError, match="not the pack that its index is of"):
            pack.read(_BASE_ID)


def test_a_pack_that_is_gone_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with _pack(tmp_path, [(_BASE_ID, _entry(3, _BASE))]) as pack:
        pack.path.unlink()
        assert _BASE_ID in pack.index
        with pytest.raises(DiskError, match="opening"):
            pack.read(_BASE_ID)


def test_several_threads_open_a_pack_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _open_files()
    at_once = os.open

    def slowly(path: Path, flags: int) -> int:
        time.sleep(0.05)
        return at_once(path, flags)

    monkeypatch.setattr("pydeps_host.git.pack_reader.os.open", slowly)
    with _pack(tmp_path, [(_BASE_ID, _entry(3, _BASE))]) as pack:
        start = threading.Barrier(8)
        results: list[object] = []

        def read() -> None:
            start.wait()
            results.append(pack.read(_BASE_ID))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [("blob", _BASE)] * 8
        assert _open_files() == before + 1
    assert _open_files() == before


# --- the database --------------------------------------------------------------

_WHO = Identity("Ann Example", "ann@example.com", 1)
_COMMIT = Commit(tree=EMPTY_TREE, author=_WHO, committer=_WHO, message=b"one\n")


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    (tmp_path / "objects" / "pack").mkdir(parents=True)
    return tmp_path / "objects"


def _publish(objects: Path, *contents: tuple[Kind, bytes]) -> str:
    """Put a pack where a repository has it, and return its stem."""
    with PackWriter(objects / "new.pack") as writer:
        for kind, data in contents:
            writer.add(kind, data)
        pack = writer.finish(sync=False)
    assert pack is not None
    pack.index_path.rename(objects / "pack" / pack.index_name)
    pack.path.rename(objects / "pack" / pack.pack_name)
    return pack.pack_name.removesuffix(".pack")


def test_all_packs_are_one_database(objects: Path) -> None:
    _publish(objects, ("blob", b"a"))
    _publish(objects, ("blob", b"b"), ("tree", b""))
    with ObjectDatabase(objects) as database:
        assert len(database.packs) == 2
        assert database.has(_id(b"a"))
        assert database.read(_id(b"b")) == ("blob", b"b")
        assert database.read(EMPTY_TREE) == ("tree", b"")
        assert not database.has(_id(b"c"))


def test_an_object_that_is_nowhere_is_damage(objects: Path) -> None:
    with ObjectDatabase(objects) as database, pytest.raises(DamagedError, match=f"object {EMPTY_TREE.hex()}: it is in no pack"):
        database.read(EMPTY_TREE)


def test_packs_that_appear_are_seen_after_a_refresh_and_those_that_are_gone_are_not(objects: Path) -> None:
    first = _publish(objects, ("blob", b"a"))
    with ObjectDatabase(objects) as database:
        assert database.read(_id(b"a")) == ("blob", b"a")
        _publish(objects, ("blob", b"b"))
        assert not database.has(_id(b"b"))
        database.refresh()
        assert database.has(_id(b"b"))
        kept = database.packs
        database.refresh()
        assert database.packs == kept
        (objects / "pack" / f"{first}.pack").unlink()
        (objects / "pack" / f"{first}.idx").unlink()
        database.refresh()
        assert not database.has(_id(b"a"))


def test_half_of_a_pair_and_files_of_other_names_are_no_pack(objects: Path) -> None:
    stem = _publish(objects, ("blob", b"a"))
    folder = objects / "pack"
    content = (folder / f"{stem}.idx").read_bytes()
    (folder / "pack-1.idx").write_bytes(content)
    (folder / "pack-2.pack").write_bytes(b"")
    for name in ("tmp_3.idx", "tmp_3.pack", ".tmp-4-pack-5.idx", ".tmp-4-pack-5.pack", "pack-6.keep"):
        (folder / name).write_bytes(b"no index")
    with ObjectDatabase(objects) as database:
        assert [pack.path.name for pack in database.packs] == [f"{stem}.pack"]


def test_a_pack_that_goes_while_the_folder_is_being_read_is_no_pack(objects: Path) -> None:
    # A link to nowhere is listed and cannot be opened: what a deleted file is between the two.
    (objects / "pack" / "pack-1.idx").symlink_to("nowhere")
    (objects / "pack" / "pack-1.pack").symlink_to("nowhere")
    _publish(objects, ("blob", b"a"))
    with ObjectDatabase(objects) as database:
        assert len(database.packs) == 1


def test_an_index_that_cannot_be_read_is_an_error_of_the_disk(objects: Path) -> None:
    (objects / "pack" / "pack-1.idx").mkdir()
    (objects / "pack" / "pack-1.pack").touch()
    with pytest.raises(DiskError, match="reading"):
        ObjectDatabase(objects)


def test_an_objects_folder_without_packs_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="listing"):
        ObjectDatabase(tmp_path)


def test_a_database_leaves_no_file_open(objects: Path) -> None:
    before = _open_files()
    stem = _publish(objects, ("blob", b"a"))
    with ObjectDatabase(objects) as database:
        database.read(_id(b"a"))
        (objects / "pack" / f"{stem}.pack").unlink()
        database.refresh()
        assert _open_files() == before
    _publish(objects, ("blob", b"a"))
    with ObjectDatabase(objects) as database:
        database.read(_id(b"a"))
    assert _open_files() == before


def test_commits_tags_and_folders_come_back_as_values(objects: Path) -> None:
    tree = [TreeEntry(Mode.FILE, b"a", _id(b"a"))]
    commit = object_id("commit", encode_commit(_COMMIT))
    tag = Tag(object=commit, name="v1", tagger=_WHO, message=b"one\n")
    _publish(objects, ("tree", encode_tree(tree)), ("commit", encode_commit(_COMMIT)), ("tag", encode_tag(tag)))
    with ObjectDatabase(objects) as database:
        assert database.commit(commit) == _COMMIT
        assert database.tag(object_id("tag", encode_tag(tag))) == tag
        assert database.tree(object_id("tree", encode_tree(tree))) == tuple(tree)


def test_an_object_of_another_kind_or_form_is_damage(objects: Path) -> None:
    _publish(objects, ("blob", encode_commit(_COMMIT)), ("commit", b"nonsense"))
    with ObjectDatabase(objects) as database:
        with pytest.raises(DamagedError, match="it is a blob, not a commit"):
            database.commit(object_id("blob", encode_commit(_COMMIT)))
        with pytest.raises(DamagedError, match="no commit in the form"):
            database.commit(object_id("commit", b"nonsense"))


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
