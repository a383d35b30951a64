"""A sync that finds everything in place, and what must not be taken for that."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

import rows
from bench import Bench, sdist, statuses
from pydeps_host import Status
from pydeps_host.git import Commit, Identity, Tag, encode_commit, encode_tag
from pydeps_host.host import project as room
from pydeps_host.repository import Repository
from pydeps_host.testing import build_wheel


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(sdist("1.0"), sdist("2.0"))
    return made


def files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def meanwhile(bench: Bench, change: Callable[[Repository], None]) -> None:
    """Change the repository of alpha while its page is asked for the next time."""
    bench.index.script(bench.index.page_path("alpha"), lambda _: change(bench.store.repository("alpha")))


def test_what_is_there_is_reported_and_nothing_is_opened_for_writing(bench, monkeypatch):
    bench.sync("alpha>=1")
    before = files(bench.store.path)
    # Whoever has nothing to publish fills no batch.
    monkeypatch.delattr(room, "Filling")
    project = bench.project("alpha>=1")
    assert statuses(project) == {"2.0": "present", "1.0": "present"}
    assert files(bench.store.path) == before


def test_the_report_is_that_of_the_sync_that_publishes(bench, monkeypatch):
    bench.index.add(build_wheel("alpha", "2.0", {}))
    bench.sync("alpha>=1")
    bench.index.remove("alpha-1.0.tar.gz")
    bench.sync("alpha>=1", "alpha==9")
    short = bench.project("alpha>=1", "alpha==9")
    monkeypatch.setattr(room._Sync, "_is_there", lambda *_: False)
    assert bench.project("alpha>=1", "alpha==9").to_json() == short.to_json()
    assert any("no longer lists" in notice for notice in short.notices)


def test_a_repository_without_an_owner_gets_one(bench):
    with bench.store.writing("alpha") as repository, repository.batch() as batch:
        tree = batch.pack.add("tree", b"")
        who = Identity("a", "a@example.com", 1)
        commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=who, committer=who, message=b"1.0")))
        tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name="v1.0", tagger=who, message=b"")))
        batch.add(rows.published("1.0", date=who.seconds, tree=tree, commit=commit, tag=tag))
        batch.claim("default", "alpha==1.0", {"1.0"})
        batch.publish()
    assert statuses(bench.project("alpha==1.0")) == {"1.0": "present"}
    assert bench.store.repository("alpha").owner == "index.example.com/simple"


def test_a_tag_that_is_missing_is_made_though_its_entry_has_its_claim(bench):
    bench.index.add(sdist("1.0.0", "gamma"))
    bench.sync("gamma===1.0.0")
    with bench.store.repository("gamma").batch() as batch:
        batch.claim("default", "gamma==1.0", {"1.0.0"})
        batch.publish()
    assert statuses(bench.project("gamma==1.0", "gamma===1.0.0")) == {"1.0.0": "present"}
    assert bench.tags("gamma") == ["v1.0", "v1.0.0"]


def test_a_place_that_was_not_synced_is_made_good(bench):
    bench.sync("alpha==1.0")
    mark = bench.store.path / ".pydeps-host" / "locks" / "python" / "alpha.lock"
    mark.write_bytes(b"a repository is put in place\n")
    bench.sync("alpha==1.0")
    assert mark.read_bytes() == b""


def test_what_somebody_else_publishes_meanwhile_counts(bench):
    def yank(repository: Repository) -> None:
        with repository.batch() as batch:
            batch.add(evolve(repository.rows()["1.0"], yanked=True))
            batch.publish()

    bench.sync("alpha==1.0")
    meanwhile(bench, yank)
    assert bench.version("alpha==1.0").status is Status.PRESENT
    assert not bench.rows()["1.0"].yanked


def test_a_repository_that_is_taken_away_meanwhile_comes_back(bench):
    bench.sync("alpha==1.0")
    first = bench.rows()["1.0"]
    meanwhile(bench, lambda repository: shutil.rmtree(repository.path))
    assert bench.version("alpha==1.0").status is Status.ADDED
    assert bench.rows()["1.0"].commit == first.commit


def test_a_claim_that_is_missing_is_made_and_one_too_many_is_ended(bench):
    bench.sync("alpha==1.0")
    assert bench.version("alpha<2").status is Status.PRESENT
    assert bench.claims() == {"default": {"alpha<2": {"1.0"}}}


def test_a_version_that_is_claimed_and_has_lost_its_tags_and_its_objects_is_made_again(bench):
    bench.sync("alpha==1.0")
    bench.sync()
    for path in bench.store.path_of("alpha").glob("objects/pack/*"):
        path.unlink()
    with bench.store.repository("alpha").batch() as batch:
        batch.claim("default", "alpha==1.0", {"1.0"})
        batch.publish()
    assert bench.version("alpha==1.0").status is Status.ADDED
