"""Where everything is in a store.

| place | what |
|---|---|
| `<namespace>/<name>.git` | repositories, for everybody to read |
| `.pydeps-host/format.json` | the store's format number |
| `.pydeps-host/unborn/` | repositories with nothing published yet |
| `.pydeps-host/damaged/` | damaged repositories that were repaired, as they were |
| `.pydeps-host/repairing/`, `.pydeps-host/repaired/` | repositories that are built anew |
| `.pydeps-host/pruned/` | repositories that nothing claimed, while they are removed |
| `.pydeps-host/spool/` | downloaded files that wait to be published |
| `.pydeps-host/pages/` | index pages, kept to ask whether they changed |
| `.pydeps-host/asked/` | which versions `ensure` was asked for, and when last |
| `.pydeps-host/locks/` | locks on names that have no repository yet |
"""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from attrs import field, frozen
from packaging.utils import InvalidName, canonicalize_name

from pydeps_host.errors import UsageError
from pydeps_host.values import shown

_OURS: Final = ".pydeps-host"
# With what is put to it, a name stays within the 255 bytes that file systems allow.
_LONGEST_NAME: Final = 200


# Without slots, for these paths are joined once: they are asked for again and again for each project of a sync.
@frozen(slots=False)
class Places:
    """The paths of one store.

    Attributes:
        root: The store's folder.
        namespace: The folder below it that holds the repositories.
    """

    root: Path
    namespace: str
    _ours: dict[str, Path] = field(factory=dict, init=False, eq=False, repr=False)

    @cached_property
    def repositories(self) -> Path:
        """The folder of the repositories."""
        return self.root / self.namespace

    @cached_property
    def format(self) -> Path:
        """The store's format number."""
        return self.root / _OURS / "format.json"

    @cached_property
    def pages(self) -> Path:
        """The folder of kept index pages."""
        return self.root / _OURS / "pages"

    def ours(self, what: str) -> Path:
        """The folder of something that is kept apart for each namespace."""
        if what not in self._ours:
            self._ours[what] = self.root / _OURS / what / self.namespace
        return self._ours[what]

    def repository(self, name: str) -> Path:
        """Where the repository of a project is, or would be.

        Raises:
            UsageError: The name is no project's, or longer than 200 characters.
        """
        return self.repositories / f"{_normalized(name)}.git"

    def unborn(self, name: str) -> Path:
        """Where a project's repository is while nothing is published in it."""
        return self.ours("unborn") / f"{_normalized(name)}.git"

    def spool(self, name: str) -> Path:
        """The folder of a project's files that wait to be published."""
        return self.ours("spool") / _normalized(name)

    def lock(self, name: str) -> Path:
        """The lock over what happens to a project's repository as a whole."""
        return self.ours("locks") / f"{_normalized(name)}.lock"


@lru_cache(256)
def _normalized(name: str) -> str:
    try:
        normalized = canonicalize_name(name, validate=True)
    except InvalidName:
        raise UsageError(f"{shown(name)!r} is no project's name", "use letters, digits, `.`, `_` and `-`") from None
    if len(normalized) > _LONGEST_NAME:
        raise UsageError(f"{shown(name)!r} is too long for a project's name", f"use {_LONGEST_NAME} characters at most")
    return normalized
