"""Work in a process of its own, and what it takes: time, processor time, memory.

Each way to do the work is a program, a module of this package, that prints one
line of JSON: what it measured inside, and facts by which the result is checked.
"""

import compileall
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from attrs import frozen

import pydeps_host

ROOT: Final = Path(__file__).parents[1]
# What getrusage counts memory in: kibibytes, on macOS bytes.
_MEMORY_UNIT: Final = 1 if sys.platform == "darwin" else 1024


class Stopwatch:
    """Adds up stretches of work.

    Attributes:
        seconds: By the clock.
        cpu: Seconds of processor time, of this process and of those that it started and that have ended.
    """

    def __init__(self) -> None:
        self.seconds: float = 0.0
        self.cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is done in the block."""
        began, cpu = time.perf_counter(), _processor_seconds()
        yield
        self.seconds += time.perf_counter() - began
        self.cpu += _processor_seconds() - cpu

    def tell(self, **facts: Any) -> None:
        """Print what was measured, and facts, for the process that waits for it."""
        print(json.dumps({"seconds": self.seconds, "cpu": self.cpu, **facts}))


@frozen(kw_only=True)
class Measured:
    """What a program took.

    Attributes:
        seconds: What it measured inside, by the clock.
        cpu: The same as processor time.
        whole_seconds: From its start to its end, the interpreter's start included.
        whole_cpu: The same as processor time, that of processes it started included.
        peak_bytes: The most memory that it held, or the largest of the processes that it started.
        facts: What else it printed.
    """

    seconds: float
    cpu: float
    whole_seconds: float
    whole_cpu: float
    peak_bytes: int
    facts: dict[str, Any]


def measure(module: str, *words: object) -> Measured:
    """Run a program of this package, and measure it.

    Raises:
        SystemExit: It failed; what it had to say is on the standard error.
    """
    return run([sys.executable, "-m", f"benchmarks.{module}", *map(str, words)])


def run(words: Sequence[str]) -> Measured:
    """Run any program; one that prints no JSON has nothing measured inside."""
    compile_sources()
    # What was written before is nobody's burden now.
    os.sync()
    began = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603 - our own programs
        assert process.stdout is not None  # noqa: S101 - for the type checker
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"it ended with {process.returncode}: {' '.join(words)}")
    facts = json.loads(said.splitlines()[-1]) if said.rstrip().endswith(b"}") else {}
    return Measured(
        seconds=facts.pop("seconds", whole),
        cpu=facts.pop("cpu", 0.0),
        whole_seconds=whole,
        whole_cpu=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * _MEMORY_UNIT,
        facts=facts,
    )


@cache
def compile_sources() -> None:
    """Compile the package and its benchmarks, as pip compiles what it installs; in a checkout each start might do so again.

    Raises:
        SystemExit: That failed.
    """
    folders = (Path(pydeps_host.__file__).parent, Path(__file__).parent)
    if not all(compileall.compile_dir(folder, quiet=1) for folder in folders):
        sys.exit("the sources could not be compiled")


def folder_bytes(*folders: Path) -> int:
    """Return the sizes of all files in folders, in bytes."""
    return sum(path.lstat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def progress(text: str) -> None:
    """Say what is being done, aside from the result."""
    print(text, file=sys.stderr, flush=True)


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
