"""Files, folders and repositories to lock files."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from attrs import evolve, frozen

from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles.folder import FolderTree, read_regular
from pydeps_host.lockfiles.git_objects import Objects
from pydeps_host.lockfiles.git_repository import References, git_folder, root_tree
from pydeps_host.lockfiles.git_tree import GitTree
from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.parsing import decode, parse_json, parse_toml
from pydeps_host.lockfiles.pdm import read_pdm
from pydeps_host.lockfiles.pipfile import read_pipfile
from pydeps_host.lockfiles.poetry import read_poetry
from pydeps_host.lockfiles.pylock import read_pylock
from pydeps_host.lockfiles.requirements import read_requirements
from pydeps_host.lockfiles.taking import Taking
from pydeps_host.lockfiles.tree import Tree
from pydeps_host.lockfiles.uv import read_uv
from pydeps_host.lockfiles.values import Format, Lockfile, LockLimits

_READERS: Final[dict[Format, Callable[[Member, Taking], str]]] = {
    Format.POETRY: read_poetry,
    Format.PIPFILE: read_pipfile,
    Format.UV: read_uv,
    Format.PDM: read_pdm,
    Format.PYLOCK: read_pylock,
}
_DEFAULT: Final = LockLimits()


@frozen
class Reading:
    """What was found at one place.

    Attributes:
        place: The file, the folder, or the repository and its revision, as it was given.
        lockfiles: Those that were read, in the order of their paths.
        errors: Why each other one could not be read, in the same order; their `path` names it.
    """

    place: str
    lockfiles: tuple[Lockfile, ...]
    errors: tuple[LockfileError, ...] = ()


def read_lockfile(path: str | os.PathLike[str], *, limits: LockLimits = _DEFAULT) -> Lockfile:
    """Read one lock file: `poetry.lock`, `Pipfile.lock`, `uv.lock`, `pdm.lock`, `pylock.toml` or a requirements file.

    What it is, is told by its content; the name counts where the content does not
    tell. Nothing is asked of any index, and nothing beside the file is read, save
    what a requirements file includes from its own folder.

    Args:
        path: The file.
        limits: What is enforced.

    Raises:
        LockfileError: It cannot be read, is malformed, of a newer major version of its format, or larger than the limits allow.
    """
    file = Path(path)
    tree = FolderTree(file.parent, limits)
    problem = LockfileError(os.fspath(file), "", "unreadable", "")
    try:
        data = read_regular(file.resolve(strict=True), problem, max_bytes=limits.file_bytes)
    except (OSError, RuntimeError, ValueError) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise LockfileError(os.fspath(file), "", "unreadable", f"it cannot be read: {said}", "check its path and permissions") from None
    return _read(data, tree, PurePosixPath(file.name), limits)


def read_lockfiles(place: str | os.PathLike[str], *, limits: LockLimits = _DEFAULT) -> Reading:
    """Read every lock file at a place.

    Args:
        place: A file; a folder, in which they are looked for all the way down; or a git repository, bare or
            not, with the revision to read and, if need be, a file or folder in it: `repo.git@main`,
            `repo.git@v1.0:backend`. A bare repository alone is read at its HEAD.
        limits: What is enforced.

    Raises:
        LockfileError: The place itself cannot be read. What is wrong with one lock file of several is in `errors`.
    """
    text = os.fspath(place)
    try:
        return _read_place(text, limits)
    except OSError as error:
        # A folder that is closed to us, or a name that is too long for the system.
        problem = error.strerror or str(error)
        raise LockfileError(text, "", "unreadable", problem, "name a place that can be read") from None


def _read_place(text: str, limits: LockLimits) -> Reading:
    repository = _repository(text)
    if repository is not None:
        return _read_repository(text, *repository, limits)
    path = Path(text)
    if not path.is_dir():
        return Reading(text, (read_lockfile(path, limits=limits),))
    return _read_all(text, FolderTree(path, limits), PurePosixPath(), limits)


def _repository(text: str) -> tuple[Path, str, str] | None:
    """Return (folder, revision, path in it) where a place is in a repository."""
    if os.path.lexists(text):
        bare = git_folder(Path(text))
        return (Path(text), "HEAD", "") if bare == Path(text) else None
    for at in (position for position, character in enumerate(text) if character == "@"):
        folder = Path(text[:at])
        if at and folder.is_dir():
            revision, _, path = text[at + 1 :].partition(":")
            return folder, revision, path
    return None


def _read_repository(text: str, folder: Path, revision: str, path: str, limits: LockLimits) -> Reading:
    with _opened(text, folder, revision, limits) as tree:
        inside = PurePosixPath(*(part for part in path.split("/") if part not in {"", "."}))
        if ".." in inside.parts:
            raise LockfileError(text, "", "unreadable", "the path leads out of the repository", "name a file or a folder in it")
        return _read_all(text, tree, inside, limits)


@contextmanager
def _opened(text: str, folder: Path, revision: str, limits: LockLimits) -> Iterator[GitTree]:
    git = git_folder(folder)
    if git is None:
        raise LockfileError(
            text, "", "unreadable", "there is no git repository", "name a bare repository, or a folder that has a .git folder"
        )
    name = f"{folder}@{revision}"
    with Objects(git / "objects", name, limits) as objects:
        yield GitTree(objects, root_tree(objects, References(git, name).resolve(revision), name), name, limits)


def _read_all(text: str, tree: Tree, inside: PurePosixPath, limits: LockLimits) -> Reading:
    found = list(tree.find(inside))
    if len(found) > limits.files:
        raise LockfileError(text, "", "limit", f"it has {len(found)} lock files, {limits.files} are allowed", "name a smaller folder")
    lockfiles, errors = [], []
    bytes_left, entries_left = limits.all_bytes, limits.all_entries
    for path in found:
        if bytes_left < 0 or entries_left < 0:
            raise LockfileError(text, "", "limit", "its lock files have too many bytes or entries together", "name a smaller folder")
        try:
            data = tree.read(path, max_bytes=limits.file_bytes)
            bytes_left -= len(data)
            lockfiles.append(_read(data, tree, path, limits))
            entries_left -= len(lockfiles[-1].entries) + len(lockfiles[-1].left_out)
        except LockfileError as error:
            # What is wrong with an object of a repository is told of the file that needed it.
            errors.append(evolve(error, path=tree.name_of(path)))
    return Reading(text, tuple(lockfiles), tuple(errors))


def _read(data: bytes, tree: Tree, path: PurePosixPath, limits: LockLimits) -> Lockfile:
    name = tree.name_of(path)
    text = decode(data, name)
    found = _told(text, path.name, name, limits)
    if found is None:
        kind, version, taking = Format.REQUIREMENTS, "", read_requirements(text, tree, path, limits=limits)
    else:
        kind, root = found
        taking = Taking()
        version = _READERS[kind](root, taking)
    count = len(taking.entries) + len(taking.left_out)
    if count > limits.entries:
        raise LockfileError(name, "", "limit", f"it has {count} entries, {limits.entries} are allowed")
    return Lockfile(
        path=name, format=kind, version=version, entries=taking.once(), left_out=tuple(taking.left_out), indexes=tuple(taking.indexes)
    )


def _told(text: str, filename: str, name: str, limits: LockLimits) -> tuple[Format, Member] | None:
    """Tell what a file is, and parse it; None for requirements."""
    if text.lstrip().startswith("{") or filename.endswith("Pipfile.lock"):
        return Format.PIPFILE, Member(parse_json(text, name, limits), name)
    by_name = _by_name(filename)
    try:
        data = parse_toml(text, name, limits)
    except LockfileError:
        if by_name is not Format.REQUIREMENTS:
            raise
        return None
    kind = _by_content(data) or by_name
    if kind is None:
        message = "this is TOML, and no lock file that is known"
        raise LockfileError(name, "", "unknown-format", message, f"known are {', '.join(one.value for one in Format)}")
    return None if kind is Format.REQUIREMENTS else (kind, Member(data, name))


def _by_content(data: dict[str, object]) -> Format | None:
    metadata = data.get("metadata")
    if "lock-version" in data:
        return Format.PYLOCK
    if isinstance(metadata, dict) and "lock_version" in metadata:
        return Format.PDM
    if isinstance(metadata, dict) and ("lock-version" in metadata or "content-hash" in metadata):
        return Format.POETRY
    if "version" in data and "requires-python" in data:
        return Format.UV
    return None


def _by_name(filename: str) -> Format | None:
    """What a file would be by its name; requirements where no other format has the name's ending."""
    named = next((kind for kind in Format if filename.endswith(kind.value)), None)
    if named is not None:
        return named
    if filename.startswith("pylock.") and filename.endswith(".toml"):
        return Format.PYLOCK
    return None if filename.endswith((".toml", ".lock")) else Format.REQUIREMENTS
