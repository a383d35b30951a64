"""Which projects, and which of their versions, are taken at all: patterns, and what they say of a name."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final, Self

from attrs import Factory, field, frozen
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pydeps_host.config.faults import fault

_NAME = re.compile(r"[A-Za-z0-9*?](?:[A-Za-z0-9._*?-]*[A-Za-z0-9*?])?")
_PARTS = re.compile(r"(?P<name>[A-Za-z0-9*?](?:[A-Za-z0-9._*?-]*[A-Za-z0-9*?])?) *(?P<versions>[=<>!~][^\n]*)?")
_MISTAKE = re.compile(r"([A-Za-z0-9*?._-]+) *[@= ] *(v?[0-9*?][^ \n]*)")
_UNFINISHED = re.compile(r"([A-Za-z0-9*?._-]+) *(?:===?|[<>~!]=?)")
_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>) *([^ ]+)")
_GLOB = re.compile(r"[A-Za-z0-9*?.+!_-]+")
# Spellings that PEP 440 takes and no version's text has: a pattern of them would match nothing.
_NEVER_NORMAL = re.compile(r"alpha|beta|pre|rev|[0-9][-_]|[0-9]\.(?:a|b|c|rc)|[0-9](?:c|post|dev)")
_LONGEST: Final = 1024
_EXAMPLE: Final = "write a project's name, with `*` for any characters, and perhaps versions: `acme-*`, `numpy==1.26.*`, `*==*rc*`"


def name_pattern(text: str) -> str:
    """Return a pattern of project names, normalised as PEP 503 normalises names.

    Raises:
        ConfigError: It is none.
    """
    if not _NAME.fullmatch(text):
        raise fault("this is no pattern of project names", "write a project's name, with `*` for any characters: `acme-*`")
    # Names compare as PEP 503 normalises them; what stands around a wildcard does, too.
    return re.sub(r"[-_.]+", "-", text).lower()


def matches(pattern: str, text: str) -> bool:
    """Whether a text is one that a pattern stands for: `*` for any characters, `?` for one.

    The pattern holds no brackets, so nothing else in it is special to fnmatch, which never
    goes back behind what a `*` once took: the time is at most the product of both lengths.
    """
    # Most patterns are names alone, and there may be thousands of them.
    return fnmatchcase(text, pattern) if "*" in pattern or "?" in pattern else text == pattern


@frozen
class Pattern:
    """Projects, or versions of them.

    Attributes:
        name: A pattern of normalised names.
        versions: Which of their versions: `==` and a pattern of texts, or version specifiers (PEP 440); empty for the
            projects as a whole.
    """

    name: str
    versions: str = ""
    _specifiers: SpecifierSet | None = field(
        default=Factory(lambda pattern: _specifiers(pattern.versions), takes_self=True), init=False, eq=False, repr=False
    )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        `numpy==1.26.*` means what it means to PEP 440. Any other `*` or `?` after `==`
        stands for characters of the version's text, as tags have it.

        Raises:
            ConfigError: It is none; the error says what to write.
        """
        if len(text) > _LONGEST:
            raise fault(f"this is longer than {_LONGEST} characters", _EXAMPLE)
        _refuse_mistakes(text.strip(" "))
        found = _PARTS.fullmatch(text.strip(" "))
        if found is None:
            raise fault("this is no pattern of projects or of their versions", _EXAMPLE)
        name, versions = name_pattern(found["name"]), found["versions"]
        return cls(name, _read_versions(found["name"], versions) if versions else "")

    def __str__(self) -> str:
        return f"{self.name}{self.versions}"

    def names(self, name: str) -> bool:
        """Whether the project of this normalised name is one that it speaks of."""
        return matches(self.name, name)

    def takes(self, version: str) -> bool:
        """Whether a version of such a project is one that it stands for.

        Args:
            version: The version's text, normalised where PEP 440 knows it.
        """
        if not self.versions:
            return True
        if self._specifiers is None:
            return matches(self.versions.lstrip("="), version.lower())
        known = _version(version)
        return known is not None and self._specifiers.contains(known, prereleases=True)


def _distinct(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    return tuple(dict.fromkeys(patterns))


def _distinct_or_none(patterns: Iterable[Pattern] | None) -> tuple[Pattern, ...] | None:
    return None if patterns is None else _distinct(patterns)


def _not_nothing(_: object, __: object, allow: tuple[Pattern, ...] | None) -> None:
    if allow == ():
        raise fault("an empty list would let nothing in", "leave the key out to let everything in")


@frozen
class Filters:
    """What is let in, and what is kept out.

    Attributes:
        allow: What is let in; everything where it is None.
        block: What is kept out, whatever `allow` says.
    """

    allow: tuple[Pattern, ...] | None = field(default=None, converter=_distinct_or_none, validator=_not_nothing)
    block: tuple[Pattern, ...] = field(default=(), converter=_distinct)

    def of(self, name: str) -> "ProjectFilters":
        """Return what they say of one project.

        Args:
            name: The project, in any spelling.
        """
        normalized = canonicalize_name(name)
        allow = None if self.allow is None else tuple(pattern for pattern in self.allow if pattern.names(normalized))
        return ProjectFilters(allow, tuple(pattern for pattern in self.block if pattern.names(normalized)))

    def reason(self, name: str, version: str | None = None) -> str | None:
        """Return what keeps out a project, or one version of it; see `ProjectFilters.reason`."""
        return self.of(name).reason(version)


@frozen
class ProjectFilters:
    """What filters say of one project.

    Attributes:
        allow: The patterns that let it in, or versions of it; everything where it is None.
        block: The patterns that keep it out, or versions of it.
    """

    allow: tuple[Pattern, ...] | None
    block: tuple[Pattern, ...]

    @property
    def are_silent(self) -> bool:
        """Whether they keep nothing out."""
        return self.allow is None and not self.block

    def reason(self, version: str | None = None) -> str | None:
        """Return what keeps out the project as a whole, or one version of it; None where nothing does.

        Args:
            version: The version's text; None asks for the project as a whole.

        Returns:
            The key and the pattern with a colon between them, such as `filters.block` and `numpy==*rc*`; `filters.allow` alone
            where nothing there matches.
        """
        text = None if version is None else _normalised(version)
        blocked = next((pattern for pattern in self.block if (not pattern.versions if text is None else pattern.takes(text))), None)
        if blocked is not None:
            return f"filters.block: {blocked}"
        if self.allow is None or any(text is None or pattern.takes(text) for pattern in self.allow):
            return None
        return "filters.allow"


def _refuse_mistakes(text: str) -> None:
    if mistake := _MISTAKE.fullmatch(text):
        raise fault("a version comes after two equals signs", f"write `{mistake[1]}=={mistake[2]}`")
    if unfinished := _UNFINISHED.fullmatch(text):
        raise fault("the version is missing", f"write `{unfinished[1]}` for all of them")


def _read_versions(name: str, text: str) -> str:
    """Return what stands after a name, in one spelling."""
    clauses = [_CLAUSE.fullmatch(clause.strip(" ")) for clause in text.split(",")]
    read = [(clause[1], clause[2].lower()) for clause in clauses if clause is not None]
    if len(read) < len(clauses):
        raise fault("after the name, a comparison and a version are understood, and no more", _EXAMPLE)
    operator, version = read[0]
    if len(read) == 1 and operator == "===" and not re.search("[*?]", version):
        return f"==={version}"
    if len(read) == 1 and operator == "==" and not _is_specifier(f"=={version}"):
        return _read_glob(name, version)
    joined = ",".join(f"{one}{other}" for one, other in read)
    if not _is_specifier(joined) or any(one == "===" for one, _ in read):
        remedy = f"write versions as PEP 440 has them, or one pattern after ==, such as `{name}==*rc*`"
        raise fault("these are no version specifiers", remedy)
    return str(SpecifierSet(joined))


def _read_glob(name: str, version: str) -> str:
    if not re.search("[*?]", version):
        raise fault("this is no version that PEP 440 knows", f"write `{name}==={version}` for a version of that text")
    if not _GLOB.fullmatch(version):
        raise fault("this is no pattern of versions", f"only `*` and `?` stand for characters, as in `{name}==*rc*`")
    version = re.sub(r"\*+", "*", re.sub(r"^v(?=[0-9])", "", version))
    if _NEVER_NORMAL.search(version.partition("+")[0]):
        message = "no version's text is spelled so: versions are compared normalised"
        raise fault(message, "write it as in `1.0a1`, `1.0b2`, `1.0rc3`, `1.0.post1`, `1.0.dev2`, so that `*a*` stands for every alpha")
    return "" if version == "*" else f"=={version}"


def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def _specifiers(versions: str) -> SpecifierSet | None:
    """Return what PEP 440 makes of a pattern's versions; None where it compares texts."""
    if not versions or versions.startswith("===") or not _is_specifier(versions):
        return None
    return SpecifierSet(versions)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None


def _normalised(text: str) -> str:
    version = _version(text)
    return text if version is None else str(version)
