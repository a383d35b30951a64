"""Files of the next versions, downloaded while earlier ones are made."""

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from attrs import frozen

from pydeps_host.errors import NotStoredError, StoreError
from pydeps_host.host.order import Wanted
from pydeps_host.host.spooling import spooled
from pydeps_host.host.tools import Tools
from pydeps_host.simple_api import Artifact, File

# How much may wait to be made; the file that comes next is begun below that.
_MOST_FILES: Final = 4
_MOST_BYTES: Final = 64 << 20
_LOOK_SECONDS: Final = 0.05


@frozen
class _Came:
    """What became of a download: a file as it was then, or why there is none, or neither where there was nothing to do."""

    artifact: Artifact | None = None
    stamp: tuple[int, int, int] | None = None
    problem: BaseException | None = None

    @property
    def size(self) -> int:
        return self.artifact.size if self.artifact is not None else 0


class Ahead:
    """One thread that downloads for a project, a little ahead of whoever makes its versions.

    It holds the lock of one version at a time, over download and verification as
    always, and nobody has to hold one who waits for it. Where there is one version
    only, there is nothing to be ahead of, and no thread.
    """

    def __init__(self, wanted: Sequence[Wanted], tools: Tools) -> None:
        """Say what will be downloaded; nothing is before somebody waits for it.

        Args:
            wanted: What is missing, in the order in which it will be made.
            tools: What the sync shares.
        """
        self._tools = tools
        self._left = deque(wanted if len(wanted) > 1 else ())
        self._pending = {one.release.text for one in self._left}
        self._came: dict[str, _Came] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def wait(self, wanted: Wanted) -> None:
        """Return once the file of a version has come, or will not come by itself. Call it without the version's lock.

        Raises:
            ClosedError: The work was interrupted.
        """
        with self._changed:
            if wanted.release.text not in self._pending:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"{threading.current_thread().name}-ahead", daemon=True)
                self._thread.start()
            while not self._changed.wait_for(lambda: wanted.release.text not in self._pending, _LOOK_SECONDS):
                self._tools.check(f"waiting for the file of {wanted.release.name} {wanted.release.text}")

    def fetch(self, file: File, wanted: Wanted) -> Artifact:
        """Return a verified file, downloaded now if it has not come. Call it with the version's lock.

        Raises:
            HostError: As `fetch_file`.
        """
        came = self._take(wanted) if file is wanted.release.candidates[0] else _Came()
        if came.problem is not None:
            raise came.problem
        if came.artifact is not None and came.stamp is not None and _stamp(came.artifact) == came.stamp:
            return came.artifact
        return spooled(file, wanted, self._tools)

    def pass_by(self, wanted: Wanted) -> None:
        """Say that a version is done with, whether its file came, is under way, or was of use: it is in nobody's way any more."""
        text = wanted.release.text
        with self._changed:
            self._came.pop(text, None)
            if text in self._pending:
                self._pending.remove(text)
                self._left = deque(one for one in self._left if one.release.text != text)
            self._changed.notify_all()

    def close(self) -> None:
        """Begin no further download, and wait for the one under way."""
        with self._changed:
            self._left.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _take(self, wanted: Wanted) -> _Came:
        with self._changed:
            self._changed.notify_all()
            return self._came.pop(wanted.release.text, _Came())

    def _run(self) -> None:
        while (wanted := self._next()) is not None:
            came = self._download(wanted)
            with self._changed:
                if wanted.release.text in self._pending:
                    self._came[wanted.release.text] = came
                    self._pending.remove(wanted.release.text)
                self._changed.notify_all()

    def _next(self) -> Wanted | None:
        with self._changed:
            while self._left and self._is_far_enough():
                self._changed.wait(_LOOK_SECONDS)
                if self._is_stopped():
                    break
            return self._left.popleft() if self._left else None

    def _is_far_enough(self) -> bool:
        sizes = [came.size for came in self._came.values() if came.artifact is not None]
        return len(sizes) >= _MOST_FILES or sum(sizes) >= _MOST_BYTES

    def _is_stopped(self) -> bool:
        return self._tools.stop.is_set() or self._tools.halted.is_set()

    def _download(self, wanted: Wanted) -> _Came:
        """Download one file; whatever goes wrong is told to whoever takes it."""
        with ExitStack() as held:
            try:
                self._tools.check(f"bringing {wanted.release.name} {wanted.release.text}")
                if not self._lock(wanted, held):
                    return _Came()
                artifact = spooled(wanted.release.candidates[0], wanted, self._tools)
                return _Came(artifact, _stamp(artifact))
            except BaseException as problem:  # noqa: BLE001 - raised in the thread that makes the version
                return _Came(problem=problem)

    def _lock(self, wanted: Wanted, held: ExitStack) -> bool:
        """Take a version's lock, and tell whether its file is still missing."""
        text = wanted.release.text
        try:
            repository = self._tools.store.known_repository(wanted.release.name)
            if repository is None:
                return False
            held.enter_context(repository.version_lock(text, stop=self._tools.stop, deadline=self._tools.deadline))
            row = repository.rows().get(text)
        except (StoreError, NotStoredError):
            # It comes into its place right now, or is being repaired; or whoever makes the version will find out.
            return False
        return row is None or not row.is_published


def _stamp(artifact: Artifact) -> tuple[int, int, int] | None:
    """Return what tells a file from another one that was put in its place."""
    try:
        status = artifact.path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
