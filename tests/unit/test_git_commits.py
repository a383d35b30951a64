from typing import Any

import pytest

from pydeps_host.git import (
    EMPTY_TREE,
    Commit,
    Identity,
    ObjectId,
    Tag,
    decode_commit,
    decode_tag,
    encode_commit,
    encode_tag,
    object_id,
    parse_id,
)

_WHO = Identity("Ann Example", "ann@example.com", 1_700_000_000)
_COMMIT = Commit(tree=EMPTY_TREE, author=_WHO, committer=_WHO, message=b"numpy 1.22.3\n")
_PARENT = parse_id("1" * 40)
_TAG = Tag(object=_PARENT, name="v1.22.3", tagger=_WHO, message=b"numpy 1.22.3\n")


def test_a_commit_has_exactly_the_bytes_of_git() -> None:
    assert encode_commit(_COMMIT) == (
        b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
        b"author Ann Example <ann@example.com> 1700000000 +0000\n"
        b"committer Ann Example <ann@example.com> 1700000000 +0000\n"
        b"\n"
        b"numpy 1.22.3\n"
    )


def test_parents_stand_between_tree_and_author_in_their_order() -> None:
    commit = Commit(tree=EMPTY_TREE, parents=(_PARENT, EMPTY_TREE), author=_WHO, committer=_WHO, message=b"")
    assert encode_commit(commit).splitlines()[1:3] == [b"parent " + b"1" * 40, b"parent " + EMPTY_TREE.hex().encode()]
    assert decode_commit(encode_commit(commit)) == commit


def test_a_tag_has_exactly_the_bytes_of_git() -> None:
    assert encode_tag(_TAG) == (
        b"object 1111111111111111111111111111111111111111\n"
        b"type commit\n"
        b"tag v1.22.3\n"
        b"tagger Ann Example <ann@example.com> 1700000000 +0000\n"
        b"\n"
        b"numpy 1.22.3\n"
    )


def test_ids_of_a_commit_and_a_tag_never_change() -> None:
    assert object_id("commit", encode_commit(_COMMIT)).hex() == "68aae448a01799a03b5063c2cbfcc11302899cd3"
    assert object_id("tag", encode_tag(_TAG)).hex() == "270ac34a4ace303996b43d98a3bc4698059ded9a"


@pytest.mark.parametrize("message", [b"", b"\n", b"no newline", b"a\n\nb\n\n", b"\xff\xfe", "é\n".encode()])
def test_a_message_is_kept_byte_for_byte(message: bytes) -> None:
    commit = Commit(tree=EMPTY_TREE, author=_WHO, committer=_WHO, message=message)
    assert decode_commit(encode_commit(commit)) == commit
    tag = Tag(object=_PARENT, kind="tree", name="v1", tagger=_WHO, message=message)
    assert decode_tag(encode_tag(tag)) == tag


def test_a_message_with_a_nul_is_refused_because_git_would_hide_what_follows() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Commit(tree=EMPTY_TREE, author=_WHO, committer=_WHO, message=b"a\0b")
    with pytest.raises(ValueError, match="NUL"):
        Tag(object=_PARENT, name="v1", tagger=_WHO, message=b"a\0b")


@pytest.mark.parametrize("text", ["a<b", "a>b", "a\nb", "a\0b", "a\rb", " a", "a ", "\x7f"])
def test_an_identity_that_git_could_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name cannot be"):
        Identity(text, "a@example.com", 0)
    with pytest.raises(ValueError, match="email cannot be"):
        Identity("a", text, 0)


def test_an_identity_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="has a name"):
        Identity("", "a@example.com", 0)


@pytest.mark.parametrize("seconds", [-1, 2**63])
def test_a_time_that_git_does_not_have_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="no time"):
        Identity("a", "", seconds)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a\0b", "\x7f"])
def test_a_tag_name_that_would_break_its_line_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="tag's name"):
        Tag(object=_PARENT, name=name, tagger=_WHO, message=b"")


def test_text_where_raw_bytes_belong_is_refused() -> None:
    short = ObjectId(b"1" * 19)
    fields: dict[str, Any] = {"author": _WHO, "committer": _WHO, "message": b""}
    with pytest.raises(ValueError, match="`tree` is no object id"):
        Commit(tree=short, **fields)
    with pytest.raises(ValueError, match="is no object id"):
        Commit(tree=EMPTY_TREE, parents=(_PARENT, short), **fields)
    with pytest.raises(ValueError, match="`object` is no object id"):
        Tag(object=ObjectId(_PARENT.hex().encode()), name="v1", tagger=_WHO, message=b"")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"+0000", b"+0100"),
        (b"1700000000", b"01700000000"),
        (b"1700000000", b"-1"),
        (b"1700000000", b"9223372036854775808"),
        (b"author", b"Author"),
        (b"author", b"parent 11\nauthor"),
        (b"\n\n", b"\ngpgsig x\n\n"),
        (b"\n\n", b"\n"),
        (b"tree 4b", b"tree 4B"),
        (b"Ann Example <", b"Ann Example  <"),
        (b"Ann Example <", b"<"),
        (b"Ann", b"A\xffn"),
        (b"Ann", b"A\rn"),
    ],
)
def test_bytes_that_would_not_have_been_written_are_no_commit(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_commit(encode_commit(_COMMIT).replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"+0000", b"-0000"),
        (b"type commit", b"type branch"),
        (b"tag v", b"tag  v"),
        (b"\n\n", b""),
        (b"object 1", b"object x"),
        (b"v1", b"v\xff"),
    ],
)
def test_bytes_that_would_not_have_been_written_are_no_tag(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_tag(encode_tag(_TAG).replace(old, new, 1))


@pytest.mark.parametrize("cut", [1, 2])
def test_headers_without_the_line_that_ends_them_are_refused(cut: int) -> None:
    commit = encode_commit(Commit(tree=EMPTY_TREE, author=_WHO, committer=_WHO, message=b""))
    with pytest.raises(ValueError, match=r"headers|form"):
        decode_commit(commit[:-cut])
    tag = encode_tag(Tag(object=_PARENT, name="v1", tagger=_WHO, message=b""))
    with pytest.raises(ValueError, match=r"headers|form"):
        decode_tag(tag[:-cut])


def test_a_name_beyond_ascii_is_written_as_utf_8() -> None:
    who = Identity("Zoë \u2028 Ŋ", "zoë@example.com", 0)
    commit = Commit(tree=EMPTY_TREE, author=who, committer=_WHO, message=b"")
    assert "Zoë".encode() in encode_commit(commit)
    assert decode_commit(encode_commit(commit)) == commit
