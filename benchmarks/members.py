"""The files of a source distribution as CPython reads them, for the ways that bring no reader of their own."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from benchmarks.gzip_file import open_gzip


@frozen
class Content:
    """One file or symbolic link.

    Attributes:
        path: Its path below the archive's top folder.
        mode: Its mode as git has it.
        data: Its bytes; of a link the target.
    """

    path: bytes
    mode: int
    data: bytes


def contents(path: Path) -> Iterator[Content]:
    """Yield what an archive holds, hard links as copies."""
    with open_gzip(path, "rb") as inflated, tarfile.open(fileobj=inflated, mode="r:", errors="surrogateescape") as archive:
        for member in archive:
            if member.issym():
                yield Content(_below_top(member.name), 0o120000, member.linkname.encode("utf-8", "surrogateescape"))
            elif member.isfile() or member.islnk():
                opened = archive.extractfile(member)
                if opened is not None:
                    yield Content(_below_top(member.name), 0o100755 if member.mode & 0o100 else 0o100644, opened.read())


def _below_top(name: str) -> bytes:
    return name.removeprefix("./").partition("/")[2].encode("utf-8", "surrogateescape")
