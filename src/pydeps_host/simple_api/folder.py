"""A folder on disk as an index (`file://`).

Two layouts: a folder for each project, with `index.json`, `index.html` or just
files in it; or one flat folder of files. Nothing outside the folder is read,
whatever links lead there.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from attrs import evolve, frozen
from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.errors import TooLargeError
from pydeps_host.simple_api.entries import OddEntryError, Skips, check_count, check_filename
from pydeps_host.simple_api.filenames import Distribution, read_filename
from pydeps_host.simple_api.page import parse_project
from pydeps_host.simple_api.project import File, Project
from pydeps_host.values import Limits, Outcome, Tried, Url, shown

Answered = TypeVar("Answered")

_PAGES: Final = (("index.json", "application/json"), ("index.html", "text/html"))


def ask_folder(index: Url, name: NormalizedName, limits: Limits) -> Project | Tried:
    """Look for a project in a folder.

    A folder that is not there, or cannot be read, may be a share that is not
    mounted: that is `UNAVAILABLE`, and lets no other index be asked.

    Raises:
        PageError: An `index.json` or `index.html` is none.
        TooLargeError: It, or the number of files, is over a limit.
    """
    page = index.child(name)
    try:
        root = os.path.realpath(path_of(index), strict=True)
        return _search(_Look(root, page, name, limits))
    except (OSError, ValueError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else "its path is none"
        return Tried(page, Outcome.UNAVAILABLE, shown(f"the folder cannot be read: {said}"))


def path_of(url: Url) -> str:
    """Return the path on disk that a `file://` URL means."""
    return unquote(url.path, errors="surrogateescape")


@frozen
class _Look:
    """What is looked for, and where: `root` has no symbolic link in it."""

    root: str
    page: Url
    name: NormalizedName
    limits: Limits


def _search(look: _Look) -> Project | Tried:
    folders = _project_folders(look)
    if not folders:
        project = _listed(look, look.root, flat=True)
        if project.files or project.skipped:
            return project
        return Tried(look.page, Outcome.ABSENT, "neither a folder nor a file of that name")
    inside = [folder for folder in map(os.path.realpath, folders) if _is_below(folder, look.root)]
    if not inside:
        return Tried(look.page, Outcome.MALFORMED, "the project's folder lies outside the index's folder")
    return _merged([_read_folder(look, folder) for folder in inside])


def _project_folders(look: _Look) -> list[str]:
    """The project's folder in the normalised spelling, else those in any other."""
    exact = Path(look.root, look.name)
    if exact.is_dir():
        return [str(exact)]
    with os.scandir(look.root) as entries:
        return sorted(entry.path for entry in entries if canonicalize_name(entry.name) == look.name and entry.is_dir())


def _read_folder(look: _Look, folder: str) -> Project:
    for filename, content_type in _PAGES:
        page = Path(folder, filename)
        if page.is_file() and _is_below(os.path.realpath(page), look.root):
            body, url = _read_page(page, look), _url_of(str(page), look.page)
            project = parse_project(body, content_type=content_type, url=url, name=look.name, limits=look.limits)
            return _with_files_inside(look, project)
    return _listed(look, folder, flat=False)


def _read_page(page: Path, look: _Look) -> bytes:
    with page.open("rb") as file:
        body = file.read(look.limits.page_bytes + 1)
    if len(body) > look.limits.page_bytes:
        raise TooLargeError(str(look.page), "page_bytes", look.limits.page_bytes)
    return body


def _with_files_inside(look: _Look, project: Project) -> Project:
    """Keep what lies in the index's folder, links resolved, and tell its size."""
    skips = Skips()
    files = []
    for file in project.files:
        try:
            path, size = _checked(path_of(file.url), look.root)
            files.append(evolve(file, url=_url_of(path, look.page), size=size if file.size is None else file.size))
        except OddEntryError as odd:
            skips.add(file.filename, odd.reason)
    return evolve(project, url=look.page, files=tuple(files), skipped=project.skipped + skips.all)


def _listed(look: _Look, folder: str, *, flat: bool) -> Project:
    """Take a folder's files as the project's; of a flat folder those that bear its name."""
    files = []
    skips = Skips()
    for count, entry in enumerate(_files_of(folder, look.name if flat else None), 1):
        check_count(count, look.limits, look.page)
        try:
            check_filename(entry.name)
            path, size = _checked(entry.path, look.root)
            files.append(File(entry.name, _url_of(path, look.page), size=size))
        except OddEntryError as odd:
            skips.add(entry.name, odd.reason)
    return Project(look.name, look.page, tuple(sorted(files, key=lambda file: file.filename)), skipped=skips.all)


def _files_of(folder: str, name: NormalizedName | None) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False) and (name is None or _bears(entry.name, name)):
                yield entry


def _bears(filename: str, name: NormalizedName) -> bool:
    """Whether a file of a flat folder is the project's: `foo-bar-1.0.tar.gz` is not foo's."""
    # Cheap first: a flat folder may hold a hundred thousand files.
    if filename[:1].lower() != name[0]:
        return False
    found = read_filename(filename, name)
    return isinstance(found, Distribution) and (found.version is not None or found.text[0].isdigit())


def _checked(path: str, root: str) -> tuple[str, int]:
    """Return a file's real path and its size.

    Raises:
        OddEntryError: `outside` or `not-a-file`.
    """
    real = _asked(os.path.realpath, path)
    if not _is_below(real, root):
        raise OddEntryError("outside")
    status = _asked(os.lstat, real)
    if not stat.S_ISREG(status.st_mode):
        raise OddEntryError("not-a-file")
    return real, status.st_size


def _asked(ask: Callable[[str], Answered], path: str) -> Answered:
    """Ask the system about a path; a page may name one that no system takes, such as one with a NUL."""
    try:
        return ask(path)
    except (OSError, ValueError):
        raise OddEntryError("not-a-file") from None


def _is_below(real: str, root: str) -> bool:
    return real.startswith(root.rstrip("/") + "/")


def _url_of(path: str, page: Url) -> Url:
    return Url(page.origin, quote(os.fsencode(path)))


def _merged(projects: list[Project]) -> Project:
    """Join the folders of one project; of two files of one name the first counts."""
    files = {file.filename: file for project in reversed(projects) for file in project.files}
    ordered = sorted(files.values(), key=lambda file: file.filename) if len(projects) > 1 else projects[0].files
    return evolve(projects[0], files=tuple(ordered), skipped=tuple(entry for project in projects for entry in project.skipped))
