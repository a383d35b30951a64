"""Archives that hold themselves, made of two instructions that deflate has.

*Say n*: a stored block, whose n bytes follow as they are. *Again n*: a match
that repeats the last n bytes that came out. Both are made ten bytes long, so
that a program of them can speak of itself in multiples of ten.

Let H be what stands before the deflate stream and T what stands behind it. What
comes out stays behind the file by what the last instruction was, until, with
`again 40, say 40` said twice, it has caught up, and runs ahead:

    file                                          comes out
    H
    say h+10 [H, say h+10]                        H, say h+10
    again h+10                                    H, say h+10
    say 10   [again h+10]                         again h+10
    say 10   [say 10]                             say 10
    say 40   [again h+10, say 10, say 10, say 40] again h+10, say 10, say 10, say 40
    again 40                                      again h+10, say 10, say 10, say 40
    say 40   [again 40, say 40, again 40, say 40] again 40, say 40, again 40, say 40
    again 40                                      again 40, say 40, again 40, say 40
    say 40   [again 40, nothing, nothing, say z]  again 40, nothing, nothing, say z
    again 40                                      again 40, nothing, nothing, say z
    nothing, nothing
    say z    [again z, T]                         again z, T
    again z                                       again z, T
    T

The checksum in H and T is the one of the file that it stands in: a fixed point.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import count

from crc import fixed_point

_WIDTH = 10
# RFC 1951, 3.2.5: code, extra bits and first value of each range.
_LENGTHS = ((265, 1, 11), (269, 2, 19), (273, 3, 35), (277, 4, 67), (281, 5, 131))
_STORED_END = b"\0\0\xff\xff"


def gzip_quine() -> bytes:
    """A gzip file (RFC 1952) whose content is the file itself."""

    def text(crc: int, size: int, variant: int) -> bytes:
        head = b"\x1f\x8b\x08\0" + struct.pack("<I", variant) + b"\0\xff"
        return _program(head, struct.pack("<II", crc, size))

    return _solved(text)


def zip_quine(name: bytes = b"r.zip") -> bytes:
    """A zip file whose one entry is the file itself."""

    def text(crc: int, size: int, variant: int) -> bytes:
        head_bytes, tail_bytes = 30 + len(name), 46 + len(name) + 22
        common = struct.pack("<5H3I2H", 20, 0, 8, variant, 0x21, crc, size - head_bytes - tail_bytes, size, len(name), 0)
        head = b"PK\3\4" + common + name
        record = b"PK\1\2" + struct.pack("<BB", 20, 3) + common + struct.pack("<3H2I", 0, 0, 0, 0, 0) + name
        end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(record), size - tail_bytes, 0)
        return _program(head, record + end)

    return _solved(text)


def _solved(text: Callable[[int, int, int], bytes]) -> bytes:
    size = len(text(0, 1000, 0))
    for variant in count():
        crc = fixed_point(lambda number, variant=variant: text(number, size, variant))  # type: ignore[misc]
        if crc is not None:
            return text(crc, size, variant)
    raise AssertionError("a count has no end")


def _program(head: bytes, tail: bytes) -> bytes:
    first, ten, forty = len(head) + _WIDTH, _say(_WIDTH), _say(40)
    again, last = _again(40), _last(len(tail))
    closing = again + _say(0) + _say(0) + _say(len(last + tail))
    return b"".join((
        *(head, _say(first), head, _say(first), _again(first)),
        *(ten, _again(first), ten, ten),
        *(forty, _again(first), ten, ten, forty, again),
        *(forty, again, forty, again, forty, again),
        *(forty, closing, closing),
        *(last, tail, last, tail),
    ))  # fmt: skip


def _say(size: int) -> bytes:
    nothing = b"\0" + _STORED_END
    return nothing + b"\0" + struct.pack("<HH", size, size ^ 0xFFFF)


def _again(size: int) -> bytes:
    """Repeat the last bytes, in as many matches as make it ten bytes long."""
    return next(made for made in _matches(size, final=0) if len(made) == _WIDTH)


def _last(tail_bytes: int) -> bytes:
    """Repeat the last bytes: this very instruction and what follows it; and end the stream."""
    return next(made for size in range(5, 30) for made in _matches(size + tail_bytes, final=1) if len(made) == size)


def _matches(size: int, *, final: int) -> Iterator[bytes]:
    for first in (size, *range(3, size - 2)):
        bits = "010" + "".join(_match(part, size) for part in (first, size - first) if part) + "0000000" + f"{final}00"
        bits += "0" * (-len(bits) % 8)
        yield bytes(int(bits[place : place + 8][::-1], 2) for place in range(0, len(bits), 8)) + _STORED_END


def _match(size: int, back: int) -> str:
    """One match in the fixed Huffman code (RFC 1951, 3.2.6)."""
    code, extra, offset = _length(size)
    symbol = f"{code - 256:07b}" if code < 280 else f"{code - 280 + 0xC0:08b}"
    log = (back - 1).bit_length() - 1
    half = back - 1 >> log - 1 & 1
    return symbol + _low_first(offset, extra) + f"{2 * log + half:05b}" + _low_first((back - 1) & (1 << log - 1) - 1, log - 1)


def _length(size: int) -> tuple[int, int, int]:
    if size <= 10:
        return 254 + size, 0, 0
    base, extra, first = max(row for row in _LENGTHS if row[2] <= size)
    return base + (size - first >> extra), extra, size - first & (1 << extra) - 1


def _low_first(value: int, width: int) -> str:
    return f"{value:0{width}b}"[::-1] if width else ""
