import time

import pytest

from pydeps_host.simple_api.markup import start_tags, unescape_attribute

ALL = frozenset({"a", "base", "b", "script", "title", "style", "input"})


def tags(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(tag.name, tag.attributes) for tag in start_tags(text, ALL)]


def names(text: str) -> str:
    return "".join(name for name, _ in tags(text))


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("<a>", {}),
        ("<A HREF=x>", {"href": "x"}),
        ("<a href = 'x y' >", {"href": "x y"}),
        ('<a href="x>y">', {"href": "x>y"}),
        ("<a href=x/>", {"href": "x/"}),
        ("<a/href=x>", {"href": "x"}),
        ("<a href=x href=y>", {"href": "x"}),
        ("<a b href=x>", {"b": "", "href": "x"}),
        ("<a b=>", {"b": ""}),
        ("<a b= >", {"b": ""}),
        ("<a =b=c>", {"=b": "c"}),
        ("<a 'b' c=\"d\"e=f>", {"'b'": "", "c": "d", "e": "f"}),
        ("<a b=c'd\"e>", {"b": "c'd\"e"}),
        ("<a\n\tb\f=\r c>", {"b": "c"}),
        ("<a b=&gt;&#62;&#x3E;&eacute;>", {"b": ">>>\u00e9"}),
        ("<a b='&amp;#62;'>", {"b": "&#62;"}),
    ],
)
def test_attributes_are_read_as_browsers_do(text, attributes):
    assert tags(text) == [("a", attributes)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!-- <a> --><b>", "b"),
        ("<!--><a>", "a"),
        ("<!---><a>", "a"),
        ("<!----><a>", "a"),
        ("<!-- --!><a>", "a"),
        ("<!-- -- > <a> --><b>", "b"),
        ("<!-- <a>", ""),
        ("<!doctype html><a>", "a"),
        ("<!x <a><b>", "b"),
        ("<?xml <a><b>", "b"),
        ("</ <a><b>", "b"),
        ("</><a>", "a"),
        ("</a <b><a>", "a"),
        ("< a><b>", "b"),
        ("<3<a>", "a"),
        ("<<a>", "a"),
        ("<a", ""),
        ("<a href", ""),
        ('<b><a href="x>', "b"),
        ("<script><a></script><b>", "scriptb"),
        ("<script><!-- <a></script><b>", "scriptb"),
        ("<SCRIPT><a></ScRiPt ><b>", "scriptb"),
        ("<script></scripts><a></script><b>", "scriptb"),
        ("<style><a>", "style"),
        ("<title><a></title><b>", "titleb"),
        ("<textarea><a></textarea><b>", "b"),
        ("<plaintext><a>", ""),
        ("<br/><a/>", "a"),
    ],
)
def test_only_tags_are_tags(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a=1&copy=2", "a=1&copy=2"),
        ("&copy", "\u00a9"),
        ("&copy;=", "\u00a9="),
        ("&copyright", "&copyright"),
        ("&ampx", "&ampx"),
        ("&amp", "&"),
        ("&nosuch;", "&nosuch;"),
        ("&", "&"),
        ("&#;&#x;&;", "&#;&#x;&;"),
        ("&#0;&#xD800;", "\ufffd\ufffd"),
        ("&#" + "9" * 10_000 + ";", "\ufffd"),
        ("&#" + "0" * 10_000 + "65;", "A"),
        ("&#x" + "f" * 10_000 + ";", "\ufffd"),
        ("&#128;", "\u20ac"),
        ("&#65x", "Ax"),
    ],
)
def test_character_references_of_attributes_are_decoded(value, expected):
    assert unescape_attribute(value) == expected


HOSTILE = [
    "<!--",
    "<",
    "<a ",
    "<a b='",
    "<a b=\"'",
    "<div>",
    "</a",
    "<script>",
    "<!",
    "<a b=c",
    "&#",
    "<a =",
    "<title>",
    "-->",
    "<a/",
    "<a b ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_pages_size_alone(piece):
    def seconds(count: int) -> float:
        text = piece * count
        start = time.perf_counter()
        for _ in start_tags(text, ALL):
            pass
        return time.perf_counter() - start

    # A quadratic scan takes minutes for a megabyte; a linear one a fraction of a second.
    assert seconds(1_000_000 // len(piece)) < 5
