"""The way in, what it costs, and what comes out when it goes wrong."""

import gzip
import io
import pickle
import re
import tracemalloc
from pathlib import Path

import pytest

from pydeps_host.archive import Flag, FlagReason, Kind, Refusal, Skip, SkipReason, is_readable, read_archive
from pydeps_host.archive.budget import Budget
from pydeps_host.archive.reasons import Refused
from pydeps_host.errors import ArchiveError, UsageError
from pydeps_host.values import Limits
from raw_archives import END, Part, contents, end_record, entry, gzipped, header, members, pax, reader, skips, tree, zipped

MIB = 1024 * 1024
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "reason-codes.md"


def reason(data: bytes, filename: str = "a.tar", **limits: int) -> str:
    with pytest.raises(ArchiveError) as caught:
        members(data, filename, **limits)
    return caught.value.reason


def both(*names: bytes, data: bytes = b"") -> list[tuple[bytes, str]]:
    """The same entries in either format."""
    tar = b"".join(entry(name, data) for name in names) + END
    return [(tar, "a.tar"), (zipped(*(Part(name, data, flags=1 << 11) for name in names)), "a.zip")]


# --- the way in ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.zip", "a-1-py3-none-any.whl", "a.tar.bz2", "a.tar.xz", "a.tar", "A.TAR.GZ"])
def test_these_formats_are_read(name):
    assert is_readable(name)


@pytest.mark.parametrize("name", ["a.egg", "a.exe", "a.rpm", "a.tar.Z", "a.tar.zst", "a.gz", "tar.gz.txt", ""])
def test_others_are_not(name):
    assert not is_readable(name)
    assert reason(b"x", name) == Refusal.FORMAT_UNKNOWN


def test_a_member_shows_everything_but_its_content():
    (found,) = members(entry(b"a", 1000 * b"secret") + END)
    assert repr(found).startswith("Member(path=b'a', kind=<Kind.FILE: 'file'>, executable=False, size=6000, ")
    assert repr(found).endswith(", offset=0, target=b'')")


def test_nothing_is_read_before_the_iteration_and_it_is_once():
    file = io.BytesIO(gzipped(entry(b"a") + END))
    found = read_archive(file, "a.tar.gz")
    assert (file.tell(), found.skips, found.flags) == (0, (), ())
    assert [one.path for one in found] == [b"a"]
    with pytest.raises(UsageError):
        iter(found)


def test_reading_begins_at_the_files_start_wherever_it_stands():
    for data, name in both(b"a"):
        file = io.BytesIO(data)
        file.seek(7)
        assert [one.path for one in read_archive(file, name)] == [b"a"]


def test_an_error_can_be_pickled_and_shows_no_control_characters():
    with pytest.raises(ArchiveError) as caught:
        members(header(b"a\x1b[31m", kind=b"7") + END)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason) == (str(caught.value), caught.value.reason)
    assert "\x1b" not in str(again)


# --- content ------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, MIB - 1, MIB])
def test_content_up_to_a_mebibyte_is_one_object(size):
    for data, name in both(b"a", data=b"x" * size):
        (one,) = reader(data, name)
        assert one.content == b"x" * size


@pytest.mark.parametrize("size", [MIB + 1, 3 * MIB + 7])
def test_larger_content_comes_in_bounded_pieces(size):
    data = bytes(range(256)) * (size // 256 + 1)
    for archive, name in [*both(b"a", b"b", data=data[:size]), (gzipped(both(b"a", b"b", data=data[:size])[0][0]), "a.tar.gz")]:
        for one in reader(archive, name):
            assert not isinstance(one.content, bytes)
            pieces = list(one.content)
            assert max(map(len, pieces)) <= MIB
            assert b"".join(pieces) == data[:size]
            assert one.size == size


@pytest.mark.parametrize("how", ["not at all", "a little", "closed"])
def test_content_that_nobody_wants_is_drained(how):
    for archive, name in both(b"a", b"b", data=b"z" * (2 * MIB)):
        found = []
        for one in reader(archive, name):
            found.append(one.path)
            assert not isinstance(one.content, bytes)
            if how == "a little":
                next(one.content)
            if how == "closed":
                next(one.content)
                one.content.close()  # type: ignore[attr-defined]
        assert found == [b"a", b"b"]


def test_a_wrong_checksum_is_found_in_drained_content_too():
    assert reason(zipped(Part(b"a", b"z" * (2 * MIB), crc=1)), "a.zip") == Refusal.ZIP_CHECKSUM
    unread = reader(zipped(Part(b"a", b"z" * (2 * MIB), crc=1)), "a.zip")
    with pytest.raises(ArchiveError):
        list(unread)


def test_an_error_inside_content_is_an_archive_error_and_stays_one():
    # A compressed tar may just stop: what follows the failure would look like a sound end.
    cut = gzipped(entry(b"a", b"z" * (2 * MIB))[: MIB + 5000])
    found = reader(cut, "a.tar.gz")
    one = next(members_of := iter(found))
    with pytest.raises(ArchiveError) as caught:
        b"".join(one.content)  # type: ignore[arg-type]
    assert caught.value.reason == Refusal.TRUNCATED
    with pytest.raises(ArchiveError):
        next(members_of)


def test_the_file_may_be_moved_about_in_between():
    file = io.BytesIO(zipped(Part(b"a", b"x" * (2 * MIB)), Part(b"b", b"y", method=8)))
    sizes = []
    for one in read_archive(file, "a.zip"):
        file.seek(3)
        sizes.append(sum(map(len, one.content)) if not isinstance(one.content, bytes) else len(one.content))
        file.seek(0, 2)
    assert sizes == [2 * MIB, 1]


# --- limits -------------------------------------------------------------------


def test_a_file_that_is_too_large_is_skipped_and_the_rest_is_taken():
    for data, name in both(b"a", b"b", data=b"x" * 100):
        assert skips(data, name, file_bytes=99) == [(b"a", SkipReason.TOO_LARGE), (b"b", SkipReason.TOO_LARGE)]
        assert len(contents(data, name, file_bytes=100)) == 2
    large = entry(b"a", b"x" * (2 * MIB)) + entry(b"b") + END
    assert skips(large, "a.tar", file_bytes=MIB) == [(b"a", SkipReason.TOO_LARGE)]
    assert list(contents(large, "a.tar", file_bytes=MIB)) == [b"b"]


def test_what_is_skipped_is_charged_all_the_same():
    for data, name in both(b"../a", b"b", data=b"x" * 100):
        # Of a tar file its headers and what fills up its blocks are unpacked, too.
        unpacked = len(data) if name == "a.tar" else 200
        assert reason(data, name, unpacked_bytes=unpacked - 1) == Refusal.LIMIT_UNPACKED
        assert list(contents(data, name, unpacked_bytes=unpacked)) == [b"b"]


def test_the_ratio_holds_once_its_free_bytes_are_spent():
    tar = entry(b"a", bytes(100_000)) + END
    data = gzipped(tar)
    assert reason(data, "a.tar.gz", ratio_free_bytes=len(tar) - 1, ratio=1) == Refusal.LIMIT_UNPACKED
    assert list(contents(data, "a.tar.gz", ratio_free_bytes=len(tar), ratio=1)) == [b"a"]
    assert list(contents(data, "a.tar.gz", ratio_free_bytes=1, ratio=1000)) == [b"a"]


def test_what_promises_too_much_is_refused_before_it_is_read():
    # The content that is promised is not there: whoever looked for it would say so.
    assert reason(header(b"a", size=10**9), "a.tar") == Refusal.LIMIT_UNPACKED
    assert reason(zipped(Part(b"a", b"", size=10**9, crc=1)), "a.zip") == Refusal.LIMIT_UNPACKED
    data = zipped(*(Part(b"%d" % number, b"", size=60 * 10**6, crc=1) for number in range(2)))
    assert reason(data, "a.zip") == Refusal.LIMIT_UNPACKED
    directory = b"PK\1\2"
    data = directory + end_record(2, len(directory), 0)
    assert reason(data, "a.zip", entries=1) == Refusal.LIMIT_ENTRIES
    assert reason(data, "a.zip", entries=2) == Refusal.ZIP_DIRECTORY


def test_what_is_read_ahead_is_not_charged_twice():
    for size in (1, 511, 512, 100_000, 300_000, 3 * MIB):
        tar = entry(b"a", bytes(size)) + entry(b"b", bytes(size)) + END
        for data, name in ((tar, "a.tar"), (gzipped(tar), "a.tar.gz")):
            assert len(contents(data, name, unpacked_bytes=len(tar))) == 2


def test_entries_are_counted_skipped_ones_among_them():
    for data, name in both(b"a", b"../b", b"c"):
        assert reason(data, name, entries=2) == Refusal.LIMIT_ENTRIES
        assert list(contents(data, name, entries=3)) == [b"a", b"c"]


def test_folders_are_counted_implied_ones_among_them_each_once():
    for data, name in both(b"a/b/c/x", b"a/b/d/y", b"a/b/c/z"):
        assert reason(data, name, folders=3) == Refusal.LIMIT_FOLDERS
        assert len(contents(data, name, folders=4)) == 3
    assert reason(entry(b"a/b/", kind=b"5") + END, folders=1) == Refusal.LIMIT_FOLDERS


def test_paths_have_limits_of_length_depth_and_sum():
    for data, name in both(b"aaa/bbb", b"c"):
        assert reason(data, name, path_bytes=6) == Refusal.LIMIT_PATH
        assert reason(data, name, component_bytes=2) == Refusal.LIMIT_COMPONENT
        assert reason(data, name, path_depth=1) == Refusal.LIMIT_DEPTH
        assert reason(data, name, paths_bytes=7) == Refusal.LIMIT_PATHS
        assert len(contents(data, name, path_bytes=7, component_bytes=3, path_depth=2, paths_bytes=8)) == 2


def test_a_folder_as_deep_as_allowed_does_not_let_its_files_be_deeper():
    assert reason(entry(b"a/b/", kind=b"5") + entry(b"a/b/c") + END, path_depth=2) == Refusal.LIMIT_DEPTH


def test_link_targets_are_charged_as_names_are():
    data = header(b"a", kind=b"2", target=b"x" * 50) + END
    assert reason(data, paths_bytes=50) == Refusal.LIMIT_PATHS
    assert len(members(data, paths_bytes=51)) == 1


def test_time_is_a_limit_that_content_counts_towards():
    now = iter(range(0, 10_000, 7))
    budget = Budget(Limits(artifact_seconds=20), 1, clock=lambda: next(now))
    budget.enter()
    budget.check_time()
    with pytest.raises(Refused) as caught:
        budget.enter()
    assert caught.value.reason is Refusal.LIMIT_SECONDS


def test_an_archive_that_takes_too_long_is_refused(monkeypatch):
    clock = iter(range(1_000_000))
    monkeypatch.setattr("pydeps_host.archive.reader.Budget", lambda limits, size: Budget(limits, size, clock=lambda: next(clock)))
    for data, name in both(*(b"%d" % number for number in range(50))):
        assert reason(data, name, artifact_seconds=10) == Refusal.LIMIT_SECONDS
    for data, name in both(b"a", data=bytes(40 * MIB)):
        assert reason(data, name, artifact_seconds=10, file_bytes=64 * MIB) == Refusal.LIMIT_SECONDS
    assert reason(gzipped(END + bytes(40 * MIB)), "a.tar.gz", artifact_seconds=10) == Refusal.LIMIT_SECONDS
    with pytest.raises(ArchiveError) as caught:
        members(pax(kind=b"g") * 50 + entry(b"a") + END, artifact_seconds=10)
    assert (caught.value.reason, caught.value.entry) == (Refusal.LIMIT_SECONDS, "PaxHeader")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_memory_does_not_grow_with_the_archive(name):
    size = 48 * MIB
    tar = gzip.compress(entry(b"a", bytes(size)) + entry(b"b", bytes(size)) + END, 1)
    data = tar if name == "a.tar.gz" else zipped(Part(b"a", bytes(size), method=8), Part(b"b", bytes(size), method=8))
    limits = Limits(file_bytes=64 * MIB, ratio=10_000)
    tracemalloc.start()
    total = 0
    for one in read_archive(io.BytesIO(data), name, limits=limits):
        total += sum(map(len, one.content)) if not isinstance(one.content, bytes) else 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 2 * size
    assert peak < 4 * MIB


def test_a_declared_size_takes_no_memory():
    for data, name in [
        (header(b"a", size=b"%011o\0" % MIB), "a.tar"),
        (zipped(Part(b"a", b"x", method=8, size=MIB)), "a.zip"),
    ]:
        tracemalloc.start()
        assert reason(data, name) in {Refusal.TRUNCATED, Refusal.ZIP_SIZE}
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MIB // 2


# --- the codes ----------------------------------------------------------------


def test_every_code_is_documented_once_and_every_documented_code_exists():
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(code.value for kind in (Refusal, SkipReason, FlagReason) for code in kind)


def test_codes_are_plain_text():
    assert {type(skip.reason) for skip in reader_skips()} <= {str, SkipReason}
    assert all(re.fullmatch("[a-z0-9-]+", code) for kind in (Refusal, SkipReason, FlagReason) for code in kind)
    assert Kind("file") is Kind.FILE


def reader_skips():
    found = reader(entry(b"../a") + END)
    list(found)
    return found.skips


# --- what is told -------------------------------------------------------------


def test_every_code_of_a_skip_and_of_a_flag_has_a_message():
    told = [*SkipReason, *FlagReason]
    assert len({one.message for one in told}) == len(told)
    assert [Skip(b"a", one.value).message for one in SkipReason] == [one.message for one in SkipReason]
    assert [Flag(b"a", one.value).message for one in FlagReason] == [one.message for one in FlagReason]


def test_every_skip_and_flag_says_where_the_entry_begins():
    names = [b"ok", b"/a", b"b\\", b"con", b"../c"]
    places = {b"/a": 512, b"b\\": 1024, b"con": 1536, b"../c": 2048}
    found = reader(b"".join(map(entry, names)) + header(b"d", kind=b"3") + END)
    for _ in found:
        """Only what is told matters."""
    told = {skip.path: skip.offset for skip in found.skips} | {flag.path: flag.offset for flag in found.flags}
    assert told == {**places, b"d": 2560}
    parts = [Part(b"a"), Part("é".encode()), Part(b"l", b"x" * 5000, attributes=0o120777 << 16), Part(b"p", attributes=0o10644 << 16)]
    found = reader(zipped(*parts), "a.zip")
    for _ in found:
        """As above."""
    begins = [len(b"".join(part.local_record() for part in parts[:number])) for number in range(1, 4)]
    assert [one.offset for one in found.skips] == begins


def test_every_skip_of_the_whole_tree_says_where_the_entry_begins():
    links = [header(b"up", kind=b"2", target=b"../x"), header(b"h", kind=b"1", target=b"gone"), header(b"h2", kind=b"1", target=b"up")]
    twins = [entry(b"A", b"1"), entry(b"a", b"2"), entry(b"a", b"2")]
    found = tree(b"".join([*links, *twins]) + END)
    assert {(one.path, one.offset) for one in found.skips} == {(b"up", 0), (b"h", 512), (b"h2", 1024)}
    assert {(one.path, one.offset) for one in found.flags} == {(b"a", 2560 + 1024), (b"a", 2560)}
    with pytest.raises(ArchiveError) as caught:
        tree(entry(b"a", b"1") + entry(b"a", b"2") + END)
    assert caught.value.offset == 1024
    with pytest.raises(ArchiveError) as caught:
        tree(entry(b"a", b"1") + entry(b"a/b", b"2") + END)
    assert caught.value.offset == 1024
