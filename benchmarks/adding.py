"""One version more for a repository that has many.

    python -m benchmarks.adding ARTIFACT SCRATCH PRESENT RUNS

Versions are made of one real distribution: in each, another twentieth of the
files has a line of its own. PRESENT of them are brought first; then, RUNS times,
one more, in the same process, as a service does it: the time of a whole sync
against the floor of that one file, measured right before it.
"""

import io
import json
import sys
import tarfile
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.artifacts import SUFFIX, Artifact, artifacts
from benchmarks.config import write_config
from benchmarks.figures import Figure
from benchmarks.floor import Floor
from benchmarks.gzip_file import open_gzip
from benchmarks.measuring import Stopwatch, measure, progress

# Every so many-th file differs from version to version.
_EVERY: Final = 20


def figures(folder: Path, scratch: Path, present: int, runs: int) -> tuple[Figure, ...]:
    """Measure it for the set's distribution of median size, and for that of the upper tenth."""
    by_size = sorted(artifacts(folder), key=lambda one: one.path.stat().st_size)
    chosen = {
        by_size[len(by_size) // 2].pin: by_size[len(by_size) // 2],
        by_size[len(by_size) * 9 // 10].pin: by_size[len(by_size) * 9 // 10],
    }
    return tuple(figure for one in chosen.values() for figure in _figures(one, scratch / one.pin, present, runs))


def _figures(one: Artifact, scratch: Path, present: int, runs: int) -> tuple[Figure, ...]:
    name = f"adding one version to {present} of {one.project}"
    progress(name)
    facts = measure("adding", one.path, scratch, present, runs).facts
    most = 1.3 * facts["floor_ms"] + 30
    return (
        Figure(name=f"{name} (1.3 times its floor, plus 30 ms)", value=facts["sync_ms"], unit="ms", most=most),
        Figure(name=f"{name}: processor time", value=facts["sync_cpu_ms"], unit="ms"),
        Figure(name=f"{name}: its floor", value=facts["floor_ms"], unit="ms"),
    )


def write_version(source: Path, folder: Path, number: int) -> Path:
    """Write version `1.number` of the project `added`, made of a real distribution."""
    path = folder / f"added-1.{number}{SUFFIX}"
    with (
        tarfile.open(source) as given,
        open_gzip(path, "wb") as packed,
        tarfile.open(fileobj=packed, mode="w|") as written,
    ):
        for place, member in enumerate(given):
            content = given.extractfile(member) if member.isreg() else None
            data = content.read() if content is not None else b""
            if content is not None and place % _EVERY == number % _EVERY:
                data += b"# 1.%d\n" % number
                member.size = len(data)
            # Sizes and dates of the headers are enough.
            member.pax_headers = {}
            written.addfile(member, io.BytesIO(data) if content is not None else None)
    return path


class Adding:
    """One store, and a folder that gets one version after another."""

    def __init__(self, source: Path, scratch: Path) -> None:
        self._source = source
        self._scratch = scratch
        self._index = scratch / "index"
        (self._index / "added").mkdir(parents=True)
        self._versions: list[str] = []

    def write(self, number: int) -> Path:
        """Have the index offer one more version."""
        self._versions.append(f"added==1.{number}")
        return write_version(self._source, self._index / "added", number)

    def sync(self) -> Stopwatch:
        """Bring all versions that there are; return what it took."""
        # Not in the process that measures: what it holds would be counted as its programs' memory.
        from benchmarks.ours import sync
        from pydeps_host import Store

        config = write_config(self._scratch / "added.json", self._index.as_uri(), self._versions)
        watch = Stopwatch()
        with watch.running():
            sync(config, Store(self._scratch / "store"), jobs=1)
        return watch


def main(source: Path, scratch: Path, present: int, runs: int) -> None:
    """Measure."""
    adding = Adding(source, scratch)
    for number in range(present):
        adding.write(number)
    adding.sync()
    floors, syncs = [], []
    for number in range(present, present + runs):
        floor = Floor(Stopwatch(), Counter())
        floor.add(adding.write(number))
        floors.append(floor.watch.seconds)
        syncs.append(adding.sync())
    facts = {"sync_ms": [one.seconds for one in syncs], "sync_cpu_ms": [one.cpu for one in syncs], "floor_ms": floors}
    print(json.dumps({name: 1000 * median(values) for name, values in facts.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
