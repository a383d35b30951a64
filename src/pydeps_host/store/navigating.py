"""From an import to the project that provides it."""

from collections.abc import Mapping
from types import MappingProxyType

from pydeps_host.repository import Repository, newest_first


def modules_in(repository: Repository) -> Mapping[str, tuple[str, ...]]:
    """Return the modules that published versions provide, each with those versions, the newest first.

    Versions that were made before their modules were told are not among them.

    Raises:
        StoreError: The repository cannot be read.
    """
    found: dict[str, list[str]] = {}
    rows = repository.rows()
    for text in newest_first(text for text, row in rows.items() if row.is_published):
        for module in rows[text].modules or ():
            found.setdefault(module, []).append(text)
    return MappingProxyType({module: tuple(found[module]) for module in sorted(found)})


def provides(provided: str, module: str) -> bool:
    """Say whether a module is one that is provided, or in a package that is."""
    return module == provided or module.startswith(f"{provided}.")
