"""Which versions somebody asked for, and when last."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen
from packaging.utils import NormalizedName


@frozen
class Asking:
    """A version that was asked for.

    Attributes:
        name: The project.
        commit: The version's commit, in hexadecimal: other spellings of a version are the same.
        at: When it was noted last, in nanoseconds since 1970.
    """

    name: NormalizedName
    commit: str
    at: int


@frozen
class AskedVersions:
    """An empty file for each version that was asked for, whose time is that of the last asking.

    Any number of processes may use it at once. Nothing is synced: it says in which
    order to forget what was asked for, and what cannot be noted or read is forgotten
    first, so no disk that refuses makes anything fail.

    Attributes:
        folder: A folder a project, and in it a file a version, named by its commit.
    """

    folder: Path

    def note(self, name: str, commit: str, at: int) -> None:
        """Note that a version was asked for."""
        path = self.folder / name / commit
        with suppress(OSError):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            os.utime(path, ns=(at, at))

    def is_noted(self, name: str, commit: str) -> bool:
        """Tell whether a version is noted as asked for."""
        return os.path.exists(self.folder / name / commit)  # noqa: PTH110 - `Path.exists` raises where a folder is closed

    def commits(self, name: str) -> frozenset[str]:
        """Return the commits of the versions of a project that were asked for."""
        try:
            return frozenset(os.listdir(f"{self.folder}/{name}"))  # noqa: PTH208 - most often there is none
        except OSError:
            return frozenset()

    def oldest_first(self) -> tuple[Asking, ...]:
        """Return every version that was asked for, the one that was asked for the longest ago first."""
        found = []
        for project in _entries(self.folder):
            for entry in _entries(project):
                with suppress(OSError):
                    found.append(Asking(NormalizedName(project.name), entry.name, entry.stat().st_mtime_ns))
        return tuple(sorted(found, key=lambda one: (one.at, one.name, one.commit)))

    def forget(self, name: str, commit: str) -> None:
        """Forget that a version was asked for."""
        path = self.folder / name / commit
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()

    def forget_all(self, name: str) -> None:
        """Forget everything that was asked for of a project."""
        for commit in self.commits(name):
            self.forget(name, commit)


def _entries(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from list(folder.iterdir())
