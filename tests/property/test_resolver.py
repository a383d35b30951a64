"""Choices that do not depend on a page's order: each test quotes the sentence that it proves."""

import random

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pydeps_host.dependency import Dependency
from pydeps_host.errors import VersionNotFoundError
from pydeps_host.resolver import Choice, choose
from pydeps_host.simple_api import File, Project
from pydeps_host.values import Digest, Url

PAGE = Url.parse("https://index.example.com/simple/foo/")
DIGESTS = [Digest("sha256", character * 64) for character in "abc"] + [Digest("md5", "d" * 32)]
TEXTS = ["1.0", "1.0.0", "1", "1.1", "1.2rc1", "1.3.dev1", "1.0+a", "1.0+b", "2.0", "2.0.post1", "3.0a1", "odd", "1.0-beta"]
ENDINGS = [
    ".tar.gz",
    ".zip",
    ".tgz",
    ".tar.bz2",
    "-py3-none-any.whl",
    "-py2.py3-none-any.whl",
    "-cp39-abi3-linux_x86_64.whl",
    ".egg",
    ".txt",
]
DEPENDENCIES = [
    "foo",
    "foo==1.0",
    "foo==1",
    "foo==1.1",
    "foo===1.0",
    "foo>=1",
    "foo<2",
    "foo==1.*",
    "foo>=1.2rc1",
    "foo~=1.0",
    "foo==1.0+a",
]


def listed(text: str, ending: str, size: int | None, digests: set[Digest]) -> File:
    filename = f"foo-{text}{ending}"
    return File(filename, PAGE.join(filename), frozenset(digests), size)


plain = st.builds(
    listed, st.sampled_from(TEXTS), st.sampled_from(ENDINGS), st.none() | st.integers(0, 5), st.sets(st.sampled_from(DIGESTS), max_size=2)
)
files = plain | plain.map(lambda file: evolve(file, yanked=True, yanked_reason="why"))
pages = st.lists(files, max_size=12).map(lambda listed: Project(canonicalize_name("foo"), PAGE, tuple(listed)))
dependencies = st.builds(
    lambda text, hashes: Dependency.parse(" ".join([text, *(f"--hash={digest}" for digest in hashes)])),
    st.sampled_from(DEPENDENCIES),
    st.lists(st.sampled_from(DIGESTS), max_size=2),
)


def outcome(project: Project, dependency: Dependency) -> object:
    try:
        return choose(project, dependency, versions_per_dependency=3)
    except VersionNotFoundError as error:
        return error.dependency, error.index, error.reason, error.near


@given(pages, dependencies, st.randoms(use_true_random=False))
def test_shuffling_a_page_changes_nothing(project: Project, dependency: Dependency, chance: random.Random):
    """The order of the page never matters."""
    shuffled = list(project.files)
    chance.shuffle(shuffled)
    assert outcome(evolve(project, files=tuple(shuffled)), dependency) == outcome(project, dependency)


@given(pages, dependencies)
def test_every_file_has_its_place(project: Project, dependency: Dependency):
    """Every file of the page is either a candidate of some release or set aside with a reason code."""
    everything = {one.filename for one in project.files}
    found = outcome(project, dependency)
    if isinstance(found, Choice):
        aside = {one.filename for one in found.set_aside}
        taken = {one.filename for release in found.releases for one in release.candidates}
        assert aside | taken <= everything
        assert all(one.reason for one in found.set_aside)
        # What is neither belongs to a release that was not asked for, and could be.
        for filename in everything - aside - taken:
            assert not filename.endswith((".egg", ".txt"))


@given(pages, dependencies)
def test_candidates_are_in_order(project: Project, dependency: Dependency):
    """Unyanked first; a source distribution before a wheel; required digests before any preference."""
    found = outcome(project, dependency)
    for release in found.releases if isinstance(found, Choice) else ():
        keys = [
            (bool(dependency.hashes) and one.digests.isdisjoint(dependency.hashes), one.yanked, one.filename.endswith(".whl"))
            for one in release.candidates
        ]
        assert keys == sorted(keys)
        assert release.text == (str(release.version) if release.version else release.text)


@given(pages, st.sampled_from(["foo>=1", "foo<2", "foo==1.*", "foo>=1.2rc1", "foo~=1.0"]).map(Dependency.parse))
def test_a_range_is_pep_440s(project: Project, dependency: Dependency):
    """Every matching release, newest first, no yanked one, pre-releases as PEP 440 says."""
    everything = choose_all(project)
    offered = [release.version for release in everything if not release.yanked and release.version is not None]
    specifiers = SpecifierSet(dependency.specifier)
    # Before its release 26.0 the oracle left out pre-releases even where there is nothing else (PEP 440, "Handling of pre-releases").
    expected = sorted([*specifiers.filter(offered)] or specifiers.filter(offered, prereleases=True), reverse=True)
    try:
        taken = [release.version for release in choose(project, dependency).releases]
    except VersionNotFoundError:
        taken = []
    assert taken == expected


def choose_all(project: Project):
    """Every release of a page, each by its pin."""
    releases = {}
    for text in TEXTS:
        try:
            version = Version(text)
            (release,) = choose(project, Dependency.parse(f"foo=={text}")).releases
        except (ValueError, VersionNotFoundError):
            continue
        if release.version == version:
            releases[version] = release
    return releases.values()


@given(pages)
def test_a_bare_name_is_the_newest_final(project: Project):
    """The newest final release that is not yanked; a pre-release only where nothing else exists."""
    offered = [release.version for release in choose_all(project) if not release.yanked and release.version is not None]
    finals = [version for version in offered if not version.is_prerelease]
    try:
        (release,) = choose(project, Dependency.parse("foo")).releases
    except VersionNotFoundError:
        assert not offered
    else:
        assert release.version == max(finals or offered)
