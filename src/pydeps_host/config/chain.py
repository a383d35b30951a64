"""What the URLs of a configuration mean to one another, being tried in order."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pydeps_host.config.faults import fault
from pydeps_host.errors import ConfigError, Problem
from pydeps_host.values import Url

if TYPE_CHECKING:
    from pydeps_host.config.model import Index

# Endings of names that no public index has (RFC 6761, RFC 6762, RFC 8375, and custom).
_PRIVATE_ENDINGS: Final = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".corp", ".intranet", ".private", ".home")


def default_name(url: Url) -> str:
    """Return host and path, without secrets: what identifies an index that was given no name."""
    path = str(url.without_credentials()).partition("://")[2]
    return path.removesuffix("?…").rstrip("/") or "/"


def distinct(indexes: Sequence["Index"]) -> tuple["Index", ...]:
    """Return the indexes without those that an earlier one is: same origin, same path."""
    return tuple(index for index, first in zip(indexes, _firsts(indexes), strict=True) if index is first[1])


def check(indexes: Sequence["Index"]) -> None:
    """Hold what a chain must fulfil as a whole.

    Raises:
        ConfigError: It is empty, one index stands in it with two settings, or two
            indexes have one name.
    """
    if not indexes:
        raise fault("the list is empty, so there is no index to ask", "name one URL at least")
    problems = (*_contradictions(indexes), *_shared_names(indexes))
    if problems:
        raise ConfigError("configuration", problems)


def warnings(indexes: Sequence["Index"]) -> tuple[Problem, ...]:
    """Return what is allowed and perhaps not meant."""
    return (*_other_credentials(indexes), *_private_after_public(indexes))


def _firsts(indexes: Sequence["Index"]) -> list[tuple[int, "Index"]]:
    """For every index, the first one of the same origin and path: its number, and itself."""
    seen: dict[object, tuple[int, Index]] = {}
    return [seen.setdefault((index.url.origin, index.url.path.rstrip("/")), (number, index)) for number, index in enumerate(indexes)]


def _contradictions(indexes: Sequence["Index"]) -> Iterator[Problem]:
    for number, (index, (first, same)) in enumerate(zip(indexes, _firsts(indexes), strict=True)):
        if not index.has_settings_of(same):
            yield Problem(f"[{number}]", f"this is the same index as `urls[{first}]`, with other settings", "keep one of the two")


def _shared_names(indexes: Sequence["Index"]) -> Iterator[Problem]:
    names: dict[str, tuple[int, Index]] = {}
    for number, (index, (_, same)) in enumerate(zip(indexes, _firsts(indexes), strict=True)):
        first, other = names.setdefault(index.name, (number, index)) if index is same else (number, index)
        # http and https of one host and path share the name that they get by default; they are one index.
        if other is not index and {index.name} != {default_name(index.url), default_name(other.url)}:
            yield Problem(f"[{number}].name", f"`urls[{first}]` has the same name", "give each index a name of its own")


def _other_credentials(indexes: Sequence["Index"]) -> Iterator[Problem]:
    for number, (index, (first, same)) in enumerate(zip(indexes, _firsts(indexes), strict=True)):
        if (index.url.credentials, index.url.query) != (same.url.credentials, same.url.query):
            message = f"this is the same index as `urls[{first}]`, whose user, password and query are used"
            yield Problem(f"urls[{number}]", message, "keep the one that is right")


def _private_after_public(indexes: Sequence["Index"]) -> Iterator[Problem]:
    public = None
    for number, index in enumerate(indexes):
        if not _is_private(index.url):
            public = number if public is None else public
        elif public is not None and not index.projects:
            yield Problem(
                f"urls[{number}]",
                f"a private index stands after the public `urls[{public}]`, where anyone can take the name of a private project",
                "put it first, or list its project names in `projects`",
            )


def _is_private(url: Url) -> bool:
    """Guess from credentials and host whether not everyone may ask this index."""
    if url.credentials or url.query or url.hidden or url.scheme == "file":
        return True
    try:
        return ipaddress.ip_address(url.host).is_private
    except ValueError:
        host = url.host.rstrip(".")
        return "." not in host or host.endswith(_PRIVATE_ENDINGS)
