"""`numpy==1.22.3` to a value and back; a version to a tag and back.

The grammar is that of dependency specifiers (PEP 508, PEP 440), with pip's
`--hash` option and `#` comments, less what names no project on an index: direct
references, paths, editable installs, options.
"""

import re
from functools import lru_cache
from typing import Final, Self
from urllib.parse import quote, unquote

from attrs import field, frozen
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.errors import DependencyError, Problem
from pydeps_host.values import Digest, shown

_LONGEST: Final = 65_536
_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"--hash(?:=|\s+)(\S+)")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_USER_INFORMATION = re.compile(r"://\S*@")
_PATH = re.compile(rf"[./~\\]|[A-Za-z]:[\\/]|{_NAME}/|\S+\.(whl|zip|tgz|tar|tar\.(gz|bz2|xz))$", re.IGNORECASE)
_EXAMPLE: Final = "write a project's name and what to take, such as `numpy==1.22.3`, `flask` or `django>=4.2,<5`"

_NESTED: Final = "has a marker that is nested too deeply"
_VERSION_MISSING = re.compile(r"===\s*(?:,|\Z)")

# What people write by mistake, and what they meant: tried in this order.
_MISTAKES: Final = (
    (re.compile(rf"({_NAME})\s*@\s*(v?[0-9]\S*)"), "a version does not come after @", "{0}=={1}"),
    (re.compile(rf"({_NAME})\s*=\s*([^=<>~!\s].*)"), "a pin has two equals signs", "{0}=={1}"),
    (re.compile(rf"({_NAME})\s*=([<>~!])\s*(.+)"), "the equals sign comes last", "{0}{1}={2}"),
    (re.compile(rf"({_NAME})\s+(v?[0-9]\S*)"), "a comparison is missing", "{0}=={1}"),
    (re.compile(rf"({_NAME})\s*(?:===?|[<>~!]=?)\s*"), "the version is missing", "{0}"),
)


@frozen
class Dependency:
    """A project, and which of its releases are wanted.

    Attributes:
        name: The project's name, normalised (PEP 503).
        specifier: PEP 440's version specifiers as text, sorted; empty for a bare name.
        hashes: One of these digests is required of the file that is taken; empty for any.
        notices: What stood in the text and was set aside: extras, a marker.
    """

    name: NormalizedName
    specifier: str = ""
    hashes: tuple[Digest, ...] = ()
    notices: tuple[Problem, ...] = field(default=(), eq=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one dependency.

        Raises:
            DependencyError: The text is none; the error says what to write instead.
        """
        if len(text) > _LONGEST:
            raise _error(text, f"is longer than {_LONGEST} characters", _EXAMPLE)
        wanted = _COMMENT.sub("", text).strip()
        _refuse_other_kinds(text, wanted)
        requirement_text, options = _split_options(wanted)
        hashes = _hashes(text, options)
        _refuse_mistakes(text, requirement_text)
        try:
            requirement = Requirement(requirement_text)
        except (InvalidRequirement, InvalidSpecifier) as problem:
            raise _not_understood(text, requirement_text, str(problem).partition("\n")[0]) from None
        except RecursionError:
            raise _error(text, _NESTED, _EXAMPLE) from None
        # Packaging lets a name end with an underscore, which none may.
        if not re.fullmatch(_NAME, requirement.name):
            remedy = f"write `{requirement.name.rstrip('._-')}{requirement.specifier}`"
            raise _error(text, "has a name that does not end with a letter or a digit", remedy)
        if requirement.url is not None:
            raise _error(text, "is a direct reference", f"write `{requirement.name}=={{version}}`: only indexes are asked for projects")
        # After `===` anything is a version, even nothing where another comma follows.
        if not all(one.version for one in requirement.specifier):
            raise _error(text, "the version is missing", f"write `{requirement.name}`")
        return cls(
            canonicalize_name(requirement.name),
            str(requirement.specifier),
            tuple(sorted(hashes)),
            notices=_notices(requirement),
        )

    @property
    def pinned_text(self) -> str | None:
        """The version as it is spelled after a lone `==` or `===`; None for anything else."""
        return _pinned(self.specifier)

    @property
    def is_pin(self) -> bool:
        """Whether one release is asked for by its version."""
        return self.pinned_text is not None

    @property
    def is_arbitrary(self) -> bool:
        """Whether the version is compared as text (`===`)."""
        return self.is_pin and self.specifier.startswith("===")

    def __str__(self) -> str:
        return " ".join([f"{self.name}{self.specifier}", *(f"--hash={digest}" for digest in self.hashes)])


def _not_understood(text: str, requirement: str, said: str) -> DependencyError:
    """Return what is wrong with a requirement that packaging refuses; its newer versions refuse more by themselves."""
    name = re.match(_NAME, requirement)
    if name is not None and _VERSION_MISSING.search(requirement.partition(";")[0]):
        return _error(text, "the version is missing", f"write `{name[0]}`")
    if "is nested more than" in said:
        return _error(text, _NESTED, _EXAMPLE)
    return _error(text, f"is not understood ({shown(said)})", _EXAMPLE)


# Asked for several times for each dependency of a sync.
@lru_cache(256)
def _pinned(specifier: str) -> str | None:
    found = tuple(SpecifierSet(specifier))
    is_wildcard = specifier.startswith("==") and not specifier.startswith("===") and specifier.endswith(".*")
    return found[0].version if len(found) == 1 and found[0].operator in {"==", "==="} and not is_wildcard else None


@lru_cache(1024)
def tag_of(version: str) -> str:
    """Return the tag of a version: `v` and its text, what git forbids percent-encoded.

    The rules are those of git-check-ref-format(1), and of the file systems on
    which a clone may unpack references. `version_of_tag` gives the text back.

    >>> tag_of("1.0"), tag_of("1..0"), tag_of("x.lock")
    ('v1.0', 'v1.%2E0', 'vx%2Elock')
    """
    escaped = quote(version, safe="!+", errors="surrogatepass").replace("~", "%7E")
    escaped = escaped.replace("..", ".%2E")
    if escaped.endswith("."):
        escaped = escaped[:-1] + "%2E"
    if escaped.lower().endswith(".lock"):
        escaped = f"{escaped[:-5]}%2E{escaped[-4:]}"
    return f"v{escaped}"


def version_of_tag(tag: str) -> str:
    """Return the version whose tag this is.

    Raises:
        ValueError: The tag is none that `tag_of` makes.
    """
    version = unquote(tag.removeprefix("v"), errors="surrogatepass")
    if tag_of(version) != tag:
        raise ValueError(f"{shown(tag)!r} is not the tag of a version")
    return version


def spelled_tag(dependency: Dependency) -> str | None:
    """Return the tag of the spelling that a pin uses, less one leading `v`; None for anything else."""
    spelled = dependency.pinned_text
    return None if spelled is None else tag_of(spelled.removeprefix("v"))


def _refuse_other_kinds(text: str, wanted: str) -> None:
    if not wanted:
        raise _error(text, "is empty", _EXAMPLE)
    if wanted.startswith(("-e", "--editable")):
        raise _error(text, "is an editable install", "name the project and a version; a folder's source is searched where it is")
    if wanted.startswith("-"):
        raise _error(text, "is an option", "write one dependency an entry; an index goes into `urls`")
    if _PATH.match(wanted):
        raise _error(text, "is a path", _EXAMPLE)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", wanted):
        raise _error(text, "is a URL", _EXAMPLE)
    if re.match(r"[<>=~!]", wanted):
        raise _error(text, "has no project's name", f"write the name first, such as `numpy{shown(wanted)}`")


def _split_options(wanted: str) -> tuple[str, str]:
    head, separator, rest = wanted.partition(" --")
    return head.rstrip().rstrip("\\").rstrip(), f"--{rest}" if separator else ""


def _hashes(text: str, options: str) -> set[Digest]:
    left = _HASH.sub("", options).replace("\\", "").strip()
    if left:
        raise _error(text, f"has an option that is not known here, {shown(left)!r}", "only --hash=sha256:<digest> may follow")
    try:
        return {Digest.parse(found[1]) for found in _HASH.finditer(options)}
    except ValueError as problem:
        raise _error(text, shown(str(problem)), "write --hash=sha256:<64 hexadecimal digits>") from None


def _refuse_mistakes(text: str, wanted: str) -> None:
    for pattern, message, remedy in _MISTAKES:
        if found := pattern.fullmatch(wanted):
            raise _error(text, message, f"write `{shown(remedy.format(*found.groups()))}`")


def _notices(requirement: Requirement) -> tuple[Problem, ...]:
    notices = []
    if requirement.extras:
        extras = ",".join(sorted(requirement.extras))
        notices.append(Problem("", f"the extra [{extras}] is set aside", "extras choose what is installed, not what is in the package"))
    if requirement.marker is not None:
        notices.append(Problem("", f"the marker `{requirement.marker}` is set aside", "the package is taken wherever this runs"))
    return tuple(notices)


def _error(text: str, message: str, remedy: str) -> DependencyError:
    # A direct reference may hold a password, and errors show none.
    safe, message, remedy = (_USER_INFORMATION.sub("://****@", part) for part in (text, message, remedy))
    return DependencyError(safe, Problem("", message, remedy))
