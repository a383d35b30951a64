"""What a file's name says, knowing the project that it belongs to.

A name such as `foo-bar-1.0.tar.gz` can be read in two ways; who knows that the
project is `foo-bar` reads it in one.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Final

from attrs import frozen
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

SDIST_SUFFIXES: Final = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
WHEEL_SUFFIX: Final = ".whl"
# Installers, platform packages and signatures, none of which is a source of files to read.
_OTHER_SUFFIXES: Final = (".egg", ".exe", ".rpm", ".msi", ".deb", ".dmg", ".pkg", ".tar.z", ".asc", ".metadata")
_PLATFORM = re.compile(
    r"[.-](linux|macosx|win32|win-(amd64|arm\d*|ia64)|cygwin|freebsd|openbsd|netbsd|sunos|solaris|aix|irix|hp-ux|osf1)\b"
)
# What a browser adds to the name of a second download.
_SECOND_COPY = re.compile(r" ?\(\d{1,3}\)$")


class Kind(Enum):
    """What a distribution is."""

    SDIST = "sdist"
    WHEEL = "wheel"


@frozen
class Distribution:
    """A source distribution or a wheel, as its name tells it.

    Attributes:
        kind: Which of the two.
        text: The version as the name spells it.
        version: The version, or None where PEP 440 does not know such a one.
        suffix: `.tar.gz`, `.whl` and so on, in lower case.
        tags: A wheel's Python, ABI and platform tags (PEP 425), each compressed as it stands; empty for others.
    """

    kind: Kind
    text: str
    version: Version | None
    suffix: str
    tags: tuple[str, ...] = ()


class Unusable(Enum):
    """Why a file is no candidate, by its name alone; the value is a stable code."""

    NOT_A_DISTRIBUTION = "not-a-distribution"
    BINARY = "binary-distribution"
    OTHER_PROJECT = "other-project"
    WHEEL_NAME = "wheel-name"


def read_filename(filename: str, name: NormalizedName) -> Distribution | Unusable:
    """Read the name of a file of the project `name`.

    `cffi-1.0.2-2.tar.gz` is cffi 1.0.2.post2: after the project's name, PEP 440
    reads the rest. A rest that it cannot read is kept as text.
    """
    lowered = filename.lower()
    if lowered.endswith(WHEEL_SUFFIX):
        return _read_wheel(filename, lowered, name)
    for suffix in SDIST_SUFFIXES:
        if lowered.endswith(suffix):
            return _read_sdist(filename[: -len(suffix)], suffix, name)
    return Unusable.BINARY if lowered.endswith(_OTHER_SUFFIXES) else Unusable.NOT_A_DISTRIBUTION


def looks_like_distribution(filename: str) -> bool:
    """Whether the name ends as those of distributions do, source or binary."""
    return filename.lower().endswith((*SDIST_SUFFIXES, WHEEL_SUFFIX, *_OTHER_SUFFIXES))


def rest_after_name(stem: str, name: NormalizedName) -> str | None:
    """Return what follows the project's name and a hyphen; None where the stem begins with another name.

    No two beginnings normalise to one name, so there is one answer at most.
    """
    hyphen = stem.find("-")
    while hyphen >= 0:
        beginning = _normalized(stem[:hyphen])
        if beginning == name:
            return stem[hyphen + 1 :]
        if len(beginning) > len(name):
            return None
        hyphen = stem.find("-", hyphen + 1)
    return None


def _read_sdist(stem: str, suffix: str, name: NormalizedName) -> Distribution | Unusable:
    text = rest_after_name(stem, name)
    if not text:
        return Unusable.OTHER_PROJECT
    text = _SECOND_COPY.sub("", text) or text
    version = _version_of(text)
    if version is None and _PLATFORM.search(text.lower()):
        return Unusable.BINARY
    return Distribution(Kind.SDIST, text, version, suffix)


def _read_wheel(filename: str, lowered: str, name: NormalizedName) -> Distribution | Unusable:
    """Read `name-version[-build]-python-abi-platform.whl` (binary distribution format).

    `packaging.utils.parse_wheel_filename` refuses names that old tools wrote, and
    expands compressed tags: 255 bytes of them make seventy thousand tags.
    """
    parts = filename[: -len(WHEEL_SUFFIX)].rsplit("-", 3)
    if len(parts) != 4 or not all(parts):
        return Unusable.WHEEL_NAME
    rest = rest_after_name(parts[0], name)
    if not rest:
        return Unusable.OTHER_PROJECT if "-" in parts[0] else Unusable.WHEEL_NAME
    text, _, build = rest.partition("-")
    if build and not build[0].isdigit():
        return Unusable.OTHER_PROJECT
    version = _version_of(text.replace("_", "-")) or _version_of(text.replace("_", "+", 1))
    if build and version is None:
        # `foo-bar-1.0-py3-none-any.whl` is no odd version of foo.
        return Unusable.OTHER_PROJECT
    tags = lowered[: -len(WHEEL_SUFFIX)].rsplit("-", 3)[1:]
    return Distribution(Kind.WHEEL, text, version, WHEEL_SUFFIX, tuple(tags))


def version_of(text: str) -> Version | None:
    """Read a version (PEP 440); None for what it does not know."""
    try:
        return Version(text)
    except ValueError:
        # It is none that PEP 440 knows, or Python refuses to read numbers of more than 4,300 digits.
        return None


# A page names its project and each version in many files, and a name has 255 bytes at most.
_normalized: Final = lru_cache(256)(canonicalize_name)
_version_of: Final = lru_cache(1024)(version_of)
