"""Feed the archive readers broken archives: by the minute in the tests, by hand for as long as you like.

    python tests/fuzz_archives.py --seed 1 --runs 100000
    python tests/fuzz_archives.py --seed 1 --seconds 600 --consensus

Every archive has a number; the seed and the number give the very bytes, so that
one that failed is read again with `--seed S --start NUMBER --runs 1`. It fails
where a reader raises what is not in our tree of errors, takes more than two
seconds of the processor, or, with `--consensus`, accepts what CPython, GNU tar or unzip reads
otherwise. The whole fails, too, where its memory grows by more than 64 MiB.
"""

import argparse
import gc
import io
import itertools
import math
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from attrs import Factory, define, frozen

from fuzzing_tar import packed, tar
from fuzzing_zip import zip_
from pydeps_host.archive import Entry, Kind, layout, read_archive
from pydeps_host.errors import ArchiveError
from readers import judged, ours

GROWTH = 64 * 1024 * 1024
_WARM_UP = 500
_MEMORY = Path("/dev/shm")
_SECONDS_BETWEEN_LINES = 10


@frozen
class Case:
    """One archive of a run.

    Attributes:
        seed: Of the whole run.
        number: Of this archive in it.
        suffix: Of the file's name, which tells its format.
        data: The file.
    """

    seed: int
    number: int
    suffix: str
    data: bytes


@frozen
class Plan:
    """What is to be read.

    Attributes:
        seed: What all chance comes from.
        start: The number of the first archive.
        runs: How many at most, or None.
        seconds: How long at most, or None.
        slow: Seconds of the processor that one of them may take.
    """

    seed: int
    start: int = 0
    runs: int | None = None
    seconds: float | None = None
    slow: float = 2.0

    def cases(self) -> Iterator[Case]:
        """Make the archives, one after the other."""
        deadline = math.inf if self.seconds is None else time.monotonic() + self.seconds
        numbers = itertools.count(self.start) if self.runs is None else range(self.start, self.start + self.runs)
        for number in numbers:
            if time.monotonic() > deadline:
                return
            yield case(self.seed, number)


@frozen
class Failure:
    """What should not have been.

    Attributes:
        case: The archive.
        what: What went wrong with it.
    """

    case: Case
    what: str

    def __str__(self) -> str:
        return f"--seed {self.case.seed} --start {self.case.number} --runs 1 ({self.case.suffix}): {self.what}"


@define
class Tally:
    """What came of a run so far.

    Attributes:
        runs: Archives that were read.
        accepted: Of those, how many were accepted.
        refused: How often each reason refused one.
        judged: How many that were accepted the other readers were asked about.
        slowest: Seconds of the processor that the slowest took.
        idle: Bytes of memory at most, before it began in earnest.
        failures: What should not have been.
    """

    runs: int = 0
    accepted: int = 0
    refused: Counter[str] = Factory(Counter)
    judged: int = 0
    slowest: float = 0.0
    idle: int = 0
    failures: list[Failure] = Factory(list)

    @property
    def growth(self) -> int:
        """Bytes of memory at most, over those at the beginning."""
        return peak() - self.idle

    def __str__(self) -> str:
        share = 100 * self.accepted / max(self.runs, 1)
        return (
            f"{self.runs} runs, {self.accepted} accepted ({share:.1f} %), {self.judged} of them judged by other readers, "
            f"{self.runs - self.accepted} refused, slowest {self.slowest * 1000:.1f} ms, memory +{self.growth / 1048576:.1f} MiB, "
            f"{len(self.failures)} failures"
        )


def case(seed: int, number: int) -> Case:
    """Return an archive, the same for the same two numbers."""
    chance = Random(f"{seed}:{number}")  # Its own for each, so that one can be had without those before it.
    draw = chance.random()
    if draw < 0.4:
        return Case(seed, number, ".tar", tar(chance))
    if draw < 0.8:
        return Case(seed, number, chance.choice((".zip", ".whl")), zip_(chance))
    return Case(seed, number, *packed(chance))


def fuzz(plan: Plan, tally: Tally, consensus: "Consensus | None" = None) -> Iterator[None]:
    """Read archives and note what came of it, one at each step."""
    for one in plan.cases():
        if run(one, tally, plan.slow) and consensus is not None:
            consensus.judge(one, tally)
        yield


def run(case: Case, tally: Tally, slow: float) -> bool:
    """Read one archive, and note what came of it; return whether it was accepted."""
    # Of the processor, so that a busy machine makes no failures.
    begin = time.process_time()
    accepted = False
    try:
        _read(case)
        accepted = True
    except ArchiveError as error:
        tally.refused[error.reason] += 1
    except Exception:  # noqa: BLE001 - any other one is what is looked for.
        tally.failures.append(Failure(case, traceback.format_exc()))
    took = time.process_time() - begin
    tally.slowest = max(tally.slowest, took)
    if took > slow:
        tally.failures.append(Failure(case, f"took {took:.2f} s"))
    tally.runs += 1
    tally.accepted += accepted
    return accepted


class Consensus:
    """Asks the other readers about archives, once about each.

    Args:
        scratch: A folder to write in.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._known: set[int] = set()

    def judge(self, case: Case, tally: Tally) -> None:
        """Note where another reader reads an archive that we accept otherwise."""
        key = hash((case.suffix, case.data))
        if key in self._known:
            return
        self._known.add(key)
        tally.judged += 1
        path = self._scratch / f"case{case.suffix}"
        path.write_bytes(case.data)
        found = judged(path, ours(path), self._scratch)
        if found:
            tally.failures.append(Failure(case, "\n    ".join(found)))


def warmed(seed: int) -> Tally:
    """Read a few archives, so that what is loaded once and kept is there, and begin to count."""
    before = Tally()
    for number in range(_WARM_UP):
        run(case(seed, -1 - number), before, math.inf)
    gc.collect()
    return Tally(idle=peak())


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _read(case: Case) -> None:
    entries = []
    reader = read_archive(io.BytesIO(case.data), "fuzzed" + case.suffix)
    for member in reader:
        content = member.content if isinstance(member.content, bytes) else b"".join(member.content)
        entries.append(
            Entry(member.path, member.kind, member.executable, content if member.kind is Kind.FILE else b"", member.target or None)
        )
    layout(entries, strip=False, left_out=reader.skips)


def _keep(failure: Failure) -> None:
    case = failure.case
    path = Path(tempfile.mkdtemp(prefix="fuzzed-")) / f"{case.seed}-{case.number}{case.suffix}"
    path.write_bytes(case.data)
    print(f"{failure}\n    its bytes: {path}", flush=True)


def main(plan: Plan, *, consensus: bool) -> int:
    """Run, print, and return the exit status."""
    tally = warmed(plan.seed)
    shown, begin = 0, time.monotonic()
    printed = begin
    # Where there is one, a file system in memory: every archive is written and extracted.
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as scratch:
        for _ in fuzz(plan, tally, Consensus(Path(scratch)) if consensus else None):
            for failure in tally.failures[shown:]:
                _keep(failure)
            shown = len(tally.failures)
            if time.monotonic() - printed > _SECONDS_BETWEEN_LINES:
                printed = time.monotonic()
                print(f"seed {plan.seed}: {tally}", flush=True)
    print(f"seed {plan.seed}, {plan.start} on, {time.monotonic() - begin:.0f} s: {tally}")
    for reason, times in tally.refused.most_common():
        print(f"    {times:9} {reason}")
    return int(bool(tally.failures) or tally.growth > GROWTH)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True, help="what all chance comes from")
    parser.add_argument("--start", type=int, default=0, help="the number of the first archive")
    parser.add_argument("--runs", type=int, help="how many archives")
    parser.add_argument("--seconds", type=float, help="how long, at most")
    parser.add_argument("--consensus", action="store_true", help="ask CPython, GNU tar and unzip about what is accepted")
    parser.add_argument("--slow", type=float, default=2.0, help="seconds of the processor that one may take")
    options = vars(parser.parse_args())
    sys.exit(main(consensus=options.pop("consensus"), plan=Plan(**options)))
