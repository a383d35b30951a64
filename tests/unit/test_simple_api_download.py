import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from pydeps_host.errors import (
    AccessError,
    ClosedError,
    DeadlineError,
    DigestError,
    DiskError,
    FileGoneError,
    RateLimitedError,
    TooLargeError,
    UnavailableError,
)
from pydeps_host.events import DownloadAdvanced, DownloadFinished, DownloadStarted, Event
from pydeps_host.limiter import Priority
from pydeps_host.simple_api import FetchOptions, File, fetch_file
from pydeps_host.transport import Headers, Request, Response, Sink
from pydeps_host.values import Digest, Limits, Url
from scripted import Scripted, reply

BODY = bytes(range(256)) * 4
SHA = Digest("sha256", hashlib.sha256(BODY).hexdigest())
MD5 = Digest("md5", hashlib.md5(BODY).hexdigest())
WRONG = Digest("sha256", "0" * 64)
FILE = File("foo-1.0.tar.gz", Url.parse("https://u:canary@example.com/foo-1.0.tar.gz"), frozenset({SHA, MD5}), len(BODY))

Play = Callable[[Sink], object]


def sending(*attempts: bytes) -> Callable[[Request], Response]:
    """Answer 200 with the last attempt's bytes, after attempts that broke off."""

    def answer(request: Request) -> Response:
        assert request.into is not None
        for body in attempts:
            request.into.restart()
            for start in range(0, len(body), 300):
                request.into.write(body[start : start + 300])
        return Response(request.url, 200, Headers(), b"", len(attempts))

    return answer


def fetched(file: File, into: Path, *replies, options: FetchOptions | None = None, observer: Callable[[Event], None] = lambda _: None):
    return fetch_file(file, into, transport=Scripted(*replies), options=options, observer=observer)


def test_a_file_is_downloaded_verified_and_renamed(tmp_path):
    artifact = fetched(FILE, tmp_path / "spool", sending(BODY))
    assert artifact.path.read_bytes() == BODY
    assert (artifact.filename, artifact.size, artifact.sha256) == ("foo-1.0.tar.gz", len(BODY), SHA.value)
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


def test_a_request_says_what_the_caller_wants(tmp_path):
    transport = Scripted(sending(BODY))
    options = FetchOptions(limits=Limits(artifact_bytes=5000), priority=Priority.WAITED_FOR, deadline=7.0)
    fetch_file(FILE, tmp_path / "spool", transport=transport, options=options)
    (sent,) = transport.requests
    assert (sent.max_bytes, sent.max_bytes_name, sent.gzip) == (5000, "artifact_bytes", False)
    assert (sent.priority, sent.deadline) == (Priority.WAITED_FOR, 7.0)


def test_an_attempt_that_starts_over_counts_and_digests_anew(tmp_path):
    assert fetched(FILE, tmp_path / "spool", sending(BODY[:500], b"x" * 900, BODY)).path.read_bytes() == BODY


def test_where_the_index_gives_no_digest_the_sha256_is_computed(tmp_path):
    plain = File("foo-1.0.tar.gz", FILE.url)
    assert fetched(plain, tmp_path / "spool", sending(BODY)).sha256 == SHA.value


@pytest.mark.parametrize("digests", [{WRONG}, {SHA, evolve(MD5, value="0" * 32)}, {SHA, WRONG}])
def test_every_digest_is_checked_and_nothing_is_left_behind(tmp_path, digests):
    with pytest.raises(DigestError) as caught:
        fetched(evolve(FILE, digests=frozenset(digests)), tmp_path / "spool", sending(BODY))
    assert "canary" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_is_told_apart_from_one_with_other_bytes(tmp_path):
    with pytest.raises(DigestError) as short:
        fetched(FILE, tmp_path / "spool", sending(BODY[:-1]))
    assert (short.value.expected, short.value.actual) == ("1024 bytes", "1023 bytes (cut short)")
    with pytest.raises(DigestError) as other:
        fetched(FILE, tmp_path / "spool", sending(BODY[:-1] + b"x"))
    assert other.value.expected == str(MD5)


def test_a_file_longer_than_promised_is_given_up_at_once(tmp_path):
    with pytest.raises(DigestError, match="1024 bytes, got more"):
        fetched(FILE, tmp_path / "spool", sending(BODY * 2))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("required", "fits"), [((SHA,), True), ((WRONG, MD5), True), ((WRONG,), False), ((WRONG, evolve(WRONG)), False)])
def test_one_of_the_required_digests_is_required(tmp_path, required, fits):
    plain = evolve(FILE, digests=frozenset())
    if fits:
        assert fetched(plain, tmp_path / "spool", sending(BODY), options=FetchOptions(required=required))
    else:
        with pytest.raises(DigestError, match="sha256:0000"):
            fetched(plain, tmp_path / "spool", sending(BODY), options=FetchOptions(required=required))


def test_a_known_size_over_the_limit_is_refused_before_the_request(tmp_path):
    transport = Scripted()
    with pytest.raises(TooLargeError, match="artifact_bytes"):
        fetch_file(FILE, tmp_path / "spool", transport=transport, options=FetchOptions(limits=Limits(artifact_bytes=1023)))
    assert transport.requests == []


def test_an_unknown_size_over_the_limit_is_given_up_on_the_way(tmp_path):
    options = FetchOptions(limits=Limits(artifact_bytes=1023))
    with pytest.raises(TooLargeError, match="artifact_bytes"):
        fetched(evolve(FILE, size=None), tmp_path / "spool", sending(BODY), options=options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, FileGoneError),
        (410, FileGoneError),
        (400, FileGoneError),
        (451, FileGoneError),
        (401, AccessError),
        (403, AccessError),
        (407, AccessError),
        (429, RateLimitedError),
        (408, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
        (204, UnavailableError),
        (206, UnavailableError),
        (304, UnavailableError),
    ],
)
def test_every_status_has_an_error_and_nothing_is_left_behind(tmp_path, status, error):
    with pytest.raises(error) as caught:
        fetched(FILE, tmp_path / "spool", reply(status))
    assert "canary" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ClosedError("x"), DeadlineError("x"), UnavailableError("u", "reset", None, 4), KeyboardInterrupt()])
def test_whatever_goes_wrong_nothing_is_left_behind(tmp_path, error):
    def broken(request: Request) -> Response:
        assert request.into is not None
        request.into.restart()
        request.into.write(b"half")
        raise error

    with pytest.raises(type(error)):
        fetched(FILE, tmp_path / "spool", broken)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays_where_the_new_one_fails(tmp_path):
    (tmp_path / "spool").write_bytes(b"old")
    with pytest.raises(DigestError):
        fetched(FILE, tmp_path / "spool", sending(b"new"))
    assert (tmp_path / "spool").read_bytes() == b"old"


def test_a_disk_that_refuses_is_a_disk_error(tmp_path):
    with pytest.raises(DiskError) as absent:
        fetched(FILE, tmp_path / "absent" / "spool", sending(BODY))
    assert absent.value.errno is not None
    (tmp_path / "spool").mkdir()
    with pytest.raises(DiskError):
        fetched(FILE, tmp_path / "spool", sending(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_disk_error(tmp_path):
    (tmp_path / "spool.part").symlink_to("/dev/full")
    with pytest.raises(DiskError):
        fetched(evolve(FILE, size=None), tmp_path / "spool", sending(BODY * 1000))
    assert not list(tmp_path.iterdir())


def test_events_tell_how_far_it_is_about_every_256_kib(tmp_path):
    events: list[Event] = []
    body = BODY * 1024
    file = File("foo-1.0.tar.gz", FILE.url, size=len(body))
    fetched(file, tmp_path / "spool", sending(body), options=FetchOptions(name="foo"), observer=events.append)
    assert events[0] == DownloadStarted("foo", "foo-1.0.tar.gz", len(body))
    assert events[-1] == DownloadFinished("foo", "foo-1.0.tar.gz", len(body), verified=True)
    advanced = [event.received for event in events[1:-1] if isinstance(event, DownloadAdvanced)]
    # 300 bytes at a time: each is told at the first piece past 256 KiB since the one before.
    assert advanced == [262_200, 524_400, 786_600]
    assert len(events) == 5


def test_events_tell_that_a_download_was_given_up(tmp_path):
    events: list[Event] = []
    with pytest.raises(FileGoneError):
        fetched(FILE, tmp_path / "spool", reply(404), observer=events.append)
    assert events[-1] == DownloadFinished("", "foo-1.0.tar.gz", 0, verified=False)


# --- a folder's files --------------------------------------------------------


def local(path: Path) -> File:
    return evolve(FILE, url=Url.parse(path.as_uri()))


def test_a_file_of_a_folder_is_copied_without_a_request(tmp_path):
    (tmp_path / "a b").write_bytes(BODY)
    transport = Scripted()
    artifact = fetch_file(local(tmp_path / "a b"), tmp_path / "spool", transport=transport)
    assert artifact.path.read_bytes() == BODY
    assert transport.requests == []


def test_a_file_of_a_folder_is_verified(tmp_path):
    (tmp_path / "a").write_bytes(BODY[:-1] + b"x")
    with pytest.raises(DigestError):
        fetched(local(tmp_path / "a"), tmp_path / "spool")


def test_what_is_no_regular_file_any_more_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "target").write_bytes(BODY)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileGoneError):
        fetched(local(tmp_path / "absent"), tmp_path / "spool")
    with pytest.raises(FileGoneError):
        fetched(local(tmp_path / "pipe"), tmp_path / "spool")
    with pytest.raises(DiskError):
        fetched(local(tmp_path / "link"), tmp_path / "spool")


def test_a_copy_heeds_the_deadline(tmp_path):
    (tmp_path / "a").write_bytes(BODY)
    with pytest.raises(DeadlineError):
        fetched(local(tmp_path / "a"), tmp_path / "spool", options=FetchOptions(deadline=0.0))
