"""Pages as no server should write them: each test quotes the sentence that it proves."""

import json
import string
from contextlib import suppress
from datetime import UTC
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from pydeps_host.errors import PageError, TooLargeError
from pydeps_host.simple_api import Distribution, File, Project, parse_project, read_filename
from pydeps_host.simple_api.links import Links
from pydeps_host.simple_api.markup import start_tags
from pydeps_host.values import Digest, Url, UrlSyntaxError, shown, unescape

PAGE = Url.parse("https://user:secret@index.example.com/simple/foo/")
ALGORITHMS = {"sha256": 64, "sha512": 128, "md5": 32, "sha1": 40, "blake2b": 128}

names = st.text(string.ascii_letters + string.digits + "._-+ \u00e9()", min_size=1, max_size=40).filter(
    lambda text: text not in {".", ".."}
)
reasons = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=20)
digests = st.sampled_from(sorted(ALGORITHMS)).flatmap(
    lambda name: st.text("0123456789abcdef", min_size=ALGORITHMS[name], max_size=ALGORITHMS[name]).map(lambda value: Digest(name, value))
)


@st.composite
def files(draw: st.DrawFn) -> File:
    yanked = draw(st.booleans())
    return File(
        draw(names),
        PAGE,
        frozenset(draw(st.lists(digests, max_size=3, unique_by=lambda digest: digest.algorithm))),
        requires_python=draw(st.none() | st.text("<>=!~.,0123456789 &\"'", min_size=1).map(str.strip).map(lambda text: text or None)),
        yanked=yanked,
        yanked_reason=(draw(reasons) or None) if yanked else None,
        core_metadata=draw(st.none() | st.just(frozenset[Digest]()) | digests.map(lambda digest: frozenset({digest}))),
        has_signature=draw(st.none() | st.booleans()),
    )


def as_html(listed: list[File]) -> str:
    lines = ['<html><head><meta name="pypi:repository-version" content="1.1"></head>']
    for file in listed:
        fragment = "&".join(f"{digest.algorithm}={digest.value}" for digest in sorted(file.digests))
        attributes = f'href="{escape(quote(file.filename, safe=""))}#{escape(fragment)}"'
        if file.requires_python is not None:
            attributes += f' data-requires-python="{escape(file.requires_python)}"'
        if file.yanked:
            attributes += f" data-yanked='{escape(file.yanked_reason or '')}'"
        if file.core_metadata is not None:
            value = "".join(f"{digest.algorithm}={digest.value}" for digest in file.core_metadata) or "true"
            attributes += f" data-core-metadata={value}"
        if file.has_signature is not None:
            attributes += f" data-gpg-sig={str(file.has_signature).lower()}"
        lines.append(f"<a {attributes}>{escape(file.filename)}</a><br/>")
    return "\n".join(lines)


def as_json(listed: list[File]) -> str:
    entries = []
    for file in listed:
        entry: dict[str, Any] = {"filename": file.filename, "url": quote(file.filename, safe="")}
        entry["hashes"] = {digest.algorithm: digest.value for digest in file.digests}
        entry["requires-python"] = file.requires_python
        entry["yanked"] = (file.yanked_reason or True) if file.yanked else False
        if file.core_metadata is not None:
            entry["core-metadata"] = {digest.algorithm: digest.value for digest in file.core_metadata} or True
        if file.has_signature is not None:
            entry["gpg-sig"] = file.has_signature
        entries.append(entry)
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "foo", "files": entries})


def parse(text: str | bytes, url: Url = PAGE) -> Project:
    return parse_project(text.encode() if isinstance(text, str) else text, content_type="", url=url, name="foo")


@given(st.lists(files(), max_size=5))
def test_html_and_json_are_equal(listed):
    """HTML and JSON give values equal in every field that HTML can carry."""
    from_html, from_json = parse(as_html(listed)), parse(as_json(listed))
    assert from_html == from_json
    assert [(file.filename, file.digests, file.yanked) for file in from_html.files] == [
        (file.filename, file.digests, file.yanked) for file in listed
    ]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=10)
    | st.sampled_from(["1.0", "2.0", "https://example.com/x-1.0.tar.gz", "foo-1.0.tar.gz", "sha256", "a" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = ["filename", "url", "hashes", "requires-python", "size", "upload-time", "yanked", "core-metadata", "provenance", "gpg-sig"]
entries = st.dictionaries(st.sampled_from(KEYS), anything)
documents = st.fixed_dictionaries(
    {"files": st.lists(entries | anything, max_size=4) | anything},
    optional={
        "meta": st.dictionaries(st.sampled_from(["api-version", "_last-serial", "project-status"]), anything) | anything,
        **dict.fromkeys(("versions", "name", "project-status", "message", "projects"), anything),
    },
)


def check(body: bytes) -> None:
    """Parse; whatever comes, it is a project that keeps its promises or an error of ours."""
    try:
        project = parse(body)
    except (PageError, TooLargeError) as error:
        assert "secret" not in str(error)
        return
    for file in project.files:
        assert file.filename.isprintable()
        assert "/" not in file.filename
        assert len(file.filename.encode()) <= 255
        assert file.url.scheme in {"http", "https"}
        assert file.size is None or 0 <= file.size < 2**63
        assert file.upload_time is None or file.upload_time.tzinfo is UTC
    for skipped in project.skipped:
        assert len(skipped.text) <= 200
        assert shown(unescape(skipped.text)) == skipped.text or skipped.text.endswith("\u2026")
        assert skipped.reason.isascii()


@given(documents)
@example({"files": [{"filename": "foo-1.0.zip", "url": "x", "size": 10**4000}]})
@example({"files": [{"filename": "\ud800", "url": "\ud800"}]})
def test_no_json_document_raises_anything_untyped(document):
    """One odd entry is skipped and recorded; it never costs the page."""
    text = json.dumps(document, default=str)
    check(text.encode())
    if isinstance(document["files"], list):
        listed = json.loads(text)
        listed.update(meta={"api-version": "1.0"}, files=[*listed["files"], {"filename": "good-1.0.zip", "url": "good"}])
        assert parse(json.dumps(listed)).files[-1].filename == "good-1.0.zip"


PIECES = [
    "<",
    ">",
    "<!--",
    "-->",
    "<a ",
    " href=",
    '"',
    "'",
    "=",
    "&",
    "&#",
    ";",
    "</",
    "/>",
    "<script>",
    "</script>",
    "<base href=",
    "<meta ",
]
PIECES += [
    "foo-1.0.tar.gz",
    "#sha256=" + "0" * 64,
    "data-yanked",
    "?",
    "//",
    "[",
    "]",
    ":",
    "\x00",
    "\ud800",
    "{",
    '"files":',
    "\\",
    "\u202e",
]


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40),
    st.sampled_from(["", "text/html; charset=utf-16", "x; charset=idna"]),
)
def test_no_markup_raises_anything_untyped(pieces, content_type):
    """A page that is no index is told as one, whatever it holds."""
    body = "".join(pieces).encode("utf-8", "surrogatepass")
    check(body)
    check(b'<meta name="pypi:repository-version" content="1.0">' + body)
    with suppress(PageError, TooLargeError):
        parse_project(body, content_type=content_type, url=PAGE, name="foo")


@given(st.data())
def test_no_mutation_of_a_good_page_raises_anything_untyped(data):
    """What was a page before something broke it is a project, or an error of ours."""
    listed = data.draw(st.lists(files(), min_size=1, max_size=3))
    page = bytearray(data.draw(st.sampled_from([as_html, as_json]))(listed).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(page)))
        page[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=4))
    check(bytes(page))


class Reference(HTMLParser):
    """The standard library's parser, the oracle for sane pages."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        first: dict[str, str] = {}
        for name, value in attrs:
            first.setdefault(name, value or "")
        self.found.append((tag, first))


sane_value = st.text(string.ascii_letters + string.digits + "-_./:;,#?%<>&= \u00e9", max_size=12)
sane_tag = st.tuples(
    st.sampled_from(["a", "A", "base", "br", "Meta"]),
    st.lists(st.tuples(st.sampled_from(["href", "HREF", "data-x", "name"]), st.none() | sane_value, st.sampled_from("\"'")), max_size=4),
)


@given(st.lists(sane_tag | st.sampled_from(["text", "<!-- <a> -->", "<!doctype html>", "</a>", "&amp;", "\n"]), max_size=8))
def test_sane_pages_are_read_as_the_standard_library_reads_them(parts):
    """The rules are those of the WHATWG HTML standard for what an index page can hold."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        name, attributes = part
        text += f"<{name}"
        for key, value, mark in attributes:
            text += f" {key}" if value is None else f" {key}={mark}{escape(value)}{mark}"
        text += ">"
    reference = Reference()
    reference.feed(text)
    reference.close()
    interesting = frozenset({"a", "base", "br", "meta"})
    assert [(tag.name, tag.attributes) for tag in start_tags(text, interesting)] == reference.found


segments = st.sampled_from(["..", ".", "", "a", "foo-1.0.tar.gz", "%2e%2e", "a:b", "a;b", "\u00e9", "~x", "...", ".x", "a b", "@", "[x]"])
references = st.builds(
    lambda start, path, query: start + "/".join(path) + query,
    st.sampled_from(
        ["", "/", "//", "https://index.example.com/", "https://h.example.com:8443/", "http://h/", "HTTPS://H/", "https://u:p@h/", "?"]
    ),
    st.lists(segments, max_size=5),
    st.sampled_from(["", "?", "?a=b&c", "?a?b", "?\u00e9", "?a/../b"]),
)
bases = st.sampled_from(
    [
        PAGE,
        PAGE.join("index.html"),
        Url.parse("https://h/a//b/./c?x=1"),
        Url.parse("https://h/a//b/c"),
        Url.parse("https://h/a/../b/c"),
        Url.parse("https://u:p@h/a/b/c?x=1"),
        Url.parse("http://h"),
        Url.parse("file:///srv/simple/foo/index.html"),
    ]
)


@given(bases, st.lists(references, min_size=1, max_size=4))
def test_the_fast_way_to_resolve_a_link_gives_what_join_gives(base, listed):
    """Relative links, `<base>`, `//host`, percent-encoding: resolved against the final URL."""
    links = Links(base)
    for reference in listed:
        try:
            expected = base.join(reference.replace(" ", "%20"))
        except UrlSyntaxError:
            expected = None
        try:
            assert links.resolve(reference) == expected
        except UrlSyntaxError:
            assert expected is None


versions = st.builds(
    lambda release, pre, post, local: Version(".".join(map(str, release)) + pre + post + local),
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
    st.sampled_from(["", "a1", "b2", "rc3"]),
    st.sampled_from(["", ".post1", ".dev4", ".post1.dev2"]),
    st.sampled_from(["", "+cu118", "+x.1"]),
)
projects = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)


@given(projects, versions, st.sampled_from([".tar.gz", ".zip", "-py3-none-any.whl"]))
def test_a_file_name_is_read_back_knowing_the_projects_name(project, version, ending):
    """Filenames are parsed knowing the project's name."""
    name = canonicalize_name(project)
    for spelled in {project, name, name.replace("-", "_")}:
        found = read_filename(f"{spelled}-{version}{ending}", name)
        assert isinstance(found, Distribution)
        assert (found.version, found.text) == (version, str(version))


@given(st.text(max_size=60) | names.map(lambda name: f"foo-{name}"), st.sampled_from(["", ".tar.gz", ".whl", ".zip", ".egg"]))
def test_every_file_name_is_a_distribution_or_has_a_reason(stem, suffix):
    """Every file of the page is either a candidate of some release or set aside with a reason code."""
    found = read_filename(stem + suffix, canonicalize_name("foo"))
    assert isinstance(found, Distribution) or found.value
