"""Bodies that break off, and where they go on."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

import faulty_server as faulty
from faulty_server import FaultyServer
from pydeps_host.errors import DigestError, TooLargeError, TruncatedError, UnavailableError
from pydeps_host.simple_api import FetchOptions, File, fetch_file
from pydeps_host.transport import HttpxTransport, Request, TransportOptions
from pydeps_host.values import Digest, Limits, Url

CONTENT = os.urandom(200_000)
TAG = ("ETag", '"one"')
DATED = (("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT"), ("Date", "Sat, 01 Jan 2022 00:00:01 GMT"))
QUICK = TransportOptions(backoff=0.002, backoff_cap=0.01, connect_timeout=2, read_timeout=2, trust_environment=False)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def transport() -> Iterator[HttpxTransport]:
    with HttpxTransport(options=QUICK) as open_one:
        yield open_one


class Kept:
    def __init__(self) -> None:
        self.data = bytearray()
        self.restarts = 0
        self.resumed = False

    def restart(self) -> None:
        self.restarts += 1
        self.data.clear()

    def write(self, data: bytes) -> None:
        self.data += data


def got(transport: HttpxTransport, server: FaultyServer, **more: object) -> Kept:
    sink = Kept()
    request = Request(Url.parse(server.url("/a")), **{"max_bytes": 1 << 20, "max_bytes_name": "artifact_bytes", "into": sink} | more)  # type: ignore[arg-type]
    response = transport.send(request)
    assert response.status == 200
    sink.resumed = response.resumed
    return sink


@pytest.mark.parametrize("validators", [(TAG,), DATED, (TAG, *DATED)], ids=["etag", "date", "both"])
def test_a_body_that_breaks_off_goes_on_where_it_did(server, transport, validators):
    part = faulty.part
    server.at("/a", part(CONTENT, *validators, cut=70_000), part(CONTENT, *validators, cut=1), faulty.reset, part(CONTENT, *validators))
    sink = got(transport, server)
    assert (bytes(sink.data), sink.restarts, sink.resumed) == (CONTENT, 1, True)
    asked = [(seen.headers.get("range"), seen.headers.get("if-range")) for seen in server.requests]
    assert asked == [(None, None), *[(f"bytes={start}-", validators[0][1]) for start in (70_000, 70_001, 70_001)]]


WEAK = {
    "nothing": (),
    "a weak etag": (("ETag", 'W/"one"'), *DATED),
    "an etag that is none": (("ETag", "one"),),
    "a date alone": DATED[:1],
    "a date of the same second": (DATED[0], ("Date", DATED[0][1])),
    "a server that says it cannot": (TAG, ("Accept-Ranges", "none")),
}


@pytest.mark.parametrize("name", WEAK)
def test_without_a_strong_validator_a_body_begins_anew(server, transport, name):
    server.at("/a", faulty.part(CONTENT, *WEAK[name], cut=70_000), faulty.part(CONTENT, *WEAK[name]))
    sink = got(transport, server)
    assert (bytes(sink.data), sink.restarts, sink.resumed) == (CONTENT, 2, False)
    assert "range" not in server.requests[1].headers


def test_a_body_that_changed_meanwhile_begins_anew(server, transport):
    new = CONTENT[::-1]
    server.at("/a", faulty.part(CONTENT, TAG, cut=70_000), faulty.part(new, ("ETag", '"two"')))
    sink = got(transport, server)
    assert (bytes(sink.data), sink.restarts, sink.resumed) == (new, 2, False)
    assert server.requests[1].headers["range"] == "bytes=70000-"


def partial(content_range: str, body: bytes, *headers: tuple[str, str]) -> faulty.Answer:
    return faulty.body(body, ("Content-Range", content_range), *headers, code=206)


WRONG_PARTS = {
    "no range": faulty.body(CONTENT[70_000:], code=206),
    "another start": partial("bytes 69999-199999/200000", CONTENT[69_999:]),
    "not to the end": partial("bytes 70000-99999/200000", CONTENT[70_000:100_000]),
    "another size": partial("bytes 70000-200000/200001", CONTENT[70_000:] + b"x"),
    "another etag": partial("bytes 70000-199999/200000", CONTENT[70_000:], ("ETag", '"two"')),
    "several": partial("", b"--x", ("Content-Type", "multipart/byteranges")),
    "not satisfiable": faulty.status(416, ("Content-Range", "bytes */5")),
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_another_part_than_the_one_that_was_asked_for_is_a_fault_and_the_next_attempt_begins_anew(server, transport, name):
    server.at("/a", faulty.part(CONTENT, TAG, cut=70_000), WRONG_PARTS[name], faulty.part(CONTENT, TAG))
    sink = got(transport, server)
    assert (bytes(sink.data), sink.restarts, sink.resumed) == (CONTENT, 2, False)
    assert "range" not in server.requests[2].headers


def test_a_part_of_a_body_whose_size_nobody_told_ends_where_the_part_says(server, transport):
    begun = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
    server.at("/a", faulty.raw(begun, close=True), faulty.part(b"hello world", TAG))
    assert bytes(got(transport, server).data) == b"hello world"
    assert server.requests[1].headers["range"] == "bytes=5-"


@pytest.mark.parametrize(
    ("first", "then"), [(CONTENT[70_000:70_100], "bytes=70100-"), (CONTENT[70_000:] + b"more", None)], ids=["too early", "too late"]
)
def test_a_part_that_does_not_end_where_it_said_is_a_fault(server, transport, first, then):
    header = b'HTTP/1.1 206 Part\r\nETag: "one"\r\nContent-Range: bytes 70000-199999/200000\r\nConnection: close\r\n\r\n'
    server.at("/a", faulty.part(CONTENT, TAG, cut=70_000), faulty.raw(header + first, close=True), faulty.part(CONTENT, TAG))
    assert bytes(got(transport, server).data) == CONTENT
    assert [seen.headers.get("range") for seen in server.requests] == [None, "bytes=70000-", then]


def test_all_parts_together_keep_to_the_limit(server, transport):
    begun = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
    server.at("/a", faulty.raw(begun, close=True), faulty.part(b"hello world", TAG))
    with pytest.raises(TooLargeError, match="artifact_bytes"):
        got(transport, server, max_bytes=10)


def test_a_body_goes_on_at_the_same_url_alone(server, transport):
    server.at("/a", faulty.part(CONTENT, TAG, cut=70_000), faulty.redirect("/b")).at("/b", faulty.part(CONTENT, TAG))
    assert got(transport, server).restarts == 2
    assert [seen.headers.get("range") for seen in server.requests] == [None, "bytes=70000-", None]


def test_a_page_never_goes_on(server, transport):
    server.at("/a", faulty.part(CONTENT, TAG, cut=70_000), faulty.part(CONTENT, TAG))
    response = transport.send(Request(Url.parse(server.url("/a")), max_bytes=1 << 20, max_bytes_name="page_bytes"))
    assert response.body == CONTENT
    assert "range" not in server.requests[1].headers


# --- files ---------------------------------------------------------------------


def file(server: FaultyServer, content: bytes = CONTENT, *, size: int | None = None) -> File:
    return File("a-1.tar.gz", Url.parse(server.url("/a")), frozenset({Digest("sha256", hashlib.sha256(content).hexdigest())}), size)


@pytest.mark.parametrize("validators", [(TAG,), ()])
def test_the_digest_is_that_of_the_whole_however_it_came(server, transport, tmp_path, validators):
    server.at("/a", faulty.part(CONTENT, *validators, cut=70_000), faulty.part(CONTENT, *validators))
    assert fetch_file(file(server), tmp_path / "a", transport=transport).path.read_bytes() == CONTENT
    assert ("range" in server.requests[1].headers) == bool(validators)


def test_parts_of_two_files_are_found_out_and_the_file_is_downloaded_whole(server, transport, tmp_path):
    other = bytes(len(CONTENT))
    server.at("/a", faulty.part(other, TAG, cut=70_000), faulty.part(CONTENT, TAG))
    assert fetch_file(file(server), tmp_path / "a", transport=transport).path.read_bytes() == CONTENT
    assert [seen.headers.get("range") for seen in server.requests] == [None, "bytes=70000-", None]
    server.at("/a", faulty.part(other, TAG, cut=70_000), faulty.part(other, TAG))
    with pytest.raises(DigestError):
        fetch_file(file(server), tmp_path / "b", transport=transport)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_parts_that_are_longer_than_the_file_are_found_out_and_it_is_downloaded_whole(server, transport, tmp_path):
    begun = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n' + CONTENT[:5] + b"\r\n"
    server.at("/a", faulty.raw(begun, close=True), faulty.part(CONTENT + b"more", TAG), faulty.body(CONTENT))
    assert fetch_file(file(server, size=len(CONTENT)), tmp_path / "a", transport=transport).path.read_bytes() == CONTENT
    assert [seen.headers.get("range") for seen in server.requests] == [None, "bytes=5-", None]
    server.at("/a", faulty.body(CONTENT + b"more"))
    with pytest.raises(DigestError):
        fetch_file(file(server, size=len(CONTENT)), tmp_path / "b", transport=transport)
    assert len(server.requests) == 4


def test_a_file_cut_short_on_the_way_or_before_it_and_one_of_other_bytes_are_three_things(server, transport, tmp_path):
    whole = file(server, size=len(CONTENT))
    server.at("/a", faulty.truncated(CONTENT[:1000], len(CONTENT)))
    with pytest.raises(UnavailableError, match="truncated after 1000 bytes") as broken:
        fetch_file(whole, tmp_path / "a", transport=transport)
    server.at("/a", faulty.body(CONTENT[:1000]))
    with pytest.raises(TruncatedError, match=r"expected 200000 bytes, got 1000 bytes") as short:
        fetch_file(whole, tmp_path / "a", transport=transport)
    server.at("/a", faulty.body(CONTENT[::-1]))
    with pytest.raises(DigestError) as wrong:
        fetch_file(whole, tmp_path / "a", transport=transport)
    problems = [broken.value, short.value, wrong.value]
    assert [problem.code for problem in problems] == ["unavailable", "truncated", "digest"]
    assert all(problem.retryable for problem in problems)
    assert list(tmp_path.iterdir()) == []


def test_parts_keep_to_the_limit_of_a_file(server, transport, tmp_path: Path):
    server.at("/a", faulty.part(CONTENT, TAG, cut=70_000))
    options = FetchOptions(limits=evolve(Limits(), artifact_bytes=100_000))
    with pytest.raises(TooLargeError):
        fetch_file(file(server), tmp_path / "a", transport=transport, options=options)
