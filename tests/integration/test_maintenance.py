"""Maintenance as git and other readers see it, while it runs, when it is killed, and afterwards."""

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import maintaining
import rows
from bench import Bench, sdist
from gitting import check, git, refs
from pydeps_host.cli import command
from pydeps_host.errors import DiskError
from pydeps_host.git import Commit, Identity, Mode, ObjectDatabase, Tag, encode_commit, encode_tag, write_tree
from pydeps_host.repository import Batch, Disk, Repository, Status, Upkeep, VersionRow, VersionTag

pytestmark = pytest.mark.needs("git")

NOW = timedelta()
COPY = Upkeep(deltas=False, keep_superseded=NOW)
GIT = Upkeep(keep_superseded=NOW, threads=1)
WHO = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)


def add(batch: Batch, text: str) -> None:
    # Like releases of one package: most lines stay.
    lines = [f"line {number} of a file that hardly changes, {number * 7919 % 1009}\n" for number in range(300)]
    lines[int(text.partition(".")[2]) % 300] = f"release {text}\n"
    leaves = [(b"pkg/%03d.py" % number, Mode.FILE, batch.pack.add("blob", "".join(lines[number:]).encode())) for number in range(20)]
    tree = write_tree(leaves, batch.pack.add)
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
    names = [path.name for path in (repository.path / "objects" / "pack").iterdir()]
    found = {name.removesuffix(".pack") for name in names if name.endswith(".pack")}
    assert all(f"{name}.idx" in names for name in found)
    return found


def objects(repository: Repository) -> set[bytes]:
    """Every object, by what git makes of the packs; a pack that git does not take for one fails."""
    found: set[bytes] = set()
    for pack in (repository.path / "objects" / "pack").glob("*.pack"):
        git(repository.path, "verify-pack", str(pack.with_suffix(".idx")))
        found |= {line.split()[1] for line in git(repository.path, "show-index", stdin=pack.with_suffix(".idx").read_bytes()).splitlines()}
    return found


def own_objects(repository: Repository) -> set[bytes]:
    """Every object that our own reader reads."""
    with ObjectDatabase(repository.path / "objects") as database:
        ids = {entry.id for pack in database.packs for entry in pack.index}
        for id_ in ids:
            database.read(id_)
    return set(ids)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository.create(tmp_path / "pkg.git", name="pkg", disk=Disk(durable=False))
    publish(repository, *(f"1.{number}" for number in range(6)))
    return repository


@pytest.mark.parametrize("upkeep", [COPY, GIT], ids=["copy", "git"])
def test_git_finds_everything_in_the_one_pack_and_no_fault(repository: Repository, upkeep: Upkeep, tmp_path: Path) -> None:
    before, have = refs(repository.path), objects(repository)
    repository.maintain(upkeep)
    assert len(packs(repository)) == 1
    assert (refs(repository.path), objects(repository)) == (before, have)
    check(repository.path, tmp_path / "clone")


def test_git_makes_it_far_smaller_and_our_reader_reads_its_deltas(repository: Repository) -> None:
    with ObjectDatabase(repository.path / "objects") as database:
        expected = {id_: database.read(id_) for pack in database.packs for id_ in (entry.id for entry in pack.index)}
    done = repository.maintain(GIT)
    assert (done.way, done.problem) == ("git", None)
    assert done.bytes_after < done.bytes_before / 3
    with ObjectDatabase(repository.path / "objects") as database:
        assert {id_: database.read(id_) for id_ in expected} == expected


def test_the_index_is_the_one_that_git_makes(repository: Repository, tmp_path: Path) -> None:
    repository.maintain(GIT)
    (name,) = packs(repository)
    pack = repository.path / "objects" / "pack" / f"{name}.pack"
    git(repository.path, "index-pack", "--strict", "-o", str(tmp_path / "x.idx"), str(pack))
    assert (tmp_path / "x.idx").read_bytes() == pack.with_suffix(".idx").read_bytes()


def test_what_git_packed_once_it_packs_again_only_with_something_new(repository: Repository) -> None:
    first = repository.maintain(GIT)
    assert repository.maintain(GIT).way == "none"
    publish(repository, "2.0")
    # Copied entries of both, deltas among them.
    assert repository.maintain(COPY).way == "copy"
    assert repository.maintain(COPY).way == "none"
    again = repository.maintain(GIT)
    assert (again.way, again.packs_after) == ("git", 1)
    assert again.bytes_after < first.bytes_after * 1.5
    assert repository.maintain(GIT).way == "none"


def test_deltas_are_copied_with_their_bases(repository: Repository, tmp_path: Path) -> None:
    repository.maintain(GIT)
    publish(repository, *(f"2.{number}" for number in range(7, 12)))
    have = objects(repository)
    done = repository.maintain(COPY)
    assert (done.way, done.packs_before, done.packs_after) == ("copy", 6, 1)
    assert objects(repository) == have
    check(repository.path, tmp_path / "clone")
    # Still deltas, not whole objects.
    (name,) = packs(repository)
    chains = git(repository.path, "verify-pack", "-s", str(repository.path / "objects" / "pack" / f"{name}.idx"))
    assert b"chain length = 2" in chains


def test_what_no_tag_leads_to_is_packed_by_git_too(repository: Repository) -> None:
    with repository.batch() as batch:
        add(batch, "3.0")
        # A folder and a file that no commit leads to, as a failure could leave behind.
        write_tree([(b"alone", Mode.FILE, batch.pack.add("blob", b"alone"))], batch.pack.add)
        batch.publish()
    history = {id_.encode() for id_ in repository.history().values()}
    with repository.batch() as batch:
        batch.end_claims("default", keep_entries=())
        batch.publish()
    have = objects(repository)
    assert repository.maintain(GIT).way == "git"
    assert objects(repository) == have - history


def test_nothing_of_the_users_configuration_counts(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text(
        "[pack]\n\tpackSizeLimit = 1m\n\tdepth = 0\n\twindow = 0\n[core]\n\trepositoryformatversion = 99\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'pack.window=0'")
    done = repository.maintain(GIT)
    assert (done.way, done.problem) == ("git", None)
    assert done.bytes_after < done.bytes_before / 3


# --- readers at the same time ---


def test_readers_see_no_error_while_packs_are_made_one(repository: Repository, tmp_path: Path) -> None:
    over = threading.Event()
    faults: list[BaseException] = []

    def clone(number: int) -> None:
        into = tmp_path / f"clone-{number}"
        git(repository.path, "clone", "--quiet", "--mirror", "--no-local", str(repository.path), str(into))
        assert {f"refs/tags/v1.{number}" for number in range(6)} <= refs(into).keys()

    def own(_: int) -> None:
        opened = Repository.open(repository.path)
        for ref in opened.refs().values():
            with ObjectDatabase(repository.path / "objects") as database:
                database.commit(ref.commit)  # type: ignore[arg-type] # an id's bytes

    def lists(_: int) -> None:
        assert git(repository.path, "rev-list", "--objects", "--all")

    readers = [threading.Thread(target=repeated, args=(read, over, faults)) for read in (clone, lists, own)]
    for reader in readers:
        reader.start()
    for number in range(6):
        publish(repository, f"3.{number}", f"4.{number}")
        repository.maintain(Upkeep(deltas=number % 3 == 2, threads=1))
    over.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(packs(repository)) > 12


def repeated(read: Callable[[int], None], over: threading.Event, faults: list[BaseException]) -> None:
    """Read until it is over, once at least; what goes wrong is told by the main thread."""
    try:
        for number in itertools.count():
            read(number)
            if over.is_set():
                return
    except BaseException as fault:  # noqa: BLE001 - as said
        faults.append(fault)


def test_a_reader_that_has_a_pack_open_reads_on_when_it_is_gone(repository: Repository) -> None:
    with ObjectDatabase(repository.path / "objects") as database:
        ids = [entry.id for pack in database.packs for entry in pack.index]
        for pack in database.packs:
            assert pack.end
        batch = ["git", "-C", str(repository.path), "cat-file", "--batch"]
        with subprocess.Popen(batch, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            running.stdin.write(b"HEAD\n")
            running.stdin.flush()
            head = running.stdout.readline()
            assert repository.maintain(COPY).removed == 6
            for id_ in ids:
                assert database.read(id_)
            out, _ = running.communicate(b"".join(b"%b\n" % id_.hex().encode() for id_ in ids), timeout=60)
    assert b" commit " in head
    assert b"missing" not in out


def test_processes_that_publish_and_maintain_at_once_lose_nothing(repository: Repository) -> None:
    def work(major: int) -> None:
        opened = Repository.open(repository.path, disk=Disk(durable=False))
        for number in range(5):
            publish(opened, f"{major}.{number}")

    def maintain() -> None:
        opened = Repository.open(repository.path, disk=Disk(durable=False))
        for _ in range(8):
            opened.maintain(COPY)

    threads = [threading.Thread(target=work, args=(major,)) for major in (5, 6)] + [threading.Thread(target=maintain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(repository.versions()) == 6 + 10
    assert [line.generation for line in repository.journal()] == list(range(1, repository.generation + 1))
    repository.maintain(COPY)
    assert len(packs(repository)) == 1
    git(repository.path, "fsck", "--full", "--strict")


# --- killed ---


def observed(repository: Repository) -> tuple[Any, ...]:
    return dict(repository.refs()), dict(repository.rows()), dict(repository.claims()), repository.owner


@pytest.mark.parametrize(("way", "step", "least"), [("copy", 1, 70), ("git", 7, 20)])
def test_killed_at_any_call_it_leaves_a_whole_repository_that_the_next_one_cleans_up(
    tmp_path: Path, way: str, step: int, least: int
) -> None:
    base = Repository.create(tmp_path / "base.git", name="pkg", disk=Disk(durable=False))
    with base.batch() as batch:
        add(batch, "1.0")
        batch.publish()
    publish(base, "1.1")
    before, have = observed(base), own_objects(base)

    program = [sys.executable, str(Path(maintaining.__file__)), way, str(base.path), str(tmp_path), str(step)]
    subprocess.run(program, check=True, timeout=300)
    killed = sorted(tmp_path.glob("killed-*.git"))
    assert len(killed) > least

    for path in killed:
        survivor = Repository.open(path, disk=Disk(durable=False))
        assert observed(survivor) == before, path.name
        # The pack is never there without its index, and both old and new packs are whole.
        assert packs(survivor)
        assert own_objects(survivor) == have, path.name
        if int(path.stem.partition("-")[2]) % 4 == 0:
            git(path, "fsck", "--full", "--strict")
        if path.name.endswith(("3.git", "8.git")):
            publish(survivor, "2.0")
            have_now = own_objects(survivor)
        else:
            have_now = have
        survivor.maintain(COPY)
        assert no_leftovers(survivor), path.name
        assert own_objects(survivor) == have_now
    assert len(packs(Repository.open(killed[-1]))) == 1


def no_leftovers(repository: Repository) -> bool:
    state = Repository.open(repository.path)._reader.state()
    ours = repository.path / "pydeps-host"
    return (
        packs(repository) == state.packs
        and len(state.packs) == 1
        and len(list((repository.path / "objects" / "pack").iterdir())) == 2
        and list(ours.glob("writing/*")) == []
        and (ours / "journal.jsonl").stat().st_size == state.end
        and b"pack-" not in (ours / "lock").read_bytes()
    )


# --- by a sync, and by the command ---


def test_a_sync_makes_small_packs_one_and_a_request_that_somebody_waits_for_does_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for number in range(23):
        bench.index.add(sdist(f"1.{number}"))
    for number in range(21):
        with bench.host("alpha==1.0") as host:
            host.ensure(f"alpha==1.{number}")
    assert len(packs(bench.store.repository("alpha"))) == 21
    report = bench.project("alpha==1.0", add=["alpha==1.21"])
    assert report.succeeded
    assert report.notices == ()
    repository = bench.store.repository("alpha")
    assert len(repository._reader.state().packs) == 1
    assert len(packs(repository)) == 23
    git(repository.path, "fsck", "--full", "--strict")


def test_a_sync_succeeds_where_its_packs_cannot_be_made_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    for number in range(22):
        bench.index.add(sdist(f"1.{number}"))
        bench.sync("alpha", add=[f"alpha==1.{number}"])
    repository = bench.store.repository("alpha")
    assert len(repository.versions()) == 22

    def refuse(*_: Any, **__: Any) -> None:
        raise DiskError("x", "writing", "No space left on device")

    monkeypatch.setattr(Repository, "maintain_if_due", refuse)
    report = bench.project("alpha")
    assert report.succeeded
    assert any("could not be made one" in notice for notice in report.notices)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    bench = Bench(tmp_path)
    for name in ("alpha", "beta"):
        for number in range(3):
            bench.index.add(sdist(f"1.{number}", name))
            bench.sync(add=[f"{name}==1.{number}"])
    return tmp_path / "code"


def test_the_command_maintains_all_repositories_or_those_that_are_named(store: Path) -> None:
    done = CliRunner().invoke(command, ["maintain", str(store), "Beta", "--json", "--no-deltas"])
    assert done.exit_code == 0, done.output
    (line,) = map(json.loads, done.output.splitlines())
    assert {key: line[key] for key in ("kind", "name", "way", "packs_before", "packs_after", "kept", "removed")} == {
        "kind": "maintained",
        "name": "beta",
        "way": "copy",
        "packs_before": 3,
        "packs_after": 1,
        "kept": 3,
        "removed": 0,
    }
    done = CliRunner().invoke(command, ["maintain", str(store), "--keep-superseded", "0"])
    assert done.exit_code == 0, done.output
    alpha, beta = done.output.splitlines()
    assert alpha.startswith("alpha")
    assert "3 -> 1 pack " in alpha
    assert "1 -> 1 pack " in beta
    assert "superseded" not in done.output
    for name in ("alpha", "beta"):
        assert len(list((store / "python" / f"{name}.git" / "objects" / "pack").iterdir())) == 2


def test_a_repository_that_is_damaged_keeps_no_other_from_being_maintained(store: Path) -> None:
    (store / "python" / "alpha.git" / "pydeps-host" / "journal.jsonl").write_text("?\n")
    done = CliRunner().invoke(command, ["maintain", str(store)])
    assert done.exit_code == 1
    assert "beta" in done.output
    assert "error: alpha" in done.output


def test_a_repository_that_cannot_be_opened_keeps_no_other_from_being_maintained(store: Path) -> None:
    (store / "python" / "alpha.git" / "HEAD").unlink()
    done = CliRunner().invoke(command, ["maintain", str(store)])
    assert done.exit_code == 1
    assert "error: alpha" in done.output
    assert len(packs(Repository.open(store / "python" / "beta.git"))) == 4


def test_a_time_that_no_calendar_has_is_refused_before_anything_is_done(store: Path) -> None:
    done = CliRunner().invoke(command, ["maintain", str(store), "--keep-superseded", "300000000000"])
    assert done.exit_code == 2
    assert len(packs(Repository.open(store / "python" / "alpha.git"))) == 3


@pytest.mark.parametrize("words", [["nowhere"], ["code", "gamma"]])
def test_what_is_not_there_cannot_be_maintained(store: Path, words: list[str]) -> None:
    folder, *names = words
    done = CliRunner().invoke(command, ["maintain", str(store.parent / folder), *names])
    assert done.exit_code == 1
    assert "error" in done.output


# --- the largest kind ---


def test_a_folder_of_200_000_files_is_published_maintained_and_read_by_git(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "wide.git", name="wide", disk=Disk(durable=False))
    with repository.batch() as batch:
        blob = batch.pack.add("blob", b"x\n")
        flat = [(b"%06d.py" % number, Mode.FILE, blob) for number in range(200_000)]
        deep = [(b"%03d/%03d.py" % divmod(number, 1000), Mode.FILE, blob) for number in range(200_000)]
        for text, leaves in (("1.0", flat), ("1.1", deep)):
            tree = write_tree(leaves, batch.pack.add)
            commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=WHO, committer=WHO, message=b"pkg\n")))
            tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=WHO, message=b"pkg\n")))
            batch.add(rows.published(text, date=WHO.seconds, tree=tree, commit=commit, tag=tag))
        batch.publish()
    # The tree of 200,000 lines has 7 MB, and is read through in Python to be believed.
    done = repository.maintain(GIT)
    assert (done.way, done.problem) == ("git", None)
    git(repository.path, "fsck", "--full", "--strict")
    for text in ("1.0", "1.1"):
        assert git(repository.path, "ls-tree", "-r", "--name-only", f"v{text}").count(b"\n") == 200_000
