"""What a configuration says, as frozen values; their fields are its keys."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from attrs import Attribute, Factory, evolve, field, fields, frozen

from pydeps_host.config.chain import check, default_name, distinct, warnings
from pydeps_host.config.faults import each, fault
from pydeps_host.config.filters import Filters, matches, name_pattern
from pydeps_host.config.variables import Variables
from pydeps_host.dependency import Dependency
from pydeps_host.errors import Problem
from pydeps_host.values import Limits, Url, UrlSyntaxError

# These two are asked again by themselves (RFC 9110, RFC 6585), so they never mean absent.
_ASK_AGAIN: Final = frozenset({408, 429})
# Who else claims versions in a store: the dependencies of a command line, and requests on demand.
COMMAND: Final = "command"
ON_DEMAND: Final = "on-demand"
# What the claims of a lock file begin with; see `pydeps_host.host.locking`.
LOCK_FILE: Final = "lock:"
# In a field's metadata: that it is no key, and what every item of its list must fulfil.
_NO_KEY: Final = "no key"
_EACH: Final = "each item"


def keys_of(kind: type) -> dict[str, "Attribute[Any]"]:
    """Return the keys that an object of the configuration may have, each with the field that it fills."""
    return {key_of(one.name): one for one in fields(kind) if _NO_KEY not in one.metadata}


def key_of(name: str) -> str:
    """Return the key of the field `name`: `absent_status` is `absentStatus`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def kind_of(member: "Attribute[Any]") -> Any:
    """Return the type of a field's values, less the None of one that may be left out."""
    kinds = [kind for kind in get_args(member.type) if kind is not NoneType]
    return kinds[0] if get_origin(member.type) in {Union, UnionType} else member.type


def item_rule(member: "Attribute[Any]") -> Callable[[Any], Any] | None:
    """Return what checks and normalises each item of a field's list, raising a ConfigError; None where there is nothing to."""
    rule: Callable[[Any], Any] | None = member.metadata.get(_EACH)
    return rule


class Redirects(Enum):
    """What a page that redirects to another origin means, by the word for it in a configuration."""

    REFUSE = "refuse"
    ABSENT = "absent"
    FOLLOW = "follow"


def _name(_: object, __: object, text: str) -> None:
    if not text or not text.isprintable() or text != text.strip():
        raise fault("a name is not empty, and holds no control characters and no spaces around it", "write a name such as `internal`")


def _id(instance: object, attribute: object, text: str) -> None:
    _name(instance, attribute, text)
    if text in {COMMAND, ON_DEMAND} or text.startswith(LOCK_FILE):
        raise fault("this name stands for what is asked for besides any configuration", "choose another one, such as `default`")


def _status(status: int) -> int:
    if status in _ASK_AGAIN or not 400 <= status <= 499:
        message = "this status never means that a project is absent: a server that stumbles must not choose where code comes from"
        raise fault(message, "list statuses from 400 to 499, such as 403; not 408 and 429")
    return status


def _host(text: str) -> str:
    # An IPv6 address may stand with its brackets, as in a URL, or without.
    authority = f"[{text}]" if text.count(":") > 1 and "[" not in text else text
    host = ""
    if not re.search("[/?#@]", text) and ":" not in authority.rpartition("]")[2]:
        with suppress(UrlSyntaxError):
            host = Url.parse(f"https://{authority}").host
    if not host:
        raise fault("this is no host", "write the host alone, such as `files.example.com`")
    return host


def _patterns(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each(texts, name_pattern)))


def _optional_patterns(texts: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else _patterns(texts)


def _statuses(statuses: Iterable[int]) -> frozenset[int]:
    return frozenset(each(statuses, _status))


def _hosts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each(texts, _host)))


@frozen
class Index:
    """One place to ask for projects.

    Attributes:
        url: Its simple repository API, or a folder on disk.
        name: Identifies it in the journal; host and path unless given.
        projects: Patterns of normalised names that are asked for here and nowhere
            else: `*` stands for any characters, `?` for one.
        absent_status: Statuses from 400 to 499 that mean absent, besides 404 and 410.
        empty_is_absent: Whether a page without files means absent.
        redirects: What a page redirected to another origin means.
        allowed_hosts: Other hosts that pages may redirect to, in lower case.
    """

    url: Url
    name: str = field(default=Factory(lambda index: default_name(index.url), takes_self=True), validator=_name)
    projects: tuple[str, ...] = field(default=(), converter=_patterns, kw_only=True, metadata={_EACH: name_pattern})
    absent_status: frozenset[int] = field(default=frozenset(), converter=_statuses, kw_only=True, metadata={_EACH: _status})
    empty_is_absent: bool = field(default=False, kw_only=True)
    redirects: Redirects = field(default=Redirects.REFUSE, kw_only=True)
    allowed_hosts: tuple[str, ...] = field(default=(), converter=_hosts, kw_only=True, metadata={_EACH: _host})

    @classmethod
    def of(cls, url: Url) -> "Index":
        """Return the index that a plain URL means."""
        return cls(url)

    def has_settings_of(self, other: "Index") -> bool:
        """Whether both differ in nothing but how their URL is written."""
        unnamed = self.name == default_name(self.url) and other.name == default_name(other.url)
        return evolve(self, url=other.url, name=other.name if unnamed else self.name) == other


def _rate(_: object, __: object, rate: float) -> None:
    if not isfinite(rate) or rate < 0:
        raise fault("a rate is a finite number and not negative", "write requests per hour, such as 57600")


@frozen
class RateLimit:
    """A budget of requests to indexes.

    Attributes:
        enabled: Whether there is one.
        requests_per_hour: The average that holds once the burst is spent.
    """

    enabled: bool = True
    requests_per_hour: float = field(default=57600.0, validator=_rate)

    def __attrs_post_init__(self) -> None:
        if self.enabled and not self.requests_per_hour:
            remedy = 'write a rate above 0, or `"enabled": false` for no limit'
            raise fault("a rate of 0 would let no request out", remedy, place="requestsPerHour")


def _lockfile(text: str) -> str:
    if not text or re.search(r"[\x00-\x1f\x7f]", text):
        raise fault("this is no path", "write the path of a lock file or a folder, such as `../app/uv.lock`, or `repo.git@main`")
    return text


def _lockfiles(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each(texts, _lockfile)))


def _at_least_one(_: object, __: object, number: int) -> None:
    if number < 1:
        raise fault("a number below 1", "write 1 or more")


def _at_least_one_or_none(instance: object, attribute: object, number: int | None) -> None:
    if number is not None:
        _at_least_one(instance, attribute, number)


@frozen
class OnDemand:
    """What is brought because somebody asks for it now.

    Attributes:
        allow: Patterns of normalised names of the projects that are brought so; those that are configured or in
            the store where it is None, none where it is empty.
        max_versions: How many versions are kept for those who asked, the least recently asked going first; 1,000 where it is None.
    """

    allow: tuple[str, ...] | None = field(default=None, converter=_optional_patterns, metadata={_EACH: name_pattern})
    max_versions: int | None = field(default=None, validator=_at_least_one_or_none)

    def allows(self, name: str) -> bool:
        """Whether `allow` is there and one of its patterns stands for the project of this normalised name."""
        return self.allow is not None and any(matches(pattern, name) for pattern in self.allow)


@frozen
class HostConfig:
    """Everything that a host is told.

    Attributes:
        urls: The indexes, in the order in which they are tried; one at least.
        dependencies: What to bring, each once.
        rate_limit: The budget of requests.
        id: Whose claims these are.
        versions_per_dependency: Most releases that a range brings.
        version_fallthrough: Whether a version that the owner lacks is asked of later URLs.
        limits: Bounds on pages and archives.
        filters: What is let in, and what is kept out.
        on_demand: What is brought because somebody asks for it now.
        lockfiles: Lock files, folders and revisions of repositories, as they are written.
        folder: What relative ones among them are relative to: the configuration's own folder, or else the
            working directory.
        warnings: What is allowed and perhaps not meant, with its place.
    """

    urls: tuple[Index, ...] = field(validator=lambda _, __, urls: check(urls))
    dependencies: tuple[Dependency, ...] = ()
    rate_limit: RateLimit = field(factory=RateLimit, kw_only=True)
    id: str = field(default="default", validator=_id, kw_only=True)
    versions_per_dependency: int = field(default=50, validator=_at_least_one, kw_only=True)
    version_fallthrough: bool = field(default=False, kw_only=True)
    limits: Limits = field(factory=Limits, kw_only=True)
    filters: Filters = field(factory=Filters, kw_only=True)
    on_demand: OnDemand = field(factory=OnDemand, kw_only=True)
    lockfiles: tuple[str, ...] = field(default=(), converter=_lockfiles, kw_only=True, metadata={_EACH: _lockfile})
    folder: Path = field(factory=Path, eq=False, kw_only=True, metadata={_NO_KEY: True})
    warnings: tuple[Problem, ...] = field(
        default=Factory(lambda config: warnings(config.urls), takes_self=True), eq=False, kw_only=True, metadata={_NO_KEY: True}
    )

    @classmethod
    def loads(cls, text: str, *, source: str = "configuration", environ: Mapping[str, str] | None = None) -> "HostConfig":
        """Read JSON with comments and trailing commas.

        Args:
            text: The configuration.
            source: What errors call it.
            environ: Where the values of `${NAME}` come from; the process's environment unless given.

        Raises:
            ConfigError: There are problems; it holds all of them, in the order of the text.
        """
        from pydeps_host.config.jsonc import parse

        environ = _quiet(environ)
        return _structured(parse(text, source=source), source, environ)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> "HostConfig":
        """Read a file of JSON with comments, in UTF-8, of 16 MiB at most.

        Raises:
            ConfigError: The file cannot be read, or there are problems in it.
        """
        from pydeps_host.config.reading import read_text

        environ = _quiet(environ)
        return evolve(cls.loads(read_text(path), source=os.fspath(path), environ=environ), folder=Path(path).parent)

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, object], *, source: str = "configuration", environ: Mapping[str, str] | None = None
    ) -> "HostConfig":
        """Read what a parser of JSON, TOML or YAML made: dictionaries, lists, texts, numbers, booleans.

        Raises:
            ConfigError: There are problems; it holds all of them, in the order of the mapping.
        """
        environ = _quiet(environ)
        return _structured(mapping, source, environ)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of a configuration, as plain data of your own.

        It describes every key, and takes what `from_mapping` takes; the few rules
        that no schema can say are listed in the documentation.
        """
        from pydeps_host.config.schema import schema

        return schema()


def _quiet(environ: Mapping[str, str] | None) -> Variables:
    return environ if isinstance(environ, Variables) else Variables(os.environ if environ is None else environ)


def _structured(data: object, source: str, environ: Variables) -> HostConfig:
    from pydeps_host.config.structuring import structure

    config = structure(data, source=source, environ=environ)
    # Not earlier: places in problems and warnings are those of the text.
    return evolve(config, urls=distinct(config.urls), dependencies=tuple(dict.fromkeys(config.dependencies)))
