"""What a lock file says, as frozen values."""

import re
from enum import Enum
from typing import Self

from attrs import field, frozen
from attrs.validators import gt

from pydeps_host.dependency import Dependency
from pydeps_host.values import Url, UrlSyntaxError, shown

# To the last `@`: a password may have slashes, blanks and more of them in it.
_USER_INFORMATION = re.compile(r"//.*@", re.DOTALL)
_MIB = 1024 * 1024


class Format(Enum):
    """A kind of lock file; the value is the name that its tool gives it."""

    POETRY = "poetry.lock"
    PIPFILE = "Pipfile.lock"
    UV = "uv.lock"
    PDM = "pdm.lock"
    PYLOCK = "pylock.toml"
    REQUIREMENTS = "requirements.txt"


def _bound(default: int) -> int:
    limit: int = field(default=default, validator=gt(0))
    return limit


@frozen(kw_only=True)
class LockLimits:
    """How much is taken from a lock file, a folder or a repository before it is refused.

    Attributes:
        file_bytes: One lock file, the files that it includes counted in.
        tokens: `{`, `[`, `,` and `=` in a file of TOML or JSON, counted before it is parsed.
        entries: Packages and lines of one lock file.
        includes: How deep `-r` and `-c` may lead from one file to the next.
        files: Lock files of one folder or repository.
        all_bytes: All lock files of one folder or repository together; one that stands there twice counts twice.
        all_entries: Packages and lines of all those together.
        visited: Files and folders that are looked at to find them.
        depth: Folders in one another.
        object_bytes: What the objects of a repository may unpack to, all together.
    """

    file_bytes: int = _bound(16 * _MIB)
    tokens: int = _bound(1_000_000)
    entries: int = _bound(50_000)
    includes: int = _bound(10)
    files: int = _bound(10_000)
    all_bytes: int = _bound(256 * _MIB)
    all_entries: int = _bound(500_000)
    visited: int = _bound(1_000_000)
    depth: int = _bound(64)
    object_bytes: int = _bound(1024 * _MIB)


@frozen
class NamedIndex:
    """An index as a lock file names it; it is compared with those that are configured, and never asked for that.

    Attributes:
        text: For a person: escaped, and without a password.
        url: None where it is a path, or a URL that no index has.
    """

    text: str
    url: Url | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what a lock file says; a variable in it stays as it is written."""
        try:
            url = Url.parse(text)
        except UrlSyntaxError:
            return cls(masked(text))
        return cls(shown(str(url)), url)

    def is_at(self, url: Url) -> bool:
        """Whether it is the index at `url`: the same origin and path, whatever the user information."""
        return self.url is not None and (self.url.origin, self.url.path.rstrip("/")) == (url.origin, url.path.rstrip("/"))


@frozen
class Locked:
    """One dependency of a lock file.

    Attributes:
        dependency: A project, mostly pinned, and the digests that the file lists for it.
        place: Where it stands: `package[3]`, `line 4`.
        indexes: The file says that it comes from one of these and from nowhere else; empty where it says nothing of the kind.
    """

    dependency: Dependency
    place: str
    indexes: tuple[NamedIndex, ...] = ()


@frozen
class LeftOut:
    """What a lock file lists and no index has.

    Attributes:
        place: Where it stands.
        reason: A stable code: `vcs` (a revision of a repository), `url` (a file at a URL), `path` (a file or
            folder beside the project, and the project itself), `no-version`, `source` (of a kind that is not
            known), `contradiction` (a requirement that its constraints exclude), `variable` (an environment
            variable would have to be read), `include` (a `-r` or `-c` that leads out of the folder), `option`
            (one that is not known).
        text: What it is, escaped, without a password.
    """

    place: str
    reason: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text} ({self.reason})"


@frozen(kw_only=True)
class Lockfile:
    """A lock file that was read.

    Attributes:
        path: The file; in a repository, the revision and the path in it.
        format: What it is.
        version: Of the format, as the file spells it; empty for requirements.
        entries: Each dependency once for each set of indexes, in the order of the file.
        left_out: What could not be taken, in the order of the file.
        indexes: Every index that it names, each once.
    """

    path: str
    format: Format
    version: str = ""
    entries: tuple[Locked, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    indexes: tuple[NamedIndex, ...] = ()

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """The dependencies, each once."""
        return tuple(dict.fromkeys(entry.dependency for entry in self.entries))


def masked(text: str) -> str:
    """Return a stranger's text for a person: on one line, escaped, and without what stands before an @ in a URL."""
    return shown(_USER_INFORMATION.sub("//****@", text[:2000]))
