import tracemalloc

import pytest

from pydeps_host.git.delta import apply_delta

_BASE = b"0123456789"


def _apply(delta: bytes, max_bytes: int = 1000) -> bytes:
    return apply_delta(_BASE, delta, max_bytes=max_bytes)


def test_copies_and_new_bytes_make_the_result() -> None:
    assert _apply(b"\x0a\x07\x91\x02\x03\x02ab\x91\x00\x02") == b"234ab01"


def test_a_copy_without_offset_and_size_bytes_copies_64_kibibytes_from_the_start() -> None:
    base = bytes(range(256)) * 512
    assert apply_delta(base, b"\x80\x80\x08\x80\x80\x04\x80", max_bytes=2**20) == base[:0x10000]


def test_every_byte_of_offset_and_size_counts() -> None:
    base = bytes(0x01020304) + b"x" * 0x010203
    delta = b"\x87\x8a\x8c\x08" + b"\x83\x84\x04" + b"\xff\x04\x03\x02\x01\x03\x02\x01"
    assert apply_delta(base, delta, max_bytes=2**20) == b"x" * 0x010203


def test_a_delta_can_give_nothing() -> None:
    assert _apply(b"\x0a\x00") == b""


@pytest.mark.parametrize(
    ("delta", "message"),
    [
        (b"", "size has no end"),
        (b"\x0a", "size has no end"),
        (b"\x8a" + b"\x80" * 20, "size has no end"),
        (b"\x09\x01\x01a", "of a base of 9 bytes, its base has 10"),
        (b"\x0a\x02\x01a", "does not give the 2 bytes"),
        (b"\x0a\x01\x02ab", "does not give the 1 bytes"),
        (b"\x0a\x01\x00", "means nothing"),
        (b"\x0a\x01\x05a", "cut off"),
        (b"\x0a\x01\x91\x00", "cut off"),
        (b"\x0a\x0b\x90\x0b", "from beyond its base"),
        (b"\x0a\x01\x91\x0a\x01", "from beyond its base"),
        (b"\x0a\x01\x88\xff", "from beyond its base"),
        (b"\x0a\x80\x80\x80\x80\x10\x01a", "4294967296 bytes, 1000 are allowed"),
    ],
)
def test_a_broken_delta_is_refused(delta: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _apply(delta)


def test_a_delta_that_gives_more_than_it_promises_is_stopped_at_once() -> None:
    base = bytes(2**20)
    # Two hundred copies of nearly a mebibyte each.
    delta = b"\x80\x80\x40\x01" + b"\xc0\x0f" * 200
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="does not give the 1 bytes"):
            apply_delta(base, delta, max_bytes=2**20)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()
