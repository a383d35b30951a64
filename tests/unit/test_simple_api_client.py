import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.config import Index, Redirects
from pydeps_host.errors import (
    CertificateError,
    ClientCertificateError,
    ClosedError,
    DeadlineError,
    PageError,
    ProxyAccessError,
    RedirectError,
    TooLargeError,
    UnavailableError,
)
from pydeps_host.limiter import Priority
from pydeps_host.simple_api import Answer, Ask, KeptPage, SimpleClient
from pydeps_host.transport import Response
from pydeps_host.values import Limits, Outcome, Secret, Url
from scripted import Reply, Scripted, reply

FOO = canonicalize_name("foo")
INDEX = Index.of(Url.parse("https://user:canary@index.example.com/simple"))
PAGE = b'<title>Links for foo</title><a href="foo-1.0.tar.gz">x</a>'
EMPTY = b"<title>Links for foo</title>"


class Memory:
    """A page store in memory."""

    def __init__(self, page: KeptPage | None = None) -> None:
        self.page = page
        self.saves = 0

    def load(self, index: str, project: NormalizedName, /) -> KeptPage | None:
        return self.page

    def save(self, index: str, project: NormalizedName, page: KeptPage, /) -> None:
        assert (index, project) == (INDEX.name, FOO)
        self.page, self.saves = page, self.saves + 1


def ask(*replies: Response | Exception | Reply, index: Index = INDEX, limits: Limits | None = None) -> Answer:
    return SimpleClient(Scripted(*replies), limits=limits).ask(Ask(index, FOO))


def test_a_page_is_asked_for_with_the_trailing_slash_and_the_accept_header_of_the_specification():
    transport = Scripted(reply(200, PAGE))
    index = evolve(INDEX, redirects=Redirects.FOLLOW, allowed_hosts=("cdn.example.com",))
    SimpleClient(transport).ask(Ask(index, FOO, deadline=5.0, priority=Priority.WAITED_FOR))
    (sent,) = transport.requests
    assert sent.url.reveal() == "https://user:canary@index.example.com/simple/foo/"
    assert sent.accept == "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
    assert (sent.gzip, sent.max_bytes_name, sent.redirects) == (True, "page_bytes", Redirects.FOLLOW)
    assert (sent.allowed_hosts, sent.deadline, sent.priority) == (("cdn.example.com",), 5.0, Priority.WAITED_FOR)


def test_a_page_is_read_against_its_final_url():
    answer = ask(reply(200, PAGE, url="https://index.example.com/mirror/foo/"))
    assert answer.tried.outcome is Outcome.FOUND
    assert answer.project is not None
    assert answer.project.files[0].url.path == "/mirror/foo/foo-1.0.tar.gz"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Outcome.ABSENT),
        (410, Outcome.ABSENT),
        (401, Outcome.AUTHENTICATION_REQUIRED),
        (407, Outcome.PROXY_AUTHENTICATION_REQUIRED),
        (403, Outcome.FORBIDDEN),
        (451, Outcome.FORBIDDEN),
        (429, Outcome.RATE_LIMITED),
        (408, Outcome.UNAVAILABLE),
        (500, Outcome.UNAVAILABLE),
        (503, Outcome.UNAVAILABLE),
        (599, Outcome.UNAVAILABLE),
        (204, Outcome.NOT_AN_INDEX),
        (206, Outcome.NOT_AN_INDEX),
        (300, Outcome.NOT_AN_INDEX),
        (304, Outcome.NOT_AN_INDEX),
        (400, Outcome.NOT_AN_INDEX),
        (405, Outcome.NOT_AN_INDEX),
        (406, Outcome.NOT_AN_INDEX),
        (418, Outcome.NOT_AN_INDEX),
    ],
)
def test_every_status_has_an_outcome_and_only_404_and_410_mean_absent(status, outcome):
    answer = ask(reply(status, PAGE))
    assert (answer.tried.outcome, answer.tried.status, answer.project) == (outcome, status, None)


def test_an_index_may_name_more_statuses_that_mean_absent():
    assert ask(reply(403), index=evolve(INDEX, absent_status=frozenset({403}))).tried.outcome is Outcome.ABSENT


def test_a_rate_limit_says_until_when():
    tried = ask(reply(429, retry_after="3600")).tried
    assert tried.until is not None
    assert tried.until.tzinfo is UTC
    assert timedelta(minutes=59) < tried.until - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UnavailableError("u", "reset", None, 4), Outcome.UNAVAILABLE),
        (TooLargeError("u", "page_bytes", 1), Outcome.MALFORMED),
        (PageError("u", "malformed", "coding br"), Outcome.MALFORMED),
        (RedirectError("https://index.example.com/x", "https://other.example.com/", "another origin"), Outcome.REDIRECT_REFUSED),
        (CertificateError("u", "expired", "renew it"), Outcome.UNTRUSTED_CERTIFICATE),
        (ClientCertificateError("u", None, "show one", "none"), Outcome.CLIENT_CERTIFICATE_REQUIRED),
        (ProxyAccessError("u", 407, "correct it", "the proxy", "refuses"), Outcome.PROXY_AUTHENTICATION_REQUIRED),
    ],
)
def test_every_fault_has_an_outcome(error, outcome):
    assert ask(error).tried.outcome is outcome


@pytest.mark.parametrize("error", [DeadlineError("asking"), ClosedError("asking")])
def test_the_callers_own_stops_go_through(error):
    with pytest.raises(type(error)):
        ask(error)


@pytest.mark.parametrize(
    ("url", "target", "outcome"),
    [
        ("https://index.example.com/simple/foo/", "https://public.example.org/simple/foo/", Outcome.ABSENT),
        ("https://index.example.com/simple/foo/", "http://public.example.org/simple/foo/", Outcome.REDIRECT_REFUSED),
        ("https://index.example.com/simple/foo/", "http://index.example.com/simple/foo/", Outcome.REDIRECT_REFUSED),
        ("https://index.example.com/simple/foo/", "https://index.example.com/simple/foo/", Outcome.REDIRECT_REFUSED),
        ("https://allowed.example.com/foo/", "https://allowed.example.com/foo/", Outcome.REDIRECT_REFUSED),
        ("https://index.example.com/simple/foo/", "a place that is no URL", Outcome.REDIRECT_REFUSED),
    ],
)
def test_redirects_absent_speaks_of_other_origins_alone(url, target, outcome):
    index = evolve(INDEX, redirects=Redirects.ABSENT, allowed_hosts=("allowed.example.com",))
    assert ask(RedirectError(url, target, "why"), index=index).tried.outcome is outcome


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (EMPTY, Outcome.EMPTY),
        (b"<form><input type=password>", Outcome.NOT_AN_INDEX),
        (b"{", Outcome.MALFORMED),
        (b'<meta name="pypi:repository-version" content="2.0">', Outcome.UNSUPPORTED_VERSION),
        (PAGE + b'<meta name="pypi:project-status" content="quarantined">', Outcome.QUARANTINED),
        (EMPTY + b'<meta name="pypi:project-status" content="quarantined">', Outcome.QUARANTINED),
        (b'{"files": [{"filename": "a/b", "url": "x"}]}', Outcome.MALFORMED),
    ],
)
def test_every_page_has_an_outcome(body, outcome):
    assert ask(reply(200, body)).tried.outcome is outcome


def test_an_index_may_say_that_a_page_without_files_means_absent():
    index = evolve(INDEX, empty_is_absent=True)
    assert ask(reply(200, EMPTY), index=index).tried.outcome is Outcome.ABSENT
    assert ask(reply(200, EMPTY + b'<a href="../">up</a>'), index=index).tried.outcome is Outcome.ABSENT


@pytest.mark.parametrize(
    "body", [b'{"files": [5]}', b"<form><input type=password>", EMPTY + b'<meta name="pypi:project-status" content="quarantined">']
)
def test_what_is_not_simply_empty_never_means_absent(body):
    assert ask(reply(200, body), index=evolve(INDEX, empty_is_absent=True)).tried.outcome is not Outcome.ABSENT


def test_no_secret_is_shown_by_what_was_tried():
    for one in (reply(200, PAGE), reply(401), reply(200, b"{")):
        assert "canary" not in f"{ask(one)} {ask(one)!r}"


ECHOES = {
    "title": b"<title>Index of /t0ken/simple/foo</title><form><input type=password>",
    "error in JSON": b'{"error": "no such token: t0ken"}',
    "error that is cut short": b'{"error": "' + b"x" * 497 + b't0ken"}',
    "quarantine": PAGE + b'<meta name="pypi:project-status" content="quarantined"><meta name="pypi:project-status-reason" content="t0ken">',
    "entry": b'{"files": [{"filename": "a/t0ken", "url": "x"}]}',
}
ASKED = {
    "path": Url(INDEX.url.origin, "/t0ken/simple", hidden=(Secret("t0ken", "${TOKEN}"),)),
    "query": Url.parse("https://index.example.com/simple?t=t0ken"),
    "password": Url.parse("https://user:t0ken@index.example.com/simple"),
    "user": Url.parse("https://t0ken@index.example.com/simple"),
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("echo", ECHOES)
def test_what_a_server_repeats_of_a_secret_is_not_told(echo, asked):
    answer = ask(reply(200, ECHOES[echo]), index=evolve(INDEX, url=ASKED[asked]))
    assert answer.tried.detail
    assert "t0k" not in f"{answer.tried.detail} {answer.tried}"


def test_what_a_server_repeats_after_a_redirect_is_not_told_either():
    answer = ask(reply(200, ECHOES["title"], url="https://index.example.com/login"), index=evolve(INDEX, url=ASKED["query"]))
    assert "t0k" not in answer.tried.detail


# --- kept pages --------------------------------------------------------------


def kept_after(**headers: str) -> tuple[Memory, SimpleClient, Scripted]:
    store, transport = Memory(), Scripted(reply(200, PAGE, **headers))
    client = SimpleClient(transport, pages=store)
    assert client.ask(Ask(INDEX, FOO)).project is not None
    return store, client, transport


def test_a_304_means_use_the_kept_page():
    store, client, transport = kept_after(etag='"1"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    transport.replies = [reply(304)]
    answer = client.ask(Ask(INDEX, FOO))
    assert transport.requests[-1].headers == (("If-None-Match", '"1"'), ("If-Modified-Since", "Mon, 01 Jan 2024 00:00:00 GMT"))
    assert answer.tried.outcome is Outcome.FOUND
    assert answer.project is not None
    assert answer.project.files[0].url.credentials == INDEX.url.credentials
    assert store.saves == 1


def test_a_200_in_place_of_a_304_is_read_and_kept():
    store, client, transport = kept_after(etag='"1"')
    transport.replies = [reply(200, PAGE + b'<a href="foo-2.0.tar.gz">x</a>', etag='"2"'), reply(304)]
    for _ in range(2):
        answer = client.ask(Ask(INDEX, FOO))
        assert answer.project is not None
        assert len(answer.project.files) == 2
    assert store.saves == 2


def test_a_page_that_did_not_change_is_not_written_again():
    store, client, transport = kept_after(etag='"1"')
    transport.replies = [reply(200, PAGE, etag='"1"')]
    assert client.ask(Ask(INDEX, FOO)).project is not None
    assert store.saves == 1


def test_a_page_without_a_validator_is_not_kept():
    assert kept_after()[0].saves == 0


def test_a_page_that_cannot_be_read_is_not_kept():
    store = Memory()
    SimpleClient(Scripted(reply(200, b"<form><input type=password>", etag='"1"')), pages=store).ask(Ask(INDEX, FOO))
    assert store.page is None


A_NUMBER: Any = 5
NULL: Any = None
DAMAGE: dict[str, Callable[[KeptPage], KeptPage]] = {
    "body": lambda page: evolve(page, body=page.body[:-1]),
    "etag": lambda page: evolve(page, etag='"\r\nX: y"'),
    "etag beyond ASCII": lambda page: evolve(page, etag='"\u00e9"'),
    "long etag": lambda page: evolve(page, etag="x" * 5000),
    "a number": lambda page: evolve(page, etag=A_NUMBER),
    "null": lambda page: evolve(page, url=NULL),
    "digest": lambda page: evolve(page, sha256="0" * 64),
    "other access": lambda page: evolve(page, access=""),
    "no validator": lambda page: evolve(page, etag=""),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_kept_page_is_not_asked_about(damage):
    store, client, transport = kept_after(etag='"1"')
    assert store.page is not None
    store.page = damage(store.page)
    transport.replies = [reply(200, PAGE, etag='"1"')]
    assert client.ask(Ask(INDEX, FOO)).project is not None
    assert transport.requests[-1].headers == ()


@pytest.mark.parametrize("change", [{"body": b"{"}, {"url": "nonsense"}])
def test_a_kept_page_that_cannot_be_read_any_more_is_asked_for_anew(change):
    store, client, transport = kept_after(etag='"1"')
    assert store.page is not None
    store.page = evolve(store.page, **change)
    store.page = evolve(store.page, sha256=hashlib.sha256(store.page.body).hexdigest())
    transport.replies = [reply(304), reply(200, PAGE)]
    assert client.ask(Ask(INDEX, FOO)).project is not None
    assert [bool(request.headers) for request in transport.requests] == [False, True, False]


@pytest.mark.parametrize("url", ["https://user:other@index.example.com/simple", "https://index.example.com/simple?token=x"])
def test_a_kept_page_is_not_used_with_another_url_or_other_credentials(url):
    store, _, _ = kept_after(etag='"1"')
    transport = Scripted(reply(200, PAGE))
    SimpleClient(transport, pages=store).ask(Ask(evolve(INDEX, url=Url.parse(url)), FOO))
    assert transport.requests[0].headers == ()


def test_a_kept_page_holds_no_secret():
    store, _, _ = kept_after(etag='"1"', url="https://user:canary@index.example.com/elsewhere/foo/")
    assert store.page is not None
    assert store.page.url == "https://index.example.com/elsewhere/foo/"
    assert "canary" not in repr(store.page)
    assert hashlib.sha256(INDEX.url.reveal().encode()).hexdigest() not in repr(store.page)


def test_a_redirected_page_is_kept_with_where_it_came_from():
    _, client, transport = kept_after(etag='"1"', url="https://index.example.com/elsewhere/foo/")
    transport.replies = [reply(304)]
    project = client.ask(Ask(INDEX, FOO)).project
    assert project is not None
    assert project.files[0].url.reveal() == "https://user:canary@index.example.com/elsewhere/foo/foo-1.0.tar.gz"


def test_a_page_whose_final_url_holds_a_query_is_not_kept():
    assert kept_after(etag='"1"', url="https://cdn.example.com/foo?signature=x")[0].page is None


SECRET_PAGES = {
    "signed": (INDEX.url, '<a href="/f/foo-1.0.tar.gz?X-Amz-Signature=x">x</a>'),
    "signed, in JSON": (INDEX.url, '{"files": [{"filename": "foo-1.0.tar.gz", "url": "https://x.example.com/f?sig=x", "hashes": {}}]}'),
    "credentials of its own": (INDEX.url, '<a href="https://a:b@files.example.com/foo-1.0.tar.gz">x</a>'),
    "password of the index": (INDEX.url, '<a href="https://user:canary@index.example.com/foo-1.0.tar.gz">x</a>'),
    "token in the path": (
        Url(INDEX.url.origin, "/t0ken/simple", hidden=(Secret("t0ken", "${TOKEN}"),)),
        '<title>Index of /t0ken/simple/foo</title><a href="foo-1.0.tar.gz">x</a>',
    ),
    "token in the query": (Url.parse("https://index.example.com/simple?t=t0ken"), '<a href="foo-1.0.tar.gz">x</a><!-- t0ken -->'),
}


@pytest.mark.parametrize("name", SECRET_PAGES)
def test_a_page_with_a_secret_is_not_kept_and_takes_what_was_kept_along(name):
    url, body = SECRET_PAGES[name]
    index = evolve(INDEX, url=url)
    store = Memory()
    transport = Scripted(reply(200, PAGE, etag='"1"'), reply(200, body.encode(), etag='"2"'), reply(200, body.encode()))
    for saves in (1, 2, 2):
        answer = SimpleClient(transport, pages=store).ask(Ask(index, FOO))
        assert (answer.tried.outcome, store.saves) == (Outcome.FOUND, saves)
    assert store.page == KeptPage(b"", "")
    assert [bool(request.headers) for request in transport.requests] == [False, True, False]


def test_links_of_its_own_origin_let_a_page_be_kept_though_credentials_go_there():
    files = [{"filename": "foo-1.0.tar.gz", "url": link, "hashes": {"sha256": "0" * 64}} for link in ("https://index.example.com/f", "/g")]
    store = Memory()
    SimpleClient(Scripted(reply(200, json.dumps({"files": files}).encode(), etag='"1"')), pages=store).ask(Ask(INDEX, FOO))
    assert store.saves == 1


def test_credentials_in_links_are_found_though_they_are_not_the_first():
    links = ["https://a:b@files.example.com/f", "https://a:b@files.example.com/g"]
    files = [{"filename": "foo-1.0.tar.gz", "url": link, "hashes": {"sha256": "0" * 64}} for link in links]
    files[0]["url"] = "f"
    left_out = {"filename": "foo-2.0.tar.gz", "url": links[0], "hashes": {"sha256": "0"}}
    for listed in (files, files[::-1], [left_out, files[1]]):
        store = Memory()
        SimpleClient(Scripted(reply(200, json.dumps({"files": listed}).encode(), etag='"1"')), pages=store).ask(Ask(INDEX, FOO))
        assert store.saves == 0


@pytest.mark.parametrize("anew", [reply(200, PAGE), reply(200, PAGE, etag='"2"', url="https://index.example.com/simple/foo/?v=2")])
def test_what_was_kept_goes_where_what_comes_anew_is_not_to_be_kept(anew):
    store, _, _ = kept_after(etag='"1"')
    SimpleClient(Scripted(anew), pages=store, refresh=True).ask(Ask(INDEX, FOO))
    transport = Scripted(reply(200, PAGE))
    SimpleClient(transport, pages=store).ask(Ask(INDEX, FOO))
    assert transport.requests[0].headers == ()


def test_what_is_asked_for_anew_is_asked_for_without_what_is_kept_here_or_on_the_way():
    store, _, _ = kept_after(etag='"1"')
    transport = Scripted(reply(200, EMPTY, etag='"2"'))
    answer = SimpleClient(transport, pages=store, refresh=True).ask(Ask(INDEX, FOO))
    assert transport.requests[0].headers == (("Cache-Control", "no-cache"),)
    assert answer.tried.outcome is Outcome.EMPTY
    assert store.page is not None
    assert (store.page.body, store.page.etag) == (EMPTY, '"2"')


# --- an index that goes back in time -----------------------------------------


def numbered(serial: object, *versions: str) -> bytes:
    files = [{"filename": f"foo-{text}.tar.gz", "url": "x"} for text in versions]
    return json.dumps({"meta": {"api-version": "1.0", "_last-serial": serial}, "files": files}).encode()


def seen_then(first: Reply, *second: Reply, refresh: bool = False) -> tuple[Answer, Memory]:
    store = Memory()
    assert SimpleClient(Scripted(first), pages=store).ask(Ask(INDEX, FOO)).notice == ""
    return SimpleClient(Scripted(*second), pages=store, refresh=refresh).ask(Ask(INDEX, FOO)), store


def files_of(answer: Answer) -> list[str]:
    assert answer.project is not None
    return [file.filename for file in answer.project.files]


@pytest.mark.parametrize("validator", [{}, {"etag": '"9"'}])
def test_a_page_of_a_lower_serial_than_was_seen_before_is_not_used_and_that_is_told(validator):
    newer, older = reply(200, numbered(9, "1.0", "2.0"), **validator), reply(200, numbered(5, "1.0"), etag='"5"')
    answer, store = seen_then(newer, older)
    assert files_of(answer) == ["foo-1.0.tar.gz", "foo-2.0.tar.gz"]
    assert answer.tried.outcome is Outcome.FOUND
    assert "serial 5, and 9 was seen before" in answer.notice
    assert "canary" not in answer.notice
    assert store.saves == 1


@pytest.mark.parametrize("serial", [9, 10, None, "5", -1, True])
def test_a_page_of_the_same_serial_or_a_higher_one_or_none_is_used(serial):
    answer, _ = seen_then(reply(200, numbered(9, "1.0", "2.0")), reply(200, numbered(serial, "1.0")))
    assert (files_of(answer), answer.notice) == (["foo-1.0.tar.gz"], "")


def test_an_html_page_has_its_serial_in_a_header():
    newer, older = reply(200, PAGE, x_pypi_last_serial="9"), reply(200, EMPTY, x_pypi_last_serial="5")
    answer, _ = seen_then(newer, older)
    assert (files_of(answer), bool(answer.notice)) == (["foo-1.0.tar.gz"], True)


@pytest.mark.parametrize("serial", ["", "five", "-5", "\u0665", "5" * 5000])
def test_a_serial_that_is_no_number_says_nothing(serial):
    answer, store = seen_then(reply(200, PAGE, x_pypi_last_serial="9"), reply(200, EMPTY, x_pypi_last_serial=serial))
    assert (answer.tried.outcome, answer.notice) == (Outcome.EMPTY, "")
    assert store.saves == 1


def test_an_index_that_was_set_back_on_purpose_is_believed_when_it_is_asked_anew():
    newer, older = reply(200, numbered(9, "1.0", "2.0")), reply(200, numbered(5, "1.0"))
    answer, store = seen_then(newer, older, refresh=True)
    assert (files_of(answer), answer.notice) == (["foo-1.0.tar.gz"], "")
    assert store.page is not None
    assert store.page.serial == 5


def test_a_page_that_came_by_other_credentials_says_nothing_of_going_back():
    store = Memory()
    SimpleClient(Scripted(reply(200, numbered(9, "1.0", "2.0"))), pages=store).ask(Ask(INDEX, FOO))
    other = evolve(INDEX, url=Url.parse("https://other:user@index.example.com/simple"))
    answer = SimpleClient(Scripted(reply(200, numbered(5, "1.0"))), pages=store).ask(Ask(other, FOO))
    assert (files_of(answer), answer.notice) == (["foo-1.0.tar.gz"], "")


@pytest.mark.parametrize("change", [{"serial": "9"}, {"serial": True}, {"body": b"{"}])
def test_a_kept_page_that_is_damaged_says_nothing_of_going_back(change):
    store = Memory()
    SimpleClient(Scripted(reply(200, numbered(9, "1.0", "2.0"))), pages=store).ask(Ask(INDEX, FOO))
    assert store.page is not None
    store.page = evolve(store.page, **change)
    store.page = evolve(store.page, sha256=hashlib.sha256(store.page.body).hexdigest())
    answer = SimpleClient(Scripted(reply(200, numbered(5, "1.0"))), pages=store).ask(Ask(INDEX, FOO))
    assert files_of(answer) == ["foo-1.0.tar.gz"]
    assert answer.notice == ""


# --- what is told ------------------------------------------------------------


def test_what_was_tried_tells_the_status():
    assert str(ask(reply(200, PAGE)).tried).endswith("/simple/foo/: found (status 200)")
    assert str(ask(reply(404)).tried).endswith("/simple/foo/: absent (status 404)")


@pytest.mark.parametrize(("url", "hinted"), [("https://index.example.com", True), ("https://index.example.com/simple", False)])
def test_a_404_of_an_index_without_a_path_hints_at_the_path_that_is_missing(url, hinted):
    answer = ask(reply(404), index=Index.of(Url.parse(url)))
    assert answer.tried.outcome is Outcome.ABSENT
    assert ("often ends in /simple" in answer.tried.detail) is hinted
