"""Repositories that are damaged at random, and built anew from an index with the ids that they had.

`PYDEPS_HOST_DAMAGES=200 PYDEPS_HOST_SEED=7` asks for so many damages, from that seed.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from attrs import evolve

from bench import Bench, sdist
from damages import harm
from gitting import git
from gitting import refs as git_refs
from pydeps_host import Host, Repair, RepairReport, Status, Store
from pydeps_host.cli import command
from pydeps_host.errors import (
    ChangedError,
    ClosedError,
    DeadlineError,
    DiskError,
    FileGoneError,
    NotStoredError,
    UnavailableError,
    UsageError,
)
from pydeps_host.events import RepositoryChanged
from pydeps_host.git import Identity, Tag, encode_tag, parse_id
from pydeps_host.repository import HISTORY, Batch, Change, Disk, Ref, Repository, VersionTag, locked
from pydeps_host.repository import Status as RowStatus
from pydeps_host.repository.journal import decode_line, line_sum
from pydeps_host.repository.reader import StateReader
from pydeps_host.repository.seal import Seal, encode_seal
from pydeps_host.store import Rebuilding
from pydeps_host.testing import FakeIndex, Listed
from pydeps_host.transport import Request, Response
from pydeps_host.values import AUTHOR_EMAIL, AUTHOR_NAME

DAMAGES = int(os.environ.get("PYDEPS_HOST_DAMAGES", "40"))
SEED = int(os.environ.get("PYDEPS_HOST_SEED", "1"))
ASKED = ("alpha<5", "alpha==3", "alpha==3.0.0")
VERSIONS = ("1.0", "2.0", "3.0", "4.0")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A repository with several packs, a version that failed, one that was removed, and changes that moved no reference."""
    made = Bench(tmp_path)
    made.index.add(sdist("9.0"))
    made.index.script_always(made.index.file_path("alpha-9.0.tar.gz"), 404)
    made.sync("alpha==9.0")
    rng = random.Random(0)
    for version in (*VERSIONS, "5.0"):
        made.index.add(sdist(version, "alpha", **{f"module_{version}.py": rng.randbytes(2000) * 2}))
    made.sync("alpha<4")
    made.sync("alpha<9")
    for count in range(1, len(ASKED) + 1):
        made.sync(*ASKED[:count])
    assert made.store.verify("alpha") == ()
    return made


def repair(bench: Bench, *asked: str, **more: object) -> RepairReport:
    with bench.host(*(asked or ASKED), **more) as host:
        return host.repair("alpha")


def refs(bench: Bench) -> Mapping[str, Ref]:
    return dict(bench.store.repository("alpha").refs())


def repository(bench: Bench) -> Path:
    return bench.store.path_of("alpha")


def journal(bench: Bench) -> Path:
    return repository(bench) / "pydeps-host" / "journal.jsonl"


def stand(bench: Bench, claims: dict[str, dict[str, set[str]]]) -> bool:
    """Whether these claims are there; one that ended in a line that is lost may be there again, until the next sync."""
    now = bench.claims()
    return all(now[claimant].get(entry) == versions for claimant, entries in claims.items() for entry, versions in entries.items())


def spoil_packs(bench: Bench) -> None:
    for path in (repository(bench) / "objects" / "pack").glob("*.pack"):
        path.chmod(0o644)
        path.write_bytes(bytes(path.stat().st_size))


def statuses(report: RepairReport) -> dict[str, Repair]:
    return {version.version: version.status for version in report.versions}


def set_aside(bench: Bench) -> list[Path]:
    return sorted((bench.folder / "code" / ".pydeps-host" / "damaged" / "python").glob("*"))


# --- at random ---------------------------------------------------------------


@pytest.mark.needs("git")
def test_every_random_damage_is_found_and_repaired_to_the_same_ids(bench: Bench, tmp_path: Path) -> None:
    path, whole = repository(bench), tmp_path / "whole.git"
    shutil.copytree(path, whole)
    before, generation, claims = refs(bench), bench.store.repository("alpha").generation, bench.claims()
    rng = random.Random(SEED)
    for number in range(DAMAGES):
        shutil.rmtree(path)
        shutil.copytree(whole, path)
        done = harm(path, rng)
        about = (SEED, number, done)
        assert bench.store.verify("alpha"), about
        report = repair(bench)
        assert (report.succeeded, report.error, len(report.damages) > 0) == (True, None, True), (about, report)
        new = bench.store.repository("alpha")
        assert (refs(bench), stand(bench, claims), new.owner) == (before, True, "index.example.com/simple"), about
        assert new.generation > generation, about
        assert bench.store.verify("alpha") == (), about
        assert git(path, "fsck", "--full", "--strict") == b"", about
        assert git_refs(path) == {name: ref.id.hex() for name, ref in before.items()}, about
    assert len(set_aside(bench)) == DAMAGES


@pytest.mark.parametrize("refresh", [False, True])
def test_a_repair_asks_anew_where_the_host_does(bench: Bench, refresh: bool) -> None:
    before = len(bench.index.requests)
    spoil_packs(bench)
    with Host(bench.config(*ASKED), bench.store, transport=bench.index, refresh=refresh) as host:
        assert host.repair("alpha").succeeded
    pages = [dict(request.headers) for request in bench.index.requests[before:] if request.url.path == bench.index.page_path("alpha")]
    assert {"Cache-Control" in headers for headers in pages} == {refresh}


# --- what comes back ---------------------------------------------------------


def test_rows_claims_and_dates_come_back_and_the_damaged_one_stays_as_it_was(bench: Bench) -> None:
    rows, before = dict(bench.rows()), refs(bench)
    spoil_packs(bench)
    damaged = {path.name: path.read_bytes() for path in repository(bench).rglob("*") if path.is_file()}
    report = repair(bench)
    assert statuses(report) == dict.fromkeys(VERSIONS, Repair.REBUILT)
    assert (dict(bench.rows()), refs(bench)) == (rows, before)
    assert report.set_aside is not None
    assert [report.set_aside] == set_aside(bench)
    assert damaged.items() <= {path.name: path.read_bytes() for path in report.set_aside.rglob("*") if path.is_file()}.items()
    assert bench.events.of(RepositoryChanged)[-1].generation < bench.store.repository("alpha").generation


def test_a_sound_repository_is_left_alone_and_nobody_is_asked(bench: Bench) -> None:
    generation, asked = bench.store.repository("alpha").generation, len(bench.index.requests)
    report = repair(bench)
    assert (report.succeeded, report.damages, report.set_aside, report.versions) == (True, (), None, ())
    assert (bench.store.repository("alpha").generation, len(bench.index.requests)) == (generation, asked)


def test_what_another_program_put_there_is_gone_after_a_repair(bench: Bench) -> None:
    (repository(bench) / "refs" / "tags" / "v1.0").write_text("0" * 40 + "\n")
    (repository(bench) / "objects" / "info" / "alternates").write_text("/nowhere\n")
    before = refs(bench)
    assert repair(bench).succeeded
    assert (bench.store.verify("alpha"), refs(bench)) == ((), before)


def test_without_a_journal_the_tags_tell_the_versions_and_the_commits_the_rest(bench: Bench) -> None:
    before, rows, claims = refs(bench), bench.rows(), bench.claims()
    journal(bench).unlink()
    report = repair(bench)
    assert (report.succeeded, statuses(report)) == (True, dict.fromkeys(VERSIONS, Repair.REBUILT))
    assert "journal could not be read whole" in report.notices[0]
    assert (refs(bench), bench.claims()) == (before, claims)
    for text in VERSIONS:
        assert evolve(bench.rows()[text], yanked=False) == evolve(rows[text], yanked=False)


def test_a_date_that_the_index_tells_otherwise_by_now_is_taken_from_the_commit(bench: Bench) -> None:
    before = refs(bench)
    for version in VERSIONS:
        bench.index.add(sdist(version, "alpha", **files_of(version)), listed=Listed(uploaded=datetime(2024, 1, 1, tzinfo=UTC)))
    journal(bench).unlink()
    assert repair(bench).succeeded
    assert refs(bench) == before


def files_of(version: str) -> dict[str, bytes]:
    rng = random.Random(0)
    contents = {one: rng.randbytes(2000) * 2 for one in (*VERSIONS, "5.0")}
    return {f"module_{version}.py": contents[version]}


def test_where_the_references_alone_are_left_the_ids_are_compared_with_them(bench: Bench) -> None:
    before = refs(bench)
    journal(bench).unlink()
    spoil_packs(bench)
    report = repair(bench)
    assert (report.succeeded, statuses(report), refs(bench)) == (True, dict.fromkeys(VERSIONS, Repair.REBUILT), before)
    assert any("its id may change" in notice for notice in report.notices)


def test_ids_that_change_are_told_with_what_they_were_and_why(bench: Bench) -> None:
    before = refs(bench)["refs/tags/v1.0"].commit.hex()
    bench.index.add(sdist("1.0", "alpha", **files_of("1.0")), listed=Listed(uploaded=datetime(2024, 1, 1, tzinfo=UTC)))
    journal(bench).unlink()
    spoil_packs(bench)
    report = repair(bench)
    (changed,) = [version for version in report.versions if version.status is Repair.CHANGED]
    assert (report.succeeded, changed.version, changed.before) == (False, "1.0", before)
    assert changed.commit == refs(bench)["refs/tags/v1.0"].commit.hex() != before
    assert "nothing is left that tells its date" in changed.reason
    assert bench.events.of(RepositoryChanged)[-1].old != bench.events.of(RepositoryChanged)[-1].new


def test_where_nothing_is_left_the_configuration_says_what_comes(bench: Bench) -> None:
    before = refs(bench)
    generation = bench.store.repository("alpha").generation
    spoil_packs(bench)
    journal(bench).unlink()
    (repository(bench) / "packed-refs").unlink()
    with bench.host() as host:
        report = host.repair("alpha")
    assert isinstance(report.error, UsageError)
    assert repository(bench).is_dir()
    report = repair(bench, *ASKED)
    assert (report.error, report.versions) == (None, ())
    assert any("ids may change" in notice for notice in report.notices)
    assert (refs(bench), bench.store.repository("alpha").generation > generation) == (before, True)


def test_a_damaged_line_of_the_journal_costs_no_other_line(bench: Bench, tmp_path: Path) -> None:
    lines = journal(bench).read_bytes().splitlines(keepends=True)
    rows, claims, before = dict(bench.rows()), bench.claims(), refs(bench)
    whole = tmp_path / "whole.git"
    shutil.copytree(repository(bench), whole)
    for number, line in enumerate(lines):
        shutil.rmtree(repository(bench))
        shutil.copytree(whole, repository(bench))
        damaged = line.replace(b'"generation"', b'"generatiom"')
        journal(bench).write_bytes(b"".join([*lines[:number], damaged, *lines[number + 1 :]]))
        report = repair(bench)
        assert (report.succeeded, refs(bench), stand(bench, claims)) == (True, before, True), number
        told_elsewhere = {row.text for other in lines if other != line for row in decode_line(other, Path(), 1).rows}
        assert {text: bench.rows().get(text) for text in told_elsewhere} == {text: rows[text] for text in told_elsewhere} or number, number


def test_where_the_references_are_damaged_and_the_seal_is_old_no_published_line_is_dropped(bench: Bench) -> None:
    before, rows = refs(bench), bench.rows()
    lines = journal(bench).read_bytes().splitlines(keepends=True)
    early = decode_line(lines[3], Path(), 4)
    seal = Seal(early.generation, line_sum(lines[3]) or "", early.refs)
    (repository(bench) / "pydeps-host" / "lock").write_bytes(encode_seal(seal))
    packed_refs = repository(bench) / "packed-refs"
    packed_refs.write_bytes(packed_refs.read_bytes().replace(b"latest", b"lateat"))
    report = repair(bench)
    assert (report.error, refs(bench), set(bench.rows())) == (None, before, set(rows))
    assert any("journal could not be read whole" in notice for notice in report.notices)


def test_a_journal_or_references_that_cannot_be_read_at_all_are_lost_and_repaired(bench: Bench) -> None:
    before = refs(bench)
    for path in (journal(bench), repository(bench) / "packed-refs"):
        path.unlink()
        path.mkdir()
        report = repair(bench)
        assert (report.succeeded, refs(bench), bench.store.verify("alpha")) == (True, before, ()), path


@pytest.mark.needs("git")
def test_a_tag_and_a_commit_of_somebody_else_are_no_version(bench: Bench) -> None:
    before = refs(bench)
    path = repository(bench)

    def foreign(*words: str, name: str = "u", email: str = "u@example.com") -> str:
        who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email}
        environment = {**os.environ, **who}
        return subprocess.run(["git", "-C", str(path), *words], check=True, capture_output=True, text=True, env=environment).stdout.strip()

    commit = foreign("commit-tree", "v1.0^{tree}", "-m", "my 9.9")
    foreign("tag", "-a", "mine", commit, "-m", "x")
    # Even under our name: what names no version is none.
    nameless = foreign("commit-tree", "v1.0^{tree}", "-m", "nameless")
    foreign("tag", "-a", "v", nameless, "-m", "x", name=AUTHOR_NAME, email=AUTHOR_EMAIL)
    foreign("repack", "-adq")
    foreign("pack-refs", "--all")
    (path / "pydeps-host" / "lock").write_bytes(b"")
    assert repair(bench).error is None
    assert refs(bench) == before


# --- what the index has no more ----------------------------------------------


def test_a_file_with_other_bytes_is_refused_and_its_version_is_lost_with_its_ids_kept(bench: Bench) -> None:
    before = refs(bench)
    bench.index.add(sdist("2.0", evil="yes"))
    spoil_packs(bench)
    report = repair(bench)
    (lost,) = [version for version in report.versions if version.status is Repair.LOST]
    assert (report.succeeded, lost.version, type(lost.error)) == (False, "2.0", ChangedError)
    # The version is in no reference any more, the history of the others among them.
    assert {**refs(bench), **{name: before[name] for name in (HISTORY, "refs/tags/v2.0")}} == before
    row = bench.rows()["2.0"]
    assert (row.status, row.commit) == (RowStatus.FAILED, before["refs/tags/v2.0"].commit.hex())
    assert bench.store.verify("alpha") == ()
    # The same bytes again give the same ids.
    bench.index.add(sdist("2.0", "alpha", **files_of("2.0")))
    assert {version.version: version.status for version in bench.project(*ASKED).versions}["2.0"] is Status.ADDED
    assert refs(bench) == before


def test_a_version_that_the_index_has_no_more_is_taken_from_what_is_sound(bench: Bench) -> None:
    before = refs(bench)
    bench.index.remove("alpha-2.0.tar.gz")
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), 404)
    (repository(bench) / "HEAD").write_text("nonsense")
    report = repair(bench)
    assert (report.succeeded, refs(bench)) == (True, before)
    assert statuses(report) == {**dict.fromkeys(VERSIONS, Repair.REBUILT), "1.0": Repair.KEPT, "2.0": Repair.KEPT}


def test_a_version_of_another_policy_is_kept_and_changes_where_it_cannot_be(bench: Bench) -> None:
    before = refs(bench)
    (repository(bench) / "HEAD").write_text("nonsense")
    asked = len(bench.index.files)
    report = repair(bench, limits={"fileBytes": 1000})
    assert (report.succeeded, set(statuses(report).values()), refs(bench)) == (True, {Repair.KEPT}, before)
    assert len(bench.index.files) == asked
    spoil_packs(bench)
    report = repair(bench, limits={"fileBytes": 1000})
    assert (report.succeeded, set(statuses(report).values())) == (False, {Repair.CHANGED})
    assert "policy" in report.versions[0].reason


def test_where_nothing_at_all_can_be_made_again_the_damaged_one_stays(bench: Bench) -> None:
    for version in VERSIONS:
        bench.index.remove(f"alpha-{version}.tar.gz")
    spoil_packs(bench)
    report = repair(bench)
    assert (type(report.error), report.set_aside, set(statuses(report).values())) == (FileGoneError, None, {Repair.LOST})
    assert repository(bench).is_dir()
    assert set_aside(bench) == []


def test_an_index_that_is_down_changes_nothing_and_the_next_repair_goes_on(bench: Bench) -> None:
    before = refs(bench)
    spoil_packs(bench)
    bench.index.script_always(bench.index.file_path("alpha-2.0.tar.gz"), 503)
    report = repair(bench)
    assert (type(report.error), report.set_aside, refs(bench)) == (UnavailableError, None, before)
    asked = len(bench.index.files)
    bench.index.script_always(bench.index.file_path("alpha-2.0.tar.gz"), None)
    assert repair(bench).succeeded
    assert sorted(bench.index.files[asked:]) == ["alpha-1.0.tar.gz", "alpha-2.0.tar.gz", "alpha-4.0.tar.gz"], (
        "what was made before is not made again"
    )
    assert refs(bench) == before


class Asked:
    """An index that remembers which page every file was asked for by."""

    def __init__(self, index: FakeIndex) -> None:
        self.index = index
        self.pages: list[str | None] = []

    def send(self, request: Request, /) -> Response:
        if request.into is not None:
            self.pages.append(None if request.linked_from is None else str(request.linked_from))
        return self.index.send(request)


@pytest.mark.parametrize("journal_too", [False, True])
def test_a_file_is_asked_for_as_what_its_page_links_to(bench: Bench, journal_too: bool) -> None:
    spoil_packs(bench)
    if journal_too:
        journal(bench).unlink()
    bench.transport = asked = Asked(bench.index)
    assert repair(bench).succeeded
    assert asked.pages
    assert {*asked.pages} == {f"{bench.index.url}/alpha/"}


def test_another_index_does_not_take_over_by_a_repair(bench: Bench) -> None:
    spoil_packs(bench)
    other = FakeIndex("https://other.example.com/simple")
    other.add(*(sdist(version, "alpha", **files_of(version)) for version in VERSIONS))
    bench.urls, bench.transport = [other.url], other
    report = repair(bench)
    assert (report.error is not None, report.set_aside) == (True, None)
    assert report.error is not None
    assert report.error.code == "owner-changed"


def test_a_repository_with_nothing_published_is_repaired_out_of_sight(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.index.add(sdist("1.0"))
    bench.index.script_always(bench.index.file_path("alpha-1.0.tar.gz"), 404)
    bench.sync("alpha")
    known = bench.store.known_repository("alpha")
    assert known is not None
    rows = dict(known.rows())
    (known.path / "HEAD").write_text("nonsense")
    assert bench.store.verify("alpha")
    assert repair(bench, "alpha").succeeded
    assert (bench.store.verify("alpha"), dict(bench.rows()), bench.store.names()) == ((), rows, ())


def test_a_repository_whose_versions_all_lost_their_tags_comes_back_with_its_rows(bench: Bench) -> None:
    bench.sync("other")
    rows = {text: row.commit for text, row in bench.rows().items()}
    assert refs(bench) == {}
    (repository(bench) / "HEAD").write_text("nonsense")
    assert repair(bench).succeeded
    assert {text: row.commit for text, row in bench.rows().items()} == rows
    assert bench.store.verify("alpha") == ()


def test_a_project_that_is_not_there_is_not_stored(bench: Bench) -> None:
    with bench.host("alpha") as host, pytest.raises(NotStoredError):
        host.verify("beta")
    with bench.host("alpha") as host, pytest.raises(NotStoredError):
        host.repair("beta")


# --- others, and being killed ------------------------------------------------


def test_the_damaged_one_is_read_until_the_new_one_is_in_its_place(bench: Bench) -> None:
    before = refs(bench)
    spoil_packs(bench)
    seen: list[bool] = []
    for version in VERSIONS:
        bench.index.script(bench.index.file_path(f"alpha-{version}.tar.gz"), lambda _: seen.append(refs(bench) == before))
    assert repair(bench).succeeded
    assert seen == [True] * 4


def test_who_publishes_waits_for_a_repair_and_then_finds_the_new_one(bench: Bench) -> None:
    spoil_packs(bench)
    before = bench.store.repository("alpha")
    generations: list[int] = []

    def publish() -> None:
        with before.batch() as batch:
            batch.claim("default", "meanwhile", ["1.0"])
            change = batch.publish()
        assert change is not None
        generations.append(change.generation)

    thread = threading.Thread(target=publish)
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), lambda _: thread.start())
    assert repair(bench).succeeded
    thread.join(10)
    assert generations == [bench.store.repository("alpha").generation]
    assert "meanwhile" in bench.claims()["default"]
    assert bench.store.verify("alpha") == ()


def test_a_sync_whose_batch_a_repair_overtook_fills_it_once_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = Batch.publish, len(bench.index.files)

    def publish(batch: Batch) -> Change | None:
        monkeypatch.setattr(Batch, "publish", real)
        (repository(bench) / "HEAD").write_text("nonsense")
        assert repair(bench).succeeded
        return real(batch)

    bench.index.add(sdist("8.0"))
    monkeypatch.setattr(Batch, "publish", publish)
    report = bench.project(*ASKED, "alpha==8.0")
    assert (report.error, {version.version: version.status for version in report.versions}["8.0"]) == (None, Status.ADDED)
    assert bench.index.files[asked:].count("alpha-8.0.tar.gz") == 1, "its file is kept"
    assert bench.store.verify("alpha") == ()


def test_a_disk_error_without_a_repair_is_not_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Batch] = []

    def publish(batch: Batch) -> None:
        calls.append(batch)
        raise DiskError("x", "writing", "no space")

    bench.index.add(sdist("8.0"))
    monkeypatch.setattr(Batch, "publish", publish)
    assert (type(bench.project(*ASKED, "alpha==8.0").error), len(calls)) == (DiskError, 1)


def test_a_reader_between_two_repositories_reads_the_new_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = bench.store.repository("alpha")
    old = reader.rows()
    bench.index.add(sdist("8.0"))
    bench.sync("alpha<9")
    (repository(bench) / "HEAD").write_text("nonsense")
    monkeypatch.setattr(StateReader, "_look", repairing_after(StateReader._look, bench, monkeypatch))
    assert set(reader.rows()) == {*old, "8.0"}


Look = Callable[[StateReader], object]


def repairing_after(look: Look, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Look:
    """A look after which the repository is repaired, before anything comes of it."""

    def looked(reader: StateReader) -> object:
        seen = look(reader)
        monkeypatch.setattr(StateReader, "_look", look)
        assert repair(bench).succeeded
        return seen

    return looked


def test_a_swap_that_somebody_else_brings_to_its_end_has_succeeded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before, real = refs(bench), Rebuilding.set_aside

    def set_aside_and_looked_at(where: Rebuilding) -> Path:
        target = real(where)
        assert bench.store.names() == ("alpha",)
        return target

    monkeypatch.setattr(Rebuilding, "set_aside", set_aside_and_looked_at)
    (repository(bench) / "HEAD").write_text("nonsense")
    assert (repair(bench).succeeded, refs(bench), bench.store.verify("alpha")) == (True, before, ())


def test_a_swap_that_fails_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Disk.rename

    def rename(disk: Disk, source: Path, target: Path) -> None:
        if target == repository(bench):
            raise DiskError(str(target), "renaming to", "no")
        real(disk, source, target)

    (repository(bench) / "HEAD").write_text("nonsense")
    with monkeypatch.context() as patch:
        patch.setattr(Disk, "rename", rename)
        report = repair(bench)
    assert isinstance(report.error, DiskError)
    assert bench.store.verify("alpha") == ()


def test_nobody_waits_past_a_deadline_to_remove_files_that_are_published(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real, held = Batch.publish, ExitStack()

    def publish(batch: Batch) -> Change | None:
        change = real(batch)
        held.enter_context(bench.store.repository("alpha").version_lock("8.0"))
        return change

    bench.index.add(sdist("8.0"))
    monkeypatch.setattr(Batch, "publish", publish)
    with held, bench.host() as host:
        # Without its deadline the wait is as long as the lock is held.
        threading.Timer(5, held.close).start()
        began = time.monotonic()
        with suppress(DeadlineError):
            host.ensure("alpha==8.0", timeout=1)
        assert time.monotonic() - began < 4
    assert bench.rows()["8.0"].is_published


def test_a_batch_with_objects_that_a_repair_overtook_fails_and_can_be_made_again(bench: Bench) -> None:
    spoil_packs(bench)
    store = bench.store.repository("alpha")
    with store.batch() as batch:
        row = bench.rows()["1.0"]
        who = Identity(AUTHOR_NAME, AUTHOR_EMAIL, row.date or 0)
        tag = Tag(object=parse_id(row.commit or ""), name="v1.0.0", tagger=who, message=b"alpha 1.0\n")
        batch.add(evolve(row, tags=(*row.tags, VersionTag("v1.0.0", batch.pack.add("tag", encode_tag(tag)).hex()))))
        batch.claim("default", "meanwhile", ["1.0"])
        assert repair(bench).succeeded
        with pytest.raises(DiskError):
            batch.publish()
    assert bench.store.verify("alpha") == ()


def test_a_half_made_swap_is_brought_to_its_end_by_whoever_looks_next(bench: Bench) -> None:
    before, ready = refs(bench), bench.folder / "code" / ".pydeps-host" / "repaired" / "python"
    looks = [
        lambda: bench.store.names() == ("alpha",),
        lambda: refs(bench) == before,
        lambda: bench.store.known_repository("alpha") is not None,
        lambda: bench.sync(*ASKED).count(Status.PRESENT) == 4,
        lambda: bench.store.verify("alpha") == (),
    ]
    for look in looks:
        ready.mkdir(parents=True, exist_ok=True)
        repository(bench).rename(ready / "alpha.git")
        assert look()
        assert repository(bench).is_dir()


KILLED = """\
import os, sys
sys.path.insert(0, sys.argv[4])
from pathlib import Path
from pydeps_host import Host, HostConfig, Store
from pydeps_host.repository import Disk
left = int(sys.argv[3])
def counted(real):
    def call(*arguments, **more):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*arguments, **more)
    return call
os.replace, os.ftruncate, os.rename = map(counted, (os.replace, os.ftruncate, os.rename))
Path.rename, Path.write_bytes, Path.mkdir = map(counted, (Path.rename, Path.write_bytes, Path.mkdir))
config = HostConfig.from_mapping({"urls": [sys.argv[2]], "dependencies": ["alpha<9"], "rateLimit": {"enabled": False}})
with Host(config, Store(sys.argv[1], durable=False)) as host:
    report = host.repair("alpha")
    assert report.succeeded, report
"""


def test_a_repair_that_is_killed_leaves_the_old_one_or_the_new_one_and_the_next_goes_on(tmp_path: Path) -> None:
    index = tmp_path / "index" / "alpha"
    for version in VERSIONS:
        sdist(version).into(index)
    bench = Bench(tmp_path, urls=[index.parent.as_uri()])
    config = bench.config("alpha<9")
    with Host(config, bench.store) as host:
        assert host.sync().succeeded
    before = refs(bench)
    spoil_packs(bench)
    whole = tmp_path / "damaged"
    shutil.copytree(bench.folder / "code", whole)
    kills = 0
    while True:
        shutil.rmtree(bench.folder / "code")
        shutil.copytree(whole, bench.folder / "code")
        words = [
            sys.executable,
            "-c",
            KILLED,
            str(bench.folder / "code"),
            index.parent.as_uri(),
            str(kills),
            str(Path(__file__).parents[1]),
        ]
        done = subprocess.run(words, check=False, capture_output=True, timeout=60)
        store = Store(bench.folder / "code", durable=False)
        assert dict(store.repository("alpha").refs()) == before, kills
        with Host(config, store) as host:
            report = host.repair("alpha")
        assert report.succeeded, (kills, report)
        assert (store.verify("alpha"), dict(store.repository("alpha").refs())) == ((), before), kills
        assert len(set_aside(bench)) == 1, kills
        if done.returncode == 0:
            break
        assert done.returncode == 9, done.stderr
        kills += KILL_STEP
    assert kills > 2 * KILL_STEP


KILL_STEP = int(os.environ.get("PYDEPS_HOST_KILL_STEP", "13"))


# --- the command -------------------------------------------------------------


Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def work(*words: str) -> SimpleNamespace:
        with pytest.raises(SystemExit) as left:
            command.main(list(words))
        said = capsys.readouterr()
        return SimpleNamespace(returncode=left.value.code, stdout=said.out, stderr=said.err)

    return work


@pytest.fixture
def code(tmp_path: Path, run: Run) -> tuple[Path, str]:
    index = tmp_path / "index"
    for name in ("alpha", "beta"):
        sdist("1.0", name).into(index / name)
    code = tmp_path / "code"
    assert run("sync", "alpha", "beta", "--index-url", index.as_uri(), "--into", str(code)).returncode == 0
    return code, index.as_uri()


def test_the_command_tells_what_is_sound_and_what_is_wrong_where(run: Run, code: tuple[Path, str]) -> None:
    folder, _ = code
    done = run("verify", str(folder))
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "2 repositories: 2 sound")
    (folder / "python" / "alpha.git" / "refs" / "tags" / "v1.0").write_text("0" * 40 + "\n")
    done = run("verify", str(folder))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("alpha")
    assert "damaged: 1 thing wrong" in lines[0]
    assert lines[1].startswith("  refs/tags/v1.0: ")
    assert "verify --repair" in lines[2]
    assert lines[-1] == "2 repositories: 1 sound, 1 damaged"
    assert run("verify", str(folder), "beta").returncode == 0


def test_the_command_repairs_and_says_where_the_damaged_one_is(run: Run, code: tuple[Path, str]) -> None:
    folder, index = code
    before = dict(Repository.open(folder / "python" / "alpha.git").refs())
    (folder / "python" / "alpha.git" / "pydeps-host" / "journal.jsonl").write_bytes(b"\xff\n")
    done = run("verify", str(folder), "--repair", "--index-url", index)
    assert done.returncode == 0, done
    assert "repaired: 1 version rebuilt; the damaged one is" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 repositories: 1 sound, 1 repaired"
    assert dict(Repository.open(folder / "python" / "alpha.git").refs()) == before
    assert run("verify", str(folder)).returncode == 0


def test_json_lines_are_one_a_repository_and_a_summary(run: Run, code: tuple[Path, str]) -> None:
    folder, index = code
    (folder / "python" / "alpha.git" / "HEAD").write_text("nonsense")
    lines = [json.loads(line) for line in run("verify", str(folder), "--json").stdout.splitlines()]
    assert [(line["kind"], line.get("name")) for line in lines] == [("verified", "alpha"), ("verified", "beta"), ("summary", None)]
    assert lines[0]["damages"][0]["where"] == "HEAD"
    assert (lines[2]["repositories"], lines[2]["sound"], lines[2]["repaired"], lines[2]["damaged"]) == (2, 1, 0, 1)
    lines = [json.loads(line) for line in run("verify", str(folder), "--json", "--repair", "--index-url", index).stdout.splitlines()]
    assert [(line["kind"], line.get("succeeded")) for line in lines] == [("repair", True), ("repair", True), ("summary", None)]
    assert (lines[0]["versions"][0]["status"], lines[2]["repaired"]) == ("rebuilt", 1)


def test_what_cannot_be_repaired_stays_and_stops_no_other(run: Run, code: tuple[Path, str], tmp_path: Path) -> None:
    folder, index = code
    for name in ("alpha", "beta"):
        (folder / "python" / f"{name}.git" / "HEAD").write_text("nonsense")
        for pack in (folder / "python" / f"{name}.git" / "objects" / "pack").glob("*.pack"):
            pack.unlink()
    shutil.rmtree(tmp_path / "index" / "alpha")
    done = run("verify", str(folder), "--repair", "--index-url", index)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "2 repositories: 1 repaired, 1 damaged")
    assert "error: alpha" in done.stderr


def test_a_name_that_is_no_project_s_is_a_fault_of_the_arguments(run: Run, code: tuple[Path, str]) -> None:
    done = run("verify", str(code[0]), "no name!")
    assert done.returncode == 2
    assert "no project's name" in done.stderr


def test_a_store_or_a_project_that_is_not_there_is_told(run: Run, code: tuple[Path, str]) -> None:
    folder, _ = code
    assert run("verify", str(folder / "none")).returncode == 1
    done = run("verify", str(folder), "gamma", "beta")
    assert (done.returncode, "gamma" in done.stderr, done.stdout.splitlines()[-1]) == (1, True, "2 repositories: 1 sound, 1 damaged")


def test_the_lock_of_a_damaged_repository_holds_a_repair_up(bench: Bench) -> None:
    spoil_packs(bench)
    with locked(repository(bench) / "pydeps-host" / "lock"), bench.host(*ASKED) as host:
        threading.Timer(0.3, host.close).start()
        with pytest.raises(ClosedError):
            host.repair("alpha")
    assert repair(bench).succeeded
