"""`pylock.toml` (PEP 751), which packaging reads and checks."""

from packaging.pylock import (
    Package,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)

from pydeps_host.dependency import Dependency
from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles.member import WRITE_ANEW, Member
from pydeps_host.lockfiles.taking import Taking, digests_of, strongest
from pydeps_host.lockfiles.values import NamedIndex, masked
from pydeps_host.values import Digest


def read_pylock(root: Member, taking: Taking) -> str:
    """Take the packages of a file, and return its format's version.

    Raises:
        LockfileError: It is malformed or too new.
    """
    packages = _read(root)
    for number, package in enumerate(packages.packages):
        _take(package, Member(None, root.path, f"packages[{number}]"), taking)
    return str(packages.lock_version)


def _read(root: Member) -> Pylock:
    try:
        # A table: TOML has nothing else at its top.
        return Pylock.from_dict(root.value)  # type: ignore[arg-type]
    except PylockUnsupportedVersionError as problem:
        message, remedy = masked(str(problem)), "upgrade pydeps-host and packaging, or have the tool write an older version"
        raise LockfileError(root.path, "lock-version", "unsupported-version", message, remedy) from None
    except PylockValidationError as problem:
        place = masked(problem.context or "")
        raise LockfileError(root.path, place, "malformed", masked(problem.message), WRITE_ANEW) from None


def _take(package: Package, place: Member, taking: Taking) -> None:
    if package.vcs is not None:
        taking.leave(place.place, "vcs", f"{package.name} from {package.vcs.url or package.vcs.path}")
    elif package.directory is not None:
        taking.leave(place.place, "path", f"{package.name} from {package.directory.path}")
    elif package.archive is not None:
        reason = "url" if package.archive.url else "path"
        taking.leave(place.place, reason, f"{package.name} from {package.archive.url or package.archive.path}")
    elif package.version is None:
        taking.leave(place.place, "no-version", str(package.name))
    else:
        wanted = Dependency(package.name, f"=={package.version}", _digests(package, place))
        taking.take(wanted, place.place, (NamedIndex.of(package.index),) if package.index else ())


def _digests(package: Package, place: Member) -> tuple[Digest, ...]:
    """Return the digests of all files, of each those that cannot be forged where it has any."""
    told = [*([package.sdist.hashes] if package.sdist is not None else []), *(wheel.hashes for wheel in package.wheels or ())]
    found = []
    for hashes in told:
        texts = (Member(f"{algorithm}:{value}", place.path, f"{place.place}.hashes") for algorithm, value in hashes.items())
        found.append(strongest(digests_of(texts)))
    return tuple(sorted(frozenset().union(*found)))
