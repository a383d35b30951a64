"""The readers against archives that others made to fool readers: a verdict for each."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from pydeps_host.archive import Entry, Kind, Layout, Member, layout, read_archive
from pydeps_host.errors import ArchiveError
from readers import disagreements

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora"
TABLE = Path(__file__).with_name("archive_verdicts.tsv")
SUFFIXES = {".zip", ".tar", ".whl"}
# Its label calls either of the two names a vulnerability; the record's name is what POSIX says.
EITHER_IS_VULNERABLE = {"malo/tar/iffy/pax_path_nonzero_fixed.tar"}

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the folder of archives that others published, ../shared/corpora, is absent")


@frozen
class Row:
    archive: str
    verdict: str
    what: str
    skips: str
    why: str


def rows() -> list[Row]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return [Row(*fields) for fields in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


@frozen
class Read:
    members: list[tuple[Member, bytes]]
    layout: Layout
    skips: list[str]


def read(archive: str) -> Read:
    path = CORPORA / archive
    with path.open("rb") as file:
        reader = read_archive(file, path.name)
        members = [(member, content(member)) for member in reader]
    entries = [entry(member, data) for member, data in members]
    found = layout(entries, strip=False, filename=path.name, left_out=reader.skips)
    return Read(members, found, [skip.reason for skip in (*reader.skips, *found.skips)])


def content(member: Member) -> bytes:
    return member.content if isinstance(member.content, bytes) else b"".join(member.content)


def entry(member: Member, data: bytes) -> Entry:
    if member.kind is Kind.FILE:
        return Entry(member.path, member.kind, member.executable, hashlib.sha256(data).digest())
    return Entry(member.path, member.kind, member.executable, b"", member.target or None)


def written(one: Entry) -> str:
    return one.path.decode() + ("@" if one.kind is Kind.SYMLINK else "*" if one.executable else "")


def labels() -> list[str]:
    found = sorted(path for path in CORPORA.rglob("*.json")) if CORPORA.is_dir() else []
    return [str(path.relative_to(CORPORA)) for path in found]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.archive)
def test_an_archive_gets_the_verdict_of_the_table(row):
    if row.verdict == "refuse":
        with pytest.raises(ArchiveError) as caught:
            read(row.archive)
        assert caught.value.reason == row.what
        return
    result = read(row.archive)
    assert " ".join(written(one) for one in result.layout.entries) == row.what.replace("-", "", row.what == "-")
    assert " ".join(result.skips) == row.skips.replace("-", "", row.skips == "-")


def test_every_archive_has_one_row_and_every_row_an_archive():
    there = sorted(str(path.relative_to(CORPORA)) for path in CORPORA.rglob("*") if path.suffix in SUFFIXES)
    assert [row.archive for row in rows()] == there


def test_a_verdict_other_than_the_folders_says_why():
    for row in rows():
        differs = (row.verdict == "accept") is not ("/accept/" in row.archive)
        assert row.why.startswith("override") is differs, row


@pytest.mark.parametrize("label", labels())
def test_no_label_of_a_fooled_reader_fits(label):
    archive = next(str(Path(label).with_suffix(suffix)) for suffix in SUFFIXES if (CORPORA / label).with_suffix(suffix).exists())
    said = json.loads((CORPORA / label).read_text())
    try:
        result = read(archive)
    except ArchiveError:
        assert "/accept/" not in label
        return
    shown = [described(member, data) for member, data in result.members]
    if archive not in EITHER_IS_VULNERABLE:
        assert not any(fits(one, wanted) for one in shown for wanted in said.get("vulnerable_when", ()))
    for wanted in said.get("vulnerable_when_not", ()):
        assert any(fits(one, wanted) for one in shown)
    # Outside `accept` a label may give a digest that its own archive does not have (pax_duplicate_name).
    if "expected" in said and "/accept/" in label:
        assert [{**one, "member": one["member"].rstrip("/")} for one in said["expected"]] == shown


def described(member: Member, data: bytes) -> dict[str, Any]:
    one: dict[str, Any] = {"member": member.path.decode(), "type": member.kind.value}
    if member.kind is Kind.SYMLINK:
        one["linkname"] = member.target.decode()
    if member.kind is Kind.FILE:
        one |= {"size": member.size, "sha256": hashlib.sha256(data).hexdigest()}
    return one


def fits(one: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(one.get(key) == value for key, value in wanted.items())


@pytest.mark.needs("tar")
@pytest.mark.needs("unzip")
@pytest.mark.parametrize("row", [row for row in rows() if row.verdict == "accept"], ids=lambda row: row.archive)
def test_what_is_accepted_is_what_cpython_gnu_tar_and_unzip_read(row, tmp_path):
    assert disagreements(CORPORA / row.archive, tmp_path) == ()
