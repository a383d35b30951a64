"""The branch `history`: one line of commits, a function of the rows alone."""

import itertools
import json
import random
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from pydeps_host.errors import DamagedError
from pydeps_host.git import Commit, Identity, Mode, ObjectDatabase, PackReader, Tag, encode_commit, encode_tag, parse_id, write_tree
from pydeps_host.repository import HISTORY, LATEST, Batch, Change, Disk, Repository, Status, Upkeep, VersionRow, VersionTag
from pydeps_host.repository.history import history_of
from pydeps_host.values import AUTHOR_EMAIL, AUTHOR_NAME

AT_ONCE = Upkeep(deltas=False, keep_superseded=timedelta())


def row(batch: Batch, text: str, *, date: int = 1_000_000_000, tells: bool = True) -> VersionRow:
    """A version in a batch's pack; its row tells tree and date, or leaves both to the commit."""
    tree = write_tree([(b"pkg/a.py", Mode.FILE, batch.pack.add("blob", text.encode()))], batch.pack.add)
    who = Identity("pydeps-host", "pydeps-host@localhost.invalid", date)
    commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=who, committer=who, message=b"pkg\n")))
    tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=who, message=b"pkg\n")))
    told = VersionRow(text, Status.PUBLISHED, commit=commit.hex(), tags=(VersionTag(f"v{text}", tag.hex()),))
    return evolve(told, tree=tree.hex(), date=date) if tells else told


def publish(repository: Repository, *texts: str, tells: bool = True) -> Change:
    with repository.batch() as batch:
        for text in texts:
            batch.add(row(batch, text, tells=tells))
            batch.claim("default", text, [text])
        change = batch.publish()
    assert change is not None
    return change


def keep(repository: Repository, *texts: str) -> None:
    """End the claims on all versions but these."""
    with repository.batch() as batch:
        batch.end_claims("default", keep_entries=texts)
        batch.publish()


def line(repository: Repository) -> list[tuple[str, Commit]]:
    """The branch as it stands in the packs, oldest first: the first line of each message, and the commit."""
    found: list[tuple[str, Commit]] = []
    id_ = repository.refs()[HISTORY].id if HISTORY in repository.refs() else None
    with ObjectDatabase(repository.path / "objects") as objects:
        while id_ is not None:
            commit = objects.commit(parse_id(id_.hex()))
            found.append((commit.message.decode().partition("\n")[0], commit))
            id_ = commit.parents[0] if commit.parents else None
    return found[::-1]


def packs(repository: Repository) -> list[Path]:
    return sorted((repository.path / "objects" / "pack").glob("*.pack"))


def commits(repository: Repository) -> set[str]:
    """Every commit in the packs, by id."""
    found = set()
    for path in packs(repository):
        with PackReader(path) as pack:
            found |= {entry.id.hex() for entry in pack.index if (pack.read(entry.id) or ("", b""))[0] == "commit"}
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "pkg.git", name="python/pkg", disk=Disk(durable=False))


# --- what it is --------------------------------------------------------------


def test_the_ids_of_the_branch_are_golden() -> None:
    told = {
        text: VersionRow(text, Status.PUBLISHED, date=date, commit=digit * 40, tree=digit * 40, tags=(VersionTag(f"v{text}", "f" * 40),))
        for text, date, digit in (("1.10", 1_700_000_000, "a"), ("1.9", 1_600_000_000, "b"), ("2.0rc1", 0, "c"))
    }
    found = history_of("pkg", told)
    assert [(commit.text, commit.id.hex()) for commit in found] == [
        ("1.9", "24c926875cc0f869afc7395b3b3f968b3a76dea9"),
        ("1.10", "5be1e9c3a16fdff4181367508d155e0a28d4e1b9"),
        ("2.0rc1", "f98af876e5a6b43d4b9a4dbf91772917227ce175"),
    ]
    assert (
        found[1].data
        == (
            f"tree {'a' * 40}\n"
            f"parent {found[0].id.hex()}\n"
            "author pydeps-host <pydeps-host@localhost.invalid> 1700000000 +0000\n"
            "committer pydeps-host <pydeps-host@localhost.invalid> 1700000000 +0000\n"
            "\n"
            "pkg 1.10\n"
            "\n"
            "The files of this release, on top of those of the release before it in the\n"
            "order of PEP 440. The release's own commit, which has no parent, is named below.\n"
            "\n"
            "Tag: v1.10\n"
            f"Release: {'a' * 40}\n"
        ).encode()
    )


def test_the_branch_has_a_commit_for_each_release_in_the_order_of_pep_440(repository: Repository) -> None:
    publish(repository, "1.10", "1.9", "2.0rc1", "1.9.post1", "1!0.1", "2.0.dev1")
    found = line(repository)
    assert [said for said, _ in found] == [f"pkg {text}" for text in ("1.9", "1.9.post1", "1.10", "2.0.dev1", "2.0rc1", "1!0.1")]
    assert [commit.parents for _, commit in found] == [(), *((parse_id(id_),) for id_ in list(repository.history().values())[:-1])]
    assert repository.refs()[HISTORY].id.hex() == list(repository.history().values())[-1]
    assert repository.verify() == ()


def test_a_commit_of_the_branch_is_the_releases_own_but_for_its_parent_and_message(repository: Repository) -> None:
    publish(repository, "1.0")
    with repository.batch() as batch:
        batch.add(row(batch, "0.9", date=1_234_567_890))
        batch.publish()
    with ObjectDatabase(repository.path / "objects") as objects:
        for said, commit in line(repository):
            own = objects.commit(parse_id(repository.rows()[said.removeprefix("pkg ")].commit or ""))
            assert (commit.tree, commit.author.seconds, commit.committer.seconds) == (own.tree, own.author.seconds, own.author.seconds)
            assert (commit.author.name, commit.author.email) == (AUTHOR_NAME, AUTHOR_EMAIL)
            assert encode_commit(commit) == next(one.data for one in history_of("pkg", repository.rows()) if said == f"pkg {one.text}")


def test_what_pep_440_does_not_know_is_left_out(repository: Repository) -> None:
    publish(repository, "odd..text")
    assert (HISTORY in repository.refs(), dict(repository.history()), repository.verify()) == (False, {}, ())
    publish(repository, "1.0")
    assert [said for said, _ in line(repository)] == ["pkg 1.0"]


def test_an_empty_repository_has_no_history(repository: Repository) -> None:
    assert dict(repository.history()) == {}
    publish(repository, "1.0")
    keep(repository)
    assert (dict(repository.refs()), dict(repository.history()), repository.verify()) == ({}, {}, ())


def test_head_and_latest_are_as_without_it(repository: Repository) -> None:
    publish(repository, "2.0", "1.0")
    assert (repository.path / "HEAD").read_text() == "ref: refs/heads/latest\n"
    assert repository.refs()[LATEST].id.hex() == repository.rows()["2.0"].commit
    assert repository.revisions() == ("latest", "v2.0", "v1.0")


# --- how it changes ----------------------------------------------------------


def test_any_order_of_publishing_gives_the_same_branch(tmp_path: Path) -> None:
    found = set()
    for number, texts in enumerate(itertools.permutations(("1.0", "1.1", "2.0"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        repository = Repository.create(folder / "pkg.git", name="python/pkg", disk=Disk(durable=False))
        for text in texts:
            publish(repository, text)
        assert repository.verify() == ()
        found.add(tuple(repository.history().items()))
    assert len(found) == 1


def test_the_newest_version_adds_one_commit(repository: Repository) -> None:
    publish(repository, *(f"1.{number}" for number in range(20)))
    before = commits(repository)
    publish(repository, "2.0")
    new = commits(repository) - before
    assert new == {repository.rows()["2.0"].commit, repository.history()["2.0"]}


def test_an_older_version_makes_what_comes_after_it_anew_and_nothing_else(repository: Repository) -> None:
    publish(repository, "1.0", "3.0", "4.0")
    before = repository.history()
    change = publish(repository, "2.0")
    after = repository.history()
    assert (before["1.0"], len({before["3.0"], before["4.0"], after["3.0"], after["4.0"]})) == (after["1.0"], 4)
    assert [name for name, _ in change.old] == [HISTORY]
    assert [name for name, _ in change.new] == [HISTORY, "refs/tags/v2.0"]


def test_a_version_that_loses_its_tags_leaves_the_history_and_comes_back_into_it(repository: Repository) -> None:
    publish(repository, "1.0", "2.0", "3.0")
    before = repository.history()
    keep(repository, "1.0", "3.0")
    assert [said for said, _ in line(repository)] == ["pkg 1.0", "pkg 3.0"]
    assert repository.verify() == ()
    with repository.batch() as batch:
        batch.claim("other", "pkg", ["2.0"])
        batch.publish()
    assert repository.history() == before
    assert repository.verify() == ()


def test_history_needs_no_pack_of_its_own(repository: Repository) -> None:
    for number, text in enumerate(("2.0", "1.0", "3.0"), 1):
        publish(repository, text)
        assert len(packs(repository)) == number


def test_whoever_is_overtaken_by_an_older_version_publishes_the_history_of_both(repository: Repository) -> None:
    with repository.batch() as batch:
        batch.add(row(batch, "2.0"))
        batch.add(row(batch, "3.0"))
        publish_meanwhile(repository, batch, "1.0")
    assert [said for said, _ in line(repository)] == ["pkg 1.0", "pkg 2.0", "pkg 3.0"]
    assert repository.verify() == ()
    assert not (repository.path / "pydeps-host" / "writing").exists()


def publish_meanwhile(repository: Repository, batch: Batch, text: str) -> None:
    """Publish a batch, and before it has the lock a version of somebody else's."""
    publisher = batch._publisher
    real = publisher.history_after

    class Overtaken:
        def __getattr__(self, name: str) -> object:
            return getattr(publisher, name)

        def history_after(self, *words: object) -> object:
            found = real(*words)  # type: ignore[arg-type]
            publish(Repository.open(repository.path, disk=Disk(durable=False)), text)
            return found

    batch._publisher = Overtaken()  # type: ignore[assignment]
    batch.publish()


# --- journals that do not tell trees -----------------------------------------


def forget_trees(repository: Repository) -> Repository:
    """Write the journal and the references as they were before there was a history."""
    from pydeps_host.repository.references import decode_refs, encode_refs
    from pydeps_host.repository.state import refs_digest

    path, packed = repository.path / "pydeps-host" / "journal.jsonl", repository.path / "packed-refs"
    refs = encode_refs({name: ref for name, ref in decode_refs(packed.read_bytes(), packed).items() if name != HISTORY})
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    for said in lines:
        del said["sum"]
        said.pop("name", None)
        for one in said.get("rows", ()):
            one.pop("tree", None)
    lines[-1]["refs"] = refs_digest(refs)
    packed.write_bytes(refs)
    path.write_text("".join(json.dumps(said) + "\n" for said in lines))
    (repository.path / "pydeps-host" / "lock").write_text("")
    return Repository.open(repository.path, disk=Disk(durable=False))


def test_a_journal_without_trees_is_read_and_gets_its_history_with_the_next_change(repository: Repository) -> None:
    publish(repository, "1.0", "2.0")
    whole = repository.history()
    older = forget_trees(repository)
    assert (older.versions(), HISTORY in older.refs(), dict(older.history())) == (("2.0", "1.0"), False, {})
    assert {damage.what for damage in older.verify()} == {"it does not end with the digest of its bytes"}
    publish(older, "3.0")
    assert {text: id_ for text, id_ in older.history().items() if text != "3.0"} == whole
    assert [said for said, _ in line(older)] == ["pkg 1.0", "pkg 2.0", "pkg 3.0"]


def test_a_row_that_leaves_its_tree_to_the_commit_is_completed(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "told").mkdir()
    told = Repository.create(tmp_path / "told" / "pkg.git", name="python/pkg", disk=Disk(durable=False))
    publish(told, "1.0", "2.0")
    publish(repository, "1.0", "2.0", tells=False)
    assert (repository.rows(), repository.history()) == (told.rows(), told.history())
    with repository.batch() as batch:
        batch.add(row(batch, "1.0", tells=False))
        assert batch.publish() is None


def test_a_commit_that_is_none_is_not_published_as_one(repository: Repository) -> None:
    with repository.batch() as batch:
        blob = batch.pack.add("blob", b"no commit").hex()
        batch.add(VersionRow("1.0", Status.PUBLISHED, commit=blob, tags=(VersionTag("v1.0", blob),)))
        with pytest.raises(DamagedError, match=r"cannot be read as the commit of '1\.0'"):
            batch.publish()
    assert dict(repository.refs()) == {}


def test_the_name_is_recorded_once_and_holds_whatever_the_folder_is_called(repository: Repository) -> None:
    publish(repository, "1.0")
    publish(repository, "2.0")
    assert [change.name for change in repository.journal()] == ["pkg", None]
    moved = Repository.open(shutil.move(repository.path, repository.path.with_name("other.git")), disk=Disk(durable=False))
    assert moved.verify() == ()
    publish(moved, "3.0")
    assert [said for said, _ in line(moved)] == ["pkg 1.0", "pkg 2.0", "pkg 3.0"]


# --- what checks and maintains it --------------------------------------------


def test_a_branch_that_is_not_what_the_journal_gives_is_damage(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a library would leave it that reckons otherwise."""
    with monkeypatch.context() as other:
        other.setattr("pydeps_host.repository.publishing.history_of", lambda name, rows: history_of("another", rows))
        publish(repository, "1.0", "2.0")
    (damage,) = repository.verify()
    assert (damage.code, damage.reference) == ("references", HISTORY)


def test_a_history_of_other_files_than_the_release_has_is_damage(repository: Repository) -> None:
    with repository.batch() as batch:
        other = row(batch, "2.0")
        batch.add(evolve(row(batch, "1.0"), tree=other.tree))
        batch.publish()
    (damage,) = repository.verify()
    assert (damage.code, damage.object) == ("journal", repository.rows()["1.0"].commit)


def test_maintenance_drops_what_the_branch_left_behind_and_keeps_all_else(repository: Repository) -> None:
    for text in ("3.0", "2.0", "1.0"):
        publish(repository, text)
    keep(repository, "1.0", "3.0")
    kept = {row.commit for row in repository.rows().values()} | set(repository.history().values())
    assert len(commits(repository) - kept) == 5
    assert repository.maintain(AT_ONCE).way == "copy"
    assert commits(repository) == kept
    assert repository.verify() == ()
    with repository.batch() as batch:
        batch.claim("other", "pkg", ["2.0"])
        batch.publish()
    assert repository.versions() == ("3.0", "2.0", "1.0")
    assert repository.verify() == ()


def test_maintenance_of_some_packs_drops_nothing(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that was left behind may be in a pack that stays, and names those before it."""
    publish(repository, "30.0")
    with repository.batch() as batch:
        batch.pack.add("blob", random.Random(1).randbytes(100_000))
        batch.add(row(batch, "90.0"))
        batch.claim("default", "90.0", ["90.0"])
        batch.publish()
    monkeypatch.setattr("pydeps_host.repository.maintenance.AUTOMATIC_BYTES", 20_000)
    for number in range(21, -1, -1):
        publish(repository, f"{number}.0")
    before = commits(repository)
    done = repository.maintain_if_due()
    assert done is not None
    assert (done.way, done.packs_after) == ("copy", 2)
    assert commits(repository) == before
    assert repository.verify() == ()


def racing(repository: Repository, meanwhile: Callable[[], object]) -> Upkeep:
    """Have something happen once a new pack is written, before it takes its place."""
    left = [meanwhile]

    def now() -> datetime:
        if left:
            left.pop()()
        return datetime.now(UTC)

    return evolve(AT_ONCE, now=now)


def test_a_history_that_comes_back_while_it_is_dropped_is_kept(repository: Repository) -> None:
    publish(repository, "2.0", "3.0")
    publish(repository, "1.0")
    other = Repository.open(repository.path, disk=Disk(durable=False))
    done = repository.maintain(racing(repository, lambda: keep(other, "2.0", "3.0")))
    assert done.way == "copy"
    assert [said for said, _ in line(repository)] == ["pkg 2.0", "pkg 3.0"]
    assert repository.verify() == ()


def test_two_thousand_versions_cost_a_change_little(tmp_path: Path) -> None:
    told = {
        f"1.{number}": VersionRow(
            f"1.{number}", Status.PUBLISHED, date=number, commit=f"{number:040x}", tree=f"{number:040x}", tags=(VersionTag("v", "f" * 40),)
        )
        for number in range(2000)
    }
    started = time.process_time()
    assert len(history_of("pkg", told)) == 2000
    assert time.process_time() - started < 0.5
