"""`uv.lock`: version 1 of its format, every revision of it."""

from collections.abc import Iterable
from typing import Final

from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.taking import Taking, digests_of, pin, project_name, too_new
from pydeps_host.lockfiles.values import NamedIndex

_NEWEST: Final = 1
_ELSEWHERE: Final = {"git": "vcs", "url": "url", "path": "path", "directory": "path", "editable": "path", "virtual": "path"}


def read_uv(root: Member, taking: Taking) -> str:
    """Take the packages of a file, and return its format's version and revision.

    Raises:
        LockfileError: It is malformed or too new.
    """
    version = root.need("version")
    if not isinstance(version.value, int) or isinstance(version.value, bool) or not 0 < version.value < 2**31:
        raise version.fault("this is no version of a format")
    if version.value > _NEWEST:
        raise too_new(version, str(version.value), _NEWEST)
    for package in root.each("package"):
        _take(package, taking)
    revision = root.get("revision")
    told = revision is not None and isinstance(revision.value, int) and abs(revision.value) < 2**31
    return f"{version.value}.{revision.value}" if revision is not None and told else str(version.value)


def _take(package: Member, taking: Taking) -> None:
    name, source = project_name(package.need("name")), package.need("source")
    registry = source.get("registry")
    if registry is not None:
        wanted = pin(name, package.need("version"), digests_of(_hashes(package)))
        taking.take(wanted, package.place, (NamedIndex.of(registry.text()),))
        return
    kind, told = next(source.members(), ("", source))
    where = told.value if isinstance(told.value, str) else "somewhere"
    taking.leave(package.place, _ELSEWHERE.get(kind, "source"), f"{name} from {kind} {where}")


def _hashes(package: Member) -> Iterable[Member]:
    sdist = package.get("sdist")
    files = [*([sdist] if sdist is not None else []), *package.each("wheels")]
    # An index may tell no digests; then uv has none to write.
    yield from (found for file in files if (found := file.get("hash")) is not None)
