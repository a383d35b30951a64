"""Bombs: archives that cost more than they weigh are refused in time, and none takes more memory or time than its size allows."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from gzip import decompress
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from attrs import field, frozen

import bombs
import zip_bombs
from pydeps_host.archive import Refusal
from pydeps_host.values import Limits
from quines import gzip_quine, zip_quine
from raw_archives import contents

READER = Path(__file__).parents[1] / "bomb_reader.py"
# What is asked of every bomb, and of those whose names alone may have 64 MiB, or 100,000 of which are read before the first is looked at.
MEMORY_MIB = 64
NAMES_MIB = 80
OVERSHOOT = 64 * 1024
STRETCH = 2.6
WIDE = {"unpacked_bytes": 2**40, "ratio": 10**9, "artifact_seconds": 3600}
Maker = Callable[[BinaryIO, int], None]


@frozen
class Bomb:
    """One bomb: how it is made, how large, and what becomes of it.

    Attributes:
        filename: What it is called.
        make: Writes it, so many times as large.
        times: How large.
        reason: Why it is refused; None where it is taken.
        half: How large it is where its time is taken, for the smaller of two; 0 where it is refused at its first bytes.
        raised: Limits that are raised for that, so that it is read to its end.
        memory: How many MiB it may take.
    """

    filename: str
    make: Maker
    times: int
    reason: Refusal | None
    half: int = 0
    raised: dict[str, int] = field(factory=dict)
    memory: int = MEMORY_MIB


def tar(runs: Callable[..., Any], compress: Callable[..., None] = bombs.gzip, **options: Any) -> Maker:
    return lambda out, times: compress(out, runs(times, **options))


def of(names: Callable[[int], Any], runs: Callable[[Any], Any] = bombs.files) -> Maker:
    return lambda out, times: bombs.gzip(out, runs(names(times)))


def zips(names: Callable[[int], Any]) -> Maker:
    return lambda out, times: zip_bombs.files(out, names(times))


def written(data: Callable[[], bytes]) -> Maker:
    return lambda out, times: bombs.plain(out, [(data(), times)])


GZ, BZ2, XZ, TAR, ZIP = "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar", "a.zip"
FOLDERS = {"folders": 10**8, "paths_bytes": 2**40}
PATHS = {"paths_bytes": 2**40}
MEMBERS = {"compressed_members": 10**8}
# 640 times 16 MiB are 10 GiB.
BOMBS = {
    "10 GB in one member": Bomb(GZ, tar(bombs.one_member), 640, Refusal.LIMIT_UNPACKED, 2, WIDE),
    "10 GB in one member, bzip2": Bomb(BZ2, tar(bombs.one_member, bombs.bzip2), 640, Refusal.LIMIT_UNPACKED, 1, WIDE),
    "10 GB in one member, xz": Bomb(XZ, tar(bombs.one_member, bombs.xz), 640, Refusal.LIMIT_UNPACKED, 1, WIDE),
    "2 GB in many members": Bomb(GZ, tar(bombs.many_members), 150, Refusal.LIMIT_UNPACKED, 2, WIDE),
    "4 GB in many members, bzip2": Bomb(BZ2, tar(bombs.many_members, bombs.bzip2), 300, Refusal.LIMIT_UNPACKED, 1, WIDE),
    "4 GB in many members, xz": Bomb(XZ, tar(bombs.many_members, bombs.xz), 300, Refusal.LIMIT_UNPACKED, 1, WIDE),
    "10 GB behind the end": Bomb(GZ, tar(bombs.padding), 640, Refusal.LIMIT_UNPACKED, 2, WIDE),
    "10 GB behind the end, bzip2": Bomb(BZ2, tar(bombs.padding, bombs.bzip2), 640, Refusal.LIMIT_UNPACKED, 1, WIDE),
    "10 GB behind the end, xz": Bomb(XZ, tar(bombs.padding, bombs.xz), 640, Refusal.LIMIT_UNPACKED, 1, WIDE),
    "10 GB in an extended header": Bomb(GZ, tar(bombs.extension, kind=b"x"), 640, Refusal.LIMIT_HEADER),
    "10 GB in a global header": Bomb(GZ, tar(bombs.extension, kind=b"g"), 640, Refusal.LIMIT_HEADER),
    "10 GB in a long name": Bomb(GZ, tar(bombs.extension, kind=b"L"), 640, Refusal.LIMIT_HEADER),
    "10 GB in a long link": Bomb(GZ, tar(bombs.extension, kind=b"K"), 640, Refusal.LIMIT_HEADER),
    "large extended headers": Bomb(GZ, tar(bombs.large_extensions), 1000, Refusal.LIMIT_UNPACKED, 150, WIDE),
    "extended headers of many records": Bomb(GZ, tar(bombs.many_records), 20, None, 5, WIDE),
    "extended headers in a chain": Bomb(GZ, tar(bombs.entry_headers), 100_000, Refusal.TAR_EXTENSION_ORDER),
    "global headers in a chain": Bomb(GZ, tar(bombs.global_headers), 100_000, Refusal.LIMIT_HEADER),
    "empty global headers": Bomb(GZ, tar(bombs.empty_global_headers), 200_000, Refusal.LIMIT_UNPACKED, 10_000, WIDE),
    "gzip quine": Bomb(GZ, written(gzip_quine), 1, Refusal.TRUNCATED),
    "zip quine": Bomb(ZIP, written(zip_quine), 1, None),
    "empty gzip members": Bomb(GZ, bombs.gzip_members, 1_000_000, Refusal.LIMIT_MEMBERS, 10_000, MEMBERS),
    "empty bzip2 streams": Bomb(BZ2, bombs.bzip2_members, 1_000_000, Refusal.LIMIT_MEMBERS, 10_000, MEMBERS),
    "empty xz streams": Bomb(XZ, bombs.xz_members, 1_000_000, Refusal.LIMIT_MEMBERS, 10_000, MEMBERS),
    "100,000 files in 12 million folders, tar": Bomb(GZ, of(bombs.deep_names), 100_000, Refusal.LIMIT_FOLDERS, 300, FOLDERS),
    "100,000 files in 12 million folders, zip": Bomb(ZIP, zips(bombs.deep_names), 100_000, Refusal.LIMIT_FOLDERS, 300, FOLDERS),
    "long names, tar": Bomb(GZ, of(bombs.long_names), 20_000, Refusal.LIMIT_PATHS, 1500, PATHS, NAMES_MIB),
    "long names, zip": Bomb(ZIP, zips(bombs.long_names), 17_000, Refusal.LIMIT_PATHS, 1500, PATHS, NAMES_MIB),
    "long names within the limit, tar": Bomb(GZ, of(bombs.long_names), 7_000, None),
    "long names within the limit, zip": Bomb(ZIP, zips(bombs.long_names), 7_000, None),
    "long names that are skipped, tar": Bomb(GZ, of(bombs.absolute_names), 10_000, None, 2000),
    "long names that are skipped, zip": Bomb(ZIP, zips(bombs.absolute_names), 16_000, None, 4000, memory=NAMES_MIB),
    "an xz dictionary of 1.5 GiB": Bomb(XZ, partial(bombs.xz_dictionary, code=37), 4, Refusal.LIMIT_MEMORY),
    "an xz dictionary of 64 MiB": Bomb(XZ, partial(bombs.xz_dictionary, code=28), 3, None),
    "many entries, tar": Bomb(GZ, of(bombs.tiny_names), 60_000, None, 4000),
    "many entries, zip": Bomb(ZIP, zips(bombs.tiny_names), 60_000, None, 4000),
    "many files of different content, tar": Bomb(GZ, tar(bombs.distinct_files), 60_000, None, 4000),
    "many files of different content, zip": Bomb(ZIP, zip_bombs.distinct, 60_000, None, 4000),
    "10 million entries in the directory": Bomb(ZIP, zip_bombs.directory, 10_000_000, Refusal.LIMIT_ENTRIES),
    "10 million entries told": Bomb(ZIP, partial(zip_bombs.directory, told=10_000_000), 1, Refusal.LIMIT_ENTRIES),
    "names of 65,535 bytes": Bomb(ZIP, zip_bombs.long_records, 5000, Refusal.LIMIT_PATH),
    "one checksum for all": Bomb(ZIP, zip_bombs.one_checksum, 11_000, Refusal.ZIP_CHECKSUM),
    "a directory backwards": Bomb(ZIP, zip_bombs.backwards, 60_000, None, 4000),
    "10 GB in one file, zip": Bomb(ZIP, zip_bombs.one, 640, Refusal.LIMIT_UNPACKED, 2, WIDE),
    "10 GB in many files, zip": Bomb(ZIP, zip_bombs.zeros, 700, Refusal.LIMIT_UNPACKED, 2, WIDE),
    "10 GB said to be 1 MB": Bomb(ZIP, partial(zip_bombs.one, told=10**6), 640, Refusal.ZIP_SIZE),
    "10 GB said to be 50 MB": Bomb(ZIP, partial(zip_bombs.one, told=50 * 10**6), 640, Refusal.ZIP_SIZE),
    "16 MB said to be 2 to the 63rd": Bomb(ZIP, partial(zip_bombs.one, told=2**63), 1, Refusal.LIMIT_UNPACKED),
    "full overlap": Bomb(ZIP, zip_bombs.full_overlap, 3, Refusal.ZIP_OVERLAP),
    "full overlap to 160 GB": Bomb(ZIP, zip_bombs.full_overlap, 10_000, Refusal.LIMIT_UNPACKED),
    "quoted overlap": Bomb(ZIP, zip_bombs.quoted_overlap, 3, Refusal.ZIP_OVERLAP),
    "quoted overlap to 4 GB": Bomb(ZIP, zip_bombs.quoted_overlap, 250, Refusal.LIMIT_UNPACKED),
    "overlap quoted by extra fields": Bomb(ZIP, zip_bombs.extra_overlap, 3, Refusal.ZIP_OVERLAP),
    "overlap quoted by extra fields to 4 GB": Bomb(ZIP, zip_bombs.extra_overlap, 250, Refusal.LIMIT_UNPACKED),
    "names that differ in case": Bomb(GZ, of(bombs.cases), 60_000, None, 5000),
    "folders below names that differ in case": Bomb(GZ, of(bombs.cases_above), 500, None, 100),
    "hard links": Bomb(GZ, tar(bombs.hard_links), 60_000, None, 4000),
    "symlinks in a row": Bomb(GZ, of(bombs.chain, bombs.symlinks), 60_000, None, 5000),
    "symlinks in a row, backwards": Bomb(GZ, of(bombs.chain_backwards, bombs.symlinks), 60_000, None, 5000),
    "symlinks that double": Bomb(GZ, of(bombs.doubling, bombs.symlinks), 60_000, None, 5000),
    "symlinks through one": Bomb(GZ, of(bombs.through_one, bombs.symlinks), 10_000, None, 1000),
    "symlinks to nowhere": Bomb(GZ, of(bombs.to_nowhere, bombs.symlinks), 1000, None, 200),
    "symlinks up and down": Bomb(GZ, of(bombs.up_and_down, bombs.symlinks), 500, None, 100),
    "a .gitmodules of blanks": Bomb(GZ, tar(bombs.gitmodules), 10**6, None),
}  # fmt: skip


def test_an_archive_that_holds_itself_is_read_once():
    whole = zip_quine()
    assert contents(whole, ZIP) == {b"r.zip": whole}
    assert decompress(gzip_quine()) == gzip_quine()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_as_it_must_within_its_limits_its_memory_and_its_time(name, tmp_path):
    bomb = BOMBS[name]
    found = cost(tmp_path, bomb)
    assert found["code"] == bomb.reason
    assert found["produced"] <= found["allowance"] + OVERSHOOT
    assert found["grown"] <= bomb.memory
    if bomb.half:
        once, twice = undisturbed(found["timed"], lambda: cost(tmp_path, bomb)["timed"])
        assert twice <= STRETCH * once


def undisturbed(timed: list[float], again: Callable[[], list[float]]) -> list[float]:
    """The times of one run; of another one, as often as three times, where other work on the machine may have come between."""
    for _ in range(3):
        if timed[1] <= STRETCH * timed[0]:
            break
        timed = again()
    return timed


def cost(folder: Path, bomb: Bomb) -> dict[str, Any]:
    """Make a bomb, and smaller ones to be timed, and have them read in a process of its own."""
    full, *timed = (written_to(folder, bomb, times) for times in (bomb.times, bomb.half, 2 * bomb.half) if times)
    asked = {"file": str(full), "filename": bomb.filename, "limits": {}, "timed": list(map(str, timed)), "raised": bomb.raised, "times": 3}
    told = subprocess.run([sys.executable, str(READER), json.dumps(asked)], capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(told)
    return {**found, "allowance": Limits().unpacked_allowance(full.stat().st_size)}


def written_to(folder: Path, bomb: Bomb, times: int) -> Path:
    path = folder / f"{times}-{bomb.filename}"
    with path.open("wb") as out:
        bomb.make(out, times)
    return path
