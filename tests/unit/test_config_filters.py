"""Patterns of projects and of their versions, and what filters make of them."""

import pickle
import re
import time
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from pydeps_host.config import Filters, HostConfig, Pattern
from pydeps_host.errors import ConfigError, Problem

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
VERSIONS = ("1.2", "1.20", "1.26", "1.26.0", "1.26.4", "1.26.0rc1", "1.26.4+cu118", "1.26.0.post1", "2.0a1", "2.0.dev3", "1!1.26.0")


def filters(**lists: list[str]) -> Filters:
    return HostConfig.from_mapping({"urls": ["https://packages.example.com/simple"], "filters": lists}).filters


def covered(pattern: str, *versions: str) -> list[str]:
    return [version for version in versions or VERSIONS if Pattern.parse(pattern).names("numpy") and Pattern.parse(pattern).takes(version)]


def problem(text: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        Pattern.parse(text)
    (found,) = caught.value.problems
    return found


# --- what a pattern stands for -----------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("numpy", ["numpy"], ["numpy-x", "xnumpy"]),
        ("Acme_*", ["acme-a", "acme-a-b"], ["acme", "xacme-a"]),
        ("acme.?", ["acme-a"], ["acme-ab"]),
        ("*", ["numpy", "a"], []),
    ],
)
def test_a_pattern_of_names_stands_for_normalised_names(pattern, names, others):
    found = filters(block=[pattern])
    assert all(found.reason(name) for name in names)
    assert not any(found.reason(name) for name in others)


@pytest.mark.parametrize(
    "text", ["==1.26.*", "== 1.26.*", "==v1.26.*", "==1.26", "==1.26.0", "<1.26", ">=1.20,<1.26.4", "~=1.26", "!=1.26.*", "==2.0a1"]
)
def test_what_pep_440_knows_means_what_it_means_there_pre_releases_included(text):
    expected = [version for version in VERSIONS if SpecifierSet(text).contains(version, prereleases=True)]
    assert covered(f"numpy{text}") == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("numpy==1.2*", ["1.2", "1.20", "1.26", "1.26.0", "1.26.4", "1.26.0rc1", "1.26.4+cu118", "1.26.0.post1"]),
        ("numpy==V1.26.?", ["1.26.0", "1.26.4"]),
        ("numpy==*RC*", ["1.26.0rc1"]),
        ("*==*+*", ["1.26.4+cu118"]),
        ("numpy==*.dev*", ["2.0.dev3"]),
        ("numpy==1!*", ["1!1.26.0"]),
        ("numpy==**", list(VERSIONS)),
        ("numpy", list(VERSIONS)),
        ("scipy==*", []),
    ],
)
def test_any_other_wildcard_stands_for_characters_of_the_version_s_text(pattern, expected):
    assert covered(pattern) == expected


def test_a_version_that_pep_440_does_not_know_is_matched_by_its_text_alone():
    texts = ("legacy-build", "Legacy-Build", "legacy", "1.0")
    assert covered("numpy===legacy-build", *texts) == ["legacy-build", "Legacy-Build"]
    assert covered("numpy==legacy-*", *texts) == ["legacy-build", "Legacy-Build"]
    assert covered("numpy>=0", *texts) == ["1.0"]


@pytest.mark.parametrize("text", ["numpy", "acme-*", "numpy==1.26.*", "numpy==*rc*", "numpy<2,>=1", "numpy===legacy-build", "*==*+*"])
def test_a_pattern_s_text_is_the_pattern_again(text):
    pattern = Pattern.parse(text)
    assert str(pattern) == text
    assert Pattern.parse(str(pattern)) == pattern == pickle.loads(pickle.dumps(pattern))


def test_filters_take_any_iterable_and_equal_patterns_are_one():
    numpy, acme = Pattern.parse("numpy"), Pattern.parse("acme-*")
    made = Filters(allow=[numpy, acme, numpy], block=(one for one in (acme, acme)))
    assert (made.allow, made.block) == ((numpy, acme), (acme,))


def test_all_versions_are_the_project():
    assert Pattern.parse("numpy==*") == Pattern.parse("numpy==**") == Pattern.parse("numpy")


# --- what is none ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("numpy=1.0", "`numpy==1.0`"),
        ("numpy@1.0", "`numpy==1.0`"),
        ("numpy 1.2*", "`numpy==1.2*`"),
        ("numpy==", "`numpy`"),
        ("numpy >=", "`numpy`"),
        ("numpy==legacy-build", "`numpy===legacy-build`"),
        ("numpy==*alpha*", "`*a*`"),
        ("numpy==1.0-rc*", "1.0rc3"),
        ("numpy==1.0.rc*", "1.0rc3"),
        ("numpy==1.0post*", "1.0.post1"),
        ("numpy>=1.*", "`numpy==*rc*`"),
        ("numpy===1.*", "`numpy==*rc*`"),
        ("numpy==1.2*,<2", "`numpy==*rc*`"),
        ("numpy===x,==1", "`numpy==*rc*`"),
        ("numpy==[12].*", "`numpy==*rc*`"),
        ("numpy>1 <2", "`acme-*`"),
        ("^acme-.*$", "`acme-*`"),
        ("!numpy", "`acme-*`"),
        ("acme-[ab]", "`acme-*`"),
        ("numpy[extra]", "`acme-*`"),
        ("", "`acme-*`"),
        ("numpy\n", "`acme-*`"),
        ("numpy # what", "`acme-*`"),
        ("a" * 1025, "`acme-*`"),
    ],
)
def test_a_text_that_may_mean_two_things_or_nothing_is_refused_with_what_to_write(text, remedy):
    assert remedy in problem(text).remedy


def test_every_problem_is_told_with_its_place():
    with pytest.raises(ConfigError) as caught:
        filters(allow=[], block=["numpy", "a=1", "numpy==*beta*"], alow=["x"])
    assert [found.place for found in caught.value.problems] == ["filters.allow", "filters.block[1]", "filters.block[2]", "filters.alow"]


@pytest.mark.parametrize("value", [None, [], "numpy", True])
def test_filters_that_are_no_object_are_a_problem(value):
    with pytest.raises(ConfigError, match="filters: "):
        HostConfig.from_mapping({"urls": ["https://packages.example.com/simple"], "filters": value})


# --- what filters say --------------------------------------------------------


def test_no_filters_keep_nothing_out():
    assert Filters().of("numpy").are_silent
    assert Filters().reason("numpy") is None
    assert Filters().reason("numpy", "1.0") is None


def test_a_block_wins():
    found = filters(allow=["numpy", "acme-*"], block=["numpy==1.*", "acme-x"])
    assert found.reason("numpy") is None
    assert found.reason("numpy", "1.5") == "filters.block: numpy==1.*"
    assert found.reason("Numpy", "2.0") is None
    assert found.reason("Acme.X") == found.reason("acme-x", "9") == "filters.block: acme-x"
    assert found.reason("acme-y", "9") is None


def test_where_something_is_allowed_nothing_else_is():
    found = filters(allow=["numpy>=2", "scipy"])
    assert found.reason("numpy") is None
    assert found.reason("numpy", "1.5") == found.reason("flask") == found.reason("flask", "1.0") == "filters.allow"
    assert found.reason("numpy", "2.1") is found.reason("scipy", "0.1") is None


def test_a_version_is_compared_normalised():
    found = filters(block=["numpy==*rc1"])
    assert found.reason("numpy", "v1.0.0-RC.1") == "filters.block: numpy==*rc1"


def test_filters_concern_the_projects_that_they_speak_of():
    assert not filters(block=["numpy==1.*"]).of("NumPy").are_silent
    assert filters(block=["numpy==1.*"]).of("scipy").are_silent
    assert not filters(allow=["scipy"]).of("numpy").are_silent


@pytest.mark.parametrize("pattern", ["*a" * 500 + "b", "a==" + "*1" * 500 + "2", "a==" + "?*" * 500 + "2"])
def test_no_pattern_takes_long(pattern):
    parsed = Pattern.parse(pattern)
    began = time.process_time()
    assert not (parsed.names("a" * 200) and parsed.takes("1" * 250))
    assert not (parsed.names("a") and parsed.takes("1" * 250))
    assert time.process_time() - began < 1


def test_a_pattern_stands_for_what_the_documentation_says():
    section = PAGE.partition("## Filters\n")[2].partition("\n## ")[0]
    told = re.findall(r"`(numpy[=<>]=?[^`]*)`[^|]*\| [^:|]*: ([^|;]*)", section)
    assert len(told) == 1 + 1
    for pattern, examples in told:
        assert all(covered(pattern, version.strip(" ;")) for version in examples.split(", "))
