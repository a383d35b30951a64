"""Syncs that are killed: at one of their calls to the system, or at any time; each kill is judged, and healed."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen

from crashing import CALLS, Scene, heal, judge

# What strace calls in one name has several names, by the machine.
_PATTERNS = {kind: re.compile(kind.replace("/^", "").replace("64", "(64)?") + r"\w*\(") for kind in CALLS}


@frozen
class Kill:
    """One kill, after which everything was as it must be.

    Attributes:
        how: The kind of call, or `group`, or `command`.
        died: Whether the process was killed before it ended by itself.
        states: For each project, the number of the state that it was left in, and that of the last one.
    """

    how: str
    died: bool
    states: tuple[tuple[int, int], ...]

    @property
    def found(self) -> str:
        """Which state the store was left in."""
        if all(number == 0 for number, _ in self.states):
            return "old"
        return "new" if all(number == last for number, last in self.states) else "between"


@frozen
class Tally:
    """What a campaign has come to."""

    kills: Counter[str] = field(factory=Counter)
    found: Counter[str] = field(factory=Counter)
    ended: Counter[str] = field(factory=Counter)

    def count(self, kill: Kill) -> None:
        """Enter one kill; a process that ended by itself is none."""
        if kill.died:
            self.kills[kill.how] += 1
            self.found[kill.found] += 1
        else:
            self.ended[kill.how] += 1


def calls(scene: Scene) -> dict[str, int]:
    """How many calls of each kind the busiest thread of a sync makes: strace numbers those of each thread from one."""
    store, log = scene.store(), scene.folder / "calls"
    run = scene.start(store).trace("-o", str(log), "-e", f"trace={','.join(CALLS)}").go()
    assert run.wait() is not None
    threads: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        thread, call = line.split(maxsplit=1)
        threads.setdefault(thread, []).append(call)
    shutil.rmtree(store)
    return {kind: max(sum(1 for call in made if pattern.match(call)) for made in threads.values()) for kind, pattern in _PATTERNS.items()}


def kill_at_call(scene: Scene, kind: str, number: int) -> Kill:
    """Kill a sync when it is about to make its n-th call of a kind."""
    store = scene.store()
    run = scene.start(store).trace("-e", f"trace={kind}", "-e", f"inject={kind}:signal=KILL:when={number}").go()
    return _judged(scene, store, kind, died=run.wait() is None)


def kill_at_time(scene: Scene, seconds: float) -> Kill:
    """Kill a sync of three projects at a time, with all that belongs to it."""
    store = scene.store()
    run = scene.start(store, jobs=3).go()
    run.ended(seconds)
    run.kill()
    return _judged(scene, store, "group", died=run.wait() is None)


def kill_command(scene: Scene, seconds: float) -> Kill:
    """Kill the command, as somebody runs it, with all that belongs to it."""
    store = scene.store()
    config = scene.folder / "config.json"
    job = scene.job(store)
    config.write_text(json.dumps({**job["config"], "rateLimit": {"enabled": False}}))
    words = [sys.executable, "-m", "pydeps_host", "sync", "--config", str(config), "--into", str(store), "--json"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    died = False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        died = process.wait() == -signal.SIGKILL
    return _judged(scene, store, "command", died=died)


def duration(scene: Scene, **more: Any) -> float:
    """How long a sync takes that nobody disturbs, in seconds."""
    store = scene.store()
    began = time.monotonic()
    assert scene.start(store, **more).go().wait() is not None
    shutil.rmtree(store)
    return time.monotonic() - began


def chosen_calls(made: dict[str, int], count: int, seed: int) -> Iterator[tuple[str, int]]:
    """Choose so many of all calls, each kind of call at least twice, in an order of its own."""
    chance = random.Random(seed)
    first = [(kind, chance.randint(1, number)) for kind, number in made.items() for _ in range(2)]
    rest = sorted({(kind, at) for kind, number in made.items() for at in range(1, number + 1)} - set(first))
    yield from [*dict.fromkeys(first), *chance.sample(rest, len(rest))][:count]


def _judged(scene: Scene, store: Path, how: str, *, died: bool) -> Kill:
    states = judge(scene, store)
    heal(scene, store)
    shutil.rmtree(store)
    return Kill(how, died, tuple((number, len(scene.states[name]) - 1) for name, number in states.items()))
