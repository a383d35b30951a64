"""The fuzzer's minute, and whether those that it asks are awake."""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import fuzz_archives
from fuzz_archives import GROWTH, Consensus, Plan, Tally, case, fuzz, warmed
from raw_archives import END, Part, entry, gzipped, header, pax, record, zipped
from readers import Disagreement, Node, Ours, Seen, cpython, disagreements, gnu_tar, judged, ours, unzip

# One run is always the same, another one never: its number is in the message where it fails.
SEEDS = [1, random.SystemRandom().randrange(1 << 32)]


def fuzzed(plan: Plan, consensus: Consensus | None = None) -> Tally:
    tally = warmed(plan.seed)
    for _ in fuzz(plan, tally, consensus):
        """The tally says what came of it."""
    assert not tally.failures, "\n".join(map(str, tally.failures))
    assert tally.growth < GROWTH
    assert tally.runs
    return tally


# xdist and the like want the same names in every process.
@pytest.mark.parametrize("seed", SEEDS, ids=["fixed", "random"])
def test_a_broken_archive_is_refused_with_our_error_in_little_time_and_memory(seed):
    tally = fuzzed(Plan(seed, runs=40_000, seconds=12))
    assert tally.accepted > tally.runs // 10, tally


@pytest.mark.parametrize("seed", SEEDS, ids=["fixed", "random"])
@pytest.mark.needs("tar")
@pytest.mark.needs("gzip")
@pytest.mark.needs("bzip2")
@pytest.mark.needs("xz")
@pytest.mark.needs("unzip")
def test_what_is_accepted_reads_the_same_to_cpython_gnu_tar_and_unzip(seed, tmp_path):
    tally = fuzzed(Plan(seed, start=1_000_000, seconds=14), Consensus(tmp_path))
    assert tally.judged > tally.runs // 10, tally


def test_a_seed_and_a_number_give_the_same_archive_whatever_came_before():
    again = [case(1, number) for number in range(200)]
    assert [case(1, number) for number in reversed(range(200))] == again[::-1]
    assert hashlib.sha256(b"".join(one.data for one in again)).digest() == hashlib.sha256(in_another_process()).digest()


def in_another_process() -> bytes:
    program = "import sys, fuzz_archives as f; [sys.stdout.buffer.write(f.case(1, n).data) for n in range(200)]"
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=Path(fuzz_archives.__file__).parent).stdout


def test_the_script_tells_what_failed_and_keeps_its_bytes(tmp_path):
    command = [sys.executable, fuzz_archives.__file__, "--seed", "1", "--start", "7", "--runs", "1", "--slow", "0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (1, "")
    assert "--seed 1 --start 7 --runs 1" in done.stdout
    (kept,) = tmp_path.glob("fuzzed-*/1-7.*")
    assert str(kept) in done.stdout
    assert kept.read_bytes() == case(1, 7).data


def test_the_script_ends_with_0_where_nothing_failed():
    command = [sys.executable, fuzz_archives.__file__, "--seed", "1", "--runs", "20"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "20 runs" in done.stdout


# --- the oracles --------------------------------------------------------------


def node(content: bytes, *, kind: str = "file", executable: bool = False) -> Node:
    return Node(kind, executable, hashlib.sha256(content).hexdigest())


def told(data: bytes, filename: str, seen: Seen, folder: Path, skipped: frozenset[bytes] = frozenset()) -> set[str]:
    """Who objects, where this is said to be what we read."""
    path = folder / filename
    path.write_bytes(data)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    found = {text.partition(":")[0] for text in judged(path, Ours(seen, skipped), scratch)}
    assert not list(scratch.iterdir())
    return found


GOOD = {b"a": node(b"x"), b"l": node(b"a", kind="symlink"), b"run": node(b"y", executable=True)}
A_TAR = entry(b"a", b"x") + header(b"l", kind=b"2", target=b"a") + entry(b"run", b"y", mode=b"0000755\0") + END
A_ZIP = zipped(Part(b"a", b"x"), Part(b"l", b"a", attributes=0o120777 << 16), Part(b"run", b"y", attributes=0o100755 << 16))


@pytest.mark.needs("tar")
@pytest.mark.needs("unzip")
@pytest.mark.parametrize(("data", "filename", "program"), [(A_TAR, "a.tar", "gnu_tar"), (A_ZIP, "a.zip", "unzip")])
def test_every_reader_objects_to_what_is_not_in_an_archive(data, filename, program, tmp_path):
    both = {"cpython", program}
    assert told(data, filename, GOOD, tmp_path) == set()
    assert told(data, filename, GOOD | {b"a": node(b"z")}, tmp_path) == both
    assert told(data, filename, GOOD | {b"a": node(b"x", executable=True)}, tmp_path) == both
    assert told(data, filename, GOOD | {b"run": node(b"y")}, tmp_path) == both
    assert told(data, filename, GOOD | {b"l": node(b"a")}, tmp_path) == both
    assert told(data, filename, GOOD | {b"l": node(b"b", kind="symlink")}, tmp_path) == both
    assert told(data, filename, GOOD | {b"b": node(b"x")}, tmp_path) == both
    assert told(data, filename, {b"a": node(b"x")}, tmp_path) == both
    assert told(data[:700] if filename == "a.tar" else data[:-9], filename, GOOD, tmp_path) == {"cpython", program.removeprefix("gnu_")}


@pytest.mark.needs("tar")
@pytest.mark.needs("unzip")
def test_an_archive_that_one_reader_alone_reads_otherwise_is_reported(tmp_path):
    seen = {b"a": node(b"x")}
    # GNU tar takes the blank off the key.
    assert told(pax(record(b" path", b"q")) + entry(b"a", b"x") + END, "a.tar", seen, tmp_path) == {"gnu_tar"}
    # It has no user of this number, and ends with a status.
    assert told(pax(record(b"uid", b"1.5")) + entry(b"a", b"x") + END, "a.tar", seen, tmp_path) == {"tar"}
    # The label of a disk for unzip, and a file for CPython.
    assert told(zipped(Part(b"a", b"x", system=0, attributes=8)), "a.zip", seen, tmp_path) == {"unzip"}
    # CPython puts a prefix in front of the name where GNU tar has other fields.
    assert told(entry(b"a", b"x", magic=b"ustar  \0", prefix=b"p") + END, "a.tar", seen, tmp_path) == {"cpython"}


@pytest.mark.needs("tar")
@pytest.mark.needs("gzip")
def test_the_programs_judge_the_compression_as_well(tmp_path):
    seen = {b"a": node(b"x")}
    data = gzipped(entry(b"a", b"x") + END)
    assert told(data, "a.tar.gz", seen, tmp_path) == set()
    # CPython reads a member no further than the tar file in it.
    assert "tar" in told(data + b"garbage", "a.tar.gz", seen, tmp_path)


ODD = [b"[a]", b"*", b"?", b"\\x", b"-x", b"--help", b"a b", b"a\nb", b"a;b", b"$HOME", b"'", b"@", b"!"]


@pytest.mark.needs("tar")
@pytest.mark.needs("unzip")
@pytest.mark.parametrize("name", [*ODD, b"d/\xff", "é".encode()])
def test_what_is_left_out_is_excluded_by_its_very_name_and_nothing_else_is(name, tmp_path):
    # unzip cannot write a name with a line break.
    kept = [b"a", b"xa", b"d/x", b"d/" + (name if name in ODD and b"\n" not in name else b"y") + b"z"]
    seen = {path: node(b"x") for path in kept}
    made = entry(name, b"no") + b"".join(entry(path, b"x") for path in kept) + END
    assert told(made, "a.tar", seen, tmp_path, frozenset({name})) == set()
    assert told(made, "a.tar", seen, tmp_path) != set()
    zip_ = zipped(Part(name, b"no"), *(Part(path, b"x") for path in kept))
    assert told(zip_, "a.zip", seen, tmp_path, frozenset({name})) == set()


@pytest.mark.needs("tar")
@pytest.mark.needs("unzip")
def test_nothing_that_we_leave_out_is_ever_written(tmp_path):
    outside = tmp_path / "outside"
    bad = [b"../out", b"/" + os.fsencode(outside).lstrip(b"/"), b"a/../../out", b".git/config"]
    tar = b"".join(entry(name, b"no") for name in bad)
    tar += header(b"dev", kind=b"3", major=b"0000001\0", minor=b"0000003\0") + header(b"pipe", kind=b"6")
    tar += header(b"up", kind=b"2", target=b"../outside") + header(b"abs", kind=b"2", target=os.fsencode(outside)[:90])
    tar += header(b"hard", kind=b"1", target=b"../outside") + header(b"./x//fifo", kind=b"6") + entry(b"kept", b"x") + END
    zip_ = zipped(*(Part(name, b"no") for name in bad), Part(b"up", b"../outside", attributes=0o120777 << 16), Part(b"kept", b"x"))
    for filename, data, program in (("a.tar", tar, gnu_tar), ("a.zip", zip_, unzip)):
        path, scratch = tmp_path / filename, tmp_path / "scratch"
        path.write_bytes(data)
        scratch.mkdir(exist_ok=True)
        mine = ours(path)
        assert mine.seen == {b"kept": node(b"x")}
        assert program(path, mine, scratch) == cpython(path, mine) == mine.seen
        assert disagreements(path, scratch) == ()
    assert not outside.exists()


@pytest.mark.needs("tar")
def test_a_folder_that_nobody_may_look_into_is_looked_into(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(header(b"d/", kind=b"5", mode=b"0000000\0") + entry(b"d/a", b"x", mode=b"0000000\0") + END)
    assert gnu_tar(path, ours(path), tmp_path) == {b"d/a": node(b"x")}


def test_a_program_that_writes_beside_its_folder_is_caught(tmp_path):
    from programs import _extracted

    with pytest.raises(Disagreement, match="outside"):
        _extracted("touch", ["touch", "../beside"], tmp_path)


@pytest.mark.needs("unzip")
@pytest.mark.needs("tar")
def test_the_environment_does_not_change_what_the_programs_do(tmp_path, monkeypatch):
    for name in ("TAR_OPTIONS", "UNZIP", "UNZIPOPT", "ZIPINFO", "GZIP"):
        monkeypatch.setenv(name, "--no-such-option")
    assert told(A_TAR, "a.tar", GOOD, tmp_path) == set()
    assert told(A_ZIP, "a.zip", GOOD, tmp_path) == set()


def test_an_archive_that_we_refuse_reaches_nobody():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tar"
        path.write_bytes(b"x" * 512)
        assert disagreements(path, Path(folder) / "absent") == ()


@pytest.mark.needs("unzip")
def test_names_that_unzip_recodes_are_hidden_from_it_and_nothing_else_is(tmp_path):
    name = "é日".encode()
    data = zipped(Part(name, b"x", flags=1 << 11, system=0), Part(b"a", b"x"))
    assert told(data, "a.zip", {name: node(b"x"), b"a": node(b"x")}, tmp_path) == set()
    assert told(data, "a.zip", {name: node(b"x"), b"a": node(b"y")}, tmp_path) == {"cpython", "unzip"}
    alone = zipped(Part(name, b"x", flags=1 << 11, system=0))
    assert told(alone, "a.zip", {name: node(b"x")}, tmp_path) == set()
    # A question mark stands for a slash as well.
    slashed = {b"\xe2\x80\xae": node(b"x"), b"u/a": node(b"y")}
    data = zipped(Part(b"\xe2\x80\xae", b"x", flags=1 << 11, system=0), Part(b"u/a", b"y"))
    assert told(data, "a.zip", slashed, tmp_path) == set()


@pytest.mark.needs("unzip")
def test_an_archive_without_entries_is_no_disagreement_and_one_that_says_so_untruly_is(tmp_path):
    assert told(zipped(), "a.zip", {}, tmp_path) == set()
    assert told(zipped(), "a.zip", {b"a": node(b"x")}, tmp_path) == {"cpython", "unzip"}
    assert told(zipped(Part(b"a", b"x")), "a.zip", {}, tmp_path, frozenset({b"a"})) == set()
    assert told(zipped(Part(b"a", b"x")), "a.zip", {b"b": node(b"x")}, tmp_path, frozenset({b"a"})) == {"cpython", "unzip"}
