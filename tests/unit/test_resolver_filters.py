"""What filters leave of a page."""

import pytest
from packaging.utils import canonicalize_name

from pydeps_host.config import Filters, Index, Pattern
from pydeps_host.dependency import Dependency
from pydeps_host.errors import BlockedError, VersionNotFoundError
from pydeps_host.resolver import Choice, Resolver, ResolverOptions, SetAside, choose
from pydeps_host.simple_api import File, Project
from pydeps_host.testing import FakeIndex, FakeNetwork, build_sdist
from pydeps_host.values import Url

PAGE = Url.parse("https://index.example.com/simple/foo/")


def page(*versions: str) -> Project:
    files = tuple(File(name, PAGE.join(name)) for name in (f"foo-{version}.tar.gz" for version in versions))
    return Project(canonicalize_name("foo"), PAGE, files)


def blocking(*patterns: str) -> Filters:
    return Filters(block=tuple(map(Pattern.parse, patterns)))


def take(project: Project, dependency: str, *patterns: str, most: int = 50) -> Choice:
    return choose(project, Dependency.parse(dependency), versions_per_dependency=most, filters=blocking(*patterns))


def texts(choice: Choice) -> list[str]:
    return [release.text for release in choice.releases]


def test_a_range_skips_what_is_blocked_before_it_counts():
    choice = take(page("1.0", "1.1", "1.2", "1.3", "1.4"), "foo>=1", "foo==1.3", "foo==1.0", most=2)
    assert texts(choice) == ["1.4", "1.2"]
    assert choice.cut == 1
    assert choice.blocked == (("1.3", "filters.block: foo==1.3"),), "1.0 would not have been taken anyway"
    assert choice.set_aside == (SetAside("foo-1.0.tar.gz", "blocked", "1.0"), SetAside("foo-1.3.tar.gz", "blocked", "1.3"))


def test_a_bare_name_takes_the_newest_that_is_not_blocked():
    choice = take(page("1.0", "2.0", "2.1rc1"), "foo", "foo==2.*")
    assert texts(choice) == ["1.0"]
    assert choice.blocked == (("2.0", "filters.block: foo==2.*"),)


@pytest.mark.parametrize("dependency", ["foo==1.0", "foo==v1.0.0", "foo===1.0", "foo==9.9"])
def test_a_pin_of_what_is_blocked_is_blocked_and_not_missing(dependency):
    with pytest.raises(BlockedError) as caught:
        take(page("1.0", "2.0"), dependency, "foo<2", "foo==9.*")
    assert (caught.value.wanted, caught.value.by[:14]) == (str(Dependency.parse(dependency)), "filters.block:")


def test_a_pin_that_only_a_blocked_local_version_answers_to_is_blocked():
    with pytest.raises(BlockedError):
        take(page("1.0+cu118"), "foo==1.0", "foo==*+*")


def test_a_name_and_a_range_of_which_all_is_blocked_are_blocked():
    for dependency in ("foo", "foo>=1,<2"):
        with pytest.raises(BlockedError):
            take(page("1.0", "1.1", "2.0"), dependency, "foo==1.*", "foo==2.0")


def test_what_is_not_there_is_missing_whatever_is_blocked():
    for dependency in ("foo==3.0", "foo>=3"):
        with pytest.raises(VersionNotFoundError):
            take(page("1.0", "2.0"), dependency, "foo==1.0")


def test_filters_on_other_projects_change_nothing():
    project = page("1.0", "2.0")
    assert take(project, "foo", "bar", "bar==*rc*") == take(project, "foo")


def test_a_blocked_pin_is_not_asked_of_later_indexes():
    high, low = FakeIndex("https://high.example.com/simple"), FakeIndex("https://low.example.com/simple")
    high.add(build_sdist("foo", "1.0", {}))
    low.add(build_sdist("foo", "2.0", {}))
    options = ResolverOptions(version_fallthrough=True, filters=blocking("foo==2.0"))
    urls = [Index.of(Url.parse(index.url)) for index in (high, low)]
    resolver = Resolver(urls, transport=FakeNetwork(high, low), options=options)
    with pytest.raises(BlockedError):
        resolver.locate(Dependency.parse("foo==2.0"))
    assert low.requests == ()
