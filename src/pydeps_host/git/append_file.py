"""A file that grows at its end and can be cut back, with a buffer of our own.

Python's buffered files cannot say what reached the disk once a write failed.
Here every write goes to a known place, so after a full disk the same bytes can
be written again, or cut off.
"""

import errno
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pydeps_host.errors import disk_errors

_BUFFER = 1024 * 1024


class AppendFile:
    """A new file; every fault of the disk is a `DiskError`.

    A context manager that takes the file away where it was not finished.
    """

    def __init__(self, path: Path) -> None:
        """Create the file, which must not be there yet."""
        self._path = path
        self._pending = bytearray()
        self._written = 0
        with disk_errors(path, "creating"):
            # Packs are read-only from their birth, as git's are; whoever creates a file may write to it.
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self.closed:
            self.remove()

    @property
    def size(self) -> int:
        """The file's size in bytes, with what is still buffered."""
        return self._written + len(self._pending)

    @property
    def closed(self) -> bool:
        """Whether the file takes no more."""
        return self._descriptor < 0

    def append(self, data: bytes) -> None:
        """Write at the end."""
        self._check_open()
        self._pending += data
        if len(self._pending) >= _BUFFER:
            self.flush()

    def overwrite(self, offset: int, data: bytes) -> None:
        """Write over bytes that are there."""
        self.flush()
        with disk_errors(self._path, "writing"):
            os.pwrite(self._descriptor, data, offset)

    def truncate(self, size: int) -> None:
        """Cut the file back to `size` bytes."""
        self._check_open()
        if size >= self._written:
            del self._pending[size - self._written :]
            return
        with disk_errors(self._path, "truncating"):
            os.ftruncate(self._descriptor, size)
        self._pending.clear()
        self._written = size

    def flush(self) -> None:
        """Give the operating system all bytes."""
        self._check_open()
        done = 0
        try:
            with memoryview(self._pending) as pending, disk_errors(self._path, "writing"):
                while done < len(pending):
                    done += os.pwrite(self._descriptor, pending[done:], self._written + done)
        finally:
            self._written += done
            del self._pending[:done]

    def sha1(self) -> bytes:
        """Return the digest of all bytes so far."""
        self.flush()
        digest = hashlib.sha1()
        offset = 0
        with disk_errors(self._path, "reading"):
            while offset < self._written:
                piece = os.pread(self._descriptor, min(_BUFFER, self._written - offset), offset)
                if not piece:
                    raise OSError(errno.EIO, "somebody cut the file off")
                digest.update(piece)
                offset += len(piece)
        return digest.digest()

    def finish(self, *, sync: bool) -> None:
        """Write what is buffered and close the file; it stays.

        Args:
            sync: Have all bytes on the disk first.
        """
        self.flush()
        if sync:
            with disk_errors(self._path, "syncing"):
                os.fsync(self._descriptor)
        self._close()

    def remove(self) -> None:
        """Take the file away, finished or not."""
        try:
            self._close()
        finally:
            with disk_errors(self._path, "removing"):
                self._path.unlink(missing_ok=True)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"{self._path} is closed")

    def _close(self) -> None:
        if not self.closed:
            descriptor, self._descriptor = self._descriptor, -1
            with disk_errors(self._path, "closing"):
                os.close(descriptor)
