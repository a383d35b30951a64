"""The rules that look at the whole tree."""

from collections.abc import Iterable, Sequence

from attrs import evolve

from pydeps_host.archive.folding import ROOT, Tree
from pydeps_host.archive.links import LinkResolver
from pydeps_host.archive.reasons import FlagReason, Refusal, Refused, SkipReason
from pydeps_host.archive.values import Entry, Flag, Kind, Layout, Skip
from pydeps_host.errors import ArchiveError
from pydeps_host.values import escape


def layout(entries: Iterable[Entry], *, strip: bool, filename: str = "archive") -> Layout:
    """Make a tree of entries, in the archive's order.

    A hard link is a copy of the file that came under its target's name before
    it, with that file's mode, as a link on disk would be.

    Args:
        entries: What a reader yielded, with ids in place of content.
        strip: Whether the single top folder, if there is one, is taken off: for
            source distributions (PEP 625), not for wheels.
        filename: The archive's name, for errors.

    Raises:
        ArchiveError: Two entries claim one path with other content or mode, a path
            is a file and a folder, or a symlink could stand where a folder does.
    """
    given = tuple(entries)
    top = _top_folder(given) if strip else b""
    builder = _Builder(top)
    try:
        for entry in given:
            builder.add(entry)
        return builder.finish()
    except Refused as refused:
        place = None if refused.entry is None else escape(refused.entry.decode("utf-8", "surrogateescape"))
        raise ArchiveError(filename, refused.reason.value, refused.detail, place, refused.offset) from refused


def _top_folder(entries: Sequence[Entry]) -> bytes:
    """Return the one folder that everything is in, or nothing."""
    tops = {entry.path.partition(b"/")[0] for entry in entries}
    if len(tops) != 1:
        return b""
    top = tops.pop()
    return top if all(entry.kind is Kind.DIRECTORY or entry.path != top for entry in entries) else b""


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

    def finish(self) -> Layout:
        self._refuse_link_folders()
        self._flag_collisions()
        self._skip_links()
        entries = tuple(sorted(self._entries.values(), key=lambda entry: entry.path))
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
        return evolve(source, path=path, offset=entry.offset)

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
        if present != entry:
            raise Refused(Refusal.DUPLICATE, "two entries of one name, with other content or mode", entry.path, entry.offset)
        self._flags.append(Flag(entry.path, FlagReason.DUPLICATE, entry.offset))

    def _refuse_link_folders(self) -> None:
        folders = {self._tree.twin(node) for node in self._is_folder}
        for node, entry in self._entries.items():
            if entry.kind is Kind.SYMLINK and self._tree.twin(node) in folders:
                raise Refused(Refusal.LINK_AND_FOLDER, "a symlink that some file systems take for a folder", entry.path, entry.offset)

    def _flag_collisions(self) -> None:
        for node in self._tree.nodes():
            if self._tree.twin(node) != node and (node in self._entries or node in self._is_folder):
                entry = self._entries.get(node)
                self._flags.append(Flag(self._tree.path(node), FlagReason.CASE_COLLISION, None if entry is None else entry.offset))

    def _skip_links(self) -> None:
        targets = {node: entry.target or b"" for node, entry in self._entries.items() if entry.kind is Kind.SYMLINK}
        resolver = LinkResolver(self._tree, targets)
        for node in targets:
            reason = resolver.reason(node)
            if reason is not None:
                entry = self._entries.pop(node)
                self._skips.append(Skip(entry.path, reason, entry.offset))


def _moved(entry: Entry, path: bytes) -> Entry:
    return Entry(path, entry.kind, entry.executable, entry.id, entry.target, entry.offset)
