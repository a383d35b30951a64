"""Which entries of an archive are taken: the rules that look at one entry alone."""

import re

from pydeps_host.archive.budget import Budget
from pydeps_host.archive.gitfiles import gitattributes_is_safe, gitmodules_is_safe
from pydeps_host.archive.names import (
    has_bidirectional,
    is_reserved,
    spells_dot_git,
    spells_gitattributes,
    spells_gitmodules,
    spells_lfsconfig,
)
from pydeps_host.archive.reasons import FlagReason, Refusal, Refused, SkipReason
from pydeps_host.archive.values import DIRECTORY, FILE, Flag, Kind, Skip

# A name that no rule below has anything against: printable ASCII without the signs
# that Windows forbids, no component that begins with a dot, ends with a dot or a
# space, or is a device of Windows. Nineteen names in twenty are such, and need no
# closer look.
_PLAIN_COMPONENT = rb"(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./ ]|\Z))[\w+=,@()[\]{}!#%&'^`;-][\w.+=,@()[\]{}!#%&'^`; -]*+(?<![. ])"
_PLAIN = re.compile(rb"(?:" + _PLAIN_COMPONENT + rb"(?:/|\Z))++\Z")
_PLAIN_NAME = re.compile(_PLAIN_COMPONENT + rb"\Z")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROL_BYTES = re.compile(rb"[\x00-\x1f\x7f]")
_DRIVE = re.compile(rb"[A-Za-z]:")


class Gate:
    """Admits entries one by one, and records those that it skips or flags.

    Args:
        budget: Charged for every name.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        # The folder of the last file whose path was plain, with the slash: what follows tends to lie beside it.
        self._beside = b""
        self._short = budget.limits.component_bytes
        self.skips: list[Skip] = []
        self.flags: list[Flag] = []

    def admit(self, raw: bytes, kind: Kind, offset: int) -> bytes | None:
        """Return the path that an entry has in the tree, or None where it is skipped.

        The path of the root itself (`./`) is empty. A file's path that is plain is `raw` itself, and
        `content_reason` has nothing against it. `offset` is where the entry begins.

        Raises:
            Refused: The name is none at all, is a folder's on an entry that is no
                folder, or passes a limit.
        """
        self._budget.name(raw)
        if kind is FILE and raw.startswith(self._beside) and _PLAIN_NAME.match(raw, len(self._beside)) is not None:
            if len(raw) > self._short:
                self._budget.component(len(raw) - len(self._beside))
            return raw
        path = raw
        folder = kind is DIRECTORY
        if _PLAIN.match(raw) is None:
            reason, path = self._examine(raw, kind, offset)
            if reason is not None:
                self.skip(raw, reason, offset)
                return None
        elif kind is FILE:
            self._beside = raw[: raw.rfind(b"/") + 1]
        if path.endswith(b"/"):
            if not folder:
                raise Refused(Refusal.NAME_TRAILING_SLASH, "a name with a slash at its end is not a folder's")
            path = path[:-1]
        self._budget.place(path, folder=folder)
        return path

    def skip(self, raw: bytes, reason: SkipReason, offset: int) -> None:
        """Record an entry that is left out."""
        self.skips.append(Skip(raw, reason, offset))

    def _examine(self, raw: bytes, kind: Kind, offset: int) -> tuple[SkipReason | None, bytes]:
        check_name(raw)
        reason = _form(raw)
        if reason is not None:
            return reason, raw
        parts = _parts(raw)
        reason = _spelling(parts, kind)
        if reason is not None:
            return reason, raw
        self._flag(raw, parts, offset)
        slash = "/" if raw.endswith((b"/", b"/.")) and parts else ""
        return None, ("/".join(parts) + slash).encode() or b"/"

    def _flag(self, raw: bytes, parts: list[str], offset: int) -> None:
        if any(map(is_reserved, parts)):
            self.flags.append(Flag(raw, FlagReason.RESERVED_NAME, offset))
        if any(map(has_bidirectional, parts)):
            self.flags.append(Flag(raw, FlagReason.BIDIRECTIONAL, offset))


def path_in_tree(raw: bytes) -> tuple[SkipReason | None, bytes]:
    """Return the path that a hard link's text names, or why it can name none."""
    if _PLAIN.match(raw) is not None and not raw.endswith(b"/"):
        return None, raw
    if raw.endswith((b"/", b"/.")):
        # The name of a folder, which has no hard links.
        return SkipReason.HARD_LINK_MISSING, raw
    reason = _form(raw)
    return reason, raw if reason is not None else "/".join(_parts(raw)).encode()


def check_name(raw: bytes) -> None:
    """Check that an entry's name is one.

    Raises:
        Refused: It is none, or ends early for some readers.
    """
    if b"\0" in raw:
        raise Refused(Refusal.NAME_NUL, "a name with a NUL in it ends there for some readers")
    # A lone `.` for a folder is written by no common tool, which all write `./`.
    if raw in {b"", b"."}:
        raise Refused(Refusal.NAME_EMPTY, "an entry without a name")


def plain(raw: bytes) -> bytes:
    """Return a path without what does not move it: `.` and empty components."""
    return b"/".join(part for part in raw.split(b"/") if part not in {b"", b"."})


def written_as(skip: Skip) -> frozenset[bytes]:
    """Return the paths under which programs that do not leave a skipped entry out may write it.

    They leave out of its name what they object to: `..`, control characters, a
    root; they take a backslash for a slash, and a name without an encoding for
    one in the code page of DOS.
    """
    bare = _CONTROL_BYTES.sub(b"", skip.path.replace(b"\\", b"/"))
    found = {plain(skip.path), b"/".join(part for part in bare.split(b"/") if part not in {b"", b".", b".."})}
    if skip.reason == SkipReason.NO_UTF8_FLAG:
        found.add(plain(skip.path.decode("cp437").encode()))
    return frozenset(found)


def climbs(raw: bytes) -> bool:
    """Tell whether a path is absolute or has a `..` in it, for any reader."""
    return raw.startswith((b"/", b"\\")) or _DRIVE.match(raw) is not None or b".." in raw.replace(b"\\", b"/").split(b"/")


def content_reason(path: bytes, content: bytes | None) -> SkipReason | None:
    """Return why a file is left out for what is in it, or None.

    Args:
        path: As `Gate.admit` gave it.
        content: Its bytes, or None where they are too many to be looked at.
    """
    if b"/." not in path and not path.startswith(b".") and b"~" not in path and path.isascii():
        return None
    text = path.rpartition(b"/")[2].decode()
    if spells_gitmodules(text) and (content is None or not gitmodules_is_safe(content)):
        return SkipReason.GITMODULES
    if spells_gitattributes(text) and (content is None or not gitattributes_is_safe(content)):
        return SkipReason.GITATTRIBUTES
    return None


def link_text_reason(target: bytes) -> SkipReason | None:
    """Return why no link may have this text, whatever the tree around it; None where one may."""
    if not target:
        return SkipReason.LINK_EMPTY
    # PATH_MAX of Linux, less the byte that ends a string.
    if len(target) > 4095:
        return SkipReason.LINK_TOO_LONG
    reason = _form(target, climbing=True)
    if reason is SkipReason.ABSOLUTE:
        return SkipReason.LINK_ABSOLUTE
    return SkipReason.LINK_TEXT if reason is not None else None


def _parts(raw: bytes) -> list[str]:
    return [part for part in raw.decode().split("/") if part not in {"", "."}]


def _form(raw: bytes, *, climbing: bool = False) -> SkipReason | None:
    if raw.startswith(b"/") or _DRIVE.match(raw):
        return SkipReason.ABSOLUTE
    if b"\\" in raw:
        return SkipReason.BACKSLASH
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return SkipReason.NOT_UTF8
    if _CONTROL.search(text):
        return SkipReason.CONTROL
    return SkipReason.DOT_DOT if not climbing and ".." in text.split("/") else None


def _spelling(parts: list[str], kind: Kind) -> SkipReason | None:
    # Whatever is taken for one of git's files begins with a dot or has a tilde in it, but for what HFS+ ignores.
    if all(part.isascii() and not part.startswith(".") and "~" not in part for part in parts):
        return None
    if any(map(spells_dot_git, parts)):
        return SkipReason.DOT_GIT
    if any(map(spells_lfsconfig, parts)):
        return SkipReason.LFSCONFIG
    # fsck wants a file of its own under these names: no folder, and no link to who knows what.
    folders = parts if kind is Kind.DIRECTORY else parts[:-1]
    last = parts[-1:] if kind in {Kind.SYMLINK, Kind.HARDLINK} else []
    if any(map(spells_gitmodules, folders + last)):
        return SkipReason.GITMODULES
    if any(map(spells_gitattributes, folders if kind is Kind.SYMLINK else folders + last)):
        return SkipReason.GITATTRIBUTES
    return None
