"""All objects of one repository."""

import errno
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pydeps_host.errors import DamagedError, DiskError, disk_errors
from pydeps_host.git.commits import Commit, Tag, decode_commit, decode_tag
from pydeps_host.git.objects import Kind, ObjectId
from pydeps_host.git.pack_reader import MAX_BYTES, PackReader
from pydeps_host.git.trees import TreeEntry, decode_tree

_Value = TypeVar("_Value")


class ObjectDatabase:
    """The packs of a repository's `objects` folder; a context manager that closes them.

    Only packs are read: everything that this library publishes is in one, and so
    is what git's own maintenance leaves. A pack counts once its index is there too.
    Reading may be done by several threads, refreshing and closing not at the same time.
    """

    def __init__(self, objects: Path) -> None:
        """Look at the packs that are there.

        Raises:
            DiskError: The folder or an index cannot be read.
            DamagedError: An index is none.
        """
        self._folder = objects / "pack"
        self._packs: dict[str, PackReader] = {}
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def packs(self) -> tuple[PackReader, ...]:
        """The packs as of the last look, by name."""
        return tuple(self._packs.values())

    def has(self, id_: ObjectId) -> bool:
        """Say whether an object is in one of the packs, by their indexes."""
        for pack in self._packs.values():  # noqa: SIM110  # a generator costs more than the look-up itself
            if id_ in pack.index:
                return True
        return False

    def read(self, id_: ObjectId, *, max_bytes: int = MAX_BYTES) -> tuple[Kind, bytes]:
        """Return an object as (kind, data), its bytes checked against its id.

        Args:
            id_: The object.
            max_bytes: The most that it, and everything that it is a delta of, may have.

        Raises:
            DiskError: A pack cannot be read.
            DamagedError: The object is in no pack, or its pack is broken, or it is larger.
        """
        for pack in self._packs.values():
            found = pack.read(id_, max_bytes=max_bytes)
            if found is not None:
                return found
        raise self._damaged(id_, "it is in no pack")

    def commit(self, id_: ObjectId) -> Commit:
        """Return a commit; raises as `read` does, also where it is no commit that is written here."""
        return self._decoded(id_, "commit", decode_commit)

    def tag(self, id_: ObjectId) -> Tag:
        """Return an annotated tag; raises as `read` does, also where it is no tag that is written here."""
        return self._decoded(id_, "tag", decode_tag)

    def tree(self, id_: ObjectId) -> tuple[TreeEntry, ...]:
        """Return a folder's entries; raises as `read` does, also where it is no tree that is written here."""
        return self._decoded(id_, "tree", decode_tree)

    def refresh(self) -> None:
        """Take up packs that appeared since, and let go of those that are gone.

        Raises:
            DiskError: The folder or an index cannot be read.
            DamagedError: An index is none.
        """
        with disk_errors(self._folder, "listing"):
            names = {path.name for path in self._folder.iterdir()}
        stems = {name.removesuffix(".idx") for name in names if name.startswith("pack-") and name.endswith(".idx")}
        present = sorted(stem for stem in stems if f"{stem}.pack" in names)
        for gone in self._packs.keys() - present:
            self._packs.pop(gone).close()
        for stem in present:
            if stem not in self._packs:
                self._take_up(stem)

    def close(self) -> None:
        """Close all packs."""
        while self._packs:
            self._packs.popitem()[1].close()

    def _take_up(self, stem: str) -> None:
        try:
            self._packs[stem] = PackReader(self._folder / f"{stem}.pack")
        except DiskError as error:
            # Superseded and deleted since the folder was listed.
            if error.errno != errno.ENOENT:
                raise

    def _decoded(self, id_: ObjectId, kind: Kind, decode: Callable[[bytes], _Value]) -> _Value:
        found, data = self.read(id_)
        if found != kind:
            raise self._damaged(id_, f"it is a {found}, not a {kind}")
        try:
            return decode(data)
        except ValueError as error:
            raise self._damaged(id_, str(error)) from None

    def _damaged(self, id_: ObjectId, detail: str) -> DamagedError:
        return DamagedError(str(self._folder), f"object {id_.hex()}: {detail}")
