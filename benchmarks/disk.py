"""What repositories take on the disk, after the maintenance that each side has.

python -m benchmarks.disk ours STORE | git FOLDER
"""

import sys
from datetime import timedelta
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.git_program import git
from benchmarks.measuring import Stopwatch, folder_bytes, measure, progress
from benchmarks.race import OURS, WORK_TREE, Race


def figures(race: Race) -> tuple[Figure, ...]:
    """Maintain what ours and the work tree made, and return what that gives; trees were compared before."""
    progress("maintenance: ours, then git gc --aggressive")
    before = folder_bytes(*race.repositories(OURS))
    ours = measure("disk", "ours", race.result(OURS))
    after = folder_bytes(*race.repositories(OURS))
    theirs = measure("disk", "git", race.result(WORK_TREE))
    aggressive = folder_bytes(*race.repositories(WORK_TREE))
    return (
        Figure(name="disk after maintenance, against `git gc --aggressive`", value=after / aggressive, unit="times", most=1.1),
        Figure(name="disk before maintenance", value=before, unit="bytes"),
        Figure(name="disk after maintenance", value=after, unit="bytes"),
        Figure(name="disk after `git gc --aggressive` of the work tree's repositories", value=aggressive, unit="bytes"),
        Figure(name="maintenance", value=ours.seconds, unit="s"),
        Figure(name="`git gc --aggressive`", value=theirs.seconds, unit="s"),
    )


def maintain(store: Path) -> None:
    """Maintain each repository; nobody reads them, so that superseded packs may go at once."""
    # Not in the process that measures: what it holds would be counted as its programs' memory.
    from pydeps_host import Store
    from pydeps_host.repository import Upkeep

    for repository in Store(store).repositories():
        repository.maintain(Upkeep(keep_superseded=timedelta()))


def collect(folder: Path) -> None:
    """Have git pack each repository as small as it can."""
    for repository in folder.glob("*.git"):
        git(repository, "gc", "--aggressive", "--prune=now", "--quiet")


if __name__ == "__main__":
    watch = Stopwatch()
    with watch.running():
        if sys.argv[1] == "ours":
            maintain(Path(sys.argv[2]))
        else:
            collect(Path(sys.argv[2]))
    watch.tell()
