"""A revision of somebody else's git repository, by name: references to a commit, and to its root folder.

What a name means is told by gitrevisions(7). Read are HEAD, loose references and
`packed-refs`; no configuration.
"""

import os
import re
from pathlib import Path
from typing import Final

from pydeps_host.errors import LockfileError
from pydeps_host.git import Kind, ObjectId, parse_id
from pydeps_host.lockfiles.folder import read_regular
from pydeps_host.lockfiles.git_objects import Objects
from pydeps_host.values import shown

_ID = re.compile("[0-9a-f]{40}")
_IN_ORDER: Final = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_MOST_LINKS: Final = 5
_MOST_REFERENCE_BYTES: Final = 4096
_MOST_PACKED_BYTES: Final = 256 * 1024 * 1024
_REMEDY: Final = "name a branch, a tag, HEAD or a whole id of 40 digits"
# What git-check-ref-format(1) forbids, and a name of a file that is none of a reference.
_BAD_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|(^|/)\.|\.lock(/|$)")


def git_folder(path: Path) -> Path | None:
    """Return the folder of the repository at `path`: itself where it is bare, or its `.git`; None where there is none."""
    for folder in (path, path / ".git"):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


class References:
    """The references of one repository."""

    def __init__(self, folder: Path, name: str) -> None:
        """Take the repository's folder, and what errors call it."""
        self._folder = folder
        self._name = name

    def resolve(self, revision: str) -> ObjectId:
        """Return the id that a revision names.

        Raises:
            LockfileError: It names none, or a reference is broken.
        """
        if _ID.fullmatch(revision):
            return parse_id(revision)
        for form in _IN_ORDER:
            name = form.format(revision)
            if not _BAD_NAME.search(name) and (name.startswith("refs/") or name.replace("_", "").isupper()):
                found = self._follow(name)
                if found is not None:
                    return found
        raise self._fault(f"there is no revision {shown(revision)!r}", _REMEDY)

    def _follow(self, name: str) -> ObjectId | None:
        for _ in range(_MOST_LINKS):
            text = self._loose(name)
            if text is None:
                text = self._packed(name)
            if text is None:
                return None
            if not text.startswith("ref:"):
                break
            name = text.removeprefix("ref:").strip()
            if _BAD_NAME.search(name) or not name.startswith("refs/"):
                raise self._fault(f"a reference leads to {shown(name)!r}, which is none")
        else:
            raise self._fault(f"the reference {shown(name)!r} leads from one to the next")
        if not _ID.fullmatch(text):
            raise self._fault(f"the reference {shown(name)!r} holds no id of SHA-1")
        return parse_id(text)

    def _loose(self, name: str) -> str | None:
        path = self._folder / name
        try:
            if not path.resolve().is_relative_to(self._folder.resolve()) or not path.is_file():
                return None
            data = read_regular(path, self._fault(f"the reference {shown(name)!r}"), max_bytes=_MOST_REFERENCE_BYTES)
        except (OSError, RuntimeError, ValueError):
            return None
        return data.decode("utf-8", "replace").strip()

    def _packed(self, name: str) -> str | None:
        path = self._folder / "packed-refs"
        if not path.is_file():
            return None
        try:
            data = read_regular(path, self._fault("packed-refs"), max_bytes=_MOST_PACKED_BYTES)
        except OSError as problem:
            raise self._fault(f"packed-refs: {problem.strerror or problem}") from None
        found = re.search(rb"^(\S{1,100}) %b$" % re.escape(os.fsencode(name)), data, re.MULTILINE)
        return None if found is None else found[1].decode("ascii", "replace")

    def _fault(self, message: str, remedy: str = "look at it with `git fsck`") -> LockfileError:
        return LockfileError(self._name, "", "repository", message, remedy)


def root_tree(objects: Objects, id_: ObjectId, name: str) -> ObjectId:
    """Return the root folder of what a revision names: of a commit, by as many tags as git itself will follow, or a tree.

    Raises:
        LockfileError: It leads to no folder.
    """
    kind: Kind = "tag"
    for _ in range(_MOST_LINKS + 1):
        kind, data = objects.read(id_)
        if kind == "tree":
            return id_
        word = {"commit": b"tree", "tag": b"object"}.get(kind)
        found = re.match(rb"%b ([0-9a-f]{40})\n" % word, data) if word is not None else None
        if found is None:
            break
        id_ = parse_id(found[1].decode())
    raise LockfileError(name, f"object {id_.hex()}", "repository", f"this {kind} leads to no folder", _REMEDY)
