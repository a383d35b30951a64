"""Bring a set of real source distributions from the index that pip uses.

    python -m benchmarks.fetch FOLDER [small|large]

Writes FOLDER/<project>/<file>: of each project the newest final releases up to
one that is fixed here, so that everybody measures on the same files. What is
there stays. Each file is checked against the digests of the index.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import Version

from benchmarks.artifacts import SUFFIX
from pydeps_host import File, HttpxTransport, Resolver, fetch_file
from pydeps_host.cli.pip_index import ask_pip

# Project to the newest version that is taken, and how many.
SETS: Final[Mapping[str, Mapping[str, tuple[str, int]]]] = {
    "small": {
        "requests": ("2.32.3", 8),
        "flask": ("3.1.0", 8),
        "attrs": ("25.1.0", 8),
        "numpy": ("2.2.2", 2),
        "django": ("5.1.5", 2),
    },
    "large": {
        "requests": ("2.32.3", 12),
        "django": ("5.1.5", 6),
        "numpy": ("2.2.2", 3),
        "flask": ("3.1.0", 12),
        "attrs": ("25.1.0", 12),
        "sqlalchemy": ("2.0.37", 6),
        "botocore": ("1.36.0", 5),
        "setuptools": ("75.8.0", 10),
        "httpx": ("0.28.1", 10),
        "pydantic": ("2.10.5", 8),
    },
}


def chosen(files: tuple[File, ...], newest: Version, count: int) -> list[File]:
    """Return the source distributions of the newest final releases up to one."""
    found = {version: file for file in files if (version := _version(file.filename)) is not None and version <= newest}
    return [found[version] for version in sorted(found)[-count:]]


def _version(filename: str) -> Version | None:
    if not filename.endswith(SUFFIX):
        return None
    try:
        version = parse_sdist_filename(filename)[1]
    except InvalidSdistFilename:
        return None
    return None if version.is_prerelease else version


def fetch(folder: Path, which: str) -> None:
    """Bring what is missing of a set."""
    with HttpxTransport() as transport:
        resolver = Resolver((ask_pip().url,), transport=transport)
        for project, (newest, count) in SETS[which].items():
            (folder / project).mkdir(parents=True, exist_ok=True)
            files = chosen(resolver.project(canonicalize_name(project)).files, Version(newest), count)
            for file in files:
                path = folder / project / file.filename
                if not path.exists():
                    fetch_file(file, path, transport=transport)
            print(f"{project}: {len(files)} files")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Bring a set of source distributions from the index that pip uses.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("which", nargs="?", choices=sorted(SETS), default="small")
    words = parser.parse_args()
    fetch(words.folder, words.which)
