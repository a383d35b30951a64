"""Files that are not published yet, and how the dead ones are told from the living.

Each batch has a lock of its own, held while it lives. Whatever bears the name of
a lock that nobody holds was left behind by a process that died. The folder is there
only as long as there is anything in it, so that who has nothing to publish finds that
out by one look, and ten thousand repositories have no ten thousand empty folders.
"""

import os
import re
import secrets
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, Self

from pydeps_host.errors import disk_errors
from pydeps_host.repository.disk import Disk, beginning_with
from pydeps_host.repository.locks import try_lock

# Between two calls others take the folder away once or twice; where it never is there, it leads nowhere.
_TRIES: Final = 20
_NAME = re.compile(r"(?P<token>[0-9a-f]{16})(?:-[0-9]+\.(?:pack|idx)|\.lock)")


class Workspace:
    """The temporary files of one batch."""

    def __init__(self, folder: Path, token: str, descriptor: int) -> None:
        self._folder = folder
        self._token = token
        self._descriptor = descriptor
        self._numbers = count()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Take a name that nobody else has.

        Raises:
            DiskError: The system refuses.
        """
        while True:
            token = secrets.token_hex(8)
            path = _lock_path(folder, token)
            with disk_errors(path, "creating"):
                descriptor = _created(path)
                # Between the two calls the file looks dead, and may have been cleaned away.
                try:
                    is_ours = try_lock(descriptor) and os.fstat(descriptor).st_nlink
                except OSError:
                    os.close(descriptor)
                    raise
                if is_ours:
                    return cls(folder, token, descriptor)
                os.close(descriptor)

    def new_path(self) -> Path:
        """Return a path for one more pack; its index goes beside it with the suffix `.idx`."""
        return self._folder / f"{self._token}-{next(self._numbers)}.pack"

    def close(self, disk: Disk) -> None:
        """Remove whatever is left, the lock last.

        Raises:
            DiskError: The system refuses; the next publishing cleans up.
        """
        try:
            _remove(self._folder, self._token, disk)
        finally:
            with suppress(OSError):
                os.close(self._descriptor)
        _remove_empty(self._folder)


def _created(path: Path) -> int:
    """Create a file and, if need be, its folder, which anybody may take away as long as it is empty."""
    create = partial(os.open, path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            path.parent.mkdir()
        with suppress(FileNotFoundError):
            return create()
    return create()


def has_files(folder: Path | str) -> bool:
    """Whether anything is not published yet, of the living or of the dead.

    Raises:
        DiskError: The system refuses.
    """
    return bool(_names(folder))


def clean_dead(folder: Path, disk: Disk) -> None:
    """Remove what batches left behind whose processes died.

    Raises:
        DiskError: The system refuses.
    """
    names = _names(folder)
    for token in {found["token"] for found in map(_NAME.fullmatch, names) if found}:
        _remove_if_dead(folder, token, disk)
    if names:
        _remove_empty(folder)


def _names(folder: Path | str) -> list[str]:
    with disk_errors(folder, "listing"):
        try:
            return os.listdir(folder)  # noqa: PTH208 - names are wanted, not paths
        except FileNotFoundError:
            return []


def _remove_empty(folder: Path) -> None:
    # Whoever has a file in it keeps it.
    with suppress(OSError):
        folder.rmdir()


def _remove_if_dead(folder: Path, token: str, disk: Disk) -> None:
    path = _lock_path(folder, token)
    with disk_errors(path, "opening"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            # The lock is made first and removed last.
            _remove(folder, token, disk)
            return
        try:
            if try_lock(descriptor):
                _remove(folder, token, disk)
        finally:
            os.close(descriptor)


def _remove(folder: Path, token: str, disk: Disk) -> None:
    for path in [*beginning_with(folder, f"{token}-"), _lock_path(folder, token)]:
        disk.remove(path)


def _lock_path(folder: Path, token: str) -> Path:
    return folder / f"{token}.lock"
