"""The rules that look at the whole tree."""

from collections import deque
from collections.abc import Iterable
from itertools import chain
from operator import attrgetter

from pydeps_host.archive.folding import ROOT, Tree, fold
from pydeps_host.archive.links import LinkResolver
from pydeps_host.archive.policy import written_as
from pydeps_host.archive.reasons import FlagReason, Refusal, Refused, SkipReason
from pydeps_host.archive.values import DIRECTORY, FILE, Entry, Flag, Kind, Layout, Skip
from pydeps_host.errors import ArchiveError
from pydeps_host.values import escape

# How many bytes of folders' paths are kept at most to find out that a tree is plain.
_SPELLED_BYTES = 4 * 1024 * 1024

_path = attrgetter("path")


def layout(entries: Iterable[Entry], *, strip: bool, filename: str = "archive", left_out: Iterable[Skip] = ()) -> Layout:
    """Make a tree of entries, in the archive's order.

    A hard link is a copy of the file that came under its target's name before
    it, with that file's mode, as a link on disk would be.

    Args:
        entries: What a reader yielded, with ids in place of content.
        strip: Whether the single top folder, if there is one, is taken off: for
            source distributions (PEP 625), not for wheels.
        filename: The archive's name, for errors.
        left_out: What the reader skipped; looked at once the entries are through.

    Raises:
        ArchiveError: Two entries claim one path with other content or mode, or one of
            the two is left out; a path is a file and a folder; or a symlink could
            stand where a folder does.
    """
    given = deque(entries)
    top = _top_folder(given) if strip else b""
    if _is_plain(given) and not (left_out := tuple(left_out)):
        return _plain_layout(given, top)
    builder = _Builder(top)
    try:
        # One entry after the other is let go, where nobody else holds it: the tree has its own.
        while given:
            builder.add(given.popleft())
        return builder.finish(left_out)
    except Refused as refused:
        place = None if refused.entry is None else escape(refused.entry.decode("utf-8", "surrogateescape"))
        raise ArchiveError(filename, refused.reason.value, refused.detail, place, refused.offset) from refused


def _top_folder(entries: Iterable[Entry]) -> bytes:
    """Return the one folder that everything is in, or nothing."""
    top = next((entry.path.partition(b"/")[0] for entry in entries), b"")
    below = top + b"/"
    for entry in entries:
        if not entry.path.startswith(below) and not (entry.path == top and entry.kind is DIRECTORY):
            return b""
    return top


def _is_plain(entries: Iterable[Entry]) -> bool:
    """Tell whether no rule of the whole tree has anything to say: files and folders alone, each path one to every file system.

    Nearly every archive is such. False may also mean that it would take much
    memory to find out.
    """
    folders = {b""}
    folded: set[int] = set()
    paths = spelled = 0
    for entry in entries:
        above = path = entry.path
        if entry.kind is FILE:
            paths += 1
            folded.add(hash(fold(path)))
            above = path.rpartition(b"/")[0]
        elif entry.kind is not DIRECTORY:
            return False
        while above not in folders:
            paths += 1
            folded.add(hash(fold(above)))
            folders.add(above)
            # Every ancestor of every path, spelled out, would be quadratic in the depth.
            spelled += len(above)
            above = above.rpartition(b"/")[0]
        if spelled > _SPELLED_BYTES:
            return False
    # Two that are one path, or fold to one, are missing here; as are two that share 64 bits by chance.
    return len(folded) == paths


def _plain_layout(entries: deque[Entry], top: bytes) -> Layout:
    begin = len(top) + 1 if top else 0
    files: list[Entry] = []
    while entries:
        entry = entries.popleft()
        if entry.kind is FILE:
            files.append(_moved(entry, entry.path[begin:]))
    files.sort(key=_path)
    return Layout(tuple(files), stripped=top)


class _Builder:
    """A tree that grows by one entry after another."""

    def __init__(self, top: bytes) -> None:
        self._top = top
        self._tree = Tree()
        self._folders: dict[bytes, int] = {b"": ROOT}
        self._is_folder: set[int] = {ROOT}
        self._entries: dict[int, Entry] = {}
        self._skips: list[Skip] = []
        self._flags: list[Flag] = []

    def add(self, entry: Entry) -> None:
        path = self._strip(entry.path)
        if not path:
            return
        if entry.kind is Kind.DIRECTORY:
            self._folder(path, entry.offset)
            return
        above, _, name = path.rpartition(b"/")
        node = self._tree.add(self._folder(above, entry.offset), name)
        placed = self._copy(entry, path) if entry.kind is Kind.HARDLINK else _moved(entry, path)
        if placed is not None:
            self._place(node, placed)

    def finish(self, left_out: Iterable[Skip]) -> Layout:
        self._refuse_left_out(left_out)
        self._refuse_link_folders()
        self._flag_collisions()
        self._skip_links()
        entries = tuple(sorted(self._entries.values(), key=_path))
        return Layout(entries, tuple(self._skips), tuple(self._flags), self._top)

    def _strip(self, path: bytes) -> bytes:
        if not self._top:
            return path
        return path[len(self._top) + 1 :] if path.startswith(self._top + b"/") else b""

    def _folder(self, path: bytes, offset: int | None) -> int:
        known = self._folders.get(path)
        if known is not None:
            return known
        node = ROOT
        for part in path.split(b"/"):
            node = self._tree.add(node, part)
            if node in self._entries:
                raise Refused(Refusal.FILE_AND_FOLDER, "one name for a folder and for something else", path, offset)
            self._is_folder.add(node)
        self._folders[path] = node
        return node

    def _copy(self, entry: Entry, path: bytes) -> Entry | None:
        source = self._entries.get(self._node(self._strip(entry.target or b"")))
        if source is None:
            self._skips.append(Skip(path, SkipReason.HARD_LINK_MISSING, entry.offset))
            return None
        if source.kind is not Kind.FILE:
            # GNU tar links to the symlink, CPython to where it leads.
            self._skips.append(Skip(path, SkipReason.HARD_LINK_KIND, entry.offset))
            return None
        return source._replace(path=path, offset=entry.offset)

    def _node(self, path: bytes) -> int:
        above, _, name = path.rpartition(b"/")
        folder = self._folders.get(above)
        return ROOT if folder is None or not name else self._tree.exact(folder, name)

    def _place(self, node: int, entry: Entry) -> None:
        if node in self._is_folder:
            raise Refused(Refusal.FILE_AND_FOLDER, "one name for a folder and for something else", entry.path, entry.offset)
        present = self._entries.setdefault(node, entry)
        if present is entry:
            return
        if present._replace(offset=entry.offset) != entry:
            raise Refused(Refusal.DUPLICATE, "two entries of one name, with other content or mode", entry.path, entry.offset)
        self._flags.append(Flag(entry.path, FlagReason.DUPLICATE, entry.offset))

    def _refuse_left_out(self, left_out: Iterable[Skip]) -> None:
        # Whoever extracts an archive has the later one of two entries, whatever it is.
        beside = ((self._strip(path), skip) for skip in left_out for path in written_as(skip))
        for path, skip in chain(beside, ((skip.path, skip) for skip in self._skips)):
            node = self._node(path)
            # A folder's name without the UTF-8 flag may be that of one which others have with it.
            folder = node != ROOT and node in self._is_folder and skip.reason != SkipReason.NO_UTF8_FLAG
            if folder or node in self._entries:
                raise Refused(Refusal.DUPLICATE, "an entry that is left out has the name of one that is kept", path, skip.offset)

    def _refuse_link_folders(self) -> None:
        twin = self._tree.twin
        links = [(twin(node), entry) for node, entry in self._entries.items() if entry.kind is Kind.SYMLINK]
        taken = {node for node, _ in links}.intersection(map(twin, self._is_folder))
        for node, entry in links:
            if node in taken:
                raise Refused(Refusal.LINK_AND_FOLDER, "a symlink that some file systems take for a folder", entry.path, entry.offset)

    def _flag_collisions(self) -> None:
        for node in self._tree.nodes():
            if self._tree.twin(node) == node:
                continue
            entry = self._entries.get(node)
            if entry is not None:
                self._flags.append(Flag(entry.path, FlagReason.CASE_COLLISION, entry.offset))
            elif node in self._is_folder and self._begins_collision(node):
                self._flags.append(Flag(self._tree.path(node), FlagReason.CASE_COLLISION, None))

    def _begins_collision(self, folder: int) -> bool:
        # Folders below it collide as well, and to tell the path of each would be quadratic in the depth.
        above = self._tree.parent(folder)
        return self._tree.twin(above) == above

    def _skip_links(self) -> None:
        targets = {node: entry.target or b"" for node, entry in self._entries.items() if entry.kind is Kind.SYMLINK}
        resolver = LinkResolver(self._tree, targets)
        for node in targets:
            reason = resolver.reason(node)
            if reason is not None:
                entry = self._entries.pop(node)
                self._skips.append(Skip(entry.path, reason, entry.offset))


def _moved(entry: Entry, path: bytes) -> Entry:
    return entry if path is entry.path else Entry(path, entry.kind, entry.executable, entry.id, entry.target, entry.offset)
