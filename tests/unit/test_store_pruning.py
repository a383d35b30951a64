"""Claims that are ended by name, and repositories that nothing claims."""

import json
import threading
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import Bench, sdist
from pydeps_host import Dependency, Host, ProjectReport, SyncReport
from pydeps_host.cli import command
from pydeps_host.errors import ChangedError, ClosedError, NotStoredError, StoreError, UsageError
from pydeps_host.events import Notice, RepositoryChanged, RepositoryRemoved
from pydeps_host.git import Commit, Identity, Tag, encode_commit, encode_tag
from pydeps_host.repository import Repository, VersionRow, VersionTag
from pydeps_host.repository import Status as RowStatus
from pydeps_host.store import Store


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for version in ("1.0", "1.1", "2.0"):
        made.index.add(sdist(version))
    made.index.add(sdist("1.0", "beta"))
    return made


def forget(bench: Bench) -> None:
    """Bring alpha by configuration, and have that name beta alone."""
    bench.sync("alpha", "beta")
    bench.sync("beta")


def alpha(report: SyncReport) -> ProjectReport:
    return next(project for project in report.projects if project.name == "alpha")


def folders(bench: Bench, what: str) -> list[str]:
    return sorted(path.name for path in (bench.folder / "code" / ".pydeps-host" / what / "python").glob("*"))


def run(bench: Bench, *words: str, typed: str | None = None) -> tuple[int, str, str]:
    # Before click 8.2 the two streams are one unless that is asked for.
    apart: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    done = CliRunner(**apart).invoke(command, [words[0], str(bench.folder / "code"), *words[1:]], input=typed)
    return done.exit_code, done.stdout, done.stderr


# --- what nothing claims -----------------------------------------------------


def test_a_repository_that_a_configuration_forgot_is_told_and_removed(bench: Bench) -> None:
    forget(bench)
    before = bench.store.repository("alpha").generation
    with bench.host() as host:
        (told,) = host.prune(dry_run=True)
        assert (told.name, told.path.is_dir(), told.size > 0, bench.store.names()) == ("alpha", True, True, ("alpha", "beta"))
        bench.events.clear()
        assert host.prune() == (told,)
        assert host.prune() == ()
    assert bench.store.names() == ("beta",)
    assert bench.events.of(RepositoryRemoved) == (RepositoryRemoved("alpha", before),)
    assert folders(bench, "pruned") == []


def test_what_is_claimed_stays_whoever_claims_it(bench: Bench) -> None:
    bench.sync("alpha", add=["beta"])
    with bench.host() as host:
        host.ensure("alpha==1.0")
        assert host.prune() == ()
    for name in ("alpha", "beta"):
        assert (bench.store.prunable(name), bench.store.prune(name)) == (None, None)
    assert bench.store.names() == ("alpha", "beta")


def test_versions_that_were_published_without_a_claim_keep_their_repository(bench: Bench) -> None:
    with bench.store.writing("gamma") as repository, repository.batch() as batch:
        who = Identity("a", "a@example.com", 1)
        tree = batch.pack.add("tree", b"")
        commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=who, committer=who, message=b"x\n")))
        tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name="v1", tagger=who, message=b"x\n")))
        batch.add(VersionRow("1", RowStatus.PUBLISHED, commit=commit.hex(), tags=(VersionTag("v1", tag.hex()),)))
        batch.publish()
    assert bench.store.prune("gamma") is None
    assert bench.store.names() == ("gamma",)


def test_what_is_claimed_between_telling_and_removing_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(bench)
    real = Store.rebuilding

    def overtaken(store: Store, *words: object) -> object:
        monkeypatch.setattr(Store, "rebuilding", real)
        bench.sync(add=["alpha==1.0"])
        return real(store, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "rebuilding", overtaken)
    assert bench.store.prunable("alpha") is not None
    assert bench.store.prune("alpha") is None
    assert bench.tags() == ["v1.0"]
    assert bench.store.verify("alpha") == ()


def test_a_repository_that_cannot_be_read_is_left_alone(bench: Bench) -> None:
    forget(bench)
    (bench.store.path_of("alpha") / "packed-refs").write_text("nonsense")
    with bench.host() as host:
        assert host.prune() == ()
    (notice,) = bench.events.of(Notice)
    assert (notice.name, notice.code) == ("alpha", "damaged")
    with pytest.raises(StoreError):
        bench.store.prune("alpha")
    assert bench.store.names() == ("alpha", "beta")


def test_what_is_not_there_cannot_be_pruned(bench: Bench) -> None:
    bench.sync("beta")
    with pytest.raises(NotStoredError):
        bench.store.prunable("alpha")
    assert bench.store.prune("alpha") is None


# --- what comes back ---------------------------------------------------------


def test_a_project_that_comes_back_has_the_ids_that_it_had(bench: Bench) -> None:
    bench.sync("alpha>=0")
    before, rows = dict(bench.store.repository("alpha").refs()), bench.rows()
    forget(bench)
    generation = bench.store.repository("alpha").generation
    bench.store.prune("alpha")
    assert {text: row.sha256 for text, row in bench.rows().items()} == {text: row.sha256 for text, row in rows.items()}
    bench.sync("alpha>=0")
    assert dict(bench.store.repository("alpha").refs()) == before
    assert bench.store.repository("alpha").generation > generation
    assert bench.store.verify("alpha") == ()


def test_who_owned_a_project_owns_it_when_it_comes_back(bench: Bench) -> None:
    forget(bench)
    owner = bench.store.repository("alpha").owner
    bench.store.prune("alpha")
    remembered = bench.store.known_repository("alpha")
    assert remembered is not None
    assert (remembered.owner, dict(remembered.refs()), dict(remembered.claims())) == (owner, {}, {})


def test_other_bytes_are_not_taken_after_a_prune(bench: Bench) -> None:
    forget(bench)
    bench.store.prune("alpha")
    bench.index.add(sdist("2.0", evil="yes"))
    (version,) = alpha(bench.sync("alpha==2.0")).versions
    assert type(version.error) is ChangedError
    assert bench.store.names() == ("beta",)


def test_what_was_asked_for_on_demand_is_forgotten(bench: Bench) -> None:
    bench.sync("alpha")
    with bench.host("alpha") as host:
        commit = host.ensure("alpha==2.0").commit
        assert bench.store.asked.commits("alpha") == {commit}
        host.release("alpha", claimants=["*"])
        assert bench.store.asked.commits("alpha") == frozenset()
        # As somebody left it who was killed before it had forgotten.
        bench.store.asked.note("alpha", commit, 1)
        assert len(host.prune()) == 1
        assert bench.store.asked.commits("alpha") == frozenset()


def test_a_sync_whose_repository_is_pruned_meanwhile_brings_it_all_the_same(bench: Bench) -> None:
    """Pruned after the sync has looked, while it downloads: what it writes is in a repository that is gone."""
    bench.sync("alpha==1.0")
    bench.sync("beta")
    pruned = []

    def prune(_: object) -> None:
        pruned.append(bench.store.prune("alpha"))

    bench.index.script(bench.index.file_path("alpha-2.0.tar.gz"), prune)
    report = alpha(bench.sync("alpha==2.0", "alpha==1.0"))
    assert [one is not None for one in pruned] == [True]
    assert report.succeeded
    assert bench.tags() == ["v1.0", "v2.0"]
    assert bench.store.verify("alpha") == ()
    assert bench.index.files.count("alpha-2.0.tar.gz") == 1


def test_of_many_prunes_at_once_one_removes_it(bench: Bench) -> None:
    forget(bench)
    done: list[object] = []
    threads = [threading.Thread(target=lambda: done.append(bench.store.prune("alpha"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in done if one is not None]) == 1
    assert bench.store.names() == ("beta",)
    assert folders(bench, "pruned") == []


# --- releasing ---------------------------------------------------------------


def test_a_pin_releases_the_version_from_whatever_chose_it(bench: Bench) -> None:
    bench.sync(add=["alpha>=1", "alpha==1.0.0"])
    with bench.host() as host:
        host.ensure("alpha==1.0")
        done = host.release("alpha==1.0")
    assert set(done.claims) == {("command", "alpha>=1"), ("command", "alpha==1.0.0"), ("on-demand", "alpha==1.0")}
    assert (done.removed, bench.tags()) == (("1.0",), ["v1.1", "v2.0"])
    assert bench.claims() == {"command": {"alpha>=1": {"1.1", "2.0"}}}
    bench.sync("beta")
    assert bench.tags() == ["v1.1", "v2.0"]


def test_a_name_releases_all_claims_of_those_who_asked_by_hand(bench: Bench) -> None:
    bench.sync("alpha==2.0", add=["alpha==1.0"])
    with bench.host() as host:
        host.ensure("alpha==1.1")
        bench.events.clear()
        done = host.release("Alpha")
    assert done.removed == ("1.0", "1.1")
    assert bench.claims() == {"default": {"alpha==2.0": {"2.0"}}}
    (changed,) = bench.events.of(RepositoryChanged)
    assert [name for name, _ in changed.new] == ["refs/heads/history"]
    assert bench.store.verify("alpha") == ()


def test_an_entry_is_released_by_its_text(bench: Bench) -> None:
    bench.sync(add=["alpha>=1,<2", "alpha>=1.1"])
    done = bench.store.release(Dependency.parse("alpha<2,>=1"))
    assert (done.claims, done.removed) == ((("command", "alpha<2,>=1"),), ("1.0",))
    assert bench.claims() == {"command": {"alpha>=1.1": {"1.1", "2.0"}}}


def test_a_configurations_claims_are_released_by_its_id(bench: Bench) -> None:
    bench.sync("alpha==1.0", id="old")
    assert bench.store.release(Dependency.parse("alpha"), claimants=["old"]).removed == ("1.0",)
    assert bench.store.prune("alpha") is not None


def test_nothing_is_released_that_those_who_are_named_do_not_claim(bench: Bench) -> None:
    bench.sync("alpha==1.0")
    for text in ("alpha", "alpha==1.0", "alpha==9", "alpha>=1", "alpha===1.0"):
        with pytest.raises(UsageError, match=r"who claims the project: default \(alpha==1\.0\)"):
            bench.store.release(Dependency.parse(text))
    with pytest.raises(NotStoredError):
        bench.store.release(Dependency.parse("gamma"))
    assert bench.tags() == ["v1.0"]


def test_an_arbitrary_text_releases_that_text_alone(bench: Bench) -> None:
    bench.sync(add=["alpha==1.0"])
    with pytest.raises(UsageError):
        bench.store.release(Dependency.parse("alpha===1.0.0"))
    assert bench.store.release(Dependency.parse("alpha===1.0")).removed == ("1.0",)


def test_a_version_that_others_claim_stays(bench: Bench) -> None:
    bench.sync("alpha==1.0", add=["alpha==1.0"])
    done = bench.store.release(Dependency.parse("alpha==1.0"))
    assert (done.claims, done.removed, bench.tags()) == ((("command", "alpha==1.0"),), (), ["v1.0"])


# --- the command -------------------------------------------------------------


def test_the_command_tells_first_and_removes_nothing_that_nobody_agreed_to(bench: Bench) -> None:
    forget(bench)
    status, said, problem = run(bench, "prune")
    assert (status, "alpha" in said, "--yes" in problem, bench.store.names()) == (2, True, True, ("alpha", "beta"))
    status, said, _ = run(bench, "prune", "--dry-run")
    assert (status, "1 repository would go" in said, bench.store.names()) == (0, True, ("alpha", "beta"))
    status, said, _ = run(bench, "prune", "--yes")
    assert (status, "1 repository removed" in said, bench.store.names()) == (0, True, ("beta",))
    assert run(bench, "prune")[:2] == (0, "nothing to remove\n")


@pytest.mark.parametrize(("typed", "status", "left"), [("y\n", 0, ("beta",)), ("n\n", 1, ("alpha", "beta"))])
def test_the_command_asks_at_a_terminal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, left: tuple[str, ...]
) -> None:
    forget(bench)
    monkeypatch.setattr("pydeps_host.cli.pruning._is_terminal", lambda: True)
    found, _, asked = run(bench, "prune", typed=typed)
    assert (found, "Remove 1 repository?" in asked, bench.store.names()) == (status, True, left)


def test_the_command_prunes_what_is_named_and_says_why_it_does_not(bench: Bench) -> None:
    forget(bench)
    status, _, problem = run(bench, "prune", "beta", "gamma", "--yes")
    assert (status, "it is claimed" in problem, "gamma is not in" in problem) == (1, True, True)
    assert run(bench, "prune", "Alpha", "--yes")[0] == 0
    assert bench.store.names() == ("beta",)


def test_a_damaged_repository_keeps_no_other_from_being_pruned(bench: Bench) -> None:
    bench.sync("alpha", "beta")
    bench.sync()
    (bench.store.path_of("alpha") / "packed-refs").write_text("nonsense")
    status, said, problem = run(bench, "prune", "--yes")
    assert (status, "1 repository removed" in said, "packed-refs" in problem) == (1, True, True)
    assert bench.store.names() == ("alpha",)


def test_the_command_prints_json_lines(bench: Bench) -> None:
    bench.sync(add=["alpha==1.0"])
    status, said, _ = run(bench, "release", "alpha==1.0", "--json")
    claims = [{"claimant": "command", "entry": "alpha==1.0"}]
    assert (status, json.loads(said)) == (0, {"schema": 1, "kind": "released", "name": "alpha", "claims": claims, "removed": ["1.0"]})
    status, said, _ = run(bench, "prune", "--yes", "--json")
    prunable, summary = map(json.loads, said.splitlines())
    assert (prunable["kind"], prunable["name"], prunable["bytes"]) == ("prunable", "alpha", summary["bytes"])
    assert (status, summary["kind"], summary["prunable"], summary["removed"]) == (0, "summary", 1, 1)
    assert run(bench, "prune", "--json")[0] == 0


def test_the_command_releases_what_it_can(bench: Bench) -> None:
    bench.sync(add=["alpha==1.0", "beta"])
    status, said, problem = run(bench, "release", "beta", "alpha==2.0", "gamma")
    assert (status, "beta" in said, "alpha==2.0 is not claimed" in problem, "gamma is not in" in problem) == (1, True, True, True)
    assert run(bench, "release", "alpha @ nowhere")[0] == 2
    assert run(bench, "release", "alpha==1.0", "--claimant", "comm*")[0] == 0


def test_what_is_no_store_is_neither_pruned_nor_released(bench: Bench) -> None:
    for words in (("prune", "--yes"), ("release", "alpha")):
        status, _, problem = run(bench, *words)
        assert (status, "code" in problem) == (1, True)
    assert not (bench.folder / "code").exists()


def test_a_host_that_is_closed_prunes_and_releases_nothing(bench: Bench) -> None:
    forget(bench)
    with Host(bench.config("beta"), bench.store, transport=bench.index) as host:
        host.close()
        with pytest.raises(ClosedError):
            host.prune()
        with pytest.raises(ClosedError):
            host.release("beta")
    assert Repository.open(bench.store.path_of("alpha")).name == "alpha"
