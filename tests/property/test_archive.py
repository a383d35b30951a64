"""Archives at random, and valid ones broken at random."""

import bz2
import gzip
import hashlib
import io
import lzma
import random
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pydeps_host.archive import Entry, Kind, Layout, layout, read_archive
from pydeps_host.errors import ArchiveError
from raw_archives import END, Part, entry, header, pax, record, zipped

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar": bytes,
}

Tree = dict[bytes, tuple[str, bytes, bool]]


def ours(data: bytes, filename: str) -> tuple[Tree, bool]:
    """Every kept file and link as (kind, digest or target, executable), and whether nothing was skipped."""
    reader = read_archive(io.BytesIO(data), filename)
    entries = []
    for one in reader:
        content = one.content if isinstance(one.content, bytes) else b"".join(one.content)
        assert len(content) == one.size
        entries.append(
            Entry(
                one.path, one.kind, one.executable, hashlib.sha256(content).digest() if one.kind is Kind.FILE else b"", one.target or None
            )
        )
    found = layout(entries, strip=False)
    return tree_of(found), not reader.skips and not found.skips


def tree_of(found: Layout) -> Tree:
    return {one.path: (one.kind.value, one.id if one.kind is Kind.FILE else one.target or b"", one.executable) for one in found.entries}


def cpython(data: bytes, filename: str) -> Tree:
    return of_zip(data) if filename.endswith((".zip", ".whl")) else of_tar(data)


def of_tar(data: bytes) -> Tree:
    tree: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for info in archive:
            path = b"/".join(part for part in info.name.encode("utf-8", "surrogateescape").split(b"/") if part not in {b"", b"."})
            if info.issym():
                tree[path] = ("symlink", info.linkname.encode("utf-8", "surrogateescape"), False)
            elif info.isreg():
                tree[path] = ("file", digest(archive, info), info.mode & 0o100 != 0)
            elif info.islnk():
                name = info.linkname.encode("utf-8", "surrogateescape")
                target = b"/".join(part for part in name.split(b"/") if part not in {b"", b"."})
                if target in tree:
                    tree[path] = tree[target]
    return tree


def digest(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    assert file is not None
    return hashlib.sha256(file.read()).digest()


def of_zip(data: bytes) -> Tree:
    tree: Tree = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            path = b"/".join(part for part in info.filename.encode().split(b"/") if part not in {b"", b"."})
            mode = info.external_attr >> 16 if info.create_system == 3 else 0
            if mode & 0o170000 == 0o120000:
                tree[path] = ("symlink", archive.read(info), False)
            elif not info.is_dir():
                tree[path] = ("file", hashlib.sha256(archive.read(info)).digest(), mode & 0o100 != 0)
    return tree


# --- valid archives -----------------------------------------------------------

component = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
path = st.lists(component, min_size=1, max_size=4).map("/".join)
files = st.dictionaries(path, st.tuples(st.binary(max_size=1500), st.booleans()), max_size=8)


@SETTINGS
@given(files, st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]), st.sampled_from(sorted(COMPRESSIONS)))
def test_what_tarfile_writes_is_refused_or_read_as_tarfile_reads_it(contents, form, suffix):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, (data, executable) in contents.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), 0o755 if executable else 0o644, 1.5
            try:
                archive.addfile(info, io.BytesIO(data))
            except ValueError:
                """ustar has no room for the name."""
    agrees(COMPRESSIONS[suffix](buffer.getvalue()), "a" + suffix)


@SETTINGS
@given(files, st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_what_zipfile_writes_is_refused_or_read_as_zipfile_reads_it(contents, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, (data, executable) in contents.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr, info.compress_type = 3, (0o100755 if executable else 0o100644) << 16, method
            archive.writestr(info, data)
    agrees(buffer.getvalue(), "a.zip")


def agrees(data: bytes, filename: str) -> bool:
    """Where we accept an archive, CPython reads the same of it."""
    try:
        found, whole = ours(data, filename)
    except ArchiveError:
        return False
    theirs = cpython(data, filename)
    assert found.items() <= theirs.items()
    if whole:
        assert found == theirs
    return True


# --- broken archives ----------------------------------------------------------


def a_tar() -> bytes:
    data = entry(b"p/a.txt", b"hello") + header(b"p/d/", kind=b"5") + entry(b"p/run", b"x" * 600, mode=b"0000755\0")
    data += pax(record(b"path", "p/é".encode()), record(b"mtime", b"1.5")) + entry(b"p/e", b"pax")
    data += entry(b"././@LongLink", b"p/" + b"n" * 120 + b"\0", kind=b"L") + entry(b"p/nnn", b"gnu")
    data += header(b"p/link", kind=b"2", target=b"a.txt") + header(b"p/hard", kind=b"1", target=b"p/a.txt")
    return data + pax(record(b"comment", b"c"), kind=b"g") + entry(b"p/z") + END


def a_zip() -> bytes:
    streamed = Part(b"s", b"streamed" * 9, method=8)
    crc, packed, size = streamed.numbers()
    written = b"PK\7\x08" + b"".join(number.to_bytes(4, "little") for number in (crc, packed, size))
    wide = b"\1\0\x10\0" + (5).to_bytes(8, "little") * 2
    return zipped(
        Part(b"d/"),
        Part(b"d/a.txt", b"hello", attributes=0o100755 << 16),
        Part(b"b", b"b" * 500, method=8, extra=b"UT\1\0\0", local_extra=b"UT\2\0\0\0"),
        Part(b"s", b"streamed" * 9, method=8, flags=8, local=(0, 0, 0), descriptor=written),
        Part("é".encode(), b"flag", flags=1 << 11),
        Part(b"w", b"wide!", size=0xFFFFFFFF, packed_size=0xFFFFFFFF, extra=wide, local_extra=wide),
        Part(b"l", b"b", attributes=0o120777 << 16),
        comment=b"a comment",
    )


SEEDS = {
    "a.tar": a_tar(),
    "a.tar.gz": gzip.compress(a_tar(), mtime=0),
    "b.tar.gz": gzip.compress(a_tar()[:1000], mtime=0) + gzip.compress(a_tar()[1000:], mtime=0),
    "a.tar.bz2": bz2.compress(a_tar()),
    "a.tar.xz": lzma.compress(a_tar()),
    "a.zip": a_zip(),
}
ROUNDS = {"a.tar": 3000, "a.zip": 3000, "a.tar.gz": 800, "b.tar.gz": 400, "a.tar.bz2": 150, "a.tar.xz": 300}


def broken(data: bytes, chance: random.Random) -> bytes:
    """An archive with something cut out, doubled, moved or flipped."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        place, other = chance.randrange(len(changed) + 1), chance.randrange(len(changed) + 1)
        length = chance.choice((1, 2, 4, 8, 22, 46, 100, 512, 1024))
        match chance.randrange(7):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1 if changed:
                changed[place % len(changed)] ^= 1 << chance.randrange(8)
            case 2:
                del changed[place : place + length]
            case 3:
                changed[place:place] = changed[other : other + length]
            case 4:
                changed[place : place + length] = changed[other : other + length]
            case 5:
                value = chance.choice((b"\0", b"\xff", b"7", b" ", b"/", b"PK\5\6", b"PK\1\2", b"\x80"))
                changed[place : place + len(value)] = value
            case _:
                del changed[place:]
    return bytes(changed)


def with_sums(data: bytes) -> bytes:
    """A broken tar file whose headers have right checksums again, so that more of it is looked at."""
    blocks = bytearray(data)
    for begin in range(0, len(blocks) - 511, 512):
        if bytes(blocks[begin + 257 : begin + 262]) == b"ustar":
            blocks[begin + 148 : begin + 156] = b" " * 8
            blocks[begin + 148 : begin + 156] = b"%06o\0 " % sum(blocks[begin : begin + 512])
    return bytes(blocks)


@pytest.mark.parametrize("filename", sorted(SEEDS))
def test_a_broken_archive_is_refused_with_one_error_or_read_as_cpython_reads_it(filename):
    chance = random.Random(f"archives {filename}")
    accepted = 0
    for _ in range(ROUNDS[filename]):
        data = broken(SEEDS[filename], chance)
        if filename == "a.tar" and chance.random() < 0.8:
            data = with_sums(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            accepted += agrees(data, filename)
    assert agrees(SEEDS[filename], filename)
    if filename in {"a.tar", "a.zip"}:
        assert accepted


@SETTINGS
@given(st.binary(max_size=2000), st.sampled_from(sorted(SEEDS)))
def test_any_bytes_are_refused_or_read(data, filename):
    try:
        ours(data, filename)
    except ArchiveError as error:
        assert error.filename == filename


@SETTINGS
@given(st.binary(max_size=600))
def test_a_header_of_any_bytes_with_a_right_checksum_is_refused_or_read(noise):
    chance = random.Random(noise)
    block = bytearray(header(b"name", size=3))
    for byte in noise[:12]:
        block[chance.randrange(512)] = byte
    data = with_sums(bytes(block) + b"abc".ljust(512, b"\0") + END)
    try:
        found, whole = ours(data, "a.tar")
    except ArchiveError:
        return
    if whole and found:
        assert found == of_tar(data)


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
    part = Part(b"a", data, method=8, packed=bytes(packed))
    try:
        ours(zipped(part), "a.zip")
    except ArchiveError:
        assert not sound or (data and not zlib.crc32(data))
    else:
        assert sound


# --- trees --------------------------------------------------------------------

names = st.sampled_from(["a", "b", "A", "c"])
targets = st.lists(st.sampled_from(["a", "b", "c", "..", ".", "A"]), min_size=1, max_size=5).map("/".join)
places = st.lists(names, min_size=1, max_size=3).map("/".join)
entries = st.lists(st.one_of(st.tuples(places, st.just("")), st.tuples(places, targets)), max_size=8)


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
