"""What it costs to start: the processor time of an interpreter that does one thing, over that of one that does nothing."""

import sys
from statistics import median
from typing import Final

from benchmarks.figures import Figure
from benchmarks.measuring import progress, run

_NOTHING: Final = ("-c", "pass")
_STARTS: Final = {
    "`import pydeps_host`": ("-c", "import pydeps_host"),
    "`from pydeps_host import Host, HostConfig, Store`": ("-c", "from pydeps_host import Host, HostConfig, Store"),
    "`pydeps-host --help`": ("-m", "pydeps_host", "--help"),
}
_MOST: Final = {"`import pydeps_host`": 80.0}


def figures(runs: int) -> tuple[Figure, ...]:
    """Start each so many times, by turns."""
    progress("starts")
    rounds = [{name: _cpu(words) for name, words in {"": _NOTHING, **_STARTS}.items()} for _ in range(runs)]
    over = {name: median(1000 * (one[name] - one[""]) for one in rounds) for name in _STARTS}
    return tuple(
        Figure(name=f"{name}: processor time over a bare interpreter's", value=value, unit="ms", most=_MOST.get(name))
        for name, value in over.items()
    )


def _cpu(words: tuple[str, ...]) -> float:
    return run([sys.executable, *words]).whole_cpu
