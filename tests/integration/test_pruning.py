"""Prunes that are killed, at each call that they make to the system."""

import os
import subprocess
import sys
from pathlib import Path

from bench import Bench, sdist
from gitting import git
from pydeps_host import Store

PROGRAM = Path(__file__).parents[1] / "pruning.py"
# Every so many calls; 1 for all of them.
STEP = int(os.environ.get("PYDEPS_HOST_PRUNE_STEP", "17"))


def test_a_prune_killed_at_any_call_leaves_the_repository_or_nothing_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "base")
    for version in ("1.0", "2.0"):
        bench.index.add(sdist(version))
    bench.sync("alpha>=1")
    before = dict(bench.store.repository("alpha").refs())
    bench.sync()
    owner, rows = bench.store.repository("alpha").owner, bench.rows()
    subprocess.run([sys.executable, str(PROGRAM), str(tmp_path / "base" / "code"), str(tmp_path), str(STEP)], check=True, timeout=300)
    states = set()
    for path in sorted(tmp_path.glob("killed-*")):
        store = Store(path, durable=False)
        states.add(store.names())
        remembered = store.known_repository("alpha")
        assert remembered is not None, path
        assert (remembered.owner, dict(remembered.rows())) == (owner, rows)
        assert store.verify("alpha") == ()
        store.prune("alpha")
        store.sweep_pruned()
        assert store.names() == ()
        assert list((path / ".pydeps-host" / "pruned" / "python").iterdir()) == []
        (tmp_path / f"after-{path.name}").mkdir()
        path.rename(tmp_path / f"after-{path.name}" / "code")
        Bench(tmp_path / f"after-{path.name}", index=bench.index).sync("alpha>=1")
        there = Store(tmp_path / f"after-{path.name}" / "code").repository("alpha")
        assert dict(there.refs()) == before
        assert git(there.path, "fsck", "--full", "--strict", "--no-dangling") == b""
    assert states == {("alpha",), ()}
