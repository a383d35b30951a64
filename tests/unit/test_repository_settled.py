"""A change that is none takes no lock, unless there is something to make good."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from bench import Bench, sdist, statuses
from pydeps_host import ProjectReport, Repository
from pydeps_host.errors import ClosedError, DamagedError
from pydeps_host.git import KnownObjects, ObjectId
from pydeps_host.limiter import Stop
from pydeps_host.repository import Upkeep, locked
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.settled import is_settled


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.index.add(*map(sdist, ("1.0", "1.5", "2.0")))
    made.sync("alpha==1.0", "alpha==2.0")
    return made


def layout(bench: Bench) -> Layout:
    return Layout(bench.store.path_of("alpha"))


def says_the_same_again(repository: Repository) -> None:
    """Publish what is there already, and wait for no lock."""
    stop = Stop()
    stop.set()
    with repository.batch(stop=stop) as batch:
        batch.add(repository.rows()["1.0"])
        batch.claim("default", "alpha==1.0", ["1.0"])
        assert batch.publish() is None


def test_a_change_that_is_none_takes_no_lock(bench: Bench) -> None:
    with locked(layout(bench).lock):
        says_the_same_again(bench.store.repository("alpha"))


def test_a_change_takes_the_lock(bench: Bench) -> None:
    repository, stop = bench.store.repository("alpha"), Stop()
    stop.set()
    with locked(layout(bench).lock), repository.batch(stop=stop) as batch:
        batch.claim("default", "alpha<2", ["1.0"])
        with pytest.raises(ClosedError):
            batch.publish()


def test_a_sync_that_brings_nothing_waits_for_nobody(bench: Bench) -> None:
    places = layout(bench)
    every = [places.versions / f"{share:02x}.lock" for share in range(256)]
    for path in every:
        path.touch()
    reports = list[ProjectReport]()
    syncing = threading.Thread(target=lambda: reports.append(bench.project("alpha==1.0", "alpha==2.0")), daemon=True)
    with ExitStack() as held:
        for path in (places.lock, *every):
            held.enter_context(locked(path))
        syncing.start()
        syncing.join(20)
        assert [statuses(report) for report in reports] == [{"1.0": "present", "2.0": "present"}]


def lost_seal(places: Layout) -> None:
    places.lock.write_bytes(b"")


def other_references(places: Layout) -> None:
    head, _, _ = places.lock.read_text().rpartition("sha256:")
    places.lock.write_text(f"{head}sha256:{'0' * 64}\n")


def longer_journal(places: Layout) -> None:
    with places.journal.open("ab") as file:
        file.write(b'{"format":1,')


def left_references(places: Layout) -> None:
    places.new_refs.write_bytes(b"")


def left_pack(places: Layout) -> None:
    places.writing.mkdir()
    (places.writing / "0123456789abcdef-0.pack").write_bytes(b"PACK")


UNSETTLED: list[Callable[[Layout], None]] = [lost_seal, other_references, longer_journal, left_references, left_pack]


@pytest.mark.parametrize("unsettle", UNSETTLED, ids=lambda function: function.__name__)
def test_what_somebody_left_who_died_is_made_good_under_the_lock_even_where_nothing_changes(
    bench: Bench, unsettle: Callable[[Layout], None]
) -> None:
    places, repository = layout(bench), bench.store.repository("alpha")
    assert is_settled(places, repository.state())
    unsettle(places)
    assert not is_settled(places, repository.state())
    with locked(places.lock), pytest.raises(ClosedError):
        says_the_same_again(repository)
    assert statuses(bench.project("alpha==1.0", "alpha==2.0")) == {"1.0": "present", "2.0": "present"}
    assert (places.writing.exists(), places.new_refs.exists()) == (False, False)
    assert places.journal.stat().st_size == repository.state().end


def test_a_journal_that_was_cut_short_is_damage_even_where_nothing_changes(bench: Bench) -> None:
    repository = bench.store.repository("alpha")
    with repository.batch() as batch:
        batch.claim("other", "alpha==1.0", ["1.0"])
        assert batch.publish() is not None
    lines = layout(bench).journal.read_bytes().splitlines(keepends=True)
    layout(bench).journal.write_bytes(b"".join(lines[:-1]))
    error = bench.project("alpha==1.0", "alpha==2.0").error
    assert isinstance(error, DamagedError)


def test_packs_whose_time_is_over_go_even_where_nothing_changes(bench: Bench) -> None:
    bench.sync("alpha==1.0", "alpha==2.0", "alpha==1.5")
    repository, packs = bench.store.repository("alpha"), layout(bench).packs
    repository.maintain(Upkeep(deltas=False, keep_superseded=timedelta(seconds=1)))
    assert len(list(packs.glob("*.pack"))) == 3
    time.sleep(1.1)
    with repository.batch() as batch:
        batch.add(repository.rows()["1.0"])
        assert batch.publish() is None
    assert len(list(packs.glob("*.pack"))) == 1


def test_the_indexes_of_packs_are_read_with_the_first_question(tmp_path: Path) -> None:
    known = KnownObjects(tmp_path, ["pack-" + "0" * 40])
    (tmp_path / f"pack-{'0' * 40}.idx").write_bytes(b"no index")
    with pytest.raises(DamagedError):
        known(ObjectId(bytes(20)))


def test_a_repository_that_came_into_place_is_not_taken_for_the_one_that_was_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.index.add(sdist("1.0"))
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), 404)
    bench.sync("alpha==1.0")
    unborn = bench.store.known_repository("alpha")
    assert unborn is not None
    bench.sync("alpha==1.0")
    with bench.store.writing("alpha", known=unborn) as repository:
        assert repository.path == bench.store.path_of("alpha") != unborn.path
    with bench.store.writing("alpha", known=repository) as again:
        assert again is repository
