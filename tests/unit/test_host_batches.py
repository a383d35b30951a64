"""How versions are published together, and what others publish meanwhile."""

import resource
from types import SimpleNamespace

import pytest
from attrs import evolve

from bench import Bench, codes, sdist, statuses
from pydeps_host import HostConfig, Repository, Status, Store
from pydeps_host.errors import ChangedError, DamagedError, DiskError
from pydeps_host.events import Event, RepositoryChanged
from pydeps_host.host import Host, filling
from pydeps_host.repository import layout
from pydeps_host.repository.disk import read_bytes
from pydeps_host.testing import Listed


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(*map(sdist, ("0.1", "1.0", "2.0")))
    return made


def many(bench: Bench, count: int) -> list[str]:
    versions = [f"{number}.0" for number in range(3, 3 + count)]
    bench.index.add(*map(sdist, versions))
    return [f"v{version}" for version in versions]


# --- batches -----------------------------------------------------------------


def test_more_than_sixteen_versions_come_in_several_batches_and_tags_leave_in_the_last(bench):
    bench.sync("alpha==0.1")
    bench.events.clear()
    added = many(bench, 33)
    project = bench.project("alpha>=3")
    assert statuses(project) == {**{tag[1:]: "added" for tag in added}, "0.1": "removed"}
    assert [version.version for version in project.versions[:2]] == ["35.0", "34.0"], "the newest first"
    changes = bench.events.of(RepositoryChanged)
    counts = [sum(ref.startswith("refs/tags/") for ref, _ in change.new) for change in changes]
    left = ["refs/tags/v0.1" in dict(change.old) for change in changes]
    assert (counts, left) == ([16, 16, 1], [False, False, True])
    assert [change.generation for change in changes] == [2, 3, 4]
    assert bench.tags() == sorted(added)


def test_tags_leave_with_no_batch_where_a_version_of_an_earlier_batch_failed(bench):
    bench.sync("alpha==0.1")
    many(bench, 20)
    bench.index.script_always(bench.index.file_path("alpha-22.0.tar.gz"), 404)
    assert codes(bench.project("alpha>=3"))["22.0"] == "file-gone"
    assert "v0.1" in bench.tags()


def test_a_batch_is_published_after_five_seconds_however_small_it_is(bench, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(filling, "time", SimpleNamespace(monotonic=lambda: now[0]))
    bench.index.script(bench.index.file_path("alpha-2.0.tar.gz"), lambda request: now.__setitem__(0, now[0] + 6))
    bench.sync("alpha>=0")
    assert [len(change.new) for change in bench.events.of(RepositoryChanged)] == [3, 3]


def test_versions_that_are_there_fill_no_batch(bench):
    many(bench, 20)
    bench.sync("alpha>=3")
    bench.events.clear()
    bench.sync("alpha>=1")
    assert [change.generation for change in bench.events.of(RepositoryChanged)] == [3]


def test_a_full_disk_stops_the_project_and_what_was_published_stays(bench):
    """The system refuses to write any more, from the first publishing on."""
    tags = many(bench, 18)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def observe(event: Event) -> None:
        if isinstance(event, RepositoryChanged):
            resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))

    try:
        with Host(bench.config("alpha>=3"), bench.store, transport=bench.index, observer=observe) as host:
            (project,) = host.sync(jobs=1).projects
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(project.error, DiskError)
    assert not project.succeeded
    assert project.repository == bench.store.path_of("alpha")
    assert len(project.versions) == 16
    assert {version.status for version in project.versions} == {Status.ADDED}
    assert len(bench.tags()) == 16
    assert statuses(bench.project("alpha>=3"))["4.0"] == "added"
    assert bench.tags() == sorted(tags)
    assert list(bench.store.spool("alpha").iterdir()) == []


def test_a_damaged_repository_is_a_report_of_its_own_even_where_nobody_asks_for_it(bench):
    bench.index.add(sdist("1.0", "beta"))
    bench.sync("alpha==1.0", "beta")
    (bench.store.path_of("alpha") / "packed-refs").write_text("nonsense\n")
    alpha, beta = bench.sync("beta").projects
    assert isinstance(alpha.error, DamagedError)
    assert beta.succeeded


# --- what others publish meanwhile -------------------------------------------


def meanwhile(bench: Bench, config: HostConfig) -> None:
    with Host(config, bench.store, transport=bench.index) as other:
        assert other.sync(jobs=1).succeeded


def test_what_another_host_published_first_is_present_with_its_commit(bench):
    """It read the archive under another policy, between our download and our publishing."""
    bench.sync("alpha==0.1")
    other = bench.config("alpha==2.0", id="other", limits={"fileBytes": 3})
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), lambda request: meanwhile(bench, other))
    project = bench.project("alpha>=1")
    assert statuses(project) == {"2.0": "present", "1.0": "added", "0.1": "removed"}
    recorded = bench.rows()["2.0"]
    assert dict(recorded.skipped) == {"file-too-large": 2}
    assert project.versions[0].commit == recorded.commit
    assert bench.claims() == {"default": {"alpha>=1": {"1.0", "2.0"}}, "other": {"alpha==2.0": {"2.0"}}}


def test_what_another_host_published_first_and_alike_is_no_conflict(bench):
    bench.sync("alpha==0.1")
    other = bench.config("alpha==2.0", id="other")
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), lambda request: meanwhile(bench, other))
    assert bench.project("alpha>=1").succeeded
    assert bench.index.files.count("alpha-2.0.tar.gz") == 1, "its verified file was used"
    assert bench.tags() == ["v1.0", "v2.0"]


def test_other_bytes_that_another_host_recorded_first_are_trusted_and_ours_are_not(bench):
    bench.sync("alpha==0.1")
    ours, theirs = sdist("2.0"), evolve(sdist("2.0"), data=sdist("2.0", more="x").data)

    def overtake(request):
        bench.index.add(theirs)
        meanwhile(bench, bench.config("alpha==2.0", id="other"))
        meanwhile(bench, bench.config(id="other"))
        bench.index.add(ours)

    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), overtake)
    project = bench.project("alpha>=1")
    assert statuses(project) == {"2.0": "failed", "1.0": "added"}
    error = project.versions[0].error
    assert isinstance(error, ChangedError)
    assert (error.recorded, error.offered) == (theirs.sha256, ours.sha256)
    assert project.versions[0].commit is None
    assert bench.rows()["2.0"].sha256 == theirs.sha256
    assert "v0.1" in bench.tags(), "claims end only where every version is there"


def test_a_withdrawn_version_that_another_host_removed_meanwhile_stays_removed(bench):
    bench.sync("alpha==2.0", id="other")
    bench.sync("alpha==0.1")
    bench.index.add(sdist("2.0"), listed=Listed(yanked=True))
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), lambda request: meanwhile(bench, bench.config(id="other")))
    bench.sync("alpha==1.0")
    assert bench.tags() == ["v1.0"]


def test_a_repository_that_comes_into_place_while_it_is_looked_at_is_found(bench):
    class Moving(Store):
        """Another process publishes the first version just after the unborn repository was opened."""

        def known_repository(self, name: str) -> Repository | None:
            found = super().known_repository(name)
            if found is not None and "unborn" in found.path.parts:
                meanwhile(bench, bench.config("alpha==1.0", id="other"))
            return found

    bench.index.script(bench.index.file_path("alpha-2.0.tar.gz"), 404)
    bench.sync("alpha==2.0")
    assert bench.store.names() == ()
    with Host(bench.config("alpha==1.0"), Moving(bench.folder / "code", durable=False), transport=bench.index) as host:
        assert statuses(host.plan().projects[0]) == {"1.0": "present"}


def test_a_repository_that_moves_while_it_is_opened_is_found_where_it_is_then(bench, monkeypatch):
    bench.index.script(bench.index.file_path("alpha-2.0.tar.gz"), 404)
    bench.sync("alpha==2.0")

    def moved_before(path, **options):
        monkeypatch.setattr(layout, "read_bytes", read_bytes)
        meanwhile(bench, bench.config("alpha==1.0", id="other"))
        return read_bytes(path, **options)

    monkeypatch.setattr(layout, "read_bytes", moved_before)
    with bench.host("alpha==1.0") as host:
        assert statuses(host.plan().projects[0]) == {"1.0": "present"}
