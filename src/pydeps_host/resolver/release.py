"""A project's releases, and which file stands for each."""

from attrs import field, frozen
from packaging.utils import NormalizedName
from packaging.version import Version

from pydeps_host.errors import Problem
from pydeps_host.simple_api import File
from pydeps_host.values import Digest


@frozen
class Release:
    """One version of one project, and the files that can stand for it.

    Attributes:
        name: The project's normalised name.
        text: The first candidate's version, normalised; as its name spells it where PEP 440 does not know it.
        version: The first candidate's version, or None where PEP 440 does not know it.
        candidates: In order of preference, one at least.
        yanked: Whether every file of it was withdrawn (PEP 592).
        yanked_reason: Why, or None.
        required: One of these digests is required of the file that is taken; empty for any.
    """

    name: NormalizedName
    text: str
    version: Version | None
    candidates: tuple[File, ...]
    yanked: bool = False
    yanked_reason: str | None = None
    required: tuple[Digest, ...] = ()


@frozen
class SetAside:
    """A file that is no candidate.

    Attributes:
        filename: Its name.
        reason: A stable code: `not-a-distribution`, `binary-distribution`, `other-project` and
            `wheel-name` (no name that a wheel can have) by its name, `digest` (none that the
            dependency requires), `spelling` (of the version, for `===`), `contradiction` (the page
            tells two digests or two sizes of it), `blocked` (by the filters).
        text: The version as the name spells it, or empty where it tells none.
        detail: What the reason rests on, such as the digests that the index gives; may be empty.
    """

    filename: str
    reason: str
    text: str = ""
    detail: str = field(default="", eq=False)


@frozen
class Choice:
    """What a dependency takes of a project.

    Attributes:
        releases: The newest first, one at least.
        cut: How many more releases match, and were left out by `versions_per_dependency`.
        set_aside: The page's files that are candidates of no release, and why, in order of their names.
        notices: What a person should know about the choice.
        blocked: Versions that would be taken if no filter kept them out, as (text, what keeps it out).
    """

    releases: tuple[Release, ...]
    cut: int = 0
    set_aside: tuple[SetAside, ...] = ()
    notices: tuple[Problem, ...] = ()
    blocked: tuple[tuple[str, str], ...] = ()
