"""CRC-32 as the linear thing that it is: of concatenations, of long runs, and the one that a text may hold of itself."""

import zlib
from collections.abc import Callable
from functools import cache

_POLYNOMIAL = 0xEDB88320
# x to the 8th, in the reflected order of bits: the shift by one byte.
_BYTE = 1 << 23
_ONE = 1 << 31


def joined(first: int, second: int, second_bytes: int) -> int:
    """The CRC of two texts one after the other, from the CRC of each."""
    shift, square, count = _ONE, _BYTE, second_bytes
    while count:
        if count & 1:
            shift = _times(shift, square)
        square = _times(square, square)
        count >>= 1
    return _times(shift, first) ^ second


@cache
def repeated(data: bytes, times: int) -> int:
    """The CRC of a text that comes so many times."""
    one, size = zlib.crc32(data), len(data)
    total, count = 0, times
    while count:
        if count & 1:
            total = joined(total, one, size)
        one = joined(one, one, size)
        size *= 2
        count >>= 1
    return total


def fixed_point(text: Callable[[int], bytes]) -> int | None:
    """The number that is the CRC of the text that it is put into; None where there is none.

    The places of the number in the text are the text's own business: the CRC is
    affine in its bits, so that 33 texts tell everything, and the rest is a
    system of 32 equations over GF(2).
    """
    constant = zlib.crc32(text(0))
    rows = []
    for bit in range(32):
        column = zlib.crc32(text(1 << bit)) ^ constant ^ 1 << bit
        rows.append(column | 1 << 32 + bit)
    found, wanted = 0, constant
    for bit in range(32):
        pivot = next((row for row in rows if row >> bit & 1), None)
        if pivot is None:
            if wanted >> bit & 1:
                return None
            continue
        rows.remove(pivot)
        rows = [row ^ pivot if row >> bit & 1 else row for row in rows]
        if wanted >> bit & 1:
            wanted ^= pivot & 0xFFFF_FFFF
            found ^= pivot >> 32
    return found if zlib.crc32(text(found)) == found else None


def _times(left: int, right: int) -> int:
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = left << 1 & 0xFFFF_FFFF
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product
