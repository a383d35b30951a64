"""The bytes' own cost: what no way to make repositories of archives can save.

    python -m benchmarks.floor FOLDER [KNOWN]

Reads each file, computes its SHA-256, inflates it, computes the SHA-1 of each
member's content and deflates each distinct content of a project once, with the
fastest library that is there, on one core. No name is parsed and nothing is
written; finding the members is not counted. Contents that the set KNOWN has are
taken as deflated before.
"""

import hashlib
import io
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.artifacts import projects
from benchmarks.measuring import Stopwatch

try:
    from isal import igzip, isal_zlib
except ImportError:
    import gzip
    import zlib

    LIBRARY: Final = "zlib"
    inflate = gzip.decompress

    def deflate(data: bytes | memoryview) -> bytes:
        """Compress as fast as may be."""
        return zlib.compress(data, 1)
else:
    LIBRARY: Final = "isal"  # type: ignore[misc] # One of two.
    inflate = igzip.decompress

    def deflate(data: bytes | memoryview) -> bytes:
        """Compress as fast as may be."""
        return isal_zlib.compress(data, 1)


class Floor:
    """Counts the cost of one project's files.

    Attributes:
        watch: Where time is counted.
        facts: How much there is of files, members and bytes.
    """

    def __init__(self, watch: Stopwatch, facts: Counter[str]) -> None:
        self.watch = watch
        self.facts = facts
        self._seen: set[bytes] = set()

    def add(self, path: Path) -> None:
        """Do what must be done with a file."""
        with self.watch.running():
            packed = path.read_bytes()
            hashlib.sha256(packed).digest()
            raw = memoryview(inflate(packed))
        spans = _spans(raw)
        with self.watch.running():
            for begin, size in spans:
                data = raw[begin : begin + size]
                key = hashlib.sha1(data, usedforsecurity=False).digest()
                if key not in self._seen:
                    self._seen.add(key)
                    deflate(data)
        self.facts.update(files=1, packed=len(packed), unpacked=len(raw), members=len(spans))


def _spans(raw: memoryview) -> list[tuple[int, int]]:
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
        return [(member.offset_data, member.size) for member in archive if member.isreg()]


def main(folder: Path, known: Path | None) -> None:
    """Measure a set."""
    watch, facts = Stopwatch(), Counter[str]()
    before = dict(projects(known)) if known is not None else {}
    for project, found in projects(folder):
        floor = Floor(Stopwatch(), Counter())
        for one in before.get(project, ()):
            floor.add(one.path)
        floor.watch, floor.facts = watch, facts
        for one in found:
            floor.add(one.path)
    watch.tell(**facts, library=LIBRARY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
