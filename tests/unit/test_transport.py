"""The transport's pure parts: values, redirects, Retry-After, bodies, faults, the environment."""

import gzip
import logging
import pickle
import subprocess
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

import pytest

from pydeps_host.config import Redirects
from pydeps_host.errors import ClosedError, DeadlineError, PageError, RedirectError, TooLargeError, UsageError
from pydeps_host.limiter import Stop
from pydeps_host.transport import Headers, HttpxTransport, Request, Response, TransportOptions
from pydeps_host.transport.body import glimpse, receive
from pydeps_host.transport.call import AbandonedError, Call, Patience
from pydeps_host.transport.discretion import Discretion
from pydeps_host.transport.environment import Bundle, Proxy, certificates, proxies, proxy_for
from pydeps_host.transport.pauses import Pauses, backoff
from pydeps_host.transport.redirects import redirect_target, same_origin
from pydeps_host.transport.retry_after import retry_after
from pydeps_host.values import Origin, Url

NOW = datetime(2024, 3, 1, 12, 0, 0, tzinfo=UTC)


def request(url: str = "https://a.example.com/simple/x/", **more: object) -> Request:
    return Request(Url.parse(url), **{"max_bytes": 1000, "max_bytes_name": "page_bytes"} | more)  # type: ignore[arg-type]


# --- values ------------------------------------------------------------------


def test_header_names_are_found_in_any_case_and_in_order() -> None:
    headers = Headers.from_raw([(b"ETag", b'"a"'), (b"Set-Cookie", b"x=1"), (b"set-cookie", b"y=2")])
    assert headers.get("etag") == headers["ETAG"] == '"a"'
    assert headers.get_all("SET-COOKIE") == ("x=1", "y=2")
    assert headers.get("missing") is None
    assert "EtAg" in headers
    assert list(headers) == ["etag", "set-cookie"]
    assert len(headers) == 2
    with pytest.raises(KeyError):
        headers["missing"]


def test_the_repr_of_headers_request_and_response_shows_no_value() -> None:
    headers = Headers.of([("Location", "https://example.com/?token=hush")])
    response = Response(Url.parse("https://u:hush@example.com/"), 200, headers, b"hush", 1)
    asked = request("https://u:hush@example.com/", headers=(("If-None-Match", "hush"),))
    assert "hush" not in repr(headers) + repr(response) + repr(asked)


def test_headers_and_responses_are_values() -> None:
    response = Response(Url.parse("https://example.com/"), 200, Headers.of([("A", "b")]), b"", 1)
    assert pickle.loads(pickle.dumps(response)).headers == response.headers
    assert hash(response.headers) == hash(Headers.of([("a", "b")]))


@pytest.mark.parametrize("name", ["Authorization", "cookie", "Host", "Accept-Encoding", "Proxy-Authorization"])
def test_a_header_that_the_transport_sets_or_that_carries_credentials_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="set by the transport"):
        request(headers=((name, "x"),))


@pytest.mark.parametrize("value", ["a\r\nb: c", "\x00", "\x7f", "\u20ac"])
def test_a_header_value_that_cannot_be_sent_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="cannot be sent"):
        request(headers=(("If-None-Match", value),))


def test_a_folder_is_not_asked_over_the_network() -> None:
    with pytest.raises(UsageError, match="file URL"):
        request("file:///srv/index/")


@pytest.mark.parametrize("field", ["connect_timeout", "read_timeout", "attempts", "max_connections", "backoff", "pause_cap"])
def test_options_that_are_not_above_zero_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        TransportOptions(**{field: 0})  # type: ignore[arg-type]


# --- Retry-After -------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("0", None, 0),
        ("120", None, 120),
        (" 7 ", None, 7),
        ("9" * 5000, None, 366 * 86400),
        ("-5", None, None),
        ("1.5", None, None),
        ("\u0665", None, None),
        ("", None, None),
        ("soon", None, None),
        (None, None, None),
        ("Fri, 01 Mar 2024 12:00:30 GMT", None, 30),
        ("Fri, 01 Mar 2024 11:00:30 GMT", None, 0),
        # The server's clock is a day slow: only its own two dates are compared.
        ("Thu, 29 Feb 2024 12:00:45 GMT", "Thu, 29 Feb 2024 12:00:00 GMT", 45),
        ("Fri, 01 Mar 2024 12:00:30 GMT", "rubbish", 30),
        ("Fri Mar  1 12:00:10 2024", None, 10),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None, 366 * 86400),
        ("Fri, 99 Mar 2024 12:00:30 GMT", None, None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nonsense_is_nothing(value: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after(value, date, NOW) == seconds


def test_a_response_tells_when_to_come_back_by_our_clock() -> None:
    headers = Headers.of([("Retry-After", "90"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])
    assert Response(Url.parse("https://a/"), 429, headers, b"", 4, received=NOW).retry_at == NOW + timedelta(seconds=90)
    assert Response(Url.parse("https://a/"), 429, Headers(), b"", 4).retry_at is None


# --- pauses ------------------------------------------------------------------


def test_backoff_has_full_jitter_below_a_doubling_ceiling() -> None:
    options = TransportOptions(backoff=1, backoff_cap=4)
    for attempt, ceiling in [(1, 1), (2, 2), (3, 4), (4, 4), (10**6, 4)]:
        drawn = [backoff(attempt, options) for _ in range(400)]
        assert 0 <= min(drawn) < ceiling * 0.1
        assert ceiling * 0.9 < max(drawn) <= ceiling


def test_a_pause_holds_for_its_origin_alone_and_the_longer_one_stays() -> None:
    pauses, one, other = Pauses(TransportOptions()), Origin("https", "a", 443), Origin("https", "b", 443)
    pauses.hold(one, 50)
    pauses.hold(one, 10)
    assert 49 < pauses.remaining(one) <= 50
    assert pauses.remaining(other) == 0


def test_pauses_that_are_over_are_forgotten_with_the_next_sync() -> None:
    pauses = Pauses(TransportOptions())
    for number in range(50):
        pauses.hold(Origin("https", f"h{number}", 443), 0)
    pauses.renew()
    assert pauses._states == {}


# --- redirects ---------------------------------------------------------------


def follow(asked: Request, location: str, *, visited: tuple[str, ...] = (), status: int = 302) -> Url | None:
    hops = [asked.url, *(Url.parse(one) for one in visited)]
    return redirect_target(asked, hops, status, Headers.of([("Location", location)]))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_origin_keeps_the_credentials(status: int) -> None:
    target = follow(request("https://u:p@a.example.com/x", redirects=Redirects.REFUSE), "/y?z", status=status)
    assert target is not None
    assert target.reveal() == "https://u:p@a.example.com/y?z"


@pytest.mark.parametrize("status", [200, 300, 304, 305, 404])
def test_other_statuses_are_no_redirects(status: int) -> None:
    assert follow(request(), "/y", status=status) is None


def test_a_redirect_without_a_location_is_an_answer() -> None:
    assert redirect_target(request(), [request().url], 302, Headers()) is None


@pytest.mark.parametrize(
    "location",
    ["https://b.example.com/", "https://a.example.com:444/", "//b.example.com/", "https://evil:pw@b.example.com/"],
)
def test_another_origin_never_sees_the_credentials(location: str) -> None:
    target = follow(request("https://u:p@a.example.com/x"), location)
    assert target is not None
    assert target.credentials is None


def test_user_information_in_a_target_is_not_sent_even_to_the_same_origin() -> None:
    target = follow(request("https://u:p@a.example.com/x"), "https://evil:pw@a.example.com/y")
    assert target is not None
    assert target.reveal() == "https://u:p@a.example.com/y"


def test_credentials_come_back_with_their_own_origin() -> None:
    target = follow(request("https://u:p@a.example.com/x"), "https://a.example.com/y", visited=("https://b.example.com/",))
    assert target is not None
    assert target.reveal() == "https://u:p@a.example.com/y"


@pytest.mark.parametrize("redirects", [Redirects.REFUSE, Redirects.ABSENT])
def test_another_origin_is_refused_unless_it_is_to_be_followed_or_its_host_is_allowed(redirects: Redirects) -> None:
    with pytest.raises(RedirectError, match="another origin"):
        follow(request(redirects=redirects), "https://b.example.com/")
    allowed = request(redirects=redirects, allowed_hosts=("b.example.com",))
    assert follow(allowed, "https://B.example.com:8443/") is not None
    with pytest.raises(RedirectError, match="another origin"):
        follow(allowed, "https://c.b.example.com/")
    assert follow(request(redirects=Redirects.FOLLOW), "https://b.example.com/") is not None


def test_http_to_https_on_one_host_with_default_ports_is_the_same_origin() -> None:
    target = follow(request("http://u:p@a.example.com/x", redirects=Redirects.REFUSE), "https://a.example.com/x")
    assert target is not None
    assert target.reveal() == "https://u:p@a.example.com/x"
    home = Origin("http", "a", 80)
    assert not same_origin(home, Origin("https", "a", 8443))
    assert not same_origin(Origin("http", "a", 8080), Origin("https", "a", 443))
    assert not same_origin(home, Origin("https", "b", 443))
    assert not same_origin(Origin("https", "a", 443), home)


@pytest.mark.parametrize("redirects", list(Redirects))
def test_https_is_never_left_for_http(redirects: Redirects) -> None:
    asked = request("https://u:p@a.example.com/x", redirects=redirects, allowed_hosts=("a.example.com",))
    with pytest.raises(RedirectError, match="never left"):
        follow(asked, "http://a.example.com/x")
    upgraded = request("http://a.example.com/x", redirects=Redirects.FOLLOW)
    with pytest.raises(RedirectError, match="never left"):
        follow(upgraded, "http://a.example.com/y", visited=("https://b.example.com/",))


def test_only_http_and_https_are_followed() -> None:
    with pytest.raises(RedirectError, match="only http and https"):
        follow(request(), "file:///etc/passwd")
    for location in ("ftp://a/", "javascript:alert(1)", "https://[::1", "http://", "/a b"):
        with pytest.raises(RedirectError, match="no URL"):
            follow(request(), location)


def test_a_loop_is_refused() -> None:
    with pytest.raises(RedirectError, match="loop"):
        follow(request("https://u:p@a.example.com/x"), "/x")
    with pytest.raises(RedirectError, match="loop"):
        follow(request(), "/z", visited=("https://a.example.com/y", "https://a.example.com/z"))


def test_ten_redirects_are_followed_and_no_eleventh() -> None:
    visited = tuple(f"https://a.example.com/{number}" for number in range(9))
    assert follow(request(), "/ten", visited=visited) is not None
    with pytest.raises(RedirectError, match="number 11"):
        follow(request(), "/eleven", visited=(*visited, "https://a.example.com/ten"))


def test_two_places_at_once_are_refused() -> None:
    headers = Headers.of([("Location", "/y"), ("Location", "/z")])
    with pytest.raises(RedirectError, match="more than one"):
        redirect_target(request(), [request().url], 302, headers)


def test_no_frame_of_a_refused_redirect_shows_where_it_leads() -> None:
    for places in (["https://b/?sig=hush", "https://c/?sig=hush"], ["https://b:99999/?sig=hush"]):
        headers = Headers.of([("Location", place) for place in places])
        with pytest.raises(RedirectError) as caught:
            redirect_target(request(), [request().url], 302, headers)
        # The first frame is that of this test itself.
        assert "hush" not in frames_of(caught.value.__traceback__.tb_next if caught.value.__traceback__ else None)


def frames_of(first: TracebackType | None) -> str:
    return "".join(traceback.StackSummary.extract(traceback.walk_tb(first), capture_locals=True).format())


def test_the_frames_of_work_that_failed_hold_nothing() -> None:
    def read(text: str) -> None:
        piece = text.encode()
        piece.index(b"none")

    def fail(_: Call[None]) -> None:
        piece = b"<a href=x?sig=hush>"
        try:
            read(piece.decode())
        except ValueError:
            raise KeyError(len(piece)) from None

    with pytest.raises(KeyError) as caught:
        Call(fail).result(Patience(Stop(), None, "working"))
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "b'<a href" not in shown
    assert caught.value.__context__ is not None
    assert "b'<a href" not in frames_of(caught.value.__context__.__traceback__)


def test_a_location_in_utf_8_is_read_as_that() -> None:
    target = follow(request(), "/caf\u00e9".encode().decode("latin-1"))
    assert target is not None
    assert target.path == "/caf%C3%A9"


def test_a_redirect_error_shows_no_secret() -> None:
    asked = request("https://u:hush@a.example.com/x", redirects=Redirects.REFUSE)
    with pytest.raises(RedirectError) as caught:
        follow(asked, "https://b.example.com/?token=hush")
    assert "hush" not in str(caught.value) + repr(caught.value)


# --- bodies ------------------------------------------------------------------


def body_of(pieces: list[bytes], *, coding: str | None = None, zipped: bool = False, limit: int = 1000) -> bytes:
    headers = Headers.of([("Content-Encoding", coding)] if coding is not None else [])
    parts: list[bytes] = []
    asked = request(gzip=zipped, max_bytes=limit)
    receive(asked, asked.url, headers, pieces, parts.append)
    return b"".join(parts)


@pytest.mark.parametrize("coding", [None, "identity", "", " Identity "])
def test_an_uncoded_body_is_given_as_it_comes(coding: str | None) -> None:
    assert body_of([b"ab", b"", b"c"], coding=coding) == b"abc"


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "gzip, identity"])
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_one_layer_of_gzip_is_taken_off_however_it_is_cut(coding: str, step: int) -> None:
    content = b"hello " * 100
    data = gzip.compress(content)
    assert body_of([data[at : at + step] for at in range(0, len(data), step)], coding=coding, zipped=True) == content


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "gzip, br", "zstd", "compress"])
def test_any_other_coding_is_an_error(coding: str) -> None:
    with pytest.raises(PageError, match="malformed"):
        body_of([gzip.compress(b"")], coding=coding, zipped=True)


def test_gzip_that_was_not_asked_for_is_an_error() -> None:
    with pytest.raises(PageError, match="no coding"):
        body_of([gzip.compress(b"")], coding="gzip")


def test_gzip_that_breaks_off_is_an_error() -> None:
    data = gzip.compress(b"hello " * 100)
    for end in (1, 5, 12, len(data) - 9, len(data) - 1):
        with pytest.raises(PageError, match="too early"):
            body_of([data[:end]], coding="gzip", zipped=True)


def test_gzip_that_is_damaged_is_an_error() -> None:
    data = bytearray(gzip.compress(b"hello " * 100))
    data[-6] ^= 1
    for wrong in (bytes(data), b"not gzip at all"):
        with pytest.raises(PageError, match="damaged"):
            body_of([wrong], coding="gzip", zipped=True)


def test_a_series_of_members_is_one_body_and_garbage_after_it_is_an_error() -> None:
    data = gzip.compress(b"hello ") + gzip.compress(b"world")
    assert body_of([data], coding="gzip", zipped=True) == b"hello world"
    assert body_of([data[:25], data[25:]], coding="gzip", zipped=True) == b"hello world"
    with pytest.raises(PageError, match="no gzip"):
        body_of([data + b"garbage"], coding="gzip", zipped=True)
    with pytest.raises(PageError, match="limit"):
        body_of([gzip.compress(b"") * 1001], coding="gzip", zipped=True, limit=10**6)


def test_a_coded_body_of_no_bytes_is_empty() -> None:
    assert body_of([], coding="gzip", zipped=True) == b""


@pytest.mark.parametrize("size", [0, 65535, 65536, 65537, 300_000])
def test_output_that_is_left_over_when_the_input_ends_is_not_lost(size: int) -> None:
    assert body_of([gzip.compress(bytes(size))], coding="gzip", zipped=True, limit=10**6) == bytes(size)


def test_the_limit_counts_inflated_bytes() -> None:
    assert len(body_of([gzip.compress(bytes(1000))], coding="gzip", zipped=True)) == 1000
    with pytest.raises(TooLargeError) as caught:
        body_of([gzip.compress(bytes(1001))], coding="gzip", zipped=True)
    assert (caught.value.limit, caught.value.allowed, caught.value.actual) == ("page_bytes", 1000, None)


def test_the_limit_counts_bytes_on_the_wire() -> None:
    with pytest.raises(TooLargeError):
        body_of([b"a" * 500, b"a" * 501])
    # A gzip member of empty stored blocks: much to read, nothing to give.
    empty_blocks = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 300 + b"\x03\x00" + bytes(8)
    assert len(empty_blocks) > 1000
    with pytest.raises(TooLargeError):
        body_of([empty_blocks], coding="gzip", zipped=True)


def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    pieces = iter([b"a"])
    headers = Headers.of([("Content-Length", "1001")])
    with pytest.raises(TooLargeError) as caught:
        receive(request(), request().url, headers, pieces, bytes)
    assert caught.value.actual == 1001
    assert next(pieces) == b"a"


def test_of_a_page_that_only_a_person_reads_the_beginning_is_kept() -> None:
    assert glimpse(Headers(), [b"sorry"]) == b"sorry"
    assert len(glimpse(Headers(), iter(lambda: b"x" * 1000, b""))) == 65536
    assert glimpse(Headers.of([("Content-Encoding", "br")]), [b"\x8b"]) == b""


# --- calls that can be left --------------------------------------------------


def test_a_call_gives_what_its_work_returns_or_raises() -> None:
    patience = Patience(Stop(), None, "testing")
    assert Call(lambda _: 3).result(patience) == 3

    def fail(_: Call[None]) -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        Call(fail).result(patience)


def test_a_deadline_and_a_stop_end_a_call_whose_work_is_stuck_within_a_tenth_of_a_second() -> None:
    stop, release, ended = Stop(), threading.Event(), list[str]()

    def stuck(call: Call[None]) -> None:
        call.on_abandon(lambda: ended.append("told"))
        release.wait(10)
        with pytest.raises(AbandonedError):
            call.guarded(lambda: ended.append("written"))
        call.on_abandon(lambda: ended.append("told late"))
        ended.append("done")

    began = time.monotonic()
    with pytest.raises(DeadlineError):
        Call(stuck).result(Patience(stop, began + 0.1, "testing"))
    assert 0.1 <= time.monotonic() - began < 0.2
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(ClosedError):
        Call(stuck).result(Patience(stop, None, "testing"))
    assert time.monotonic() - began < 0.15
    timer.join()
    release.set()
    while ended.count("done") < 2:
        time.sleep(0.001)
    assert sorted(ended) == ["done"] * 2 + ["told"] * 2 + ["told late"] * 2
    assert stop._callbacks == {}


def test_a_wait_that_a_deadline_would_cut_is_refused_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        Patience(Stop(), began + 5, "testing").sleep(6)
    assert time.monotonic() - began < 0.1


# --- the environment ---------------------------------------------------------

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("upper", [True, False])
def test_proxies_come_from_the_usual_variables(monkeypatch: pytest.MonkeyPatch, upper: bool) -> None:
    for name, value in [("https_proxy", "http://u:p%40@proxy:3128"), ("all_proxy", "other:8080"), ("no_proxy", ".example.org,127.0.0.1")]:
        monkeypatch.setenv(name.upper() if upper else name, value)
    options = TransportOptions()
    found = proxies(options)
    assert {scheme: (proxy.url.reveal(), proxy.source) for scheme, proxy in found.items()} == {
        "https": ("http://u:p%40@proxy:3128/", "HTTPS_PROXY" if upper else "https_proxy"),
        "http": ("http://other:8080/", "ALL_PROXY" if upper else "all_proxy"),
    }
    assert proxy_for(Origin("https", "a.example.com", 443), found, options) == found["https"]
    assert proxy_for(Origin("https", "a.example.org", 443), found, options) is None
    assert proxy_for(Origin("http", "127.0.0.1", 8080), found, options) is None
    assert proxies(TransportOptions(trust_environment=False)) == {}


def test_a_proxy_given_as_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
    monkeypatch.setenv("NO_PROXY", "*")
    options = TransportOptions(proxy=Url.parse("http://mine:3128"))
    found = proxies(options)
    assert proxy_for(Origin("https", "a.example.com", 443), found, options) == Proxy(Url.parse("http://mine:3128"), "`proxy`")


@pytest.mark.parametrize("value", ["socks5://user:hush@proxy:1080", "http://user:hush@pro xy", "file:///hush"])
def test_a_proxy_that_is_none_is_named_by_its_variable_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(UsageError, match="ALL_PROXY") as caught:
        HttpxTransport()
    assert "hush" not in str(caught.value)


def test_a_proxy_that_nothing_would_use_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy:1080")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    assert len(proxies(TransportOptions())) == 2


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_file_that_is_missing_is_an_error_that_names_variable_and_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "gone.pem"))
    with pytest.raises(UsageError, match=rf"gone\.pem \({name}\) are not there"):
        HttpxTransport()
    assert certificates(TransportOptions(trust_environment=False)) is None
    monkeypatch.setenv(name, "")
    assert certificates(TransportOptions()) is None


def test_a_certificate_file_given_as_an_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    assert certificates(TransportOptions(ca_bundle=tmp_path)) == Bundle(tmp_path, "`ca_bundle`")
    with pytest.raises(UsageError, match="ca_bundle"):
        HttpxTransport(options=TransportOptions(ca_bundle=tmp_path / "gone.pem"))


# --- log records -------------------------------------------------------------


def test_only_records_of_our_own_threads_are_shortened(caplog: pytest.LogCaptureFixture) -> None:
    discretion, logger = Discretion(), logging.getLogger("httpcore.http11")
    discretion.install()
    try:
        with caplog.at_level(logging.DEBUG):
            logger.debug("event.complete %s", "theirs")
            with discretion:
                logger.debug("event.complete %s", "hush")
            logger.debug("event.complete %s", "theirs again")
    finally:
        discretion.remove()
    assert [record.getMessage() for record in caplog.records] == ["event.complete theirs", "event.complete", "event.complete theirs again"]
    assert discretion not in logger.filters


def test_making_a_transport_loads_no_http_stack_and_starts_no_thread() -> None:
    program = """
import sys, threading
from pydeps_host.transport import HttpxTransport
with HttpxTransport(): pass
loaded = {"httpx", "httpcore", "cattrs", "pyrate_limiter"} & set(sys.modules)
assert not loaded, loaded
assert threading.active_count() == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
