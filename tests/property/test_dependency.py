import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pydeps_host.dependency import Dependency, tag_of, version_of_tag
from pydeps_host.errors import DependencyError

PIECES = st.sampled_from(
    [
        "numpy",
        "a_B.c",
        "==",
        "===",
        ">=",
        "~=",
        "<",
        "!=",
        "1.0",
        "v1",
        "1.*",
        ",",
        " ",
        ";",
        "[x]",
        "@",
        "#",
        "--hash=",
        "sha256:",
        "(",
        ")",
        "\\",
        "é",
        "\x00",
    ]
)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join)))
@example("a===,")
@example("a===,>=1")
@example("a===1,0")
@example("0_")
def test_any_text_is_a_dependency_that_round_trips_or_a_typed_problem(text):
    """`str(dependency)` round-trips; one bad entry never stops the others from being reported."""
    try:
        dependency = Dependency.parse(text)
    except DependencyError as problem:
        assert problem.problem.remedy
        assert "\n" not in str(problem)
    else:
        assert Dependency.parse(str(dependency)) == dependency


@given(st.text(min_size=1))
def test_every_version_text_has_a_tag_that_gives_it_back(version):
    """Versions whose text git cannot hold in a reference get a reversible escape."""
    assert version_of_tag(tag_of(version)) == version


@pytest.mark.parametrize(
    "version", ["1.0", "1..0", "x.lock", "a/b", ".", "..", "@{", "-", "a b", "é", "\x7f", "a\\b", "1.lock.lock", "~^:?*["]
)
def test_git_takes_every_tag(version):
    subprocess.run(["git", "check-ref-format", f"refs/tags/{tag_of(version)}"], check=True)


@given(st.text(alphabet=st.sampled_from(list("a.@{}/~^:?*[\\ lock-%\x1f")), min_size=1, max_size=12))
def test_git_s_rules_for_references_hold_for_every_tag(version):
    """git-check-ref-format(1), rules 1 to 10, said again in Python."""
    tag = tag_of(version)
    assert not any(bad in tag for bad in ("..", "@{", "/", "\\", " ", "~", "^", ":", "?", "*", "[", "\x1f"))
    assert not tag.endswith((".", ".lock"))
    assert tag.startswith("v")
