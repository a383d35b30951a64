"""A configuration's file to text."""

import os
from pathlib import Path
from typing import Final

from pydeps_host.errors import ConfigError, Problem

# A thousand times what ten thousand dependencies take would be no configuration, but a wrong file.
_LONGEST: Final = 16 * 1024 * 1024


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a file of UTF-8, of 16 MiB at most; a byte order mark stays, for the parser to pass over.

    Raises:
        ConfigError: It is missing, cannot be read, is too large or is not UTF-8.
    """
    source = os.fspath(path)
    data = _read_bytes(source)
    if len(data) > _LONGEST:
        raise _error(source, f"the file has more than {_LONGEST} bytes", "check that it is the configuration that is meant")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    # Raised here, where no error is being handled: the decoder's holds the whole file, passwords included.
    raise _error(source, "the file is not UTF-8", "save it as UTF-8", place=f"line {line}")


def _read_bytes(source: str) -> bytes:
    try:
        with Path(source).open("rb") as file:
            return file.read(_LONGEST + 1)
    except OSError as error:
        raise _error(source, f"the file cannot be read: {error.strerror or error}", "check its path and permissions") from error
    except ValueError as error:  # A null character in the path.
        raise _error(source, f"this is no path: {error}", "check the path") from error


def _error(source: str, message: str, remedy: str, *, place: str = "") -> ConfigError:
    return ConfigError(source, (Problem(place, message, remedy),))
