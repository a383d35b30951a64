"""One large source distribution, and the memory that it needs.

    python -m benchmarks.large FOLDER BYTES

The program writes the distribution: nine tenths of its bytes in files of 12 MiB,
the rest in files of 8 KiB; each content is another one, a tenth of it random, so
that it is packed about ten to one and nothing can be saved.
"""

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.config import write_config
from benchmarks.figures import Figure
from benchmarks.gzip_file import open_gzip
from benchmarks.measuring import measure, progress

_LARGE: Final = 12 * 1024 * 1024
_SMALL: Final = 8 * 1024
# What a tar archive adds: a header a file and padding to its end.
_HEADER: Final = 512
_END: Final = 1024 * 1024


def figures(scratch: Path, size: int) -> tuple[Figure, ...]:
    """Bring one distribution that unpacks to `size` bytes, and return what memory that took."""
    progress(f"one distribution of {size / 2**20:.0f} MiB")
    folder = scratch / "large"
    measure("large", folder, size)
    config = write_config(scratch / "large.json", folder.as_uri(), ["large==1.0"])
    taken = measure("ours", config, scratch / "large-store", "--jobs", 1)
    if taken.facts["skipped"]:
        sys.exit(f"not all of it came: {taken.facts['skipped']}")
    told = f"one distribution of {size / 2**20:,.0f} MiB unpacked"
    return (
        Figure(name=f"peak memory, {told}", value=taken.peak_bytes, unit="bytes", most=150e6),
        Figure(name=f"time, {told}", value=taken.seconds, unit="s"),
    )


def write(path: Path, size: int) -> None:
    """Write a distribution whose tar archive has at most `size` bytes."""
    path.parent.mkdir(parents=True)
    with open_gzip(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        for number, content in enumerate(_contents(size - _END)):
            member = tarfile.TarInfo(f"large-1.0/package/part_{number % 100:02}/file_{number:06}.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _contents(left: int) -> Iterator[bytes]:
    most_small = left // 10
    while left > most_small + _LARGE + _HEADER:
        left -= _LARGE + _HEADER
        yield _content(_LARGE)
    while left > _SMALL + _HEADER:
        left -= _SMALL + _HEADER
        yield _content(_SMALL)


def _content(size: int) -> bytes:
    random = os.urandom(size // 10)
    return random + (b"def function(argument):\n    return argument\n" * (size // 40))[: size - len(random)]


if __name__ == "__main__":
    write(Path(sys.argv[1]) / "large" / "large-1.0.tar.gz", int(sys.argv[2]))
    print("{}")
