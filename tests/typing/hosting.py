"""A host, its store and its repositories, as a typed program uses them."""

import asyncio
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, assert_type

from packaging.utils import NormalizedName

from pydeps_host import (
    Budget,
    Damage,
    Dependency,
    Ensured,
    Event,
    Host,
    HostConfig,
    HostError,
    Observer,
    ProjectReport,
    Repair,
    RepairReport,
    Repository,
    RepositoryChanged,
    Status,
    Store,
    SyncReport,
    TransportOptions,
    Tried,
    VersionRepair,
    VersionReport,
)
from pydeps_host.errors import NotStoredError, RateLimitedError


def observe(event: Event) -> None:
    if isinstance(event, RepositoryChanged):
        assert_type(event.name, str)
        assert_type(event.generation, int)
        assert_type(event.old, tuple[tuple[str, str], ...])
        assert_type(event.new, tuple[tuple[str, str], ...])


observer: Observer = observe
events: list[Event] = []
store = Store("code", namespace="python")
config = HostConfig.load("host.jsonc")

with Host(config, store, observer=events.append) as host:
    assert_type(host, Host)

with Host(config, store, limiter=Budget(requests_per_hour=3600), observer=observer, options=TransportOptions(attempts=1)) as host:
    report = host.sync(jobs=2, add=[Dependency.parse("flask")], additive=True)
    assert_type(report, SyncReport)
    assert_type(host.plan(), SyncReport)
    assert_type(host.sync_iter(), Generator[ProjectReport, None, None])
    assert_type(host.ensure("flask==3.0.0", timeout=5), Ensured)
    assert_type(host.ensure(Dependency.parse("flask"), "v3.0.0"), Ensured)
    assert_type(host.repositories(), tuple[Repository, ...])
    assert_type(host.verify("flask"), tuple[Damage, ...])
    repaired = host.repair("flask")
    assert_type(repaired, RepairReport)
    assert_type(repaired.versions, tuple[VersionRepair, ...])
    assert_type(repaired.versions[0].status, Repair)
    assert_type(repaired.set_aside, Path | None)

assert_type(report.projects, tuple[ProjectReport, ...])
assert_type(report.succeeded, bool)
assert_type(report.count(Status.ADDED), int)
assert_type(report.to_json(), dict[str, Any])
for project in report.projects:
    assert_type(project.name, str)
    assert_type(project.repository, Path | None)
    assert_type(project.index, str | None)
    assert_type(project.tried, tuple[Tried, ...])
    assert_type(project.versions, tuple[VersionReport, ...])
    assert_type(project.notices, tuple[str, ...])
    assert_type(project.error, HostError | None)
    assert_type(project.succeeded, bool)
    assert_type(project.to_json(verbose=True), dict[str, Any])
    for version in project.versions:
        assert_type(version.status, Status)
        assert_type(version.tag, str)
        assert_type(version.commit, str | None)
        assert_type(version.set_aside, tuple[tuple[str, str], ...])
        assert_type(version.to_json(), dict[str, Any])

assert_type(store.names(), tuple[NormalizedName, ...])
assert_type(store.path_of("Flask"), Path)
assert_type(store.repositories(), tuple[Repository, ...])
assert_type(store.generations(), Mapping[str, int])

repository = Repository.open(Path("code/python/flask.git"))
assert_type(repository, Repository)
assert_type(repository.name, str)
assert_type(repository.generation, int)
assert_type(repository.versions(), tuple[str, ...])
assert_type(repository.revisions(limit=8), tuple[str, ...])
assert_type(repository.latest, str | None)
assert_type(repository.commit_of("3.0.0"), str | None)


async def ensure(host: Host) -> None:
    ensured = await asyncio.to_thread(host.ensure, "flask==3.0.0", timeout=5)
    assert_type(ensured, Ensured)
    assert_type(ensured.repository, Path)
    assert_type(ensured.version, str)
    assert_type(ensured.commit, str)


def tell(error: HostError) -> str:
    assert_type(error.code, str)
    assert_type(error.retryable, bool)
    match error:
        case RateLimitedError():
            return str(error.url)
        case NotStoredError():
            return error.code
        case _:
            return str(error)
