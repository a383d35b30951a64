"""The set of source distributions that is measured on: `FOLDER/<project>/<file>.tar.gz`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen
from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

SUFFIX: Final = ".tar.gz"


@frozen
class Artifact:
    """One source distribution.

    Attributes:
        project: The project's normalised name.
        version: Its version.
        path: The file.
    """

    project: str
    version: Version
    path: Path

    @property
    def tag(self) -> str:
        """The tag that each way gives the version."""
        return f"v{self.version}"

    @property
    def pin(self) -> str:
        """The dependency that asks for it."""
        return f"{self.project}=={self.version}"


def projects(folder: Path) -> Iterator[tuple[str, list[Artifact]]]:
    """Yield each project of a set, with its distributions, the oldest first."""
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        name = canonicalize_name(place.name)
        found = [Artifact(name, parse_sdist_filename(path.name)[1], path) for path in place.glob(f"*{SUFFIX}")]
        if found:
            yield name, sorted(found, key=lambda one: one.version)


def artifacts(folder: Path) -> list[Artifact]:
    """Return all distributions of a set."""
    return [one for _, found in projects(folder) for one in found]
