"""`pdm.lock`: up to version 4 of its format."""

from collections.abc import Iterable
from typing import Final

from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.taking import (
    Taking,
    digests_of,
    format_version,
    pin,
    project_name,
)

_NEWEST: Final = 4
_ELSEWHERE: Final = {"git": "vcs", "hg": "vcs", "svn": "vcs", "bzr": "vcs", "path": "path", "url": "url"}


def read_pdm(root: Member, taking: Taking) -> str:
    """Take the packages of a file, and return its format's version.

    Raises:
        LockfileError: It is malformed or too new.
    """
    metadata = root.need("metadata")
    version = format_version(metadata.need("lock_version"), newest=_NEWEST)
    for package in root.each("package"):
        _take(package, metadata, taking)
    return version


def _take(package: Member, metadata: Member, taking: Taking) -> None:
    name = project_name(package.need("name"))
    elsewhere = next((key for key in _ELSEWHERE if package.has(key)), None)
    if elsewhere is not None:
        taking.leave(package.place, _ELSEWHERE[elsewhere], f"{name} from {package.need(elsewhere).text()}")
        return
    version = package.need("version")
    taking.take(pin(name, version, digests_of(_hashes(package, metadata))), package.place)


def _hashes(package: Member, metadata: Member) -> Iterable[Member]:
    """Yield the digests of a package's files: they stand with it, in older versions in a table of their own."""
    files = package.get("files")
    table = metadata.get("files")
    if files is None and table is not None:
        files = table.get(f"{package.need('name').text()} {package.need('version').text()}")
    if files is not None:
        yield from (file.need("hash") for file in files.items() if file.has("hash"))
