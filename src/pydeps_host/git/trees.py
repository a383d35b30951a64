"""Trees: one folder each, and the writing of a whole hierarchy of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum

from attrs import frozen

from pydeps_host.git.objects import ID_BYTES, Kind, ObjectId, object_id


class Mode(Enum):
    """What an entry of a tree is; the value is what git writes.

    These are all that an archive can bring. A submodule is none of them.
    """

    FILE = b"100644"
    EXECUTABLE = b"100755"
    SYMLINK = b"120000"
    FOLDER = b"40000"


@frozen
class TreeEntry:
    """One line of a tree.

    Attributes:
        mode: What the entry is.
        name: One component of a path.
        id: A blob, or a tree where the mode is `FOLDER`.
    """

    mode: Mode
    name: bytes
    id: ObjectId


EMPTY_TREE = object_id("tree", b"")


def encode_tree(entries: Iterable[TreeEntry]) -> bytes:
    """Return a tree's bytes; the entries may come in any order.

    Raises:
        ValueError: A name is empty, `.` or `..`, has a slash or a NUL, or is there
            twice (a file and a folder cannot share one), or an id has another length.
    """
    folder = _Folder(b"")
    for entry in sorted(entries, key=_sort_key):
        folder.add(entry.mode, entry.name, entry.id)
    return folder.encode()


def decode_tree(data: bytes) -> tuple[TreeEntry, ...]:
    """Read a tree, in git's order.

    Raises:
        ValueError: The bytes are not exactly what `encode_tree` would have written.
    """
    entries = []
    position = 0
    while position < len(data):
        space, nul = data.find(b" ", position), data.find(b"\0", position)
        if not position < space < nul:
            raise ValueError(f"a tree's entry at byte {position} has no mode and name")
        end = nul + 1 + ID_BYTES
        entries.append(TreeEntry(Mode(data[position:space]), data[space + 1 : nul], ObjectId(data[nul + 1 : end])))
        position = end
    if encode_tree(entries) != data:
        raise ValueError("a tree's entries are not in order")
    return tuple(entries)


def write_tree(leaves: Iterable[tuple[bytes, Mode, ObjectId]], add: Callable[[Kind, bytes], ObjectId]) -> ObjectId:
    """Write the trees of a whole hierarchy, each after those below it.

    Folders are implied by the paths. The time is linear in the bytes of the
    paths, and the memory holds one chain of folders from the root down, so
    neither depth nor width is a danger.

    Args:
        leaves: (path, mode, id) of every file and symlink, strictly ascending by
            the path's bytes. Components are parted by single slashes.
        add: Where trees go to, as (kind, bytes); `PackWriter.add` is one.

    Returns:
        The root's id; that of the empty tree where there are no leaves.

    Raises:
        ValueError: The paths do not ascend, one is both a file and a folder, or a
            component is none that a tree can hold.
    """
    chain = [_Folder(b"")]
    folder, previous = chain[0], b""
    for path, mode, leaf in leaves:
        if path <= previous:
            raise ValueError(f"{path!r} comes after {previous!r}, not in ascending order")
        previous = path
        parent, slash, name = path.rpartition(b"/")
        if parent + slash != folder.prefix:
            _descend(chain, parent + slash, add)
            folder = chain[-1]
        folder.add(mode, name, leaf)
    _ascend(chain, b"", add)
    return add("tree", chain[0].encode())


class _Folder:
    """One tree that grows entry by entry, in git's order.

    Ascending paths bring it: git compares a folder's name as if it ended in a
    slash, which is where the paths below it stand among its neighbours.
    """

    __slots__ = ("_lines", "_names", "prefix")

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self._names: list[bytes] = []
        self._lines: list[bytes] = []

    def add(self, mode: Mode, name: bytes, id_: ObjectId) -> None:
        if len(id_) != ID_BYTES:
            raise ValueError(f"an id in a tree has {ID_BYTES} bytes")
        self._names.append(name)
        # Not `value`, which takes ten times as long before Python 3.12, for every entry of every tree.
        self._lines.append(b"%b %b\0%b" % (mode._value_, name, id_))

    def encode(self) -> bytes:
        """Return the tree's bytes, all names and ids checked at one look: one by one they take twice the time."""
        names = set(self._names)
        if len(names) != len(self._names):
            raise ValueError(f"a tree has the name {Counter(self._names).most_common(1)[0][0]!r} twice")
        if not names.isdisjoint(_RESERVED) or (joined := b"".join(names)).find(b"/") >= 0 or joined.find(b"\0") >= 0:
            raise ValueError(f"a tree cannot hold the name {next(name for name in names if _is_bad(name))!r}")
        return b"".join(self._lines)


_RESERVED = frozenset([b"", b".", b".."])


def _descend(chain: list[_Folder], prefix: bytes, add: Callable[[Kind, bytes], ObjectId]) -> None:
    """Close the folders that `prefix` is not in, and open those on the way to it."""
    _ascend(chain, prefix, add)
    while (end := prefix.find(b"/", len(chain[-1].prefix))) >= 0:
        chain.append(_Folder(prefix[: end + 1]))


def _ascend(chain: list[_Folder], prefix: bytes, add: Callable[[Kind, bytes], ObjectId]) -> None:
    while not prefix.startswith(chain[-1].prefix):
        done = chain.pop()
        name = done.prefix[len(chain[-1].prefix) : -1]
        chain[-1].add(Mode.FOLDER, name, add("tree", done.encode()))


def _sort_key(entry: TreeEntry) -> bytes:
    # Git compares a folder's name as if it ended in a slash.
    return entry.name + b"/" if entry.mode is Mode.FOLDER else entry.name


def _is_bad(name: bytes) -> bool:
    return name in _RESERVED or b"/" in name or b"\0" in name
