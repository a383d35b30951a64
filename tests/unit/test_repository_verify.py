"""What `verify` finds, thing by thing, and what it takes for no damage."""

import json
import os
import shutil
import threading
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

import rows
from pydeps_host.errors import DamagedError, DiskError, FormatError, NotStoredError
from pydeps_host.git import Commit, Identity, Mode, Tag, TreeEntry, encode_commit, encode_tag, encode_tree
from pydeps_host.repository import Damage, Disk, Repository, Status, Upkeep, VersionRow, VersionTag, locked, verify_repository
from pydeps_host.repository.journal import encode_line
from pydeps_host.repository.references import decode_refs, encode_refs
from pydeps_host.repository.seal import Seal, encode_seal, read_seal
from pydeps_host.repository.workspace import Workspace

WHO = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)


def publish(repository: Repository, *texts: str) -> None:
    with repository.batch() as batch:
        for text in texts:
            blob = batch.pack.add("blob", text.encode())
            below = batch.pack.add("tree", encode_tree([TreeEntry(Mode.FILE, b"a.py", blob)]))
            tree = batch.pack.add("tree", encode_tree([TreeEntry(Mode.FOLDER, b"pkg", below)]))
            commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=WHO, committer=WHO, message=b"pkg\n")))
            tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=WHO, message=b"pkg\n")))
            batch.add(rows.published(text, date=WHO.seconds, tree=tree, commit=commit, tag=tag))
            batch.claim("default", "pkg", [text])
        assert batch.publish() is not None


def claim(repository: Repository, entry: str) -> None:
    """A change that moves no reference."""
    with repository.batch() as batch:
        batch.claim("default", entry, ["1.0"])
        assert batch.publish() is not None


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "pkg.git", name='python/p"k\\g', web_url="https://example.com/", disk=Disk(durable=False))
    publish(made, "1.0", "2.0")
    publish(made, "3.0")
    claim(made, "pkg>=1")
    assert made.verify() == ()
    return made


def journal_of(repository: Repository) -> Path:
    return repository.path / "pydeps-host" / "journal.jsonl"


def packs_of(repository: Repository) -> list[Path]:
    return sorted((repository.path / "objects" / "pack").glob("*.pack"))


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(data)


def found(repository: Repository) -> set[tuple[str, str]]:
    return {(damage.code, damage.where) for damage in repository.verify()}


# --- sound -------------------------------------------------------------------


def test_a_repository_is_sound_from_its_birth_on(tmp_path: Path) -> None:
    empty = Repository.create(tmp_path / "pkg.git", name="python/pkg", disk=Disk(durable=False))
    assert empty.verify() == ()
    with empty.batch() as batch:
        batch.add(VersionRow("1.0", Status.REFUSED))
        batch.publish()
    assert empty.verify() == ()


def test_verifying_changes_nothing(repository: Repository) -> None:
    write(repository.path / "HEAD", b"nonsense")
    before = {path: path.stat().st_mtime_ns for path in repository.path.rglob("*")}
    repository.verify()
    assert {path: path.stat().st_mtime_ns for path in repository.path.rglob("*")} == before


def test_what_a_killed_process_left_behind_is_no_damage(repository: Repository) -> None:
    line = encode_line(evolve(repository.journal()[-1], generation=4, refs="sha256:00"))
    for left in (line, line + line[:70], line[:70], line[:-1] + b"\0\n"):
        before = journal_of(repository).read_bytes()
        write(journal_of(repository), before + left)
        assert repository.verify() == ()
        write(journal_of(repository), before)
    write(repository.path / "pydeps-host" / "packed-refs.new", b"half")
    Workspace.open(repository.path / "pydeps-host" / "writing")
    name = f"pack-{'1' * 40}"
    write(repository.path / "pydeps-host" / "lock", f"{name}\n".encode())
    write(repository.path / "objects" / "pack" / f"{name}.idx", b"half")
    assert repository.verify() == ()


def test_a_repository_is_sound_while_others_publish_into_it(repository: Repository) -> None:
    over = threading.Event()

    def work() -> None:
        for number in range(10, 60):
            publish(repository, f"{number}.0")
        over.set()

    thread = threading.Thread(target=work)
    thread.start()
    looks = 0
    while not over.is_set():
        assert verify_repository(repository.path) == ()
        looks += 1
    thread.join()
    assert looks > 1


def test_a_large_file_is_checked_piece_by_piece(repository: Repository) -> None:
    size = 48 * 1024 * 1024
    with repository.batch() as batch:
        blob = batch.pack.add_stream("blob", size, (bytes(1024 * 1024) for _ in range(48)))
        tree = batch.pack.add("tree", encode_tree([TreeEntry(Mode.FILE, b"zeros", blob)]))
        commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=WHO, committer=WHO, message=b"pkg\n")))
        tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name="v9", tagger=WHO, message=b"pkg\n")))
        batch.add(
            VersionRow("9", Status.PUBLISHED, date=WHO.seconds, commit=commit.hex(), tree=tree.hex(), tags=(VersionTag("v9", tag.hex()),))
        )
        batch.publish()
    tracemalloc.start()
    assert repository.verify() == ()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


# --- foreign -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/main",
        "refs/tags/v1.0",
        "refs/replace/1111111111111111111111111111111111111111",
        "objects/info/alternates",
        "objects/info/commit-graph",
        "objects/pack/multi-pack-index",
        "objects/pack/pack-1111111111111111111111111111111111111111.keep",
        "objects/pack/tmp_pack_x",
        "info/grafts",
        "shallow",
        "config.worktree",
        "hooks/post-update",
        "objects/4b/825dc642cb6eb9a060e54bf8d69288fbee4904",
    ],
)
def test_what_another_program_put_there_is_named(repository: Repository, name: str) -> None:
    write(repository.path / name, b"0" * 40 + b"\n")
    (damage,) = repository.verify()
    assert (damage.code, damage.where in {name, name.rpartition("/")[0]}, "remove it" in damage.remedy) == ("foreign", True, True)


def test_a_loose_reference_is_named_as_a_reference(repository: Repository) -> None:
    write(repository.path / "refs" / "tags" / "v1.0", (repository.latest_commit or "").encode() + b"\n")
    assert [damage.reference for damage in repository.verify()] == ["refs/tags/v1.0"]


@pytest.mark.parametrize("suffixes", [(".pack", ".idx"), (".pack",), (".idx",)])
def test_a_sound_pack_that_the_journal_does_not_name_is_foreign(repository: Repository, tmp_path: Path, suffixes: tuple[str, ...]) -> None:
    other = Repository.create(tmp_path / "other.git", name="other", disk=Disk(durable=False))
    publish(other, "7.0")
    (pack,) = packs_of(other)
    for suffix in suffixes:
        shutil.copy(pack.with_suffix(suffix), repository.path / "objects" / "pack")
    assert found(repository) == {("foreign", f"objects/pack/{pack.stem}{suffix}") for suffix in suffixes}


# --- files -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HEAD", "config", "info/attributes", "pydeps-host/format.json"])
@pytest.mark.parametrize("change", [lambda data: data + b"x", lambda data: data[:-2], lambda _: None])
def test_a_file_that_is_not_as_it_was_written_is_named(repository: Repository, name: str, change: Callable[[bytes], bytes | None]) -> None:
    path = repository.path / name
    data = change(path.read_bytes())
    path.unlink() if data is None else path.write_bytes(data)
    assert found(repository) == {("file", name)}


def test_maintenance_that_somebody_turned_on_is_found(repository: Repository) -> None:
    path = repository.path / "config"
    path.write_text(path.read_text().replace("auto = 0", "auto = 6700"))
    assert found(repository) == {("file", "config")}


@pytest.mark.parametrize("name", ["pydeps-host/versions", "refs", "objects/pack"])
def test_a_folder_that_is_missing_is_named(repository: Repository, name: str) -> None:
    shutil.rmtree(repository.path / name)
    assert ("file", name) in found(repository)


def test_a_folder_in_the_place_of_a_file_is_damage_and_no_crash(repository: Repository) -> None:
    for name in ("packed-refs", "HEAD"):
        (repository.path / name).unlink()
        (repository.path / name).mkdir()
    assert {("file", "HEAD"), ("file", "packed-refs")} <= found(repository)


def test_a_format_that_is_nested_without_end_is_damage_and_no_crash(repository: Repository) -> None:
    write(repository.path / "pydeps-host" / "format.json", b"[" * 200_000)
    with pytest.raises(DamagedError):
        Repository.open(repository.path)


def test_what_the_system_does_not_let_be_seen_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="looking at"):
        verify_repository(tmp_path / f"{'a' * 300}.git")


def test_what_is_not_there_is_not_stored_and_what_is_newer_is_refused(repository: Repository) -> None:
    with pytest.raises(NotStoredError):
        verify_repository(repository.path.with_name("none.git"))
    write(journal_of(repository), journal_of(repository).read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(FormatError):
        repository.verify()


# --- journal -----------------------------------------------------------------


def test_a_byte_of_the_journal_that_still_parses_is_found(repository: Repository) -> None:
    data = journal_of(repository).read_bytes()
    assert data.count(b'"pkg>=1"') == 1
    write(journal_of(repository), data.replace(b'"pkg>=1"', b'"pkg>=7"'))
    assert [(damage.where, damage.line) for damage in repository.verify()][:1] == [("pydeps-host/journal.jsonl", 3)]
    with pytest.raises(DamagedError, match="line 3 "):
        Repository.open(repository.path).rows()


def test_a_line_without_a_digest_is_read_and_reported(repository: Repository) -> None:
    lines = journal_of(repository).read_bytes().splitlines(keepends=True)
    value = json.loads(lines[1])
    del value["sum"]
    write(journal_of(repository), lines[0] + json.dumps(value).encode() + b"\n" + lines[2])
    assert set(Repository.open(repository.path).rows()) == {"1.0", "2.0", "3.0"}
    assert [(damage.code, damage.line) for damage in repository.verify()] == [("journal", 2)]


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_line_that_is_gone_is_missed(repository: Repository, line: int) -> None:
    lines = journal_of(repository).read_bytes().splitlines(keepends=True)
    del lines[line]
    write(journal_of(repository), b"".join(lines))
    assert "journal" in {damage.code for damage in repository.verify()} or "references" in {damage.code for damage in repository.verify()}


def test_an_end_that_is_gone_is_missed_though_it_moved_no_reference(repository: Repository) -> None:
    lines = journal_of(repository).read_bytes().splitlines(keepends=True)
    for end in (b"", lines[2][:40], lines[2][:-1]):
        write(journal_of(repository), b"".join(lines[:2]) + end)
        (damage,) = repository.verify()
        assert "generation 3 was published" in damage.what


def test_a_last_line_in_the_place_of_the_one_that_was_published_is_found(repository: Repository) -> None:
    lines = journal_of(repository).read_bytes().splitlines(keepends=True)
    other = encode_line(evolve(repository.journal()[-1], at="2001-01-01T00:00:00Z"))
    write(journal_of(repository), b"".join([*lines[:2], other]))
    assert [damage.what for damage in repository.verify()] == ["the line of generation 3 is not the one that was published"]


def test_several_lines_after_the_present_references_are_more_than_a_killed_process_leaves(repository: Repository) -> None:
    (repository.path / "pydeps-host" / "lock").write_bytes(b"")
    old = encode_refs({name: ref for name, ref in repository.refs().items() if name != "refs/tags/v3.0"})
    lines = [evolve(line, refs="sha256:00" if line.generation > 1 else line.refs) for line in repository.journal()]
    write(journal_of(repository), b"".join(map(encode_line, lines)))
    write(repository.path / "packed-refs", old)
    assert {"journal", "references"} & {damage.code for damage in repository.verify()}


def test_whoever_publishes_builds_on_nothing_where_published_lines_are_gone(repository: Repository) -> None:
    lines = journal_of(repository).read_bytes().splitlines(keepends=True)
    cut = b"".join(lines[:2]) + lines[2][:40]
    write(journal_of(repository), cut)
    with repository.batch() as batch:
        batch.claim("default", "other", ["1.0"])
        with pytest.raises(DamagedError, match="generation 3 was published"):
            batch.publish()
    assert journal_of(repository).read_bytes() == cut


def test_the_lock_tells_the_last_change_and_what_is_no_seal_tells_nothing(repository: Repository) -> None:
    lock = repository.path / "pydeps-host" / "lock"
    seal = read_seal(lock)
    assert seal is not None
    assert (seal.generation, seal.refs) == (3, repository.journal()[-1].refs)
    for other in (b"", b"pack-x\n", encode_seal(seal)[:-1], encode_seal(Seal(3, "x", seal.refs))):
        lock.write_bytes(other)
        assert read_seal(lock) is None
    lock.unlink()
    assert read_seal(lock) is None
    assert repository.verify() == ()


# --- references and objects --------------------------------------------------


def test_references_that_are_gone_are_missed_even_where_an_early_state_had_none(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "pkg.git", name="python/pkg", disk=Disk(durable=False))
    with repository.batch() as batch:
        batch.add(VersionRow("0.1", Status.REFUSED))
        batch.publish()
    publish(repository, "1.0")
    (repository.path / "packed-refs").unlink()
    assert ("references", "packed-refs") in found(repository)
    before = journal_of(repository).read_bytes()
    with repository.batch() as batch:
        batch.claim("default", "other", ["1.0"])
        with pytest.raises(DamagedError):
            batch.publish()
    assert journal_of(repository).read_bytes() == before


def test_references_that_differ_from_the_rows_are_named_one_by_one(repository: Repository) -> None:
    refs = decode_refs((repository.path / "packed-refs").read_bytes(), Path())
    del refs["refs/tags/v1.0"]
    data = encode_refs(refs)
    from pydeps_host.repository.state import refs_digest

    lines = [evolve(line, refs=refs_digest(data) if line.generation == 3 else line.refs) for line in repository.journal()]
    write(journal_of(repository), b"".join(map(encode_line, lines)))
    write(repository.path / "packed-refs", data)
    (repository.path / "pydeps-host" / "lock").write_bytes(b"")
    assert [(damage.code, damage.reference) for damage in repository.verify()] == [("references", "refs/tags/v1.0")]


def test_references_that_something_else_packed_are_named_as_such(repository: Repository) -> None:
    path = repository.path / "packed-refs"
    write(path, b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    (damage,) = repository.verify()
    assert "the journal knows nothing of it" in damage.what


@pytest.mark.parametrize("suffix", [".pack", ".idx"])
def test_a_pack_or_an_index_that_is_missing_is_named(repository: Repository, suffix: str) -> None:
    path = packs_of(repository)[0].with_suffix(suffix)
    path.unlink()
    assert (suffix.lstrip(".").replace("idx", "index"), path.relative_to(repository.path).as_posix()) in found(repository)


def test_a_pack_that_cannot_be_read_is_damage_and_no_crash(repository: Repository) -> None:
    pack = packs_of(repository)[0]
    pack.unlink()
    pack.mkdir()
    assert ("pack", pack.relative_to(repository.path).as_posix()) in found(repository)


def test_a_tag_on_another_commit_than_the_references_say_is_found(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "pkg.git", name="python/pkg", disk=Disk(durable=False))
    publish(repository, "1.0", "2.0")
    rows = repository.rows()
    with repository.batch() as batch:
        batch.add(evolve(rows["1.0"], commit=rows["2.0"].commit), replace=True)
        batch.publish()
    tag, tree = repository.verify()
    assert (tag.code, tag.reference) == ("references", "refs/tags/v1.0")
    assert (tree.code, tree.object) == ("journal", rows["2.0"].commit)
    assert "its commit is of the tree" in tree.what


def test_a_reference_to_an_object_of_another_kind_is_found(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path / "pkg.git", name="python/pkg", disk=Disk(durable=False))
    with repository.batch() as batch:
        tree = batch.pack.add("tree", b"")
        commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=WHO, committer=WHO, message=b"pkg\n"))).hex()
        batch.add(VersionRow("1.0", Status.PUBLISHED, commit=commit, tags=(VersionTag("v1.0", commit),)))
        batch.publish()
    assert [damage.reference for damage in repository.verify()] == ["refs/tags/v1.0"]


def test_a_damage_says_where_and_what_and_what_to_do() -> None:
    damage = Damage("journal", "pydeps-host/journal.jsonl", "it is cut off", line=3)
    assert str(damage) == "pydeps-host/journal.jsonl:3: it is cut off"
    assert str(Damage("object", "objects/pack/x.pack", "gone", object="00")) == "objects/pack/x.pack: object 00: gone"
    assert "verify --repair" in damage.remedy


# --- locks -------------------------------------------------------------------


def test_who_waited_for_a_lock_holds_the_one_that_is_in_its_place_now(tmp_path: Path) -> None:
    folder, aside = tmp_path / "a", tmp_path / "b"
    for one in (folder, aside):
        one.mkdir()
    new = tmp_path / "new"
    new.mkdir()
    held = threading.Event()
    got: list[bool] = []

    def wait() -> None:
        held.wait()
        with locked(folder / "lock") as descriptor:
            got.append(os.path.samestat(os.fstat(descriptor), (folder / "lock").stat()))

    thread = threading.Thread(target=wait)
    thread.start()
    with locked(folder / "lock"):
        held.set()
        thread.join(0.2)
        folder.rename(aside / "old")
        new.rename(folder)
    thread.join(5)
    assert got == [True]


def test_a_superseded_pack_is_checked_as_long_as_git_may_read_it(repository):
    old = packs_of(repository)
    assert len(old) == 2
    repository.maintain(Upkeep(deltas=False))
    assert repository.verify() == ()
    for pack in old:
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(data)
    assert {damage.where for damage in repository.verify()} == {f"objects/pack/{pack.name}" for pack in old}
    repository.maintain(Upkeep(deltas=False, keep_superseded=timedelta()))
    assert [pack.name for pack in packs_of(repository) if pack in old] == []
    assert repository.verify() == ()
