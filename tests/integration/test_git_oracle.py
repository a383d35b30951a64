"""Git itself, and two other implementations, on everything that is written here; we on what git writes."""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dulwich.repo
import pygit2
import pytest
from dulwich.objects import ObjectID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pydeps_host.git import (
    EMPTY_TREE,
    Commit,
    Identity,
    IndexEntry,
    Kind,
    Mode,
    ObjectDatabase,
    ObjectId,
    PackIndex,
    PackWriter,
    Tag,
    TreeEntry,
    encode_commit,
    encode_index,
    encode_tag,
    encode_tree,
    object_id,
    parse_id,
    write_tree,
)

pytestmark = pytest.mark.needs("git")

_ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"}
_ENVIRONMENT |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "TZ": "Asia/Kolkata"}

_WHO = Identity("Ann Example", "ann@example.com", 1_700_000_000)
_OTHER = Identity("Zoë Ŋ. d'Exemple, Jr.", "", 0)


class _Git:
    """One bare repository, and git to work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.run("init", "--quiet", "--bare")

    def run(self, *command: str, data: bytes = b"", cwd: Path | None = None, environment: dict[str, str] | None = None) -> bytes:
        done = subprocess.run(
            ["git", *command], check=False, input=data, capture_output=True, cwd=cwd or self.folder, env=_ENVIRONMENT | (environment or {})
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        assert not done.stderr.strip() or command[0] in {"repack", "fsck"}, done.stderr
        return done.stdout

    def id(self, *command: str, data: bytes = b"", environment: dict[str, str] | None = None) -> ObjectId:
        return parse_id(self.run(*command, data=data, environment=environment).decode().strip())

    @property
    def objects(self) -> Path:
        return self.folder / "objects"

    def publish(self, writer: PackWriter) -> Path:
        """Finish a pack, put it among the others, and return its place."""
        pack = writer.finish(sync=False)
        assert pack is not None
        place = self.objects / "pack" / pack.pack_name
        pack.index_path.rename(place.with_suffix(".idx"))
        pack.path.rename(place)
        return place


@pytest.fixture
def git(tmp_path: Path) -> _Git:
    return _Git(tmp_path / "repository.git")


@pytest.fixture(scope="module")
def shared_git(tmp_path_factory: pytest.TempPathFactory) -> _Git:
    return _Git(tmp_path_factory.mktemp("git") / "repository.git")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[PackWriter]:
    with PackWriter(tmp_path / "new.pack") as writer:
        yield writer


# --- objects -------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"hello world\n", b"\0\r\n\xff" * 70_000])
def test_git_gives_a_blob_the_same_id(git: _Git, data: bytes) -> None:
    assert git.id("hash-object", "--stdin", "--no-filters", data=data) == object_id("blob", data)


def test_git_gives_the_empty_tree_the_same_id(git: _Git) -> None:
    assert git.id("mktree") == EMPTY_TREE


@pytest.mark.parametrize("message", [b"numpy 1.22.3\n", b"", b"\n\nodd\n\n\n", b"\xff\xfe no utf-8", "é\n".encode()])
@pytest.mark.parametrize("parents", [(), (parse_id("68aae448a01799a03b5063c2cbfcc11302899cd3"), parse_id("1" * 40))])
def test_git_makes_the_same_commit(git: _Git, message: bytes, parents: tuple[ObjectId, ...]) -> None:
    git.id("mktree")
    commit = Commit(tree=EMPTY_TREE, parents=parents, author=_OTHER, committer=_WHO, message=message)
    data = encode_commit(commit)
    assert git.id("hash-object", "-t", "commit", "-w", "--stdin", data=data) == object_id("commit", data)


@pytest.mark.parametrize("message", [b"numpy 1.22.3\n", b"", b"no line end", "\n\né\n\n".encode()])
def test_git_commit_tree_makes_the_same_commit(git: _Git, message: bytes) -> None:
    git.id("mktree")
    author = Identity("Zoë", "zoë@example.com", 1)
    who = {"GIT_COMMITTER_NAME": _WHO.name, "GIT_COMMITTER_EMAIL": _WHO.email, "GIT_COMMITTER_DATE": f"@{_WHO.seconds} +0000"}
    who |= {"GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email, "GIT_AUTHOR_DATE": f"@{author.seconds} +0000"}
    commit = Commit(tree=EMPTY_TREE, author=author, committer=_WHO, message=message)
    assert git.id("commit-tree", EMPTY_TREE.hex(), data=message, environment=who) == object_id("commit", encode_commit(commit))


@pytest.mark.parametrize("name", ["v1.22.3", "v1!2.0+local.1", "vé", "v/1"])
@pytest.mark.parametrize("who", [_WHO, _OTHER])
def test_git_makes_the_same_tag(git: _Git, name: str, who: Identity) -> None:
    git.id("mktree")
    commit = git.id("hash-object", "-t", "commit", "-w", "--stdin", data=encode_commit(_commit(EMPTY_TREE)))
    data = encode_tag(Tag(object=commit, name=name, tagger=who, message=b"numpy 1.22.3\n"))
    assert git.id("mktag", "--strict", data=data) == object_id("tag", data)


def test_git_knows_the_golden_commit_and_tag(git: _Git) -> None:
    commit = encode_commit(_commit(EMPTY_TREE))
    tag = encode_tag(Tag(object=parse_id("1" * 40), name="v1.22.3", tagger=_WHO, message=b"numpy 1.22.3\n"))
    assert git.id("hash-object", "-t", "commit", "--stdin", data=commit).hex() == "68aae448a01799a03b5063c2cbfcc11302899cd3"
    assert git.id("hash-object", "-t", "tag", "--stdin", data=tag).hex() == "270ac34a4ace303996b43d98a3bc4698059ded9a"


@pytest.mark.parametrize("seconds", [0, 1, 2**31, 2**32, 2**63 - 1])
def test_git_takes_every_time_that_an_identity_may_have(git: _Git, seconds: int) -> None:
    who = Identity("Ann", "", seconds)
    data = encode_commit(Commit(tree=EMPTY_TREE, author=who, committer=who, message=b"x\n"))
    git.run("hash-object", "-t", "commit", "--stdin", data=data)


# --- trees ---------------------------------------------------------------------

_NAMES = st.binary(min_size=1, max_size=8).filter(lambda name: not set(name) & {0, 0x2F} and name not in {b".", b".."})
_ODD_NAMES = st.sampled_from([b"a", b"a.", b"a-", b"a0", b"a\x01", b"a\xff", b"aa", b"A"]) | _NAMES
_TREES = st.dictionaries(_ODD_NAMES, st.tuples(st.sampled_from(Mode), st.integers(0, 3)), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TREES, min_size=1, max_size=20))
def test_git_mktree_makes_the_same_trees(shared_git: _Git, trees: list[dict[bytes, tuple[Mode, int]]]) -> None:
    records = b""
    expected = []
    for tree in trees:
        entries = [TreeEntry(mode, name, object_id("blob", bytes([number]))) for name, (mode, number) in tree.items()]
        for entry in entries:
            kind = b"tree" if entry.mode is Mode.FOLDER else b"blob"
            records += b"%b %b %b\t%b\0" % (entry.mode.value, kind, entry.id.hex().encode(), entry.name)
        records += b"\0"
        expected.append(object_id("tree", encode_tree(entries)).hex())
    assert shared_git.run("mktree", "-z", "--missing", "--batch", data=records).decode().split() == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_git_write_tree_makes_the_same_hierarchy(shared_git: _Git, data: st.DataObject) -> None:
    names = st.sampled_from([b"a", b"a.b", b"a-", b"a0", b"b", b"\xff", b"a b"])
    paths = data.draw(st.sets(st.lists(names, min_size=1, max_size=5).map(b"/".join), max_size=30))
    folders = {path[:end] for path in paths for end in range(len(path)) if path[end] == 0x2F}
    leaves = [(path, Mode.EXECUTABLE, object_id("blob", path)) for path in sorted(paths - folders)]
    index = shared_git.folder / "index"
    index.unlink(missing_ok=True)
    records = b"".join(b"100755 %b\t%b\0" % (id_.hex().encode(), path) for path, _, id_ in leaves)
    shared_git.run("update-index", "-z", "--index-info", data=records)
    assert shared_git.id("write-tree", "--missing-ok") == write_tree(leaves, object_id)


# --- packs that we write ---------------------------------------------------------


@pytest.fixture
def contents() -> list[bytes]:
    noise = random.Random(7)
    texts = [b"".join(b"line %d\n" % line for line in range(number * 3)) for number in range(200)]
    return [b"", b"\0", noise.randbytes(100_000), noise.randbytes(3_000_000), b"x" * 5_000_000, *texts]


@pytest.fixture
def published(git: _Git, writer: PackWriter, contents: list[bytes]) -> tuple[Path, dict[ObjectId, tuple[Kind, bytes]]]:
    """A repository with one pack of all kinds of objects, a branch and a tag; the pack, and what is in it."""
    objects: dict[ObjectId, tuple[Kind, bytes]] = {}

    def add(kind: Kind, data: bytes) -> ObjectId:
        id_ = writer.add(kind, data)
        objects[id_] = (kind, data)
        return id_

    leaves = []
    for number, content in enumerate(contents):
        if number % 3:
            id_ = writer.add_stream("blob", len(content), (content[start : start + 4096] for start in range(0, len(content), 4096)))
            objects[id_] = ("blob", content)
        else:
            id_ = add("blob", content)
        leaves.append((b"package/%d/%d/file %d.py" % (number % 7, number % 3, number), [Mode.FILE, Mode.EXECUTABLE][number % 2], id_))
    leaves.append(("link-é".encode(), Mode.SYMLINK, add("blob", b"package")))
    before = writer.mark()
    writer.add("blob", b"of an artifact that was refused" * 1000)
    writer.rollback(before)
    commit = add("commit", encode_commit(_commit(write_tree(sorted(leaves), add))))
    tag = add("tag", encode_tag(Tag(object=commit, name="v1.22.3", tagger=_WHO, message=b"numpy 1.22.3\n")))
    place = git.publish(writer)
    references = f"{commit.hex()} refs/heads/latest\n{tag.hex()} refs/tags/v1.22.3\n^{commit.hex()}\n"
    (git.folder / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + references)
    (git.folder / "HEAD").write_text("ref: refs/heads/latest\n")
    return place, objects


_Published = tuple[Path, dict[ObjectId, tuple[Kind, bytes]]]


def test_git_makes_the_same_index_of_our_pack(git: _Git, published: _Published, tmp_path: Path) -> None:
    place, _ = published
    git.run("index-pack", "--strict", "-o", str(tmp_path / "git.idx"), str(place))
    assert (tmp_path / "git.idx").read_bytes() == place.with_suffix(".idx").read_bytes()


def test_git_finds_nothing_wrong_with_our_repository(git: _Git, published: _Published) -> None:
    assert git.run("fsck", "--full", "--strict", "--no-dangling").strip() == b""
    assert git.run("count-objects", "-v").splitlines()[0] == b"count: 0"


def test_git_verify_pack_lists_what_we_wrote(git: _Git, published: _Published) -> None:
    place, objects = published
    lines = [line.split() for line in git.run("verify-pack", "-v", str(place)).decode().splitlines()]
    listed = {parse_id(line[0]): (line[1], int(line[2]), int(line[4])) for line in lines if len(line) == 5 and len(line[0]) == 40}
    index = PackIndex.open(place.with_suffix(".idx"))
    assert listed == {id_: (kind, len(data), index.find(id_)) for id_, (kind, data) in objects.items()}


def test_git_reads_the_bytes_that_we_wrote(git: _Git, published: _Published) -> None:
    _, objects = published
    out = git.run("cat-file", "--batch", data="".join(f"{id_.hex()}\n" for id_ in objects).encode())
    expected = b"".join(b"%b %b %d\n%b\n" % (id_.hex().encode(), kind.encode(), len(data), data) for id_, (kind, data) in objects.items())
    assert out == expected


def test_a_clone_of_our_repository_has_everything(git: _Git, published: _Published, tmp_path: Path) -> None:
    git.run("clone", "--quiet", "--bare", "--no-local", str(git.folder), str(tmp_path / "clone.git"))
    assert git.run("fsck", "--full", "--strict", cwd=tmp_path / "clone.git") == b""
    assert git.run("rev-parse", "v1.22.3^{tree}", cwd=tmp_path / "clone.git") == git.run("rev-parse", "latest^{tree}")


def test_dulwich_reads_what_we_wrote(git: _Git, published: _Published) -> None:
    repository = dulwich.repo.Repo(str(git.folder))
    try:
        for pack in repository.object_store.packs:
            pack.check()
        for id_, (kind, data) in published[1].items():
            found = repository.object_store[ObjectID(id_.hex().encode())]
            assert (found.type_name.decode(), found.as_raw_string()) == (kind, data)
    finally:
        repository.close()


def test_libgit2_reads_what_we_wrote(git: _Git, published: _Published) -> None:
    repository = pygit2.Repository(str(git.folder))
    for id_, (kind, data) in published[1].items():
        found = repository.get(id_.hex())
        assert found is not None
        assert (found.type_str, found.read_raw()) == (kind, data)
    repository.free()


def test_an_object_in_one_pack_is_not_written_into_the_next(
    git: _Git, published: _Published, contents: list[bytes], tmp_path: Path
) -> None:
    with ObjectDatabase(git.objects) as database, PackWriter(tmp_path / "second.pack", known=database.has) as second:
        for content in contents:
            second.add("blob", content)
        new = second.add("blob", b"new")
        git.publish(second)
        database.refresh()
        assert database.read(new) == ("blob", b"new")
    assert git.run("count-objects", "-v").decode().split()[5] == str(len(published[1]) + 1)
    git.run("fsck", "--full", "--strict")


@pytest.mark.parametrize("offset", [2**31 - 1, 2**31, 2**32, 2**40])
def test_git_reads_offsets_of_64_bits_from_our_index(git: _Git, offset: int) -> None:
    entries = [IndexEntry(object_id("blob", bytes([number])), number, offset + number) for number in range(5)]
    out = git.run("show-index", data=encode_index(entries, b"c" * 20)).decode()
    assert out == "".join(f"{entry.offset} {entry.id.hex()} ({entry.crc:08x})\n" for entry in sorted(entries))


# --- packs that git writes -------------------------------------------------------


@pytest.mark.parametrize(("by_distance", "kind"), [("true", 6), ("false", 7)])
def test_we_read_every_object_of_a_repository_that_git_repacked(git: _Git, published: _Published, by_distance: str, kind: int) -> None:
    place, objects = published
    git.run("-c", f"repack.useDeltaBaseOffset={by_distance}", "repack", "-a", "-d", "-f", "-q", "--depth=50", "--window=20")
    assert not place.exists()
    with ObjectDatabase(git.objects) as database:
        (pack,) = database.packs
        pack.index.verify()
        content = pack.path.read_bytes()
        kinds = [content[entry.offset] >> 4 & 7 for entry in pack.index]
        assert kinds.count(kind) > 50
        for id_, expected in objects.items():
            assert database.has(id_)
            assert database.read(id_) == expected


def test_a_database_follows_a_repack(git: _Git, published: _Published) -> None:
    _, objects = published
    with ObjectDatabase(git.objects) as database:
        for id_, expected in objects.items():
            assert database.read(id_) == expected
        git.run("repack", "-a", "-d", "-f", "-q")
        database.refresh()
        assert len(database.packs) == 1
        for id_, expected in objects.items():
            assert database.read(id_) == expected


def test_we_agree_with_git_on_the_index_of_a_pack_that_git_made(git: _Git, published: _Published) -> None:
    git.run("repack", "-a", "-d", "-f", "-q")
    (path,) = (git.objects / "pack").glob("*.idx")
    index = PackIndex.open(path)
    assert encode_index(reversed(list(index)), index.pack_checksum) == path.read_bytes()


def _commit(tree: ObjectId) -> Commit:
    return Commit(tree=tree, author=_WHO, committer=_WHO, message=b"numpy 1.22.3\n")
