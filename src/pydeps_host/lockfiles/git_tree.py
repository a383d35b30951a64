"""A revision of a git repository as a tree of lock files; every file is read by its object."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from attrs import define, evolve, field

from pydeps_host.errors import LockfileError
from pydeps_host.git import ObjectId
from pydeps_host.git.objects import ID_BYTES
from pydeps_host.lockfiles.git_objects import Objects
from pydeps_host.lockfiles.tree import ENVIRONMENT_MARK, is_lockfile, is_skipped
from pydeps_host.lockfiles.values import LockLimits

_FOLDER: Final = b"40000"
_FILES: Final = frozenset({b"100644", b"100755", b"100664"})


class _Entry(NamedTuple):
    mode: bytes
    id: ObjectId


@define
class GitTree:
    """Files below the root folder of one revision.

    Attributes:
        objects: The repository's objects.
        root: The folder's id.
        name: The repository and the revision, for errors.
        limits: What is enforced.
    """

    objects: Objects
    root: ObjectId
    name: str
    limits: LockLimits
    _folders: dict[ObjectId, dict[str, _Entry]] = field(factory=dict)
    _found: dict[tuple[ObjectId, int], tuple[int, tuple[PurePosixPath, ...]]] = field(factory=dict)

    def name_of(self, path: PurePosixPath) -> str:
        """Return the revision and the path."""
        return f"{self.name}:{path}"

    def read(self, path: PurePosixPath, *, max_bytes: int, asked_by: LockfileError | None = None) -> bytes:
        """Return a file's bytes; see `Tree.read`."""
        problem = asked_by if asked_by is not None else LockfileError(self.name_of(path), "", "unreadable", "it is not read")
        entry = self._entry(path)
        if entry is None:
            raise evolve(problem, message=f"{problem.message}: there is no such file in this revision", remedy="check its path")
        if entry.mode not in _FILES:
            raise evolve(problem, message=f"{problem.message}: it is no regular file", remedy="name the file itself")
        kind, data = self.objects.read(entry.id)
        if kind != "blob":
            raise evolve(problem, message=f"{problem.message}: its object is a {kind}", remedy="look at the repository with `git fsck`")
        if len(data) > max_bytes:
            raise evolve(problem, reason="limit", message=f"it has more than {max_bytes} bytes")
        return data

    def find(self, inside: PurePosixPath) -> Iterator[PurePosixPath]:
        """Yield the lock files below a folder; see `Tree.find`."""
        entry = self._entry(inside)
        if entry is None:
            message = "there is no such file or folder in this revision"
            raise LockfileError(self.name_of(inside), "", "unreadable", message, "check its path")
        if entry.mode != _FOLDER:
            yield inside
            return
        _, found = self._below(entry.id, self.limits.depth)
        yield from sorted(inside / path for path in found)

    def _entry(self, path: PurePosixPath) -> _Entry | None:
        entry = _Entry(_FOLDER, self.root)
        for part in path.parts:
            found = self._folder(entry.id).get(part) if entry.mode == _FOLDER else None
            if found is None:
                return None
            entry = found
        return entry

    def _below(self, folder: ObjectId, depth: int) -> tuple[int, tuple[PurePosixPath, ...]]:
        """Return how many entries are below a folder, and its lock files' paths from there.

        Each folder is gone through once: in a repository, the same one may stand in a million places.
        """
        if (folder, depth) in self._found:
            return self._found[folder, depth]
        entries = self._folder(folder)
        visited, paths = len(entries), []
        for name, entry in entries.items():
            if entry.mode == _FOLDER and depth > 0 and not is_skipped(name):
                more, below = self._below(entry.id, depth - 1)
                visited += more
                # A folder's own mark passes it over as a whole.
                if ENVIRONMENT_MARK not in self._folder(entry.id):
                    paths += [PurePosixPath(name) / path for path in below]
            elif entry.mode in _FILES and is_lockfile(name):
                paths.append(PurePosixPath(name))
            if visited > self.limits.visited:
                raise LockfileError(self.name, "", "limit", f"more than {self.limits.visited} files and folders are not looked at")
            if len(paths) > self.limits.files:
                raise LockfileError(self.name, "", "limit", f"it has more than {self.limits.files} lock files", "name a smaller folder")
        self._found[folder, depth] = visited, tuple(paths)
        return self._found[folder, depth]

    def _folder(self, id_: ObjectId) -> dict[str, _Entry]:
        if id_ not in self._folders:
            kind, data = self.objects.read(id_)
            if kind != "tree":
                raise self._fault(id_, f"a folder is a {kind}")
            self._folders[id_] = dict(self._entries(id_, data))
        return self._folders[id_]

    def _entries(self, id_: ObjectId, data: bytes) -> Iterator[tuple[str, _Entry]]:
        position = 0
        while position < len(data):
            space = data.find(b" ", position)
            nul = data.find(b"\0", max(space, position))
            end = nul + 1 + ID_BYTES
            name = data[space + 1 : nul]
            if not position < space < nul or end > len(data) or b"/" in name or name in {b"", b".", b".."}:
                raise self._fault(id_, f"a folder's entry at byte {position} is none")
            yield name.decode("utf-8", "surrogateescape"), _Entry(data[position:space], ObjectId(data[nul + 1 : end]))
            position = end

    def _fault(self, id_: ObjectId, message: str) -> LockfileError:
        return LockfileError(self.name, f"object {id_.hex()}", "repository", message, "look at it with `git fsck`")
