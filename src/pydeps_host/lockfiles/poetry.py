"""`poetry.lock`: versions 1 and 2 of its format."""

from collections.abc import Iterable, Mapping
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.taking import (
    Taking,
    digests_of,
    format_version,
    pin,
    project_name,
)
from pydeps_host.lockfiles.values import NamedIndex

_NEWEST: Final = 2
# What a source's type means; `legacy` is poetry's word for an index.
_ELSEWHERE: Final = {"git": "vcs", "hg": "vcs", "svn": "vcs", "bzr": "vcs", "directory": "path", "file": "path", "url": "url"}


def read_poetry(root: Member, taking: Taking) -> str:
    """Take the packages of a file, and return its format's version.

    Raises:
        LockfileError: It is malformed or too new.
    """
    metadata = root.need("metadata")
    told = metadata.get("lock-version")
    # As poetry itself does: before it had a version, it was the first one.
    version = "1.0" if told is None else format_version(told, newest=_NEWEST)
    if metadata.has("hashes"):
        # They would be left out in silence, and any file would do.
        raise metadata.need("hashes").fault("digests without algorithms, as before version 1.0 of poetry")
    files = metadata.get("files")
    # In version 1 the digests stand in a table of their own, under the name in whatever spelling.
    apart = {} if files is None else {canonicalize_name(name): listed for name, listed in files.members()}
    for package in root.each("package"):
        _take(package, apart, taking)
    return version


def _take(package: Member, apart: Mapping[NormalizedName, Member], taking: Taking) -> None:
    name, version = project_name(package.need("name")), package.need("version")
    source = package.get("source")
    kind = None if source is None else source.need("type").text()
    if source is None or kind is None or kind == "legacy":
        indexes = () if source is None else (NamedIndex.of(source.need("url").text()),)
        taking.take(pin(name, version, digests_of(_hashes(package, apart.get(name)))), package.place, indexes)
    else:
        url = source.get("url")
        taking.leave(package.place, _ELSEWHERE.get(kind, "source"), f"{name} {version.text()} from {kind if url is None else url.text()}")


def _hashes(package: Member, apart: Member | None) -> Iterable[Member]:
    """Yield the digests of a package's files, which stand with it or apart."""
    files = package.get("files") or apart
    if files is not None:
        yield from (file.need("hash") for file in files.items())
