"""Index pages on disk, kept to ask whether they changed."""

import hashlib
import json
import os
import secrets
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import asdict
from packaging.utils import NormalizedName

from pydeps_host.errors import DiskError
from pydeps_host.repository.disk import beginning_with, read_bytes
from pydeps_host.repository.locks import try_lock
from pydeps_host.simple_api import KeptPage

# A page is inflated within the limit that it was taken under; this one is for a file that somebody exchanged.
_LARGEST: Final = 1 << 30


class KeptPages:
    """One file a page: a line of JSON, then the page, compressed.

    Losing one costs a request and nothing else. So a file that cannot be read
    counts as none, one that cannot be written is not kept, and none is synced.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, index: str, project: NormalizedName, /) -> KeptPage | None:
        """Return the page that was saved last, or None."""
        try:
            head, _, body = read_bytes(self._place(index, project)).partition(b"\n")
            inflater = zlib.decompressobj()
            page = KeptPage(inflater.decompress(body, _LARGEST), **json.loads(head))
        except (DiskError, ValueError, TypeError, zlib.error, RecursionError):
            return None
        return page if inflater.eof else None

    def save(self, index: str, project: NormalizedName, page: KeptPage, /) -> None:
        """Keep a page in place of the one before."""
        path = Path(self._place(index, project))
        new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        head = json.dumps(asdict(page, filter=lambda field, _: field.name != "body"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_dead(path)
            # For its owner alone: what an index shows one user is not everybody's.
            with open(new, "xb", opener=_private) as file:
                try_lock(file.fileno())
                file.write(head.encode() + b"\n" + zlib.compress(page.body, 1))
                file.flush()
                new.replace(path)
        except (OSError, DiskError):
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def _place(self, index: str, project: NormalizedName) -> str:
        key = hashlib.sha256(json.dumps([index, project]).encode()).hexdigest()
        return f"{self._folder}/{key[:2]}/{key[2:]}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _remove_dead(path: Path) -> None:
    """Remove what processes left behind that were killed while they wrote this page: who lives holds a lock on what it writes."""
    for new in beginning_with(path.parent, f"{path.name}."):
        with suppress(OSError), new.open("rb") as file:
            if try_lock(file.fileno()):
                new.unlink()
