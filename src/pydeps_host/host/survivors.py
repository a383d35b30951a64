"""What is still sound in the packs of a damaged repository."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pydeps_host.errors import DamagedError, DiskError
from pydeps_host.git import Commit, Kind, ObjectId, PackReader, PackWriter, Tag, decode_commit, decode_tag, decode_tree, parse_id
from pydeps_host.repository import VersionRow


class Survivors:
    """The objects that can still be read; each is hashed again, so what comes out is what was written."""

    def __init__(self, folder: Path) -> None:
        """Open the packs of a folder, but those whose index cannot be read."""
        self._packs: list[PackReader] = []
        for path in sorted(folder.glob("pack-*.pack")):
            with suppress(DamagedError, DiskError):
                self._packs.append(PackReader(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pack in self._packs:
            pack.close()

    def commit(self, id_: str) -> Commit | None:
        """Return a commit, or None where it cannot be read."""
        with suppress(ValueError):
            found = self._read(parse_id(id_))
            if found is not None and found[0] == "commit":
                return decode_commit(found[1])
        return None

    def tag(self, id_: str) -> Tag | None:
        """Return an annotated tag, or None where it cannot be read."""
        with suppress(ValueError):
            found = self._read(parse_id(id_))
            if found is not None and found[0] == "tag":
                return decode_tag(found[1])
        return None

    def copy(self, row: VersionRow, into: PackWriter) -> bool:
        """Copy a version's commit, everything below it, and its tags.

        Returns:
            Whether all of it was there; otherwise nothing is copied.

        Raises:
            DiskError: The pack cannot be written.
        """
        mark = into.mark()
        roots = [row.commit or "", *(tag.id for tag in row.tags)]
        try:
            whole = self._copy([parse_id(root) for root in roots], into)
        except ValueError:
            whole = False
        if not whole:
            into.rollback(mark)
        return whole

    def _copy(self, roots: list[ObjectId], into: PackWriter) -> bool:
        left, done = list(roots), set(roots)
        while left:
            id_ = left.pop()
            found = self._read(id_)
            if found is None:
                return False
            into.add(*found)
            below = set(_named(*found)) - done
            done |= below
            left += sorted(below)
        return True

    def _read(self, id_: ObjectId) -> tuple[Kind, bytes] | None:
        for pack in self._packs:
            with suppress(DamagedError, DiskError):
                found = pack.read(id_)
                if found is not None:
                    return found
        return None


def _named(kind: Kind, data: bytes) -> Iterable[ObjectId]:
    if kind == "commit":
        return [decode_commit(data).tree]
    if kind == "tree":
        return [entry.id for entry in decode_tree(data)]
    return [decode_tag(data).object] if kind == "tag" else []
