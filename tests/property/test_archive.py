"""Archives of any shape, and any bytes; the fuzzer breaks archives (test_archive_fuzz.py)."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pydeps_host.archive import Entry, Kind, Layout, Skip, SkipReason, layout
from pydeps_host.errors import ArchiveError
from raw_archives import END, Part, header, zipped
from readers import judged, ours

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def needs_programs(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that asks the programs that readers.py starts."""
    for program in ("tar", "gzip", "bzip2", "xz", "unzip"):
        test = pytest.mark.needs(program)(test)
    return test


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar": bytes,
}


def agrees(data: bytes, filename: str) -> bool:
    """Tell whether we accept an archive; where we do, CPython and its program must read the same of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / filename
        path.write_bytes(data)
        try:
            mine = ours(path)
        except ArchiveError as error:
            assert error.filename == filename
            return False
        assert judged(path, mine, Path(folder)) == ()
    return True


# --- valid archives -----------------------------------------------------------

component = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
path = st.lists(component, min_size=1, max_size=4).map("/".join)
short = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)
places = st.one_of(path, short)
files = st.tuples(st.just("file"), st.binary(max_size=1500), st.booleans())
links = st.tuples(st.sampled_from(["symlink", "hardlink"]), places)
nodes = st.one_of(files, files, links, st.just(("folder",)))
shapes = st.lists(st.tuples(places, nodes), max_size=8)

TYPES = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "folder": tarfile.DIRTYPE}


@needs_programs
@SETTINGS
@given(shapes, st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]), st.sampled_from(sorted(COMPRESSIONS)))
def test_what_tarfile_writes_is_refused_or_read_as_cpython_and_gnu_tar_read_it(shape, form, suffix):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, (kind, *rest) in shape:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime, content = TYPES.get(kind, tarfile.REGTYPE), 0o755, 1.5, b""
            if kind == "file":
                content, executable = rest
                info.size, info.mode = len(content), 0o755 if executable else 0o644
            elif rest:
                (info.linkname,) = rest
            try:
                archive.addfile(info, io.BytesIO(content))
            except ValueError:
                """ustar has no room for the name."""
    agrees(COMPRESSIONS[suffix](buffer.getvalue()), "a" + suffix)


@needs_programs
@SETTINGS
@given(shapes, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_zipfile_writes_is_refused_or_read_as_cpython_and_unzip_read_it(shape, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, (kind, *rest) in shape:
            info = zipfile.ZipInfo(name + "/" * (kind == "folder"))
            content, mode = b"", 0o040755
            if kind == "file":
                content, executable = rest
                mode = 0o100755 if executable else 0o100644
            elif rest:
                content, mode = rest[0].encode(), 0o120777
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, method
            archive.writestr(info, content)
    agrees(buffer.getvalue(), "a.zip")


# --- broken archives ----------------------------------------------------------


@needs_programs
@SETTINGS
@given(st.binary(max_size=2000), st.sampled_from([*sorted(COMPRESSIONS), ".zip"]))
def test_any_bytes_are_refused_or_read(data, suffix):
    agrees(data, "a" + suffix)


@needs_programs
@SETTINGS
@given(st.binary(max_size=600))
def test_a_header_of_any_bytes_with_a_right_checksum_is_refused_or_read(noise):
    chance = random.Random(noise)
    block = bytearray(header(b"name", size=3))
    for byte in noise[:12]:
        block[chance.randrange(512)] = byte
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    agrees(bytes(block) + b"abc".ljust(512, b"\0") + END, "a.tar")


@needs_programs
@SETTINGS
@given(st.binary(min_size=1, max_size=300), st.integers(0, 2000), st.integers(0, 255))
def test_a_deflate_stream_is_what_zlib_says_it_is(content, place, value):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bytearray(packer.compress(content * 3) + packer.flush())
    packed[place % len(packed)] = value
    try:
        inflater = zlib.decompressobj(-15)
        data = inflater.decompress(bytes(packed))
        sound = inflater.eof and not inflater.unused_data
    except zlib.error:
        data, sound = b"", False
    accepted = agrees(zipped(Part(b"a", data, method=8, packed=bytes(packed))), "a.zip")
    # Content without a checksum is refused as well.
    assert accepted == (sound and bool(zlib.crc32(data) or not data))


# --- trees --------------------------------------------------------------------

names = st.sampled_from(["a", "b", "A", "c"])
targets = st.lists(st.sampled_from(["a", "b", "c", "..", ".", "A"]), min_size=1, max_size=5).map("/".join)
spots = st.lists(names, min_size=1, max_size=3).map("/".join)
entries = st.lists(st.one_of(st.tuples(spots, st.just("")), st.tuples(spots, targets)), max_size=8)


@settings(SETTINGS, max_examples=250)
@given(entries)
def test_no_link_that_is_kept_leads_out_of_the_tree_on_a_real_disk(given_entries):
    made = [
        Entry(place.encode(), Kind.SYMLINK, False, b"l", target.encode()) if target else Entry(place.encode(), Kind.FILE, False, b"f")
        for place, target in given_entries
    ]
    try:
        found = layout(made, strip=False)
    except ArchiveError:
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "tree"
        root.mkdir()
        for one in found.entries:
            place = root / one.path.decode()
            place.parent.mkdir(parents=True, exist_ok=True)
            if one.kind is Kind.SYMLINK and one.target is not None:
                place.symlink_to(one.target.decode())
            else:
                place.write_bytes(one.id)
        for one in found.entries:
            place = root / one.path.decode()
            assert place.resolve().is_relative_to(root)
            if one.kind is Kind.SYMLINK and one.target is not None:
                assert Path(shortened(place.parent, one.target.decode())).is_relative_to(root)


def shortened(folder: Path, target: str) -> str:
    """Where a reader that goes by the text alone takes a link to lead."""
    parts = list(folder.parts)
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return str(Path(*parts))


# Names that some file systems take for one another, and folders among them.
_ANY = st.sampled_from(["a", "b", "A", "ab", "é", "e\u0301", "É", "ß", "ss"])
_PATHS = st.lists(_ANY, min_size=1, max_size=4).map("/".join)


@settings(SETTINGS, max_examples=400)
@given(st.lists(st.tuples(_PATHS, st.booleans()), max_size=7), st.booleans(), st.booleans())
def test_the_short_way_through_a_plain_tree_gives_what_the_long_one_gives(given_paths, strip, below):
    top = "top/" if below else ""
    made = [
        Entry(f"{top}{path}".encode(), Kind.DIRECTORY if folder else Kind.FILE, id=b"" if folder else b"f" * 20, offset=number)
        for number, (path, folder) in enumerate(given_paths)
    ]
    # Whatever was left out, wherever it was, leads the long way.
    elsewhere = Skip(b"elsewhere", SkipReason.DEVICE)
    assert outcome(made, strip=strip) == outcome(made, elsewhere, strip=strip)


def outcome(made: list[Entry], *left_out: Skip, strip: bool) -> Layout | tuple[str, str | None]:
    try:
        return layout(made, strip=strip, left_out=left_out)
    except ArchiveError as refused:
        return refused.reason, refused.entry
