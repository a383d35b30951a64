import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from full_disk import refuse_at
from pydeps_host.errors import (
    ClosedError,
    DamagedError,
    DeadlineError,
    DiskError,
    FormatError,
    HostError,
    NotStoredError,
    OwnerChangedError,
    UsageError,
)
from pydeps_host.git import Commit, Identity, Mode, PackWriter, Tag, encode_commit, encode_tag, write_tree
from pydeps_host.limiter import Stop
from pydeps_host.repository import (
    FORMAT,
    HISTORY,
    LATEST,
    Batch,
    Change,
    Conflict,
    Disk,
    Repository,
    RowError,
    Status,
    VersionRow,
    VersionTag,
    locked,
)
from pydeps_host.repository.journal import encode_line
from pydeps_host.repository.reader import StateReader
from pydeps_host.repository.workspace import Workspace, clean_dead

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the names of open files are read from /proc")


def make(pack: PackWriter, text: str, *, tags: tuple[str, ...] = (), content: bytes = b"") -> VersionRow:
    blob = pack.add("blob", content or text.encode())
    tree = write_tree([(b"pkg/a.py", Mode.FILE, blob), (b"same", Mode.FILE, pack.add("blob", b"same"))], pack.add)
    who = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)
    commit = pack.add("commit", encode_commit(Commit(tree=tree, author=who, committer=who, message=b"pkg\n")))
    named = []
    for name in tags or (f"v{text}",):
        tag = pack.add("tag", encode_tag(Tag(object=commit, name=name, tagger=who, message=b"pkg\n")))
        named.append(VersionTag(name, tag.hex()))
    return VersionRow(text, Status.PUBLISHED, date=who.seconds, commit=commit.hex(), tree=tree.hex(), tags=tuple(named))


def add(batch: Batch, text: str, **more: Any) -> VersionRow:
    row = make(batch.pack, text, **more)
    batch.add(row)
    batch.claim("default", "pkg", [text])
    return row


def publish(repository: Repository, *texts: str) -> Change:
    with repository.batch() as batch:
        for text in texts:
            add(batch, text)
        change = batch.publish()
    assert change is not None
    return change


def files_in(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "pkg.git", name="python/pkg", disk=Disk(durable=False))


# --- opening -----------------------------------------------------------------


def test_a_new_repository_is_empty(repository: Repository) -> None:
    assert Repository.open(repository.path).name == "pkg"
    assert (repository.generation, repository.owner, repository.latest, repository.latest_commit) == (0, None, None, None)
    assert (dict(repository.refs()), dict(repository.rows()), dict(repository.claims())) == ({}, {}, {})
    assert (repository.versions(), repository.revisions(), repository.journal(), repository.loose_refs()) == ((), (), (), ())
    assert repository.commit_of("1.0") is None


def test_a_repository_names_itself_to_indexers(tmp_path: Path) -> None:
    path = tmp_path / "pkg.git"
    Repository.create(path, name='a"b\\', description="two\nlines", web_url="https://example.com/#x;y", disk=Disk(durable=False))
    assert (path / "description").read_text() == "two\\x0alines\n"
    assert '\tname = "a\\"b\\\\\\\\"\n\tweb-url = "https://example.com/#x;y"\n' in (path / "config").read_text()


def test_nothing_is_made_where_something_is(repository: Repository) -> None:
    with pytest.raises(DiskError) as caught:
        Repository.create(repository.path, name="pkg")
    assert caught.value.errno == errno.EEXIST


def test_a_repository_that_is_not_there_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(NotStoredError) as caught:
        Repository.open(tmp_path / "pkg.git")
    assert (caught.value.what, caught.value.where) == ("pkg", str(tmp_path))


def test_what_leads_nowhere_is_not_stored(tmp_path: Path) -> None:
    (tmp_path / "round.git").symlink_to("round.git")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "round.git", tmp_path / "file" / "pkg.git"):
        with pytest.raises(NotStoredError):
            Repository.open(path)
    with pytest.raises(DiskError):
        Repository.open(tmp_path / "file")


def test_a_repository_that_is_gone_is_noticed(repository: Repository) -> None:
    publish(repository, "1.0")
    shutil.rmtree(repository.path)
    for look in (repository.refs, repository.rows, lambda: repository.commit_of("1.0")):
        with pytest.raises(NotStoredError):
            look()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "1"}', '{"format": 0}', '{"format": true}'])
def test_a_folder_without_a_format_is_no_repository_of_ours(repository: Repository, text: str) -> None:
    (repository.path / "pydeps-host" / "format.json").write_text(text)
    with pytest.raises(DamagedError, match=r"format\.json"):
        Repository.open(repository.path)


def test_a_repository_of_a_newer_format_is_refused(repository: Repository) -> None:
    (repository.path / "pydeps-host" / "format.json").write_text(json.dumps({"format": FORMAT + 1}))
    with pytest.raises(FormatError) as caught:
        Repository.open(repository.path)
    assert (caught.value.found, caught.value.supported) == (FORMAT + 1, FORMAT)


@pytest.mark.parametrize("missing", ["objects", "refs", "HEAD", "pydeps-host/journal.jsonl"])
def test_a_repository_with_a_part_missing_is_damaged(repository: Repository, missing: str) -> None:
    path = repository.path / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DamagedError, match=missing.rpartition("/")[2]):
        Repository.open(repository.path)


# --- publishing --------------------------------------------------------------


def test_published_versions_have_tags_and_the_best_is_the_latest(repository: Repository) -> None:
    with repository.batch() as batch:
        rows = {text: add(batch, text) for text in ("1.0", "1.10", "2.0rc1")}
        change = batch.publish()

    assert change is not None
    assert change.generation == repository.generation == 1
    assert change.old == ()
    assert change.new == tuple((name, ref.id.hex()) for name, ref in sorted(repository.refs().items()))
    assert dict(repository.rows()) == rows
    assert repository.versions() == ("2.0rc1", "1.10", "1.0")
    assert repository.latest == "1.10"
    assert repository.latest_commit == repository.commit_of("1.10") == rows["1.10"].commit
    assert repository.revisions() == ("latest", "v2.0rc1", "v1.10", "v1.0")
    assert repository.revisions(limit=2) == ("latest", "v2.0rc1")


def test_a_change_names_only_the_references_that_changed(repository: Repository) -> None:
    publish(repository, "1.0", "2.0")
    before = {name: ref.id.hex() for name, ref in repository.refs().items()}
    change = publish(repository, "3.0")
    after = {name: ref.id.hex() for name, ref in repository.refs().items()}
    assert change.old == ((HISTORY, before[HISTORY]), (LATEST, before[LATEST]))
    assert change.new == ((HISTORY, after[HISTORY]), (LATEST, after[LATEST]), ("refs/tags/v3.0", after["refs/tags/v3.0"]))


def test_publishing_the_same_again_changes_nothing_on_the_disk(repository: Repository) -> None:
    publish(repository, "1.0", "2.0")
    before = files_in(repository.path)
    with repository.batch() as batch:
        add(batch, "2.0")
        add(batch, "1.0")
        assert batch.publish() is None
    assert files_in(repository.path) == before


def test_a_batch_that_is_left_leaves_nothing(repository: Repository) -> None:
    before = files_in(repository.path)

    def fail() -> None:
        with repository.batch() as batch:
            add(batch, "1.0")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert files_in(repository.path) == before


def test_what_a_version_of_another_spelling_is_called_leads_to_it(repository: Repository) -> None:
    with repository.batch() as batch:
        row = add(batch, "1.22.0", tags=("v1.22.0", "v1.22"))
        batch.publish()
    assert repository.commit_of("1.22") == repository.commit_of("1.22.0") == row.commit
    assert repository.revisions() == ("latest", "v1.22.0")


def test_objects_that_are_published_are_not_written_again(repository: Repository) -> None:
    publish(repository, "1.0")
    with repository.batch() as batch:
        before = batch.pack.mark()
        assert batch.pack.mark() == before
        make(batch.pack, "1.0")
        assert batch.pack.mark() == before


def test_objects_of_a_pack_that_no_journal_names_are_written_again(repository: Repository) -> None:
    with repository.batch() as batch:
        make(batch.pack, "1.0")
        orphan = batch.pack.finish(sync=False)
        assert orphan is not None
        shutil.copy(orphan.path, repository.path / "objects" / "pack" / orphan.pack_name)
        shutil.copy(orphan.index_path, repository.path / "objects" / "pack" / orphan.index_name)
    with repository.batch() as batch:
        before = batch.pack.mark()
        make(batch.pack, "1.0")
        assert batch.pack.mark() != before


def test_a_pack_that_another_process_wrote_is_taken_in(repository: Repository) -> None:
    with repository.batch() as batch:
        with PackWriter(batch.new_path(), known=batch.knows) as writer:
            row = make(writer, "1.0")
            finished = writer.finish()
        assert finished is not None
        batch.include(finished)
        batch.add(row)
        add(batch, "2.0")
        batch.publish()
    assert repository.versions() == ("2.0", "1.0")
    assert len(list((repository.path / "objects" / "pack").glob("*.pack"))) == 2


def test_a_version_without_its_objects_is_not_published(repository: Repository) -> None:
    before = files_in(repository.path)
    with repository.batch() as batch:
        batch.add(VersionRow("1.0", Status.PUBLISHED, commit="11" * 20, tags=(VersionTag("v1.0", "22" * 20),)))
        with pytest.raises(UsageError, match=r"1\.0"):
            batch.publish()
    assert files_in(repository.path) == before


@pytest.mark.parametrize("row", [VersionRow("1", Status.PUBLISHED), VersionRow("1", Status.PUBLISHED, commit="11" * 20)])
def test_a_published_row_has_a_commit_and_a_tag(repository: Repository, row: VersionRow) -> None:
    with repository.batch() as batch, pytest.raises(UsageError):
        batch.add(row)


@pytest.mark.parametrize("call", [lambda batch: batch.pack, lambda batch: batch.publish(), lambda batch: batch.claim("a", "b", [])])
def test_a_batch_is_published_once(repository: Repository, call: Callable[[Batch], object]) -> None:
    with repository.batch() as batch:
        assert batch.publish() is None
        with pytest.raises(UsageError):
            call(batch)


def test_a_failure_is_recorded_without_a_reference(repository: Repository) -> None:
    row = VersionRow("1.0", Status.REFUSED, error=RowError("ArchiveError", "archive", "truncated"))
    with repository.batch() as batch:
        batch.add(row)
        change = batch.publish()
    assert change == Change(1, (), ())
    assert dict(repository.rows()) == {"1.0": row}
    assert not (repository.path / "packed-refs").exists()
    assert repository.versions() == ()


def test_the_commit_that_somebody_else_published_meanwhile_stays(repository: Repository) -> None:
    with repository.batch() as late:
        offered = add(late, "1.0", content=b"other")
        other = add(late, "2.0")
        publish(Repository.open(repository.path), "1.0")
        kept = repository.commit_of("1.0")
        assert late.publish() is not None
    assert kept is not None
    assert late.conflicts == (Conflict("1.0", "other-commit", kept, offered.commit or ""),)
    assert (repository.commit_of("1.0"), repository.commit_of("2.0")) == (kept, other.commit)


def test_a_pack_of_which_everything_is_published_meanwhile_is_thrown_away(repository: Repository) -> None:
    with repository.batch() as late:
        row = add(late, "1.0")
        late.pack.add("blob", b"what makes it another pack")
        publish(Repository.open(repository.path), "1.0")
        late.add(evolve(row, yanked=True))
        assert late.publish() is not None
    assert repository.rows()["1.0"].yanked
    assert len(list((repository.path / "objects" / "pack").glob("*.pack"))) == 1


def test_a_version_made_anew_takes_the_place_of_the_old(repository: Repository) -> None:
    publish(repository, "1.0")
    with repository.batch() as batch:
        row = make(batch.pack, "1.0", content=b"other")
        batch.add(row, replace=True)
        batch.publish()
    assert repository.commit_of("1.0") == repository.latest_commit == row.commit


def test_versions_that_nobody_claims_any_more_lose_their_tags_and_get_them_back_without_a_pack(repository: Repository) -> None:
    publish(repository, "1.0", "2.0")
    refs = dict(repository.refs())
    with repository.batch() as batch:
        batch.claim("default", "pkg<2", ["1.0"])
        assert batch.end_claims("default", keep_entries=["pkg<2"]) == ("2.0",)
        change = batch.publish()
    assert change is not None
    assert [name for name, _ in change.old] == [HISTORY, LATEST, "refs/tags/v2.0"]
    assert [name for name, _ in change.new] == [HISTORY, LATEST]
    assert (repository.versions(), repository.latest, repository.rows()["2.0"].status) == (("1.0",), "1.0", Status.REMOVED)

    with repository.batch() as batch:
        batch.claim("other", "pkg", ["2.0"])
        batch.publish()
    assert dict(repository.refs()) == refs
    assert len(list((repository.path / "objects" / "pack").glob("*.pack"))) == 1


def test_when_the_last_version_goes_the_repository_is_empty_again(repository: Repository) -> None:
    publish(repository, "1.0")
    with repository.batch() as batch:
        batch.end_claims("default", keep_entries=[])
        batch.publish()
    assert dict(repository.refs()) == {}
    assert Repository.open(repository.path).generation == 2


def test_an_owner_is_recorded_and_no_other_takes_over(repository: Repository) -> None:
    with repository.batch() as batch:
        batch.record_owner("index.example.com/simple")
        batch.publish()
    assert repository.owner == "index.example.com/simple"
    before = files_in(repository.path)
    with repository.batch() as batch:
        add(batch, "1.0")
        batch.record_owner("evil.example.com/simple")
        with pytest.raises(OwnerChangedError):
            batch.publish()
    assert files_in(repository.path) == before


def test_the_wait_for_the_lock_ends_with_the_stop_and_with_the_deadline(repository: Repository) -> None:
    stop = Stop()
    stop.set()
    batches = ((repository.batch(stop=stop), ClosedError), (repository.batch(deadline=time.monotonic()), DeadlineError))
    for batch, kind in batches:
        with locked(repository.path / "pydeps-host" / "lock"), batch:
            add(batch, "1.0")
            with pytest.raises(kind):
                batch.publish()
    assert repository.generation == 0


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_order_of_publishing_changes_no_reference(tmp_path: Path) -> None:
    found = []
    for number, groups in enumerate(("1.0 2.0 3.0", "3.0|2.0 1.0", "2.0|3.0|1.0")):
        repository = Repository.create(_folder(tmp_path / str(number)) / "pkg.git", name="pkg", disk=Disk(durable=False))
        for texts in groups.split("|"):
            publish(repository, *texts.split())
        found.append((repository.path / "packed-refs").read_bytes())
    assert len(set(found)) == 1


def test_a_version_is_worked_on_by_one_thread_at_a_time(repository: Repository) -> None:
    with repository.version_lock("1.0"):
        with pytest.raises(DeadlineError, match=r"pkg 1\.0"), repository.version_lock("1.0", deadline=time.monotonic() + 0.05):
            pass
        with repository.version_lock("2.0", deadline=time.monotonic()):
            pass


# --- reading while others write ----------------------------------------------


def test_what_another_publishes_is_seen_at_once(repository: Repository) -> None:
    other = Repository.open(repository.path)
    for number in range(5):
        publish(repository, f"{number}.0")
        assert other.latest == f"{number}.0"
        assert other.generation == len(other.journal()) == number + 1
        assert dict(other.refs()) == dict(repository.refs())


def test_a_line_that_was_never_committed_is_not_seen_and_reading_writes_nothing(repository: Repository) -> None:
    publish(repository, "1.0")
    journal = repository.path / "pydeps-host" / "journal.jsonl"
    line = journal.read_bytes()
    uncommitted = encode_line(evolve(repository.journal()[0], refs="sha256:00", rows=(VersionRow("6.0", Status.REMOVED),)))
    journal.write_bytes(line + uncommitted + line[:50])
    before = files_in(repository.path)
    other = Repository.open(repository.path)
    assert (set(other.rows()), other.generation, len(other.journal())) == ({"1.0"}, 1, 1)
    assert files_in(repository.path) == before
    publish(other, "2.0")
    assert [one.generation for one in repository.journal()] == [1, 2]
    assert set(repository.rows()) == {"1.0", "2.0"}


def test_references_that_something_else_changed_are_reported_and_left_alone(repository: Repository) -> None:
    publish(repository, "1.0", "2.0")
    path = repository.path / "packed-refs"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    other = Repository.open(repository.path)
    assert other.commit_of("1.0") is not None
    with pytest.raises(DamagedError, match="packed-refs"):
        other.rows()
    before = files_in(repository.path)
    with other.batch() as batch:
        batch.claim("default", "pkg", ["1.0"])
        with pytest.raises(DamagedError):
            batch.publish()
    assert files_in(repository.path) == before


def test_what_a_version_leads_to_is_known_without_the_journal(repository: Repository) -> None:
    publish(repository, "1.0")
    (repository.path / "pydeps-host" / "journal.jsonl").write_bytes(b"nonsense\n")
    other = Repository.open(repository.path)
    assert other.commit_of("1.0") == other.latest_commit is not None


def test_a_journal_put_in_the_place_of_another_is_read_from_its_start(repository: Repository, tmp_path: Path) -> None:
    other = Repository.create(tmp_path / "other.git", name="pkg", disk=Disk(durable=False))
    publish(other, "1.0", "1.1")
    publish(other, "2.0")
    publish(repository, "7.0")
    assert repository.latest == "7.0"
    shutil.rmtree(repository.path)
    other.path.rename(repository.path)
    assert set(repository.rows()) == {"1.0", "1.1", "2.0"}


def test_a_reference_in_a_file_of_its_own_is_left_alone(repository: Repository) -> None:
    publish(repository, "1.0")
    foreign = repository.path / "refs" / "tags" / "v9"
    foreign.write_text("0" * 40 + "\n")
    publish(repository, "2.0")
    assert foreign.exists()
    assert repository.loose_refs() == ("refs/tags/v9",)


# --- faults ------------------------------------------------------------------


def test_the_files_of_a_living_batch_are_not_cleaned_away(repository: Repository) -> None:
    with repository.batch() as slow:
        add(slow, "1.0")
        publish(Repository.open(repository.path), "2.0")
        slow.publish()
    assert set(repository.versions()) == {"1.0", "2.0"}


def test_the_files_of_a_dead_batch_are_cleaned_away(repository: Repository) -> None:
    writing = repository.path / "pydeps-host" / "writing"
    writing.mkdir()
    for name in ("0123456789abcdef.lock", "0123456789abcdef-0.pack", "0123456789abcdef-0.idx", "ffffffffffffffff-1.pack", "foreign"):
        (writing / name).touch()
    publish(repository, "1.0")
    assert [path.name for path in writing.iterdir()] == ["foreign"]
    (writing / "foreign").rename(writing / "0123456789abcdef-0.pack")
    publish(repository, "2.0")
    assert not writing.exists()


def test_a_folder_that_is_taken_away_whenever_it_is_empty_is_made_again(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open
    taken: list[Path] = []

    def taking(path: Path, flags: int, mode: int = 0o777) -> int:
        if len(taken) < 3:
            path.parent.rmdir()
            taken.append(path)
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", taking)
    publish(repository, "1.0")
    assert len(taken) == 3


def test_a_folder_that_leads_nowhere_is_told(repository: Repository) -> None:
    (repository.path / "pydeps-host" / "writing").symlink_to(repository.path / "absent")
    with pytest.raises(DiskError, match=r"pydeps-host/writing/[0-9a-f]+\.lock"):
        publish(repository, "1.0")


def test_a_pack_that_nobody_announced_is_left_alone(repository: Repository) -> None:
    foreign = [repository.path / "objects" / "pack" / f"{name}.pack" for name in (f"pack-{'0' * 40}", "odd")]
    for path in foreign:
        path.touch()
    (repository.path / "pydeps-host" / "lock").write_text("odd\n")
    publish(repository, "1.0")
    assert all(path.exists() for path in foreign)


def test_references_that_were_never_renamed_are_cleaned_away(repository: Repository) -> None:
    leftover = repository.path / "pydeps-host" / "packed-refs.new"
    leftover.touch()
    with repository.batch() as batch:
        batch.add(VersionRow("1.0", Status.FAILED))
        batch.publish()
    assert not leftover.exists()


def test_a_batch_that_is_cleaned_away_before_it_is_locked_takes_another_name(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def cleaning(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        monkeypatch.undo()
        clean_dead(path.parent, Disk(durable=False))
        return descriptor

    writing = repository.path / "pydeps-host" / "writing"
    monkeypatch.setattr(os, "open", cleaning)
    workspace = Workspace.open(writing)
    assert len(list(writing.iterdir())) == 1
    workspace.close(Disk(durable=False))
    assert not writing.exists()


def test_a_system_that_takes_few_bytes_at_a_time_gets_them_all(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    publish(repository, "1.0", "2.0")
    assert Repository.open(repository.path).versions() == ("2.0", "1.0")


def test_a_full_disk_at_any_call_leaves_the_old_state_or_the_new(tmp_path: Path) -> None:
    made, call = [""], 0
    while len(made) >= call:
        call += 1
        repository = Repository.create(tmp_path / f"{call}.git", name="pkg", disk=Disk(durable=False))
        publish(repository, "1.0")
        old = set(repository.versions())
        repository = Repository.open(repository.path)
        with pytest.MonkeyPatch.context() as patch:
            made = refuse_at(patch, call)
            error = None
            try:
                publish(repository, "2.0")
            except HostError as fault:
                error = fault
        assert error is None or (isinstance(error, DiskError) and error.errno == errno.ENOSPC)
        found = set(Repository.open(repository.path).versions())
        # Only where the very last sync failed is the new state there after an error.
        assert found == (old if error and found == old else {"1.0", "2.0"})
        assert error is None or found == old or made[call - 1] in {"open", "fsync"}
        assert_no_leftovers(repository)
        publish(repository, "2.0", "3.0")
        assert set(repository.versions()) == {"1.0", "2.0", "3.0"}
        assert_no_leftovers(repository)
        assert not (repository.path / "pydeps-host" / "writing").exists()
    assert call > 20


def assert_no_leftovers(repository: Repository) -> None:
    state = repository._reader.state()
    assert {path.stem for path in (repository.path / "objects" / "pack").iterdir()} == state.packs
    assert (repository.path / "pydeps-host" / "journal.jsonl").stat().st_size == state.end


@needs_proc
def test_everything_is_on_the_disk_before_what_rests_on_it(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    real_fsync, real_replace, real_write = os.fsync, os.replace, os.write

    def name_of(descriptor: int) -> str:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return path.suffix if path.suffix in {".pack", ".idx"} else path.name

    def fsync(descriptor: int) -> None:
        steps.append(f"sync {name_of(descriptor)}")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        steps.append(f"rename {target.suffix or target.name}")
        real_replace(source, target)

    def write(descriptor: int, data: bytes) -> int:
        if name_of(descriptor) == "journal.jsonl":
            steps.append("write journal.jsonl")
        return real_write(descriptor, data)

    durable = Repository.open(repository.path)
    with durable.batch() as batch:
        add(batch, "1.0")
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(os, "write", write)
        batch.publish()
        monkeypatch.undo()

    del steps[: steps.index("rename .idx") - 1]
    assert steps == [
        "sync .idx",
        "rename .idx",
        "sync .pack",
        "rename .pack",
        "sync pack",
        "write journal.jsonl",
        "sync journal.jsonl",
        "sync packed-refs.new",
        "rename packed-refs",
        "sync pkg.git",
    ]


@needs_proc
def test_a_repository_is_made_durable_to_its_last_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[str] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    path = Repository.create(tmp_path / "pkg.git", name="pkg").path
    assert synced == {str(found) for found in (tmp_path, path, *path.rglob("*"))}


def test_ten_thousand_versions_are_read_fast(tmp_path: Path) -> None:
    from pydeps_host.repository.journal import JournalLine, encode_line
    from pydeps_host.repository.references import encode_refs
    from pydeps_host.repository.state import references_of, refs_digest

    repository = Repository.create(tmp_path / "pkg.git", name="pkg", disk=Disk(durable=False))
    tags = [VersionTag(f"v1.{number}", f"{number:040x}") for number in range(10_000)]
    row = VersionRow(
        "", Status.PUBLISHED, index="index.example.com/simple", filename="pkg.tar.gz", size=1, sha256="ab" * 32, date=1, policy="1-x"
    )
    rows = [evolve(row, text=tag.name[1:], commit=tag.id, tags=(tag,)) for tag in tags]
    refs = encode_refs(references_of({row.text: row for row in rows}))
    lines = [
        JournalLine(place // 16 + 1, refs_digest(refs), "2024-01-01T00:00:00Z", tuple(rows[place : place + 16]))
        for place in range(0, 10_000, 16)
    ]
    (repository.path / "pydeps-host" / "journal.jsonl").write_bytes(b"".join(map(encode_line, lines)))
    (repository.path / "packed-refs").write_bytes(refs)

    started = time.process_time()
    assert repository.commit_of("1.5000") == tags[5000].id
    assert time.process_time() - started < 0.1
    assert len(repository.rows()) == 10_000
    assert time.process_time() - started < 2


def test_a_thread_that_looks_between_line_and_references_and_reads_after_another_one_gets_a_state(repository, monkeypatch):
    publish(repository, "1.0")
    appended, looked, read = threading.Event(), threading.Event(), threading.Event()
    rename, look = Disk.rename, StateReader._look
    told: list[tuple[str, ...]] = []

    def renamed(self: Disk, source: Path, target: Path) -> None:
        if target.name == "packed-refs":
            appended.set()
            assert looked.wait(10)
        rename(self, source, target)

    def looks(self: StateReader) -> Any:
        seen = look(self)
        if threading.current_thread() is late:
            looked.set()
            assert read.wait(10)
        return seen

    monkeypatch.setattr(Disk, "rename", renamed)
    monkeypatch.setattr(StateReader, "_look", looks)
    other = threading.Thread(target=lambda: publish(repository, "2.0"))
    late = threading.Thread(target=lambda: told.append(repository.versions()))
    other.start()
    assert appended.wait(10)
    late.start()
    other.join()
    assert repository.versions() == ("2.0", "1.0")
    read.set()
    late.join()
    assert told in ([("1.0",)], [("2.0", "1.0")])
    assert repository.versions() == ("2.0", "1.0")


def test_threads_may_share_a_repository(repository: Repository) -> None:
    faults: list[BaseException] = []

    def work(major: int) -> None:
        try:
            for minor in range(5):
                publish(repository, f"{major}.{minor}")
                assert f"{major}.{minor}" in repository.versions()
        except BaseException as fault:  # noqa: BLE001 - told by the main thread
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(major,)) for major in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(repository.versions()) == 20
    assert repository.generation == 20
