"""tar files, header by header."""

import gzip
import io
import tarfile

import pytest

from pydeps_host.archive import Kind, Refusal, SkipReason
from pydeps_host.errors import ArchiveError
from raw_archives import END, contents, entry, header, members, padded, pax, reader, record, skips, tree

GNU = {"magic": b"ustar  \0"}
V7 = {"magic": b"", "major": b"", "minor": b""}


def refusal(data: bytes, **limits: int) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        members(data, "a.tar", **limits)
    return caught.value


def reason(data: bytes, **limits: int) -> str:
    return refusal(data, **limits).reason


# --- what is taken ------------------------------------------------------------


def test_a_member_says_all_that_its_header_says():
    (one,) = members(entry(b"a/b.txt", b"hello", mode=b"0000755\0", mtime=b"%011o\0" % 1_600_000_000) + END)
    assert (one.path, one.kind, one.executable, one.size, one.mtime, one.offset) == (b"a/b.txt", Kind.FILE, True, 5, 1_600_000_000, 0)
    assert one.content == b"hello"


@pytest.mark.parametrize(("mode", "executable"), [(b"0000100\0", True), (b"0000755\0", True), (b"0000655\0", False), (b"0000011\0", False)])
def test_only_the_owners_bit_makes_a_file_executable(mode, executable):
    (one,) = members(entry(b"run", mode=mode) + END)
    assert one.executable is executable


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_cpython_writes_in_any_format_is_read(form):
    long = "d" * 60 + "/" + "e" * 80 + ".py"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in (("short.py", b"1"), (long, b"2" * 600), ("empty", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, long if form != tarfile.USTAR_FORMAT else "short.py"
        archive.addfile(link)
    assert contents(buffer.getvalue()) == {b"short.py": b"1", long.encode(): b"2" * 600, b"empty": b""}
    assert members(buffer.getvalue())[-1].target == link.linkname.encode()


def test_a_checksum_that_is_right_but_for_a_turn_of_adler_32_is_wrong():
    """Adler-32, which sums the bytes, begins anew at 65,521: bytes of ASCII do not get there, others do."""
    name, fields = b"\xff" * 100, {"target": b"\xff" * 100, "owner": b"\xff" * 32, "group": b"\xff" * 32}
    right = int(header(name, **fields)[148:154], 8)
    assert right > 65521
    assert skips(entry(name, **fields) + END) == [(name, SkipReason.NOT_UTF8)]
    assert reason(entry(name, checksum=b"%06o\0 " % (right - 65521), **fields) + END) == Refusal.TAR_CHECKSUM


def test_a_v7_archive_has_folders_by_a_slash_and_no_magic():
    data = entry(b"d/", kind=b"\0", **V7) + entry(b"d/f", b"x", kind=b"\0", **V7) + END
    assert [(one.path, one.kind) for one in members(data)] == [(b"d", Kind.DIRECTORY), (b"d/f", Kind.FILE)]


def test_a_ustar_prefix_goes_before_the_name():
    assert list(contents(entry(b"f", b"x", prefix=b"a/b") + END)) == [b"a/b/f"]


def test_long_gnu_names_and_targets_replace_the_headers_own():
    data = entry(b"././@LongLink", b"long-name\0", kind=b"L", **GNU) + entry(b"././@LongLink", b"long-target\0", kind=b"K", **GNU)
    (one,) = members(data + header(b"short", kind=b"2", target=b"t", **GNU) + END)
    assert (one.path, one.target) == (b"long-name", b"long-target")


def test_pax_records_give_path_target_and_time():
    data = pax(record(b"path", "é".encode()), record(b"linkpath", b"there"), record(b"mtime", b"12.75"), record(b"uid", b"5"))
    (one,) = members(data + header(b"x", kind=b"2", target=b"y") + END)
    assert (one.path, one.target, one.mtime) == ("é".encode(), b"there", 12)


def test_a_global_time_holds_until_an_entry_has_its_own():
    data = pax(record(b"mtime", b"0"), record(b"comment", b"c"), kind=b"g") + entry(b"a") + pax(record(b"mtime", b"7")) + entry(b"b") + END
    assert [one.mtime for one in members(data)] == [0, 7]


def test_a_time_that_makes_no_sense_is_none():
    assert [one.mtime for one in members(entry(b"a", mtime=b"\xff" * 12) + END)] == [None]
    assert [one.mtime for one in members(pax(record(b"mtime", b"-1.5")) + entry(b"a") + END)] == [None]
    assert [one.mtime for one in members(pax(record(b"mtime", b"9" * 18)) + entry(b"a") + END)] == [None]


@pytest.mark.parametrize("value", [b"soon", b"", b" 1", b"1e9", b".5", b"inf", b"nan", b"--1", b"9" * 19, b"1 "])
@pytest.mark.parametrize("key", [b"mtime", b"atime", b"ctime"])
@pytest.mark.parametrize("kind", [b"x", b"g"])
def test_a_time_for_which_gnu_tar_fails_is_refused(key, value, kind):
    assert reason(pax(record(key, value), kind=kind) + entry(b"a") + END) == Refusal.PAX_RECORD


@pytest.mark.parametrize("value", [b"x", b"", b"-1", b"1.5", b" 1", b"4294967296", b"9" * 20])
@pytest.mark.parametrize("key", [b"uid", b"gid"])
def test_a_user_number_for_which_gnu_tar_fails_is_refused(key, value):
    assert reason(pax(record(key, value)) + entry(b"a") + END) == Refusal.PAX_RECORD
    assert list(contents(pax(record(key, b"4294967294")) + entry(b"a") + END)) == [b"a"]


@pytest.mark.parametrize("key", [b" path", b"\tpath"])
def test_a_key_that_gnu_tar_takes_for_another_is_refused(key):
    assert reason(pax(record(key, b"q")) + entry(b"a") + END) == Refusal.PAX_RECORD


@pytest.mark.parametrize(
    "fields",
    [
        {"uid": b" " * 8},
        {"gid": b"       \0"},
        {"uid": b"\x80\0\0\1\0\0\0\0"},
        {"gid": b"\xff" * 8},
        {"mtime": b" " * 12},
        {"mtime": b"\x80" + b"\xff" * 11},
        {"mtime": b"\xff\0" + b"\xff" * 10},
        {"kind": b"3", "minor": b"\x80" + b"\xff" * 7},
        {"kind": b"4", "major": b"       \0"},
    ],
    ids=repr,
)
def test_a_number_for_which_gnu_tar_fails_is_refused(fields):
    assert reason(header(b"a", **fields) + END) == Refusal.TAR_FIELD


def test_a_number_of_no_device_may_be_blank():
    assert list(contents(entry(b"a", major=b"       \0", minor=b" " * 8) + END)) == [b"a"]


def test_a_device_without_a_name_is_refused():
    for name in (b"", b"."):
        assert reason(header(name, kind=b"6") + END) == Refusal.NAME_EMPTY


@pytest.mark.parametrize("target", [b"a/", b"a/."])
def test_a_hard_link_to_the_name_of_a_folder_is_skipped(target):
    assert skips(entry(b"a") + header(b"b", kind=b"1", target=target) + END) == [(b"b", SkipReason.HARD_LINK_MISSING)]


@pytest.mark.parametrize("uid", [b"\x80\0\0\0\0\x7f\xff\xff", b"\0" * 8, b"    100 "])
def test_user_numbers_may_be_blank_or_large(uid):
    assert list(contents(entry(b"a", uid=uid) + END)) == [b"a"]


def test_a_size_may_be_written_to_the_base_256():
    assert contents(header(b"a", size=b"\x80" + bytes(10) + b"\x03") + padded(b"xyz") + END) == {b"a": b"xyz"}


def test_a_checksum_of_signed_characters_is_one_too():
    block = header("é".encode())
    signed = sum(byte - 256 if byte > 127 else byte for byte in block[:148] + block[156:]) + 256
    assert list(contents(header("é".encode(), checksum=b"%06o\0 " % signed) + END)) == ["é".encode()]


@pytest.mark.parametrize("name", [b"./a", b"a", b".//a", b"././a"])
def test_dots_and_doubled_slashes_are_no_part_of_a_path(name):
    assert list(contents(entry(name, b"x") + END)) == [b"a"]


def test_the_root_itself_is_no_member():
    assert members(entry(b"./", kind=b"5") + entry(b"./a") + END)[0].path == b"a"


def test_hard_links_name_a_path_of_the_tree():
    one = members(entry(b"a", b"x") + header(b"b", kind=b"1", target=b"./a") + END)[1]
    assert (one.kind, one.target) == (Kind.HARDLINK, b"a")


@pytest.mark.parametrize("kind", [b"3", b"4", b"6"])
def test_devices_are_skipped(kind):
    assert skips(header(b"dev", kind=kind) + entry(b"a") + END) == [(b"dev", SkipReason.DEVICE)]


def test_offsets_are_where_headers_begin():
    assert [one.offset for one in members(entry(b"a", b"x" * 513) + entry(b"b") + END)] == [0, 1536]


# --- what is refused ----------------------------------------------------------


def test_every_refusal_says_which_entry_and_where():
    error = refusal(entry(b"a") + header(b"b\x1b", kind=b"5", size=3) + END)
    assert (error.filename, error.reason, error.entry, error.offset) == ("a.tar", Refusal.TAR_PAYLOAD, "b\\x1b", 512)


def test_a_checksum_is_summed_in_full_where_the_sum_is_large():
    full = {"owner": b"\xff" * 32, "group": b"\xff" * 32, "target": b"\xff" * 100, "prefix": b"\xff" * 150}
    block = header(b"a", **full)
    total = sum(block[:148] + block[156:]) + 256
    assert total > 65_521 + 4096
    assert [why for _, why in skips(block + END)] == [SkipReason.NOT_UTF8]
    assert reason(header(b"a", **full, checksum=b"%06o\0 " % (total - 65_521)) + END) == Refusal.TAR_CHECKSUM


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_a_payload_where_the_type_has_none_is_refused(kind):
    assert reason(header(b"a", kind=kind, size=512, target=b"t") + header(b"hidden") + END) == Refusal.TAR_PAYLOAD


@pytest.mark.parametrize("kind", [b"7", b"A", b"D", b"V", b"M", b"N", b"X", b"Z", b" "])
def test_unknown_types_are_refused(kind):
    assert reason(header(b"a", kind=kind) + END) == Refusal.TAR_TYPE


def test_sparse_files_are_refused_in_either_format():
    assert reason(header(b"a", kind=b"S", **GNU) + END) == Refusal.TAR_SPARSE
    assert reason(pax(record(b"GNU.sparse.major", b"1")) + entry(b"a") + END) == Refusal.TAR_SPARSE


def test_a_wrong_checksum_is_refused():
    block = bytearray(header(b"a"))
    block[0] ^= 1
    assert reason(bytes(block) + END) == Refusal.TAR_CHECKSUM


@pytest.mark.parametrize("field", ["mode", "uid", "gid", "major", "minor", "checksum"])
@pytest.mark.parametrize("value", [b"0000_644", b"+0000644", b"0x000644", b"0000648\0", b"1\0000001\0"])
def test_a_field_that_is_no_octal_number_is_refused(field, value):
    assert reason(header(b"a", **{field: value}) + END) == Refusal.TAR_FIELD


@pytest.mark.parametrize(
    "size", [b"0000000000 1", b"\0" + b"00000000001", b"            ", b"-0000000001\0", b"\xff" * 12, b"\xfe" + bytes(11)]
)
def test_a_size_that_readers_read_differently_is_refused(size):
    assert reason(header(b"a", size=size) + padded(b"x") + END) == Refusal.TAR_FIELD


def test_a_size_beyond_all_sense_is_a_limit_and_no_memory():
    assert reason(header(b"a", size=b"\x80" + b"\xff" * 11)) == Refusal.LIMIT_UNPACKED


@pytest.mark.parametrize("fields", [{**GNU, "prefix": b"p"}, {**V7, "prefix": b"p"}, {"magic": b"ustar\x0001"}, {"magic": b"tar    \0"}])
def test_a_dialect_that_readers_read_differently_is_refused(fields):
    assert reason(header(b"a", **fields) + END) == Refusal.TAR_DIALECT


def test_headers_with_and_without_a_magic_do_not_mix():
    assert reason(entry(b"a") + entry(b"b", **V7) + END) == Refusal.TAR_DIALECT


@pytest.mark.parametrize("name", [b"", b"."])
def test_an_entry_without_a_name_is_refused(name):
    assert reason(header(name) + END) == Refusal.NAME_EMPTY
    assert reason(header(name, kind=b"5") + END) == Refusal.NAME_EMPTY


def test_a_prefix_without_a_name_is_no_name():
    assert reason(header(b"", prefix=b"dir", kind=b"5") + END) == Refusal.NAME_EMPTY


@pytest.mark.parametrize("kind", [b"0", b"1", b"2"])
def test_a_slash_at_the_end_of_a_files_name_is_refused(kind):
    assert reason(header(b"a/", kind=kind, target=b"t") + END) == Refusal.NAME_TRAILING_SLASH
    assert reason(header(b".a/", kind=kind, target=b"t") + END) == Refusal.NAME_TRAILING_SLASH


@pytest.mark.parametrize(
    "data",
    [
        b"010 path=h\n",
        b"10 path=h",
        b"8 path=h\n",
        b"11 path=h\n",
        b"+10 path=h\n",
        b"10  path=h\n",
        b"x",
        b"99999999999999999999 path=h\n",
        b"6 pat\n",
        b"5 =a\n",
        record(b"pa\0h", b"h"),
        record(b"path", b"\0"),
        record(b"path", b""),
        record(b"path", b"h") + b"\0",
        record(b"size", b"x"),
        record(b"size", b"-1"),
        record(b"size", b"1" * 20),
    ],
)
def test_malformed_pax_records_are_refused(data):
    assert reason(header(b"P", size=len(data), kind=b"x") + padded(data) + entry(b"a", b"x") + END) == Refusal.PAX_RECORD


def test_two_records_of_one_key_are_refused():
    assert reason(pax(record(b"path", b"a"), record(b"path", b"a")) + entry(b"a") + END) == Refusal.PAX_DUPLICATE


@pytest.mark.parametrize("records", [(record(b"hdrcharset", b"BINARY"),), (record(b"path", b"\xff"),), (record(b"linkpath", b"\xc0\xaf"),)])
def test_names_outside_utf_8_are_refused_in_pax(records):
    assert reason(pax(*records) + entry(b"a") + END) == Refusal.PAX_CHARSET


def test_the_standards_own_charset_is_taken():
    assert list(contents(pax(record(b"hdrcharset", b"ISO-IR 10646 2000 UTF-8")) + entry(b"a") + END)) == [b"a"]


@pytest.mark.parametrize("key", [b"path", b"linkpath", b"size"])
def test_a_global_header_must_not_name_or_measure_every_entry(key):
    assert reason(pax(record(key, b"1"), kind=b"g") + entry(b"a") + END) == Refusal.PAX_GLOBAL


def test_two_sizes_are_refused_and_one_said_twice_is_not():
    assert reason(pax(record(b"size", b"3")) + entry(b"a", b"hello") + END) == Refusal.TAR_SIZES_DISAGREE
    assert contents(pax(record(b"size", b"5")) + entry(b"a", b"hello") + END) == {b"a": b"hello"}


@pytest.mark.parametrize("name", [b"../a", b"/a", b"C:a", b"x\\..\\a", b"\\a"])
def test_a_short_name_that_climbs_under_a_long_one_that_does_not_is_refused(name):
    assert reason(pax(record(b"path", b"safe")) + entry(name) + END) == Refusal.TAR_NAMES_DISAGREE
    long = entry(b"././@LongLink", b"safe\0", kind=b"L")
    assert reason(long + entry(name) + END) == Refusal.TAR_NAMES_DISAGREE
    target = pax(record(b"linkpath", b"safe"))
    assert reason(target + header(b"a", kind=b"2", target=name) + END) == Refusal.TAR_NAMES_DISAGREE


def test_a_target_that_climbs_in_both_is_only_long():
    data = pax(record(b"linkpath", b"../" + b"x" * 120)) + header(b"a", kind=b"2", target=b"../" + b"x" * 97) + END
    assert members(data)[0].target == b"../" + b"x" * 120


X, G, L, K = (
    pax(record(b"comment", b"c")),
    pax(record(b"comment", b"c"), kind=b"g"),
    entry(b"L", b"n\0", kind=b"L"),
    entry(b"K", b"t\0", kind=b"K"),
)


@pytest.mark.parametrize("data", [X + X, X + G, L + L, K + K, X + L, L + X, X + K, K + X, L + G, L + K + L])
def test_extended_headers_in_an_order_that_readers_differ_on_are_refused(data):
    assert reason(data + entry(b"a") + END) == Refusal.TAR_EXTENSION_ORDER


@pytest.mark.parametrize("data", [X, G, L, K])
def test_an_extended_header_without_an_entry_is_refused(data):
    assert reason(data + END) == Refusal.TAR_EXTENSION_ORDER


@pytest.mark.parametrize("name", [b"", b"\0", b"a\0b\0", b"a\0\0"])
def test_a_long_name_ends_with_its_header(name):
    assert reason(entry(b"L", name, kind=b"L") + entry(b"a") + END) == Refusal.TAR_LONG_NAME


@pytest.mark.parametrize(
    ("kind", "why"), [(b"x", Refusal.PAX_RECORD), (b"g", Refusal.PAX_RECORD), (b"L", Refusal.TAR_LONG_NAME), (b"K", Refusal.TAR_LONG_NAME)]
)
def test_an_extended_header_has_nothing_behind_its_end(kind, why):
    """CPython would read `10 path=h` from behind a PAX header, and a long name to its NUL."""
    data = record(b"comment", b"c") if kind in {b"x", b"g"} else b"name"
    assert reason(header(b"P", size=len(data), kind=kind) + (data + b"10 path=h\n").ljust(512, b"\0") + entry(b"a") + END) == why


@pytest.mark.parametrize("data", [b"19 mtime=1234567.5\n"[:-1], b"18 mtime=1234567.5\n", b"20 mtime=1234567.5\n", b"19 mtime=1234567.5 \n"])
def test_a_header_that_tells_a_time_alone_is_checked_like_any_other(data):
    assert reason(header(b"P", size=len(data), kind=b"x") + padded(data) + entry(b"a") + END) == Refusal.PAX_RECORD


def test_a_header_that_tells_a_time_alone_has_nothing_behind_its_end():
    time = record(b"mtime", b"1234567.5")
    (found,) = members(pax(time) + entry(b"a") + END)
    assert found.mtime == 1_234_567
    behind = (time + b"10 path=h\n").ljust(512, b"\0")
    assert reason(header(b"P", size=len(time), kind=b"x") + behind + entry(b"a") + END) == Refusal.PAX_RECORD


def test_what_stands_beside_a_time_counts():
    (found,) = members(pax(record(b"mtime", b"1234567.5"), record(b"path", b"b")) + entry(b"a") + END)
    assert (found.path, found.mtime) == (b"b", 1_234_567)


# --- how it ends --------------------------------------------------------------


def test_data_after_the_end_is_refused_and_zeros_are_not():
    assert reason(entry(b"a") + END + entry(b"b")) == Refusal.TAR_TRAILING
    assert reason(entry(b"a") + bytes(512) + entry(b"b") + END) == Refusal.TAR_TRAILING
    assert reason(entry(b"a") + END + b"x") == Refusal.TAR_TRAILING
    assert list(contents(entry(b"a") + bytes(20 * 512 + 7))) == [b"a"]


def test_a_compressed_archive_may_just_stop_and_a_plain_one_may_not():
    assert list(contents(gzip.compress(entry(b"a")), "a.tar.gz")) == [b"a"]
    assert list(contents(entry(b"a") + bytes(512))) == [b"a"]
    assert reason(entry(b"a")) == Refusal.TAR_END_MISSING


def test_nothing_at_all_is_no_archive_and_an_end_alone_is_an_empty_one():
    with pytest.raises(ArchiveError):
        members(gzip.compress(b""), "a.tar.gz")
    assert reason(b"") == Refusal.TAR_END_MISSING
    assert members(END) == []
    assert tree(END).entries == ()


@pytest.mark.parametrize("cut", [1, 511, 513, 600, 1023])
def test_a_cut_archive_is_refused(cut):
    assert reason((entry(b"a", b"hello") + END)[:cut]) == Refusal.TRUNCATED


def test_many_zeros_after_the_end_are_charged_as_content_is():
    data = gzip.compress(entry(b"a") + bytes(5 * 1024 * 1024))
    with pytest.raises(ArchiveError) as caught:
        members(data, "a.tar.gz", ratio_free_bytes=1024, ratio=1)
    assert caught.value.reason == Refusal.LIMIT_UNPACKED


# --- limits of headers --------------------------------------------------------


def test_an_extended_header_is_at_most_256_kib():
    assert reason(pax(record(b"comment", b"x" * (256 * 1024))) + entry(b"a") + END) == Refusal.LIMIT_HEADER
    assert list(contents(pax(record(b"comment", b"x" * (256 * 1024 - 64))) + entry(b"a") + END)) == [b"a"]


def test_global_headers_are_at_most_1_mib_together():
    part = pax(record(b"comment", b"x" * (400 * 1024)), kind=b"g")
    assert list(contents(part * 2 + entry(b"a") + END)) == [b"a"]
    assert reason(part * 3 + entry(b"a") + END) == Refusal.LIMIT_HEADER


def test_empty_extended_headers_without_end_are_charged():
    found = reader(gzip.compress(pax(kind=b"g") * 3000 + entry(b"a") + END), "a.tar.gz", ratio_free_bytes=1024 * 1024, ratio=1)
    with pytest.raises(ArchiveError) as caught:
        list(found)
    assert caught.value.reason == Refusal.LIMIT_UNPACKED


@pytest.mark.parametrize("long", ["x", "L"])
@pytest.mark.parametrize(("short", "agreed"), [(b"a/", b"b"), (b"a", b"b/")])
def test_an_old_header_is_a_folders_by_both_of_its_names_or_by_neither(short, agreed, long):
    hidden = entry(b"evil", b"EVIL")
    extended = pax(record(b"path", agreed)) if long == "x" else entry(b"././@LongLink", agreed + b"\0", kind=b"L")
    assert reason(extended + header(short, size=len(hidden), kind=b"\0") + hidden + END) == Refusal.TAR_NAMES_DISAGREE
    both = pax(record(b"path", b"b/")) + header(b"a/", kind=b"\0")
    assert [one.kind for one in members(both + END)] == [Kind.DIRECTORY]


@pytest.mark.parametrize(("key", "value"), [(b"SCHILY.realsize", b"2"), (b"SUN.holesdata", b" 0 2")])
def test_other_programs_sparse_files_are_refused_too(key, value):
    assert reason(pax(record(key, value)) + entry(b"a", b"hello") + END) == Refusal.TAR_SPARSE


def test_a_header_of_star_has_a_shorter_prefix_than_ustars():
    long = b"p" * 131 + b"7" * 24
    assert reason(header(b"a", prefix=long + bytes(8) + b"tar\0") + END) == Refusal.TAR_DIALECT
    assert [one.path for one in members(header(b"a", prefix=b"p" * 130 + bytes(33) + b"tar\0") + END)] == [b"p" * 130 + b"/a"]
    assert [one.path for one in members(header(b"a", prefix=long) + END)] == [long + b"/a"]
