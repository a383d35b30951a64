import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve

from pydeps_host.repository import RowError, Status, VersionRow, VersionTag, backoff, latest_version, newest_first
from pydeps_host.repository.row_codec import decode_row, encode_row
from pydeps_host.values import Digest, NotedMember

FULL = VersionRow(
    "1.0",
    Status.PUBLISHED,
    index="index.example.com/simple",
    filename="pkg-1.0\u202e.tar.gz",
    size=12,
    sha256="ab" * 32,
    digests=(Digest.of("md5", "0" * 32),),
    upload_time=datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=UTC),
    date=1_709_209_801,
    policy="1-0123456789ab",
    yanked=True,
    commit="11" * 20,
    tags=(VersionTag("v1.0", "22" * 20), VersionTag("v1", "33" * 20)),
    skipped=(("too-large", 2), ("unsafe-path", 1)),
    skips=(NotedMember("unsafe-path", "..\\\\x", 512), NotedMember("link-loop", "y")),
    set_aside=(("pkg-1.0.zip\n", "digest\x1b[31m"),),
    error=RowError("DigestError", "digest", "a\\b\x07", retryable=True),
    attempts=3,
    retry_after=datetime(2024, 3, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("row", [FULL, VersionRow("x\u2028y\\", Status.FAILED), evolve(FULL, status=Status.REMOVED, error=None)])
def test_a_row_survives_the_journal(row: VersionRow) -> None:
    assert decode_row(json.loads(json.dumps(encode_row(row)))) == row


def test_text_from_outside_is_escaped() -> None:
    value = encode_row(FULL)
    assert value["filename"] == "pkg-1.0\\u202e.tar.gz"
    assert value["setAside"] == [["pkg-1.0.zip\\x0a", "digest\\x1b[31m"]]
    assert value["error"]["message"] == "a\\\\b\\x07"


def test_what_is_not_known_takes_no_room() -> None:
    assert encode_row(VersionRow("1.0", Status.REMOVED)) == {"text": "1.0", "status": "removed"}


def test_a_size_of_nothing_is_kept() -> None:
    assert decode_row(encode_row(VersionRow("1.0", Status.REFUSED, size=0, date=0))).size == 0


def test_times_are_written_in_utc_whatever_zone_they_came_in() -> None:
    east = datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert encode_row(VersionRow("1", Status.FAILED, upload_time=east))["uploadTime"] == "2024-01-01T00:00:00Z"
    assert encode_row(VersionRow("1", Status.FAILED, upload_time=datetime(2024, 1, 1)))["uploadTime"] == "2024-01-01T00:00:00Z"  # noqa: DTZ001 - the point


def test_keys_that_a_later_release_adds_are_passed_over() -> None:
    assert decode_row({"text": "1.0", "status": "removed", "colour": "blue"}) == VersionRow("1.0", Status.REMOVED)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"text": "1.0"},
        {"text": "1.0", "status": "gone"},
        {"text": 1, "status": "removed"},
        {"text": "1.0", "status": "removed", "size": "12"},
        {"text": "1.0", "status": "removed", "size": True},
        {"text": "1.0", "status": "removed", "yanked": "no"},
        {"text": "1.0", "status": "removed", "commit": "xy"},
        {"text": "1.0", "status": "removed", "digests": ["sha256:1"]},
        {"text": "1.0", "status": "removed", "tags": [["v1.0"]]},
        {"text": "1.0", "status": "removed", "commit": "ab"},
        {"text": "1.0", "status": "removed", "commit": f"{'1' * 20} {'1' * 20}"},
        {"text": "1.0", "status": "removed", "tags": [["v1.0", "ab"]]},
        {"text": "1.0", "status": "removed", "tags": [["a b", "1" * 40]]},
        {"text": "1.0", "status": "removed", "tags": [["v\ud800", "1" * 40]]},
        {"text": "1.0", "status": "published", "tags": [["v1.0", "1" * 40]]},
        {"text": "1.0", "status": "published", "commit": "1" * 40},
        {"text": "1.0", "status": "removed", "date": -1},
        {"text": "1.0", "status": "removed", "date": 2**63},
        {"text": "1.0", "status": "removed", "uploadTime": "yesterday"},
        {"text": "1.0", "status": "removed", "uploadTime": "2024-01-01T00:00:00"},
        {"text": "1.0", "status": "removed", "uploadTime": "0001-01-01T00:00:00+23:59"},
        {"text": "1.0", "status": "failed", "retryAfter": "2024-01-01T00:00:00"},
        {"text": "1.0", "status": "failed", "retryAfter": "9999-12-31T00:00:00Z"},
        [],
    ],
)
def test_a_row_that_is_none_is_not_read(value: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        decode_row(value)


def test_the_first_thousand_skipped_paths_are_kept() -> None:
    row = VersionRow("1.0", Status.PUBLISHED, skips=tuple(NotedMember("device", str(number)) for number in range(1001)))
    assert len(row.skips) == 1000


def test_a_failed_version_rests_a_minute_then_twice_as_long_each_time_and_a_day_at_most() -> None:
    assert [backoff(attempts) for attempts in (1, 2, 3, 11)] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 1024)]
    assert backoff(12) == backoff(10**9) == timedelta(days=1)


def test_each_failure_in_a_row_puts_the_next_try_further_off() -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    error = RowError("UnavailableError", "unavailable", "no answer", retryable=True)
    row = VersionRow("1.0", Status.FAILED).failed(error, now=now).failed(error, now=now)
    assert (row.status, row.attempts, row.error) == (Status.FAILED, 2, error)
    assert not row.is_due(now + timedelta(seconds=119))
    assert row.is_due(now + timedelta(seconds=120))


def test_a_rest_that_was_noted_while_the_clock_was_ahead_holds_nothing_up() -> None:
    row = VersionRow("1.0", Status.FAILED, retry_after=datetime(2060, 1, 1, tzinfo=UTC))
    assert row.is_due(datetime(2024, 1, 1, tzinfo=UTC))
    assert not row.is_due(datetime(2059, 12, 31, tzinfo=UTC))


def row(text: str, *, yanked: bool = False) -> VersionRow:
    return VersionRow(text, Status.PUBLISHED, yanked=yanked)


@pytest.mark.parametrize(
    ("rows", "latest"),
    [
        ([], None),
        ([row("1.9"), row("1.10"), row("2.0rc1"), row("2.0.dev1")], "1.10"),
        ([row("1.0"), row("1.0.post1"), row("1.0+local")], "1.0.post1"),
        ([row("1!0.1"), row("9.0")], "1!0.1"),
        ([row("2.0", yanked=True), row("1.0rc1"), row("1.0b1")], "1.0rc1"),
        ([row("2.0", yanked=True), row("2.1rc1", yanked=True)], "2.1rc1"),
        ([row("2.0", yanked=True), row("2004d")], "2.0"),
        ([row("zz"), row("0.1.dev0")], "0.1.dev0"),
        ([row("2004f"), row("2004g")], "2004g"),
        ([row("2004g", yanked=True), row("2004e"), row("2004f")], "2004f"),
    ],
)
def test_the_latest_version_is_the_one_that_the_bare_name_would_choose(rows: list[VersionRow], latest: str | None) -> None:
    assert latest_version(rows) == latest_version(reversed(rows)) == latest


def test_versions_are_listed_newest_first_and_unknown_texts_last() -> None:
    assert newest_first(["1.9", "abc", "1.10", "1.0rc1", "1!0", "2004z", "1.0"]) == ("1!0", "1.10", "1.9", "1.0", "1.0rc1", "abc", "2004z")
