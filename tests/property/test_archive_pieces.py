"""A tar file reads the same in whatever pieces it comes: what is taken at one look, and what is not."""

import gzip
from collections.abc import Iterator
from random import Random, SystemRandom
from typing import Any

import pytest

from fuzzing_tar import tar
from pydeps_host.archive.budget import Budget
from pydeps_host.archive.desk import Desk
from pydeps_host.archive.policy import Gate
from pydeps_host.archive.reasons import Refused
from pydeps_host.archive.stream import ByteStream
from pydeps_host.archive.tar import TarReader
from pydeps_host.testing import build_sdist
from pydeps_host.values import Limits
from raw_archives import END, entry, header, pax, record

# Less than a header: nothing is at hand.
_SMALL = 100
X = pax(record(b"mtime", b"12.5"))


def read(data: bytes, piece: int, limits: Limits) -> Any:
    """Return all that a reader makes of a tar file that comes in pieces of a size, its refusal included."""
    budget = Budget(limits, len(data))
    gate = Gate(budget)
    pieces = (data[begin : begin + piece] for begin in range(0, len(data), piece))
    reader = TarReader(ByteStream(pieces), Desk(gate, budget, lambda items: items), budget, sealed=True)
    found: list[Any] = []
    try:
        for member in reader.members():
            content = member.content
            found.append((*member[:-1], content if isinstance(content, bytes) else b"".join(content)))
    except Refused as refused:
        found.append((refused.reason, refused.detail, refused.entry, refused.offset))
    return found, gate.skips, gate.flags


def taken_at_hand(data: bytes, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many entries are taken at one look where the whole file is there."""
    taken: list[int] = []
    real = ByteStream.skip

    def counted(self: ByteStream, size: int) -> None:
        taken.append(size)
        real(self, size)

    with monkeypatch.context() as patched:
        patched.setattr(ByteStream, "skip", counted)
        read(data, max(1, len(data)), limits)
    return len(taken)


def limits(chance: Random) -> Limits:
    few = chance.choice(({}, {}, {"entries": 3}, {"paths_bytes": 40}, {"file_bytes": 3}, {"path_bytes": 6}, {"component_bytes": 4}))
    return Limits(**few)


def archives(chance: Random) -> Iterator[bytes]:
    """Yield broken archives, most of which begin well: the first entry of an archive is never taken at one look."""
    for _ in range(4000):
        yield chance.choice((b"", entry(b"first", b"1"), entry(b"first", b"1"), X + entry(b"first"))) + tar(chance)


@pytest.mark.parametrize("seed", [1, SystemRandom().randrange(1 << 32)], ids=["fixed", "random"])
def test_broken_archives_read_the_same_in_one_piece_and_in_small_ones(seed, monkeypatch):
    chance = Random(seed)
    at_hand = 0
    for number, data in enumerate(archives(chance)):
        allowed = limits(chance)
        assert read(data, max(1, len(data)), allowed) == read(data, _SMALL, allowed), (seed, number)
        at_hand += taken_at_hand(data, allowed, monkeypatch)
    assert at_hand > 1000


@pytest.mark.parametrize(
    "data",
    [
        X + entry(b"a", b"1") + X + entry(b"b", b"2") + END,
        X + entry(b"a", b"1") + pax(record(b"mtime", b"13.5")) + entry(b"b", b"2") + END,
        X + entry(b"a", b"1") + X + X + entry(b"b", b"2") + END,
        X + entry(b"a", b"1") + X + header(b"d/", kind=b"5") + X + header(b"l", kind=b"2", target=b"a") + END,
        X + entry(b"a", b"1") + X + END,
        X + entry(b"a", b"1") + X,
        entry(b"a", b"1") + pax(record(b"mtime", b"7"), kind=b"g") + entry(b"b", b"2") + entry(b"c", b"3") + END,
        entry(b"a", b"1") + entry(b"d/", b"1234", kind=b"5") + END,
        entry(b"a", b"1") + entry(b"b/", b"2") + END,
        entry(b"a", b"1") + entry(b"../b", b"2") + entry(b"c", b"3") + header(b"./", kind=b"5") + entry(b"d", b"4") + END,
        entry(b"a", b"1") + entry(b".gitmodules", b"[submodule]\n\tpath = ../x\n") + entry(b"c", b"3") + END,
        entry(b"a", b"1") + entry(b"b", b"2")[:-1],
        entry(b"a", b"1") + entry(b"b", b"22", checksum=b"000001\0 ") + END,
        entry(b"a", b"1") + entry(b"b", b"2" * (1 << 20)) + entry(b"c", b"3" * ((1 << 20) + 1)) + END,
        entry(b"a", b"1") + entry("é".encode(), b"2") + entry(b"b", b"3", prefix=b"p") + END,
    ],
)
def test_entries_at_the_edge_of_what_is_common_read_the_same_in_one_piece_and_in_small_ones(data):
    assert read(data, len(data), Limits()) == read(data, _SMALL, Limits())


def test_nearly_every_entry_of_a_source_distribution_is_taken_at_one_look(monkeypatch):
    made = build_sdist("demo", "1", {f"src/demo/m{number}.py": f"n = {number}\n" for number in range(50)})
    data = gzip.decompress(made.data)
    found, _, _ = read(data, len(data), Limits())
    assert taken_at_hand(data, Limits(), monkeypatch) == len(found) - 1
