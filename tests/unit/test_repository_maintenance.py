"""Packs that pile up, made one."""

import errno
import hashlib
import os
import stat
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from full_disk import refuse_at
from pydeps_host.errors import ClosedError, DamagedError, DeadlineError, DiskError, HostError, LockedError, UsageError
from pydeps_host.git import (
    Commit,
    Identity,
    Mode,
    ObjectDatabase,
    ObjectId,
    PackReader,
    Tag,
    encode_commit,
    encode_tag,
    write_tree,
)
from pydeps_host.limiter import Stop
from pydeps_host.repository import Batch, Disk, JournalLine, Maintained, Repository, Status, Upkeep, VersionRow, VersionTag, locked
from pydeps_host.repository.journal import decode_lines, encode_line
from pydeps_host.repository.maintenance import AUTOMATIC_BYTES, AUTOMATIC_PACKS, _small
from pydeps_host.repository.superseding import PackAccount, Supersession, account

HOUR = timedelta(hours=1)
COPY = Upkeep(deltas=False)
AT_ONCE = Upkeep(deltas=False, keep_superseded=timedelta())
WHO = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)


def add(batch: Batch, text: str) -> None:
    blob = batch.pack.add("blob", text.encode() * 50)
    tree = write_tree([(b"pkg/a.py", Mode.FILE, blob), (b"same", Mode.FILE, batch.pack.add("blob", b"same"))], batch.pack.add)
    commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=WHO, committer=WHO, message=b"pkg\n")))
    tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=WHO, message=b"pkg\n")))
    batch.add(
        VersionRow(
            text, Status.PUBLISHED, date=WHO.seconds, commit=commit.hex(), tree=tree.hex(), tags=(VersionTag(f"v{text}", tag.hex()),)
        )
    )
    batch.claim("default", "pkg", [text])


def publish(repository: Repository, *texts: str) -> None:
    for text in texts:
        with repository.batch() as batch:
            add(batch, text)
            assert batch.publish() is not None


def packs(repository: Repository) -> set[str]:
    """The names of all packs that are there, each with its index."""
    names = [path.name for path in (repository.path / "objects" / "pack").iterdir()]
    found = {name.removesuffix(".pack") for name in names if name.endswith(".pack")}
    assert sorted(names) == sorted(f"{name}.{suffix}" for name in found for suffix in ("pack", "idx"))
    return found


def live(repository: Repository) -> set[str]:
    return set(Repository.open(repository.path)._reader.state().packs)


def everything(repository: Repository, names: set[str]) -> dict[ObjectId, Any]:
    found = {}
    for name in names:
        with PackReader(repository.path / "objects" / "pack" / f"{name}.pack") as pack:
            found.update({entry.id: pack.read(entry.id) for entry in pack.index})
    return found


def observed(repository: Repository) -> tuple[Any, ...]:
    opened = Repository.open(repository.path)
    return dict(opened.refs()), dict(opened.rows()), dict(opened.claims()), opened.owner


def writing(repository: Repository) -> list[Path]:
    return list(repository.path.glob("pydeps-host/writing"))


def at(time_: datetime, **more: Any) -> Upkeep:
    return Upkeep(deltas=False, now=lambda: time_, **more)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository.create(tmp_path / "pkg.git", name="pkg", disk=Disk(durable=False))
    publish(repository, "1.0", "1.1", "2.0")
    return repository


def test_many_packs_become_one_that_holds_every_object(repository: Repository) -> None:
    old, before, generation = packs(repository), observed(repository), repository.generation
    objects = everything(repository, old)

    done = repository.maintain(COPY)
    assert (done.way, done.packs_before, done.packs_after, done.kept, done.removed) == ("copy", 3, 1, 3, 0)
    assert done.problem is None
    assert 0 < done.bytes_after < done.bytes_before == done.kept_bytes
    (new,) = live(repository)
    assert packs(repository) == old | {new}
    assert everything(repository, {new}) == objects
    assert observed(repository) == before
    assert repository.generation == generation + 1
    assert writing(repository) == []


def test_what_nothing_refers_to_any_more_stays_and_gets_its_tags_back(repository: Repository) -> None:
    with repository.batch() as batch:
        batch.end_claims("default", keep_entries=())
        batch.publish()
    assert repository.versions() == ()
    repository.maintain(AT_ONCE)
    one = packs(repository)
    with repository.batch() as batch:
        batch.claim("default", "pkg", ["1.1"])
        batch.publish()
    assert repository.versions() == ("1.1",)
    # What is new is one commit: a history of that version alone.
    (new,) = packs(repository) - one
    with PackReader(repository.path / "objects" / "pack" / f"{new}.pack") as pack:
        assert {entry.id.hex() for entry in pack.index} == set(repository.history().values())


def test_publishing_goes_on_upon_the_new_pack(repository: Repository) -> None:
    repository.maintain(AT_ONCE)
    (new,) = packs(repository)
    publish(repository, "3.0")
    assert packs(repository) == live(repository) > {new}
    (latest,) = packs(repository) - {new}
    with PackReader(repository.path / "objects" / "pack" / f"{latest}.pack") as pack:
        # What every version has in common is in the new pack, and known.
        assert len(pack.index) == 6
    assert repository.maintain(AT_ONCE).packs_after == 1
    assert repository.versions() == ("3.0", "2.0", "1.1", "1.0")


def test_one_pack_is_left_as_it_is(repository: Repository) -> None:
    repository.maintain(COPY)
    before = repository.journal()
    done = repository.maintain(COPY)
    assert (done.way, done.packs_before, done.packs_after, done.bytes_before) == ("none", 1, 1, done.bytes_after)
    assert repository.journal() == before


def test_an_empty_repository_needs_no_maintenance(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "empty.git", name="empty", disk=Disk(durable=False))
    assert repository.maintain() == Maintained(
        way="none", packs_before=0, packs_after=0, bytes_before=0, bytes_after=0, kept=0, kept_bytes=0
    )
    assert repository.generation == 0


def test_of_two_packs_of_which_one_holds_everything_the_other_goes(repository: Repository, tmp_path: Path) -> None:
    repository.maintain(AT_ONCE)
    (whole,) = packs(repository)
    # As if two had written the same objects at once: a part of what is there, in a pack that the journal names.
    other = Repository.create(tmp_path / "other.git", name="pkg", disk=Disk(durable=False))
    publish(other, "1.0")
    (part,) = packs(other)
    for suffix in ("pack", "idx"):
        (other.path / "objects" / "pack" / f"{part}.{suffix}").rename(repository.path / "objects" / "pack" / f"{part}.{suffix}")
    line = JournalLine(repository.generation + 1, repository.journal()[-1].refs, "2024-01-01T00:00:00Z", packs=(part,))
    with (repository.path / "pydeps-host" / "journal.jsonl").open("ab") as journal:
        journal.write(encode_line(line))
    objects = everything(repository, {whole})
    file = repository.path / "objects" / "pack" / f"{whole}.pack"
    place = file.stat().st_ino
    done = repository.maintain(AT_ONCE)
    assert (done.packs_before, done.packs_after, done.removed) == (2, 1, 1)
    # It is the same file, not a copy in its place.
    assert file.stat().st_ino == place
    assert packs(repository) == live(repository) == {whole}
    assert everything(repository, {whole}) == objects


# --- the hour ---


def test_a_superseded_pack_stays_for_an_hour_and_then_goes_with_the_next_change(repository: Repository) -> None:
    old = packs(repository)
    repository.maintain(COPY)
    publish(repository, "3.0")
    assert packs(repository) > old

    late = Repository.create(repository.path.with_name("late.git"), name="pkg", disk=Disk(durable=False))
    publish(late, "1.0", "1.1", "2.0")
    late.maintain(at(datetime.now(UTC) - HOUR - timedelta(seconds=1)))
    publish(late, "3.0")
    assert packs(late) == live(late)
    assert len(packs(late)) == 2


def test_maintenance_removes_what_is_older_than_it_is_told(repository: Repository) -> None:
    old, now = packs(repository), datetime.now(UTC)
    repository.maintain(at(now))
    assert repository.maintain(at(now + timedelta(minutes=59))).removed == 0
    assert packs(repository) > old
    done = repository.maintain(at(now + HOUR))
    assert (done.removed, done.kept, done.kept_bytes) == (3, 0, 0)
    assert packs(repository) == live(repository)
    assert repository.maintain(at(now + HOUR)).removed == 0


def test_a_time_of_ones_own_holds_for_publishing_too(repository: Repository) -> None:
    then = datetime.now(UTC) - 2 * HOUR
    old = packs(repository)
    repository.maintain(at(then, keep_superseded=3 * HOUR))
    publish(repository, "3.0")
    assert packs(repository) > old
    # Whoever asks for a shorter one by hand gets it.
    assert repository.maintain(at(datetime.now(UTC), keep_superseded=HOUR)).removed == 3


def test_nothing_is_kept_where_that_is_asked_for(repository: Repository) -> None:
    done = repository.maintain(AT_ONCE)
    assert (done.removed, done.kept) == (3, 0)
    assert packs(repository) == live(repository)
    assert observed(repository)[0].keys() >= {"refs/tags/v1.0"}


def test_a_clock_that_goes_backwards_removes_nothing_and_hurts_nobody(repository: Repository) -> None:
    old, now = packs(repository), datetime.now(UTC)
    repository.maintain(at(now + 10 * HOUR))
    publish(repository, "3.0")
    for keep in (timedelta(), HOUR):
        repository.maintain(at(now, keep_superseded=keep))
        assert packs(repository) >= old
    assert repository.maintain(at(now + 11 * HOUR)).kept == 0
    assert packs(repository) == live(repository)


def test_a_pack_of_which_the_index_alone_is_left_is_cleaned_up(repository: Repository) -> None:
    old = packs(repository)
    repository.maintain(COPY)
    (repository.path / "objects" / "pack" / f"{min(old)}.pack").unlink()
    assert repository.maintain(AT_ONCE).removed == 3
    assert packs(repository) == live(repository)


def test_what_cannot_be_removed_keeps_nobody_from_publishing(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    old = packs(repository)
    repository.maintain(at(datetime.now(UTC) - 2 * HOUR, keep_superseded=timedelta(minutes=90)))
    real = os.unlink

    def unlink(path: Path, **more: Any) -> None:
        if Path(path).stem in old:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        real(path, **more)

    monkeypatch.setattr(os, "unlink", unlink)
    publish(repository, "3.0")
    assert packs(repository) > old
    monkeypatch.undo()
    publish(repository, "4.0")
    assert packs(repository) == live(repository)


def test_the_journal_is_on_the_disk_before_a_pack_goes(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.maintain(COPY)
    steps: list[str] = []
    sync, remove = Disk.sync_file, Disk.remove

    def sync_file(disk: Disk, path: Path) -> None:
        steps.append(f"sync {path.name}")
        sync(disk, path)

    def remove_(disk: Disk, path: Path) -> None:
        steps.append(f"remove {path.suffix}")
        remove(disk, path)

    monkeypatch.setattr(Disk, "sync_file", sync_file)
    monkeypatch.setattr(Disk, "remove", remove_)
    Repository.open(repository.path).maintain(AT_ONCE)
    monkeypatch.undo()
    removed = [step for step in steps if step in {"remove .pack", "remove .idx"}]
    assert removed == ["remove .pack", "remove .idx"] * 3
    assert steps[: steps.index("remove .pack")][-1] == "sync journal.jsonl"


# --- by itself ---


def test_small_packs_are_made_one_once_there_are_more_than_twenty(repository: Repository) -> None:
    publish(repository, *(f"3.{number}" for number in range(AUTOMATIC_PACKS - 3)))
    assert len(packs(repository)) == AUTOMATIC_PACKS
    assert repository.maintain_if_due() is None
    assert not (repository.path / "pydeps-host" / "maintenance.lock").exists()
    publish(repository, "4.0")
    done = repository.maintain_if_due(keep_superseded=timedelta())
    assert done is not None
    assert (done.way, done.packs_before, done.packs_after) == ("copy", 21, 1)
    assert packs(repository) == live(repository)
    assert repository.maintain_if_due() is None


def test_packs_whose_hour_is_over_go_even_where_nothing_else_is_to_be_done(repository: Repository) -> None:
    repository.maintain(at(datetime.now(UTC) - 2 * HOUR, keep_superseded=timedelta(minutes=119)))
    assert repository.maintain_if_due() is not None or packs(repository) == live(repository)
    repository.maintain(at(datetime.now(UTC), keep_superseded=timedelta()))
    publish(repository, "3.0")
    repository.maintain(at(datetime.now(UTC) - 2 * HOUR))
    done = repository.maintain_if_due()
    assert done is not None
    assert (done.way, done.kept) == ("none", 0)
    assert packs(repository) == live(repository)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([10] * 20, 0),
        ([10] * 21, 21),
        # Large ones do not count, and are not copied.
        ([10] * 20 + [AUTOMATIC_BYTES + 1] * 5, 0),
        ([10] * 21 + [AUTOMATIC_BYTES + 1] * 5, 21),
        # What is as large as all smaller ones together stays.
        ([10] * 20 + [200], 20),
        ([10] * 20 + [199], 21),
        ([10] * 20 + [200, 400], 20),
        ([10] * 20 + [200, 399], 22),
        ([10] * 20 + [1, 201, 300], 23),
        # Each as large as all before it: there is nothing that copying would bring.
        ([2**power for power in range(25)], 0),
    ],
)
def test_a_pack_is_copied_when_what_is_smaller_outweighs_it(sizes: list[int], expected: int) -> None:
    chosen = _small({f"pack-{number}": size for number, size in enumerate(sizes)})
    assert len(chosen) == expected


def test_a_thousand_small_changes_copy_each_object_a_few_times() -> None:
    sizes: dict[str, int] = {}
    copied = most = 0
    for number in range(1000):
        sizes[f"{number}"] = 100
        chosen = _small(sizes)
        if chosen:
            total = sum(sizes.pop(name) for name in chosen)
            sizes[f"merged {number}"] = total
            copied += total
        most = max(most, len(sizes))
    assert most <= AUTOMATIC_PACKS + 10
    assert copied < 6 * 1000 * 100


def test_an_automatic_one_leaves_it_to_whoever_is_at_it(repository: Repository) -> None:
    publish(repository, *(f"3.{number}" for number in range(AUTOMATIC_PACKS)))
    with locked(repository.path / "pydeps-host" / "maintenance.lock"):
        assert repository.maintain_if_due() is None
        with pytest.raises(DeadlineError):
            repository.maintain(COPY, deadline=time.monotonic())
    assert len(packs(repository)) == AUTOMATIC_PACKS + 3


# --- others at the same time ---


def test_what_is_published_meanwhile_stays(repository: Repository) -> None:
    def now() -> datetime:
        # Asked for once the new pack is written, before it takes its place.
        if "9.0" not in repository.versions():
            publish(Repository.open(repository.path), "9.0")
        return datetime.now(UTC)

    done = repository.maintain(Upkeep(deltas=False, now=now, keep_superseded=timedelta()))
    assert (done.way, done.packs_after) == ("copy", 2)
    assert "9.0" in repository.versions()
    assert packs(repository) == live(repository)
    assert len(everything(repository, live(repository))) == 4 * 6 + 1


def test_a_batch_that_began_before_rests_on_objects_that_stay(repository: Repository) -> None:
    with repository.batch() as batch:
        add(batch, "3.0")
        Repository.open(repository.path).maintain(AT_ONCE)
        assert batch.publish() is not None
    with ObjectDatabase(repository.path / "objects") as objects:
        for id_ in everything(repository, packs(repository)):
            objects.read(id_)
    assert set(repository.versions()) == {"1.0", "1.1", "2.0", "3.0"}


def test_a_pack_that_somebody_else_superseded_meanwhile_is_no_pack_to_supersede(repository: Repository) -> None:
    journal = repository.path / "pydeps-host" / "journal.jsonl"
    old = sorted(packs(repository))
    state = repository._reader.state()

    def now() -> datetime:
        superseded = Supersession((old[0],), "2999-01-01T00:00:00Z")
        if len(Repository.open(repository.path)._reader.state().packs) == 3:
            line = JournalLine(state.generation + 1, state.refs, "2998-01-01T00:00:00Z", superseded=superseded)
            with journal.open("ab") as file:
                file.write(encode_line(line))
        return datetime.now(UTC)

    done = repository.maintain(Upkeep(deltas=False, now=now))
    assert done.way == "none"
    assert packs(repository) == set(old)
    assert writing(repository) == []


@pytest.mark.parametrize("way", ["stop", "deadline"])
def test_the_work_ends_when_it_is_told_to_and_leaves_nothing(repository: Repository, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydeps_host.git.pack_copier._STRETCH", 1)
    before = packs(repository), repository.journal()
    stop = Stop()
    told: dict[str, Any] = {"deadline": time.monotonic() - 1} if way == "deadline" else {"stop": stop}
    stop.set()
    with pytest.raises(DeadlineError if way == "deadline" else ClosedError):
        repository.maintain(COPY, **told)
    assert (packs(repository), repository.journal()) == before
    assert writing(repository) == []


# --- what goes wrong ---


def test_a_pack_that_is_damaged_is_not_made_into_a_new_one(repository: Repository) -> None:
    name = min(packs(repository))
    path = repository.path / "objects" / "pack" / f"{name}.pack"
    content = bytearray(path.read_bytes())
    content[-40] ^= 0x40
    path.chmod(0o644)
    path.write_bytes(content)
    before = packs(repository), repository.journal()
    with pytest.raises(DamagedError, match=name):
        repository.maintain(AT_ONCE)
    assert (packs(repository), repository.journal()) == before
    assert writing(repository) == []


def test_a_pack_that_is_missing_is_damage(repository: Repository) -> None:
    name = min(packs(repository))
    (repository.path / "objects" / "pack" / f"{name}.pack").unlink()
    with pytest.raises(DamagedError, match=f"{name}.*not there"):
        repository.maintain(AT_ONCE)


def test_a_full_disk_at_any_call_loses_no_object(tmp_path: Path) -> None:
    made, call = [""], 0
    while len(made) >= call:
        call += 1
        repository = Repository.create(tmp_path / f"{call}.git", name="pkg", disk=Disk(durable=False))
        publish(repository, "1.0", "1.1")
        before, objects = observed(repository), everything(repository, live(repository))
        repository = Repository.open(repository.path)
        with pytest.MonkeyPatch.context() as patch:
            made = refuse_at(patch, call)
            error = None
            try:
                repository.maintain(AT_ONCE)
            except HostError as fault:
                error = fault
        assert error is None or (isinstance(error, DiskError) and error.errno == errno.ENOSPC)
        assert observed(repository) == before
        assert everything(repository, live(repository)) == objects
        Repository.open(repository.path).maintain(AT_ONCE)
        assert everything(repository, packs(repository)) == objects
        publish(repository, "2.0")
        assert packs(repository) == live(repository)
        assert writing(repository) == []
    assert call > 15


# --- what the journal says ---


def test_a_line_says_what_was_superseded_and_until_when_it_stays(repository: Repository, tmp_path: Path) -> None:
    old, now = packs(repository), datetime(2024, 5, 1, 12, tzinfo=UTC)
    repository.maintain(at(now))
    line = repository.journal()[-1]
    assert line.superseded == Supersession(tuple(sorted(old)), "2024-05-01T13:00:00Z")
    assert line.at == "2024-05-01T12:00:00Z"
    assert set(line.packs) == live(repository)
    assert line.refs == repository.journal()[-2].refs
    assert decode_lines(encode_line(line), tmp_path)[0][0] == line


@pytest.mark.parametrize(
    "superseded",
    [
        '{"packs":["../x"],"keepUntil":"2024-05-01T13:00:00Z"}',
        '{"packs":["pack-1"],"keepUntil":"2024-05-01T13:00:00Z"}',
        '{"packs":[],"keepUntil":"2024-05-01T13:00:00"}',
        '{"packs":[],"keepUntil":"soon"}',
        '{"packs":[],"keepUntil":"9999-12-31T23:59:59Z"}',
        '{"packs":[]}',
        "[]",
    ],
)
def test_a_line_that_says_nonsense_of_packs_is_damage(superseded: str, tmp_path: Path) -> None:
    said = f'{{"format":1,"generation":1,"refs":"sha256:","at":"2024-01-01T00:00:00Z","superseded":{superseded}}}\n'
    with pytest.raises(DamagedError):
        decode_lines(said.encode(), tmp_path / "journal.jsonl")


def test_a_removed_version_without_its_commit_is_not_restored_and_hurts_nobody(repository: Repository) -> None:
    with repository.batch() as batch:
        batch.add(VersionRow("9.9", Status.REMOVED))
        batch.publish()
    with repository.batch() as batch:
        batch.claim("default", "pkg", ["9.9"])
        batch.publish()
    assert Repository.open(repository.path).rows()["9.9"].status is Status.REMOVED


# --- git that fails ---


@pytest.fixture
def fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a git of one's own in the place of the real one."""

    def fake(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "git").chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder

    return fake


def test_without_git_entries_are_copied(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    done = repository.maintain()
    assert (done.way, done.problem) == ("copy", None)


_EMPTY = b"PACK" + struct.pack(">II", 2, 0)
EMPTY_PACK = "".join(f"\\{byte:03o}" for byte in _EMPTY + hashlib.sha1(_EMPTY).digest())


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'fatal: no' >&2; exit 128", "git ended with 128: fatal: no"),
        ("exit 0", "git wrote no good pack: it is no pack of version 2"),
        ("kill -9 $$", "git ended with -9"),
        # A whole pack, of no object.
        (f"printf '{EMPTY_PACK}'", "packed 0 objects rather than 19"),
    ],
)
def test_where_git_fails_entries_are_copied_and_that_is_told(
    repository: Repository, fake_git: Callable[[str], Path], script: str, problem: str
) -> None:
    fake_git(script)
    objects = everything(repository, live(repository))
    done = repository.maintain(Upkeep(keep_superseded=timedelta()))
    assert (done.way, done.packs_after) == ("copy", 1)
    assert problem in (done.problem or "")
    assert everything(repository, packs(repository)) == objects
    assert writing(repository) == []


def test_git_gets_nothing_of_the_environment_but_where_programs_are(
    repository: Repository, fake_git: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fake_git('env > "$(dirname "$0")/seen"; exit 1')
    for name in ("GIT_DIR", "GIT_CONFIG_COUNT", "GIT_TRACE", "INDEX_PASSWORD", "HOME", "LD_PRELOAD_NOT", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, "/secret")
    repository.maintain()
    seen = dict(line.partition("=")[::2] for line in (folder / "seen").read_text().splitlines())
    assert "/secret" not in seen.values()
    allowed = {"PATH", "TMPDIR", "HOME", "LC_ALL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_ATTR_NOSYSTEM"}
    shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    asks_nobody = {"GIT_ALLOW_PROTOCOL", "GIT_NO_LAZY_FETCH", "GIT_TERMINAL_PROMPT"}
    assert seen.keys() <= allowed | shells | asks_nobody | {"GIT_NO_REPLACE_OBJECTS", "GIT_OPTIONAL_LOCKS"}
    assert seen["GIT_CONFIG_GLOBAL"] == os.devnull
    assert (seen["GIT_ALLOW_PROTOCOL"], seen["GIT_NO_LAZY_FETCH"]) == ("", "1")


def test_git_is_not_started_on_a_configuration_that_is_not_ours(repository: Repository, fake_git: Callable[[str], Path]) -> None:
    folder = fake_git('touch "$(dirname "$0")/started"; exit 1')
    with (repository.path / "config").open("a") as file:
        file.write('[remote "origin"]\n\tpromisor = true\n')
    done = repository.maintain()
    assert (done.way, done.packs_after) == ("copy", 1)
    assert done.problem == "git is not started: config: it is not as it was written"
    assert not (folder / "started").exists()


def test_where_no_temporary_file_can_be_made_entries_are_copied(
    repository: Repository, fake_git: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_git("exit 1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    done = repository.maintain()
    assert done.way == "copy"
    assert "no temporary file can be made" in (done.problem or "")


@pytest.mark.parametrize("keep", [timedelta(days=3661), timedelta(seconds=300_000_000_000), timedelta(seconds=-1)])
def test_packs_are_kept_for_ten_years_at_most(keep: timedelta) -> None:
    with pytest.raises(UsageError, match="3660 days"):
        Upkeep(keep_superseded=keep)


@pytest.mark.parametrize("way", ["stop", "deadline"])
def test_a_git_that_does_not_end_is_ended_with_the_wait(repository: Repository, fake_git: Callable[[str], Path], way: str) -> None:
    folder = fake_git('echo $$ > "$(dirname "$0")/pid"; exec sleep 60')
    before = packs(repository), repository.journal()

    class Soon(Stop):
        def is_set(self) -> bool:
            return (folder / "pid").exists() and (folder / "pid").read_text() != ""

    started = time.monotonic()
    told: dict[str, Any] = {"deadline": started + 0.5} if way == "deadline" else {"stop": Soon()}
    with pytest.raises(DeadlineError if way == "deadline" else ClosedError):
        repository.maintain(**told)
    assert time.monotonic() - started < 20
    assert not Path(f"/proc/{(folder / 'pid').read_text().strip()}").exists()
    assert (packs(repository), repository.journal()) == before
    assert writing(repository) == []


def test_a_git_that_takes_too_long_is_ended_and_entries_are_copied(
    repository: Repository, fake_git: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_git("exec sleep 60")
    monkeypatch.setattr("pydeps_host.repository.repacking._MOST_SECONDS", 0.2)
    done = repository.maintain()
    assert done.way == "copy"
    assert "not done after" in (done.problem or "")


def test_who_waits_for_maintenance_waits_for_so_long_and_no_longer(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydeps_host.repository.repository._PUBLISHING_SECONDS", 0.05)
    with locked(repository.path / "pydeps-host" / "maintenance.lock"), pytest.raises(LockedError):
        repository.maintain(COPY)


def test_a_superseded_pack_that_comes_out_again_is_live_again() -> None:
    first = account(PackAccount(), [("2024-01-01T00:00:00Z", ("pack-a", "pack-b"), None)])
    second = account(
        first, [("2024-01-01T00:00:00Z", ("pack-c",), Supersession(("pack-a", "pack-b"), "2024-01-01T01:00:00Z", deltas=True))]
    )
    assert [set(second.live), set(second.superseded), set(second.deltas)] == [{"pack-c"}, {"pack-a", "pack-b"}, {"pack-c"}]
    third = account(second, [("2024-01-02T00:00:00Z", ("pack-a",), Supersession(("pack-c",), "2024-01-02T01:00:00Z"))])
    assert [set(third.live), set(third.superseded), set(third.deltas)] == [{"pack-a"}, {"pack-b", "pack-c"}, set()]


def test_whoever_dies_while_a_superseded_pack_is_put_in_place_again_does_not_cost_its_readers_the_hour(repository: Repository) -> None:
    old = packs(repository)
    repository.maintain(COPY)
    (repository.path / "pydeps-host" / "lock").write_text(f"{min(old)}\n")
    publish(repository, "3.0")
    assert packs(repository) > old
