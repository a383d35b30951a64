"""What is measured in the end, each figure with what it is to be."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen

_MB: Final = 1e6
_UNITS: Final[Mapping[str, Callable[[float], str]]] = {
    "times": lambda value: f"{value:.2f} times",
    "bytes": lambda value: f"{value / _MB:.0f} MB",
    "ms": lambda value: f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms",
    "a second": lambda value: f"{value:,.0f} a second",
    "requests": lambda value: f"{value:.2f} requests",
    "s": lambda value: f"{value:.2f} s" if value < 10 else f"{value:.0f} s",
    "": lambda value: f"{value:g}",
}


@frozen(kw_only=True)
class Figure:
    """One figure.

    Attributes:
        name: What it is.
        value: How much.
        unit: Of what: `times`, `bytes`, `ms`, `s`, `a second`, `requests`, or nothing.
        most: What it may be at most, or None.
        least: What it must be at least, or None.
    """

    name: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def told(self) -> str:
        """The value, for a person."""
        return _UNITS[self.unit](self.value)

    @property
    def target(self) -> str:
        """What it is to be, for a person; empty where nothing is set."""
        if self.most is not None:
            return f"at most {_UNITS[self.unit](self.most)}"
        return "" if self.least is None else f"at least {_UNITS[self.unit](self.least)}"

    @property
    def is_met(self) -> bool | None:
        """Whether it is what it is to be, or None where nothing is set."""
        if self.most is not None:
            return self.value <= self.most
        return None if self.least is None else self.value >= self.least


@frozen(kw_only=True)
class Way:
    """One way to do the whole job, as it was measured: medians of its runs.

    Attributes:
        name: What it is.
        runs: How often it ran.
        seconds: By the clock, without the start of the interpreter.
        cpu: The same as processor time, of all of its processes.
        whole_seconds: From the start of its process to the end.
        times_floor: Its seconds against the floor's in the same round.
        peak_bytes: Memory of its largest process, the most of all runs.
        disk_bytes: What its repositories take, or None.
        same: For how many versions its tree is ours, of how many that are compared, or None.
    """

    name: str
    runs: int
    seconds: float
    cpu: float
    whole_seconds: float
    times_floor: float
    peak_bytes: int
    disk_bytes: int | None = None
    same: tuple[int, int] | None = None


@frozen(kw_only=True)
class Results:
    """All of one run.

    Attributes:
        machine: What it ran on and with.
        measured: The set: files, members, packed and unpacked bytes.
        ways: Each way to do the whole job.
        figures: Each figure.
    """

    machine: Mapping[str, str]
    measured: Mapping[str, int]
    ways: tuple[Way, ...]
    figures: tuple[Figure, ...]

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        path.write_text(f"{json.dumps(asdict(self), indent=1)}\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read them back."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        ways = tuple(Way(**{**one, "same": None if one["same"] is None else tuple(one["same"])}) for one in data["ways"])
        figures = tuple(Figure(**one) for one in data["figures"])
        return cls(machine=data["machine"], measured=data["measured"], ways=ways, figures=figures)
