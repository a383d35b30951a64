"""Whether everything that an object names is there, and of the right kind."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from pydeps_host.errors import DamagedError, DiskError
from pydeps_host.git.commits import decode_commit, decode_tag
from pydeps_host.git.objects import Kind, ObjectId
from pydeps_host.git.pack_check import Fault, check_pack
from pydeps_host.git.pack_index import PackIndex
from pydeps_host.git.trees import Mode, decode_tree

_KINDS: Final[tuple[Kind, ...]] = ("commit", "tree", "blob", "tag")
# Where a pack is gone, nearly everything is missing.
_MOST_FAULTS: Final = 20
_Links = Iterable[tuple[ObjectId, Kind]]


class PacksCheck:
    """Checks packs, and then knows the kind of every object in them.

    Every object is read as this library writes it, and all that it names must be
    in one of the packs: so whatever can be reached from a reference is there. In
    packs of this library an object comes after those that it names, and memory
    holds a byte an object beside the indexes; in packs of git's it comes before,
    and memory holds what was named and not yet seen.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[PackIndex, bytearray]] = []
        # What was named before it was seen: the kind that it must have, and who named it.
        self._awaited: dict[ObjectId, tuple[Kind, ObjectId]] = {}
        self._of_another_kind: list[tuple[ObjectId, Kind, ObjectId]] = []

    def check(self, packs: Iterable[Path]) -> Iterator[Fault]:
        """Check packs, each with its index; the links last.

        Args:
            packs: All packs of a repository.

        Yields:
            What is wrong.
        """
        folder = Path()
        for path in packs:
            folder = path.parent
            self._open(path.with_suffix(".idx"))
            yield from check_pack(path, self._look)
        for id_, (kind, by) in islice(self._awaited.items(), _MOST_FAULTS):
            yield Fault(folder, f"{kind} {id_.hex()} is in no sound pack, and {by.hex()} names it", id_.hex())
        for id_, kind, by in self._of_another_kind[:_MOST_FAULTS]:
            yield Fault(folder, f"{by.hex()} takes {id_.hex()} for a {kind}", by.hex())

    def kind_of(self, id_: ObjectId) -> Kind | None:
        """Return the kind of an object that was found sound, or None."""
        for index, kinds in self._seen:
            place = index.place(id_)
            if place is not None and kinds[place]:
                return _KINDS[kinds[place] - 1]
        return None

    def _open(self, path: Path) -> None:
        try:
            index = PackIndex.open(path)
        except (DamagedError, DiskError):
            # `check_pack` tells.
            return
        self._seen.append((index, bytearray(len(index))))

    def _look(self, id_: ObjectId, kind: Kind, data: bytes | None, /) -> None:
        self._record(id_, kind)
        if data is None:
            return
        for named, wanted in _LINKS[kind](data):
            found = self.kind_of(named)
            if found is None:
                self._awaited.setdefault(named, (wanted, id_))
            elif found != wanted:
                raise ValueError(f"it takes the {found} {named.hex()} for a {wanted}")

    def _record(self, id_: ObjectId, kind: Kind) -> None:
        for index, kinds in self._seen:
            place = index.place(id_)
            if place is not None:
                kinds[place] = _KINDS.index(kind) + 1
        wanted, by = self._awaited.pop(id_, (kind, id_))
        if wanted != kind:
            self._of_another_kind.append((id_, wanted, by))


def _of_commit(data: bytes) -> _Links:
    commit = decode_commit(data)
    return [(commit.tree, "tree"), *((parent, "commit") for parent in commit.parents)]


def _of_tree(data: bytes) -> _Links:
    return [(entry.id, "tree" if entry.mode is Mode.FOLDER else "blob") for entry in decode_tree(data)]


def _of_tag(data: bytes) -> _Links:
    tag = decode_tag(data)
    return [(tag.object, tag.kind)]


def _of_blob(_: bytes) -> _Links:
    return ()


_LINKS: Final[dict[Kind, Callable[[bytes], _Links]]] = {"commit": _of_commit, "tree": _of_tree, "tag": _of_tag, "blob": _of_blob}
