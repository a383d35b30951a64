"""A verified artifact to a commit: the bytes that every id rests on."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve
from packaging.utils import NormalizedName
from packaging.version import Version

from pydeps_host import Artifact, File, Materialized, Policy, Release, Url, materialize
from pydeps_host.errors import ArchiveError
from pydeps_host.git import PackWriter
from pydeps_host.materializer import FALLBACK_DATE, write_tag
from pydeps_host.testing import Distribution, Item
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.testing import build_wheel as wheel
from pydeps_host.values import Limits, NotedMember
from raw_archives import END, entry, gzipped, header

UPLOADED = datetime(2024, 5, 6, 7, 8, 9, 999_999, tzinfo=UTC)


def release(built: Distribution, uploaded: datetime | None = UPLOADED) -> Release:
    file = File(built.filename, Url.parse(f"https://files.example.com/{built.filename}"), upload_time=uploaded)
    return Release(NormalizedName("sample"), "1.0", Version("1.0"), (file,))


def made(
    built: Distribution, tmp_path: Path, *, uploaded: datetime | None = UPLOADED, policy: Policy | None = None, date: int | None = None
) -> Materialized:
    path = built.into(tmp_path)
    artifact = Artifact(path, built.filename, len(built.data), built.sha256)
    with PackWriter(tmp_path / "made.pack") as pack:
        return materialize(release(built, uploaded), artifact, policy=policy or Policy(), into=pack, date=date)


def fixed() -> Distribution:
    """An artifact whose bytes are the same on every machine: stored, not compressed."""
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, mode, data in (("sample-1.0/setup.py", 0o100644, b"pass\n"), ("sample-1.0/bin/run", 0o100755, b"#!/bin/sh\n")):
            info = zipfile.ZipInfo(path, (2020, 2, 3, 4, 5, 6))
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, data)
    return Distribution("sample", "sample-1.0.zip", buffer.getvalue())


def test_the_first_thousand_skips_are_told_and_all_are_counted(tmp_path):
    one = made(sdist("sample", "1.0", {f".git/{number}": "x" for number in range(1001)}), tmp_path)
    assert (len(one.skips), one.skipped) == (1000, (("dot-git", 1001),))


def test_an_entry_that_the_reader_left_out_and_that_has_the_name_of_a_kept_one_refuses_the_artifact(tmp_path):
    data = gzipped(entry(b"sample-1.0/a", b"x") + header(b"sample-1.0/a", kind=b"6") + END)
    with pytest.raises(ArchiveError, match="left out"):
        made(Distribution("sample", "sample-1.0.tar.gz", data), tmp_path)


def test_the_first_thousand_flags_are_told(tmp_path):
    assert len(made(sdist("sample", "1.0", {f"{number}/aux": "x" for number in range(1001)}), tmp_path).flags) == 1000


def test_the_ids_of_a_commit_and_its_tag_are_golden(tmp_path):
    """These ids never change: docs/format.md explains each byte that they rest on."""
    built = fixed()
    assert built.sha256 == "57fdea00a015a3eb0daf446157048b153f2f4be4b81276bd9faea15369863bf1"
    path = built.into(tmp_path)
    artifact = Artifact(path, built.filename, len(built.data), built.sha256)
    with PackWriter(tmp_path / "golden.pack") as pack:
        one = materialize(release(built), artifact, policy=Policy(), into=pack)
        tag = write_tag(release(built), (one.commit, one.date), tag="v1.0", into=pack)
    assert (one.tree.hex(), one.commit.hex(), tag.hex()) == (
        "6bc59eff23db8118cb78540793bc1a18c927be0a",
        "a4ed4d6707a30c7b15ee264eff12ff7dd94c4715",
        "9a79f00259cbcf6beadfd77fea3f7f09909d8de4",
    )


def test_the_date_is_the_upload_time_else_the_newest_inside_else_fixed(tmp_path):
    built = sdist("sample", "1.0", {"x": "x"}, mtime=1_500_000_000)
    assert made(built, tmp_path / "a").date == int(UPLOADED.timestamp())
    assert made(built, tmp_path / "b", uploaded=None).date == 1_500_000_000
    assert made(sdist("sample", "1.0", {"x": "x"}, mtime=0), tmp_path / "c", uploaded=None).date == FALLBACK_DATE
    assert made(sdist("sample", "1.0", {"x": "x"}, mtime=2**33), tmp_path / "d", uploaded=None).date == FALLBACK_DATE
    assert made(built, tmp_path / "e", date=1_234).date == 1_234


def test_a_commit_is_another_under_another_policy_only(tmp_path):
    built = sdist("sample", "1.0", {"x": "x", "y": b"y" * 100})
    first = made(built, tmp_path / "a")
    assert made(built, tmp_path / "b", policy=Policy(Limits(entries=5000))).commit == first.commit
    other = made(built, tmp_path / "c", policy=Policy(Limits(file_bytes=99)))
    assert other.commit != first.commit
    assert other.skipped == (("file-too-large", 1),)
    assert other.skips == (NotedMember("file-too-large", "sample-1.0/y", 2560),)


def test_a_source_distribution_loses_its_top_folder_and_a_wheel_keeps_its_root(tmp_path):
    from gitting import archive_tree

    for built in (sdist("sample", "1.0", {"a/b.py": "b"}), wheel("sample", "1.0", {"a/b.py": "b"})):
        path = built.into(tmp_path)
        assert "a/b.py" in archive_tree(path)
    flat, nested = wheel("sample", "1.0", {"a/b.py": "b"}), sdist("sample", "1.0", {"a/b.py": "b"})
    assert made(flat, tmp_path / "w").tree != made(nested, tmp_path / "s").tree


def test_a_wheel_s_only_folder_stays(tmp_path):
    whole = fixed()
    as_wheel = Distribution("sample", "sample-1.0-py3-none-any.whl", whole.data)
    assert made(as_wheel, tmp_path / "w").tree != made(whole, tmp_path / "s").tree


def test_an_unsafe_entry_is_skipped_counted_and_named(tmp_path):
    built = sdist("sample", "1.0", {"ok": "ok", "out": Item(link="../../etc/passwd"), ".git/config": "[core]"})
    one = made(built, tmp_path)
    assert dict(one.skipped) == {"dot-git": 1, "link-leaves-tree": 1}


def test_a_refused_archive_leaves_the_pack_as_it_was(tmp_path):
    built = sdist("sample", "1.0", {"x": "x" * 1000})
    cut = evolve(built, data=built.data[:-20])
    path = cut.into(tmp_path)
    with PackWriter(tmp_path / "x.pack") as pack:
        before = pack.mark()
        with pytest.raises(ArchiveError) as caught:
            materialize(release(cut), Artifact(path, cut.filename, len(cut.data), cut.sha256), policy=Policy(), into=pack)
        assert pack.mark() == before
    assert caught.value.filename == cut.filename
    assert caught.value.reason == "truncated"


def test_an_archive_with_nothing_left_gives_the_empty_tree(tmp_path):
    built = Distribution("sample", "sample-1.0.zip", b"PK\x05\x06" + bytes(18))
    assert made(built, tmp_path).tree.hex() == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert hashlib.sha1(b"tree 0\0").hexdigest() == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
