"""The folder of repositories."""

import json
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

import rows
from pydeps_host import Store
from pydeps_host.errors import ClosedError, DamagedError, DiskError, FormatError, NotStoredError, UsageError
from pydeps_host.git import Commit, Identity, Tag, encode_commit, encode_tag
from pydeps_host.limiter import Stop
from pydeps_host.repository import Patience, Repository, Status, VersionRow
from pydeps_host.repository.disk import read_from
from pydeps_host.simple_api import KeptPage

ALPHA = NormalizedName("alpha")


def publish(repository: Repository, text: str) -> None:
    with repository.batch() as batch:
        tree = batch.pack.add("tree", b"")
        somebody = Identity("a", "a@example.com", 1)
        commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=somebody, committer=somebody, message=text.encode())))
        tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=somebody, message=b"")))
        batch.add(rows.published(text, date=somebody.seconds, tree=tree, commit=commit, tag=tag))
        assert batch.publish() is not None


def test_making_a_store_touches_no_disk(tmp_path):
    store = Store(tmp_path / "code")
    assert store.names() == ()
    assert store.known_repository("alpha") is None
    assert not store.path.exists()


def test_a_repository_comes_into_place_with_its_first_version(tmp_path):
    store = Store(tmp_path / "code")
    with store.writing("alpha") as repository:
        assert not store.path_of("alpha").exists()
        publish(repository, "1.0")
        assert not store.path_of("alpha").exists()
    assert store.path_of("alpha") == tmp_path / "code" / "python" / "alpha.git"
    assert store.repository("alpha").versions() == ("1.0",)
    assert store.generations() == {"alpha": 1}
    assert not list(store.path.glob(".pydeps-host/unborn/*/*"))
    with store.writing("alpha") as repository:
        publish(repository, "1.1")
    assert store.generations() == {"alpha": 2}


def test_what_else_lies_beside_repositories_is_none(tmp_path):
    store = Store(tmp_path / "code")
    with store.writing("alpha") as repository:
        publish(repository, "1.0")
    for name in (".git", "Beta.git", "gamma", "a..b.git"):
        (store.path / "python" / name).mkdir()
    (store.path / "python" / "delta.git").write_text("a worktree's file")
    assert store.names() == ("alpha",)


def test_a_repository_that_came_into_place_since_it_was_opened_is_opened_there(tmp_path):
    store = Store(tmp_path / "code")
    with store.writing("alpha"):
        pass
    unborn = store.known_repository("alpha")
    assert unborn is not None
    with store.writing("alpha") as repository:
        publish(repository, "1.0")
    with store.writing("alpha", known=unborn) as repository:
        assert (repository.path, repository.versions()) == (store.path_of("alpha"), ("1.0",))


def test_a_repository_that_is_exchanged_while_its_state_is_read_is_read_as_a_whole(tmp_path, monkeypatch):
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    for store, texts in ((one, ("1.0", "1.1")), (other, ("2.0",))):
        for text in texts:
            with store.writing("alpha") as repository:
                publish(repository, text)
    place, read = one.path_of("alpha"), read_from

    def exchanged(*arguments, **more):
        monkeypatch.setattr("pydeps_host.repository.reader.read_from", read)
        place.rename(tmp_path / "away")
        other.path_of("alpha").rename(place)
        return read(*arguments, **more)

    repository = one.repository("alpha")
    monkeypatch.setattr("pydeps_host.repository.reader.read_from", exchanged)
    assert repository.versions() == ("2.0",)
    assert (tmp_path / "away").exists()


def test_what_is_remembered_of_a_project_without_versions_is_out_of_sight(tmp_path):
    store = Store(tmp_path / "code")
    with store.writing("alpha") as repository, repository.batch() as batch:
        batch.add(VersionRow("1.0", Status.REFUSED))
        batch.publish()
    assert store.names() == ()
    with pytest.raises(NotStoredError, match="alpha is not in"):
        store.repository("alpha")
    known = store.known_repository("alpha")
    assert known is not None
    assert known.rows()["1.0"].status is Status.REFUSED


def test_what_a_killed_process_left_of_a_new_repository_is_made_anew(tmp_path):
    store = Store(tmp_path / "code")
    half = store.path / ".pydeps-host" / "unborn" / "python" / "alpha.new"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref:")
    with store.writing("alpha") as repository:
        publish(repository, "1.0")
    assert store.names() == ("alpha",)
    assert not half.exists()


def test_a_version_that_was_published_before_its_repository_came_into_place_is_not_lost(tmp_path):
    store = Store(tmp_path / "code")

    def be_killed_in_between() -> None:
        with store.writing("alpha") as repository:
            publish(repository, "1.0")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_killed_in_between()
    assert store.names() == ()
    with store.writing("alpha") as repository:
        assert repository.versions() == ("1.0",)
    assert store.names() == ("alpha",)


def test_of_those_who_make_one_repository_at_once_one_makes_it_and_all_publish(tmp_path):
    store = Store(tmp_path / "code")
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with store.writing("alpha") as repository:
                publish(repository, f"{number}.0")
        except BaseException as problem:  # noqa: BLE001 - told to the thread that asserts
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(store.repository("alpha").versions()) == 8


def test_waiting_for_who_makes_a_repository_ends_when_it_is_told_to(tmp_path):
    store, stop = Store(tmp_path / "code"), Stop()
    with store.writing("alpha"):
        threading.Timer(0.05, stop.set).start()
        with pytest.raises(ClosedError), store.writing("alpha", Patience(stop=stop)):
            pass


@pytest.mark.parametrize("written", ["", "{}", "[]", '{"format": "x"}', "null"])
def test_a_format_that_cannot_be_read_is_refused(written, tmp_path):
    file = tmp_path / "code" / ".pydeps-host" / "format.json"
    file.parent.mkdir(parents=True)
    file.write_text(written)
    with pytest.raises((DamagedError, FormatError), match=r"format\.json"):
        Store(tmp_path / "code").names()


def test_a_store_says_its_format(tmp_path):
    Store(tmp_path / "code").prepare()
    assert json.loads((tmp_path / "code" / ".pydeps-host" / "format.json").read_text()) == {"format": 1}


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="file"):
        Store(tmp_path / "file" / "code").prepare()


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a b", "-a"])
def test_a_name_that_is_no_project_s_is_refused(name, tmp_path):
    with pytest.raises(UsageError, match="no project's name"):
        Store(tmp_path).path_of(name)


def test_a_name_that_no_file_system_takes_is_refused(tmp_path):
    Store(tmp_path).path_of("a" * 200)
    with pytest.raises(UsageError, match="200 characters"):
        Store(tmp_path).repository("a" * 201)


@pytest.mark.parametrize("look", [Store.names, lambda store: store.repository("alpha"), lambda store: store.verify("alpha")])
def test_a_folder_that_the_system_does_not_let_be_seen_is_named(look, tmp_path):
    with pytest.raises(DiskError, match="looking at"):
        look(Store(tmp_path, namespace="a" * 300))


def test_a_format_that_is_nested_without_end_is_damage_and_no_crash(tmp_path):
    (tmp_path / ".pydeps-host").mkdir()
    (tmp_path / ".pydeps-host" / "format.json").write_bytes(b"[" * 200_000)
    with pytest.raises(DamagedError):
        Store(tmp_path).names()


def test_packs_are_kept_for_ten_years_at_most(tmp_path):
    with pytest.raises(UsageError, match="3660 days"):
        Store(tmp_path, keep_superseded=timedelta(days=4000))


@pytest.mark.parametrize("namespace", ["", "..", "a/b", ".hidden", "Python", "x.git"])
def test_a_namespace_is_one_folder_s_name(namespace, tmp_path):
    with pytest.raises(UsageError, match="namespace"):
        Store(tmp_path, namespace=namespace)


def test_names_are_those_of_repositories_alone(tmp_path):
    store = Store(tmp_path)
    for name in ("alpha.git", "Beta.git", "gamma"):
        (tmp_path / "python" / name).mkdir(parents=True)
    (tmp_path / "python" / "file.git").write_text("")
    assert store.names() == ("alpha",)


def test_a_stale_spool_goes_and_a_fresh_one_stays(tmp_path):
    store = Store(tmp_path)
    old, new = store.spool("alpha") / "old", store.spool("alpha") / "new"
    old.write_text("")
    new.write_text("")
    os.utime(old, (1, 1))
    store.drop_stale_spools("alpha")
    assert list(store.spool("alpha").iterdir()) == [new]


def page_file(store: Store) -> Path:
    (found,) = (path for path in (store.path / ".pydeps-host" / "pages").rglob("*") if path.is_file())
    return found


def test_a_kept_page_comes_back_and_a_damaged_one_does_not(tmp_path):
    store = Store(tmp_path)
    page = KeptPage(b"<a>" * 1000, "text/html", etag='"1"', sha256="0", access="1")
    store.pages.save("index", ALPHA, page)
    assert store.pages.load("index", ALPHA) == page
    assert store.pages.load("other", ALPHA) is None
    whole = page_file(store).read_bytes()
    for damaged in (b"", whole[:20], whole.replace(b'"etag"', b'"eteg"'), whole[:-9], b"[" * 100_000 + b"\n"):
        page_file(store).write_bytes(damaged)
        assert store.pages.load("index", ALPHA) is None


def test_a_kept_page_is_for_its_owner_alone(tmp_path):
    store = Store(tmp_path)
    store.pages.save("index", ALPHA, KeptPage(b"", "text/html"))
    assert page_file(store).stat().st_mode & 0o777 == 0o600


def test_a_page_that_cannot_be_kept_is_not(tmp_path):
    (tmp_path / ".pydeps-host").write_text("")
    Store(tmp_path).pages.save("index", ALPHA, KeptPage(b"", "text/html"))
