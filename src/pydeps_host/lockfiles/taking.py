"""What the readers of all formats share: a package to an entry, digests, versions of formats."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve, field, frozen
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import Version

from pydeps_host.dependency import Dependency
from pydeps_host.errors import DependencyError
from pydeps_host.lockfiles.member import Member
from pydeps_host.lockfiles.values import LeftOut, Locked, NamedIndex, masked
from pydeps_host.values.digest import FIXED_LENGTH, Digest

_VERSION = re.compile(r"([0-9]{1,9})(\.[0-9]{1,9})*")
# Told apart from malformed digests: an algorithm that this Python does not have is no fault of the file.
_DIGEST = re.compile(r"(?P<algorithm>[A-Za-z0-9_-]+):(?P<value>.*)", re.DOTALL)
_WEAK: Final = frozenset({"md5", "sha1"})


@frozen
class Taking:
    """What was taken of a file so far."""

    entries: dict[Locked, None] = field(factory=dict)
    left_out: list[LeftOut] = field(factory=list)
    indexes: dict[NamedIndex, None] = field(factory=dict)

    def take(self, wanted: Dependency, place: str, indexes: Sequence[NamedIndex] = ()) -> None:
        """Take a dependency."""
        self.indexes.update(dict.fromkeys(indexes))
        self.entries[Locked(wanted, place, tuple(indexes))] = None

    def leave(self, place: str, reason: str, text: str) -> None:
        """Leave something out, and remember why."""
        self.left_out.append(LeftOut(place, reason, masked(text)))

    def once(self) -> tuple[Locked, ...]:
        """Return the entries, the first of those that differ in nothing but their place."""
        first: dict[object, Locked] = {}
        for entry in self.entries:
            first.setdefault((entry.dependency, entry.indexes), entry)
        return tuple(first.values())


def format_version(member: Member, *, newest: int) -> str:
    """Return the version of a format as a file spells it.

    Args:
        member: The text.
        newest: The newest major version that can be read; of it, and of older ones, every minor one can.

    Raises:
        LockfileError: It is newer, or no version.
    """
    text = member.text()
    found = _VERSION.fullmatch(text)
    if found is None:
        raise member.fault(f"{masked(text)!r} is no version of a format")
    if int(found[1]) > newest:
        raise too_new(member, text, newest)
    return text


def too_new(member: Member, text: str, newest: int) -> Exception:
    """Return the error of a format that is newer than what can be read."""
    message = f"the file has version {masked(text)} of its format, this version reads up to {newest}"
    return member.fault(message, "upgrade pydeps-host, or have the tool write an older version", reason="unsupported-version")


def project_name(member: Member) -> NormalizedName:
    """Return a project's name, normalised.

    Raises:
        LockfileError: It is none.
    """
    text = member.text()
    try:
        return canonicalize_name(text, validate=True)
    except InvalidName:
        raise member.fault(f"{masked(text)!r} is no project's name") from None


def pin(name: NormalizedName, version: Member, digests: Iterable[Digest]) -> Dependency:
    """Return the pin of a version, which PEP 440 may not know.

    Raises:
        LockfileError: It is no version at all.
    """
    text = version.text().strip()
    try:
        Version(text)
    except ValueError:
        operator = "==="
    else:
        operator = "=="
    return dependency(name, version, f"{operator}{text}", digests)


def dependency(name: NormalizedName, place: Member, specifier: str, digests: Iterable[Digest]) -> Dependency:
    """Return a dependency that can be written down as one: whatever its specifier is, its text is read as it was meant.

    Raises:
        LockfileError: It cannot; the fault is that of the version at `place`.
    """
    try:
        made = Dependency.parse(f"{name}{SpecifierSet(specifier)}")
    except (InvalidSpecifier, DependencyError):
        raise place.fault(f"{masked(specifier)!r} is no version that can be asked for") from None
    return evolve(made, hashes=tuple(sorted(set(digests))))


def digests_of(texts: Iterable[Member]) -> frozenset[Digest]:
    """Return the digests of a package's files; those of algorithms that are not known are passed over.

    Raises:
        LockfileError: One is none, or none is of an algorithm that is known: without one, any file would do.
    """
    members = tuple(texts)
    found = frozenset(digest for digest in map(_digest, members) if digest is not None)
    if members and not found:
        raise members[0].fault("no digest of this package is of an algorithm that is known here")
    return found


def strongest(digests: frozenset[Digest]) -> frozenset[Digest]:
    """Return one file's digests without those that can be forged, where it has others."""
    return frozenset(digest for digest in digests if digest.algorithm not in _WEAK) or digests


def _digest(member: Member) -> Digest | None:
    text = member.text()
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise member.fault(f"{masked(text)!r} is no digest such as sha256:<hexadecimal>")
    if found["algorithm"].lower() not in FIXED_LENGTH:
        return None
    try:
        return Digest.of(found["algorithm"], found["value"])
    except ValueError:
        raise member.fault(f"{masked(text)!r} is no {found['algorithm'].lower()} digest") from None
