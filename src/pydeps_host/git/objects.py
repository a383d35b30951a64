"""Object ids: what git names an object by."""

import hashlib
import re
from typing import Literal, NewType

Kind = Literal["commit", "tree", "blob", "tag"]

# Twenty raw bytes. Text is made of it by `.hex()` and read by `parse_id`, and
# by nothing else, so that the two forms cannot be mixed up.
ObjectId = NewType("ObjectId", bytes)

ID_BYTES = 20

_NAMES: dict[Kind, bytes] = {"commit": b"commit", "tree": b"tree", "blob": b"blob", "tag": b"tag"}
# From so many bytes on a copy costs more than a second step of hashing.
_LARGE = 4096

_HEXADECIMAL = re.compile("[0-9a-f]{40}")


def object_id(kind: Kind, data: bytes) -> ObjectId:
    """Return the id of an object whose bytes are at hand."""
    header = b"%b %d\0" % (_NAMES[kind], len(data))
    if len(data) < _LARGE:
        # Joined rather than hashed in two steps: most objects are small, and OpenSSL's fixed cost is not.
        return ObjectId(hashlib.sha1(header + data).digest())
    hasher = hashlib.sha1(header)
    hasher.update(data)
    return ObjectId(hasher.digest())


def parse_id(text: str) -> ObjectId:
    """Read an id from its 40 lower-case hexadecimal digits.

    Raises:
        ValueError: The text is anything else.
    """
    if not _HEXADECIMAL.fullmatch(text):
        raise ValueError(f"{text[:50]!r} is not an object id of 40 lower-case hexadecimal digits")
    return ObjectId(bytes.fromhex(text))


class ObjectHasher:
    """The id of an object that comes in pieces, of a size known before.

    The size is hashed first, so a stream that turns out to be of another size
    has no id.
    """

    def __init__(self, kind: Kind, size: int) -> None:
        self._size = size
        self._left = size
        self._sha1 = hashlib.sha1(_header(kind, size))

    def update(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            ValueError: More than the promised bytes came.
        """
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"more than the promised {self._size} bytes came")
        self._sha1.update(data)

    def updated(self, data: bytes) -> bytes:
        """Take the next piece, as `update` does, and return it, for whoever does more with it."""
        self.update(data)
        return data

    def finish(self) -> ObjectId:
        """Return the id.

        Raises:
            ValueError: Fewer than the promised bytes came.
        """
        if self._left:
            raise ValueError(f"{self._size - self._left} of the promised {self._size} bytes came")
        return ObjectId(self._sha1.digest())


def _header(kind: Kind, size: int) -> bytes:
    return f"{kind} {size}\0".encode()
