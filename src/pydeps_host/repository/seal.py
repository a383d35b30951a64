"""What the publishing lock says of the last change, while nobody publishes.

A journal that was cut short looks like one whose writer was killed: its last
lines are gone, or are none. Where those changed no reference, nothing else
would miss them. So whoever publishes leaves in the lock's file which line was
the last. It is not synced: it may be older than the journal, never newer.
"""

import os
import re
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import disk_errors
from pydeps_host.repository.disk import read_bytes, write_all

_LINE: Final = re.compile(rb"journal ([1-9][0-9]{0,17}) ([0-9a-f]{64}) (sha256:[0-9a-f]{64})\n")
_MOST_BYTES: Final = 4096


@frozen
class Seal:
    """The last change that was published.

    Attributes:
        generation: The number of the state that it led to.
        sum: The digest that its line in the journal ends with.
        refs: The digest of the `packed-refs` file that it led to.
    """

    generation: int
    sum: str
    refs: str


def write_seal(lock: int, seal: Seal, lock_path: Path) -> None:
    """Write the seal into the lock's open file, in place of the packs that were announced there.

    Raises:
        DiskError: The system refuses.
    """
    with disk_errors(lock_path, "writing"):
        os.ftruncate(lock, 0)
        os.lseek(lock, 0, os.SEEK_SET)
        write_all(lock, encode_seal(seal))


def encode_seal(seal: Seal) -> bytes:
    """Return the seal as it stands in the lock's file."""
    return f"journal {seal.generation} {seal.sum} {seal.refs}\n".encode()


def read_seal(lock_path: Path | str) -> Seal | None:
    """Return the seal; None where the file is gone, empty, or names packs.

    Raises:
        DiskError: The system refuses.
    """
    found = _LINE.fullmatch(read_bytes(lock_path, most=_MOST_BYTES))
    return None if found is None else Seal(int(found[1]), found[2].decode(), found[3].decode())
