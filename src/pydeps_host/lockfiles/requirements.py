"""`requirements.txt`, and what it includes by `-r` and `-c`.

Variables are never expanded, URLs never opened; both are reported. What is
included lies in the file's own folder or tree.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from attrs import define, evolve, field, frozen
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from pydeps_host.dependency import Dependency
from pydeps_host.errors import DependencyError, LockfileError
from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.parsing import decode
from pydeps_host.lockfiles.requirement_lines import Line, lines_of
from pydeps_host.lockfiles.taking import Taking, digests_of
from pydeps_host.lockfiles.tree import Tree
from pydeps_host.lockfiles.values import LockLimits, NamedIndex, masked

_URL = re.compile(
    r"(?:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*@\s*)?(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?.*", re.DOTALL
)
_VCS = re.compile(r"(git|hg|svn|bzr)(\+.*)?", re.IGNORECASE)
_PATH = re.compile(
    r"[./~\\]|[A-Za-z]:[\\/]|[^;@\[=<>!~\s]*[/\\]|[^;@\s]+\.(whl|zip|tgz|tar|tar\.(gz|bz2|xz|lzma|Z))(\s|;|$)", re.IGNORECASE
)
# Markers that tools write have a few hundred.
_LONGEST: Final = 8192
_REMEDY: Final = "see pip's documentation of the requirements file format"


@frozen
class _Requirement:
    """A requirement, or a constraint, and where it stands."""

    dependency: Dependency
    place: str


@define
class _Read:
    """What was read of a file and of those that it includes."""

    taking: Taking
    limits: LockLimits
    bytes_left: int
    requirements: list[_Requirement] = field(factory=list)
    constraints: dict[NormalizedName, list[_Requirement]] = field(factory=dict)
    index: NamedIndex | None = None
    more_indexes: list[NamedIndex] = field(factory=list)
    no_index: bool = False
    seen: set[tuple[str, bool]] = field(factory=set)
    lines: int = 0


@frozen
class _Here:
    """The file that is being read, and the way to it.

    Attributes:
        way: The files that lead here, this one last.
        constrains: Whether its requirements only narrow others.
        top: What errors call the first file.
    """

    tree: Tree
    way: tuple[PurePosixPath, ...]
    constrains: bool
    top: str

    def place(self, line: Line) -> str:
        """Where a line stands, as seen from the first file."""
        return f"line {line.number}" if len(self.way) == 1 else f"{masked(str(self.way[-1]))}, line {line.number}"

    def fault(self, line: Line, message: str, remedy: str = _REMEDY, *, reason: str = "malformed") -> LockfileError:
        """Return the error that a line deserves, to be raised."""
        return LockfileError(self.top, self.place(line), reason, message, remedy)


def read_requirements(text: str, tree: Tree, path: PurePosixPath, *, limits: LockLimits) -> Taking:
    """Take the requirements of a file and of those that it includes.

    Args:
        text: The file's text.
        tree: Where the files that it includes are.
        path: Where in it the file is.
        limits: What is enforced.

    Raises:
        LockfileError: A line is none of a requirements file, an included file cannot be read or includes itself, or a limit is passed.
    """
    read = _Read(Taking(), limits, limits.file_bytes - len(text))
    _read(text, _Here(tree, (path,), constrains=False, top=tree.name_of(path)), read)
    indexes = _indexes(read)
    for requirement in read.requirements:
        for dependency in _constrained(requirement, read):
            read.taking.take(dependency, requirement.place, indexes)
    read.taking.indexes.update(dict.fromkeys([*([read.index] if read.index else []), *read.more_indexes]))
    return read.taking


def _read(text: str, here: _Here, read: _Read) -> None:
    for line in lines_of(text):
        read.lines += 1
        if read.lines > read.limits.entries:
            raise here.fault(line, f"more than {read.limits.entries} lines are not read", reason="limit")
        try:
            options = list(line.options())
        except ValueError as problem:
            raise here.fault(line, masked(str(problem))) from None
        if line.requirement:
            _requirement(line, options, here, read)
        else:
            _options(line, options, here, read)


def _requirement(line: Line, options: list[tuple[str, str]], here: _Here, read: _Read) -> None:
    place, head = here.place(line), line.requirement
    if len(head) > _LONGEST:
        raise here.fault(line, f"a requirement has more than {_LONGEST} characters", reason="limit")
    if line.names_variable:
        read.taking.leave(place, "variable", line.text)
        return
    unknown = next((value for kind, value in options if kind not in {"hash", "other"}), None)
    if unknown is not None:
        raise here.fault(line, f"{masked(unknown)!r} is no option of a requirement")
    reason = _elsewhere(head)
    if reason is not None:
        read.taking.leave(place, reason, head)
        return
    digests = digests_of(Member(value, here.top, place) for kind, value in options if kind == "hash")
    requirement = _Requirement(evolve(_parsed(head, line, here), hashes=tuple(sorted(digests)), notices=()), place)
    if here.constrains:
        read.constraints.setdefault(requirement.dependency.name, []).append(requirement)
    else:
        read.requirements.append(requirement)


def _parsed(head: str, line: Line, here: _Here) -> Dependency:
    try:
        return Dependency.parse(head)
    except DependencyError as error:
        problem = error.problem
    raise here.fault(line, f"{masked(head)!r} {problem.message}", problem.remedy)


def _elsewhere(head: str) -> str | None:
    """Return why a requirement is none of an index, or None."""
    url = _URL.fullmatch(head)
    if url is not None and (url["slashes"] or url["name"] or _VCS.fullmatch(url["scheme"]) or url["scheme"].lower() == "file"):
        if _VCS.fullmatch(url["scheme"]):
            return "vcs"
        return "path" if url["scheme"].lower() == "file" else "url"
    return "path" if _PATH.match(head) else None


def _options(line: Line, options: list[tuple[str, str]], here: _Here, read: _Read) -> None:
    place = here.place(line)
    for kind, value in options:
        if kind in {"requirement", "constraint"}:
            _include(value, line, evolve(here, constrains=here.constrains or kind == "constraint"), read)
        elif kind == "editable":
            reason = "variable" if line.names_variable else "vcs" if _elsewhere(value) == "vcs" else "path"
            read.taking.leave(place, reason, f"-e {value}")
        elif kind == "index-url":
            read.index = NamedIndex.of(value)
        elif kind in {"extra-index-url", "find-links"}:
            read.more_indexes.append(NamedIndex.of(value))
        elif kind == "no-index":
            read.no_index = True
        elif kind != "other":
            # Those of later releases of pip: what they mean for the lines after them is not known.
            read.taking.leave(place, "option", line.text)
            return


def _include(value: str, line: Line, here: _Here, read: _Read) -> None:
    place = here.place(line)
    if line.names_variable:
        read.taking.leave(place, "variable", line.text)
        return
    path = _inside(here.way[-1].parent, value) if "://" not in value and not value.startswith("file:") else None
    if path is None:
        read.taking.leave(place, "include", value)
        return
    if path in here.way:
        raise here.fault(line, f"{masked(str(path))} includes itself")
    if len(here.way) > read.limits.includes:
        raise here.fault(line, f"more than {read.limits.includes} files include one another", reason="limit")
    if (str(path), here.constrains) in read.seen:
        return
    read.seen.add((str(path), here.constrains))
    data = here.tree.read(path, max_bytes=read.bytes_left, asked_by=here.fault(line, f"{masked(value)} is not read"))
    read.bytes_left -= len(data)
    _read(decode(data, here.top, f"{masked(str(path))}, "), evolve(here, way=(*here.way, path)), read)


def _inside(folder: PurePosixPath, value: str) -> PurePosixPath | None:
    """Return where a relative path leads in a tree; None where it leads out of it."""
    parts: list[str] = []
    if value.startswith(("/", "~")) or "\\" in value:
        return None
    for part in (*folder.parts, *value.split("/")):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return PurePosixPath(*parts) if parts else None


def _indexes(read: _Read) -> tuple[NamedIndex, ...]:
    """Return the indexes that everything comes from; none where pip would ask its default one, too."""
    if read.index is None and not read.no_index:
        return ()
    named = [*([read.index] if read.index is not None and not read.no_index else []), *read.more_indexes]
    return tuple(dict.fromkeys(named))


def _constrained(requirement: _Requirement, read: _Read) -> Iterator[Dependency]:
    """Yield what constraints leave of a requirement: one dependency each where they differ, as by their markers."""
    asked = requirement.dependency
    constraints = read.constraints.get(asked.name)
    if not constraints:
        yield asked
        return
    found = [narrowed for one in constraints if (narrowed := _narrowed(asked, one.dependency)) is not None]
    if not found:
        excluded = ", ".join(f"{one.dependency.name}{one.dependency.specifier} ({one.place})" for one in constraints[:3])
        read.taking.leave(requirement.place, "contradiction", f"{asked.name}{asked.specifier}, constrained to {excluded}")
    yield from dict.fromkeys(found)


def _narrowed(asked: Dependency, constraint: Dependency) -> Dependency | None:
    hashes = set(asked.hashes or constraint.hashes)
    if asked.hashes and constraint.hashes:
        hashes = set(asked.hashes) & set(constraint.hashes)
        if not hashes:
            return None
    pinned = next((one for one in (asked, constraint) if one.is_pin), None)
    if pinned is None:
        specifier = str(SpecifierSet(asked.specifier) & SpecifierSet(constraint.specifier))
    else:
        other = constraint if pinned is asked else asked
        try:
            fits = SpecifierSet(other.specifier).contains(pinned.pinned_text or "", prereleases=True)
        except ValueError:
            # A number in it has more digits than Python reads.
            fits = False
        if not fits:
            return None
        specifier = pinned.specifier
    return evolve(asked, specifier=specifier, hashes=tuple(sorted(hashes)))
