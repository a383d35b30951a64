"""Digests of artifacts, as indexes and lock files write them."""

import hashlib
import re
from collections.abc import Collection
from typing import Final, Self

from attrs import frozen

_TEXT = re.compile(r"(?P<algorithm>[A-Za-z0-9_]+)[:=](?P<value>[0-9A-Fa-f]+)")

# Only digests of a fixed length: `shake_*` has none. MD5 is among them because
# old indexes give nothing else; a file's SHA-256 is computed and kept besides.
_NAMED: Final = 5
FIXED_LENGTH = frozenset(hashlib.algorithms_guaranteed) - {"shake_128", "shake_256"}


@frozen(order=True)
class Digest:
    """One digest of one file's bytes.

    Attributes:
        algorithm: hashlib's name for it, in lower case, such as `sha256`.
        value: The digest in lower-case hexadecimal, of the algorithm's full length.
    """

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:0a1b...` (lock files) or `sha256=0a1b...` (URL fragments, PEP 503).

        Raises:
            ValueError: The text is not a digest, its algorithm is none that hashlib
                guarantees on every platform, or its length is not the algorithm's.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a digest such as sha256:<hexadecimal>")
        return cls.of(found["algorithm"], found["value"])

    @classmethod
    def of(cls, algorithm: str, value: str) -> Self:
        """Make a digest of two texts, checked as `parse` checks them."""
        name = algorithm.lower()
        if name not in FIXED_LENGTH:
            raise ValueError(f"{algorithm!r} is not a digest algorithm that every Python has")
        expected = hashlib.new(name, usedforsecurity=False).digest_size * 2
        if len(value) != expected or not re.fullmatch("[0-9A-Fa-f]+", value):
            raise ValueError(f"a {name} digest has {expected} hexadecimal digits, {value!r} has {len(value)} characters")
        return cls(name, value.lower())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def any_of(digests: Collection[Digest]) -> str:
    """Return the first few of some digests for a person: a lock file lists those of every wheel."""
    named = [*map(str, sorted(digests)[:_NAMED])]
    return " or ".join([*named, *([f"{len(digests) - _NAMED} more"] if len(digests) > _NAMED else [])])
