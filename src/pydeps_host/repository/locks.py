"""Locks that die with their process.

`flock` on a file that is never unlinked: a lock file that is unlinked splits
those who wait for it across two files, and both halves go ahead. Each taking
opens the file anew, so that threads of one process exclude each other too.
The `filelock` library is not used: some of the releases that we allow unlink the
file, and where `flock` is missing it falls back to a lock that outlives its process.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pydeps_host.errors import ClosedError, DeadlineError, LockedError, disk_errors

if TYPE_CHECKING:
    from pydeps_host.limiter import Stop

_SHORTEST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.05
_HELD_ELSEWHERE: Final = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK})


@frozen(kw_only=True)
class Patience:
    """How long somebody waits for a lock.

    Attributes:
        stop: Ends the wait with `ClosedError` when it is set.
        deadline: A time of `time.monotonic()` that ends the wait with `DeadlineError`.
        seconds: The longest wait; then comes `LockedError`.
    """

    stop: "Stop | None" = None
    deadline: float | None = None
    seconds: float | None = None


@contextmanager
def locked(path: Path, patience: Patience | None = None, *, doing: str = "waiting for a lock") -> Iterator[int]:
    """Hold the lock of the file `path`, which is made where it is not there.

    It is not re-entrant: a thread that takes the same lock twice waits for itself.

    Args:
        path: The lock's file; its folder exists.
        patience: How long to wait; without end if it is not given.
        doing: What is waited for, in the words of an error.

    Yields:
        The open lock file's descriptor.

    Raises:
        ClosedError, DeadlineError, LockedError: The wait ended without the lock,
            at most 50 ms after its reason.
        DiskError: The file cannot be opened, or its file system has no locks.
    """
    descriptor = _held(path, patience or Patience(), doing)
    try:
        try:
            yield descriptor
        finally:
            # Not left to close(): a forked child may hold a copy of the descriptor.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        # What was done under the lock is done: that the system complains now must not hide it.
        with suppress(OSError):
            os.close(descriptor)


@contextmanager
def locked_in_turn(path: Path, patience: Patience | None = None, *, doing: str = "waiting for a lock") -> Iterator[int]:
    """Hold a lock that is held for long, and taken again at once, without keeping others from it.

    Who holds it and comes back goes behind the one who waits: to wait, one holds
    a second lock, beside the first, which has to be taken on the way to it.
    Arguments, what is yielded and errors are those of `locked`.
    """
    with ExitStack() as waiting:
        waiting.enter_context(locked(path.with_name(f"{path.name}.next"), patience, doing=doing))
        with locked(path, patience, doing=doing) as descriptor:
            waiting.close()
            yield descriptor


def try_lock(descriptor: int) -> bool:
    """Lock an open file if nobody holds it; tell whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            return False
        raise
    return True


def _held(path: Path, patience: Patience, doing: str) -> int:
    while True:
        # A link would have what is noted in the lock written over another file.
        with disk_errors(path, "opening"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            _take(descriptor, path, patience, doing)
            if _is_there(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_there(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one at a path: a repository that was repaired meanwhile has another lock there."""
    with disk_errors(path, "looking at"):
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116 - beside fstat
        except FileNotFoundError:
            return False


def _take(descriptor: int, path: Path, patience: Patience, doing: str) -> None:
    started = time.monotonic()
    pause = _SHORTEST_PAUSE
    while not _try(descriptor, path):
        left = _time_left(path, patience, started, doing)
        _wait(min(pause, left), patience.stop)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _try(descriptor: int, path: Path) -> bool:
    with disk_errors(path, "locking"):
        return try_lock(descriptor)


def _time_left(path: Path, patience: Patience, started: float, doing: str) -> float:
    now = time.monotonic()
    if patience.stop is not None and patience.stop.is_set():
        raise ClosedError(doing)
    if patience.deadline is not None and now >= patience.deadline:
        raise DeadlineError(doing)
    if patience.seconds is not None and now - started >= patience.seconds:
        raise LockedError(os.fspath(path), now - started)
    ends = [patience.deadline] if patience.deadline is not None else []
    ends += [started + patience.seconds] if patience.seconds is not None else []
    return max(0.0, min(ends) - now) if ends else _LONGEST_PAUSE


def _wait(seconds: float, stop: "Stop | None") -> None:
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
