"""JSON with comments and trailing commas."""

import sys
from typing import Any

import pytest

from pydeps_host.config.jsonc import Object, parse
from pydeps_host.errors import ConfigError, Problem


def problem(text: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        parse(text, source="x")
    assert caught.value.source == "x"
    # The parser's own error would carry the whole text along.
    assert caught.value.__context__ is None
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("[1, 2]", [1, 2]),
        ("\ufeff{}", {}),
        ("[1, 2,]", [1, 2]),
        ("[1, 2 , \n ]", [1, 2]),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [[],],}', {"a": [[]]}),
        ("// a\n[1] // b", [1]),
        ("[1, // a, b]\r\n 2]", [1, 2]),
        ("/* a\n ** / */ [1 /**/, /* , */ ] /***/", [1]),
        ("[/*//*/1//*/\n]", [1]),
        ('["// no", "/* no */", ",]", "\\",]", "\\\\" ,]', ["// no", "/* no */", ",]", '",]', "\\"]),
        ('{"a//b": "http://c/*d*/"}', {"a//b": "http://c/*d*/"}),
        ('{"a": true, "b": null, "c": -1.5e3}', {"a": True, "b": None, "c": -1500.0}),
    ],
)
def test_comments_and_trailing_commas_are_taken(text: str, data: Any) -> None:
    assert parse(text, source="x") == data


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1, column 1"),
        ("[,]", "line 1, column 2"),
        ("{,}", "line 1, column 2"),
        ("[1,,]", "line 1, column 4"),
        ('{"a":,}', "line 1, column 6"),
        ("[1/**/2]", "line 1, column 7"),
        ("[1] [2]", "line 1, column 5"),
        ('{"a": 1\n "b": 2}', "line 2, column 2"),
        ("// a\n/* b\nc */ {a: 1}", "line 3, column 7"),
        ("['a']", "line 1, column 2"),
        ("[0x10]", "line 1, column 3"),
        ("[+1]", "line 1, column 2"),
        ("[.5]", "line 1, column 2"),
        ("[True]", "line 1, column 2"),
        ('["a\nb"]', "line 1, column 4"),
        ('["a\\q"]', "line 1, column 4"),
        ('["a', "line 1, column 2"),
        ("[1] /", "line 1, column 5"),
        ("[1] # a", "line 1, column 5"),
        ("[\n1, /* a\n", "line 2, column 4"),
        ("[1] /*/", "line 1, column 5"),
        ('["\\u12"]', "line 1, column 4"),
    ],
)
def test_a_fault_of_syntax_has_line_and_column(text: str, place: str) -> None:
    assert problem(text).place == place
    assert problem(text).message
    assert problem(text).remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("{'a': 1}", "double quotation marks"),
        ("{a: 1}", "double quotation marks"),
        ('{"a": 1 "b": 2}', "comma"),
        ('{"a": 1', "close every brace"),
        ("[1,,]", "a comma too many"),
        ('["C:\\dir"]', "backslash twice"),
    ],
)
def test_a_fault_of_syntax_says_what_would_be_right(text: str, remedy: str) -> None:
    assert remedy in problem(text).remedy


def test_a_fault_of_syntax_repeats_nothing_of_the_text() -> None:
    assert "s3cr3t" not in str(problem('{"urls": ["https://user:s3cr3t@example.com/" s3cr3t]}'))


@pytest.mark.parametrize("deep", ["[" * 200_000, '{"a":' * 200_000, "[" * 200_000 + "]" * 200_000])
def test_deep_nesting_is_a_problem_and_no_recursion_error(deep: str) -> None:
    assert "too deeply" in problem(deep).message


def test_a_whole_number_of_any_length_is_a_number() -> None:
    assert parse("9" * 5000, source="x") == float("inf")
    assert parse("9" * 300, source="x") == int("9" * 300)


def test_repeated_keys_are_kept_in_mind() -> None:
    data = parse('{"a": 1, "b": {"c": 1, "c": 2, "c": 3}, "a": 2}', source="x")
    assert isinstance(data, Object)
    assert data.repeated == ("a",)
    assert isinstance(inner := data["b"], Object)
    assert (inner.repeated, inner["c"]) == (("c",), 3)


@pytest.mark.parametrize("piece", ["/*", '"', "\\", ",", "//", "[,", ", ", '"\\', "/**/", "*/", '","', "[1,"])
def test_a_megabyte_of_anything_takes_no_more_than_a_moment(piece: str) -> None:
    # A reader that went back over the text for every piece would take hours.
    with pytest.raises(ConfigError):
        parse(piece * (1024 * 1024 // len(piece)), source="x")


def test_a_long_text_is_read_however_deep_the_caller_stands() -> None:
    def deeper(levels: int) -> Any:
        return deeper(levels - 1) if levels else parse('{"urls": [{"a": [1 /* b */,]}]}', source="x")

    used = len(__import__("inspect").stack())
    assert deeper(sys.getrecursionlimit() - used - 60) == {"urls": [{"a": [1]}]}
