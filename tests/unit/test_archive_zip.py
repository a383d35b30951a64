"""zip files, record by record."""

import calendar
import io
import stat
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from attrs import evolve

from pydeps_host.archive import Kind, Refusal, SkipReason
from pydeps_host.archive.budget import PIECE_BYTES
from pydeps_host.errors import ArchiveError
from raw_archives import Part, contents, deflated, end_record, members, reader, skips, tree, zipped

UTF8 = 1 << 11
STREAMED = 1 << 3


def refusal(data: bytes, **limits: int) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        members(data, "a.zip", **limits)
    return caught.value


def reason(data: bytes, **limits: int) -> str:
    return refusal(data, **limits).reason


def read(data: bytes) -> dict[bytes, object]:
    return contents(data, "a.zip")


def unix(mode: int) -> int:
    return mode << 16


def descriptor(part: Part, *, signed: bool = True, wide: bool = False, off: int = 0) -> bytes:
    crc, packed, size = part.numbers()
    return (b"PK\7\x08" if signed else b"") + struct.pack("<IQQ" if wide else "<III", crc, packed, size + off)


def streamed(*, signed: bool = True, wide: bool = False, off: int = 0, flags: int = STREAMED) -> Part:
    plain = Part(b"a", b"hello", method=8)
    extra = b"\1\0\0\0" if wide else b""
    written = descriptor(plain, signed=signed, wide=wide, off=off)
    return Part(b"a", b"hello", method=8, flags=flags, local=(0, 0, 0), descriptor=written, local_extra=extra)


# --- what is taken ------------------------------------------------------------


def test_stored_and_deflated_members_come_in_the_order_of_their_local_records():
    found = members(zipped(Part(b"b", b"1" * 99), Part(b"a", b"2" * 99, method=8), Part(b"d/")), "a.whl")
    assert [(one.path, one.kind, one.content) for one in found] == [
        (b"b", Kind.FILE, b"1" * 99),
        (b"a", Kind.FILE, b"2" * 99),
        (b"d", Kind.DIRECTORY, b""),
    ]


def test_what_cpython_writes_is_read():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("é/x", b"x" * 10_000)
        archive.mkdir("folder")
        with archive.open("wide", "w", force_zip64=True) as file:
            file.write(b"wide")
    assert read(buffer.getvalue()) == {"é/x".encode(): b"x" * 10_000, b"wide": b"wide"}


def test_what_cpython_writes_to_a_pipe_is_read():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"a" * 100)
        archive.writestr("b", b"b" * 100)
    assert read(pipe.getvalue()) == {b"a": b"a" * 100, b"b": b"b" * 100}


def test_a_local_date_is_read_as_utc_and_no_date_is_none():
    data = zipped(
        Part(b"a", time=(12 << 11 | 30 << 5 | 5, 40 << 9 | 2 << 5 | 29)), Part(b"b", time=(0, 0)), Part(b"c", time=(0xFFFF, 0xFFFF))
    )
    assert [one.mtime for one in members(data, "a.zip")] == [calendar.timegm((2020, 2, 29, 12, 30, 10)), None, None]


@pytest.mark.parametrize(
    ("mode", "system", "executable"), [(0o100755, 3, True), (0o100655, 3, False), (0o755, 3, True), (0o100755, 0, False)]
)
def test_the_owners_bit_makes_a_file_executable_where_unix_wrote_it(mode, system, executable):
    (one,) = members(zipped(Part(b"a", attributes=unix(mode), system=system)), "a.zip")
    assert one.executable is executable


def test_a_symlink_is_one_by_its_unix_attributes():
    (one,) = members(zipped(Part(b"a", b"there", method=8, attributes=unix(stat.S_IFLNK | 0o777))), "a.zip")
    assert (one.kind, one.target, one.content, one.executable) == (Kind.SYMLINK, b"there", b"", False)


def test_a_symlink_of_a_mebibyte_is_skipped_unread():
    part = Part(b"a", b"x" * 1_000_000, method=8, attributes=unix(stat.S_IFLNK | 0o777))
    assert skips(zipped(part), "a.zip") == [(b"a", SkipReason.LINK_TOO_LONG)]


def test_other_unix_types_are_skipped_with_their_payload_checked():
    part = Part(b"a", b"xyz", attributes=unix(stat.S_IFIFO | 0o644))
    assert skips(zipped(part), "a.zip") == [(b"a", SkipReason.DEVICE)]
    assert reason(zipped(Part(b"a", b"xyz", crc=1, attributes=unix(stat.S_IFIFO)))) == Refusal.ZIP_CHECKSUM


@pytest.mark.parametrize(("signed", "wide"), [(True, False), (False, False), (True, True), (False, True)])
@pytest.mark.parametrize("directory_says_so", [True, False])
def test_a_data_descriptor_that_agrees_is_fine(signed, wide, directory_says_so):
    part = streamed(signed=signed, wide=wide)
    data = zipped(part)
    if not directory_says_so:
        place = data.rindex(b"PK\1\2")
        data = data[: place + 8] + b"\0\0" + data[place + 10 :]
    assert read(data) == {b"a": b"hello"}


def test_a_name_beyond_ascii_needs_the_utf_8_flag():
    name = "é".encode()
    assert read(zipped(Part(name, b"x", flags=UTF8))) == {name: b"x"}
    assert skips(zipped(Part(name, b"x")), "a.zip") == [(name, SkipReason.NO_UTF8_FLAG)]


@pytest.mark.parametrize("name", [b"\xff", b"a/\xc0\xaf", b"\xed\xa0\x80"])
def test_a_name_that_is_said_to_be_utf_8_and_is_not_is_refused(name):
    assert reason(zipped(Part(name, b"x", flags=UTF8))) == Refusal.ZIP_FLAGS
    assert skips(zipped(Part(name, b"x")), "a.zip") == [(name, SkipReason.NO_UTF8_FLAG)]


def test_a_skipped_entrys_content_is_checked_all_the_same():
    assert reason(zipped(Part(b"\xff", b"xyz", crc=1))) == Refusal.ZIP_CHECKSUM
    assert reason(zipped(Part(b"../a", b"xyz", crc=1))) == Refusal.ZIP_CHECKSUM


def test_a_unicode_path_that_agrees_is_fine():
    extra = struct.pack("<HHBI", 0x7075, 6, 1, zlib.crc32(b"a")) + b"a"
    assert read(zipped(Part(b"a", b"x", extra=extra, local_extra=extra))) == {b"a": b"x"}


def test_unknown_extra_fields_may_differ_between_the_records():
    assert read(zipped(Part(b"a", b"x", extra=b"UT\5\0\1abcd", local_extra=b"UT\1\0\0ux\0\0"))) == {b"a": b"x"}


def test_a_nested_archive_at_the_end_is_no_second_end_record():
    inner = zipped(Part(b"x", b"y"))
    assert read(zipped(Part(b"inner.zip", inner))) == {b"inner.zip": inner}


def test_a_folder_that_is_deflated_to_nothing_is_a_folder():
    (one,) = members(zipped(Part(b"d/", b"", method=8)), "a.zip")
    assert one.kind is Kind.DIRECTORY


def test_a_folder_that_is_said_to_be_deflated_and_has_no_stream_is_a_folder():
    (one,) = members(zipped(Part(b"d/", b"", method=8, packed=b"")), "a.zip")
    assert one.kind is Kind.DIRECTORY
    assert reason(zipped(Part(b"a", b"", method=8, packed=b""))) == Refusal.TRUNCATED
    assert reason(zipped(Part(b"d/", b"", method=8, packed=b"", crc=1))) == Refusal.ZIP_CHECKSUM


def test_an_archive_of_nothing_is_an_empty_tree():
    assert tree(zipped(), "a.zip").entries == ()


def test_a_comment_is_no_matter():
    assert read(zipped(Part(b"a", b"x"), comment=b"hello\xff")) == {b"a": b"x"}


# --- the end ------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x", b"PK\5\6", zipped(Part(b"a"))[:-1], zipped(Part(b"a")) + b" "])
def test_no_end_or_something_after_it_is_refused(data):
    assert reason(data) in {Refusal.ZIP_END, Refusal.ZIP_SECOND_END}


def test_an_end_record_in_the_comment_of_another_is_refused():
    inner = zipped(Part(b"evil", b"x"))
    assert reason(zipped(Part(b"a", b"x"), comment=inner)) == Refusal.ZIP_SECOND_END
    assert reason(zipped(Part(b"a", b"x"), comment=b"PK\5\6")) == Refusal.ZIP_SECOND_END


def test_an_end_record_whose_comment_would_reach_past_the_file_is_refused():
    fake = end_record(1, 1, 1)[:-2] + b"\xff\xff"
    assert reason(zipped(Part(b"a", fake + b"x"))) == Refusal.ZIP_SECOND_END


def test_an_end_record_in_the_content_that_takes_the_rest_for_its_comment_is_refused():
    fake = end_record(0, 0, 0)[:-2]
    data = zipped(Part(b"a", fake + b"\0\0"))
    rest = len(data) - data.index(fake) - 22
    assert reason(zipped(Part(b"a", fake + rest.to_bytes(2, "little")))) == Refusal.ZIP_SECOND_END


@pytest.mark.parametrize("prefix", [b"X", b"#!/usr/bin/python\n", bytes(512)])
def test_something_before_the_first_entry_is_refused(prefix):
    assert reason(prefix + zipped(Part(b"a", b"x"))) == Refusal.ZIP_GAP
    parts = Part(b"a", b"x")
    moved = prefix + parts.local_record()
    directory = parts.directory_record(len(prefix))
    assert reason(moved + directory + end_record(1, len(directory), len(moved))) == Refusal.ZIP_GAP


def test_a_gap_between_entries_and_before_the_directory_is_refused():
    assert reason(zipped(Part(b"a", b"x"), between=b"gap")) == Refusal.ZIP_GAP
    hidden = Part(b"hidden", b"h").local_record()
    assert reason(zipped(Part(b"a", b"x"), between=hidden)) == Refusal.ZIP_GAP


def test_entries_that_share_bytes_are_refused():
    quoted = Part(b"b", b"hello")
    outer = Part(b"a", quoted.local_record())
    data = outer.local_record()
    directory = outer.directory_record(0) + quoted.directory_record(len(data) - len(quoted.local_record()))
    assert reason(data + directory + end_record(2, len(directory), len(data))) == Refusal.ZIP_OVERLAP
    twice = outer.directory_record(0) + Part(b"c", outer.data).directory_record(0)
    assert reason(data + twice + end_record(2, len(twice), len(data))) == Refusal.ZIP_OVERLAP


@pytest.mark.parametrize("entries", [0, 2])
def test_a_count_that_is_not_the_directorys_is_refused(entries):
    part = Part(b"a", b"x")
    data, directory = part.local_record(), part.directory_record(0)
    assert reason(data + directory + end_record(entries, len(directory), len(data))) == Refusal.ZIP_DIRECTORY


def test_a_record_longer_than_the_directory_is_refused():
    part = Part(b"a", b"x")
    data, directory = part.local_record(), part.directory_record(0)[:-1]
    error = refusal(data + directory + end_record(1, len(directory), len(data)))
    assert (error.reason, error.detail) == (Refusal.ZIP_DIRECTORY, "a record longer than the directory")


def test_several_disks_are_refused():
    data = zipped(Part(b"a"))
    assert reason(data[:-18] + b"\1" + data[-17:]) == Refusal.ZIP_DISKS
    assert reason(zipped(Part(b"a", disk=1))) == Refusal.ZIP_DISKS


# --- ZIP64 --------------------------------------------------------------------


def zip64(*, entries: int = 1, size: int | None = None, record: int = 44, disks: int = 1, moved: int = 0, short: int = 0xFFFF) -> bytes:
    part = Part(b"a", b"x")
    data, directory = part.local_record(), part.directory_record(0)
    place = len(data) + len(directory)
    wide = struct.pack(
        "<4sQHHIIQQQQ", b"PK\6\6", record, 45, 45, 0, 0, entries, entries, len(directory) if size is None else size, len(data)
    )
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, place + moved, disks)
    return data + directory + wide + locator + end_record(short, 0xFFFFFFFF, 0xFFFFFFFF)


def test_a_zip64_end_is_read():
    assert read(zip64()) == {b"a": b"x"}
    assert read(zip64(short=1)) == {b"a": b"x"}


@pytest.mark.parametrize("wrong", [{"record": 45}, {"moved": 1}, {"short": 2}, {"moved": -1}])
def test_a_zip64_end_that_disagrees_is_refused(wrong):
    assert reason(zip64(**wrong)) == Refusal.ZIP_ZIP64


def test_a_zip64_end_with_another_size_or_more_disks_is_refused():
    assert reason(zip64(size=3)) == Refusal.ZIP_GAP
    assert reason(zip64(disks=2)) == Refusal.ZIP_DISKS


@pytest.mark.parametrize(
    "extra", [b"", struct.pack("<HHQ", 1, 8, 5), struct.pack("<HHQQQ", 1, 24, 5, 5, 0), struct.pack("<HHQQI", 1, 20, 5, 5, 0)]
)
def test_a_zip64_field_holds_what_is_left_out_and_no_more(extra):
    wide = struct.pack("<HHQQ", 1, 16, 5, 5)
    part = Part(b"a", b"hello", size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=wide, local_extra=wide)
    assert read(zipped(part)) == {b"a": b"hello"}
    assert reason(zipped(Part(b"a", b"hello", size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=extra, local_extra=wide))) == Refusal.ZIP_ZIP64
    assert reason(zipped(Part(b"a", b"hello", size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=wide, local_extra=extra))) == Refusal.ZIP_ZIP64


def test_a_zip64_field_that_nothing_needs_is_refused():
    assert reason(zipped(Part(b"a", b"hello", extra=struct.pack("<HHQQ", 1, 16, 5, 5)))) == Refusal.ZIP_ZIP64


def test_a_local_record_may_give_its_sizes_twice():
    twice = struct.pack("<HHQQ", 1, 16, 5, 5)
    assert read(zipped(Part(b"a", b"hello", local_extra=twice))) == {b"a": b"hello"}


@pytest.mark.parametrize("sizes", [(5, 6), (6, 5), (0, 0), (5, 5, 0)])
def test_a_local_record_that_gives_other_sizes_in_its_zip64_field_is_refused(sizes):
    extra = struct.pack(f"<HH{len(sizes)}Q", 1, 8 * len(sizes), *sizes)
    assert reason(zipped(Part(b"a", b"hello", local_extra=extra))) == Refusal.ZIP_ZIP64


def test_sizes_that_a_descriptor_gives_are_not_given_twice():
    part = evolve(streamed(wide=True), local_extra=struct.pack("<HHQQ", 1, 16, 0, 0))
    assert reason(zipped(part)) == Refusal.ZIP_ZIP64


# --- records that disagree ----------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        Part(b"a", b"x", local_name=b"b"),
        Part(b"a", b"x", local=(0, 1, 1)),
        Part(b"a", b"x", local=(zlib.crc32(b"x"), 2, 1)),
        Part(b"a", b"x", local=(zlib.crc32(b"x"), 1, 2)),
        Part(b"a", b"x", local=(0, 0, 0)),
    ],
)
def test_local_and_central_records_must_agree(part):
    assert reason(zipped(part)) == Refusal.ZIP_HEADERS_DISAGREE


@pytest.mark.parametrize(("place", "value"), [(6, b"\2\0"), (8, b"\x08\0"), (6, b"\x00\x08")])
def test_local_flags_and_method_must_agree_too(place, value):
    data = bytearray(zipped(Part(b"a", b"x")))
    data[place : place + 2] = value
    assert reason(bytes(data)) == Refusal.ZIP_HEADERS_DISAGREE


def test_a_descriptor_that_only_the_directory_tells_of_is_refused():
    data = bytearray(zipped(streamed()))
    data[6:8] = b"\0\0"
    assert reason(bytes(data)) == Refusal.ZIP_HEADERS_DISAGREE


def test_a_descriptor_that_only_the_directory_tells_of_is_refused_even_where_the_local_record_says_all():
    data = bytearray(zipped(Part(b"a", b"x", flags=STREAMED)))
    data[6:8] = b"\0\0"
    assert reason(bytes(data)) == Refusal.ZIP_HEADERS_DISAGREE


def test_a_directory_that_points_at_no_local_record_is_refused():
    data = bytearray(zipped(Part(b"a", b"x")))
    data[0:4] = b"PK\1\2"
    assert reason(bytes(data)) == Refusal.ZIP_HEADERS_DISAGREE


@pytest.mark.parametrize("part", [streamed(off=1), streamed(signed=False, off=1), streamed(wide=True, off=1)])
def test_a_data_descriptor_that_disagrees_is_refused(part):
    assert reason(zipped(part)) == Refusal.ZIP_DESCRIPTOR


def test_a_wide_descriptor_goes_with_a_zip64_field_and_no_other():
    part = Part(b"a", b"hello", method=8)
    wide = Part(b"a", b"hello", method=8, flags=STREAMED, local=(0, 0, 0), descriptor=descriptor(part, wide=True))
    assert reason(zipped(wide)) == Refusal.ZIP_DESCRIPTOR
    narrow = Part(b"a", b"hello", method=8, flags=STREAMED, local=(0, 0, 0), descriptor=descriptor(part), local_extra=b"\1\0\0\0")
    assert reason(zipped(narrow)) == Refusal.ZIP_DESCRIPTOR


def test_a_missing_descriptor_is_refused():
    assert reason(zipped(Part(b"a", b"hello", method=8, flags=STREAMED, local=(0, 0, 0)))) == Refusal.ZIP_DESCRIPTOR


def test_two_records_of_one_name_are_refused_whatever_they_hold():
    assert reason(zipped(Part(b"a", b"x"), Part(b"a", b"x"))) == Refusal.ZIP_DUPLICATE


# --- records for themselves ---------------------------------------------------


@pytest.mark.parametrize("flags", [1, 1 << 6, 1 << 13, 1 | STREAMED])
def test_encrypted_entries_are_refused(flags):
    assert reason(zipped(Part(b"a", b"x", flags=flags))) == Refusal.ZIP_ENCRYPTED


@pytest.mark.parametrize("bit", [4, 5, 7, 8, 9, 10, 12, 14, 15])
def test_unknown_flags_are_refused(bit):
    assert reason(zipped(Part(b"a", b"x", flags=1 << bit))) == Refusal.ZIP_FLAGS


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 99])
def test_unknown_methods_are_refused(method):
    assert reason(zipped(Part(b"a", b"x", method=method, packed=b"x"))) == Refusal.ZIP_METHOD


@pytest.mark.parametrize("extra", [b"abc", b"ab\1\0", b"ab\0\0abc", struct.pack("<HHB", 0x7075, 1, 1) * 2])
def test_malformed_extra_fields_are_refused(extra):
    wanted = {Refusal.ZIP_EXTRA, Refusal.ZIP_UNICODE_PATH}
    assert reason(zipped(Part(b"a", b"x", extra=extra))) in wanted
    assert reason(zipped(Part(b"a", b"x", local_extra=extra))) in wanted


@pytest.mark.parametrize("name", [b"a", b"b"])
@pytest.mark.parametrize("crc", [zlib.crc32(b"a"), 0])
def test_a_unicode_path_that_disagrees_is_refused_even_where_its_checksum_is_stale(name, crc):
    extra = struct.pack("<HHBI", 0x7075, 6, 1, crc) + name
    if (name, crc) == (b"a", zlib.crc32(b"a")):
        extra = struct.pack("<HHBI", 0x7075, 6, 2, crc) + name
    assert reason(zipped(Part(b"a", b"x", extra=extra))) == Refusal.ZIP_UNICODE_PATH
    assert reason(zipped(Part(b"a", b"x", local_extra=extra))) == Refusal.ZIP_UNICODE_PATH


def test_two_unicode_paths_are_refused_even_where_both_agree():
    extra = struct.pack("<HHBI", 0x7075, 6, 1, zlib.crc32(b"a")) + b"a"
    assert reason(zipped(Part(b"a", b"x", extra=extra * 2))) == Refusal.ZIP_EXTRA


@pytest.mark.parametrize("comment", [b"\xff", b"PK\1\2", b"\0"])
def test_an_entrys_comment_is_plain_text_or_refused(comment):
    assert reason(zipped(Part(b"a", b"x", comment=comment))) == Refusal.ZIP_COMMENT
    assert read(zipped(Part(b"a", b"x", comment=b"just words"))) == {b"a": b"x"}


def test_a_name_with_a_nul_is_refused():
    assert reason(zipped(Part(b"a\0.txt", b"x"))) == Refusal.NAME_NUL
    assert reason(zipped(Part(b"\xff\0.txt", b"x"))) == Refusal.NAME_NUL


@pytest.mark.parametrize(("needed", "taken"), [((46, 0), True), ((46, 3), True), ((47, 0), False), ((42, 2), True), ((43, 2), False)])
def test_an_entry_that_needs_a_version_that_unzip_does_not_have_is_refused(needed, taken):
    data = bytearray(zipped(Part(b"a", b"x")))
    place = data.index(b"PK\1\2")
    data[place + 6 : place + 8] = needed
    if taken:
        assert read(bytes(data)) == {b"a": b"x"}
    else:
        assert reason(bytes(data)) == Refusal.ZIP_METHOD


@pytest.mark.parametrize("system", [1, 2, 5, 12, 13, 16, 17, 18, 30])
def test_a_mode_of_a_system_that_some_readers_take_for_unix_is_refused(system):
    assert reason(zipped(Part(b"a", b"x", system=system, attributes=unix(0o100755)))) == Refusal.ZIP_ATTRIBUTES
    assert read(zipped(Part(b"a", b"x", system=system))) == {b"a": b"x"}


@pytest.mark.parametrize("system", [0, 6, 10, 11, 14, 19])
def test_a_mode_of_a_system_without_modes_makes_nothing_executable(system):
    (one,) = members(zipped(Part(b"a", b"x", system=system, attributes=unix(0o100777))), "a.zip")
    assert (one.kind, one.executable) == (Kind.FILE, False)


def test_what_dos_takes_for_a_disks_label_is_refused():
    assert reason(zipped(Part(b"a", b"x", system=0, attributes=0x08))) == Refusal.ZIP_ATTRIBUTES
    assert read(zipped(Part(b"a", b"x", attributes=unix(0o100644) | 0x08))) == {b"a": b"x"}


@pytest.mark.parametrize("system", [0, 3, 10, 19, 255])
def test_a_folders_attributes_of_dos_on_a_file_are_refused_where_no_mode_of_unix_says_better(system):
    assert reason(zipped(Part(b"a", b"x", system=system, attributes=0x10))) == Refusal.ZIP_FOLDER
    assert read(zipped(Part(b"a", b"x", attributes=unix(0o100644) | 0x10))) == {b"a": b"x"}
    assert read(zipped(Part(b"a/", system=system, attributes=0x10), Part(b"a/b", b"x"))) == {b"a/b": b"x"}


def test_a_mode_in_an_extra_field_alone_is_refused():
    field = struct.pack("<HHIHIHH", 0x756E, 14, 0, 0o100755, 0, 0, 0)
    assert reason(zipped(Part(b"a", b"x", extra=field))) == Refusal.ZIP_ATTRIBUTES
    assert read(zipped(Part(b"a", b"x", extra=field, attributes=unix(0o100755)))) == {b"a": b"x"}


def test_the_reserved_bit_for_which_unzip_forgets_the_mode_is_refused():
    data = bytearray(zipped(Part(b"a", b"x", attributes=unix(0o100755))))
    data[data.index(b"PK\1\2") + 36] = 0x04
    assert reason(bytes(data)) == Refusal.ZIP_ATTRIBUTES
    data[data.index(b"PK\1\2") + 36] = 0x01
    assert read(bytes(data)) == {b"a": b"x"}


@pytest.mark.parametrize("first", [True, False])
def test_a_data_descriptor_beside_a_unicode_path_is_refused_because_unzip_takes_it_for_a_longer_one(first):
    extra = struct.pack("<HHBI", 0x7075, 6, 1, zlib.crc32(b"a")) + b"a"
    named, streamed = Part(b"a", b"x", extra=extra), Part(b"s", b"stream", flags=STREAMED, local=(0, 0, 0))
    streamed = evolve(streamed, descriptor=descriptor(streamed))
    parts = (named, streamed) if first else (streamed, named)
    assert reason(zipped(*parts)) == Refusal.ZIP_UNICODE_PATH
    own = struct.pack("<HHBI", 0x7075, 6, 1, zlib.crc32(b"s")) + b"s"
    assert reason(zipped(evolve(streamed, local_extra=own))) == Refusal.ZIP_UNICODE_PATH


@pytest.mark.parametrize("name", [b"", b"."])
def test_an_entry_without_a_name_is_refused(name):
    assert reason(zipped(Part(name, b"x"))) == Refusal.NAME_EMPTY


@pytest.mark.parametrize(
    "part",
    [
        Part(b"d/", b"payload"),
        Part(b"d/", b"payload", attributes=unix(0o100644)),
        Part(b"d/", b"", attributes=unix(stat.S_IFLNK)),
        Part(b"d", b"", attributes=unix(stat.S_IFDIR | 0o755)),
    ],
)
def test_what_is_a_folder_for_some_readers_and_a_file_for_others_is_refused(part):
    assert reason(zipped(part)) == Refusal.ZIP_FOLDER


# --- content ------------------------------------------------------------------


def test_a_wrong_checksum_is_refused_in_either_method():
    assert reason(zipped(Part(b"a", b"hello", crc=7))) == Refusal.ZIP_CHECKSUM
    assert reason(zipped(Part(b"a", b"hello", crc=7, method=8))) == Refusal.ZIP_CHECKSUM


def test_no_checksum_is_none_where_there_is_content():
    assert reason(zipped(Part(b"a", b"\xd0\x0d\xfa\xce\xcb\x19\x9e\xf0"))) == Refusal.ZIP_CHECKSUM


def test_a_content_that_ends_early_for_a_reader_of_checksums_is_refused():
    short, long = b"abc", b"abc\xe4\x50\x2c\x59"
    assert zlib.crc32(short) == zlib.crc32(long)
    assert reason(zipped(Part(b"s", short), Part(b"l", long))) == Refusal.ZIP_CHECKSUM
    assert read(zipped(Part(b"l", long))) == {b"l": long}


@pytest.mark.parametrize("size", [4, 6, 0xFFFFFFF0])
def test_a_size_that_the_content_has_not_is_refused(size):
    assert reason(zipped(Part(b"a", b"hello", method=8, size=size))) in {Refusal.ZIP_SIZE, Refusal.LIMIT_UNPACKED}


def test_a_stored_entry_has_one_size():
    assert reason(zipped(Part(b"a", b"hello", size=4))) == Refusal.ZIP_SIZE


def test_bytes_after_the_deflate_stream_are_refused():
    assert reason(zipped(Part(b"a", b"hello", method=8, packed=deflated(b"hello") + b"x"))) == Refusal.STREAM_TRAILING
    large = b"x" * 3_000_000
    assert reason(zipped(Part(b"a", large, method=8, packed=deflated(large) + bytes(70_000)))) == Refusal.STREAM_TRAILING


def test_a_cut_or_broken_deflate_stream_is_refused():
    assert reason(zipped(Part(b"a", b"hello", method=8, packed=deflated(b"hello")[:-1]))) == Refusal.TRUNCATED
    assert reason(zipped(Part(b"a", b"hello", method=8, packed=b"\xff\xff"))) == Refusal.STREAM_MALFORMED
    assert reason(zipped(Part(b"d/", b"", method=8, packed=b"\xff"))) == Refusal.STREAM_MALFORMED


def test_a_bomb_is_cut_where_its_size_ends():
    bomb = Part(b"a", b"0" * 50_000_000, method=8, size=10, crc=1)
    data = zipped(bomb)
    tracemalloc.start()
    error = refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (error.reason, error.entry, error.offset) == (Refusal.ZIP_SIZE, "a", 0)
    assert peak < 2_000_000


def test_a_last_match_that_needs_no_more_input_is_inflated_whole():
    """The piece that is asked for may end inside a match whose bits are all read."""
    for size in (PIECE_BYTES - 3, PIECE_BYTES, PIECE_BYTES + 3, 2 * PIECE_BYTES + 100):
        assert read(zipped(Part(b"a", b"z" * size, method=8))) == {b"a": b"z" * size}


@pytest.mark.parametrize(
    ("names", "limits", "why"),
    [
        ((b"a", b"b" * 10), {"path_bytes": 9}, Refusal.LIMIT_PATH),
        ((b"a", b"b" * 10), {"paths_bytes": 10}, Refusal.LIMIT_PATHS),
    ],
)
def test_names_of_the_directory_are_charged_before_the_first_entry_is_read(names, limits, why):
    """Else a directory of 65,535 bytes a name would be in memory before its first name is refused."""
    found = iter(reader(zipped(*map(Part, names)), "a.zip", **limits))
    with pytest.raises(ArchiveError) as caught:
        next(found)
    assert caught.value.reason == why


@pytest.mark.parametrize(
    ("sizes", "what"), [(4, "another checksum than the directory says"), (5, "more sizes of one checksum than chance brings")]
)
def test_a_checksum_that_more_sizes_have_than_chance_brings_is_refused(sizes, what):
    """Each entry would be looked through once for each of them."""
    with pytest.raises(ArchiveError, match=what) as caught:
        members(zipped(*(Part(b"%d" % size, b"x" * size, crc=1) for size in range(1, sizes + 1))), "a.zip")
    assert caught.value.reason == Refusal.ZIP_CHECKSUM


def test_an_entry_of_the_directory_is_let_go_once_it_was_read():
    data = zipped(*(Part(b"%0200d" % number) for number in range(2000)))
    tracemalloc.start()
    try:
        found = iter(reader(data, "a.zip"))
        next(found)
        begin = end = tracemalloc.get_traced_memory()[0]
        for _ in found:
            end = tracemalloc.get_traced_memory()[0]
        assert begin - end > 2000 * 200
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [b"a;1", b"a;", b"d/a;12", b";1"])
def test_a_version_that_unzip_takes_off_a_name_is_refused(name):
    assert reason(zipped(Part(name, b"x"))) == Refusal.ZIP_NAME_VERSION


@pytest.mark.parametrize("name", [b"d;1/a", b"a;b", b"a;1.txt"])
def test_a_semicolon_elsewhere_in_a_name_is_kept(name):
    assert list(contents(zipped(Part(name, b"x")), "a.zip")) == [name]


@pytest.mark.parametrize(("kind", "why"), [(0x6C78, Refusal.ZIP_ATTRIBUTES), (0x9901, Refusal.ZIP_ENCRYPTED)])
def test_an_extra_field_that_changes_what_an_entry_is_for_some_is_refused(kind, why):
    extra = struct.pack("<HHBHI", kind, 7, 5, 0x031E, 0o120777 << 16)
    assert reason(zipped(Part(b"a", b"x", local_extra=extra))) == why
    assert reason(zipped(Part(b"a", b"x", extra=extra))) == why


@pytest.mark.parametrize("system", [0, 10])
@pytest.mark.parametrize("form", [0o120777, 0o20644])
def test_a_link_or_a_device_of_a_system_that_has_none_is_refused(system, form):
    assert reason(zipped(Part(b"a", b"x", attributes=form << 16, system=system))) == Refusal.ZIP_ATTRIBUTES
    # CPython on Windows writes this.
    assert list(contents(zipped(Part(b"a", b"x", attributes=0o100644 << 16, system=system)), "a.zip")) == [b"a"]


@pytest.mark.parametrize("ahead", [b"hello", b"x" * (PIECE_BYTES - 6), b"PK\7\x08" * 3, b""])
def test_stored_content_that_looks_as_if_it_ended_is_refused_where_its_length_comes_after_it(ahead):
    def told(data: bytes) -> bytes:
        return b"PK\7\x08" + struct.pack("<III", zlib.crc32(data), len(data), len(data))

    data = ahead + told(ahead) + Part(b"evil", b"EVIL").local_record()
    assert reason(zipped(Part(b"a", data, flags=8, local=(0, 0, 0), descriptor=told(data)))) == Refusal.ZIP_DESCRIPTOR
    assert contents(zipped(Part(b"a", data, flags=8, descriptor=told(data))), "a.zip") == {b"a": data}
    other = ahead + told(ahead + b"?") + b"rest"
    assert contents(zipped(Part(b"a", other, flags=8, local=(0, 0, 0), descriptor=told(other))), "a.zip") == {b"a": other}


@pytest.mark.parametrize(
    ("skipped", "kept"),
    [
        (Part(b"../a", b"evil"), Part(b"a", b"good")),
        (Part(b"/a", b"evil"), Part(b"a", b"good")),
        (Part(b"a\x01", b"evil"), Part(b"a", b"good")),
        (Part(b"d\\a", b"evil", system=0), Part(b"d/a", b"good")),
        (Part(b"\x82", b"evil"), Part("é".encode(), b"good", flags=1 << 11)),
    ],
)
def test_a_skipped_entry_that_others_write_over_a_kept_one_is_refused(skipped, kept):
    for parts in ((skipped, kept), (kept, skipped)):
        with pytest.raises(ArchiveError) as caught:
            tree(zipped(*parts), "a.zip")
        assert caught.value.reason == Refusal.DUPLICATE


@pytest.mark.parametrize("place", [-18, -16])
def test_the_plain_end_record_beside_a_zip64_one_names_no_other_disk(place):
    data = bytearray(zip64())
    data[place] = 1
    assert reason(bytes(data)) == Refusal.ZIP_DISKS


@pytest.mark.parametrize("order", [1, -1])
def test_a_unicode_path_in_one_local_record_alone_and_a_descriptor_in_another_are_refused(order):
    told = struct.pack("<HHBI", 0x7075, 5 + 1, 1, zlib.crc32(b"e")) + b"e"
    streamed = Part(b"o", b"x", flags=STREAMED, local=(0, 0, 0))
    parts = [Part(b"e", local_extra=told), evolve(streamed, descriptor=descriptor(streamed))][::order]
    assert reason(zipped(*parts)) == Refusal.ZIP_UNICODE_PATH
    assert list(read(zipped(Part(b"e", local_extra=told)))) == [b"e"]
