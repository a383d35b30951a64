import errno
import hashlib
import os
import random
import resource
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pydeps_host.errors import DiskError
from pydeps_host.git import FinishedPack, Kind, Mark, ObjectId, PackIndex, PackReader, PackWriter, object_id, pack_writer

_MEBIBYTE = 1024 * 1024


def _noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def _finished(writer: PackWriter) -> FinishedPack:
    pack = writer.finish(sync=False)
    assert pack is not None
    return pack


def _pack_of(path: Path, write: Callable[[PackWriter], object]) -> FinishedPack:
    with PackWriter(path) as writer:
        write(writer)
        return _finished(writer)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[PackWriter]:
    with PackWriter(tmp_path / "new.pack") as writer:
        yield writer


@pytest.fixture(params=[0, 16 * _MEBIBYTE], ids=["streamed", "held"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that comes in pieces is held until its id is known, or is too large for that."""
    monkeypatch.setattr(pack_writer, "_HELD_BYTES", request.param - 1)


@pytest.fixture
def limited_file_size() -> Iterator[int]:
    """Writing beyond two mebibytes of a file fails, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * _MEBIBYTE, old[1]))
    yield 2 * _MEBIBYTE
    resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("level", range(4))
def test_what_was_written_is_read_back(tmp_path: Path, level: int) -> None:
    objects: list[tuple[Kind, bytes]] = [
        ("blob", b""),
        ("blob", b"a" * 100_000),
        ("blob", _noise(5000)),
        ("tree", b""),
        ("commit", b"x"),
        ("tag", b"y"),
    ]
    with PackWriter(tmp_path / "new.pack", level=level) as writer:
        ids = [writer.add(kind, data) for kind, data in objects]
        pack = _finished(writer)
    with PackReader(pack.path) as reader:
        assert [reader.read(id_) for id_ in ids] == objects
    assert pack.objects == 6


def test_a_pack_says_its_count_and_ends_with_its_checksum(writer: PackWriter, tmp_path: Path) -> None:
    for number in range(300):
        writer.add("blob", str(number).encode())
    pack = _finished(writer)
    content = pack.path.read_bytes()
    assert content[:12] == b"PACK\0\0\0\2\0\0\1\x2c"
    assert content[-20:] == hashlib.sha1(content[:-20]).digest() == pack.checksum
    assert pack.path == tmp_path / "new.pack"
    assert pack.index_path == tmp_path / "new.idx"
    assert pack.pack_name == f"pack-{pack.checksum.hex()}.pack"
    assert pack.index_name == f"pack-{pack.checksum.hex()}.idx"


@pytest.mark.usefixtures("_both_ways")
def test_the_index_holds_the_crc_of_header_and_data_together(writer: PackWriter) -> None:
    writer.add("blob", b"small")
    writer.add("blob", b"a" * 5000)
    writer.add_stream("blob", 40, [b"b" * 10] * 4)
    pack = _finished(writer)
    index = PackIndex.open(pack.index_path)
    index.verify()
    assert index.pack_checksum == pack.checksum
    content = pack.path.read_bytes()
    entries = sorted(index, key=lambda entry: entry.offset)
    ends = [*(entry.offset for entry in entries[1:]), len(content) - 20]
    assert [entry.crc for entry in entries] == [zlib.crc32(content[entry.offset : end]) for entry, end in zip(entries, ends, strict=True)]


def test_both_files_are_synced_unless_told_otherwise(writer: PackWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    writer.add("blob", b"a")
    assert writer.finish() is not None
    assert len(synced) == 2


def test_nothing_is_synced_where_nobody_asks(writer: PackWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    writer.add("blob", b"a")
    _finished(writer)
    assert not synced


def test_finished_files_are_read_only(writer: PackWriter) -> None:
    writer.add("blob", b"a")
    pack = _finished(writer)
    assert not (pack.path.stat().st_mode | pack.index_path.stat().st_mode) & 0o333


def test_an_object_is_written_once(tmp_path: Path) -> None:
    once = _pack_of(tmp_path / "once.pack", lambda writer: writer.add("blob", b"a"))
    twice = _pack_of(tmp_path / "twice.pack", lambda writer: [writer.add("blob", b"a") for _ in range(2)])
    assert once.checksum == twice.checksum


def test_the_same_bytes_of_another_kind_are_another_object(writer: PackWriter) -> None:
    assert writer.add("blob", b"") != writer.add("tree", b"")
    assert _finished(writer).objects == 2


@pytest.mark.usefixtures("_both_ways")
def test_what_is_known_is_not_written(tmp_path: Path) -> None:
    known = object_id("blob", b"known")
    asked: list[ObjectId] = []

    def is_known(id_: ObjectId) -> bool:
        asked.append(id_)
        return id_ == known

    with PackWriter(tmp_path / "new.pack", known=is_known) as writer:
        assert writer.add("blob", b"known") == known
        assert writer.add_stream("blob", 5, [b"known"]) == known
        assert writer.finish() is None
    assert asked == [known, known]
    assert list(tmp_path.iterdir()) == []


def test_a_stream_gives_the_object_that_its_bytes_would(writer: PackWriter) -> None:
    data = _noise(3 * _MEBIBYTE) + b"z" * _MEBIBYTE
    pieces = (data[start : start + 100_000] for start in range(0, len(data), 100_000))
    id_ = writer.add_stream("blob", len(data), pieces)
    assert id_ == object_id("blob", data)
    with PackReader(_finished(writer).path) as reader:
        assert reader.read(id_) == ("blob", data)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("size", [0, 10, 5 * _MEBIBYTE])
def test_a_stream_of_an_object_that_is_there_leaves_nothing(tmp_path: Path, size: int) -> None:
    data = _noise(size)
    once = _pack_of(tmp_path / "once.pack", lambda writer: (writer.add("blob", data), writer.add("blob", b"end")))
    twice = _pack_of(
        tmp_path / "twice.pack",
        lambda writer: (writer.add("blob", data), writer.add_stream("blob", size, [data]), writer.add("blob", b"end")),
    )
    assert once.checksum == twice.checksum
    assert once.index_path.read_bytes() == twice.index_path.read_bytes()


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("size", [0, 9, 11, 3 * _MEBIBYTE])
def test_a_stream_of_another_size_is_refused_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    def write(writer: PackWriter) -> None:
        writer.add("blob", b"before")
        with pytest.raises(ValueError, match="promised"):
            writer.add_stream("blob", size, [b"12345", b"67890"])
        writer.add_stream("blob", 5, [b"after"])
        with pytest.raises(ValueError, match="promised"):
            writer.add_stream("blob", size, [b"12345", b"67890"])

    def expected(writer: PackWriter) -> None:
        writer.add("blob", b"before")
        writer.add_stream("blob", 5, [b"after"])

    assert _pack_of(tmp_path / "new.pack", write).checksum == _pack_of(tmp_path / "expected.pack", expected).checksum


def test_what_the_pieces_raise_goes_through_and_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield _noise(3 * _MEBIBYTE)
        raise EOFError("the archive ends here")

    def write(writer: PackWriter) -> None:
        with pytest.raises(EOFError, match="the archive ends here"):
            writer.add_stream("blob", 4 * _MEBIBYTE, pieces())
        writer.add("blob", b"after")

    expected = _pack_of(tmp_path / "expected.pack", lambda writer: writer.add("blob", b"after"))
    assert _pack_of(tmp_path / "new.pack", write).checksum == expected.checksum


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("size", [10, 3 * _MEBIBYTE])
def test_rolling_back_takes_back_everything_since_the_mark(tmp_path: Path, size: int) -> None:
    data = _noise(size)

    def write(writer: PackWriter) -> None:
        writer.add("blob", b"kept")
        mark = writer.mark()
        writer.add("blob", data)
        writer.add_stream("tree", 0, [])
        writer.rollback(mark)
        writer.rollback(mark)
        # Forgotten, so written again.
        writer.add("tree", b"")

    expected = _pack_of(tmp_path / "expected.pack", lambda writer: (writer.add("blob", b"kept"), writer.add("tree", b"")))
    assert _pack_of(tmp_path / "new.pack", write).checksum == expected.checksum


def test_a_pack_that_was_rolled_back_to_its_beginning_is_none(writer: PackWriter, tmp_path: Path) -> None:
    mark = writer.mark()
    writer.add("blob", b"a")
    writer.rollback(mark)
    assert writer.finish() is None
    assert list(tmp_path.iterdir()) == []


def test_a_mark_of_a_time_that_was_taken_back_is_refused(writer: PackWriter) -> None:
    first = writer.mark()
    writer.add("blob", b"a")
    later = writer.mark()
    writer.rollback(first)
    with pytest.raises(ValueError, match="no state that this pack went through"):
        writer.rollback(later)
    writer.add("blob", b"something longer")
    with pytest.raises(ValueError, match="no state that this pack went through"):
        writer.rollback(later)
    writer.add("blob", b"b")
    with pytest.raises(ValueError, match="no state that this pack went through"):
        writer.rollback(later)
    with pytest.raises(ValueError, match="no state that this pack went through"):
        writer.rollback(Mark(writer.mark().size, 7))


def test_a_pack_that_was_not_finished_is_taken_away(tmp_path: Path) -> None:
    def fail(writer: PackWriter) -> None:
        writer.add("blob", _noise(3 * _MEBIBYTE))
        raise KeyError

    with pytest.raises(KeyError):
        _pack_of(tmp_path / "new.pack", fail)
    assert list(tmp_path.iterdir()) == []


def test_aborting_twice_or_after_the_end_changes_nothing(writer: PackWriter) -> None:
    writer.add("blob", b"a")
    pack = _finished(writer)
    writer.abort()
    writer.abort()
    assert pack.path.exists()
    assert pack.index_path.exists()


def test_a_finished_pack_takes_no_more(writer: PackWriter) -> None:
    writer.add("blob", b"a")
    _finished(writer)
    with pytest.raises(ValueError, match="is closed"):
        writer.add("blob", b"b")
    with pytest.raises(ValueError, match="is closed"):
        writer.add_stream("blob", 1, [b"b"])
    with pytest.raises(ValueError, match="is closed"):
        writer.finish()


def test_an_aborted_pack_takes_no_more(writer: PackWriter) -> None:
    writer.add("blob", b"a")
    writer.abort()
    with pytest.raises(ValueError, match="is closed"):
        writer.add("blob", b"b")
    with pytest.raises(ValueError, match="is closed"):
        writer.finish()


def test_a_level_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no level 6"):
        PackWriter(tmp_path / "new.pack", level=6)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "new.pack").write_bytes(b"mine")
    with pytest.raises(DiskError) as caught:
        PackWriter(tmp_path / "new.pack")
    assert (caught.value.path, caught.value.doing, caught.value.errno) == (str(tmp_path / "new.pack"), "creating", errno.EEXIST)
    assert (tmp_path / "new.pack").read_bytes() == b"mine"


def test_an_index_that_is_there_is_not_overwritten_and_the_pack_goes(writer: PackWriter, tmp_path: Path) -> None:
    (tmp_path / "new.idx").write_bytes(b"mine")
    writer.add("blob", b"a")
    with pytest.raises(DiskError, match=r"creating .*new\.idx"):
        writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["new.idx"]
    assert (tmp_path / "new.idx").read_bytes() == b"mine"


def test_an_index_that_cannot_be_written_takes_the_pack_with_it(
    writer: PackWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.add("blob", b"a")

    asked: list[int] = []

    def refuse_the_second(descriptor: int) -> None:
        asked.append(descriptor)
        if len(asked) == 2:
            raise OSError(errno.EIO, "the disk is on fire")

    monkeypatch.setattr("os.fsync", refuse_the_second)
    with pytest.raises(DiskError, match=r"syncing .*new\.idx: the disk is on fire"):
        writer.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_somebody_cuts_off_is_never_finished(writer: PackWriter, tmp_path: Path) -> None:
    writer.add("blob", _noise(3 * _MEBIBYTE))
    os.truncate(tmp_path / "new.pack", _MEBIBYTE)
    with pytest.raises(DiskError, match=r"reading .*: somebody cut the file off"):
        writer.finish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_both_ways")
def test_after_a_full_disk_what_was_there_before_is_still_a_pack(tmp_path: Path, limited_file_size: int) -> None:
    def write(writer: PackWriter) -> None:
        writer.add("blob", b"before")
        for attempt in range(2):
            with pytest.raises(DiskError) as caught:
                writer.add("blob", _noise(limited_file_size, attempt))
            assert (caught.value.doing, caught.value.errno) == ("writing", errno.EFBIG)
        with pytest.raises(DiskError):
            writer.add_stream("blob", 2 * limited_file_size, [_noise(limited_file_size)] * 2)
        writer.add("blob", b"after")

    expected = _pack_of(tmp_path / "expected.pack", lambda writer: (writer.add("blob", b"before"), writer.add("blob", b"after")))
    assert _pack_of(tmp_path / "new.pack", write).path.read_bytes() == expected.path.read_bytes()
