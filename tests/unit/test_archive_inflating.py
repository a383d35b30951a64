"""Which inflate reads archives never decides what is in them."""

import gzip
import importlib.util
import random
import sys
import zlib
from collections.abc import Callable
from types import ModuleType

import pytest

from pydeps_host.archive import inflating
from pydeps_host.archive.inflating import Inflater

SEED = 20261122
_TEXT = b"".join(b"line %d of a text that repeats itself\n" % (number % 37) for number in range(300))
_NOISE = random.Random(SEED).randbytes(3000)


@pytest.fixture(scope="module")
def without_wheel() -> ModuleType:
    """The module as it is where zlib-ng has no wheel."""
    spec = importlib.util.find_spec("pydeps_host.archive.inflating")
    assert spec is not None
    assert spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "zlib_ng", None)
        spec.loader.exec_module(fresh)
    return fresh


def test_the_second_library_is_the_one_of_the_standard_library(without_wheel: ModuleType) -> None:
    pytest.importorskip("zlib_ng")
    assert without_wheel.InflateError is zlib.error
    assert inflating.InflateError is not zlib.error


def test_both_libraries_read_the_same_of_broken_streams(without_wheel: ModuleType) -> None:
    pytest.importorskip("zlib_ng")
    chance = random.Random(SEED)
    seeds = _seeds()
    sound = 0
    for _ in range(6000):
        name, frame, data = chance.choice(seeds)
        data = _broken(data, chance)
        piece, asked = chance.choice([(len(data) or 1, 1 << 18), (chance.randrange(1, 50), 1 << 18), (64, chance.randrange(1, 200))])
        one, other = (_read(getattr(module, frame), module.InflateError, data, (piece, asked)) for module in (inflating, without_wheel))
        assert one == other, (name, frame, data)
        sound += one[0] == "read"
    # Broken beyond reading, all of them, would prove little.
    assert 600 < sound < 5400


def _seeds() -> list[tuple[str, str, bytes]]:
    seeds = []
    for level in (0, 1, 6, 9):
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE):
            for name, data in (("text", _TEXT), ("noise", _NOISE), ("short", b"abcabc"), ("nothing", b"")):
                for frame, bits in (("raw_inflater", -15), ("gzip_inflater", 31), ("raw_inflater", -9)):
                    made = zlib.compressobj(level, zlib.DEFLATED, bits, 8, strategy)
                    seeds.append((name, frame, made.compress(data) + made.flush()))
    named = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff\3\0ab\4name\0comment\0"
    named += (zlib.crc32(named) & 0xFFFF).to_bytes(2, "little")
    seeds.append(("header", "gzip_inflater", named + gzip.compress(_TEXT)[10:]))
    return seeds


def _broken(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.randrange(4)):
        # The first bytes hold the header and the code lengths, where there is most to be wrong.
        place = chance.randrange(min(len(made), chance.choice([12, 80, len(made) or 1])) or 1)
        match chance.randrange(4):
            case 0:
                made[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                made[place : place + 1] = bytes([(made[place : place + 1] or b"\0")[0] ^ 1 << chance.randrange(8)])
            case 2:
                del made[place : place + chance.randrange(1, 9)]
            case _:
                made[place:place] = chance.randbytes(chance.randrange(1, 4))
    return bytes(made)


def _read(frame: Callable[[], Inflater], failure: type[Exception], data: bytes, sizes: tuple[int, int]) -> tuple[str, bytes, bytes]:
    """Return how a stream ends, what it gave, and what is left of its input."""
    piece, asked = sizes
    inflater = frame()
    read = bytearray()
    try:
        for begin in range(0, len(data), piece):
            waiting = data[begin : begin + piece]
            while waiting and not inflater.eof:
                read += inflater.decompress(waiting, asked)
                waiting = inflater.unconsumed_tail
            if inflater.eof:
                return "read", bytes(read), inflater.unused_data + data[begin + piece :]
    except failure:
        # How much came before the fault depends on how far a library looks ahead, and nobody gets to keep it.
        return "broken", b"", b""
    return "cut off", bytes(read), b""
