"""The rooms, and who may import whom."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pydeps_host

PACKAGE = Path(pydeps_host.__file__).parent
ROOT = Path(__file__).parents[2]
# A room may import only rooms above it.
ROOMS = [
    "values",
    "errors",
    "events",
    "dependency",
    "config",
    "limiter",
    "transport",
    "simple_api",
    "resolver",
    "archive",
    "git",
    "repository",
    "modules",
    "materializer",
    "processes",
    "lockfiles",
    "store",
    "host",
    "testing",
    "cli",
    "__main__",
]
ONLY_IMPORTER = {
    "cattrs": "config",
    "pyrate_limiter": "limiter",
    "httpx": "transport",
    "httpcore": "transport",
    "keyring": "transport",
    "click": "cli",
    "rich": "cli",
}
LOADED_AT_FIRST_USE = ("cattrs", "pyrate_limiter", "httpx", "httpcore", "keyring", "json5", "rich", "click")


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports, and whether it does so at its top level."""
    tree = ast.parse(file.read_text())
    top = {id(node) for node in tree.body}
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "pydeps_host" else [module]
            found += [(name, id(node) in top) for name in names]
    return found


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_above_it(file):
    room = room_of(file)
    if room == "__init__":
        return
    for module, _ in imports(file):
        parts = module.split(".")
        if parts[0] == "pydeps_host" and len(parts) > 1 and parts[1] in ROOMS:
            assert ROOMS.index(parts[1]) <= ROOMS.index(room), f"{room} imports {module}, which is below it"


def test_every_file_is_in_a_room():
    assert {room_of(file) for file in files()} <= {*ROOMS, "__init__"}


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_library_is_imported_by_its_room_alone_and_not_at_import(file):
    for module, at_top in imports(file):
        library = module.split(".")[0]
        if library in ONLY_IMPORTER:
            assert room_of(file) == ONLY_IMPORTER[library]
        if library in LOADED_AT_FIRST_USE:
            assert not at_top or room_of(file) == "cli", f"{file.name} loads {library} when it is imported"


def test_importing_the_package_loads_no_http_stack_and_starts_no_thread():
    program = (
        "import sys, threading, pydeps_host\n"
        "from pydeps_host import *\n"
        f"loaded = [name for name in {LOADED_AT_FIRST_USE!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_file_of_the_project_names_a_package_registry():
    """The default index is the one that pip names itself; no address of one stands in the project."""
    hosts = re.compile(r"py" r"pi\.org|pythonhost" r"ed\.org|registry\.npm" r"js|deb\.deb" r"ian\.org|debian\.org")
    assert ROOT / "README.md" in project_files()
    assert [path for path in project_files() if hosts.search(path.read_text(errors="replace"))] == []


def project_files() -> list[Path]:
    """What git tracks; of an unpacked source distribution, all but what a run of the tests leaves there."""
    if (ROOT / ".git").exists():
        names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    else:
        names = [name for path in ROOT.rglob("*") if not re.search(r"(^|/)[._][^/]*/", name := path.relative_to(ROOT).as_posix())]
    return [ROOT / name for name in names if (ROOT / name).is_file()]
