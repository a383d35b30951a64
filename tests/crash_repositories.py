"""Kill syncs and cut their power, as often as asked for, and print what came of it.

    python tests/crash_repositories.py --kills 1000 --cuts 100 --faults 300 --reads 500 --seed 1

The tests of CI do the same a few times. Exit status 1: something was not as it must be.
"""

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from crash_crowds import PROCESSES, crowd
from crash_faults import refuse
from crash_kills import Kill, Tally, calls, chosen_calls, duration, kill_at_call, kill_at_time, kill_command
from crash_power import Cut, cut_sync
from crashing import VERSIONS, Scene, scene


def kill(where: Scene, count: int, seed: int) -> bool:
    """Kill so many syncs: most at a call to the system, the rest at any time; tell whether all was well."""
    chance, tally, began, failed = random.Random(seed), Tally(), time.monotonic(), 0
    made, length = calls(where), duration(where, jobs=3)
    print(f"a sync makes {sum(made.values())} calls that change the disk: {made}", flush=True)
    attempts = _attempts(where, (made, length), count, chance)
    while sum(tally.kills.values()) < count:
        try:
            tally.count(next(attempts)())
        except Exception:  # noqa: BLE001 - whatever went wrong is told, and the others go on
            failed += 1
            traceback.print_exc()
        if sum(tally.kills.values()) % 100 == 99:
            print(f"{sum(tally.kills.values())} kills, {failed} failures, {time.monotonic() - began:.0f} s", flush=True)
    print(f"kills: {sum(tally.kills.values())} {dict(tally.kills)}; ended before: {dict(tally.ended)}")
    print(f"states: {dict(tally.found)}; failures: {failed}; {time.monotonic() - began:.0f} s", flush=True)
    return not failed


def _attempts(where: Scene, known: tuple[dict[str, int], float], count: int, chance: random.Random) -> Iterator[Callable[[], Kill]]:
    made, length = known
    for kind, number in chosen_calls(made, count * 3 // 4, chance.randrange(1 << 30)):
        yield partial(kill_at_call, where, kind, number)
    for _ in range(count // 20):
        yield lambda: kill_command(where, chance.uniform(0.3, 1.5))
    while True:
        yield lambda: kill_at_time(where, chance.uniform(0, length))


def cut(where: Scene, count: int, seed: int) -> bool:
    """Cut the power so often, and once in a while without syncing, where it has to lose something; tell whether all was well."""
    if os.geteuid() != 0:
        print("power cuts: none, only root may mount an image")
        return True
    chance, began, failed = random.Random(seed), time.monotonic(), 0
    durable: list[Cut] = []
    careless: list[Cut] = []
    while len(durable) + failed < count:
        with tempfile.TemporaryDirectory() as folder:
            try:
                durable += cut_sync(where, Path(folder), chance, cuts=6)
            except Exception:  # noqa: BLE001 - as above
                failed += 1
                traceback.print_exc()
        if len(careless) < len(durable) // 5:
            with tempfile.TemporaryDirectory() as folder:
                careless += cut_sync(where, Path(folder), chance, cuts=6, durable=False)
    between = sum(any(one.found) and one.found != _last(where) for one in durable)
    print(
        f"power cuts: {len(durable)}, of which {between} left a state between; {sum(one.loses for one in durable)} lost something promised"
    )
    print(f"without syncing: {len(careless)}, {sum(one.loses for one in careless)} lost something promised")
    print(f"failures: {failed}; {time.monotonic() - began:.0f} s", flush=True)
    return not failed and not any(one.loses for one in durable) and (any(one.loses for one in careless) or not careless)


def _last(where: Scene) -> tuple[int, ...]:
    return tuple(len(of) - 1 for of in where.states.values())


def refuse_calls(where: Scene, count: int, seed: int) -> bool:
    """Refuse so many calls with EIO, one a sync; tell whether all was well."""
    began, failed, told = time.monotonic(), 0, Counter[bool]()
    for kind, number in chosen_calls(calls(where), count, seed):
        try:
            told[bool(refuse(where, kind, number).errors)] += 1
        except Exception:  # noqa: BLE001 - as above
            failed += 1
            traceback.print_exc()
    print(
        f"calls refused: {told.total()}, of which {told[True]} were told as errors; failures: {failed}; {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return not failed


def read(where: Scene, count: int, seed: int) -> bool:
    """Have readers read so often what 32 processes sync at once; tell whether all was well."""
    began, rounds, reads = time.monotonic(), 0, Counter[str]()
    paths = [path for version in VERSIONS["gamma"] for path in [where.index.file_path(f"gamma-{version}.tar.gz")]]
    for path in paths:
        # There is something to read while the next version is on its way.
        where.index.script_always(path, lambda _: time.sleep(1))
    while reads.total() < count:
        found = crowd(where, seed + rounds)
        if set(found.downloads.values()) != {1}:
            print(f"downloads: {dict(found.downloads)}", flush=True)
            return False
        rounds, reads = rounds + 1, reads + found.reads
    print(
        f"syncs at once: {rounds} times {PROCESSES}; reads meanwhile: {reads.total()} {dict(reads)}; {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return True


@contextmanager
def _scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as found:
        yield found


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="syncs to kill")
    parser.add_argument("--cuts", type=int, default=100, help="times to cut the power; for root alone")
    parser.add_argument("--faults", type=int, default=100, help="calls to the system to refuse")
    parser.add_argument("--reads", type=int, default=500, help="reads while 32 processes sync one repository")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="makes the same choices again")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with _scene() as found:
        well = [
            kill(found, arguments.kills, arguments.seed),
            cut(found, arguments.cuts, arguments.seed),
            refuse_calls(found, arguments.faults, arguments.seed),
            read(found, arguments.reads, arguments.seed),
        ]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
