"""What `ensure` is asked for: a pin, or a project's revision as code hosts pass it."""

import re
from typing import Final

from attrs import frozen
from packaging.utils import NormalizedName

from pydeps_host.dependency import Dependency, version_of_tag
from pydeps_host.errors import HostError, UsageError
from pydeps_host.values import shown

# Of a tag, and of a commit, these all lead to the commit (gitrevisions(7)).
_PEELED = re.compile(r"(?:\^(?:0|\{\}|\{commit\})|~0)+$")
_LATEST: Final = frozenset({"HEAD", "@", "latest", "heads/latest", "refs/heads/latest"})
_COMMIT = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)


@frozen
class Standing:
    """A revision that only what is in the store can have.

    Attributes:
        name: The project.
        commit: A commit's id in hexadecimal, or empty for what `latest` leads to.
    """

    name: NormalizedName
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.name} at {self.commit or 'latest'}"


def asked_for(wanted: Dependency | str, revision: str | None) -> Dependency | Standing:
    """Return what is asked for: a pin, or what only the store can tell.

    Raises:
        InputError: No single version is named.
    """
    dependency = Dependency.parse(wanted) if isinstance(wanted, str) else wanted
    if revision is not None:
        found = _of_revision(dependency.name, revision)
        if isinstance(found, Standing):
            return found
        dependency = found
    if not dependency.is_pin:
        raise UsageError(f"{dependency} names no single version", "give a pin such as numpy==1.26.0, or a revision")
    return dependency


def pin_of(name: NormalizedName, text: str) -> Dependency:
    """Pin a version by its text, which PEP 440 may not know."""
    try:
        return Dependency.parse(f"{name}=={text}")
    except HostError:
        return Dependency.parse(f"{name}==={text}")


def _of_revision(name: NormalizedName, revision: str) -> Dependency | Standing:
    base = _PEELED.sub("", revision)
    if base in _LATEST:
        return Standing(name)
    if _COMMIT.fullmatch(base):
        return Standing(name, base.lower())
    try:
        return pin_of(name, version_of_tag(base.removeprefix("refs/").removeprefix("tags/")))
    except (ValueError, HostError):
        remedy = "give a tag such as v1.26.0, `latest`, or a commit's id"
        raise UsageError(f"{shown(revision)!r} is no revision of a version", remedy) from None
