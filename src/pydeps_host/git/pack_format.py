"""What packs are made of (gitformat-pack(5)), for their writer and their readers.

A pack is a header, entries, and the SHA-1 of both. An entry is a type and a
size in a few bytes, then one zlib stream; a delta names its base in between.
"""

import struct

from pydeps_host.git.objects import Kind

HEADER = struct.Struct(">4sII")
SIGNATURE = b"PACK"
VERSION = 2
TRAILER_BYTES = 20

OFS_DELTA = 6
REF_DELTA = 7

KINDS: dict[int, Kind] = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_TYPES = {kind: number for number, kind in KINDS.items()}

# A size of 64 bits takes ten bytes, an offset as many.
MOST_NUMBER_BYTES = 10


def encode_entry_header(kind: Kind, size: int) -> bytes:
    """Return what stands before an object's zlib stream: its type and its unpacked size."""
    byte = _TYPES[kind] << 4 | size & 0x0F
    size >>= 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    header.append(byte)
    return bytes(header)


def decode_entry_header(data: bytes) -> tuple[int, int, int]:
    """Return (type, size, bytes of the header) of the entry that `data` begins with.

    Raises:
        ValueError: The header has no end.
    """
    rest, end = decode_size(data, 0)
    # The first byte holds the type in three bits, and four bits of the size rather than seven.
    return rest >> 4 & 0x07, rest >> 7 << 4 | rest & 0x0F, end


def decode_size(data: bytes, position: int) -> tuple[int, int]:
    """Return (number, position after it) of a number in groups of seven bits, the lowest first.

    Raises:
        ValueError: The number has no end.
    """
    number = 0
    for index, byte in enumerate(data[position : position + MOST_NUMBER_BYTES]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, position + index + 1
    raise ValueError("a size has no end")


def encode_distance(distance: int) -> bytes:
    """Return how an OFS_DELTA entry names its base: by the way back to it, in bytes; `decode_distance` reads it."""
    groups = [distance & 0x7F]
    while distance := distance >> 7:
        # Each further group stands for one more than its bits.
        distance -= 1
        groups.append(distance & 0x7F | 0x80)
    return bytes(reversed(groups))


def decode_distance(data: bytes, position: int) -> tuple[int, int]:
    """Return (distance back to the base, position after it) of an OFS_DELTA entry.

    The highest bits come first, and each group but the last stands for one more
    than its bits, so that no number has two spellings.

    Raises:
        ValueError: The number has no end.
    """
    distance = -1
    for index, byte in enumerate(data[position : position + MOST_NUMBER_BYTES]):
        distance = (distance + 1) << 7 | byte & 0x7F
        if byte < 0x80:
            return distance, position + index + 1
    raise ValueError("a distance has no end")
