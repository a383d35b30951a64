"""Where lock files are: a folder on disk, or one in a repository; and which files count."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, Protocol

from pydeps_host.errors import LockfileError

_LOCKFILE = re.compile(
    r"poetry\.lock|Pipfile\.lock|uv\.lock|pdm\.lock|pylock(\.[^.]+)?\.toml|requirements[^/]*\.txt|[^/]*requirements\.txt"
)
# What other programs made of packages: their own files are no project's.
_SKIPPED: Final = frozenset(
    {".git", ".hg", ".svn", ".bzr", ".tox", ".nox", ".venv", "venv", "node_modules", "site-packages", "dist-packages", "__pycache__"}
)
# A virtual environment has it at its top (PEP 405).
ENVIRONMENT_MARK: Final = "pyvenv.cfg"


class Tree(Protocol):
    """Files below one folder; nothing outside of it can be read."""

    def name_of(self, path: PurePosixPath) -> str:
        """Return what errors and reports call a file."""

    def read(self, path: PurePosixPath, *, max_bytes: int, asked_by: LockfileError | None = None) -> bytes:
        """Return a file's bytes.

        Args:
            path: Relative to the folder, without `..`.
            max_bytes: The most that it may have.
            asked_by: What to raise, with the reason put in, where another file's line asked for it.

        Raises:
            LockfileError: It is not there, is no regular file, leads out of the folder, cannot be read, or is larger.
        """

    def find(self, inside: PurePosixPath) -> Iterator[PurePosixPath]:
        """Yield the lock files below a folder of this one, in the order of their paths; a file of any name gives itself.

        Raises:
            LockfileError: The folder is not there or cannot be listed, or a limit is passed.
        """


def is_lockfile(name: str) -> bool:
    """Whether a file is a lock file by its name; what is in it is another question."""
    return _LOCKFILE.fullmatch(name) is not None


def is_skipped(name: str) -> bool:
    """Whether a folder is passed over by its name."""
    return name in _SKIPPED
