"""Deltas (gitformat-pack(5)): an object as copies of another one and new bytes.

None are written here; a repository that git itself repacked has them.
"""

from pydeps_host.git.pack_format import decode_size

# A copy whose size is written as nothing has this one.
_EMPTY_COPY = 0x10000


def delta_sizes(delta: bytes) -> tuple[int, int, int]:
    """Return (size of the base, size of the result, position of the first instruction).

    Raises:
        ValueError: The delta has no such beginning.
    """
    base_size, position = decode_size(delta, 0)
    result_size, position = decode_size(delta, position)
    return base_size, result_size, position


def apply_delta(base: bytes, delta: bytes, *, max_bytes: int) -> bytes:
    """Return the object that a delta makes of its base.

    Raises:
        ValueError: The delta is broken, of another base, or gives more than `max_bytes`.
    """
    base_size, size, position = delta_sizes(delta)
    if base_size != len(base):
        raise ValueError(f"a delta is of a base of {base_size} bytes, its base has {len(base)}")
    if size > max_bytes:
        raise ValueError(f"a delta gives {size} bytes, {max_bytes} are allowed")
    pieces = []
    left = size
    while position < len(delta):
        piece, position = _copy(base, delta, position) if delta[position] & 0x80 else _insert(delta, position)
        pieces.append(piece)
        # Before the next piece: a few bytes of delta can ask for megabytes.
        left -= len(piece)
        if left < 0:
            break
    if left:
        raise ValueError(f"a delta does not give the {size} bytes that it promises")
    return b"".join(pieces)


def _copy(base: bytes, delta: bytes, position: int) -> tuple[bytes, int]:
    """Return a piece of the base; bits of the instruction say which bytes of offset and size follow."""
    instruction = delta[position]
    numbers = [0] * 7
    for bit in range(7):
        if instruction & 1 << bit:
            position += 1
            if position >= len(delta):
                raise ValueError("a delta is cut off")
            numbers[bit] = delta[position]
    offset = int.from_bytes(bytes(numbers[:4]), "little")
    size = int.from_bytes(bytes(numbers[4:]), "little") or _EMPTY_COPY
    if offset + size > len(base):
        raise ValueError("a delta copies from beyond its base")
    return base[offset : offset + size], position + 1


def _insert(delta: bytes, position: int) -> tuple[bytes, int]:
    """Return new bytes; the instruction is their number."""
    size = delta[position]
    end = position + 1 + size
    if not size or end > len(delta):
        raise ValueError("a delta has an instruction that means nothing, or is cut off")
    return delta[position + 1 : end], end
