import random
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeps_host.errors import DamagedError
from pydeps_host.git import (
    Commit,
    FinishedPack,
    Identity,
    IndexEntry,
    Kind,
    Mode,
    ObjectHasher,
    ObjectId,
    PackIndex,
    PackReader,
    PackWriter,
    Tag,
    TreeEntry,
    decode_commit,
    decode_tag,
    decode_tree,
    encode_commit,
    encode_index,
    encode_tag,
    encode_tree,
    object_id,
    write_tree,
)
from pydeps_host.git.delta import apply_delta
from pydeps_host.git.pack_format import decode_entry_header, encode_entry_header

_IDS = st.binary(min_size=20, max_size=20).map(ObjectId)
_KINDS: st.SearchStrategy[Kind] = st.sampled_from(["commit", "tree", "blob", "tag"])
_TEXTS = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cc", "Cs"]), max_size=20).map(str.strip)
_WHO = st.builds(Identity, _TEXTS.filter(bool), _TEXTS, st.integers(0, 2**63 - 1))
_MESSAGES = st.binary().map(lambda message: message.replace(b"\0", b""))
_TAG_NAMES = st.text(st.characters(exclude_characters=" ", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
_NAMES = st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & {0, 0x2F} and name not in {b".", b".."})
_MODES = st.sampled_from(Mode)


@given(st.builds(Commit, tree=_IDS, parents=st.lists(_IDS, max_size=3).map(tuple), author=_WHO, committer=_WHO, message=_MESSAGES))
def test_a_commit_comes_back(commit: Commit) -> None:
    assert decode_commit(encode_commit(commit)) == commit


@given(st.builds(Tag, object=_IDS, kind=_KINDS, name=_TAG_NAMES, tagger=_WHO, message=_MESSAGES))
def test_a_tag_comes_back(tag: Tag) -> None:
    assert decode_tag(encode_tag(tag)) == tag


@given(st.dictionaries(_NAMES, st.tuples(_MODES, _IDS)), st.randoms(use_true_random=False))
def test_a_tree_comes_back_whatever_the_order_of_its_entries(tree: dict[bytes, tuple[Mode, ObjectId]], order: random.Random) -> None:
    entries = [TreeEntry(mode, name, id_) for name, (mode, id_) in tree.items()]
    data = encode_tree(entries)
    order.shuffle(entries)
    assert encode_tree(entries) == data
    assert set(decode_tree(data)) == set(entries)


@given(st.binary() | st.builds(lambda head, rest: head + rest, st.just(b"100644 a\0" + b"i" * 20), st.binary()))
def test_bytes_are_the_tree_that_they_encode_or_a_value_error(data: bytes) -> None:
    _same_or_value_error(data, lambda: encode_tree(decode_tree(data)))


@given(st.data())
def test_a_damaged_commit_is_another_commit_or_a_value_error(data: st.DataObject) -> None:
    who = Identity("Ann Example", "ann@example.com", 1)
    id_ = object_id("tree", b"")
    commit = _damage(data, encode_commit(Commit(tree=id_, parents=(id_,), author=who, committer=who, message=b"x\n")))
    tag = _damage(data, encode_tag(Tag(object=id_, name="v1", tagger=who, message=b"x\n")))
    _same_or_value_error(commit, lambda: encode_commit(decode_commit(commit)))
    _same_or_value_error(tag, lambda: encode_tag(decode_tag(tag)))


@given(st.sets(st.lists(st.sampled_from([b"a", b"a.", b"a0", b"b"]), min_size=1, max_size=6).map(b"/".join)))
def test_a_hierarchy_holds_the_leaves_that_were_given(paths: set[bytes]) -> None:
    folders = {path[:end] for path in paths for end in range(len(path)) if path[end] == 0x2F}
    leaves = [(path, Mode.FILE, object_id("blob", path)) for path in sorted(paths - folders)]
    trees: dict[ObjectId, bytes] = {}

    def add(kind: Kind, data: bytes) -> ObjectId:
        id_ = object_id(kind, data)
        trees[id_] = data
        return id_

    pending = [(b"", write_tree(leaves, add))]
    found = []
    while pending:
        prefix, tree = pending.pop()
        for entry in decode_tree(trees[tree]):
            if entry.mode is Mode.FOLDER:
                pending.append((prefix + entry.name + b"/", entry.id))
            else:
                found.append((prefix + entry.name, entry.mode, entry.id))
    assert sorted(found, key=lambda leaf: leaf[0]) == leaves


@given(_KINDS, st.lists(st.binary()))
def test_pieces_have_the_id_of_the_whole(kind: Kind, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    hasher = ObjectHasher(kind, len(whole))
    for piece in pieces:
        hasher.update(piece)
    assert hasher.finish() == object_id(kind, whole)


@given(_KINDS, st.integers(0, 2**64 - 1), st.binary(max_size=5))
def test_the_header_of_an_entry_comes_back(kind: Kind, size: int, rest: bytes) -> None:
    header = encode_entry_header(kind, size)
    type_, found, end = decode_entry_header(header + rest)
    assert (["commit", "tree", "blob", "tag"][type_ - 1], found, end) == (kind, size, len(header))


_ENTRIES = st.dictionaries(_IDS, st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1) | st.integers(0, 2**31 - 1)), max_size=50)


@given(_ENTRIES, st.lists(_IDS))
def test_an_index_finds_what_is_in_it_and_nothing_else(entries: dict[ObjectId, tuple[int, int]], absent: list[ObjectId]) -> None:
    given_ = [IndexEntry(id_, crc, offset) for id_, (crc, offset) in entries.items()]
    index = PackIndex(encode_index(given_, b"c" * 20), path=Path("x"))
    index.verify()
    assert list(index) == sorted(given_)
    for id_, (_, offset) in entries.items():
        assert index.find(id_) == offset
    for id_ in absent:
        assert (id_ in index) == (id_ in entries)


_CONTENTS = st.binary(max_size=300) | st.builds(lambda unit, count: unit * count, st.binary(max_size=20), st.integers(0, 2000))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_pack_holds_what_a_dictionary_would_hold(data: st.DataObject) -> None:
    """Adding, streaming, marking and rolling back in any order: a model of it is a dictionary that is copied."""
    with TemporaryDirectory() as folder, PackWriter(Path(folder, "new.pack"), level=data.draw(st.integers(0, 3))) as writer:
        model: dict[ObjectId, tuple[Kind, bytes]] = {}
        marks = [(writer.mark(), dict(model))]
        for action in data.draw(st.lists(st.sampled_from(["add", "add", "stream", "broken", "mark", "rollback"]), max_size=25)):
            kind: Kind = data.draw(_KINDS)
            content = data.draw(_CONTENTS)
            if action == "add":
                model[writer.add(kind, content)] = (kind, content)
            elif action == "stream":
                pieces = [content[start : start + 100] for start in range(0, len(content), 100)]
                model[writer.add_stream(kind, len(content), pieces)] = (kind, content)
            elif action == "broken":
                with pytest.raises(ValueError, match="promised"):
                    writer.add_stream(kind, len(content) + 1, [content])
            elif action == "mark":
                marks.append((writer.mark(), dict(model)))
            else:
                mark, model = marks.pop()
                writer.rollback(mark)
                marks.append((mark, dict(model)))
        pack = writer.finish(sync=False)
        assert (pack is None) == (not model)
        if pack is not None:
            with PackReader(pack.path) as reader:
                reader.index.verify()
                assert {entry.id for entry in reader.index} == set(model)
                assert {id_: reader.read(id_) for id_ in model} == model


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_pack_or_index_gives_the_right_object_or_a_typed_error(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        pack, objects = _small_pack(Path(folder))
        for path in data.draw(st.sampled_from([[pack.path], [pack.index_path], [pack.path, pack.index_path]])):
            content = _damage(data, path.read_bytes())
            path.unlink()
            path.write_bytes(content)
        try:
            with PackReader(pack.path) as reader:
                for id_ in [*objects, object_id("blob", b"absent")]:
                    _right_or_damaged(reader, id_, objects)
                for _ in reader.index:
                    pass
                reader.index.verify()
        except DamagedError:
            pass


@settings(max_examples=300)
@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(0, 127))
def test_a_delta_gives_no_more_than_is_allowed_or_a_value_error(base: bytes, rest: bytes, size: int) -> None:
    try:
        result = apply_delta(base, bytes([len(base), size]) + rest, max_bytes=100)
    except ValueError:
        return
    assert len(result) == size <= 100


def _right_or_damaged(reader: PackReader, id_: ObjectId, objects: dict[ObjectId, tuple[Kind, bytes]]) -> None:
    try:
        found = reader.read(id_, max_bytes=100_000)
    except DamagedError:
        return
    assert found is None or found == objects[id_]


def _small_pack(folder: Path) -> tuple[FinishedPack, dict[ObjectId, tuple[Kind, bytes]]]:
    contents = [b"", b"small", b"longer " * 500, random.Random(1).randbytes(700), zlib.compress(b"x" * 100)]
    with PackWriter(folder / "new.pack") as writer:
        objects: dict[ObjectId, tuple[Kind, bytes]] = {writer.add("blob", content): ("blob", content) for content in contents}
        pack = writer.finish(sync=False)
    assert pack is not None
    return pack, objects


def _damage(data: st.DataObject, content: bytes) -> bytes:
    """Change some bytes, or cut off or add some."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(len(changed) - 1, 0)))
        kind = data.draw(st.sampled_from(["change", "change", "cut", "insert"]))
        if kind == "cut":
            del changed[place : place + data.draw(st.integers(1, 50))]
        elif kind == "insert":
            changed[place:place] = data.draw(st.binary(max_size=50))
        elif changed:
            changed[place] = data.draw(st.integers(0, 255))
    return bytes(changed)


def _same_or_value_error(data: bytes, again: Callable[[], object]) -> None:
    try:
        result = again()
    except ValueError:
        return
    assert result == data
