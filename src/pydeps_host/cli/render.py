"""What the command shows: for a terminal, for a log, for a program."""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from attrs import asdict

from pydeps_host.cli.story import story
from pydeps_host.errors import HostError
from pydeps_host.events import DownloadFinished, Event, LockfileRead, RequestSent
from pydeps_host.host import ProjectReport, Repair, RepairReport, Status, SyncReport, VersionReport, damage_to_json, error_to_json
from pydeps_host.repository import Damage, Maintained, Repository
from pydeps_host.store import Prunable, Released
from pydeps_host.values import escape, shown

if TYPE_CHECKING:
    from pydeps_host.cli.progress import Bars

_SCHEMA = 1


class Display(Protocol):
    """Where a command's results go; a context manager around the work itself."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def observe(self, event: Event, /) -> None:
        """Take an event of the work under way."""

    def project(self, report: ProjectReport) -> None:
        """Tell what became of one project."""

    def summary(self, report: SyncReport) -> None:
        """Tell what became of all."""

    def repository(self, repository: Repository) -> None:
        """Tell what a repository holds."""

    def maintained(self, repository: Repository, done: Maintained) -> None:
        """Tell what maintenance did for a repository."""

    def prunable(self, found: Prunable) -> None:
        """Tell a repository that nothing claims."""

    def pruned(self, found: Sequence[Prunable], removed: Sequence[Prunable], *, dry_run: bool) -> None:
        """Tell how many such repositories there were, and how many are gone."""

    def released(self, done: Released) -> None:
        """Tell which claims ended, and what went with them."""

    def damages(self, name: str, path: Path, damages: Sequence[Damage]) -> None:
        """Tell what is wrong with a repository."""

    def repaired(self, report: RepairReport) -> None:
        """Tell what became of a damaged repository."""

    def verified(self, results: Sequence[str]) -> None:
        """Tell how many repositories were `sound`, `repaired` and `damaged`."""

    def note(self, text: str) -> None:
        """Tell what a person should know."""

    def error(self, where: str, problem: HostError) -> None:
        """Tell what went wrong, and what to do about it."""

    def interrupted(self) -> None:
        """Tell that the work ended before its time."""


def display_for(*, as_json: bool, verbose: bool = False) -> Display:
    """Choose the display: JSON lines, bars on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonLines(verbose=verbose)
    if not sys.stderr.isatty():
        return Lines(None, verbose=verbose)
    from pydeps_host.cli.progress import Bars

    return Lines(Bars(), verbose=verbose)


class Lines:
    """Lines for a person: results on standard output, problems and bars on standard error."""

    def __init__(self, bars: "Bars | None", *, verbose: bool = False) -> None:
        self._bars = bars
        self._verbose = verbose
        self._started = time.monotonic()
        self._requests = 0
        self._received = 0

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    def observe(self, event: Event, /) -> None:
        if isinstance(event, RequestSent):
            self._requests += 1
        elif isinstance(event, DownloadFinished):
            self._received += event.received
        elif isinstance(event, LockfileRead):
            self._lockfile(event)
        if self._bars:
            self._bars.observe(event)

    def _lockfile(self, read: LockfileRead) -> None:
        path = shown(read.path)
        if read.error is not None:
            self.error(f"lock file {path}", read.error)
            return
        for place, reason, text in read.left_out:
            self.note(f"{path}: {place}: left out ({reason}): {text}")
        for notice in read.notices:
            self.note(f"{path}: {notice}")
        if read.format:
            print(f"{path}: {read.dependencies} {'dependency' if read.dependencies == 1 else 'dependencies'} ({read.format})", flush=True)

    def project(self, report: ProjectReport) -> None:
        for notice in report.notices:
            self.note(f"{report.name}: {notice}")
        print(_project_line(report))
        for version in report.versions:
            for file, reason in version.set_aside:
                self.note(f"{report.name} {shown(version.version)}: {shown(file)} gave way: {shown(reason)}")
            if version.skips and version.status is Status.ADDED:
                self.note(f"{report.name} {shown(version.version)}: {_left_out(version)}")
            if version.blocked_by is not None:
                self.note(f"{_wanted(report, version)}: blocked by {shown(version.blocked_by)}")
            if version.status is Status.PLANNED:
                print(f"  {version.tag}  {shown(version.file or '')}")
        if self._verbose:
            print("".join(f"  {line}\n" for line in story(report)), end="")
        sys.stdout.flush()
        for where, problem in _problems(report):
            self.error(where, problem)

    def summary(self, report: SyncReport) -> None:
        failed = sum(not project.succeeded for project in report.projects)
        counts = ", ".join(f"{report.count(status)} {status.value}" for status in Status if report.count(status))
        projects = f"{len(report.projects)} project{'s' if len(report.projects) != 1 else ''}"
        requests = f"{self._requests} request{'s' if self._requests != 1 else ''}"
        spent = f"{requests}, {_size(self._received)}, {time.monotonic() - self._started:.1f} s"
        print(f"{projects} ({failed} failed); versions: {counts or 'none'}; {spent}")

    def repository(self, repository: Repository) -> None:
        versions = repository.versions()
        newest = f"latest {shown(repository.latest)}" if repository.latest else "nothing published"
        count = f"{len(versions)} version{'s' if len(versions) != 1 else ''}"
        print(f"{repository.name:<28} {newest:<22} {count:<14} {repository.path}")

    def maintained(self, repository: Repository, done: Maintained) -> None:
        if done.problem is not None:
            self.note(f"{repository.name}: packed without deltas: {done.problem}")
        packs = f"{done.packs_before} -> {done.packs_after} pack{'s' if done.packs_after != 1 else ''}"
        kept = f"  {_size(done.kept_bytes)} superseded" if done.kept else ""
        print(f"{repository.name:<28} {packs:<22} {_size(done.bytes_before)} -> {_size(done.bytes_after)}{kept}", flush=True)

    def prunable(self, found: Prunable) -> None:
        print(f"{found.name:<28} {'nothing claims it':<22} {_size(found.size):<14} {found.path}", flush=True)

    def pruned(self, found: Sequence[Prunable], removed: Sequence[Prunable], *, dry_run: bool) -> None:
        gone, what = (found, "would go") if dry_run else (removed, "removed")
        count = f"{len(gone)} repositor{'ies' if len(gone) != 1 else 'y'} {what}"
        print(f"{count}, {_size(sum(one.size for one in gone))}" if found else "nothing to remove", flush=True)

    def released(self, done: Released) -> None:
        ended = ", ".join(f"{shown(entry)} of {shown(claimant)}" for claimant, entry in done.claims)
        gone = ", ".join(map(shown, done.removed)) or "no version"
        print(f"{done.name:<28} released {ended}; {gone} removed", flush=True)

    def damages(self, name: str, path: Path, damages: Sequence[Damage]) -> None:
        count = f"{len(damages)} thing{'s' if len(damages) != 1 else ''} wrong"
        print(f"{name:<28} {f'damaged: {count}' if damages else 'sound':<22} {path}", flush=True)
        for damage in damages:
            print(f"  {damage}")
        for remedy in dict.fromkeys(damage.remedy for damage in damages):
            print(f"  what to do: {remedy}")

    def repaired(self, report: RepairReport) -> None:
        self.damages(report.name, report.repository, report.damages)
        for notice in report.notices:
            self.note(f"{report.name}: {notice}")
        for version in report.versions:
            if version.status is not Repair.REBUILT:
                was = f" (it was {version.before})" if version.status is Repair.CHANGED else ""
                print(f"  {shown(version.version)} {version.status.value}{was}: {shown(version.reason or str(version.error))}")
        if report.set_aside is not None:
            counts = Counter(version.status.value for version in report.versions)
            said = ", ".join(f"{count} version{'s' if count != 1 else ''} {status}" for status, count in counts.items())
            print(f"  repaired: {said or 'it held no version'}; the damaged one is {report.set_aside}", flush=True)
        if report.error is not None:
            self.error(report.name, report.error)

    def verified(self, results: Sequence[str]) -> None:
        counts = Counter(results)
        said = ", ".join(f"{counts[result]} {result}" for result in ("sound", "repaired", "damaged") if counts[result])
        print(f"{len(results)} repositor{'ies' if len(results) != 1 else 'y'}: {said or 'nothing to check'}")

    def note(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr, flush=True)

    def error(self, where: str, problem: HostError) -> None:
        body = str(problem).replace("\n", "\n  ")
        print(f"error: {where}\n  {body}", file=sys.stderr, flush=True)

    def interrupted(self) -> None:
        print("stopped: what was published stays, and the next sync goes on from there", file=sys.stderr, flush=True)


class JsonLines:
    """One JSON value a line on standard output, and nothing else anywhere."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stdout.flush()

    def observe(self, event: Event, /) -> None:
        if isinstance(event, LockfileRead):
            left_out = [{"place": escape(place), "reason": reason, "text": text} for place, reason, text in event.left_out]
            _print_json(
                {
                    "schema": _SCHEMA,
                    "kind": "lockfile",
                    "path": escape(event.path),
                    "format": event.format or None,
                    "dependencies": event.dependencies,
                    "left_out": left_out,
                    "notices": list(event.notices),
                    "error": error_to_json(event.error),
                }
            )

    def project(self, report: ProjectReport) -> None:
        _print_json(report.to_json(verbose=self._verbose))

    def summary(self, report: SyncReport) -> None:
        _print_json(report.to_json())

    def repository(self, repository: Repository) -> None:
        _print_json(
            {
                "schema": _SCHEMA,
                "kind": "repository",
                "name": repository.name,
                "repository": escape(str(repository.path)),
                "latest": None if repository.latest is None else escape(repository.latest),
                "versions": [escape(version) for version in repository.versions()],
                "generation": repository.generation,
            }
        )

    def maintained(self, repository: Repository, done: Maintained) -> None:
        told = asdict(done) | {"problem": None if done.problem is None else escape(done.problem)}
        _print_json({"schema": _SCHEMA, "kind": "maintained", "name": repository.name, **told})

    def prunable(self, found: Prunable) -> None:
        told = {"name": found.name, "repository": escape(str(found.path)), "bytes": found.size, "generation": found.generation}
        _print_json({"schema": _SCHEMA, "kind": "prunable", **told})

    def pruned(self, found: Sequence[Prunable], removed: Sequence[Prunable], *, dry_run: bool) -> None:  # noqa: ARG002 - the summary tells it: none is removed
        told = {"prunable": len(found), "removed": len(removed), "bytes": sum(one.size for one in removed)}
        _print_json({"schema": _SCHEMA, "kind": "summary", **told})

    def released(self, done: Released) -> None:
        claims = [{"claimant": escape(claimant), "entry": escape(entry)} for claimant, entry in done.claims]
        removed = [escape(text) for text in done.removed]
        _print_json({"schema": _SCHEMA, "kind": "released", "name": done.name, "claims": claims, "removed": removed})

    def damages(self, name: str, path: Path, damages: Sequence[Damage]) -> None:
        told = [damage_to_json(damage) for damage in damages]
        _print_json({"schema": _SCHEMA, "kind": "verified", "name": name, "repository": escape(str(path)), "damages": told})

    def repaired(self, report: RepairReport) -> None:
        _print_json(report.to_json())

    def verified(self, results: Sequence[str]) -> None:
        counts = {result: results.count(result) for result in ("sound", "repaired", "damaged")}
        _print_json({"schema": _SCHEMA, "kind": "summary", "repositories": len(results), **counts})

    def note(self, text: str) -> None:
        pass

    def error(self, where: str, problem: HostError) -> None:
        _print_json({"schema": _SCHEMA, "kind": "error", "where": where, "error": error_to_json(problem)})

    def interrupted(self) -> None:
        _print_json({"schema": _SCHEMA, "kind": "interrupted"})


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def _project_line(report: ProjectReport) -> str:
    if report.error is not None:
        return f"{report.name:<28} failed"
    counts = {status: [version for version in report.versions if version.status is status] for status in Status}
    said = ", ".join(_count(versions, status) for status, versions in counts.items() if versions)
    where = f"  {report.repository}" if report.repository is not None else ""
    return f"{report.name:<28} {said or 'nothing to do'}{where}"


def _count(versions: list[VersionReport], status: Status) -> str:
    return f"{versions[0].tag} {status.value}".strip() if len(versions) == 1 else f"{len(versions)} versions {status.value}"


def _wanted(report: ProjectReport, version: VersionReport) -> str:
    """Name what was asked for: a bare name asks for no version."""
    return report.name if version.version == "*" else f"{report.name} {shown(version.version)}"


def _left_out(version: VersionReport) -> str:
    first = version.skips[0]
    place = f" at byte {first.offset}" if first.offset is not None else ""
    counts = ", ".join(f"{reason} {count}" for reason, count in version.skipped)
    return f"left out of {shown(version.file or '')}: {counts} (first {shown(first.path)!r}{place})"


def _problems(report: ProjectReport) -> list[tuple[str, HostError]]:
    whole = [(report.name, report.error)] if report.error is not None else []
    return whole + [(f"{report.name} {shown(version.version)}", version.error) for version in report.versions if version.error is not None]


def _size(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
