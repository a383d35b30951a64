"""What it costs to parse members out of inflated tar data: ours, every check on, against CPython's tarfile.

    python benchmarks/reading.py ARTIFACTS [RUNS]

ARTIFACTS is a folder with `.tar.gz` files, at any depth. Both readers get the
same inflated bytes and read every member's content; the figures are seconds of
this process, medians of RUNS (5 unless given), taken by turns.
"""

import gzip
import io
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pydeps_host.archive import read_archive
from pydeps_host.values import Limits

# What is measured is reading: no artifact may be too large, and a plain tar's ratio is 1.
LIMITS = Limits(unpacked_bytes=64 * 1024**3)


def ours(data: bytes) -> int:
    """Read all members; return how many there are."""
    count = 0
    for member in read_archive(io.BytesIO(data), "a.tar", limits=LIMITS):
        if not isinstance(member.content, bytes):
            for _ in member.content:
                """Drained, as a reader that looks for one member would."""
        count += 1
    return count


def theirs(data: bytes) -> int:
    """Do the same with tarfile."""
    count = 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                content.read()
            count += 1
    return count


def seconds(read: Callable[[bytes], int], tars: Iterable[bytes]) -> float:
    """Return how long reading all of them takes."""
    begin = time.process_time()
    for data in tars:
        read(data)
    return time.process_time() - begin


def main(artifacts: Path, runs: int) -> None:
    """Measure, and print one line."""
    tars = [gzip.decompress(path.read_bytes()) for path in sorted(artifacts.rglob("*.tar.gz"))]
    members = sum(map(ours, tars))
    measured = [(seconds(ours, tars), seconds(theirs, tars)) for _ in range(runs)]
    ratio = statistics.median(mine / other for mine, other in measured)
    mine, other = (statistics.median(column) for column in zip(*measured, strict=True))
    size = sum(map(len, tars)) / 1e6
    print(f"{len(tars)} archives, {members} members, {size:.0f} MB: ours {mine:.2f} s, tarfile {other:.2f} s, {ratio:.2f} of its time")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 5)
