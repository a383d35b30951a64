import copy
import json
import pickle
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from packaging.utils import canonicalize_name

from pydeps_host.errors import PageError, TooLargeError
from pydeps_host.simple_api import File, Project, SkippedEntry, parse_project
from pydeps_host.simple_api.html_page import Page
from pydeps_host.simple_api.links import Links
from pydeps_host.values import Digest, Limits, Secret, Url

PAGE = Url.parse("https://user:canary@index.example.com/simple/foo/")
SHA = "ab" * 32
V1_JSON = "application/vnd.pypi.simple.v1+json"


def html(body: str, *, head: str = "", url: Url = PAGE, content_type: str = "text/html", limits: Limits | None = None) -> Project:
    text = f"<!DOCTYPE html><html><head><title>Links for foo</title>{head}</head><body><h1>Links for foo</h1>{body}</body></html>"
    return parse_project(text.encode(), content_type=content_type, url=url, name="foo", limits=limits)


def document(*files: Any, **more: Any) -> bytes:
    keys = {key.replace("_", "-"): value for key, value in more.items()}
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "foo", "files": list(files), **keys}).encode()


def jsoned(*files: Any, url: Url = PAGE, **more: Any) -> Project:
    return parse_project(document(*files, **more), content_type=V1_JSON, url=url, name="foo")


def only(project: Project) -> File:
    (file,) = project.files
    return file


def entry(**more: Any) -> dict[str, Any]:
    return {"filename": "foo-1.0.tar.gz", "url": "/foo-1.0.tar.gz", "hashes": {"sha256": SHA}, **more}


def reason_of(body: bytes, content_type: str = "text/html") -> str:
    with pytest.raises(PageError) as caught:
        parse_project(body, content_type=content_type, url=PAGE, name="foo")
    assert "canary" not in str(caught.value)
    return caught.value.reason


# --- both kinds of page ------------------------------------------------------


def test_html_and_json_give_equal_values_in_every_field_that_html_can_carry():
    as_html = html(
        f'<a href="../../f/foo-1.0.tar.gz#sha256={SHA}" data-requires-python="&gt;=3.9" data-yanked="broken" '
        f'data-core-metadata="sha256={SHA}" data-provenance="https://example.com/p" data-gpg-sig="true">x</a>',
        head='<meta name="pypi:repository-version" content="1.1"><meta name="pypi:project-status" content="archived">'
        '<meta name="pypi:project-status-reason" content="moved">',
    )
    as_json = jsoned(
        {
            "filename": "foo-1.0.tar.gz",
            "url": "../../f/foo-1.0.tar.gz",
            "hashes": {"sha256": SHA},
            "requires-python": ">=3.9",
            "yanked": "broken",
            "core-metadata": {"sha256": SHA},
            "provenance": "https://example.com/p",
            "gpg-sig": True,
        },
        project_status={"status": "archived", "reason": "moved"},
    )
    assert as_html == as_json
    file = only(as_html)
    assert file.url.reveal() == "https://user:canary@index.example.com/f/foo-1.0.tar.gz"
    assert file.core_metadata == frozenset({Digest("sha256", SHA)})
    assert (file.yanked, file.yanked_reason, file.requires_python, file.has_signature) == (True, "broken", ">=3.9", True)


def test_json_carries_sizes_upload_times_versions_and_the_serial():
    project = jsoned(
        entry(size=12, **{"upload-time": "2024-01-02T03:04:05.678901Z"}),
        versions=["1.0", "2.0"],
        meta={"api-version": "1.4", "_last-serial": 7},
    )
    assert only(project).size == 12
    assert only(project).upload_time == datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert (project.versions, project.last_serial, project.api_version) == (("1.0", "2.0"), 7, "1.4")


@pytest.mark.parametrize(
    ("serial", "read"), [("999999999999999999", 10**18 - 1), ("1000000000000000000", None), ("9" * 5000, None), ("-1", None)]
)
def test_a_serial_has_eighteen_digits_at_most(serial, read):
    body = f'{{"meta": {{"_last-serial": {serial}}}, "files": []}}'.encode()
    assert parse_project(body, content_type="", url=PAGE, name="foo").last_serial == read


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
    ],
)
def test_an_upload_time_is_in_utc(text, moment):
    found = only(jsoned(entry(**{"upload-time": text}))).upload_time
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize("text", ["yesterday", 5, "0001-01-01T00:00:00+14:00", [], "2024-13-01", "\ud800"])
def test_a_bad_upload_time_costs_the_field_and_is_recorded(text):
    project = jsoned(entry(**{"upload-time": text}))
    assert only(project).upload_time is None
    assert project.skipped == (SkippedEntry("foo-1.0.tar.gz", "upload-time"),)


@pytest.mark.parametrize("size", [-1, True, "12", 1.5, 10**30, 2**63])
def test_a_bad_size_costs_the_field_and_is_recorded(size):
    project = jsoned(entry(size=size))
    assert only(project).size is None
    assert project.skipped == (SkippedEntry("foo-1.0.tar.gz", "size"),)


def test_a_null_size_is_an_unknown_one():
    project = jsoned(entry(size=None))
    assert only(project).size is None
    assert not project.skipped


@pytest.mark.parametrize(("value", "expected"), [("", False), (False, False), (None, False), (True, True), ("false", True)])
def test_yanked_in_json_is_a_boolean_or_a_reason(value, expected):
    assert only(jsoned(entry(yanked=value))).yanked is expected


@pytest.mark.parametrize(("attribute", "reason"), [("data-yanked", None), ('data-yanked=""', None), ('data-yanked="false"', "false")])
def test_yanked_in_html_is_the_attribute_whatever_its_value(attribute, reason):
    file = only(html(f'<a href="foo-1.0.tar.gz" {attribute}>x</a>'))
    assert (file.yanked, file.yanked_reason) == (True, reason)


@pytest.mark.parametrize("status", [{"status": "quarantined", "reason": "malware"}, "quarantined"])
@pytest.mark.parametrize("inside_meta", [True, False])
def test_a_project_status_is_read_at_the_top_and_inside_meta(status, inside_meta):
    meta = {"api-version": "1.4", **({"project-status": status} if inside_meta else {})}
    project = jsoned(meta=meta) if inside_meta else jsoned(meta=meta, project_status=status)
    assert project.status == "quarantined"
    assert project.status_reason == ("malware" if isinstance(status, dict) else None)


@pytest.mark.parametrize("key", ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"])
@pytest.mark.parametrize(("value", "expected"), [(True, frozenset()), (False, None), ({"sha256": SHA}, {Digest("sha256", SHA)})])
def test_core_metadata_has_three_names_in_json(key, value, expected):
    assert only(jsoned(entry(**{key: value}))).core_metadata == expected


def test_absent_hashes_are_no_digests():
    assert only(jsoned({"filename": "foo-1.0.tar.gz", "url": "/f"})).digests == frozenset()


# --- digests -----------------------------------------------------------------


def test_a_fragment_may_hold_several_values_and_upper_case():
    file = only(html(f'<A HREF="foo-1.0.tar.gz#SHA256={SHA.upper()}&amp;egg=foo&md5={"0" * 32}">x</A>'))
    assert file.digests == {Digest("sha256", SHA), Digest("md5", "0" * 32)}


@pytest.mark.parametrize("algorithm", ["sha512", "sha384", "sha1", "blake2b", "sha3_256"])
def test_any_digest_of_a_fixed_length_is_read(algorithm):
    digest = Digest.of(algorithm, "a" * {"sha512": 128, "sha384": 96, "sha1": 40, "blake2b": 128, "sha3_256": 64}[algorithm])
    assert only(html(f'<a href="foo-1.0.tar.gz#{algorithm}={digest.value}">x</a>')).digests == {digest}
    assert only(jsoned(entry(hashes={algorithm: digest.value}))).digests == {digest}


@pytest.mark.parametrize("fragment", ["sha256=", "egg=foo", "blake3=00", "sha256", "shake_128=00", ""])
def test_a_fragment_without_a_digest_that_can_be_checked_is_none(fragment):
    assert only(html(f'<a href="foo-1.0.tar.gz#{fragment}">x</a>')).digests == frozenset()


def test_a_digest_of_the_wrong_length_skips_the_entry_for_the_index_meant_to_vouch_for_it():
    good = '<a href="foo-2.0.tar.gz">x</a>'
    project = html(f'<a href="foo-1.0.tar.gz#sha256=abc">x</a>{good}')
    assert project.skipped == (SkippedEntry("foo-1.0.tar.gz#sha256=abc", "digest"),)
    assert (
        jsoned(entry(hashes={"sha256": "abc"}), entry(hashes={"sha256": 5}), entry(hashes=[1])).skipped
        == (SkippedEntry("foo-1.0.tar.gz", "digest"),) * 3
    )


# --- links -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("foo-1.0.tar.gz", "https://user:canary@index.example.com/simple/foo/foo-1.0.tar.gz"),
        ("../../p/foo-1.0.tar.gz", "https://user:canary@index.example.com/p/foo-1.0.tar.gz"),
        ("a/../../b/./foo-1.0.tar.gz", "https://user:canary@index.example.com/simple/b/foo-1.0.tar.gz"),
        ("/a/../p/foo-1.0.tar.gz", "https://user:canary@index.example.com/p/foo-1.0.tar.gz"),
        ("/p/foo-1.0.tar.gz", "https://user:canary@index.example.com/p/foo-1.0.tar.gz"),
        ("//files.example.org/foo-1.0.tar.gz", "https://files.example.org/foo-1.0.tar.gz"),
        ("http://files.example.org:8080/foo-1.0.tar.gz?token=1", "http://files.example.org:8080/foo-1.0.tar.gz?token=1"),
        ("https://index.example.com/foo-1.0.tar.gz", "https://user:canary@index.example.com/foo-1.0.tar.gz"),
        (" foo-1.0.tar.gz\n", "https://user:canary@index.example.com/simple/foo/foo-1.0.tar.gz"),
        ("foo-1.0 (1).tar.gz", "https://user:canary@index.example.com/simple/foo/foo-1.0%20(1).tar.gz"),
        ("foo-1.0%2Bx.tar.gz", "https://user:canary@index.example.com/simple/foo/foo-1.0%2Bx.tar.gz"),
        ("foo-\u00e9.tar.gz", "https://user:canary@index.example.com/simple/foo/foo-%C3%A9.tar.gz"),
    ],
)
def test_a_link_is_resolved_against_the_final_url(reference, expected):
    assert only(html(f'<a href="{reference}">x</a>')).url.reveal() == expected
    assert only(jsoned(entry(url=reference))).url.reveal() == expected


def test_the_first_base_with_a_reference_counts():
    head = '<base target="_top"><base href="../../files/"><base href="https://evil.example.com/">'
    assert only(html('<a href="foo-1.0.tar.gz">x</a>', head=head)).url.path == "/files/foo-1.0.tar.gz"


def test_a_base_elsewhere_takes_no_credentials_along_and_a_link_home_finds_them():
    head = '<base href="https://cdn.example.com/">'
    away, home = html('<a href="foo-1.0.tar.gz">x</a><a href="https://index.example.com/foo-2.0.tar.gz">x</a>', head=head).files
    assert away.url.credentials is None
    assert home.url.credentials == PAGE.credentials


def test_a_base_that_cannot_be_used_is_ignored():
    for reference in ("ftp://example.com/", "file:///etc/", "https://exa mple.com/"):
        assert only(html('<a href="foo-1.0.tar.gz">x</a>', head=f'<base href="{reference}">')).url.host == "index.example.com"


@pytest.mark.parametrize("reference", ["ftp://example.com/foo-1.0.tar.gz", "mailto:foo", "javascript:x", "https://a:b:c/x"])
def test_a_link_that_cannot_be_asked_is_skipped(reference):
    project = html(f'<a href="{reference}">x</a><a href="foo-1.0.tar.gz">x</a>')
    assert [one.reason for one in project.skipped] == ["link"]
    assert len(project.files) == 1


def test_a_page_from_a_server_links_only_to_servers_and_one_from_a_folder_only_to_files():
    crossing = html('<a href="file:///etc/foo-1.0.tar.gz">x</a><a href="foo-1.0.tar.gz">x</a>')
    assert crossing.skipped == (SkippedEntry("foo-1.0.tar.gz", "scheme"),)
    folder = Url.parse("file:///srv/simple/foo/index.html")
    crossing = html('<a href="https://example.com/foo-1.0.tar.gz">x</a><a href="foo-1.0.tar.gz">x</a>', url=folder)
    assert crossing.skipped == (SkippedEntry("foo-1.0.tar.gz", "scheme"),)
    assert only(crossing).url.path == "/srv/simple/foo/foo-1.0.tar.gz"


def test_what_is_recorded_of_a_skipped_link_shows_no_secret():
    project = html('<a href="https://u:canary@example.com:x/">x</a><a href="ftp://x/y?canary">x</a><a href="foo-1.0.tar.gz">x</a>')
    assert len(project.skipped) == 2
    assert "canary" not in str(project.skipped)


# --- file names --------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "foo-1.0...", "  foo\n", "<b>foo</b>-1.0<i>.tar.gz</i>", "other-9.tar.gz"])
def test_an_anchors_text_does_not_name_the_file(text):
    assert only(html(f'<a href="x/foo-1.0%2Blocal.tar.gz?y#z">{text}</a>')).filename == "foo-1.0+local.tar.gz"


def test_jsons_filename_names_the_file():
    assert only(jsoned(entry(url="/download/17"))).filename == "foo-1.0.tar.gz"


ODD_NAMES = ["a/b", "a\\b", "..", ".", "a\nb", "a\x00b", "a\u202eb", "a" * 256, "\u00e9" * 128, "\ud800", "\u2028"]


@pytest.mark.parametrize("filename", ODD_NAMES)
def test_a_file_name_is_one_printable_component_of_at_most_255_bytes(filename):
    project = jsoned(entry(filename=filename), entry())
    assert only(project).filename == "foo-1.0.tar.gz"
    assert [one.reason for one in project.skipped] == ["filename"]


@pytest.mark.parametrize("link", ["a%2Fb", "%2e%2e%2Fx", "a%00b", "a%5Cb", "a%0Ab", "%FF", "a" * 256])
def test_a_file_name_from_a_link_obeys_the_same_rule(link):
    project = html(f'<a href="x/{link}">x</a><a href="foo-1.0.tar.gz">x</a>')
    assert only(project).filename == "foo-1.0.tar.gz"
    assert [one.reason for one in project.skipped] == ["filename"]


def test_the_longest_name_is_taken():
    assert only(jsoned(entry(filename="a" * 255))).filename == "a" * 255


@pytest.mark.parametrize("odd", [5, None, "x", [], {}, {"filename": 5, "url": "x"}, {"filename": "x"}, {"filename": "x", "url": ""}])
def test_one_odd_entry_is_recorded_and_never_costs_the_page(odd):
    project = jsoned(odd, entry())
    assert only(project).filename == "foo-1.0.tar.gz"
    assert [one.reason for one in project.skipped] == ["entry"]


def test_links_to_folders_are_no_files():
    project = html('<a href="../">Parent</a><a href="?C=M">Date</a><a href="#top">top</a><a name="x">y</a><a href="foo-1.0.tar.gz">x</a>')
    assert len(project.files) == 1
    assert {one.reason for one in project.skipped} == {"no-filename"}


# --- what kind of page it is -------------------------------------------------


@pytest.mark.parametrize(
    "content_type", ["", "text/html", "application/octet-stream", "application/json; charset=utf-8", "x" * 1000, ";;="]
)
def test_json_is_recognised_by_looking(content_type):
    assert parse_project(b" \n" + document(entry()), content_type=content_type, url=PAGE, name="Foo").files


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/vnd.pypi.simple.v1+html", "TEXT/HTML; Charset=utf-8", V1_JSON])
def test_html_is_recognised_by_looking(content_type):
    assert html('<a href="foo-1.0.tar.gz">x</a>', content_type=content_type).files


@pytest.mark.parametrize(
    ("body", "content_type", "title"),
    [
        ("\u00e9".encode("latin-1"), "text/html; charset=ISO-8859-1", "\u00e9"),
        ("\u00e9".encode("latin-1"), "text/html", "\ufffd"),
        ("\u00e9".encode(), "text/html", "\u00e9"),
        ("\u00e9".encode(), "text/html; charset=no-such", "\u00e9"),
        ("\u00e9".encode(), "text/html; charset=rot13", "\u00e9"),
        ("\u00e9".encode(), "text/html; charset=punycode", "\u00e9"),
        ("\u00e9".encode(), "text/html; charset=undefined", "\u00e9"),
        ("\u00e9".encode(), "text/html; charset=\x00", "\u00e9"),
        ("\u0416".encode("koi8-r"), 'text/html; charset="KOI8-R"', "\u0416"),
    ],
)
def test_the_charset_is_the_content_types_and_utf_8_otherwise(body, content_type, title):
    page = b"<title>Links for foo</title><a data-yanked='" + body + b"' href=foo-1.0.tar.gz>x</a>"
    assert only(parse_project(page, content_type=content_type, url=PAGE, name="foo")).yanked_reason == title


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_outweighs_the_header(encoding):
    for body in (document(entry()).decode(), "<a href=foo-1.0.tar.gz data-yanked=\u00e9>x</a>"):
        assert len(parse_project(body.encode(encoding), content_type="text/html; charset=latin-1", url=PAGE, name="foo").files) == 1


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.99", " 1.3 ", "1", "1.0.0"])
def test_api_version_1_is_read(version):
    assert jsoned(entry(), meta={"api-version": version}).api_version == version.strip()


@pytest.mark.parametrize("version", ["2.0", "2.1", "10.0", "0.9", "2", "2.0.0"])
def test_any_other_major_version_is_refused(version):
    assert reason_of(document(entry(), meta={"api-version": version}), V1_JSON) == "unsupported-version"
    meta = f'<meta name="pypi:repository-version" content="{version}"><a href="foo-1.0.tar.gz">x</a>'
    assert reason_of(meta.encode()) == "unsupported-version"
    assert reason_of(document(entry()), "application/vnd.pypi.simple.v2+json") == "unsupported-version"


def test_a_number_of_json_is_a_version_too():
    assert reason_of(document(entry(), meta={"api-version": 2})) == "unsupported-version"


def test_a_version_that_is_none_says_nothing():
    versions: tuple[Any, ...] = ("one", "", None, 1.0, [], "1.", "1.x")
    for version in versions:
        assert jsoned(entry(), meta={"api-version": version}).api_version == "1.0"


LOGIN = "<html><title>Log in to foo</title><form action=/login><input name=user><input TYPE=Password name=p></form></html>"
FRONT_END = "<html><title>foo</title><body><div id=root></div><script src=/app.js></script></body></html>"
NOT_INDEXES = {
    "login page": LOGIN,
    "login page with a link to a file": LOGIN + "<a href=client-1.0.tar.gz>client</a>",
    "front end": FRONT_END,
    "front end with the title of an index": FRONT_END.replace("foo", "Links for foo"),
    "page that leads on": '<title>Index of /</title><meta http-equiv="Refresh" content="0;url=/login">',
    "web site": '<title>Simple index</title><a href="/about">About</a><a href="https://example.com/terms">Terms</a>',
    "error text": "<h1>Service temporarily unavailable</h1>",
    "default page": "<html><body><h1>It works!</h1></body></html>",
    "plain text": "no such package",
    "nothing": "",
    "blanks": "  \n ",
    "json error": '{"message": "not found"}',
    "json list": "[1]",
    "json of another api": '{"info": {}, "releases": {}, "urls": []}',
    "list of all projects": '{"meta": {"api-version": "1.0"}, "projects": []}',
}


@pytest.mark.parametrize("body", NOT_INDEXES.values(), ids=NOT_INDEXES)
def test_what_comes_with_status_200_and_is_no_index_is_refused(body):
    assert reason_of(body.encode()) == "not-an-index"


def test_the_refusal_tells_what_the_page_says():
    with pytest.raises(PageError, match="quota exceeded"):
        parse_project(b'{"error": "quota exceeded"}', content_type="", url=PAGE, name="foo")
    with pytest.raises(PageError, match=r"Log in to foo.*login page"):
        parse_project(LOGIN.encode(), content_type="", url=PAGE, name="foo")


@pytest.mark.parametrize("said", ["t0ken", "x" * 196 + "t0ken"])
def test_the_refusal_repeats_no_secret_of_the_page_s_url_however_long_the_text(said):
    url = Url(PAGE.origin, "/t0ken/foo/", hidden=(Secret("t0ken", "${TOKEN}"),))
    for body in (f'{{"error": "{said}"}}', f"<title>{said}</title><form><input type=password>"):
        with pytest.raises(PageError) as refused:
            parse_project(body.encode(), content_type="", url=url, name="foo")
        assert "t0k" not in str(refused.value)


EMPTY_PAGES = {
    "declared": '<meta name="pypi:repository-version" content="1.0"><title>x</title>',
    "links for": "<title>Links for foo</title><h1>Links for foo</h1>",
    "listing": '<h1>Index of /simple/foo/</h1><a href="?C=N;O=D">Name</a><a href="../">Parent</a><a href="/simple/">up</a>',
    "blank": "<!DOCTYPE html><html><head></head><body>\n</body></html>",
    "name": "<!DOCTYPE html><title>Foo</title>",
    "json": '{"meta": {"api-version": "1.0"}, "files": []}',
    "json without meta": '{"files": []}',
}


@pytest.mark.parametrize("body", EMPTY_PAGES.values(), ids=EMPTY_PAGES)
def test_an_index_page_without_files_is_an_empty_project(body):
    assert parse_project(body.encode(), content_type="", url=PAGE, name="foo").files == ()


MALFORMED = {
    "cut": b'{"files": [',
    "deep": b'{"files": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "files": b'{"meta": {"api-version": "1.0"}, "files": {}}',
    "no files": b'{"meta": {"api-version": "1.0"}}',
    "trailing": b'{"files": []} x',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_broken_json_is_malformed(body):
    assert reason_of(body, V1_JSON) == "malformed"


def test_numbers_that_python_refuses_to_read_cost_no_page():
    body = b'{"meta": {"api-version": "1.0", "x": NaN, "y": -Infinity, "z": 1e999}, "files": [{"filename": "a", "url": "b", "size": '
    project = parse_project(body + b"9" * 10_000 + b"}]}", content_type="", url=PAGE, name="foo")
    assert project.skipped == (SkippedEntry("a", "size"),)


def test_of_two_keys_of_one_name_the_last_counts():
    body = b'{"files": [], "files": [{"filename": "a", "filename": "b", "url": "c"}]}'
    assert only(parse_project(body, content_type="", url=PAGE, name="foo")).filename == "b"


# --- limits ------------------------------------------------------------------


def test_a_page_over_a_limit_is_refused():
    anchors = '<a href="foo-1.0.tar.gz">x</a>' * 3
    assert len(html(anchors, limits=Limits(page_files=3)).files) == 3
    with pytest.raises(TooLargeError, match="page_files"):
        html(anchors, limits=Limits(page_files=2))
    with pytest.raises(TooLargeError, match="page_files"):
        parse_project(document(*[entry()] * 3), content_type="", url=PAGE, name="foo", limits=Limits(page_files=2))
    with pytest.raises(TooLargeError, match="page_bytes"):
        html(anchors, limits=Limits(page_bytes=10))


def test_structure_is_counted_before_it_is_parsed():
    with pytest.raises(TooLargeError, match="page_tokens"):
        parse_project(b'{"files": [' + b"[]," * 100, content_type="", url=PAGE, name="foo", limits=Limits(page_tokens=100))
    with pytest.raises(TooLargeError, match="page_tokens"):
        html("<b>" * 100, limits=Limits(page_tokens=100))


# --- fields that are read when they are asked for ----------------------------

WHOLE = entry(url="https://files.example.com/x/foo-1.0.tar.gz", size=5, yanked="old", **{
    "upload-time": "2023-05-22T18:30:00Z", "requires-python": " >=3.8 ", "core-metadata": {"sha256": SHA}, "gpg-sig": True,
})  # fmt: skip


def read_later(one: dict[str, Any], url: Url = PAGE) -> File:
    """The file of an entry that is not the first of its host, so that it is read when it is asked for."""
    return jsoned(entry(url="https://files.example.com/first"), one, url=url).files[1]


def test_a_file_that_is_read_later_is_equal_to_one_that_is_read_at_once():
    now = only(jsoned(WHOLE))
    later = read_later(WHOLE)
    assert File.later("x", (), lambda told, name: None) != later
    assert (later, hash(later), repr(later)) == (now, hash(now), repr(now))
    assert evolve(read_later(WHOLE), size=6) == evolve(now, size=6)
    assert pickle.loads(pickle.dumps(read_later(WHOLE))) == now
    assert copy.copy(read_later(WHOLE)) == now


def test_a_field_is_read_once_and_only_when_it_is_asked_for():
    asked: list[str] = []

    def read(told: tuple[Any, ...], name: str) -> object:
        asked.append(name)
        return told[0]

    file = File.later("foo-1.0.tar.gz", (7,), read)
    assert (file.filename, asked) == ("foo-1.0.tar.gz", [])
    assert (file.size, file.size, asked) == (7, 7, ["size"])


def test_a_link_is_not_read_to_learn_that_it_holds_no_secret():
    file = read_later(WHOLE)
    assert not file.has_secret_link(PAGE)
    with pytest.raises(AttributeError):
        object.__getattribute__(file, "url")


def test_a_file_has_no_other_attributes():
    for file in (only(jsoned(WHOLE)), read_later(WHOLE)):
        with pytest.raises(AttributeError, match="weight"):
            file.weight  # type: ignore[attr-defined] # noqa: B018 # That it is none is what is shown.
    with pytest.raises(AttributeError):
        File.__new__(File).filename  # noqa: B018


SURE = "https://files.example.com/integrity/foo"


def test_an_attestation_is_read_when_it_is_asked_for():
    file = read_later({**WHOLE, "provenance": SURE})
    assert not file.has_secret_link(PAGE)
    with pytest.raises(AttributeError):
        object.__getattribute__(file, "provenance")
    assert file.provenance == Url.parse(SURE)
    assert file == only(jsoned({**WHOLE, "provenance": SURE}))


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("", None),
        (None, None),
        (False, None),
        (7, None),
        ([SURE], None),
        ({SURE: 1}, None),
        (f"{SURE}?key=x", f"{SURE}?key=x"),
        (f"{SURE}#x", SURE),
    ],
)
def test_an_attestation_that_is_not_plain_is_read_at_once(told, read):
    project = jsoned(*FIRST, {**WHOLE, "provenance": told})
    assert (project.files[-1].provenance, project.skipped) == (read and Url.parse(read), ())
    assert project.files[-1].has_secret_link(PAGE) is ("?" in str(told))


@pytest.mark.parametrize("odd", [{"size": -1}, {"upload-time": "x"}, {"provenance": "ftp://x"}, {"hashes": {"sha256": "0"}}])
def test_what_is_odd_is_found_though_nobody_asks_for_it(odd):
    project = jsoned(entry(url="https://files.example.com/first"), {**WHOLE, **odd})
    assert len(project.skipped) == 1


@pytest.mark.parametrize("link", ["https://files.example.com/a b", "https://files.example.com/[", "https://files.example.com/a?b#c", "//x"])
def test_a_link_that_is_not_plain_is_resolved_at_once(link):
    file = read_later(entry(url=link))
    assert file.url == PAGE.join(link.partition("#")[0].replace(" ", "%20"))


FIRST = [entry(url=url) for url in ("/first", "first", "../first", "../../first", "https://files.example.com/first")]


@pytest.mark.parametrize("link", ["/files/a.tar.gz", "a.tar.gz", "../a.tar.gz", "../../x/a.tar.gz", "https://files.example.com/x/a.tar.gz"])
def test_a_link_that_begins_as_another_one_did_is_resolved_when_it_is_asked_for(link):
    file = jsoned(*FIRST, entry(url=link)).files[-1]
    with pytest.raises(AttributeError):
        object.__getattribute__(file, "url")
    assert file.url == PAGE.join(link)


@pytest.mark.parametrize(
    "link",
    ["/.", "/..", "/../x", "/./x", "//x/y", ".", "..", "./x", "a/../b", "/a//b", "x:y", "../.", ":", "//", "///", "/x?y", "../x#y", "@/x"],
)
def test_a_link_that_only_seems_to_begin_so_leads_where_it_leads_alone(link):
    alone, last = jsoned(entry(url=link)), jsoned(*FIRST, entry(url=link))
    assert [file.url for file in last.files[len(FIRST) :]] == [file.url for file in alone.files]
    assert last.skipped == alone.skipped


@pytest.mark.parametrize("reference", ["a-1.tar.gz", "f/a", "/f/a", "../a", "../../a", "../../../../a", "../f/a?x=1"])
@pytest.mark.parametrize(
    "base",
    [
        "https://h.example.com",
        "https://h.example.com/simple/foo/",
        "https://h.example.com/simple/foo/index.html?x=1",
        "https://u:p@h.example.com/simple/foo/",
        "https://h.example.com/simple//foo/",
        "https://h.example.com/simple/./foo/",
        "https://h.example.com/a/../simple/foo/",
        "file:///srv/simple/foo/index.html",
    ],
)
def test_relative_links_lead_where_join_says(base, reference):
    page = Url.parse(base)
    assert Links(page).resolve(reference) == page.join(reference)


def test_a_link_with_credentials_of_its_own_keeps_them_on_a_page_that_has_others():
    own = Links(Url.parse("https://u:p@h.example.com/simple/foo/")).resolve("https://v:q@h.example.com/f/a.tar.gz")
    assert own.credentials == Url.parse("https://v:q@h.example.com").credentials


def test_a_relative_link_on_a_page_with_credentials_has_them_however_it_is_read():
    page = Url.parse("https://name:word@index.example.com/simple/foo/")
    assert [file.url for file in jsoned(*FIRST[:4], url=page).files] == [page.join(one["url"]) for one in FIRST[:4]]
    assert jsoned(FIRST[0], entry(url="/x"), url=page).files[1].url == page.join("/x")


def test_credentials_in_links_are_found_in_each_of_them():
    links = [entry(url=f"https://name:word@files.example.com/{path}") for path in ("a", "b", "c")]
    assert [file.has_secret_link(PAGE) for file in jsoned(*links).files] == [True, True, True]


def test_a_file_of_one_digest_is_not_read_to_learn_that_it_does_not_contradict_itself():
    file = read_later(WHOLE)
    assert not file.contradicts_itself
    with pytest.raises(AttributeError):
        object.__getattribute__(file, "digests")
    both = {"sha256": SHA, "SHA256": "0" * 64}
    assert only(jsoned(entry(hashes=both))).contradicts_itself
    assert not only(jsoned(entry(hashes={"sha256": SHA, "md5": "0" * 32}))).contradicts_itself


def test_no_digest_of_several_is_lost():
    assert {one.algorithm for one in read_later({**WHOLE, "hashes": {"sha256": SHA, "md5": "0" * 32}}).digests} == {"sha256", "md5"}


def test_a_link_that_is_none_is_found_though_nobody_asks_for_it():
    project = jsoned(*(entry(url=f"https://files.example.com/{path}") for path in ("first", "a\x01b", "second")))
    assert [file.url.path for file in project.files] == ["/first", "/second"]
    assert [one.reason for one in project.skipped] == ["link"]


def test_a_link_that_crosses_is_found_however_often_it_comes():
    folder = Url.parse("file:///srv/simple/foo/index.json")
    project = jsoned(*[entry(url="https://files.example.com/foo-1.0.tar.gz")] * 3, url=folder)
    assert project.files == ()
    assert [one.reason for one in project.skipped] == ["scheme"] * 3


HOSTILE = ["[", '{"a":', '"\\u0061', "1", "{},", "null,", '{"filename":"a","url":"b"},', '"a":1,', "<div>", "<base>", "<!--", "<a href=x>"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_page_s_size_alone(piece):
    start = time.process_time()
    with suppress(PageError, TooLargeError):
        body = ("" if piece[0] == "<" else '{"files": [') + piece * (1_000_000 // len(piece))
        parse_project(body.encode(), content_type="", url=PAGE, name="foo")
    # A quadratic scan takes minutes for a megabyte; a linear one a fraction of a second.
    assert time.process_time() - start < 5


def test_a_page_of_twenty_thousand_files_takes_no_second():
    files = [{**WHOLE, "filename": f"foo-1.{number}.tar.gz"} for number in range(20_000)]
    body = document(*files)
    start = time.process_time()
    parse_project(body, content_type="", url=PAGE, name="foo")
    # A seventh of that on a machine that does nothing else; see benchmarks/pages.py.
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"files":[{"filename":"foo-1.tar.gz","url":"x?sig=hush"}],"meta":{"api-version":"9.0"}}',
        b'{"files":[{"url":"x?sig=hush"},',
        b'<title>Login</title><input type=password><a href="x?sig=hush">',
        b'<a href="x?sig=hush">' * 40,
        b"<" * 900,
    ],
)
def test_no_frame_of_a_page_that_cannot_be_read_shows_it(body):
    with pytest.raises((PageError, TooLargeError)) as caught:
        parse_project(body + b"hush", content_type="", url=PAGE, name="foo", limits=Limits(page_bytes=800, page_tokens=100))
    assert caught.value.__traceback__ is not None
    ours = traceback.walk_tb(caught.value.__traceback__.tb_next)
    assert "hush" not in "".join(traceback.StackSummary.extract(ours, capture_locals=True).format())


def test_a_page_that_is_being_read_is_not_shown():
    assert "hush" not in repr(Page("hush", PAGE, canonicalize_name("foo"), Limits()))
