"""One tree of names, and what file systems that fold names make of it."""

import unicodedata
from array import array
from collections.abc import Iterator

ROOT = 0
_NUMBER_BYTES = 4


class Tree:
    """Names as nodes: each component of each path once, so that nothing is quadratic in depth.

    A node is a number; `ROOT` is the tree itself. Beside the tree as it is
    stands the folded one, where names that are one to a file system that
    ignores case (or Unicode's forms of one character) are one.
    """

    def __init__(self) -> None:
        # Keys in one piece and numbers in arrays, because a tree has up to 400,000 nodes.
        self._nodes: dict[bytes, int] = {}
        self._keys = [b""]
        self._parents = array("I", [ROOT])
        self._twins = array("I", [ROOT])
        # The first node of each folded name, of those that are not spelled as they fold: those are found as children.
        self._folded: dict[bytes, int] = {}

    def add(self, parent: int, name: bytes) -> int:
        """Return the node of a name in a folder, made where there is none."""
        key = _key(parent, name)
        node = self._nodes.get(key)
        if node is None:
            node = len(self._keys)
            folded = _key(self._twins[parent], fold(name))
            first = self._first(folded)
            self._nodes[key] = node
            if folded != key:
                self._folded.setdefault(folded, node)
            self._keys.append(key)
            self._parents.append(parent)
            self._twins.append(node if first is None else first)
        return node

    def exact(self, parent: int, name: bytes) -> int:
        """Return the node of the very name in a folder, or the root where there is none."""
        return self._nodes.get(_key(parent, name), ROOT)

    def find(self, parent: int, name: bytes) -> int | None:
        """Return the node that a file system finds under a name: that of the very name, else the first that folds to it."""
        node = self._nodes.get(_key(parent, name))
        return node if node is not None else self._first(_key(self._twins[parent], fold(name)))

    def twin(self, node: int) -> int:
        """Return the first node that a folding file system takes for this one; the node itself where it is the first."""
        return self._twins[node]

    def parent(self, node: int) -> int:
        """Return the folder that a node is in; the root is in itself."""
        return self._parents[node]

    def path(self, node: int) -> bytes:
        """Return a node's path."""
        parts = []
        while node != ROOT:
            parts.append(self._keys[node][_NUMBER_BYTES:])
            node = self._parents[node]
        return b"/".join(reversed(parts))

    def nodes(self) -> Iterator[int]:
        """Yield every node but the root, folders before what is in them."""
        return iter(range(1, len(self._keys)))

    def _first(self, folded: bytes) -> int | None:
        """Return the first node of a folded name: nodes are numbered as they come."""
        spelled, other = self._nodes.get(folded), self._folded.get(folded)
        if spelled is None or other is None:
            return other if spelled is None else spelled
        return min(spelled, other)


def _key(parent: int, name: bytes) -> bytes:
    return parent.to_bytes(_NUMBER_BYTES, "big") + name


def fold(name: bytes) -> bytes:
    """Return what a file system that ignores case and Unicode's forms makes of a name, or of a whole path: of each name in it."""
    if name.isascii():
        return name.lower()
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).encode("utf-8", "surrogateescape")
