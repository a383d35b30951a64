"""A process that maintains a repository is killed at each call that it makes to the system.

Run as a program, this file is that process: for each call it copies a
repository, and maintains the copy in a fork that dies at the call.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydeps_host.repository import Repository, Upkeep

CALLS = ("open", "write", "pwrite", "fsync", "ftruncate", "replace", "unlink", "close", "pread", "listdir", "fdopen")
WAYS = {
    "copy": Upkeep(deltas=False, keep_superseded=timedelta()),
    "git": Upkeep(deltas=True, keep_superseded=timedelta(), threads=1),
}


def die_at(call: int, calls: tuple[str, ...] = CALLS) -> None:
    """Kill this process when it makes its n-th call; a write is cut in the middle."""
    made = 0

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*arguments: Any, **options: Any) -> Any:
            nonlocal made
            made += 1
            if made == call:
                if name in {"write", "pwrite"}:
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], *arguments[2:])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return replacement

    for name in calls:
        setattr(os, name, dying(name, getattr(os, name)))


def main(way: str, base: Path, folder: Path, step: int) -> None:
    """Maintain copies of `base`, each killed `step` calls later than the one before, until one comes to its end."""
    call, status = 1, -1
    while status != 0:
        path = folder / f"killed-{call:04}.git"
        shutil.copytree(base, path)
        child = os.fork()
        if child == 0:
            die_at(call)
            Repository.open(path).maintain(WAYS[way])
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        call += step


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
