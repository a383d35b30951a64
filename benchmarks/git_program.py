"""The installed git, with no configuration of this machine, as the other ways use it and as the judge."""

import os
import subprocess
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "1600000000 +0000",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_COMMITTER_DATE": "1600000000 +0000",
}


def git(folder: Path, *words: str) -> str:
    """Run a git command in a folder, and return what it prints.

    Raises:
        CalledProcessError: It failed.
    """
    done = subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)  # noqa: S603, S607 - the judge is whatever git there is
    return done.stdout.decode("utf-8", "surrogateescape")


def new_repository(path: Path) -> Path:
    """Make an empty bare repository, and return its folder."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--bare", ".")
    return path


def trees(repository: Path) -> dict[str, str]:
    """Return the tree of each annotated tag, after a look at whether every object is there.

    Raises:
        CalledProcessError: An object is missing or broken.
    """
    git(repository, "fsck", "--connectivity-only", "--no-dangling")
    lines = git(repository, "for-each-ref", "--format=%(refname:lstrip=2) %(*tree)", "refs/tags").splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)


def listing(repository: Path, tag: str) -> dict[str, str]:
    """Return mode and id of each file of a tag, by path."""
    lines = git(repository, "ls-tree", "-r", "-z", tag).split("\0")
    return {path: head for head, _, path in (line.partition("\t") for line in lines if line)}
