"""Hold the archive readers against real artifacts from the index that pip uses.

    python tests/real_archives.py [--keep FOLDER] [PROJECT]...

`real_archives.tsv` lists them, chosen for their age and their oddity, with what
is to become of each. Every file is read by our reader and, where that accepts
it, by CPython and by GNU tar or unzip. A line is printed for each; the status is
1 where one is not read as the list says, or another reader reads it otherwise.

Not part of the tests, because it needs a network: one page a project, and each
file once, one after another, 1.1 GB in all. FOLDER keeps them for the next time.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from attrs import frozen

from pydeps_host import HttpxTransport, Resolver, fetch_file
from pydeps_host.archive import Entry, Member, layout, read_archive
from pydeps_host.cli.pip_index import ask_pip
from pydeps_host.errors import ArchiveError
from readers import disagreements

TABLE = Path(__file__).with_name("real_archives.tsv")
_MIB = 1024 * 1024
# Below this the time is that of opening a file.
_TIMED_BYTES = _MIB


@frozen
class Row:
    """One artifact of the list.

    Attributes:
        project: Its project's normalised name.
        filename: Its name.
        odd: Why it is in the list.
        expected: `accepted`, then `reason:count` for what is skipped in it; or `refused` and the code.
        why: Why it is refused, or why entries are skipped; `-` where neither is.
    """

    project: str
    filename: str
    odd: str
    expected: str
    why: str


@frozen
class Verdict:
    """What our reader made of an artifact.

    Attributes:
        text: In the form of `Row.expected`.
        unpacked: Bytes of content.
        seconds: What reading took.
    """

    text: str
    unpacked: int
    seconds: float

    @property
    def pace(self) -> float:
        """Seconds a MiB of content."""
        return self.seconds * _MIB / max(self.unpacked, 1)


def main(folder: Path, projects: list[str], scratch: Path) -> int:
    listed = [row for row in rows() if row.project in projects or not projects]
    verdicts: dict[str, Verdict] = {}
    wrong = 0
    for row, path in fetched(listed, folder):
        if path is None:
            print(f"absent  {row.filename}: the index has it no more")
            continue
        found = verdicts[row.filename] = verdict(path)
        faults = list(disagreements(path, scratch))
        if found.text != row.expected:
            faults.insert(0, f"the list says {row.expected}")
        wrong += bool(faults)
        print(f"{'WRONG' if faults else 'same'}  {row.filename}: {found.text}, {found.unpacked / _MIB:.1f} MiB, {found.seconds:.2f} s")
        for fault in faults[:5]:
            print(f"       {fault}")
    print_summary(listed, verdicts, wrong)
    return bool(wrong or not verdicts)


def rows() -> list[Row]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return [Row(*fields) for fields in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def fetched(listed: Iterable[Row], folder: Path) -> Iterator[tuple[Row, Path | None]]:
    """Yield each row with its file, downloaded and verified unless the folder has it; None where the index has none."""
    with HttpxTransport() as transport:
        resolver = Resolver((ask_pip().url,), transport=transport)
        for project, group in groupby(listed, key=lambda row: row.project):
            together = [(row, folder / row.filename) for row in group]
            missing = any(not path.exists() for _, path in together)
            files = {file.filename: file for file in resolver.project(project).files} if missing else {}
            for row, path in together:
                if not path.exists() and row.filename in files:
                    fetch_file(files[row.filename], path, transport=transport)
                yield row, path if path.exists() else None


def verdict(path: Path) -> Verdict:
    """Read an artifact as the materializer does, and throw its content away."""
    began = time.perf_counter()
    with path.open("rb") as file:
        reader = read_archive(file, path.name)
        unpacked = 0
        entries = []
        try:
            for member in reader:
                entries.append(_entry(member))
                unpacked += member.size
            found = layout(entries, strip=path.suffix != ".whl", filename=path.name, left_out=reader.skips)
        except ArchiveError as error:
            return Verdict(f"refused {error.reason}", unpacked, time.perf_counter() - began)
    skips = Counter(str(skip.reason) for skip in (*reader.skips, *found.skips))
    words = ["accepted", *(f"{reason}:{count}" for reason, count in sorted(skips.items()))]
    return Verdict(" ".join(words), unpacked, time.perf_counter() - began)


def _entry(member: Member) -> Entry:
    if not isinstance(member.content, bytes):
        for _ in member.content:
            """Only what is read to its end is proven."""
    # Contents are compared elsewhere; here their lengths tell two entries of one name apart.
    return Entry(member.path, member.kind, member.executable, b"%d" % member.size, member.target or None)


def print_summary(listed: list[Row], verdicts: dict[str, Verdict], wrong: int) -> None:
    refused = sum(one.text.startswith("refused") for one in verdicts.values())
    skipping = sum(":" in one.text for one in verdicts.values())
    projects = len({row.project for row in listed if row.filename in verdicts})
    print(f"{len(verdicts)} files of {projects} projects, {len(listed) - len(verdicts)} absent")
    print(f"{len(verdicts) - refused} accepted, {skipping} of them with skips; {refused} refused; {wrong} wrong")
    timed = {name: one for name, one in verdicts.items() if one.unpacked >= _TIMED_BYTES}
    for name in sorted(timed, key=lambda name: timed[name].pace, reverse=True)[:3]:
        print(f"slowest: {name}, {timed[name].pace:.3f} s a MiB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        parser = argparse.ArgumentParser()
        parser.add_argument("--keep", type=Path, default=Path(temporary), metavar="FOLDER")
        parser.add_argument("projects", nargs="*", metavar="PROJECT")
        words = parser.parse_args()
        sys.exit(main(words.keep, words.projects, Path(temporary)))
