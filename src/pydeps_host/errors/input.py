"""Is it my input?"""

from attrs import frozen

from pydeps_host.errors.root import HostError
from pydeps_host.values import shown


class InputError(HostError):
    """What the caller gave cannot be used; nothing was done."""

    code = "input"


@frozen
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        place: Where: `dependencies[3]`, `rateLimit.requestsPerHour`, `line 4, column 7`; may be empty.
        message: What is wrong.
        remedy: What would be right.
    """

    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.message}; {self.remedy}" if self.remedy else f"{place}{self.message}"


@frozen(str=False)
class ConfigError(InputError):
    """A configuration with problems, all of them at once.

    Attributes:
        source: The file's name, or what the text was.
        problems: In the order of the text, one at least.
    """

    code = "config"

    source: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        count = len(self.problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        return f"{shown(self.source)}: {count} problem{'s' if count > 1 else ''}{lines}"


@frozen(str=False)
class DependencyError(InputError):
    """A text that is no dependency.

    Attributes:
        text: What was given.
        problem: What is wrong, and what to write instead.
    """

    code = "dependency"

    text: str
    problem: Problem

    def __str__(self) -> str:
        return f"{shown(self.text)!r}: {self.problem}"


@frozen(str=False)
class LockfileError(InputError):
    """A lock file, or what should hold some, that cannot be read; nothing was taken of it.

    Attributes:
        path: The file, the folder, or the repository and its revision.
        place: Where in it: `package[3].files[0].hash`, `line 4, column 7`; may be empty.
        reason: `unreadable`, `unknown-format`, `unsupported-version`, `malformed`, `limit` or `repository`, stable.
        message: What is wrong.
        remedy: What would be right.
    """

    code = "lockfile"

    path: str
    place: str
    reason: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{shown(self.path)}: {Problem(self.place, self.message, self.remedy)}"


@frozen(str=False)
class UsageError(InputError):
    """A call that makes no sense as it was made.

    Attributes:
        message: What is wrong.
        remedy: What would be right.
    """

    code = "usage"

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


@frozen(str=False)
class BlockedError(InputError):
    """The configuration's filters keep it out.

    Attributes:
        wanted: What was asked for: a dependency's text.
        by: The key and the pattern that keep it out, such as `filters.block: numpy==*rc*`.
    """

    code = "blocked"

    wanted: str
    by: str

    def __str__(self) -> str:
        return f"{shown(self.wanted)} is blocked by {self.by}; change `filters`, if it is to come"
