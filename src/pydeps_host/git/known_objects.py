"""Objects that need not be written again."""

import errno
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from pydeps_host.errors import DiskError
from pydeps_host.git.objects import ObjectId
from pydeps_host.git.pack_index import PackIndex


class KnownObjects:
    """Says whether an object is in one of some packs.

    Of a repository only packs that its journal names count. One that a dead process
    left behind may be removed at any time, so nothing may rest on it. Their indexes
    are read with the first question.
    """

    def __init__(self, folder: Path | str, names: Iterable[str]) -> None:
        self._folder = folder
        self._names = sorted(names)

    @cached_property
    def _indexes(self) -> list[PackIndex]:
        opened = (_open_index(Path(self._folder, f"{name}.idx")) for name in self._names)
        return [index for index in opened if index is not None]

    def __call__(self, id_: ObjectId, /) -> bool:
        """Return whether the object is in one of the packs.

        Raises:
            DamagedError, DiskError: An index cannot be read.
        """
        for place, index in enumerate(self._indexes):
            if id_ in index:
                # Neighbours tend to be in one pack.
                self._indexes.insert(0, self._indexes.pop(place))
                return True
        return False


def _open_index(path: Path) -> PackIndex | None:
    try:
        return PackIndex.open(path)
    except DiskError as error:
        # Somebody repacked the repository by hand: its objects are written anew.
        if error.errno == errno.ENOENT:
            return None
        raise
