"""No text, mapping or variable makes a configuration do what it must not."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import json5
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeps_host.config import HostConfig, Index, RateLimit, keys_of
from pydeps_host.config.jsonc import parse
from pydeps_host.config.variables import read_url
from pydeps_host.errors import ConfigError
from pydeps_host.values import Limits, Url

VALID = """{
  // Tried in order.
  "urls": [
    "https://user:${PASSWORD}@packages.example.com/simple",
    {"url": "https://mirror.example.org/simple", "name": "m", "projects": ["acme-*"], "absentStatus": [403],
     "emptyIsAbsent": true, "redirects": "follow", "allowedHosts": ["files.example.org"]},
  ],
  "dependencies": ["numpy==1.22.3", "flask", "django>=4.2,<5",],
  "rateLimit": {"enabled": true, "requestsPerHour": 57600}, /* as is */
  "limits": {"pageBytes": 1}, "id": "x", "versionsPerDependency": 5, "$schema": "x",
  "filters": {"block": ["a==1*"]}, "onDemand": {"maxVersions": 5},
}"""
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "//",
    "/*",
    "*/",
    "\n",
    " ",
    "1",
    "-",
    "1e999",
    "NaN",
    "null",
    "true",
    '"a"',
    "${",
    "\ufeff",
    "é",
]
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
KEYS = sorted({"$schema", "lockfiles", "x"}.union(*(keys_of(kind) for kind in (HostConfig, Index, RateLimit, Limits))))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["https://a.example.com", "${A}", "flask", "x-*"]),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=3)), inner, max_size=4)
    ),
    max_leaves=12,
)
GAPS = st.sampled_from(["", " ", "\n", "/**/", "/* , ] */", "// }\n", "//\r\n", "/*\n*/\t"])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(st.one_of(st.just(""), st.sampled_from(PIECES), st.text(max_size=3))) + text[end:]
    return text


@st.composite
def written(draw: st.DrawFn, data: Any) -> str:
    """JSON with comments anywhere, and trailing commas."""
    gap = draw(GAPS)
    comma = draw(st.sampled_from(["", ",", f",{gap}"]))
    match data:
        case list():
            inner = f"{gap},{gap}".join([draw(written(item)) for item in data])
            return f"[{gap}{inner}{comma if data else ''}{gap}]"
        case dict():
            inner = ",".join([f"{gap}{json.dumps(key)}{gap}:{draw(written(value))}" for key, value in data.items()])
            return f"{{{inner}{comma if data else gap}}}"
        case _:
            return f"{gap}{json.dumps(data)}{gap}"


def check(error: ConfigError) -> None:
    assert error.problems
    assert all(problem.message for problem in error.problems)
    str(error).encode()


@settings(max_examples=1000, deadline=None)
@given(TEXTS)
def test_nothing_but_a_config_error_leaves_loads_for_any_text(text: str) -> None:
    try:
        HostConfig.loads(text, environ={"A": "a"})
    except ConfigError as error:
        check(error)


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_nothing_but_a_config_error_leaves_loads_for_a_mutated_configuration(text: str) -> None:
    try:
        config = HostConfig.loads(text, environ={"PASSWORD": "c4n4ry"})
    except ConfigError as error:
        check(error)
        assert "c4n4ry" not in str(error)
    else:
        assert "c4n4ry" not in repr(config)


@settings(max_examples=300, deadline=None)
@given(st.one_of(DATA, st.dictionaries(st.sampled_from(KEYS), DATA, max_size=5)))
def test_nothing_but_a_config_error_leaves_from_mapping_for_any_data(data: Any) -> None:
    try:
        HostConfig.from_mapping(data, environ={})
    except ConfigError as error:
        check(error)


@settings(max_examples=300, deadline=None)
@given(DATA.flatmap(lambda data: st.tuples(st.just(data), written(data))))
def test_comments_and_trailing_commas_change_no_value(pair: tuple[Any, str]) -> None:
    data, text = pair
    # By their text, for one NaN is not equal to another.
    assert json.dumps(parse(text, source="x")) == json.dumps(data)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_whatever_is_taken_means_the_same_to_a_parser_of_json5(text: str) -> None:
    with suppress(ConfigError):
        assert json.dumps(parse(text, source="x")) == json.dumps(json5.loads(text))


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_variable_is_its_literal_value_and_never_another_part_of_the_url(value: str) -> None:
    def made(text: str) -> Url:
        return read_url(text, {"A": value})

    user = made("https://${A}:${A}@h.example.com/s")
    path = made("https://h.example.com/${A}/s")
    query = made("https://h.example.com/s?a=${A}")
    for url in (user, path, query):
        assert (url.scheme, url.host, url.origin.port) == ("https", "h.example.com", 443)
        # As a server would see it.
        assert Url.parse(url.reveal()).origin == url.origin
    assert str(user) == "https://${A}:${A}@h.example.com/s"
    assert user.credentials is not None
    assert user.credentials.username.reveal() == value
    assert user.credentials.password is not None
    assert user.credentials.password.reveal() == value
    assert unquote(path.path) == f"/{value}/s"
    assert unquote(query.query) == f"a={value}"
    assert str(query).endswith("?…")


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=6), st.text("abc/", max_size=4))
def test_a_variable_in_a_path_is_never_shown(value: str, after: str) -> None:
    url = read_url(f"https://h.example.com/x-${{A}}{after}", {"A": value})
    assert value not in unquote(str(url).replace("${A}", ""))
