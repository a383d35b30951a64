from pathlib import Path

import pytest

from pydeps_host.errors import DamagedError
from pydeps_host.repository import Ref
from pydeps_host.repository.references import decode_refs, encode_refs, find_ref, loose_refs

ONE, TWO, THREE = b"\x11" * 20, b"\x22" * 20, b"\x33" * 20
REFS = {"refs/tags/v1.0": Ref(ONE, TWO), "refs/heads/latest": Ref(TWO), "refs/tags/v1": Ref(THREE, TWO)}
HEADER = b"# pack-refs with: peeled fully-peeled sorted \n"
PATH = Path("packed-refs")


def line(id_: bytes, name: bytes) -> bytes:
    return b"%b %b\n" % (id_.hex().encode(), name)


def test_references_are_written_in_order_with_what_tags_lead_to() -> None:
    assert encode_refs(REFS) == b"".join(
        (
            HEADER,
            line(TWO, b"refs/heads/latest"),
            line(THREE, b"refs/tags/v1"),
            b"^" + TWO.hex().encode() + b"\n",
            line(ONE, b"refs/tags/v1.0"),
            b"^" + TWO.hex().encode() + b"\n",
        )
    )


@pytest.mark.parametrize("refs", [REFS, {}])
def test_what_was_written_is_read_back(refs: dict[str, Ref]) -> None:
    assert decode_refs(encode_refs(refs), PATH) == refs


def test_no_file_holds_no_references() -> None:
    assert decode_refs(b"", PATH) == {}
    assert find_ref(b"", "refs/tags/v1", PATH) is None


@pytest.mark.parametrize(
    ("damaged", "place"),
    [
        (b"\0" * 100, "first line"),
        (HEADER.replace(b"sorted ", b""), "first line"),
        (HEADER[:-2] + b"\n", "first line"),
        (HEADER + b"x\n", "line 2"),
        (HEADER + line(ONE, b"refs/tags/b") + line(ONE, b"refs/tags/a"), "line 3"),
        (HEADER + line(ONE, b"refs/tags/a") * 2, "line 3"),
        (HEADER + line(ONE, b"refs/tags/a")[:-1], "line 2"),
        (HEADER + b"^" + ONE.hex().encode() + b"\n", "line 2"),
        (HEADER + line(ONE, b"refs/tags/a") + b"^1234\n", "line 3"),
        (HEADER + line(ONE.upper(), b"HEAD"), "line 2"),
        (HEADER + line(ONE, b"refs/tags/\xff"), "UTF-8"),
        (HEADER + line(ONE, b"refs/tags/a b"), "line 2"),
    ],
)
def test_a_file_that_git_would_not_have_written_is_damaged(damaged: bytes, place: str) -> None:
    with pytest.raises(DamagedError, match=place):
        decode_refs(damaged, PATH)


def test_one_reference_is_found_by_its_whole_name() -> None:
    data = encode_refs(REFS)
    assert {name: find_ref(data, name, PATH) for name in REFS} == REFS
    assert find_ref(data, "refs/tags/v", PATH) is None
    assert find_ref(data, "tags/v1", PATH) is None


def test_a_damaged_line_is_not_taken_for_the_reference_that_it_names() -> None:
    with pytest.raises(DamagedError, match=r"refs/tags/v1"):
        find_ref(HEADER + b"1234 refs/tags/v1\n", "refs/tags/v1", PATH)


def test_references_in_files_of_their_own_are_listed(tmp_path: Path) -> None:
    (tmp_path / "refs" / "tags" / "x").mkdir(parents=True)
    (tmp_path / "refs" / "tags" / "x" / "y").touch()
    (tmp_path / "refs" / "stash").touch()
    assert loose_refs(tmp_path) == ("refs/stash", "refs/tags/x/y")


def test_a_link_that_leads_nowhere_is_a_reference_as_git_takes_it_for_one(tmp_path: Path) -> None:
    (tmp_path / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "refs" / "heads" / "latest").symlink_to("refs/tags/v1.0")
    assert loose_refs(tmp_path) == ("refs/heads/latest",)
