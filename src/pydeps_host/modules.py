"""Import names: which modules a release provides, read off its own files.

Nothing is run, so this is what the files say, not what an installer would do. A
wheel's files are what is installed. Of a source distribution, these tell, the
first that does: `top_level.txt`, as setuptools wrote it for this release; the
places where setuptools' automatic discovery looks, if what is there is called as
the project is; what `pyproject.toml` says to its build backend; and else
whatever is in those places.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import Any, Final

from attrs import evolve, field, frozen

# Of hostile archives there is no more than this to look at, or to tell.
MOST_NAMES: Final = 1000
MOST_TEXTS: Final = 64
TEXT_BYTES: Final = 64 * 1024
_LONGEST_NAME: Final = 200
_DEEPEST: Final = 5
_MOST_STEPS: Final = 20_000
_MOST_DOTS: Final = 300

_WHEEL: Final = ".whl"
_TOP_LEVEL: Final = b".egg-info/top_level.txt"
_NAMESPACES: Final = b".egg-info/namespace_packages.txt"
_EXTENSIONS: Final = (b".so", b".pyd")
_ROOTS: Final = (b"", b"src/", b"lib/", b"python/")
# The names that setuptools' automatic discovery passes over in a flat layout (its user guide, "Package Discovery").
_NO_PACKAGES: Final = frozenset(
    [
        "benchmark",
        "benchmarks",
        "bin",
        "build",
        "changelog",
        "ci",
        "debian",
        "doc",
        "docs",
        "documentation",
        "example",
        "examples",
        "exercise",
        "exercises",
        "htmlcov",
        "lib",
        "manpages",
        "news",
        "newsfragments",
        "node_modules",
        "python",
        "requirements",
        "scripts",
        "site_scons",
        "src",
        "tasks",
        "test",
        "tests",
        "tools",
        "unit_test",
        "unit_tests",
        "util",
        "utils",
    ]
)
_NO_MODULES: Final = frozenset(
    [
        "benchmark",
        "benchmarks",
        "build",
        "conanfile",
        "conftest",
        "dodo",
        "example",
        "examples",
        "exercise",
        "exercises",
        "fabfile",
        "manage",
        "noxfile",
        "pavement",
        "setup",
        "tasks",
        "test",
        "tests",
        "toxfile",
        "versioneer",
    ]
)


def is_told_by(path: bytes) -> bool:
    """Say whether a file's text has a say, by its path with or without the top folder: it is to be given to `modules_of`."""
    if path.endswith((_TOP_LEVEL, _NAMESPACES)):
        return path.count(b"/") <= _DEEPEST
    return path.endswith(b"pyproject.toml") and path.count(b"/") <= 1


def modules_of(name: str, filename: str, paths: Sequence[bytes], texts: Mapping[bytes, bytes]) -> tuple[str, ...]:
    """Return the modules that a release provides: top-level ones, and of a namespace the shortest that are none themselves.

    Args:
        name: The project's normalised name.
        filename: The file that the release was read from.
        paths: The paths of all its files and links, sorted.
        texts: What is in those of which `is_told_by` holds, as far as it was read; none of them is needed.

    Returns:
        Dotted names of identifiers, sorted; at most 1,000 of them.
    """
    tree = _Files(paths)
    found = _of_wheel(tree) if filename.lower().endswith(_WHEEL) else _of_sdist(name, tree, texts)
    return tuple(sorted(set(filter(_is_name, found))))[:MOST_NAMES]


@frozen
class _Files:
    """Files in the order of their paths: folders are looked up, and never gone through.

    Attributes:
        paths: The paths, sorted.
        namespaces: Folders that are namespaces though they look like packages, each ending with `/`.
    """

    paths: Sequence[bytes]
    namespaces: frozenset[bytes] = frozenset()
    _steps: list[int] = field(factory=lambda: [_MOST_STEPS])

    def children(self, folder: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield what is in a folder, whose path ends with `/` or is empty: each name, and whether it is a folder's."""
        at = bisect_left(self.paths, folder)
        while at < len(self.paths) and self.paths[at].startswith(folder) and self._steps[0] > 0:
            self._steps[0] -= 1
            child, slash, _ = self.paths[at][len(folder) :].partition(b"/")
            yield child, bool(slash)
            # `0` comes after `/`: what is in the folder is passed over.
            at = bisect_left(self.paths, folder + child + b"0", at) if slash else at + 1

    def has(self, path: bytes) -> bool:
        at = bisect_left(self.paths, path)
        return at < len(self.paths) and self.paths[at] == path

    def is_package(self, folder: bytes) -> bool:
        """Whether a folder, whose path ends with `/`, is one that is no namespace."""
        if folder in self.namespaces:
            return False
        at = bisect_left(self.paths, folder + b"__init__.")
        while at < len(self.paths) and self.paths[at].startswith(folder + b"__init__."):
            if _module(self.paths[at][len(folder) :]) == "__init__":
                return True
            at += 1
        return False


def _of_wheel(files: _Files) -> Iterator[str]:
    for child, is_folder in files.children(b""):
        if not is_folder:
            yield from _own(_module(child))
        elif child.endswith(b".data"):
            for where in (b"purelib", b"platlib"):
                yield from _below(files, child + b"/" + where + b"/")
        elif b"." not in child:
            yield from _folder(files, child, child + b"/")


def _of_sdist(name: str, files: _Files, texts: Mapping[bytes, bytes]) -> Iterable[str]:
    found = tuple(_told_by_setuptools(files, texts))
    if found:
        return found
    found = tuple(_discovered(files))
    # To read settings takes longer than all else, and most often they say no more than that.
    return found if found == (name.replace("-", "_"),) else tuple(_told_by_project(name, files, texts)) or found


def _told_by_setuptools(files: _Files, texts: Mapping[bytes, bytes]) -> Iterator[str]:
    """What setuptools wrote beside the modules when it made the distribution."""
    told = (path for path in texts if path.endswith(_TOP_LEVEL) and files.has(path))
    path = min(told, key=lambda path: (path.count(b"/"), path), default=None)
    if path is None:
        return
    root = path[: path.rindex(b"/", 0, path.rindex(b"/")) + 1] if path.count(b"/") > 1 else b""
    declared = texts.get(path.removesuffix(_TOP_LEVEL) + _NAMESPACES, b"").split()[:MOST_NAMES]
    files = evolve(files, namespaces=frozenset(root + name.replace(b".", b"/") + b"/" for name in declared))
    for line in _text(texts[path]).split()[:MOST_NAMES]:
        yield from _refined(files, root, line.replace("/", "."))


def _told_by_project(name: str, files: _Files, texts: Mapping[bytes, bytes]) -> Iterator[str]:
    """What the project's own settings name, where it is among the files."""
    for told in _settings(name, _read_settings(texts.get(b"pyproject.toml", b""))):
        # A folder is named with the one that it is in, a module without.
        within = next((root for root in _ROOTS[1:] if told.startswith(root.decode())), None)
        for root in _ROOTS if within is None else (within,):
            module = told.strip("/").removeprefix(root.decode()).replace("/", ".")
            found = tuple(_refined(files, root, module, missing=False)) if module else ()
            if found:
                yield from found
                break


def _read_settings(data: bytes) -> Mapping[str, Any]:
    """Read a project's settings; none from what is no TOML, or takes long to read."""
    import tomllib

    # A key of 30,000 parts, which 64 KiB have room for, takes seconds.
    if any(line.count(b".") > _MOST_DOTS for line in data.split(b"\n")):
        return {}
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return {}


def _settings(name: str, project: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the settings of build backends name: folders and dotted names, as they are written."""
    tool = _table(project, "tool")
    setuptools, poetry, wheel = _table(tool, "setuptools"), _table(tool, "poetry"), tool
    for key in ("hatch", "build", "targets", "wheel"):
        wheel = _table(wheel, key)
    yield from _strings(setuptools.get("packages"))
    yield from _strings(setuptools.get("py-modules"))
    yield from _strings(wheel.get("packages"))
    packages = poetry.get("packages")
    for package in packages if isinstance(packages, list) else ():
        yield from _strings(_table({"": package}, "").get("include"))
    yield from _strings(_table(_table(tool, "flit"), "module").get("name"))
    yield from _strings(_table(_table(tool, "flit"), "metadata").get("module"))
    yield from _strings(_table(_table(tool, "uv"), "build-backend").get("module-name"))
    yield from _strings(_table(tool, "maturin").get("module-name"))
    backend = _table(project, "build-system").get("build-backend")
    if isinstance(backend, str) and backend.partition(".")[0] in {"flit_core", "poetry", "hatchling", "uv_build", "pdm"}:
        # Without more words, these take what is called as the project is.
        yield name.replace("-", "_")


def _discovered(files: _Files) -> Iterable[str]:
    """What automatic discovery would find: below `src`, else packages beside the settings, else modules, else namespaces."""
    in_src = tuple(_below(files, b"src/"))
    if in_src:
        return in_src
    folders = [child for child, is_folder in files.children(b"") if is_folder and _text(child) not in _NO_PACKAGES]
    packages = [_text(child) for child in folders if b"." not in child and files.is_package(child + b"/")]
    modules = [_module(child) for child, is_folder in files.children(b"") if not is_folder]
    ways: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: packages,
        lambda: [module for module in modules if module and module not in _NO_MODULES],
        lambda: [
            found for child in folders if not child.startswith(b"_") and b"." not in child for found in _folder(files, child, child + b"/")
        ],
        lambda: _below(files, b"lib/"),
        lambda: _below(files, b"python/"),
    )
    return next((found for way in ways if (found := tuple(filter(_is_name, way())))), ())


def _refined(files: _Files, root: bytes, told: str, *, missing: bool = True) -> Iterator[str]:
    """Yield a module that is named, or those of it where it is a namespace; `missing` where a build may yet make it."""
    path = root + told.replace(".", "/").encode("utf-8", "surrogatepass")
    above = _top_package(files, root, told)
    if above is not None:
        yield above
        return
    found = tuple(_folder(files, told.encode("utf-8", "surrogatepass"), path + b"/"))
    if found:
        yield from found
    elif missing or files.has(path + b".py"):
        yield told


def _top_package(files: _Files, root: bytes, told: str) -> str | None:
    """Return the shortest package that a dotted name is in, or None where there is none among the files."""
    parts = told.split(".")[:_DEEPEST]
    names = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next((name for name in names if files.is_package(root + name.replace(".", "/").encode("utf-8", "surrogatepass") + b"/")), None)


def _below(files: _Files, folder: bytes, above: bytes = b"") -> Iterator[str]:
    """Yield the modules that are in a folder, as they are called below `above`."""
    for child, is_folder in files.children(folder):
        if not is_folder:
            yield from _own(_module(child), above)
        elif b"." not in child:
            yield from _folder(files, above + child, folder + child + b"/")


def _folder(files: _Files, name: bytes, path: bytes) -> Iterator[str]:
    """Yield a package's name, or those of the modules in a namespace."""
    if name.count(b".") > _DEEPEST or not _is_name(_text(name)):
        return
    if files.is_package(path):
        yield _text(name)
    else:
        yield from _below(files, path, name + b".")


def _own(module: str, above: bytes = b"") -> Iterator[str]:
    if module and module != "__init__":
        yield _text(above) + module


def _module(file: bytes) -> str:
    """Return the module that a file is, by its name: Python, or an extension whatever it was built for; empty for anything else."""
    stem, _, ending = file.partition(b".")
    return _text(stem) if ending == b"py" or file.endswith(_EXTENSIONS) else ""


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and all(part.isidentifier() and not iskeyword(part) for part in name.split("."))


def _text(data: bytes) -> str:
    # What is not UTF-8 becomes what no identifier has.
    return data.decode("utf-8", "replace")


def _table(of: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = of.get(key)
    return found if isinstance(found, dict) else {}


def _strings(value: object) -> Iterator[str]:
    values = value if isinstance(value, list) else [value]
    yield from (one for one in values[:MOST_NAMES] if isinstance(one, str) and len(one) <= _LONGEST_NAME)
