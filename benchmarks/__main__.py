"""Measure the package on a set of source distributions, beside other ways to do the same.

    python -m benchmarks FOLDER [--runs N] [--quick] [--parts PART,...] [--json FILE] [--scratch FOLDER]

FOLDER holds `<project>/<file>.tar.gz`; `python -m benchmarks.fetch` brings such
a set. The ways run by turns, each in a process of its own. The result is printed
as tables; `python -m benchmarks.page FILE` writes it into the documentation.
"""

import argparse
import os
import platform
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from benchmarks import adding, disk, index_side, large, starting, table
from benchmarks.artifacts import artifacts
from benchmarks.figures import Figure, Results, Way
from benchmarks.race import FLOOR, Race

PARTS: Final = ("ways", "slow", "large", "adding", "index", "start")


@frozen(kw_only=True)
class Scale:
    """How much is done.

    Attributes:
        runs: Rounds of the ways, and versions that are added.
        large_bytes: What the one large distribution unpacks to.
        present: Versions that are there before one is added.
        many: Projects of a sync that has nothing to bring.
        page_seconds: How long pages are parsed, in each form.
        starts: How often an interpreter is started.
    """

    runs: int = 5
    large_bytes: int = 2 << 30
    present: int = 50
    many: int = 10_000
    page_seconds: float = 3.0
    starts: int = 21


QUICK: Final = Scale(runs=1, large_bytes=14 << 20, present=2, many=3, page_seconds=0.05, starts=1)


def measured(folder: Path, scratch: Path, scale: Scale, parts: frozenset[str]) -> Results:
    """Measure the parts that are wanted.

    Raises:
        WrongTreesError: Two ways made different trees of the same files.
    """
    ways: tuple[Way, ...] = ()
    figures: list[Figure] = []
    facts: dict[str, int] = {}
    if "ways" in parts:
        race = Race(folder, scratch, scale.runs)
        race.run(slow="slow" in parts)
        ways = race.ways()
        facts = _set_facts(race)
        figures += race.figures()
        figures += disk.figures(race) if "slow" in parts else ()
    if "large" in parts:
        figures += large.figures(scratch, scale.large_bytes)
    if "adding" in parts:
        figures += adding.figures(folder, scratch, scale.present, scale.runs)
    if "index" in parts:
        figures += index_side.figures(scratch, scale.many, scale.page_seconds)
    if "start" in parts:
        figures += starting.figures(scale.starts)
    return Results(machine=_machine(), measured=facts, ways=ways, figures=tuple(figures))


def _set_facts(race: Race) -> dict[str, int]:
    facts = race.results[FLOOR][0].facts
    names = ("files", "members", "packed", "unpacked")
    return {"projects": len({one.project for one in artifacts(race.folder)}), **{name: facts[name] for name in names}}


def _machine() -> dict[str, str]:
    git = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]  # noqa: S607 - whatever git there is
    libraries = ("pydeps-host", "isal", "zlib-ng", "dulwich")
    return {
        platform.system(): platform.machine(),
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "git": git,
        **{name: _version(name) for name in libraries},
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the package beside other ways to do the same.")
    parser.add_argument("folder", type=Path, help="the set: FOLDER/<project>/<file>.tar.gz")
    parser.add_argument("--runs", type=int, help="how often the ways run (5; slow ones run once)")
    parser.add_argument("--quick", action="store_true", help="a little of everything, to see that it works")
    parser.add_argument("--parts", default=",".join(PARTS), help="which parts, with commas between (%(default)s)")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--scratch", type=Path, help="where to work; needs ten times the room of the set, and 4 GB")
    words = parser.parse_args()
    parts = frozenset(words.parts.split(","))
    if not parts <= set(PARTS):
        parser.error(f"there are the parts {', '.join(PARTS)}")
    scale = QUICK if words.quick else Scale()
    scale = scale if words.runs is None else evolve(scale, runs=words.runs)
    # Before the work, which takes long.
    for needed in (words.scratch, words.json and words.json.parent):
        if needed is not None:
            needed.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=words.scratch, ignore_cleanup_errors=True) as scratch:
        results = measured(words.folder.resolve(), Path(scratch), scale, parts)
    print(table.render(results))
    if words.json is not None:
        results.save(words.json)


if __name__ == "__main__":
    main()
