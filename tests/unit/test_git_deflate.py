import importlib.util
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from types import ModuleType

import pytest

from pydeps_host.git import deflate


@pytest.fixture(params=["isal", "zlib"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is, and as it is where isal has no wheel."""
    if request.param == "isal":
        pytest.importorskip("isal")
        return deflate
    monkeypatch.setitem(sys.modules, "isal", None)
    spec = importlib.util.find_spec("pydeps_host.git.deflate")
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh


def _reader(content: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: content[offset : offset + size]


_DATA = [b"", b"a", b"abc" * 50_000, bytes(range(256)) * 3000]


def test_the_second_engine_is_the_one_of_the_standard_library(module: ModuleType) -> None:
    assert (module is deflate) == module._ISAL


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("data", _DATA, ids=len)
def test_zlib_reads_what_either_engine_writes(module: ModuleType, data: bytes, level: int) -> None:
    assert zlib.decompress(module.deflate(data, level)) == data
    stream = module.deflater(level)
    pieces = [stream.compress(data[start : start + 1000]) for start in range(0, len(data), 1000)]
    assert zlib.decompress(b"".join(pieces) + stream.flush()) == data


def test_a_crc_can_be_continued(module: ModuleType) -> None:
    assert module.crc32(b"def", module.crc32(b"abc")) == zlib.crc32(b"abcdef")


@pytest.mark.parametrize("data", _DATA, ids=len)
def test_a_stream_is_read_whatever_comes_after_it(data: bytes) -> None:
    assert deflate.inflate(_reader(b"before" + zlib.compress(data) + b"after" * 100_000), 6, len(data)) == data


@pytest.mark.parametrize("size", [0, 1, 149_999, 150_001, 10**9])
def test_a_stream_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="compressed data holds"):
        deflate.inflate(_reader(zlib.compress(b"abc" * 50_000)), 0, size)


def test_no_more_is_unpacked_than_was_promised() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than 1000 bytes"):
            deflate.inflate(_reader(bomb), 0, 1000)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_stream_that_is_cut_off_is_refused() -> None:
    packed = zlib.compress(b"abc" * 50_000)
    for end in (0, 1, 2, 50, len(packed) - 1):
        with pytest.raises(ValueError, match="cut off"):
            deflate.inflate(_reader(packed[:end]), 0, 150_000)


@pytest.mark.parametrize("place", [0, 1, 2, -1])
def test_a_broken_stream_is_refused(place: int) -> None:
    packed = bytearray(zlib.compress(b"abc"))
    packed[place] ^= 0xFF
    with pytest.raises(ValueError, match="broken"):
        deflate.inflate(_reader(bytes(packed)), 0, 3)
