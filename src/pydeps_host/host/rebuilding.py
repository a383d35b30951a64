"""Versions made again, each with the id that it had."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from attrs import evolve, field, frozen
from packaging.utils import NormalizedName

from pydeps_host.dependency import Dependency, tag_of
from pydeps_host.errors import (
    ArchiveError,
    ChangedError,
    ClosedError,
    DeadlineError,
    DigestError,
    FileGoneError,
    HostError,
    MissingError,
    NoCandidateError,
    StoreError,
    TooLargeError,
)
from pydeps_host.host.making import Made, Means, make
from pydeps_host.host.order import Wanted
from pydeps_host.host.repair_reports import Repair, VersionRepair
from pydeps_host.host.spooling import drop
from pydeps_host.host.survivors import Survivors
from pydeps_host.host.tools import Tools
from pydeps_host.repository import Batch, Repository, RowError, Status, VersionRow
from pydeps_host.resolver import Release, Resolver
from pydeps_host.simple_api import File, Project, version_of
from pydeps_host.values import Digest, Url, shown

_INTERRUPTS: Final = (ClosedError, DeadlineError, StoreError)
# What an index says of the version itself. Anything else, such as a login page, may be another tomorrow.
_FOR_GOOD: Final = (MissingError, ChangedError, DigestError, ArchiveError, NoCandidateError, TooLargeError)


@frozen(kw_only=True)
class Source:
    """Where the versions of one project are made again from.

    Attributes:
        name: The project.
        owner: The index that is recorded as its owner, or None.
        survivors: What is still sound of the damaged repository.
        damaged: The damaged repository, for the locks of its versions.
        tools: What the work shares.
    """

    name: NormalizedName
    owner: str | None
    survivors: Survivors
    damaged: Repository
    tools: Tools
    _pages: dict[str, Project | HostError] = field(factory=dict, init=False)

    def page(self, index: str) -> Project:
        """Return the project's page at an index of this name, else at its owner; asked for once each.

        Raises:
            HostError: What the index answered instead.
        """
        if index not in self._pages:
            try:
                self._pages[index] = self._ask(index)
            except HostError as problem:
                self._pages[index] = problem
        found = self._pages[index]
        if isinstance(found, HostError):
            raise found
        return found

    def _ask(self, index: str) -> Project:
        tools = self.tools
        named = [one for one in tools.config.urls if one.name == index]
        if not named:
            return tools.resolver.find(self.name, owner=self.owner, priority=tools.priority, deadline=tools.deadline).project
        alone = Resolver(named, transport=tools.transport, observer=tools.tell, options=tools.resolver.options)
        return alone.find(self.name, priority=tools.priority, deadline=tools.deadline).project


class Rebuilt:
    """One batch of versions that are made again."""

    def __init__(self, source: Source, batch: Batch) -> None:
        self._source = source
        self._batch = batch
        self._spooled: list[Made] = []
        self.reports: list[VersionRepair] = []

    def bring(self, row: VersionRow) -> None:
        """Make one version again: from the index, else of what is still sound.

        Raises:
            HostError: The index cannot be asked now; nothing is lost yet.
        """
        source = self._source
        with source.damaged.version_lock(row.text, stop=source.tools.stop, deadline=source.tools.deadline):
            other_policy = row.policy and row.policy != source.tools.policy.text
            if other_policy and self._keep(row, "it was made under another policy"):
                return
            found = self._from_index(row)
            if isinstance(found, Made) and _has_ids_of(row, found.row):
                self._add(_joined(row, found.row), Repair.REBUILT, row)
            elif not self._keep(row, _why_not(row, found)):
                self._settle(row, found)

    def drop_spools(self) -> None:
        """Remove the files of versions that are published now."""
        source = self._source
        for made in self._spooled:
            if made.artifact is not None:
                # As after a sync: what somebody keeps from being removed now is removed later.
                waited = source.damaged.version_lock(made.row.text, stop=source.tools.stop, deadline=source.tools.deadline)
                with suppress(ClosedError, DeadlineError), waited:
                    drop(made.artifact.path)

    def _from_index(self, row: VersionRow) -> Made | HostError:
        try:
            wanted = self._wanted(row)
            # What was chosen once, the date above all, is chosen again only where nothing tells it.
            made = make(wanted, row, Means.here(self._batch, self._source.tools), self._source.tools)
        except _INTERRUPTS:
            raise
        except HostError as problem:
            return problem
        if made.error is not None:
            return made.error
        self._spooled.append(made)
        return made

    def _wanted(self, row: VersionRow) -> Wanted:
        source = self._source
        project = source.page(row.index)
        required = (Digest("sha256", row.sha256),) if row.sha256 is not None else ()
        if row.filename:
            release, page = Release(source.name, row.text, version_of(row.text), (_file(project, row),), row.yanked), project.url
        else:
            release, page = self._chosen(row)
        tags = sorted((tag.name for tag in row.tags), key=lambda name: name != tag_of(release.text))
        index = row.index or self._owner()
        return Wanted(release=release, index=index, tags=tuple(tags), required=required, entries=(), page=page)

    def _owner(self) -> str:
        return self._source.owner or self._source.tools.resolver.find(self._source.name).index.name

    def _chosen(self, row: VersionRow) -> tuple[Release, Url]:
        """Choose a version's file as at the first time, for nothing tells which one it was; return the page that lists it, too."""
        source = self._source
        pin = Dependency.parse(f"{source.name}=={row.text}" if version_of(row.text) is not None else f"{source.name}==={row.text}")
        located = source.tools.resolver.take(pin, owner=source.owner, priority=source.tools.priority, deadline=source.tools.deadline)
        release = located.choice.releases[0]
        # Of several spellings only the index tells which one is the version's own.
        release = release if tag_of(release.text) in {tag.name for tag in row.tags} else evolve(release, text=row.text)
        return release, located.found.project.url

    def _keep(self, row: VersionRow, why: str) -> bool:
        """Copy a version from what is still sound, if all of it is."""
        if row.commit is None or not self._source.survivors.copy(row, self._batch.pack):
            return False
        self._add(evolve(row, index=row.index or self._source.owner or ""), Repair.KEPT, row, why)
        return True

    def _settle(self, row: VersionRow, found: Made | HostError) -> None:
        """Take what the index gave under other ids, or say that the version is lost."""
        if isinstance(found, Made):
            self._add(found.row, Repair.CHANGED, row, _why_not(row, found))
            return
        if not isinstance(found, _FOR_GOOD):
            raise found
        error = RowError(type(found).__name__, found.code, str(found), found.retryable)
        # Bytes, date and ids stay recorded: what comes under this name later must be the same.
        self._batch.add(evolve(row, status=Status.FAILED, error=error, attempts=1, retry_after=None))
        self.reports.append(VersionRepair(version=row.text, status=Repair.LOST, before=row.commit, error=found))

    def _add(self, row: VersionRow, status: Repair, before: VersionRow, reason: str = "") -> None:
        self._batch.add(row)
        self.reports.append(VersionRepair(version=row.text, status=status, before=before.commit, commit=row.commit, reason=reason))


def recorded(rows: Mapping[str, VersionRow], wanted: VersionRow) -> bool:
    """Whether a version was made again already, with the ids that it must have."""
    row = rows.get(wanted.text)
    return row is not None and row.is_published and _has_ids_of(wanted, row)


def _file(project: Project, row: VersionRow) -> File:
    file = next((file for file in project.files if file.filename == row.filename), None)
    if file is None:
        raise FileGoneError(str(project.url.child(row.filename)), None)
    told = {digest.value for digest in file.digests if digest.algorithm == "sha256"}
    if row.sha256 is not None and told and row.sha256 not in told:
        raise ChangedError(f"{project.name} {row.text}", row.filename, row.sha256, min(told))
    return file


def _has_ids_of(row: VersionRow, made: VersionRow) -> bool:
    return made.commit == row.commit and {*row.tags} == {*made.tags}


def _joined(row: VersionRow, made: VersionRow) -> VersionRow:
    """Return what the journal told of a version, or what is known now where it told nothing."""
    return row if row.index else made


def _why_not(row: VersionRow, found: Made | HostError) -> str:
    if isinstance(found, HostError):
        return str(found)
    if row.policy and found.row.policy != row.policy:
        return f"it was made under the policy {shown(row.policy)}, this one is {found.row.policy}"
    if row.date is None:
        return "nothing is left that tells its date or file"
    return "the same file gives other ids than were recorded"
