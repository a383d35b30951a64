"""The schema and the loader give the same verdicts, but for the rules that no schema can say."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators

from pydeps_host.config import Filters, HostConfig, Index, OnDemand, RateLimit, keys_of
from pydeps_host.errors import ConfigError, Problem
from pydeps_host.values import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ENVIRON = {"A": "a", "URL": "https://packages.example.com/simple", "EMPTY": ""}
URL = "https://packages.example.com/simple"

# Each bullet of docs/configuration.md, by its beginning: what the loader says of it, and a text that shows it.
BEYOND = {
    "A variable that is not set": (
        r"the environment variable|the value of `|a variable may not be the scheme",
        '{"urls": ["https://${UNSET}@packages.example.com/simple"]}',
    ),
    "The finer syntax of a URL": (
        r"a URL names|the port is|the part between|the host in|the host is no|a file URL has|this is no host",
        '{"urls": ["https://packages.example.com:99999/simple"]}',
    ),
    "A character in a name": (r"a name is not empty", f'{{"urls": ["{URL}"], "id": "a\\u2028b"}}'),
    "A text that is no dependency": (r"^'.*' ", f'{{"urls": ["{URL}"], "dependencies": ["numpy=1.0"]}}'),
    "The versions of a filter": (
        "no version specifiers|after the name, a comp|no version that PEP|no pattern of versions|is spelled so|comes after two|is missing",
        f'{{"urls": ["{URL}"], "filters": {{"block": ["numpy=1.0", "numpy==*alpha*", "numpy<x"]}}}}',
    ),
    "One index twice": (
        r"this is the same index|has the same name",
        f'{{"urls": ["{URL}", {{"url": "{URL}", "emptyIsAbsent": true}}]}}',
    ),
    "A whole number with": (r"a number stands where a whole number belongs", f'{{"urls": ["{URL}"], "versionsPerDependency": 50.0}}'),
    "`NaN`, which": (r"a rate is a finite number", f'{{"urls": ["{URL}"], "rateLimit": {{"requestsPerHour": NaN}}}}'),
    "A key that stands twice": (r"the key stands here more than once", f'{{"urls": ["{URL}"], "id": "a", "id": "b"}}'),
    "A file that is too large": (r"too deeply", "[" * 100_000),
}


def pattern_as_an_editor_reads_it(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    """ECMA-262's `$` is the very end; Python's is also the place before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\[)(?<!\[\^)\$", r"\\Z", pattern), instance):
        yield ValidationError("the pattern does not match")


VALIDATOR = validators.extend(Draft202012Validator, {"pattern": pattern_as_an_editor_reads_it})(HostConfig.json_schema())

ANY = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-1, 600),
        st.floats(allow_nan=False),
        st.sampled_from([10**400, -0.0, 50.0, 403.0, 5e-324, 1.7e308]),
        st.text(st.sampled_from("a1 -\n\x85é"), max_size=3),
        st.sampled_from(["", "refuse", "https://a.example.com", "acme-*", "403", "flask", "no"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["url", "enabled", "x"]), inner, max_size=2)),
    max_leaves=3,
)


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value that is good nineteen times of twenty: few faults in a configuration, so that none hides another."""
    return st.integers(0, 19).flatmap(lambda number: ANY if number == 19 else good)


def listed(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return mostly(st.lists(mostly(good), max_size=3))


def made(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    good = st.fixed_dictionaries(required, optional=optional)
    odd = st.tuples(good, st.dictionaries(st.sampled_from([*required, "x", "Urls", "$schema", "limits"]), ANY, max_size=2))
    return st.one_of(good, good, good, odd.map(lambda pair: {**pair[0], **pair[1]}), st.just({}))


WEIRD = ["", "\x00", "\x1f", "\x7f", "\x85", "\n", " ", "é", "#", "$", "${", "${A}", "${1}", "\\", "%zz", "[", "@", "/"]
URLS = st.one_of(
    st.sampled_from(
        [URL, "http://127.0.0.1:8080/simple/", "file:///srv/index", "${URL}", "${A}", "${UNSET}", "https://u:${A}@h.example.com/s"]
    ),
    st.tuples(
        st.sampled_from(["https://", "https://", "HTTP://", "File:/", "file:///", "file:", "ftp://", "//", "${A}://", " https://"]),
        st.sampled_from(["", "", "user:${A}@", "${A}@", "${UNSET}@", "${EMPTY}@", "us$er:p#w@", "@"]),
        st.sampled_from(["packages.example.com", "[::1]", "[::x]", "EXAMPLE.com.", "é.example.com", "${A}", "", "-", "a b"]),
        st.sampled_from(["", "", ":8080", ":99999", ":x", ":"]),
        st.sampled_from(["", "/simple", "/${A}/simple", "?k=${A}", "/${URL"]),
        st.sampled_from(WEIRD),
    ).map("".join),
)
NAMES = st.one_of(
    st.sampled_from(["internal", "a", "packages.example.com/simple", "two words", " a", "a ", "a\n", "é", ""]),
    st.lists(st.sampled_from([*WEIRD, "a"]), max_size=3).map("".join),
)
BOOLEANS = st.booleans()
NUMBERS = st.one_of(st.integers(-1, 3), st.sampled_from([10**9, 10**400]))
RATES = st.one_of(st.integers(-1, 10**6), st.floats(allow_nan=False), st.sampled_from([0, 0.0, -0.0, 0.5, 1.7e308, 1e999, 10**400]))
STATUSES = st.one_of(st.sampled_from([399, 400, 401, 403, 408, 429, 499, 500]), st.integers(390, 510))
PATTERNS = st.one_of(st.sampled_from(["acme-*", "*", "?", "a_b", "a\n", "a/b", "-a"]), st.text(st.sampled_from("aZ0*?-._ \né"), max_size=4))
HOSTS = st.one_of(
    st.sampled_from(["files.example.com", "::1", "[::1]", "a:80", "a/b", "é.example", "", "x y"]),
    st.lists(st.sampled_from([*WEIRD, "a", ":", "."]), max_size=4).map("".join),
)
DEPENDENCIES = st.one_of(
    st.sampled_from(
        ["numpy==1.22.3", "flask", " django>=4.2,<5", "\x1c\x85\u3000flask", "a # b", "numpy=1.0", "./x", "-e .", "", "#", "é"]
    ),
    st.text(st.sampled_from("a1=<>!~.,;# \n\x1f"), max_size=5),
    st.just("a" * 65_537),
)
FILTERS = st.one_of(
    st.sampled_from(
        ["acme-*", " numpy == 1.26.* ", "*==*rc*", "numpy==", "numpy=1.0", "numpy@1", "numpy>=1,<2", "a==1\n", "a" * 1025, "a==[1]*"]
    ),
    st.text(st.sampled_from("aZ0*?-._ =<>!~,\né"), max_size=6),
)
INDEXES = made(
    {"url": mostly(URLS)},
    {
        "name": mostly(NAMES),
        "projects": listed(PATTERNS),
        "absentStatus": listed(STATUSES),
        "emptyIsAbsent": mostly(BOOLEANS),
        "redirects": mostly(st.sampled_from(["refuse", "absent", "follow", "Follow"])),
        "allowedHosts": listed(HOSTS),
    },
)
LOCKFILES = st.one_of(st.sampled_from(["../app/uv.lock", "repo.git@main", "", " ", "a\n", "a\x7f", "a\x85"]), st.text(max_size=3))
CONFIGURATIONS = made(
    {"urls": mostly(st.lists(mostly(st.one_of(URLS, INDEXES)), min_size=1, max_size=2))},
    {
        "dependencies": st.one_of(st.none(), listed(DEPENDENCIES)),
        "rateLimit": mostly(made({}, {"enabled": mostly(BOOLEANS), "requestsPerHour": mostly(RATES)})),
        "id": mostly(NAMES),
        "versionsPerDependency": mostly(NUMBERS),
        "versionFallthrough": mostly(BOOLEANS),
        "limits": mostly(made({}, {key: mostly(NUMBERS) for key in list(keys_of(Limits))[:3]})),
        "filters": mostly(made({}, {"allow": listed(FILTERS), "block": listed(FILTERS)})),
        "onDemand": mostly(made({}, {"allow": listed(PATTERNS), "maxVersions": mostly(NUMBERS)})),
        "lockfiles": listed(LOCKFILES),
        "$schema": ANY,
    },
)


def problems(data: Any) -> tuple[Problem, ...]:
    try:
        HostConfig.from_mapping(data, environ=ENVIRON)
    except ConfigError as error:
        return error.problems
    return ()


def refused_by_the_schema(data: Any) -> Iterator[str]:
    """The places that the schema finds fault with: keys at the top, and items of `urls`."""
    for error in VALIDATOR.iter_errors(data):
        path = [*error.absolute_path]
        if not path:
            yield from {"required": {"urls"}, "additionalProperties": {*data} - {*VALIDATOR.schema["properties"]}}[error.validator]
        else:
            yield f"urls[{path[1]}]" if path[0] == "urls" and len(path) > 1 else str(path[0])


def place_of(problem: Problem) -> str:
    found = re.match(r"urls\[\d+\]|[^.\[]*", problem.place)
    assert found
    return found[0]


def is_beyond(problem: Problem) -> bool:
    # Names here are of ASCII and Latin-1, and numbers are not NaN: of these, the schema can tell all.
    rules = [said for beginning, (said, _) in BEYOND.items() if not beginning.startswith(("A character in a name", "`NaN`"))]
    return any(re.search(said, problem.message) for said in rules)


@settings(max_examples=1000, deadline=None)
@given(CONFIGURATIONS)
def test_the_schema_and_the_loader_find_fault_with_the_same_places_but_for_the_listed_rules(data: Any) -> None:
    found = problems(data)
    refused = set(refused_by_the_schema(data))
    assert refused <= {place_of(problem) for problem in found}
    assert {place_of(problem): str(problem) for problem in found if not is_beyond(problem) and place_of(problem) not in refused} == {}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (
            "url",
            [
                "",
                "x",
                "/srv/index",
                "ftp://a.example.com",
                "https:a",
                "https://a b",
                "https://a/\x85",
                "https://a/#b",
                "https://${",
                "${1}",
            ],
        ),
        ("allowedHosts", [[text] for text in ("", "a/b", "a?b", "a#b", "a@b", "x y", "a\x00", "a\x85")]),
    ],
)
def test_the_schema_refuses_much_of_what_is_no_url_and_no_host(key: str, values: list[object]) -> None:
    assert [value for value in values if VALIDATOR.is_valid({"urls": [{"url": URL, key: value}]})] == []


@pytest.mark.parametrize(
    ("key", "items"),
    [
        ("absentStatus", [*range(390, 510), 403.5, True, "403"]),
        ("projects", ["".join(text) for length in range(4) for text in itertools.product("aZ0*?-._ é\n", repeat=length)]),
    ],
)
def test_the_schema_and_the_loader_refuse_the_same_items_of_a_list(key: str, items: list[object]) -> None:
    data = {"urls": [{"url": URL, key: items}]}
    member = HostConfig.json_schema()["properties"]["urls"]["items"]["anyOf"][1]["properties"][key]
    refused = {error.path[0] for error in VALIDATOR.evolve(schema=member).iter_errors(items)}
    assert [f"urls[0].{key}[{number}]" for number in sorted(refused)] == [problem.place for problem in problems(data)]


@pytest.mark.parametrize("enabled", [{}, {"enabled": True}, {"enabled": False}], ids=str)
@pytest.mark.parametrize("rate", [-1, -5e-324, -0.0, 0, 5e-324, 1, 1.7976931348623157e308, 1e999, 10**400], ids=lambda rate: str(rate)[:9])
def test_the_schema_and_the_loader_draw_the_same_bounds_of_a_rate(enabled: dict[str, bool], rate: float) -> None:
    data = {"urls": [URL], "rateLimit": {**enabled, "requestsPerHour": rate}}
    assert VALIDATOR.is_valid(data) == (problems(data) == ())


@pytest.mark.parametrize("text", ["", " ", "#", "-e .", "./x", "==1.0", "a" * 65_537, "\n-r x"], ids=lambda text: repr(text[:9]))
def test_the_schema_refuses_some_of_what_is_no_dependency(text: str) -> None:
    assert not VALIDATOR.is_valid({"urls": [URL], "dependencies": [text]})


@pytest.mark.parametrize("data", [None, [], "x", 1], ids=repr)
def test_what_is_no_object_is_no_configuration_to_either(data: object) -> None:
    assert problems(data)
    assert not VALIDATOR.is_valid(data)


def test_the_documentation_lists_the_rules_that_are_beyond_the_schema() -> None:
    section = PAGE.partition("A schema cannot say everything")[2].partition("\n## ")[0]
    bullets = re.findall(r"^- (.*)", section, re.MULTILINE)
    assert len(bullets) == len(BEYOND)
    assert all(bullet.startswith(beginning) for bullet, beginning in zip(bullets, BEYOND, strict=True))


@pytest.mark.parametrize(("said", "text"), BEYOND.values(), ids=BEYOND)
def test_a_listed_rule_is_one_that_the_schema_lets_pass_and_the_loader_does_not(said: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HostConfig.loads(text, environ=ENVIRON)
    assert [problem.message for problem in caught.value.problems if not re.search(said, problem.message)] == []
    if not text.startswith("[["):
        assert VALIDATOR.is_valid(json.loads(text))


def test_every_kind_of_object_is_made_here() -> None:
    """A key that comes to the configuration comes to the strategies above."""
    assert set(keys_of(HostConfig)) == {
        "urls", "dependencies", "rateLimit", "id", "versionsPerDependency", "versionFallthrough", "limits", "filters", "onDemand",
        "lockfiles",
    }  # fmt: skip
    assert set(keys_of(Filters)) == {"allow", "block"}
    assert set(keys_of(OnDemand)) == {"allow", "maxVersions"}
    assert set(keys_of(Index)) == {"url", "name", "projects", "absentStatus", "emptyIsAbsent", "redirects", "allowedHosts"}
    assert set(keys_of(RateLimit)) == {"enabled", "requestsPerHour"}
