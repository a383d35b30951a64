"""`Pipfile.lock`: specification 6 of its format, the only one that was ever in use, and older ones."""

from collections.abc import Mapping
from typing import Final

from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.taking import Taking, dependency, digests_of, project_name, too_new
from pydeps_host.lockfiles.values import NamedIndex

_NEWEST: Final = 6
_ELSEWHERE: Final = {"git": "vcs", "hg": "vcs", "svn": "vcs", "bzr": "vcs", "path": "path", "file": "url"}


def read_pipfile(root: Member, taking: Taking) -> str:
    """Take the packages of all categories of a file, and return its format's version.

    Raises:
        LockfileError: It is malformed or too new.
    """
    meta = root.need("_meta")
    version = meta.need("pipfile-spec")
    if not isinstance(version.value, int) or isinstance(version.value, bool) or not 0 < version.value < 2**31:
        raise version.fault("this is no version of a format")
    if version.value > _NEWEST:
        raise too_new(version, str(version.value), _NEWEST)
    sources = _sources(meta)
    for category, packages in root.members():
        if category != "_meta":
            for key, package in packages.members():
                _take(_named(key, package), package, sources, taking)
    return str(version.value)


def _named(key: str, package: Member) -> Member:
    return Member(key, package.path, package.place)


def _sources(meta: Member) -> Mapping[str, NamedIndex]:
    """Return the indexes by name; of two sources with one name the last counts, as pipenv has it."""
    return {source.need("name").text(): NamedIndex.of(source.need("url").text()) for source in meta.each("sources")}


def _take(key: Member, package: Member, sources: Mapping[str, NamedIndex], taking: Taking) -> None:
    name = project_name(key)
    elsewhere = next((kind for kind in _ELSEWHERE if package.has(kind)), None)
    version = package.get("version")
    if elsewhere is not None:
        taking.leave(package.place, _ELSEWHERE[elsewhere], f"{name} from {package.need(elsewhere).text()}")
    elif version is None or version.text().strip() == "*":
        taking.leave(package.place, "no-version", str(name))
    else:
        hashes = package.get("hashes")
        digests = digests_of(hashes.items()) if hashes is not None else frozenset()
        taking.take(dependency(name, version, version.text(), digests), package.place, _indexes(package, sources))


def _indexes(package: Member, sources: Mapping[str, NamedIndex]) -> tuple[NamedIndex, ...]:
    """Return the index that a package is bound to; without one it may come from any of the file's."""
    named = package.get("index")
    if named is None:
        return tuple(dict.fromkeys(sources.values()))
    text = named.text()
    return (sources[text] if text in sources else NamedIndex.of(text),)
