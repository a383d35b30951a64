"""One tree of names, and what file systems that fold names make of it."""

import unicodedata
from collections.abc import Iterator

ROOT = 0


class Tree:
    """Names as nodes: each component of each path once, so that nothing is quadratic in depth.

    A node is a number; `ROOT` is the tree itself. Beside the tree as it is
    stands the folded one, where names that are one to a file system that
    ignores case (or Unicode's forms of one character) are one.
    """

    def __init__(self) -> None:
        self._children: dict[tuple[int, bytes], int] = {}
        self._parents = [ROOT]
        self._names = [b""]
        self._folded: list[tuple[int, str]] = [(ROOT, "")]
        self._classes: dict[tuple[int, str], int] = {(ROOT, ""): ROOT}

    def add(self, parent: int, name: bytes) -> int:
        """Return the node of a name in a folder, made where there is none."""
        key = (parent, name)
        node = self._children.get(key)
        if node is None:
            node = len(self._names)
            self._children[key] = node
            self._parents.append(parent)
            self._names.append(name)
            folded = (self.twin(parent), _fold(name))
            self._folded.append(folded)
            self._classes.setdefault(folded, node)
        return node

    def exact(self, parent: int, name: bytes) -> int:
        """Return the node of the very name in a folder, or the root where there is none."""
        return self._children.get((parent, name), ROOT)

    def find(self, parent: int, name: bytes) -> int | None:
        """Return the node that a file system finds under a name: that of the very name, else the first that folds to it."""
        node = self._children.get((parent, name))
        return node if node is not None else self._classes.get((self.twin(parent), _fold(name)))

    def twin(self, node: int) -> int:
        """Return the first node that a folding file system takes for this one; the node itself where it is the first."""
        return self._classes[self._folded[node]]

    def parent(self, node: int) -> int:
        """Return the folder that a node is in; the root is in itself."""
        return self._parents[node]

    def path(self, node: int) -> bytes:
        """Return a node's path."""
        parts = []
        while node != ROOT:
            parts.append(self._names[node])
            node = self._parents[node]
        return b"/".join(reversed(parts))

    def nodes(self) -> Iterator[int]:
        """Yield every node but the root, folders before what is in them."""
        return iter(range(1, len(self._names)))


def _fold(name: bytes) -> str:
    text = name.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
