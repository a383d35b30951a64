"""Every way in which a pack and its index can be wrong while all checksums are right."""

import hashlib
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitting import git
from pydeps_host.git import (
    Commit,
    Identity,
    IndexEntry,
    Kind,
    Mode,
    ObjectId,
    Tag,
    TreeEntry,
    encode_commit,
    encode_index,
    encode_tag,
    encode_tree,
    object_id,
)
from pydeps_host.git.link_check import PacksCheck
from pydeps_host.git.pack_check import Fault, check_pack
from pydeps_host.git.pack_format import HEADER, SIGNATURE, VERSION, encode_entry_header

WHO = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)
BLOB, OTHER = b"one\n" * 20, b"two\n" * 20


def packed(kind: Kind, data: bytes) -> bytes:
    return encode_entry_header(kind, len(data)) + zlib.compress(data)


def written(folder: Path, entries: list[tuple[ObjectId, bytes]], *, count: int | None = None, **more: bytes) -> Path:
    """A pack of these entries, with every checksum right; an index that tells what it is told."""
    body = bytearray(HEADER.pack(SIGNATURE, VERSION, len(entries) if count is None else count))
    rows = []
    for id_, data in entries:
        rows.append(IndexEntry(id_, zlib.crc32(data), len(body)))
        body += data
    body += more.get("tail", b"")
    checksum = hashlib.sha1(body).digest()
    path = folder / f"pack-{checksum.hex()}.pack"
    path.write_bytes(body + checksum)
    path.with_suffix(".idx").write_bytes(encode_index(rows, checksum))
    return path


def objects() -> list[tuple[Kind, bytes]]:
    blob = object_id("blob", BLOB)
    tree = encode_tree([TreeEntry(Mode.FILE, b"a", blob)])
    commit = encode_commit(Commit(tree=object_id("tree", tree), author=WHO, committer=WHO, message=b"m\n"))
    tag = encode_tag(Tag(object=object_id("commit", commit), name="v1", tagger=WHO, message=b"m\n"))
    return [("blob", BLOB), ("tree", tree), ("commit", commit), ("tag", tag)]


def entries() -> list[tuple[ObjectId, bytes]]:
    return [(object_id(kind, data), packed(kind, data)) for kind, data in objects()]


def faults(*paths: Path) -> list[Fault]:
    return list(PacksCheck().check(paths))


def details(*paths: Path) -> str:
    return " | ".join(fault.detail for fault in faults(*paths))


def ignore(id_: ObjectId, kind: Kind, data: bytes | None, /) -> None:
    pass


def test_a_pack_that_is_whole_has_no_fault(tmp_path: Path) -> None:
    assert faults(written(tmp_path, entries())) == []
    # In git's own order those that name others come first.
    assert faults(written(tmp_path, entries()[::-1])) == []


def test_kinds_are_known_once_a_pack_was_checked(tmp_path: Path) -> None:
    check = PacksCheck()
    assert list(check.check([written(tmp_path, entries())])) == []
    assert [check.kind_of(id_) for id_, _ in entries()] == ["blob", "tree", "commit", "tag"]
    assert check.kind_of(object_id("blob", b"")) is None


def test_an_object_with_other_bytes_than_its_id_is_found(tmp_path: Path) -> None:
    for place, (kind, data) in enumerate(objects()):
        wrong = entries()
        wrong[place] = wrong[place][0], packed(kind, data.replace(b"m\n", b"n\n").replace(b"one", b"two").replace(b"a\0", b"b\0"))
        assert "its bytes have another id" in details(written(tmp_path, wrong))


def test_a_crc_that_is_not_that_of_the_entry_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, entries())
    index = path.with_suffix(".idx")
    content = bytearray(index.read_bytes()[:-20])
    content[8 + 1024 + 20 * 4] ^= 1
    index.write_bytes(content + hashlib.sha1(content).digest())
    (fault,) = [fault for fault in faults(path) if "CRC" in fault.detail]
    assert fault.path == path


@pytest.mark.parametrize("tail", [b"x", b"\0" * 30])
def test_bytes_between_two_entries_or_after_the_last_are_found(tmp_path: Path, tail: bytes) -> None:
    between = entries()
    between[1] = between[1][0], between[1][1] + tail
    assert "something stands between" in details(written(tmp_path, between))
    assert "CRC" in details(written(tmp_path, entries(), tail=tail))


def test_bytes_before_the_first_entry_are_found(tmp_path: Path) -> None:
    path = written(tmp_path, [(object_id("blob", b""), packed("blob", b"")), *entries()])
    body = path.read_bytes()[:-20]
    first = len(packed("blob", b""))
    rows, at = [], HEADER.size + first
    for id_, data in entries():
        rows.append(IndexEntry(id_, zlib.crc32(data), at))
        at += len(data)
    body = HEADER.pack(SIGNATURE, VERSION, 4) + body[HEADER.size :]
    checksum = hashlib.sha1(body).digest()
    other = tmp_path / f"pack-{checksum.hex()}.pack"
    other.write_bytes(body + checksum)
    other.with_suffix(".idx").write_bytes(encode_index(rows, checksum))
    assert details(other) == f"its first entry is at byte {HEADER.size + first}"


@pytest.mark.parametrize("size", [len(BLOB) - 1, len(BLOB) + 1])
def test_an_entry_that_does_not_hold_as_much_as_it_says_is_found(tmp_path: Path, size: int) -> None:
    wrong = entries()
    wrong[0] = wrong[0][0], encode_entry_header("blob", size) + zlib.compress(BLOB)
    assert "promised" in details(written(tmp_path, wrong))
    tree = objects()[1][1]
    wrong = entries()
    wrong[1] = wrong[1][0], encode_entry_header("tree", len(tree) + (1 if size > len(BLOB) else -1)) + zlib.compress(tree)
    assert "does not hold" in details(written(tmp_path, wrong))


def test_a_bomb_is_not_unpacked_further_than_it_says(tmp_path: Path) -> None:
    wrong = entries()
    wrong[0] = wrong[0][0], encode_entry_header("blob", 3) + zlib.compress(bytes(50_000_000))
    assert "more than the promised 3 bytes" in details(written(tmp_path, wrong))
    wrong[0] = wrong[0][0], encode_entry_header("tree", 3) + zlib.compress(bytes(50_000_000))
    path = written(tmp_path, wrong)
    tracemalloc.start()
    assert "does not hold 3 bytes" in details(path)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("type_", [0, 5])
def test_an_entry_of_no_kind_is_found(tmp_path: Path, type_: int) -> None:
    wrong = entries()
    wrong[0] = wrong[0][0], bytes([type_ << 4 | 3]) + zlib.compress(b"abc")
    assert f"no kind of entry {type_}" in details(written(tmp_path, wrong))


def test_a_header_of_another_count_is_found(tmp_path: Path) -> None:
    assert "its header" in details(written(tmp_path, entries(), count=7))


def test_a_pack_under_another_name_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, entries())
    other = path.with_name(f"pack-{'0' * 40}.pack")
    path.with_suffix(".idx").rename(other.with_suffix(".idx"))
    assert "its name is not that of its checksum" in details(path.rename(other))


def test_a_checksum_that_pack_index_and_name_agree_upon_and_that_is_wrong_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, entries())
    other = path.with_name(f"pack-{'0' * 40}.pack")
    other.write_bytes(path.read_bytes()[:-20] + bytes(20))
    content = path.with_suffix(".idx").read_bytes()[:-40] + bytes(20)
    other.with_suffix(".idx").write_bytes(content + hashlib.sha1(content).digest())
    assert details(other) == "its checksum is not that of its bytes"


def test_an_index_of_another_pack_is_found(tmp_path: Path) -> None:
    first, second = written(tmp_path, entries()), written(tmp_path, entries()[:3])
    second.with_suffix(".idx").write_bytes(first.with_suffix(".idx").read_bytes())
    assert "index of another pack" in details(second)


def test_offsets_outside_of_the_pack_are_found(tmp_path: Path) -> None:
    path = written(tmp_path, entries())
    rows = [IndexEntry(id_, zlib.crc32(data), 2**40 + place) for place, (id_, data) in enumerate(entries())]
    path.with_suffix(".idx").write_bytes(encode_index(rows, path.read_bytes()[-20:]))
    assert "is not inside of the pack" in details(path)


@pytest.mark.parametrize("place", range(3))
def test_an_object_that_is_nowhere_is_missed_by_who_names_it(tmp_path: Path, place: int) -> None:
    id_ = entries()[place][0].hex()
    left = [entry for number, entry in enumerate(entries()) if number != place]
    (fault,) = faults(written(tmp_path, left))
    assert (fault.object, "is in no sound pack" in fault.detail) == (id_, True)


@pytest.mark.parametrize("turned", [False, True])
def test_an_object_of_another_kind_than_who_names_it_says_is_found(tmp_path: Path, turned: bool) -> None:
    blob = object_id("blob", BLOB)
    tree = encode_tree([TreeEntry(Mode.FOLDER, b"a", blob)])
    wrong = [(blob, packed("blob", BLOB)), (object_id("tree", tree), packed("tree", tree))]
    (fault,) = faults(written(tmp_path, wrong[::-1] if turned else wrong))
    assert fault.object == object_id("tree", tree).hex()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("tree", b"100664 a\0" + bytes(20)),
        ("tree", b"100644 b\0" + bytes(20) + b"100644 a\0" + bytes(20)),
        ("tree", b"100644 a/b\0" + bytes(20)),
        ("commit", b"tree 0\n\n"),
        ("tag", b"object 0\n\n"),
    ],
)
def test_an_object_that_is_not_in_our_form_is_found(tmp_path: Path, kind: Kind, data: bytes) -> None:
    (fault, *_) = faults(written(tmp_path, [(object_id(kind, data), packed(kind, data))]))
    assert fault.object == object_id(kind, data).hex()


def test_objects_may_name_those_of_another_pack(tmp_path: Path) -> None:
    first, second = written(tmp_path, entries()[:2]), written(tmp_path, entries()[2:])
    assert faults(first, second) == faults(second, first) == []


def test_the_faults_of_one_pack_end_after_twenty(tmp_path: Path) -> None:
    many = [(object_id("blob", b"%d" % number), packed("blob", b"x")) for number in range(100)]
    assert len(list(check_pack(written(tmp_path, many), ignore))) == 20


def test_a_pack_or_an_index_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    path = written(tmp_path, entries())
    path.unlink()
    assert [fault.path for fault in check_pack(path, ignore)] == [path]
    path.with_suffix(".idx").unlink()
    assert [fault.path for fault in check_pack(path, ignore)] == [path.with_suffix(".idx")]


def test_a_delta_whose_base_goes_round_in_a_circle_or_is_nowhere_is_found(tmp_path: Path) -> None:
    ids = [object_id("blob", BLOB), object_id("blob", OTHER)]
    delta = zlib.compress(bytes([80, 80, 0x90, 80]))
    circle = [(ids[0], b"\x74" + ids[1] + delta), (ids[1], b"\x74" + ids[0] + delta)]
    assert "deltas from its base" in details(written(tmp_path, circle))
    nowhere = [(ids[0], b"\x74" + bytes(20) + delta)]
    assert "its base is not in the pack" in details(written(tmp_path, nowhere))
    before = [(ids[0], struct.pack("BB", 0x64, 100) + delta)]
    assert "its base is not before it" in details(written(tmp_path, before))


# --- what git writes ---------------------------------------------------------


def repacked(folder: Path) -> Iterator[Path]:
    git(folder, "init", "--quiet", "--bare", "r.git")
    repository = folder / "r.git"
    lines = [b"line %d of a file that grows\n" % number for number in range(200)]
    tree = b""
    for number in range(12):
        blob = git(repository, "hash-object", "-w", "--stdin", stdin=b"".join(lines[: 100 + number])).strip()
        tree = git(repository, "mktree", stdin=b"100644 blob %s\ta\n" % blob).strip()
        who = f"pydeps-host <pydeps-host@example.com> {1_000_000_000 + number} +0000"
        text = f"tree {tree.decode()}\nauthor {who}\ncommitter {who}\n\nm\n"
        commit = git(repository, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode()).strip().decode()
        git(repository, "update-ref", f"refs/tags/v{number}", commit)
    git(repository, "repack", "-adfq", "--depth=20")
    yield from (repository / "objects" / "pack").glob("*.pack")


@pytest.mark.needs("git")
def test_a_pack_of_git_s_with_deltas_is_sound_and_every_damage_to_it_is_found(tmp_path: Path) -> None:
    (path,) = repacked(tmp_path)
    assert b"chain length = 1" in git(path.parent, "verify-pack", "-v", str(path))
    assert faults(path) == []
    for file in (path, path.with_suffix(".idx")):
        whole = file.read_bytes()
        file.chmod(0o644)
        for place in range(0, len(whole), 29):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            file.write_bytes(damaged)
            assert faults(path), (file, place)
        file.write_bytes(whole)
