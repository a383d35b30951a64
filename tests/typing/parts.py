"""The parts that can be used alone, as a typed program uses them."""

from datetime import datetime
from pathlib import Path
from typing import assert_type

from packaging.utils import NormalizedName
from packaging.version import Version

from pydeps_host import (
    Artifact,
    ClientCertificate,
    Dependency,
    Digest,
    FetchOptions,
    File,
    HttpxTransport,
    Index,
    Limits,
    Lockfile,
    Materialized,
    Policy,
    Priority,
    Project,
    Release,
    Resolver,
    ResolverOptions,
    Secret,
    Stop,
    Transport,
    TransportOptions,
    Unlimited,
    Url,
    fetch_file,
    materialize,
    parse_project,
    read_archive,
    read_lockfile,
)
from pydeps_host.archive import Flag, Kind, Member, Skip
from pydeps_host.git import PackWriter
from pydeps_host.lockfiles import LeftOut, LockLimits, Reading, read_lockfiles

url = Url.parse("https://packages.example.com/simple/numpy/")
project = parse_project(b"", content_type="text/html", url=url, name="numpy", limits=Limits(page_bytes=1))
assert_type(project, Project)
assert_type(project.name, NormalizedName)
assert_type(project.files, tuple[File, ...])
assert_type(project.versions, tuple[str, ...])
assert_type(project.status, str)
assert_type(project.last_serial, int | None)
for file in project.files:
    assert_type(file.filename, str)
    assert_type(file.url, Url)
    assert_type(file.digests, frozenset[Digest])
    assert_type(file.size, int | None)
    assert_type(file.upload_time, datetime | None)
    assert_type(file.requires_python, str | None)
    assert_type(file.yanked, bool)
    assert_type(file.provenance, Url | None)

client = ClientCertificate(Path("client.pem"), key=Path("client.key"), password=Secret("hush"))
assert_type(client.password, Secret | None)
proxy = Url.parse("http://127.0.0.1:3128")
options = TransportOptions(connect_timeout=1, ca_bundle=Path("ca.pem"), client_certificate=client, proxy=proxy)
with HttpxTransport(limiter=Unlimited(), stop=Stop(), options=options) as transport:
    assert_type(transport, HttpxTransport)
    plug: Transport = transport
    resolver = Resolver([url, "https://mirror.example.org/simple", Index.of(url)], transport=plug, options=ResolverOptions(limits=Limits()))
    assert_type(resolver.project("numpy"), Project)
    releases = resolver.locate(Dependency.parse("numpy>=1.26"), priority=Priority.WAITED_FOR)
    assert_type(releases, tuple[Release, ...])
    release = releases[0]
    assert_type(release.name, NormalizedName)
    assert_type(release.text, str)
    assert_type(release.version, Version | None)
    assert_type(release.candidates, tuple[File, ...])
    artifact = fetch_file(release.candidates[0], Path("spool"), transport=plug, options=FetchOptions(required=release.required))
    assert_type(artifact, Artifact)
    assert_type(artifact.path, Path)
    assert_type(artifact.sha256, str)

with PackWriter(Path("pack.tmp")) as pack:
    made = materialize(release, artifact, policy=Policy(), into=pack, date=0)
    assert_type(made, Materialized)
    assert_type(made.date, int)
    assert_type(made.skipped, tuple[tuple[str, int], ...])

with artifact.path.open("rb") as opened:
    reader = read_archive(opened, artifact.filename)
    for member in reader:
        assert_type(member, Member)
        assert_type(member.path, bytes)
        assert_type(member.kind, Kind)
        assert_type(member.mtime, int | None)
    assert_type(reader.skips, tuple[Skip, ...])
    assert_type(reader.flags, tuple[Flag, ...])


def locks(path: Path) -> tuple[Dependency, ...]:
    lockfile = read_lockfile(path, limits=LockLimits(entries=10))
    assert_type(lockfile, Lockfile)
    assert_type(lockfile.left_out, tuple[LeftOut, ...])
    assert_type(read_lockfiles("repo.git@main"), Reading)
    return lockfile.dependencies
