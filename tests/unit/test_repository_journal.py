import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve

from pydeps_host.errors import DamagedError, FormatError
from pydeps_host.repository import FORMAT, JournalLine, RowError, Status, VersionRow
from pydeps_host.repository.journal import advance, decode_lines, encode_line
from pydeps_host.repository.state import EMPTY, refs_digest

PATH = Path("journal.jsonl")
AT = "2024-01-01T00:00:00Z"
PACKS = (f"pack-{'1' * 40}", f"pack-{'2' * 40}")
NONE, ONE, TWO = (refs_digest(data) for data in (b"", b"1", b"2"))


def line(generation: int, refs: str, *texts: str, **more: Any) -> JournalLine:
    return JournalLine(generation, refs, AT, tuple(VersionRow(text, Status.REMOVED) for text in texts), **more)


def journal(*lines: JournalLine) -> bytes:
    return b"".join(encode_line(one) for one in lines)


def read(data: bytes, refs: str) -> Any:
    return advance(EMPTY, decode_lines(data, PATH), refs)


def test_a_line_survives_being_written() -> None:
    written = line(
        3, ONE, "1.0", "x\ny", claims={"a\x1b": {"pkg>=1": frozenset({"1.0", "2\u202e"}), "old": None}}, packs=(PACKS[0],), owner="i\\x"
    )
    data = encode_line(written)
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert decode_lines(data, PATH) == [(written, len(data))]


def test_the_state_is_that_of_the_last_line_that_leads_to_the_references() -> None:
    data = journal(line(1, ONE, "a"), line(2, ONE, "b"), line(3, TWO, "c"), line(4, TWO, "d"))
    assert (read(data, ONE).generation, set(read(data, ONE).rows)) == (2, {"a", "b"})
    assert (read(data, TWO).generation, set(read(data, TWO).rows)) == (4, {"a", "b", "c", "d"})
    assert read(data, NONE) is EMPTY
    assert read(data, refs_digest(b"3")) is None


def test_a_line_that_changes_no_reference_counts_as_soon_as_it_is_there() -> None:
    assert read(journal(line(1, NONE, "failed")), NONE).generation == 1


def test_references_that_were_there_before_are_those_of_the_later_line() -> None:
    data = journal(line(1, ONE, "a"), line(2, TWO, "b"), line(3, ONE, "c"))
    assert read(data, ONE).generation == 3
    assert read(data, TWO).generation == 2


def test_a_half_written_line_is_none() -> None:
    whole = encode_line(line(1, ONE, "a"))
    half = encode_line(line(2, ONE, "b"))
    for end in range(len(half)):
        assert read(whole + half[:end], ONE).end == len(whole)
    assert read(whole + b"\0" * 10 + half[10:], ONE).end == len(whole)
    assert read(whole + b"\0" * 512, ONE).end == len(whole)


def test_reading_goes_on_where_it_ended() -> None:
    first, second = journal(line(1, ONE, "a", claims={"d": {"pkg": frozenset("a")}})), journal(line(2, TWO, "b"), line(3, TWO, "a"))
    since = read(first, ONE)
    state = advance(since, decode_lines(second, PATH, before=since.lines), TWO)
    assert state == read(first + second, TWO)
    assert advance(since, [], ONE) is since


def test_the_last_word_on_a_version_an_entry_and_the_owner_counts() -> None:
    error = RowError("E", "e", "m")
    data = journal(
        JournalLine(
            1, ONE, AT, (VersionRow("1", Status.FAILED, error=error),), {"d": {"x": frozenset("1"), "y": frozenset("1")}}, PACKS[:1], "i"
        ),
        JournalLine(2, ONE, AT, (VersionRow("1", Status.REMOVED),), {"d": {"x": None, "y": frozenset("12")}, "e": {"z": None}}, PACKS[1:]),
    )
    state = read(data, ONE)
    assert state.rows == {"1": VersionRow("1", Status.REMOVED)}
    assert state.claims == {"d": {"y": frozenset("12")}}
    assert state.packs == set(PACKS)
    assert state.owner == "i"


def test_a_state_cannot_be_changed_by_who_reads_it() -> None:
    state = read(journal(line(1, ONE, "a", claims={"d": {"x": frozenset("a")}})), ONE)
    assert isinstance(state.rows, MappingProxyType)
    assert isinstance(state.claims["d"], MappingProxyType)


@pytest.mark.parametrize(
    "damaged",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"nonsense\n",
        b"\xff\n",
        b"[" * 100_000 + b"\n",
        encode_line(line(1, ONE)).replace(b'"format":1', b'"format":0'),
        encode_line(line(1, ONE)).replace(b'"format":1', b'"format":"1"'),
        encode_line(line(1, ONE)).replace(b'"generation":1', b'"generation":0'),
        encode_line(line(10**18, ONE)),
        encode_line(line(1, ONE)).replace(b'"generation":1', b'"generation":true'),
        encode_line(line(1, ONE)).replace(b'"generation":1', b'"generation":' + b"9" * 5000),
        encode_line(evolve(line(1, ONE), at="2024-01-01T00:00:00")),
        encode_line(evolve(line(1, ONE), at="9999-12-31T23:59:59Z")),
        encode_line(evolve(line(1, ONE), at="1969-12-31T23:59:59Z")),
        encode_line(line(1, ONE)).replace(b"sha256:", b"md5:"),
        encode_line(line(1, ONE)).replace(AT.encode(), b"noon"),
        encode_line(line(1, ONE, "a")).replace(b"removed", b"lost"),
        encode_line(line(1, ONE)).replace(b"}\n", b',"claims":[]}\n'),
        encode_line(line(1, ONE)).replace(b"}\n", b',"owner":7}\n'),
        encode_line(line(1, ONE)).replace(b"}\n", b',"packs":[7]}\n'),
        encode_line(line(1, ONE)).replace(b"}\n", b',"packs":["../x"]}\n'),
    ],
)
def test_a_damaged_line_is_named(damaged: bytes) -> None:
    with pytest.raises(DamagedError, match="line 3 "):
        decode_lines(damaged + journal(line(4, ONE)), PATH, before=2)


def test_a_line_of_a_newer_format_is_refused() -> None:
    newer = encode_line(line(1, ONE)).replace(b'"format":1', b'"format":%d' % (FORMAT + 1))
    with pytest.raises(FormatError) as caught:
        decode_lines(newer, PATH)
    assert (caught.value.found, caught.value.supported) == (FORMAT + 1, FORMAT)


def test_keys_that_a_later_release_adds_are_passed_over() -> None:
    value = json.loads(encode_line(line(1, ONE, "a"))) | {"colour": "blue"}
    assert decode_lines(json.dumps(value).encode() + b"\n", PATH)[0][0] == line(1, ONE, "a")
