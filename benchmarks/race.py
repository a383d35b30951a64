"""The whole job by each way, by turns, and whether all of them made the same trees."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from attrs import define, field

from benchmarks.artifacts import artifacts
from benchmarks.config import write_config
from benchmarks.figures import Figure, Way
from benchmarks.git_program import listing, trees
from benchmarks.measuring import Measured, folder_bytes, measure, progress
from benchmarks.serving import serving

FLOOR: Final = "the floor"
OURS: Final = "ours, 1 job"
OURS_TWO: Final = "ours, 2 jobs"
LOOPBACK: Final = "ours, 1 job, from a loopback index"
FAST_IMPORT: Final = "`git fast-import`, tuned"
DULWICH: Final = "dulwich"
WORK_TREE: Final = "a work tree and git's commands"
# Slow ones run once.
_ONCE: Final = (DULWICH, WORK_TREE)
_STORE: Final = frozenset({OURS, OURS_TWO, LOOPBACK})


class WrongTreesError(Exception):
    """A way made other trees than ours, for no reason that is known."""


@define
class Race:
    """Runs the ways on one set.

    Attributes:
        folder: The set.
        scratch: An empty folder.
        runs: How many rounds.
        results: What each run took, by the way's name.
    """

    folder: Path
    scratch: Path
    runs: int
    results: dict[str, list[Measured]] = field(factory=dict)

    def run(self, *, slow: bool) -> None:
        """Run all ways by turns; the slow ones once, where they are wanted."""
        with serving(self.folder) as index:
            ways = self._ways(index.url)
            for number in range(self.runs):
                for name, way in ways.items():
                    if name not in _ONCE or (slow and number == 0):
                        progress(f"round {number + 1} of {self.runs}: {name}")
                        self.results.setdefault(name, []).append(way(self.place(name)))

    def place(self, name: str) -> Path:
        """Return the folder for a way's result, empty of what it made before."""
        place = self.result(name)
        if place.exists():
            shutil.rmtree(place)
        return place

    def result(self, name: str) -> Path:
        """Return the folder of a way's last result."""
        return self.scratch / "".join(letter for letter in name if letter.isalnum())

    def repositories(self, name: str) -> list[Path]:
        """Return the repositories that a way made last."""
        return sorted(self.result(name).glob("python/*.git" if name in _STORE else "*.git"))

    def _ways(self, url: str) -> dict[str, Callable[[Path], Measured]]:
        here = self._config("folder.json", self.folder.as_uri())
        there = self._config("loopback.json", url)
        return {
            FLOOR: lambda _: measure("floor", self.folder),
            OURS: lambda out: measure("ours", here, out, "--jobs", 1),
            OURS_TWO: lambda out: measure("ours", here, out, "--jobs", 2),
            LOOPBACK: lambda out: measure("ours", there, out, "--jobs", 1),
            FAST_IMPORT: lambda out: measure("fast_import", self.folder, out),
            DULWICH: lambda out: measure("with_dulwich", self.folder, out),
            WORK_TREE: lambda out: measure("worktree", self.folder, out),
        }

    def _config(self, name: str, url: str) -> Path:
        return write_config(self.scratch / name, url, [one.pin for one in artifacts(self.folder)])

    # --- what came of it ---

    def ways(self) -> tuple[Way, ...]:
        """Return what each way took, after a look at what it made.

        Raises:
            WrongTreesError: Trees differ for no known reason.
        """
        floors = [one.seconds for one in self.results[FLOOR]]
        same = self._compared()
        return tuple(self._way(name, same.get(name), floors) for name in self.results)

    def figures(self) -> tuple[Figure, ...]:
        """Return the figures that have targets."""
        processor = median(one.cpu / two.cpu for one, two in zip(self.results[OURS], self.results[FLOOR], strict=True))
        figures = [
            Figure(name=f"{OURS}, against {FLOOR}", value=self._ratio(OURS, FLOOR), unit="times", most=1.4),
            Figure(name=f"{OURS}, against {FLOOR}: processor time", value=processor, unit="times"),
            Figure(name="1 job against 2 jobs", value=self._ratio(OURS, OURS_TWO), unit="times", least=1.7),
            Figure(name="from a loopback index against from a folder", value=self._ratio(LOOPBACK, OURS), unit="times", most=1.15),
            Figure(name=f"peak memory, {OURS}", value=max(one.peak_bytes for one in self.results[OURS]), unit="bytes", most=150e6),
        ]
        if WORK_TREE in self.results:
            slow = self.results[WORK_TREE][0].seconds
            figures += [
                Figure(name=f"{WORK_TREE}, against {name}", value=slow / self._seconds(name), unit="times", least=least)
                for name, least in ((OURS, 30), (OURS_TWO, 50))
            ]
        return tuple(figures)

    def _seconds(self, name: str) -> float:
        return median(one.seconds for one in self.results[name])

    def _ratio(self, name: str, other: str) -> float:
        """Return the median of one way's time against another's in the same round."""
        return median(one.seconds / two.seconds for one, two in zip(self.results[name], self.results[other], strict=True))

    def _way(self, name: str, same: tuple[int, int] | None, floors: Sequence[float]) -> Way:
        runs = self.results[name]
        return Way(
            name=name,
            runs=len(runs),
            seconds=self._seconds(name),
            cpu=median(one.cpu for one in runs),
            whole_seconds=median(one.whole_seconds for one in runs),
            times_floor=median(one.seconds / floor for one, floor in zip(runs, floors, strict=False)),
            peak_bytes=max(one.peak_bytes for one in runs),
            disk_bytes=None if same is None else folder_bytes(*self.repositories(name)),
            same=same,
        )

    def _compared(self) -> dict[str, tuple[int, int]]:
        """Compare the trees of each way with ours, of the versions whose archive we read whole."""
        ours = self._trees(OURS)
        wanted = {f"{one.project}/{one.tag}" for one in artifacts(self.folder)}
        whole = wanted - set(self.results[OURS][-1].facts["skipped"])
        if set(ours) != wanted:
            raise WrongTreesError(f"{OURS}: {sorted(set(ours) ^ wanted)}")
        return {name: self._compare(name, {one: ours[one] for one in whole}) for name in self.results if name != FLOOR}

    def _compare(self, name: str, ours: Mapping[str, str]) -> tuple[int, int]:
        theirs = self._trees(name)
        differing = [one for one in ours if theirs.get(one) != ours[one]]
        unknown = [one for one in differing if name != WORK_TREE or one not in theirs or not self._explained(one)]
        if unknown:
            raise WrongTreesError(f"{name}: {unknown}")
        return len(ours) - len(differing), len(ours)

    def _trees(self, name: str) -> dict[str, str]:
        found = {path.stem: trees(path) for path in self.repositories(name)}
        return {f"{project}/{tag}": tree for project, tags in found.items() for tag, tree in tags.items()}

    def _explained(self, one: str) -> bool:
        """Whether a work tree lost files to the package's `.gitignore`, or had lines rewritten by its `.gitattributes`."""
        project, tag = one.split("/")
        whole, left = (listing(self.result(name) / f"{below}{project}.git", tag) for name, below in ((OURS, "python/"), (WORK_TREE, "")))
        named = {path.rpartition("/")[2] for path in whole}
        missing, changed = whole.keys() - left.keys(), {path for path in left if whole.get(path) != left[path]}
        return (not missing or ".gitignore" in named) and (not changed or ".gitattributes" in named)
