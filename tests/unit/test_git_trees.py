import pytest

from pydeps_host.git import EMPTY_TREE, Kind, Mode, ObjectId, TreeEntry, decode_tree, encode_tree, object_id, write_tree

_BLOB = object_id("blob", b"")


class _Written:
    """Collects trees as a pack would."""

    def __init__(self) -> None:
        self.trees: dict[ObjectId, bytes] = {}
        self.order: list[ObjectId] = []

    def add(self, kind: Kind, data: bytes) -> ObjectId:
        assert kind == "tree"
        id_ = object_id(kind, data)
        self.trees[id_] = data
        self.order.append(id_)
        return id_


def _file(name: bytes, mode: Mode = Mode.FILE) -> TreeEntry:
    return TreeEntry(mode, name, _BLOB)


def test_a_tree_has_exactly_the_bytes_of_git() -> None:
    assert encode_tree([_file(b"a b", Mode.EXECUTABLE)]) == b"100755 a b\0" + _BLOB
    assert encode_tree([_file(b"d", Mode.FOLDER)]) == b"40000 d\0" + _BLOB


def test_a_folder_is_sorted_as_if_its_name_ended_in_a_slash() -> None:
    entries = [_file(b"a0"), _file(b"a", Mode.FOLDER), _file(b"a.b", Mode.SYMLINK), _file(b"a-b")]
    assert [entry.name for entry in decode_tree(encode_tree(entries))] == [b"a-b", b"a.b", b"a", b"a0"]


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0b", b"/", b"\0"])
def test_a_name_that_no_tree_can_hold_is_refused(name: bytes) -> None:
    with pytest.raises(ValueError, match="a tree cannot hold the name"):
        encode_tree([_file(b"good"), _file(name)])


@pytest.mark.parametrize("name", [b"...", b".a", b"..a", b" ", b"\xff", b"\n"])
def test_an_odd_name_is_kept_as_it_is(name: bytes) -> None:
    assert decode_tree(encode_tree([_file(name)])) == (_file(name),)


def test_a_name_twice_is_refused_also_where_other_names_sort_between() -> None:
    with pytest.raises(ValueError, match=r"has the name b'a' twice"):
        encode_tree([_file(b"a"), _file(b"a.b"), _file(b"a", Mode.FOLDER)])


def test_an_id_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        encode_tree([TreeEntry(Mode.FILE, b"a", ObjectId(_BLOB.hex().encode()))])


@pytest.mark.parametrize(
    "data",
    [
        b"100644 a\0" + _BLOB[:-1],
        b"100644 a\0" + _BLOB + b"x",
        b"100644 a",
        b"100644a\0" + _BLOB,
        b" a\0" + _BLOB,
        b"040000 a\0" + _BLOB,
        b"160000 a\0" + _BLOB,
        b"100664 a\0" + _BLOB,
        b"100644 \0" + _BLOB,
        b"100644 a/b\0" + _BLOB,
        b"100644 b\0" + _BLOB + b"100644 a\0" + _BLOB,
        b"40000 a\0" + _BLOB + b"100644 a.b\0" + _BLOB,
        b"100644 a\0" + _BLOB + b"100644 a\0" + _BLOB,
    ],
)
def test_bytes_that_would_not_have_been_written_are_no_tree(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"tree|Mode"):
        decode_tree(data)


@pytest.mark.parametrize("data", [b"100644 a", b"100644", b"100644\0" + _BLOB, b" a\0" + _BLOB, b"100644 a\0" + _BLOB + b"100644 b"])
def test_an_entry_without_an_end_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="has no mode and name"):
        decode_tree(data)


def test_no_leaves_give_the_empty_tree() -> None:
    written = _Written()
    assert write_tree([], written.add) == EMPTY_TREE
    assert written.order == [EMPTY_TREE]


def test_a_hierarchy_is_written_from_below() -> None:
    written = _Written()
    leaves = [
        (b"a", Mode.FILE, _BLOB),
        (b"b.c", Mode.SYMLINK, _BLOB),
        (b"b/c/d/e", Mode.FILE, _BLOB),
        (b"b/c/x", Mode.EXECUTABLE, _BLOB),
        (b"b/c0", Mode.FILE, _BLOB),
        (b"b0/c", Mode.FILE, _BLOB),
    ]
    root = write_tree(leaves, written.add)
    assert written.order[-1] == root
    seen: set[ObjectId] = set()
    for id_ in written.order:
        folders = {entry.id for entry in decode_tree(written.trees[id_]) if entry.mode is Mode.FOLDER}
        assert folders <= seen
        seen.add(id_)
    assert list(_leaves(written, root, b"")) == leaves


@pytest.mark.parametrize("paths", [[b"b", b"a"], [b"a", b"a"], [b"a/b", b"a.b"], [b"a/x", b"b/x", b"a/y"], [b""]])
def test_paths_that_do_not_ascend_are_refused(paths: list[bytes]) -> None:
    with pytest.raises(ValueError, match="not in ascending order"):
        write_tree([(path, Mode.FILE, _BLOB) for path in paths], _Written().add)


@pytest.mark.parametrize("paths", [[b"a", b"a/x"], [b"a", b"a.b", b"a/x"], [b"d/a", b"d/a-", b"d/a/x/y"]])
def test_a_path_that_is_both_a_file_and_a_folder_is_refused(paths: list[bytes]) -> None:
    with pytest.raises(ValueError, match="twice"):
        write_tree([(path, Mode.FILE, _BLOB) for path in paths], _Written().add)


@pytest.mark.parametrize("path", [b"/a", b"a//b", b"a/", b"/", b"./a", b"a/./b", b"a/..", b"../a", b"a/b\0c", b"a\0/b"])
def test_a_component_that_no_tree_can_hold_is_refused(path: bytes) -> None:
    with pytest.raises(ValueError, match="a tree cannot hold the name"):
        write_tree([(path, Mode.FILE, _BLOB)], _Written().add)


def test_no_depth_is_too_much_for_the_stack() -> None:
    written = _Written()
    write_tree([(b"d/" * 3000 + b"f", Mode.FILE, _BLOB)], written.add)
    assert len(written.order) == 3001


def _leaves(written: _Written, tree: ObjectId, prefix: bytes) -> list[tuple[bytes, Mode, ObjectId]]:
    found = []
    for entry in decode_tree(written.trees[tree]):
        if entry.mode is Mode.FOLDER:
            found += _leaves(written, entry.id, prefix + entry.name + b"/")
        else:
            found.append((prefix + entry.name, entry.mode, entry.id))
    return found
