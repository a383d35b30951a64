import pytest

from pydeps_host.git import EMPTY_TREE, ObjectHasher, object_id, parse_id


def test_the_empty_blob_and_the_empty_tree_have_the_ids_that_everybody_knows() -> None:
    assert object_id("blob", b"").hex() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert EMPTY_TREE.hex() == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_a_blob_that_comes_in_pieces_has_the_id_of_the_whole() -> None:
    hasher = ObjectHasher("blob", 12)
    for piece in (b"hello", b"", b" world\n"):
        hasher.update(piece)
    assert hasher.finish() == object_id("blob", b"hello world\n") == parse_id("3b18e512dba79e4c8300dd08aeb37f8e728b8dad")


def test_a_stream_that_is_longer_than_promised_has_no_id() -> None:
    hasher = ObjectHasher("blob", 4)
    hasher.update(b"1234")
    with pytest.raises(ValueError, match="more than the promised 4 bytes"):
        hasher.update(b"5")


def test_a_stream_that_is_shorter_than_promised_has_no_id() -> None:
    hasher = ObjectHasher("blob", 4)
    hasher.update(b"123")
    with pytest.raises(ValueError, match="3 of the promised 4 bytes"):
        hasher.finish()


def test_an_id_as_text_comes_back() -> None:
    assert parse_id(EMPTY_TREE.hex()) == EMPTY_TREE


@pytest.mark.parametrize("text", ["", "e69de29", "E69DE29BB2D1D6434B8B29AE775AD8C2E48C5391", EMPTY_TREE.hex() + "\n", "g" * 40, " " * 40])
def test_a_text_that_is_not_forty_lower_case_digits_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="is not an object id"):
        parse_id(text)
