"""The operating system's errors, made ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydeps_host.errors import DiskError


@contextmanager
def disk_errors(path: Path, doing: str) -> Iterator[None]:
    """Raise a `DiskError` for every `OSError` from inside.

    Args:
        path: What the error is about.
        doing: What is being done, as in "writing".
    """
    try:
        yield
    except OSError as error:
        raise DiskError(str(path), doing, error.strerror or str(error), error.errno) from error
