"""The packs of a batch, and whether a change needs them."""

from collections.abc import Callable, Iterable

from pydeps_host.errors import UsageError
from pydeps_host.git import FinishedPack, ObjectId, PackIndex
from pydeps_host.repository.history import HistoryCommit
from pydeps_host.repository.rows import VersionRow


class Incoming:
    """Finished packs that are not published yet, beside those that are.

    Attributes:
        packs: The packs.
        is_needed: Whether anything was asked for so far that is in them alone.
    """

    def __init__(self, packs: tuple[FinishedPack, ...], known: Callable[[ObjectId], bool]) -> None:
        self.packs = packs
        self.is_needed: bool = False
        self._known = known
        self._indexes: list[PackIndex] | None = None

    def require(self, rows: Iterable[VersionRow]) -> None:
        """Require the objects that published rows name.

        Raises:
            UsageError: One is in no pack at all.
        """
        for row in rows:
            for id_ in named_objects(row) if row.is_published else ():
                if not self._has(id_):
                    message = f"object {id_.hex()} of version {row.text!r} is in no pack"
                    raise UsageError(message, "write a version's objects before adding it")

    def missing(self, history: Iterable[HistoryCommit]) -> tuple[HistoryCommit, ...]:
        """Return the commits that are in no pack at all."""
        return tuple(commit for commit in history if not self._has(commit.id))

    def _has(self, id_: ObjectId) -> bool:
        if self._known(id_):
            return True
        if self._indexes is None:
            self._indexes = [PackIndex.open(pack.index_path) for pack in self.packs]
        found = any(id_ in index for index in self._indexes)
        self.is_needed |= found
        return found


def named_objects(row: VersionRow) -> tuple[ObjectId, ...]:
    """Return the ids of the objects that a row names: the commit, its tree where that is told, and each tag."""
    texts = (row.commit or "", *([row.tree] if row.tree is not None else []), *(tag.id for tag in row.tags))
    return tuple(ObjectId(bytes.fromhex(text)) for text in texts)
