"""A host on a fake index and a store that is not synced: fast, and whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from pydeps_host import Dependency, Host, HostConfig, ProjectReport, Store, SyncReport, Transport, VersionReport
from pydeps_host.repository import VersionRow
from pydeps_host.testing import Distribution, FakeIndex, Item, Listed, Recorder, build_sdist


@define
class Bench:
    """One fake index, one store, and hosts as many as are asked for."""

    folder: Path
    index: FakeIndex = field(factory=FakeIndex)
    transport: Transport | None = None
    urls: Sequence[Any] | None = None
    events: Recorder = field(factory=Recorder)

    @property
    def store(self) -> Store:
        return Store(self.folder / "code", durable=False)

    def config(self, *dependencies: str, **more: Any) -> HostConfig:
        return HostConfig.from_mapping({"urls": self.urls or [self.index.url], "dependencies": list(dependencies), **more})

    def host(self, *dependencies: str, **more: Any) -> Host:
        transport = self.transport if self.transport is not None else self.index
        return Host(self.config(*dependencies, **more), self.store, transport=transport, observer=self.events)

    def sync(self, *dependencies: str, add: Sequence[str] = (), jobs: int = 1, **more: Any) -> SyncReport:
        with self.host(*dependencies, **more) as host:
            return host.sync(add=tuple(map(Dependency.parse, add)), jobs=jobs)

    def project(self, *dependencies: str, **more: Any) -> ProjectReport:
        (project,) = self.sync(*dependencies, **more).projects
        return project

    def version(self, *dependencies: str, **more: Any) -> VersionReport:
        (version,) = self.project(*dependencies, **more).versions
        return version

    def rows(self, name: str = "alpha") -> Mapping[str, VersionRow]:
        repository = self.store.known_repository(name)
        assert repository is not None
        return repository.rows()

    def tags(self, name: str = "alpha") -> list[str]:
        """The tags of a project's repository; none where it has no repository."""
        if name not in self.store.names():
            return []
        return sorted(ref.removeprefix("refs/tags/") for ref in self.store.repository(name).refs() if ref.startswith("refs/tags/"))

    def latest(self, name: str = "alpha") -> str:
        """The version that `latest` leads to."""
        repository = self.store.repository(name)
        return next(text for text, row in repository.rows().items() if row.commit == repository.latest_commit)

    def claims(self, name: str = "alpha") -> dict[str, dict[str, set[str]]]:
        repository = self.store.repository(name)
        return {claimant: {entry: set(texts) for entry, texts in entries.items()} for claimant, entries in repository.claims().items()}


def sdist(version: str, name: str = "alpha", **files: "Item | bytes | str") -> Distribution:
    """A small source distribution, unlike that of any other version."""
    return build_sdist(name, version, {"code.py": f"{name} {version}\n", **files})


def codes(report: ProjectReport) -> dict[str, str | None]:
    """Each version's error, by code."""
    return {version.version: version.error.code if version.error else None for version in report.versions}


def statuses(report: ProjectReport) -> dict[str, str]:
    return {version.version: version.status.value for version in report.versions}


UNTOLD = Listed(digests=(), size=False)
