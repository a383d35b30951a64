"""What a repair tells, for a person and for a program."""

from enum import Enum
from pathlib import Path
from typing import Any

from attrs import frozen

from pydeps_host.errors import HostError
from pydeps_host.host.reports import SCHEMA, error_to_json
from pydeps_host.repository import Damage
from pydeps_host.values import escape


class Repair(Enum):
    """What became of one version; the value is what JSON carries."""

    REBUILT = "rebuilt"
    KEPT = "kept"
    CHANGED = "changed"
    LOST = "lost"


@frozen(kw_only=True)
class VersionRepair:
    """One version of a repaired repository.

    Attributes:
        version: Its text.
        status: `REBUILT` from the index and `KEPT` from what was still sound have the ids that
            were recorded; `CHANGED` has others; `LOST` is not there.
        before: The commit's id that was recorded, or None.
        commit: The commit's id now, or None.
        reason: Why the ids changed, or why the index did not do; empty otherwise.
        error: Why it is lost, or None.
    """

    version: str
    status: Repair
    before: str | None
    commit: str | None = None
    reason: str = ""
    error: HostError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the version's part of a JSON line."""
        return {
            "version": escape(self.version),
            "status": self.status.value,
            "before": self.before,
            "commit": self.commit,
            "reason": self.reason,
            "error": error_to_json(self.error),
        }


@frozen(kw_only=True)
class RepairReport:
    """What was wrong with a repository, and what became of it.

    Attributes:
        name: The project's normalised name.
        repository: The repository's folder.
        damages: What was wrong; nothing where nothing had to be done.
        set_aside: Where the damaged repository is now; None where it is in its place still.
        versions: What became of each version that there was, newest first.
        notices: What a person should know.
        error: What kept it from being repaired, or None.
    """

    name: str
    repository: Path
    damages: tuple[Damage, ...] = ()
    set_aside: Path | None = None
    versions: tuple[VersionRepair, ...] = ()
    notices: tuple[str, ...] = ()
    error: HostError | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the repository is sound now, with every version and the ids that it had."""
        return self.error is None and all(version.status in {Repair.REBUILT, Repair.KEPT} for version in self.versions)

    def to_json(self) -> dict[str, Any]:
        """Return the repair as one JSON line's value (`"kind": "repair"`)."""
        return {
            "schema": SCHEMA,
            "kind": "repair",
            "name": self.name,
            "repository": escape(str(self.repository)),
            "damages": [damage_to_json(damage) for damage in self.damages],
            "set_aside": None if self.set_aside is None else escape(str(self.set_aside)),
            "versions": [version.to_json() for version in self.versions],
            "notices": list(self.notices),
            "succeeded": self.succeeded,
            "error": error_to_json(self.error),
        }


def damage_to_json(damage: Damage) -> dict[str, Any]:
    """Return a damage as JSON carries it."""
    return {
        "code": damage.code,
        "where": damage.where,
        "what": damage.what,
        "object": damage.object,
        "reference": damage.reference,
        "line": damage.line,
        "remedy": damage.remedy,
    }
