"""A process that prunes a store is killed at each call that it makes to the system.

Run as a program, this file is that process: for each call it copies a store, and
prunes the copy in a fork that dies at the call.
"""

import os
import shutil
import sys
from pathlib import Path

from maintaining import CALLS, die_at
from pydeps_host import Store

MORE_CALLS = ("mkdir", "rmdir", "rename")


def main(base: Path, folder: Path, step: int) -> None:
    """Prune copies of `base`, each killed `step` calls later than the one before, until one comes to its end."""
    call, status = 1, -1
    while status != 0:
        path = folder / f"killed-{call:04}"
        shutil.copytree(base, path)
        child = os.fork()
        if child == 0:
            die_at(call, CALLS + MORE_CALLS)
            Store(path).prune("alpha")
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        call += step


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
