"""What has to be on the disk, and what is cleaned up, before anything is promised."""

import errno
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from bench import UNTOLD, Bench, sdist
from pydeps_host import Store
from pydeps_host.errors import DiskError
from pydeps_host.events import DownloadFinished, Event
from pydeps_host.git import Identity, Tag, encode_tag, parse_id
from pydeps_host.host import Host
from pydeps_host.repository import Disk, Status, VersionRow, VersionTag, locked
from pydeps_host.repository.locks import locked_in_turn, try_lock
from pydeps_host.simple_api import FetchOptions, File, KeptPage, fetch_file
from pydeps_host.store.pages import KeptPages
from pydeps_host.testing import Listed
from pydeps_host.transport import HttpxTransport
from pydeps_host.values import Url

FULL = 51


class Synced:
    """Which files were synced, by path."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._files: set[tuple[int, int]] = set()
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        self._files.add((found.st_dev, found.st_ino))

    def __contains__(self, path: Path) -> bool:
        return (path.stat().st_dev, path.stat().st_ino) in self._files

    def __len__(self) -> int:
        return len(self._files)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Synced:
    return Synced(monkeypatch)


@pytest.fixture
def published(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.index.add(sdist("1.0"))
    assert bench.sync("alpha").succeeded
    return bench


# --- macOS ---


@pytest.fixture
def full_syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []

    def control(descriptor: int, command: int) -> int:
        assert command == FULL
        calls.append(descriptor)
        return 0

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    return calls


def test_on_macos_files_and_folders_are_synced_in_full(full_syncs: list[int], synced: Synced, tmp_path: Path) -> None:
    disk = Disk()
    disk.write(tmp_path / "a", b"a")
    disk.append(tmp_path / "a", b"b")
    disk.cut(tmp_path / "a", 1)
    disk.sync_file(tmp_path)
    assert (len(full_syncs), len(synced)) == (4, 0)


def test_on_macos_nothing_is_synced_where_that_is_turned_off(full_syncs: list[int], tmp_path: Path) -> None:
    Disk(durable=False).write(tmp_path / "a", b"a")
    assert full_syncs == []


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.EINVAL, errno.ENOTTY])
def test_where_a_file_system_of_macos_knows_no_full_sync_the_plain_one_is_taken(
    code: int, full_syncs: list[int], synced: Synced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "fcntl", _failing(code))
    Disk().write(tmp_path / "a", b"a")
    assert tmp_path / "a" in synced


def test_a_full_sync_that_fails_is_an_error(full_syncs: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "fcntl", _failing(errno.EIO))
    with pytest.raises(DiskError):
        Disk().write(tmp_path / "a", b"a")


# --- what a dead process did not sync ---


def test_a_state_whose_writer_died_before_its_last_sync_is_synced_before_anything_rests_on_it(published: Bench, synced: Synced) -> None:
    repository = Store(published.folder / "code").repository("alpha")
    repository.batch().publish()
    assert len(synced) == 0, "its writer had synced it"
    (repository.path / "pydeps-host" / "lock").write_bytes(b"")
    repository.batch().publish()
    assert repository.path in synced
    assert repository.path / "pydeps-host" / "journal.jsonl" in synced


def test_which_packs_are_about_to_come_is_on_the_disk_before_they_are_in_their_place(
    published: Bench, synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Store(published.folder / "code").repository("alpha")
    lock = repository.path / "pydeps-host" / "lock"
    announced = []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        if Path(target).suffix == ".pack":
            announced.append((lock in synced, Path(target).stem in lock.read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    with repository.batch() as batch:
        row = next(iter(repository.rows().values()))
        commit = row.commit
        assert commit is not None
        tag = batch.pack.add(
            "tag", encode_tag(Tag(object=parse_id(commit), name="v9", tagger=Identity("a", "a@example.com", 0), message=b"9\n"))
        )
        batch.add(VersionRow("9", Status.PUBLISHED, date=row.date, commit=commit, tree=row.tree, tags=(VersionTag("v9", tag.hex()),)))
        batch.claim("default", "alpha==9", ["9"])
        assert batch.publish() is not None
    assert announced == [(True, True)]


def test_a_version_is_synced_before_ensure_answers_that_it_is_there_if_its_writer_died(published: Bench, synced: Synced) -> None:
    path = published.store.path_of("alpha")
    with Host(published.config("alpha"), Store(published.folder / "code"), transport=published.index) as host:
        host.ensure("alpha==1.0")
        assert len(synced) == 0, "its writer had synced it"
        (path / "pydeps-host" / "lock").write_bytes(b"")
        host.ensure("alpha==1.0")
    assert path in synced


@pytest.mark.parametrize("how", ["writing", "settle"])
def test_the_place_of_a_new_repository_is_synced_if_whoever_put_it_there_died(how: str, published: Bench, synced: Synced) -> None:
    store = Store(published.folder / "code")
    mark = store.path / ".pydeps-host" / "locks" / "python" / "alpha.lock"
    assert mark.read_bytes() == b""
    mark.write_bytes(b"a repository is put in place\n")
    if how == "settle":
        store.settle("alpha")
    else:
        with store.writing("alpha"):
            pass
    assert store.path / "python" in synced
    assert store.path in synced
    assert mark.read_bytes() == b""


def test_a_store_is_synced_into_its_parents_even_if_somebody_else_made_its_folder(synced: Synced, tmp_path: Path) -> None:
    (tmp_path / "code" / ".pydeps-host").mkdir(parents=True)
    Store(tmp_path / "code").prepare()
    assert tmp_path in synced
    assert tmp_path / "code" in synced


# --- what a dead process left behind ---


def verified_and_not_named(folder: Path, listed: Listed = Listed()) -> tuple[Bench, Path]:  # noqa: B008 - frozen
    bench = Bench(folder)
    bench.index.add(sdist("1.0"), listed=listed)

    def stop(event: Event) -> None:
        if isinstance(event, DownloadFinished):
            raise KeyError

    with Host(bench.config("alpha"), bench.store, transport=bench.index, observer=stop) as host, pytest.raises(KeyError):
        host.sync()
    (spool,) = bench.store.spool("alpha").iterdir()
    return bench, spool


def test_a_file_that_was_verified_and_not_named_yet_is_not_downloaded_again(tmp_path: Path) -> None:
    bench, _ = verified_and_not_named(tmp_path)
    assert bench.sync("alpha").succeeded
    assert len(bench.index.files) == 1


@pytest.mark.parametrize("listed", [Listed(), UNTOLD])
def test_of_such_a_file_nothing_is_taken_that_a_power_failure_cut_short(listed: Listed, tmp_path: Path) -> None:
    bench, spool = verified_and_not_named(tmp_path, listed)
    os.truncate(spool, 100)
    assert bench.sync("alpha").succeeded
    assert len(bench.index.files) == 2


def test_a_file_is_on_the_disk_before_it_has_its_name_unless_nobody_relies_on_that(synced: Synced, tmp_path: Path) -> None:
    (tmp_path / "alpha-1.0.tar.gz").write_bytes(sdist("1.0").data)
    file = File("alpha-1.0.tar.gz", Url.parse((tmp_path / "alpha-1.0.tar.gz").as_uri()))
    with HttpxTransport() as transport:
        assert fetch_file(file, tmp_path / "kept", transport=transport).path in synced
        assert fetch_file(file, tmp_path / "passing", transport=transport, options=FetchOptions(durable=False)).path not in synced


def test_a_sync_waits_for_no_file_that_is_only_on_its_way(synced: Synced, tmp_path: Path) -> None:
    _, spool = verified_and_not_named(tmp_path)
    assert spool not in synced


def test_a_file_whose_version_is_published_is_removed_by_the_next_sync(published: Bench) -> None:
    spool = published.store.spool("alpha")
    left, other = spool / f"{'0' * 40}.{sdist('1.0').sha256}", spool / f"{'0' * 40}.{'1' * 64}"
    left.write_bytes(sdist("1.0").data)
    other.write_bytes(b"of a version that is still to be published")
    assert published.sync("alpha").succeeded
    assert list(spool.iterdir()) == [other]


def test_a_page_half_written_by_a_dead_process_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    pages, name = KeptPages(tmp_path), NormalizedName("alpha")
    page = KeptPage(b"body", url="https://index.example.com/simple/alpha/", content_type="text/html")
    pages.save("index", name, page)
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    dead, living = kept.with_name(f"{kept.name}.dead"), kept.with_name(f"{kept.name}.living")
    dead.write_bytes(b"half a pa")
    with living.open("wb") as file:
        assert try_lock(file.fileno())
        pages.save("index", name, page)
        assert sorted(kept.parent.iterdir()) == sorted([kept, living])


# --- locks ---


def test_who_takes_a_lock_again_at_once_goes_behind_the_one_who_waits(tmp_path: Path) -> None:
    turns: list[str] = []
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            with locked_in_turn(tmp_path / "lock"):
                turns.append("busy")
                time.sleep(0.03)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(5):
            while not turns or turns[-1] != "busy":
                time.sleep(0.001)
            turns.append("asked")
            with locked_in_turn(tmp_path / "lock"):
                turns.append("served")
    finally:
        stop.set()
        thread.join()
    waits = "".join(turn[0] for turn in turns).split("a")[1:]
    assert max(wait.index("s") for wait in waits) <= 2, turns


@pytest.mark.parametrize("name", ["flock", "close"])
def test_a_system_that_complains_when_a_lock_is_given_back_does_not_hide_what_was_done(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(tmp_path / "lock") as descriptor:
        real = os.close
        if name == "flock":
            monkeypatch.setattr(fcntl, "flock", _failing(errno.EIO))
        else:
            monkeypatch.setattr(os, "close", lambda one: (real(one), _failing(errno.EIO)())[0] if one == descriptor else real(one))
    monkeypatch.undo()
    with locked(tmp_path / "lock"):
        pass


def _failing(code: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail
