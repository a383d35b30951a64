"""A store's format number, which every version of this library looks at before it touches anything else."""

import json
from pathlib import Path

from pydeps_host.errors import DamagedError, FormatError, disk_errors
from pydeps_host.repository import FORMAT, Disk


def check_format(path: Path) -> bool:
    """Refuse a store that a newer version wrote; one that has no number yet is fine.

    Returns:
        Whether it has one.

    Raises:
        FormatError: It was.
        DamagedError: Its format number cannot be read.
        DiskError: The system refuses.
    """
    with disk_errors(path, "reading"):
        try:
            written = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return False
    try:
        found = json.loads(written)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedError(str(path), "it holds no format number") from None
    if not isinstance(found, int) or found > FORMAT:
        raise FormatError(str(path), found, FORMAT)
    return True


def write_format(path: Path, disk: Disk) -> None:
    """Write the number, all of it or nothing.

    Raises:
        DiskError: The system refuses.
    """
    new = path.with_suffix(".new")
    disk.write(new, json.dumps({"format": FORMAT}).encode() + b"\n")
    disk.rename(new, path)
    disk.sync_file(path.parent)
