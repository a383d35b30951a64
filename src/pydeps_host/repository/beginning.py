"""A repository that goes on from what another one knew."""

import shutil
from pathlib import Path

from pydeps_host.errors import disk_errors
from pydeps_host.repository.disk import Disk
from pydeps_host.repository.journal import JournalLine, encode_line, line_sum
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.repository import Repository
from pydeps_host.repository.seal import Seal, encode_seal


def begin(path: Path, first: JournalLine, *, namespace: str, disk: Disk) -> Repository:
    """Make a repository whose journal begins with a line, whole or not at all.

    Args:
        path: Its folder, which is not there yet; the folder above it is.
        first: The first line: rows without tags, claims, the owner, and the generation to go on from.
        namespace: The folder that the repository will be in.
        disk: How files are written.

    Raises:
        DiskError: The system refuses, or something is there.
    """
    new = path.with_suffix(".new")
    with disk_errors(new, "removing"):
        if new.exists():
            shutil.rmtree(new)
    create_for(new, path.stem, namespace=namespace, disk=disk)
    layout, line = Layout(new), encode_line(first)
    disk.append(layout.journal, line)
    disk.write(layout.lock, encode_seal(Seal(first.generation, line_sum(line) or "", first.refs)))
    disk.rename(new, path)
    disk.sync_file(path.parent)
    return Repository.open(path, disk=disk)


def create_for(path: Path, project: str, *, namespace: str, disk: Disk) -> Repository:
    """Make an empty repository that names itself after its project.

    Raises:
        DiskError: The system refuses, or something is there.
    """
    description = f"The releases of the Python package {project}, one tag each"
    return Repository.create(path, name=f"{namespace}/{project}", description=description, disk=disk)
