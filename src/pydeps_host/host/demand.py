"""Versions on demand: brought while somebody waits, kept for those who asked."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen
from packaging.utils import NormalizedName

from pydeps_host.config import ON_DEMAND, HostConfig
from pydeps_host.dependency import Dependency, version_of_tag
from pydeps_host.errors import BlockedError, HostError, NotStoredError, UsageError
from pydeps_host.events import RepositoryChanged
from pydeps_host.host.absences import Absences
from pydeps_host.host.asking import Standing, asked_for
from pydeps_host.host.order import Entry, Order
from pydeps_host.host.project import sync_project
from pydeps_host.host.reports import ProjectReport
from pydeps_host.host.tools import Teller, Tools
from pydeps_host.repository import TAGS, Repository
from pydeps_host.repository.disk import is_folder
from pydeps_host.resolver.flights import Flights
from pydeps_host.store import Store
from pydeps_host.values import shown

# How many versions are kept for those who asked, where the configuration does not say.
_MOST: Final = 1000
# An asking is noted on the disk at most once in this time; within it, each process knows its own.
_NOTED_FOR: Final = 60 * 10**9
_MOST_RECENT: Final = 10_000


@frozen
class Ensured:
    """A version that is there.

    Attributes:
        repository: The repository's folder.
        version: The version's text, or the tag's where a revision was asked for.
        commit: The commit's id in hexadecimal.
    """

    repository: Path
    version: str
    commit: str


class Demand:
    """What is asked for now, by any number of threads."""

    def __init__(self, config: HostConfig, store: Store, tools: Callable[[float], Tools], tell: Teller) -> None:
        """Take what it works with.

        Args:
            config: What may be asked for.
            store: Where versions are.
            tools: Makes the tools for one asking, which is given up at a time of `time.monotonic()`.
            tell: Where events go.
        """
        self._config = config
        self._store = store
        self._tools = tools
        self._tell = tell
        self._absences = Absences()
        self._flights: Flights[str, Ensured] = Flights()
        self._recent = _Recent(store)

    def ensure(self, wanted: Dependency | str, revision: str | None, timeout: float) -> Ensured:
        """Have one version, now; see `Host.ensure`."""
        deadline = time.monotonic() + timeout
        asked = asked_for(wanted, revision)
        if isinstance(asked, Standing):
            return self._standing(asked)
        self._check_let_in(asked.name, asked.pinned_text or "", str(asked))
        found = self._there(asked)
        if found is None:
            self._check_served(asked.name)
            # Whoever else is at it may wait for the observer, which must not wait in turn.
            if self._tell.is_asking:
                return self._bring(asked, deadline)
            doing = f"waiting for somebody else who brings {asked}"
            found = self._flights.share(str(asked), lambda: self._bring(asked, deadline), deadline=deadline, doing=doing)
        return found

    def learn(self, report: ProjectReport) -> None:
        """Take note of what a sync found: what was absent a while ago may be there now."""
        if report.index is not None:
            self._absences.forget(report.name)

    def trim(self, tools: Tools) -> None:
        """End claims of those who asked, the least recently asked first, until no more are left than are kept.

        What cannot be done now is done the next time.
        """
        oldest_first = self._recent.oldest_first()
        excess: defaultdict[NormalizedName, set[str]] = defaultdict(set)
        for name, commit in oldest_first[: max(0, len(oldest_first) - (self._config.on_demand.max_versions or _MOST))]:
            excess[name].add(commit)
        for name, commits in excess.items():
            # Whatever is the matter with another project, the version that was asked for is there.
            with suppress(HostError):
                self._release(name, commits, tools)

    # --- what is there ---

    def _there(self, dependency: Dependency) -> Ensured | None:
        """Return a version that is published, after noting that it was asked for."""
        # What is there is not looked into: whoever requires a digest goes by the journal.
        path = self._store.path_of(dependency.name)
        if dependency.hashes or not is_folder(path):
            return None
        text = (dependency.pinned_text or "").removeprefix("v")
        repository = self._store.repository(dependency.name)
        commit = repository.commit_of(text)
        return None if commit is None else self._found(repository, text, commit)

    def _standing(self, asked: Standing) -> Ensured:
        """Return what `latest` or a commit's id stands for."""
        repository = self._store.repository(asked.name)
        if not asked.commit:
            text, commit = repository.latest, repository.latest_commit
        else:
            refs = {ref.commit.hex(): name.removeprefix(TAGS) for name, ref in repository.refs().items() if name.startswith(TAGS)}
            text, commit = (version_of_tag(refs[asked.commit]), asked.commit) if asked.commit in refs else (None, None)
        if text is None or commit is None:
            raise NotStoredError(str(asked), str(repository.path))
        self._check_let_in(asked.name, text, str(asked))
        return self._found(repository, text, commit)

    def _found(self, repository: Repository, text: str, commit: str) -> Ensured:
        name = NormalizedName(repository.name)
        self._store.settle(name, known=repository)
        if self._is_kept_for_askers(name):
            self._recent.note(name, commit)
        return Ensured(repository.path, text, commit)

    # --- what is brought ---

    def _bring(self, dependency: Dependency, deadline: float) -> Ensured:
        # Somebody may have been done with it just now.
        found = self._there(dependency)
        if found is not None:
            return found
        self._absences.check(dependency)
        tools = self._tools(deadline)
        report = sync_project(Order(dependency.name, (Entry(dependency, ON_DEMAND),)), tools, ends_claims=False)
        problem = report.error or next((version.error for version in report.versions if version.error is not None), None)
        if problem is not None:
            self._absences.remember(dependency, problem)
            raise problem
        version = report.versions[0]
        if version.blocked_by is not None:
            raise BlockedError(str(dependency), version.blocked_by)
        ensured = Ensured(self._store.path_of(dependency.name), version.version, version.commit or "")
        self._recent.note(dependency.name, ensured.commit)
        self.trim(tools)
        return ensured

    def _check_let_in(self, name: NormalizedName, text: str, asked: str) -> None:
        by = self._config.filters.reason(name, text)
        if by is not None:
            raise BlockedError(asked, by)

    def _check_served(self, name: NormalizedName) -> None:
        if self._config.on_demand.allow is not None:
            if not self._config.on_demand.allows(name):
                raise UsageError(f"{shown(name)} is not brought on demand", "add it to `onDemand.allow`, or to `dependencies`")
            return
        configured = any(dependency.name == name for dependency in self._config.dependencies)
        if not configured and self._store.known_repository(name) is None:
            message = f"{shown(name)} is neither configured nor in the store"
            raise UsageError(message, "add it to `dependencies`, or let `onDemand.allow` match it")

    def _is_kept_for_askers(self, name: NormalizedName) -> bool:
        return self._config.on_demand.allow is None or self._config.on_demand.allows(name)

    # --- what goes ---

    def _release(self, name: NormalizedName, commits: set[str], tools: Tools) -> None:
        """End the askers' claims on some versions of a project."""
        repository = self._store.known_repository(name)
        texts = {row.text for row in repository.rows().values() if row.commit in commits} if repository is not None else set()
        change = None
        if texts:
            with self._store.writing(name, tools.patience) as place, place.batch(stop=tools.stop, deadline=tools.deadline) as batch:
                batch.unclaim(texts, claimant=ON_DEMAND)
                change = batch.publish()
        for commit in commits:
            self._recent.forget(name, commit)
        if change is not None and change.old != change.new:
            tools.tell(RepositoryChanged(name, change.generation, change.old, change.new))


class _Recent:
    """Which versions were asked for: in what order, as far as this process knows better than the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        # When each was asked for last, and noted last, in nanoseconds since 1970.
        self._times: dict[tuple[NormalizedName, str], tuple[int, int]] = {}

    def note(self, name: NormalizedName, commit: str) -> None:
        now = time.time_ns()
        with self._lock:
            _, noted = self._times.get((name, commit), (0, 0))
            # The note goes with a release or a prune, also one by another process.
            is_due = not noted <= now < noted + _NOTED_FOR or not self._store.asked.is_noted(name, commit)
            if len(self._times) >= _MOST_RECENT:
                self._times.clear()
            self._times[name, commit] = (now, now if is_due else noted)
        if is_due:
            self._store.asked.note(name, commit, now)

    def oldest_first(self) -> list[tuple[NormalizedName, str]]:
        noted = {(one.name, one.commit): one.at for one in self._store.asked.oldest_first()}
        with self._lock:
            at = {key: max(when, self._times.get(key, (0, 0))[0]) for key, when in noted.items()}
        return sorted(at, key=at.__getitem__)

    def forget(self, name: NormalizedName, commit: str) -> None:
        with self._lock:
            self._times.pop((name, commit), None)
        self._store.asked.forget(name, commit)
