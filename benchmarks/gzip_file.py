"""Gzip files by the fastest library that is there, as the ways that read or write archives open them."""

from pathlib import Path
from typing import IO, Literal, cast

try:
    from isal.igzip import open as _open
except ImportError:
    from gzip import open as _open


def open_gzip(path: Path, mode: Literal["rb", "wb"]) -> IO[bytes]:
    """Open a gzip file; what is written is compressed fast rather than well."""
    return cast("IO[bytes]", _open(path, mode, compresslevel=1))  # type: ignore[no-untyped-call] # As isal has it.
