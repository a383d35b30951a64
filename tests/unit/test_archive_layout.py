"""The rules that look at the whole tree."""

import io
import random
import tarfile
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from pydeps_host.archive import Entry, FlagReason, Kind, Layout, Refusal, Skip, SkipReason, layout
from pydeps_host.errors import ArchiveError
from raw_archives import END, Part, entry, header, tree, zipped


def file(path: str, content: bytes = b"1", *, executable: bool = False) -> Entry:
    return Entry(path.encode(), Kind.FILE, executable, content)


def link(path: str, target: str | bytes) -> Entry:
    return Entry(path.encode(), Kind.SYMLINK, False, b"link", target if isinstance(target, bytes) else target.encode())


def hard(path: str, target: str) -> Entry:
    return Entry(path.encode(), Kind.HARDLINK, False, b"", target.encode())


def folder(path: str) -> Entry:
    return Entry(path.encode(), Kind.DIRECTORY)


def lay(*entries: Entry, strip: bool = False) -> Layout:
    return layout(entries, strip=strip)


def paths(found: Layout) -> list[str]:
    return [one.path.decode() for one in found.entries]


def skipped(*entries: Entry) -> list[tuple[str, str]]:
    return [(skip.path.decode(), skip.reason) for skip in lay(*entries).skips]


def flagged(*entries: Entry) -> list[tuple[str, str]]:
    return [(flag.path.decode(), flag.reason) for flag in lay(*entries).flags]


def reason(*entries: Entry) -> str:
    with pytest.raises(ArchiveError) as caught:
        lay(*entries)
    return caught.value.reason


# --- the top folder -----------------------------------------------------------


def test_the_single_top_folder_is_stripped_and_the_rest_sorted():
    found = lay(folder("p-1"), file("p-1/b"), file("p-1/a/c"), link("p-1/l", "b"), strip=True)
    assert (paths(found), found.stripped) == (["a/c", "b", "l"], b"p-1")


def test_nothing_is_stripped_where_there_are_two_or_none_or_where_it_is_not_asked_for():
    assert paths(lay(file("p/a"), file("q/a"), strip=True)) == ["p/a", "q/a"]
    assert paths(lay(file("p/a"), file("b"), strip=True)) == ["b", "p/a"]
    assert paths(lay(file("p"), strip=True)) == ["p"]
    assert paths(lay(link("p", "q"), strip=True)) == ["p"]
    assert paths(lay(file("p/a"))) == ["p/a"]


def test_no_entries_or_folders_alone_are_an_empty_tree():
    assert lay() == Layout()
    assert lay(folder("p"), folder("p/q"), strip=True).entries == ()


def test_links_are_followed_in_the_stripped_tree():
    found = lay(file("p/a"), link("p/up", "../p/a"), link("p/d/l", "../a"), strip=True)
    assert paths(found) == ["a", "d/l"]
    assert found.skips == (Skip(b"up", SkipReason.LINK_LEAVES),)


# --- duplicates and clashes ---------------------------------------------------


def test_the_same_again_is_kept_once_and_flagged():
    assert flagged(file("a"), file("a")) == [("a", FlagReason.DUPLICATE)]
    assert flagged(link("a", "b"), link("a", "b")) == [("a", FlagReason.DUPLICATE)]
    # Where the two begin makes no difference.
    assert flagged(file("a")._replace(offset=0), file("a")._replace(offset=512)) == [("a", FlagReason.DUPLICATE)]
    assert flagged(folder("a"), folder("a"), file("a/b")) == []
    assert paths(lay(file("a"), file("a"))) == ["a"]


@pytest.mark.parametrize("other", [file("a", b"2"), file("a", executable=True), link("a", "b")])
def test_something_else_of_the_same_name_is_refused(other):
    assert reason(file("a"), other) == Refusal.DUPLICATE
    assert reason(other, file("a")) == Refusal.DUPLICATE


def test_two_links_of_one_name_with_other_targets_are_refused():
    assert reason(link("a", "b"), link("a", "c")) == Refusal.DUPLICATE


@pytest.mark.parametrize("one", [file("a"), link("a", "b")])
@pytest.mark.parametrize("below", [file("a/b/c"), folder("a"), folder("a/b")])
def test_a_name_that_is_a_folder_and_something_else_is_refused(one, below):
    assert reason(one, below) == Refusal.FILE_AND_FOLDER
    assert reason(below, one) == Refusal.FILE_AND_FOLDER


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("A", "a/x"),
        ("a", "A/x"),
        ("é", "e\u0301/x"),
        ("E\u0301", "é/x"),
        ("p/LINK", "P/link/x"),
        ("\u017f", "s/x"),
        ("straße", "STRASSE/x"),
    ],
)
def test_a_symlink_that_some_file_system_takes_for_a_folder_is_refused(name, below):
    assert reason(link(name, "elsewhere"), file(below)) == Refusal.LINK_AND_FOLDER
    assert reason(file(below), link(name, "elsewhere")) == Refusal.LINK_AND_FOLDER
    assert reason(folder(below.rpartition("/")[0]), link(name, "/unsafe")) == Refusal.LINK_AND_FOLDER


def test_names_that_are_one_to_some_file_system_are_kept_and_flagged():
    assert flagged(file("a"), file("A")) == [("A", FlagReason.CASE_COLLISION)]
    assert flagged(file("é"), file("e\u0301")) == [("e\u0301", FlagReason.CASE_COLLISION)]
    assert flagged(file("d/x"), file("D/y")) == [("D", FlagReason.CASE_COLLISION)]
    assert flagged(file("d/x"), file("D/X")) == [("D", FlagReason.CASE_COLLISION), ("D/X", FlagReason.CASE_COLLISION)]
    assert flagged(file("a"), file("A/x")) == [("A", FlagReason.CASE_COLLISION)]
    assert flagged(file("a/x"), file("b/X")) == []


def test_folders_below_one_that_collides_are_not_told_one_by_one():
    deep = "/".join("x" * 30 for _ in range(100))
    assert flagged(file(f"a/{deep}/f"), file(f"A/{deep}/g")) == [("A", FlagReason.CASE_COLLISION)]


def test_an_entry_that_nobody_else_holds_is_let_go_once_it_is_in_the_tree():
    gone: list[None] = []
    counts = []

    class Watched(Entry):
        # A tuple cannot be referred to weakly.
        def __del__(self) -> None:
            gone.append(None)

    def given() -> Iterator[Entry]:
        # A link is what makes the tree more than a list.
        yield Watched(*link("p/link", "0"))
        yield from (Watched(*file(f"p/{number}")) for number in range(99))
        counts.append(len(gone))

    def left_out() -> Iterator[Skip]:
        counts.append(len(gone))
        yield from ()

    assert len(layout(given(), strip=True, left_out=left_out()).entries) == 100
    assert counts == [0, 100]


# --- hard links ---------------------------------------------------------------


def test_a_hard_link_is_a_copy_with_the_files_own_mode():
    found = lay(file("p/a", b"x", executable=True), hard("p/b", "p/a"), strip=True)
    assert found.entries == (file("a", b"x", executable=True), file("b", b"x", executable=True))


def test_a_hard_link_to_nothing_to_a_later_file_or_to_a_link_is_skipped():
    assert skipped(hard("b", "a")) == [("b", SkipReason.HARD_LINK_MISSING)]
    assert skipped(hard("b", "a"), file("a")) == [("b", SkipReason.HARD_LINK_MISSING)]
    assert skipped(hard("b", "d"), folder("d")) == [("b", SkipReason.HARD_LINK_MISSING)]
    assert skipped(folder("d"), hard("b", "d")) == [("b", SkipReason.HARD_LINK_MISSING)]
    assert skipped(file("x/y"), hard("b", "x/z")) == [("b", SkipReason.HARD_LINK_MISSING)]
    assert skipped(link("l", "a"), file("a"), hard("b", "l")) == [("b", SkipReason.HARD_LINK_KIND)]


def test_an_entry_that_is_left_out_and_has_the_name_of_one_that_is_kept_is_refused():
    assert reason(hard("b", "a"), file("b")) == Refusal.DUPLICATE
    assert reason(file("b"), hard("b", "a")) == Refusal.DUPLICATE
    for data in (
        entry(b"p/a") + header(b"p//a", kind=b"6") + END,
        header(b"p/a", kind=b"3") + entry(b"p/a") + END,
        header(b"p", kind=b"4") + entry(b"p/a") + END,
        header(b"p/", kind=b"4") + entry(b"p/a") + END,
    ):
        with pytest.raises(ArchiveError, match="left out") as caught:
            tree(data)
        assert caught.value.reason == Refusal.DUPLICATE


def test_a_folder_may_be_there_without_the_flag_that_its_files_have():
    name = "é".encode()
    assert paths(tree(zipped(Part(name + b"/"), Part(name + b"/a", b"x", flags=1 << 11)), "a.zip")) == ["é/a"]
    with pytest.raises(ArchiveError, match="left out"):
        tree(zipped(Part(name, b"y"), Part(b"./" + name, b"x", flags=1 << 11)), "a.zip")


def test_the_name_of_what_is_left_out_is_looked_for_below_the_stripped_folder():
    with pytest.raises(ArchiveError, match="left out"):
        tree(entry(b"p/a") + header(b"p/a", kind=b"6") + END, strip=True)
    assert paths(tree(entry(b"p/a") + header(b"a", kind=b"6") + header(b"q/a", kind=b"6") + END, strip=True)) == ["a"]


def test_hard_links_to_hard_links_are_copies():
    assert [one.id for one in lay(file("a", b"x"), hard("b", "a"), hard("c", "b")).entries] == [b"x"] * 3


def test_a_hard_link_out_of_the_stripped_folder_is_skipped():
    found = lay(file("p/a"), hard("p/b", "q/a"), strip=True)
    assert found.skips == (Skip(b"b", SkipReason.HARD_LINK_MISSING),)


def test_hard_links_of_a_real_archive_read_as_cpython_reads_them():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("p/a")
        info.size, info.mode = 2, 0o755
        archive.addfile(info, io.BytesIO(b"hi"))
        copy = tarfile.TarInfo("p/b")
        copy.type, copy.linkname = tarfile.LNKTYPE, "p/a"
        archive.addfile(copy)
    found = tree(buffer.getvalue(), strip=True)
    assert [(one.path, one.id, one.executable) for one in found.entries] == [(b"a", b"hi", True), (b"b", b"hi", True)]


# --- symlinks -----------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["x", "d/x", "./x", "d//x", "d/../x", "missing", "missing/deep", "d", ".", "d/.", "a b", "é", "d/../d/../x"]
)
def test_links_that_stay_in_the_tree_are_kept_even_where_they_lead_to_nothing(target):
    assert skipped(file("x"), file("d/x"), link("l", target)) == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/etc/passwd", SkipReason.LINK_ABSOLUTE),
        ("C:\\x", SkipReason.LINK_ABSOLUTE),
        ("c:x", SkipReason.LINK_ABSOLUTE),
        ("..", SkipReason.LINK_LEAVES),
        ("../x", SkipReason.LINK_LEAVES),
        ("d/../../x", SkipReason.LINK_LEAVES),
        ("d/../../tree/x", SkipReason.LINK_LEAVES),
        ("missing/../../x", SkipReason.LINK_LEAVES),
        ("", SkipReason.LINK_EMPTY),
        ("x" * 4096, SkipReason.LINK_TOO_LONG),
        ("a\\b", SkipReason.LINK_TEXT),
        ("..\\x", SkipReason.LINK_TEXT),
        ("a\nb", SkipReason.LINK_TEXT),
        ("a\0b", SkipReason.LINK_TEXT),
        (".git/config", SkipReason.LINK_DOT_GIT),
        ("d/.GIT", SkipReason.LINK_DOT_GIT),
        ("git~1", SkipReason.LINK_DOT_GIT),
        (".g\u200cit", SkipReason.LINK_DOT_GIT),
        ("l", SkipReason.LINK_LOOP),
        ("./l", SkipReason.LINK_LOOP),
        ("l/x", SkipReason.LINK_LOOP),
    ],
)
def test_unsafe_links_are_skipped_and_the_rest_is_kept(target, why):
    found = lay(file("x"), file("d/x"), link("l", target))
    assert [(skip.path, skip.reason) for skip in found.skips] == [(b"l", why)]
    assert paths(found) == ["d/x", "x"]


def test_a_link_whose_text_is_not_utf_8_is_skipped():
    assert skipped(link("l", b"\xff")) == [("l", SkipReason.LINK_TEXT)]


def test_a_link_is_followed_through_other_links():
    assert skipped(link("a/b/out", ".."), file("a/x"), link("l", "a/b/out/x")) == []
    assert skipped(link("up", "."), link("l", "up/up/up/x"), file("x")) == []
    assert skipped(link("d/l", "../e/m"), link("e/m", "../f/n"), file("f/n")) == []


def test_a_link_through_one_that_leaves_leaves():
    assert skipped(link("out", "../.."), link("l", "out/x")) == [("out", SkipReason.LINK_LEAVES), ("l", SkipReason.LINK_LEAVES)]


@pytest.mark.parametrize("target", ["d/../x", "d/y/../../x"])
def test_a_text_that_climbs_after_a_link_is_skipped(target):
    """`link/..` is another place by the text than on a disk."""
    assert skipped(link("d", "a/b/c"), file("a/b/c/x"), link("l", target)) == [("l", SkipReason.LINK_CLIMBS)]


def test_a_link_that_only_some_file_system_finds_counts_as_one():
    assert skipped(link("Dir", "."), link("l", "dir/../x")) == [("l", SkipReason.LINK_CLIMBS)]


def test_loops_are_found_however_long():
    ring = [link(f"l{number}", f"l{(number + 1) % 30}") for number in range(30)]
    assert skipped(*ring) == [(f"l{number}", SkipReason.LINK_LOOP) for number in range(30)]
    assert skipped(link("a", "b/x"), link("b", "c"), link("c", "b")) == [(name, SkipReason.LINK_LOOP) for name in "abc"]


@pytest.mark.parametrize("backwards", [True, False])
def test_forty_links_are_followed_and_no_more(backwards):
    chain = [link(f"l{number:02}", f"l{number + 1:02}") for number in range(60)]
    found = skipped(*(reversed(chain) if backwards else chain))
    assert sorted(found) == [(f"l{number:02}", SkipReason.LINK_LOOP) for number in range(20)]


def test_what_a_skipped_link_led_to_stays():
    assert paths(lay(file("x"), link("l", "../x"), link("m", "x"))) == ["m", "x"]


def test_many_links_through_one_another_take_linear_time():
    fan = [link("a0", "t/" * 1000 + "x")]
    fan += [link(f"a{number}", f"a{number - 1}") for number in range(1, 39)]
    fan += [link(f"b{number}", "a38") for number in range(30_000)]
    random.Random(1).shuffle(fan)
    start = time.perf_counter()
    assert lay(*fan).skips == ()
    assert time.perf_counter() - start < 5


def test_names_that_links_lead_to_and_that_nobody_has_take_no_memory():
    fan = [link(f"l{number}", "/".join(f"{number}-{step}" for step in range(400))) for number in range(100)]
    tracemalloc.start()
    try:
        assert len(lay(*fan).entries) == 100
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("target", ["missing/../d/l/x", "missing/deep/../../d/l/x", "d/missing/../l/x"])
def test_a_text_that_comes_back_from_where_nothing_is_is_followed_on(target):
    assert skipped(file("x"), link("d/l", "../.."), link("m", target)) == [("d/l", SkipReason.LINK_LEAVES), ("m", SkipReason.LINK_LEAVES)]


def test_deep_paths_take_linear_time_and_memory():
    deep = [file("/".join(f"{number:x}{level:02x}" for level in range(100))) for number in range(1500)]
    start = time.perf_counter()
    assert len(lay(*deep).entries) == 1500
    assert time.perf_counter() - start < 5


def test_an_error_names_the_archive_and_the_entry():
    with pytest.raises(ArchiveError) as caught:
        layout([file("a\x1b"), file("a\x1b", b"2")], strip=False, filename="x.tar.gz")
    assert (caught.value.filename, caught.value.entry) == ("x.tar.gz", "a\\x1b")


def test_a_reader_and_the_layout_fit_together():
    data = entry(b"p/a", b"x") + header(b"p/l", kind=b"2", target=b"a") + header(b"p/h", kind=b"1", target=b"p/a") + END
    assert [one.path for one in tree(data, strip=True).entries] == [b"a", b"h", b"l"]
    assert [one.path for one in tree(zipped(Part(b"./p/a"), Part(b"p//b")), "a.zip", strip=True).entries] == [b"a", b"b"]
