"""What code hosts commonly do: a work tree and git's commands for each version.

    python -m benchmarks.worktree FOLDER OUT

For each version: unpack into a temporary folder, git init, add, commit, tag,
remote add, and push into the project's bare repository.
"""

import os
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from benchmarks.artifacts import Artifact, projects
from benchmarks.git_program import git, new_repository
from benchmarks.measuring import Stopwatch


def push(artifact: Artifact, bare: Path) -> None:
    """Bring one version into a bare repository."""
    work = Path(tempfile.mkdtemp(dir=bare.parent))
    with tarfile.open(artifact.path) as archive:
        # Python before 3.11.4 has no filters, and takes no notice.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(work, map(_of_ours, archive))  # noqa: S202 - from the index that pip uses
    inside = list(work.iterdir())
    root = inside[0] if len(inside) == 1 else work
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "--no-verify", "-m", artifact.pin)
    git(root, "tag", "-m", artifact.pin, artifact.tag)
    git(root, "remote", "add", "origin", str(bare))
    git(root, "push", "--no-verify", "--force", "origin", "--tags")
    # After a large commit git tidies up in the background: what it removes or adds meanwhile goes with the scratch folder.
    shutil.rmtree(work, ignore_errors=True)


def _of_ours(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Let it belong to us, whoever packed it: git refuses what is somebody else's."""
    member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
    return member


def wait_for_git(bare: Path) -> None:
    """Return once git has ended the tidying that it began in the background after a push."""
    while (bare / "gc.pid").exists():
        time.sleep(0.1)


def main(folder: Path, out: Path) -> None:
    """Bring a whole set."""
    watch = Stopwatch()
    with watch.running():
        for project, found in projects(folder):
            bare = new_repository(out / f"{project}.git")
            for one in found:
                push(one, bare)
            git(bare, "branch", "--force", "latest", found[-1].tag)
    for bare in out.glob("*.git"):
        wait_for_git(bare)
    watch.tell()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).resolve())
