"""Files that are not published yet, and how the dead ones are told from the living.

Each batch has a lock of its own, held while it lives. Whatever bears the name of
a lock that nobody holds was left behind by a process that died.
"""

import os
import re
import secrets
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from pydeps_host.errors import disk_errors
from pydeps_host.repository.disk import Disk, beginning_with
from pydeps_host.repository.locks import try_lock

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
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
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


def clean_dead(folder: Path, disk: Disk) -> None:
    """Remove what batches left behind whose processes died.

    Raises:
        DiskError: The system refuses.
    """
    with disk_errors(folder, "listing"):
        names = os.listdir(folder)  # noqa: PTH208 - names are wanted, not paths
    for token in {found["token"] for found in map(_NAME.fullmatch, names) if found}:
        _remove_if_dead(folder, token, disk)


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
