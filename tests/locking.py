"""The tools that write lock files, run in an empty home, and what they say is in a lock file."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen
from packaging.utils import canonicalize_name

from pydeps_host.lockfiles import Lockfile

# Version and digests, by name and version: what is compared.
Listed = Mapping[tuple[str, str], frozenset[str]]

_PIP: Final = (sys.executable, "-m", "pip")
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=(\S+)")


def program(name: str) -> str | None:
    """Return where a program is: beside this Python, or on the path."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@frozen
class Bench:
    """A folder with a project in it, and an index.

    Attributes:
        folder: Where the project is; a home without settings beside it.
        index: The index's URL.
        more: What else the environment has.
    """

    folder: Path
    index: str
    more: Mapping[str, str] = field(factory=dict)

    def run(self, *command: str | Path) -> str:
        """Run a tool, and return what it prints; whatever it says goes into the error."""
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [*map(str, command)], cwd=self.folder, env=self._environment(home), capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.write_text(text)
        return path

    def _environment(self, home: Path) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.index,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_DEFAULT_INDEX": self.index,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "PDM_PYPI_URL": self.index,
            "PDM_CHECK_UPDATE": "0",
            "PDM_IGNORE_SAVED_PYTHON": "1",
            "PDM_NON_INTERACTIVE": "1",
            "PIPENV_YES": "1",
            "PIPENV_NOSPIN": "1",
            "PIPENV_IGNORE_VIRTUALENVS": "1",
            "POETRY_NO_INTERACTION": "1",
            "POETRY_VIRTUALENVS_CREATE": "false",
            **self.more,
        }


@frozen
class Tool:
    """A tool, and how it is asked.

    Attributes:
        program: Its program.
        files: What a project of it has: a name, and the file's text for (requirements, index).
        lock: Writes the lock file.
        lockfile: Its name.
        listing: Asks the tool what is in it.
    """

    program: str
    lockfile: str
    files: Callable[[Sequence[str], str], Mapping[str, str]]
    lock: Sequence[str]
    listing: Callable[[Bench], Listed]

    def make(self, bench: Bench, requirements: Sequence[str]) -> Path:
        """Write a project that has these requirements, lock it, and return the lock file."""
        for name, text in self.files(requirements, bench.index).items():
            bench.write(name, text)
        bench.run(*self.lock)
        return bench.folder / self.lockfile


def pins(text: str) -> Listed:
    """Read what a tool exports as requirements, as plainly as can be: one requirement a line, once lines are joined."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        pin = _PIN.match(line.strip())
        if pin is not None:
            key = (canonicalize_name(pin["name"]), pin["version"])
            found[key] = found.get(key, frozenset()) | frozenset(_HASH.findall(line))
    return found


def read(lockfile: Lockfile) -> Listed:
    """What we read, as the tools list it."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for dependency in lockfile.dependencies:
        key = (dependency.name, dependency.pinned_text or dependency.specifier)
        found[key] = found.get(key, frozenset()) | frozenset(map(str, dependency.hashes))
    return found


def _exported(*command: str) -> Callable[[Bench], Listed]:
    return lambda bench: pins(bench.run(*command))


def _reported(bench: Bench) -> Listed:
    """What pip would install: its report, of one file each."""
    lines = (bench.folder / "requirements.in").read_text().split()
    report = json.loads(bench.run(*_PIP, "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", *lines))
    return {
        (canonicalize_name(one["metadata"]["name"]), one["metadata"]["version"]): frozenset(
            f"{name}:{value}" for name, value in one["download_info"]["archive_info"]["hashes"].items()
        )
        for one in report["install"]
    }


def _project(requirements: Sequence[str], _: str = "") -> Mapping[str, str]:
    listed = json.dumps(list(requirements))
    return {"pyproject.toml": f'[project]\nname = "locked"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = {listed}\n'}


def _poetry_project(requirements: Sequence[str], index: str) -> Mapping[str, str]:
    text = _project(requirements)["pyproject.toml"].replace(">=3.11", ">=3.11,<4")
    source = f'[[tool.poetry.source]]\nname = "index"\nurl = "{index}"\npriority = "primary"\n'
    return {"pyproject.toml": f"{text}[tool.poetry]\npackage-mode = false\n{source}"}


def _pipfile(requirements: Sequence[str], index: str) -> Mapping[str, str]:
    packages = []
    for requirement in requirements:
        name, extras, version = re.fullmatch(r"([\w.-]+)(?:\[(.*)\])?(.*)", requirement).groups()  # type: ignore[union-attr]
        told = f", extras = {json.dumps(extras.split(','))}" if extras else ""
        packages.append(f'{name} = {{version = "{version or "*"}"{told}}}\n')
    verify = "false" if index.startswith("http:") else "true"
    return {"Pipfile": f'[[source]]\nname = "index"\nurl = "{index}"\nverify_ssl = {verify}\n[packages]\n{"".join(packages)}'}


def _requirements_in(requirements: Sequence[str], _: str) -> Mapping[str, str]:
    return {"requirements.in": "\n".join(requirements) + "\n"}


_UV_EXPORT: Final = ("uv", "export", "--quiet", "--frozen", "--no-emit-project", "--no-header")
_UV_COMPILE: Final = ("uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes")

TOOLS: Final = {
    "uv.lock": Tool("uv", "uv.lock", _project, ("uv", "lock", "--quiet"), _exported(*_UV_EXPORT)),
    "poetry.lock": Tool(
        "poetry",
        "poetry.lock",
        _poetry_project,
        ("poetry", "lock", "--quiet"),
        _exported("poetry", "export", "--all-groups", "--all-extras"),
    ),
    "pdm.lock": Tool("pdm", "pdm.lock", _project, ("pdm", "lock", "--quiet"), _exported("pdm", "export", "--format", "requirements")),
    "Pipfile.lock": Tool("pipenv", "Pipfile.lock", _pipfile, ("pipenv", "lock", "--quiet"), _exported("pipenv", "requirements", "--hash")),
    "pylock.toml of pip": Tool(
        "pip", "pylock.toml", _requirements_in, (*_PIP, "lock", "--quiet", "--requirement", "requirements.in"), _reported
    ),
    "pylock.NAME.toml of uv": Tool(
        "uv",
        "pylock.exported.toml",
        _project,
        ("sh", "-c", f"uv lock --quiet && {' '.join(_UV_EXPORT)} --format pylock.toml --output-file pylock.exported.toml"),
        _exported(*_UV_EXPORT),
    ),
    "requirements.txt of uv": Tool(
        "uv",
        "requirements.txt",
        _requirements_in,
        (*_UV_COMPILE, "--emit-index-url", "requirements.in", "--output-file", "requirements.txt"),
        lambda bench: pins((bench.folder / "requirements.txt").read_text()),
    ),
}
