"""What a plan or a sync tells, for a person and for a program."""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from attrs import field, frozen

from pydeps_host.errors import HostError
from pydeps_host.events import LockfileRead
from pydeps_host.values import NotedMember, Tried, escape

# Raised when a field of the JSON changes its meaning or goes; added fields keep it.
SCHEMA = 1


class Status(Enum):
    """What became of one version; the value is what JSON carries."""

    ADDED = "added"
    PRESENT = "present"
    REMOVED = "removed"
    FAILED = "failed"
    PLANNED = "planned"
    BLOCKED = "blocked"


@frozen(kw_only=True)
class VersionReport:
    """One version of one project.

    Attributes:
        version: The release's text.
        status: What became of it.
        tag: Its tag in the repository.
        commit: The commit's id in hexadecimal, or None where there is none (yet).
        file: The name of the file that it is made of, or that was planned or tried first.
        sha256: That file's SHA-256, or None where it is not known.
        skipped: How many entries of the archive were skipped, by reason code.
        skips: The first 1,000 of them.
        set_aside: Files that were tried before, and why each gave way.
        blocked_by: The key and the pattern of `filters` that keep it out, or None. That is no failure.
        error: Why it failed, or None.
    """

    version: str
    status: Status
    tag: str
    commit: str | None = None
    file: str | None = None
    sha256: str | None = None
    skipped: tuple[tuple[str, int], ...] = ()
    skips: tuple[NotedMember, ...] = ()
    set_aside: tuple[tuple[str, str], ...] = ()
    blocked_by: str | None = None
    error: HostError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the version's part of a JSON line."""
        return {
            "version": escape(self.version),
            "status": self.status.value,
            "tag": self.tag,
            "commit": self.commit,
            "file": None if self.file is None else escape(self.file),
            "sha256": self.sha256,
            "skipped": dict(self.skipped),
            "skips": [{"path": skip.path, "reason": skip.reason, "offset": skip.offset} for skip in self.skips],
            "set_aside": [{"file": escape(file), "reason": escape(reason)} for file, reason in self.set_aside],
            "blocked_by": None if self.blocked_by is None else escape(self.blocked_by),
            "error": error_to_json(self.error),
        }


@frozen(kw_only=True)
class ChoiceReport:
    """How one dependency's releases were chosen: the whole story of a page.

    Attributes:
        dependency: Its text.
        index: The name of the index whose page it is.
        releases: What it takes, newest first: (version, names of its files in order of preference).
        cut: How many more releases match, and are left out by `versionsPerDependency`.
        set_aside: Files that come into question for no release, as (name, reason).
        others: Files of releases that are not taken, as (name, `yanked` or `other-release`).
        skipped: Entries of the page that could not be read, as (text, reason).
    """

    dependency: str
    index: str
    releases: tuple[tuple[str, tuple[str, ...]], ...]
    cut: int
    set_aside: tuple[tuple[str, str], ...]
    others: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the choice's part of a JSON line."""
        return {
            "dependency": escape(self.dependency),
            "index": escape(self.index),
            "releases": [{"version": escape(text), "files": [escape(file) for file in files]} for text, files in self.releases],
            "cut": self.cut,
            "set_aside": [{"file": escape(file), "reason": reason} for file, reason in self.set_aside],
            "others": [{"file": escape(file), "reason": reason} for file, reason in self.others],
            "skipped": [{"entry": escape(entry), "reason": reason} for entry, reason in self.skipped],
        }


@frozen(kw_only=True)
class ProjectReport:
    """One project: where it came from, and what became of each version asked for.

    Attributes:
        name: The normalised name.
        repository: The repository's folder, or None where there is none.
        index: The name of the index that answers for the project, or None.
        tried: Every URL that was asked, in order.
        versions: Newest first; removed ones last.
        notices: What a person should know and what stopped nothing.
        choices: Of a plan: how each dependency's releases were chosen.
        error: What stopped the project as a whole, or None.
    """

    name: str
    repository: Path | None = None
    index: str | None = None
    tried: tuple[Tried, ...] = ()
    versions: tuple[VersionReport, ...] = ()
    notices: tuple[str, ...] = ()
    choices: tuple[ChoiceReport, ...] = ()
    error: HostError | None = None

    @property
    def succeeded(self) -> bool:
        """Whether everything that was asked for is there, is planned, or is blocked."""
        return self.error is None and all(version.error is None for version in self.versions)

    def to_json(self, *, verbose: bool = False) -> dict[str, Any]:
        """Return the project as one JSON line's value (`"kind": "package"`).

        Args:
            verbose: Whether to tell how the releases were chosen, too.
        """
        choices = {"choices": [choice.to_json() for choice in self.choices]} if verbose else {}
        return {
            "schema": SCHEMA,
            "kind": "package",
            "name": self.name,
            "repository": None if self.repository is None else escape(str(self.repository)),
            "index": None if self.index is None else escape(self.index),
            "tried": [_tried_to_json(one) for one in self.tried],
            "versions": [version.to_json() for version in self.versions],
            "notices": list(self.notices),
            **choices,
            "error": error_to_json(self.error),
        }


def _tried_to_json(tried: Tried) -> dict[str, Any]:
    return {
        "url": str(tried.url),
        "outcome": tried.outcome.value,
        "detail": tried.detail,
        "status": tried.status,
        "until": None if tried.until is None else tried.until.isoformat(),
    }


def _by_name(projects: Iterable[ProjectReport]) -> tuple[ProjectReport, ...]:
    return tuple(sorted(projects, key=lambda project: project.name))


@frozen
class SyncReport:
    """All projects of a plan or a sync.

    Attributes:
        projects: In the order of their names.
        lockfiles: What came of each lock file, in the order in which they were read.
    """

    projects: tuple[ProjectReport, ...] = field(converter=_by_name)
    lockfiles: tuple[LockfileRead, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether every project did, and every lock file could be read."""
        return all(project.succeeded for project in self.projects) and all(read.error is None for read in self.lockfiles)

    def count(self, status: Status) -> int:
        """Return how many versions have this status."""
        return sum(version.status is status for project in self.projects for version in project.versions)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as the last JSON line's value (`"kind": "summary"`)."""
        failed = sum(not project.succeeded for project in self.projects)
        return {
            "schema": SCHEMA,
            "kind": "summary",
            "projects": len(self.projects),
            "succeeded": len(self.projects) - failed,
            "failed": failed,
            "versions": {status.value: self.count(status) for status in Status},
        }


def error_to_json(error: HostError | None) -> dict[str, Any] | None:
    """Return an error as JSON carries it, or None."""
    if error is None:
        return None
    return {"type": type(error).__name__, "code": error.code, "message": escape_lines(str(error)), "retryable": error.retryable}


def escape_lines(text: str) -> str:
    """Escape a message of several lines, keeping the line breaks that are ours."""
    return "\n".join(escape(line).replace("\\\\", "\\") for line in text.split("\n"))
