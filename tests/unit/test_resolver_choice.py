import hashlib
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from packaging.utils import canonicalize_name
from packaging.version import Version

from pydeps_host.archive import is_readable
from pydeps_host.dependency import Dependency
from pydeps_host.errors import VersionNotFoundError
from pydeps_host.resolver import Choice, SetAside, choose
from pydeps_host.simple_api import SDIST_SUFFIXES, WHEEL_SUFFIX, File, Project
from pydeps_host.values import Digest, Url

PAGE = Url.parse("https://index.example.com/simple/foo/")


def file(filename: str, **fields: Any) -> File:
    return File(filename, PAGE.join(filename.replace(" ", "%20")), **fields)


def sha(text: str) -> Digest:
    return Digest("sha256", hashlib.sha256(text.encode()).hexdigest())


def page(*files: File | str, **fields: Any) -> Project:
    return Project(canonicalize_name("foo"), PAGE, tuple(file(one) if isinstance(one, str) else one for one in files), **fields)


def versions(*texts: str, **fields: Any) -> Project:
    return page(*(file(f"foo-{text}.tar.gz", **fields) for text in texts))


def take(project: Project, dependency: str, most: int = 50) -> Choice:
    return choose(project, Dependency.parse(dependency), versions_per_dependency=most)


def texts(project: Project, dependency: str, most: int = 50) -> list[str]:
    return [release.text for release in take(project, dependency, most).releases]


def candidates(project: Project, dependency: str = "foo") -> list[str]:
    (release,) = take(project, dependency).releases
    return [one.filename for one in release.candidates]


def missing(project: Project, dependency: str) -> VersionNotFoundError:
    with pytest.raises(VersionNotFoundError) as caught:
        take(project, dependency)
    assert caught.value.dependency == str(Dependency.parse(dependency))
    assert caught.value.index == str(PAGE)
    return caught.value


# --- pins --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pin", "there", "taken"),
    [
        ("==1.22.3", ["1.22.2", "1.22.3", "1.22.4"], "1.22.3"),
        ("==v1.22.3", ["1.22.3"], "1.22.3"),
        ("==1.22", ["1.22.0", "1.22.1"], "1.22.0"),
        ("==1.22.0", ["1.22", "1.22.1"], "1.22"),
        ("==1.0rc1", ["1.0-rc.1", "1.0"], "1.0rc1"),
        ("==1.0.dev3", ["1.0.dev3", "2.0"], "1.0.dev3"),
        ("==1!1.0", ["1.0", "1!1.0"], "1!1.0"),
        ("==1.0.2.post2", ["1.0.2-2", "1.0.2"], "1.0.2.post2"),
    ],
)
def test_a_pin_takes_the_release_whose_version_is_equal(pin, there, taken):
    assert texts(versions(*there), f"foo{pin}") == [taken]


def test_a_pin_takes_a_yanked_release_with_a_notice():
    choice = take(versions("1.0", "2.0", yanked=True, yanked_reason="broken"), "foo==2.0")
    (release,) = choice.releases
    assert (release.yanked, release.yanked_reason) == (True, "broken")
    assert "broken" in str(choice.notices[0])


@pytest.mark.parametrize(
    ("pin", "there", "taken"),
    [
        ("==1.0", ["1.0", "1.0+a", "1.0+b"], "1.0"),
        ("==1.0", ["1.0.0+a", "1.1"], "1.0.0+a"),
        ("==1.0+cu118", ["1.0", "1.0+cu118", "1.0+cu121"], "1.0+cu118"),
        ("==1.0+CU-118", ["1.0", "1.0+cu.118"], "1.0+cu.118"),
    ],
)
def test_a_local_version_matches_exactly_and_a_public_one_the_only_local_one(pin, there, taken):
    assert texts(versions(*there), f"foo{pin}") == [taken]


def test_several_local_versions_are_listed():
    error = missing(versions("1.0+a", "1.0+b", "1.1"), "foo==1.0")
    assert set(error.near) == {"1.0+a", "1.0+b"}
    assert "several" in error.reason


def test_a_local_pin_does_not_take_the_public_version():
    assert missing(versions("1.0", "1.0+b"), "foo==1.0+a").reason == "there is no such release"


@pytest.mark.parametrize(
    ("pin", "there", "taken"),
    [
        ("===1.0", ["1.0.0", "1.0"], "1.0"),
        ("===1.0.0", ["1.0.0", "1.1"], "1.0.0"),
        ("===2004d", ["2004d", "1.0"], "2004d"),
        ("===DEV-R1", ["dev-r1"], "dev-r1"),
        ("===1.0b0", ["1.0-beta"], "1.0b0"),
        ("===1.0-beta", ["1.0-beta"], "1.0b0"),
    ],
)
def test_an_arbitrary_pin_compares_the_text(pin, there, taken):
    assert texts(versions(*there), f"foo{pin}") == [taken]


def test_an_arbitrary_pin_takes_the_files_of_that_spelling_alone():
    choice = take(page("foo-1.0.tar.gz", "foo-1.0.0.zip"), "foo===1.0.0")
    assert [one.filename for one in choice.releases[0].candidates] == ["foo-1.0.0.zip"]
    assert choice.set_aside == (SetAside("foo-1.0.tar.gz", "spelling", "1.0"),)


@pytest.mark.parametrize("pin", ["===1.0", "===none", "===1.0.0.0"])
def test_an_arbitrary_pin_takes_no_equal_version_of_another_text(pin):
    error = missing(versions("1.0.0", "odd"), f"foo{pin}")
    assert error.reason == "there is no such release"


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("1.4", ("1.5", "1.3", "1.2", "1.1")), ("9", ("1.5", "1.3", "1.2", "1.1")), ("0.1", ("1.1", "1.2", "1.3", "1.5"))],
)
def test_a_pin_that_is_not_there_names_the_nearest_releases(wanted, near):
    assert missing(versions("1.1", "1.2", "1.3", "1.5"), f"foo=={wanted}").near == near


def test_at_most_five_are_named():
    assert len(missing(versions(*(f"1.{minor}" for minor in range(100))), "foo==1.50.1").near) == 5


@pytest.mark.parametrize(
    ("only", "code"),
    [
        ("foo-1.0-py2.7.egg", "binary-distribution"),
        ("foo-1.0.win32.exe", "binary-distribution"),
        ("foo-1.0.linux-x86_64.tar.gz", "binary-distribution"),
    ],
)
def test_a_release_none_of_whose_files_can_be_taken_says_so(only, code):
    error = missing(page(only, "foo-1.0.1.exe", "foo-2.0.tar.gz"), "foo==1.0")
    assert error.reason == f"none of its files can be taken: {only} ({code})"


# --- bare names and ranges ---------------------------------------------------


def test_a_bare_name_takes_the_newest_final_release_that_is_not_yanked():
    project = page(
        "foo-1.0.tar.gz", "foo-1.10.tar.gz", "foo-1.9.tar.gz", "foo-2.0rc1.tar.gz", file("foo-3.0.tar.gz", yanked=True), "foo-odd.tar.gz"
    )
    assert texts(project, "foo") == ["1.10"]


def test_a_bare_name_takes_a_post_release_and_no_developmental_one():
    assert texts(versions("1.0", "1.0.post1", "1.1.dev0"), "foo") == ["1.0.post1"]


@pytest.mark.parametrize("dependency", ["foo", "foo>=0.1"])
def test_a_pre_release_is_taken_only_where_nothing_else_exists(dependency):
    assert texts(versions("1.0a1", "1.0b1"), dependency)[0] == "1.0b1"
    assert texts(versions("1.0a1", "0.9"), dependency) == ["0.9"]
    assert texts(page("foo-1.0a1.tar.gz", file("foo-0.9.tar.gz", yanked=True)), dependency) == ["1.0a1"]


def test_a_bare_name_whose_releases_are_all_yanked_is_missing():
    error = missing(versions("1.0", "2.0", yanked=True), "foo")
    assert (error.reason, error.near) == ("every release is yanked", ("2.0", "1.0"))


def test_a_bare_name_with_releases_that_no_order_knows_is_missing():
    error = missing(versions("odd", "2004d"), "foo")
    assert "===" in error.reason
    assert error.near == ("2004d", "odd")


@pytest.mark.parametrize(
    ("dependency", "taken"),
    [
        ("foo>=1.26", ["2.0", "1.27", "1.26.1", "1.26"]),
        ("foo~=1.26", ["1.27", "1.26.1", "1.26"]),
        ("foo==1.26.*", ["1.26.1", "1.26"]),
        ("foo!=1.26,<1.27", ["1.26.1", "1.25"]),
        ("foo>1.26a1,<1.27", ["1.26.1", "1.26", "1.26b1"]),
        ("foo>=1.27", ["2.0", "1.27"]),
    ],
)
def test_a_range_takes_every_matching_release_the_newest_first(dependency, taken):
    assert texts(versions("1.25", "1.26b1", "1.26", "1.26.1", "1.27", "2.0", "3.0a1", "odd"), dependency) == taken


def test_a_range_takes_no_yanked_release():
    assert texts(page("foo-1.0.tar.gz", file("foo-1.1.tar.gz", yanked=True)), "foo>=1") == ["1.0"]
    error = missing(page("foo-1.0.tar.gz", file("foo-2.1.tar.gz", yanked=True)), "foo>=2")
    assert (error.reason, error.near) == ("every release in this range is yanked", ("2.1",))


def test_a_range_brings_at_most_so_many_and_the_cut_is_reported():
    choice = take(versions(*(f"1.{minor}" for minor in range(10))), "foo>=1", most=3)
    assert [release.text for release in choice.releases] == ["1.9", "1.8", "1.7"]
    assert choice.cut == 7
    assert "7 more releases match" in str(choice.notices[0])
    assert take(versions("1.0"), "foo>=1").cut == 0


def test_a_range_without_a_match_is_missing():
    error = missing(versions("1.0", "1.1"), "foo>=2")
    assert (error.reason, error.near) == ("no release is in this range", ("1.1", "1.0"))


def test_a_project_without_files_is_missing_all():
    for dependency in ("foo", "foo==1.0", "foo===x", "foo>=1"):
        assert missing(page(), dependency).near == ()
    assert missing(page("x.exe"), "foo").reason == "none of the project's files can be taken: x.exe (binary-distribution)"


# --- which file --------------------------------------------------------------


def test_the_order_is_unyanked_then_source_then_format_then_purity_then_size():
    ordered = [
        file("foo-1.0.tar.gz", size=9),
        file("foo-1.0.zip", size=8),
        file("foo-1.0.tgz", size=7),
        file("foo-1.0-py3-none-any.whl", size=6),
        file("foo-1.0-py2.py3-none-any.whl", size=5),
        file("foo-1.0-cp312-none-any.whl", size=3),
        file("foo-1.0-py2-none-any.whl", size=4),
        file("foo-1.0-py3-none-linux_x86_64.whl", size=4),
        file("foo-1.0-cp39-abi3-linux_x86_64.whl", size=3),
        file("foo-1.0-cp311-cp311-linux_x86_64.whl", size=1),
        file("foo-1.0-cp310-cp310-linux_x86_64.whl", size=2),
    ]
    yanked = [evolve(one, filename=one.filename.replace("foo", "Foo"), yanked=True) for one in ordered]
    expected = [one.filename for one in ordered + yanked]
    assert candidates(page(*reversed(ordered + yanked))) == expected


@pytest.mark.parametrize("sizes", [(3, None, 1), (None, None, None), (2, 2, 2)])
def test_where_sizes_do_not_decide_the_smallest_name_is_taken_whatever_the_pages_order(sizes):
    names = ["foo-1.0-cp310-cp310-a.whl", "foo-1.0-cp310-cp310-b.whl", "foo-1.0-cp310-cp310-c.whl"]
    listed = [file(name, size=size) for name, size in zip(names, sizes, strict=True)]
    for order in permutations(listed):
        assert candidates(page(*order)) == names


def test_what_cannot_be_read_is_set_aside_with_a_reason():
    choice = take(
        page("foo-1.0.tar.gz", "foo-1.0.tar.bz2", "foo-1.0.egg", "bar-1.0.zip", "x.txt", "foo-1.whl", "foo-0.9.tar.gz"),
        "foo==1.0",
    )
    assert choice.set_aside == (
        SetAside("bar-1.0.zip", "other-project"),
        SetAside("foo-1.0.egg", "binary-distribution"),
        SetAside("foo-1.whl", "wheel-name"),
        SetAside("x.txt", "not-a-distribution"),
    )


def test_every_format_that_can_be_chosen_can_be_read():
    assert all(is_readable(f"foo-1.0{suffix}") for suffix in (*SDIST_SUFFIXES, WHEEL_SUFFIX))


def test_of_source_distributions_the_formats_have_an_order():
    names = [f"foo-1.0{suffix}" for suffix in (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar")]
    assert candidates(page(*sorted(names))) == names


def test_equal_versions_spelled_differently_are_one_release_named_as_its_first_candidate():
    project = page("foo-1.0.0.zip", "foo-1.0.tar.gz", "foo-1-py3-none-any.whl")
    (release,) = take(project, "foo>=1").releases
    assert (release.text, release.version) == ("1.0", Version("1.0"))
    assert [one.filename for one in release.candidates] == ["foo-1.0.tar.gz", "foo-1.0.0.zip", "foo-1-py3-none-any.whl"]


def test_a_release_is_yanked_when_all_its_files_are():
    one = file("foo-1.0.tar.gz", yanked=True, digests=frozenset({sha("a")}))
    other = file("foo-1.0.zip", digests=frozenset({sha("b")}))
    assert not take(page(one, other), f"foo==1.0 --hash={sha('a')}").releases[0].yanked
    assert take(page(one, evolve(other, yanked=True)), "foo==1.0").releases[0].yanked


def test_an_entry_that_is_listed_twice_is_one():
    assert candidates(page("foo-1.0.tar.gz", "foo-1.0.tar.gz")) == ["foo-1.0.tar.gz"]


# --- required digests --------------------------------------------------------


def test_required_digests_narrow_the_candidates_before_any_preference():
    wheel = file("foo-1.0-py3-none-any.whl", digests=frozenset({sha("wheel")}), yanked=True)
    sdist = file("foo-1.0.tar.gz", digests=frozenset({sha("sdist")}))
    choice = take(page(sdist, wheel), f"foo==1.0 --hash={sha('wheel')} --hash={sha('gone')}")
    (release,) = choice.releases
    assert release.candidates == (wheel,)
    assert set(release.required) == {sha("wheel"), sha("gone")}
    assert choice.set_aside == (SetAside("foo-1.0.tar.gz", "digest", "1.0"),)


def test_a_file_whose_digest_is_of_another_algorithm_is_tried_last_and_checked_when_it_is_there():
    known = file("foo-1.0-py3-none-any.whl", digests=frozenset({sha("wheel")}))
    unsure = file("foo-1.0.tar.gz", digests=frozenset({Digest("md5", "0" * 32)}))
    (release,) = take(page(unsure, known), f"foo==1.0 --hash={sha('wheel')}").releases
    assert release.candidates == (known, unsure)


def test_one_digest_that_is_required_is_enough():
    both = file("foo-1.0.tar.gz", digests=frozenset({sha("a"), Digest("md5", "0" * 32)}))
    assert take(page(both), f"foo==1.0 --hash={sha('b')} --hash=md5:{'0' * 32}").releases[0].candidates == (both,)


def test_a_release_whose_files_have_other_digests_is_missing():
    error = missing(page(file("foo-1.0.tar.gz", digests=frozenset({sha("a")}))), f"foo==1.0 --hash={sha('b')}")
    assert error.reason == f"none of its files can be taken: foo-1.0.tar.gz (digest: the index has {sha('a')}); required is {sha('b')}"


def test_required_digests_choose_between_a_release_and_its_local_one():
    plain = file("foo-1.0.tar.gz", digests=frozenset({sha("a")}))
    local = file("foo-1.0+x.tar.gz", digests=frozenset({sha("b")}))
    assert take(page(plain, local), f"foo==1.0 --hash={sha('b')}").releases[0].candidates == (local,)


# --- notices -----------------------------------------------------------------


@pytest.mark.parametrize("status", ["archived", "deprecated"])
def test_a_project_that_is_no_longer_kept_up_is_a_notice(status):
    choice = take(page("foo-1.0.tar.gz", status=status, status_reason="moved to bar"), "foo")
    assert f"{status}: moved to bar" in str(choice.notices[0])


def test_what_the_dependency_set_aside_and_a_pre_release_are_notices():
    choice = take(versions("1.0a1"), "foo[extra]")
    assert ["extra" in str(choice.notices[0]), "pre-release" in str(choice.notices[1])] == [True, True]
    assert take(versions("1.0a1"), "foo==1.0a1").notices == ()


# --- one file, told of in two ways -------------------------------------------


def twice(first: dict[str, Any], second: dict[str, Any]) -> Project:
    name = "foo-2.0.tar.gz"
    return page(file(name, **first), evolve(file(name, **second), url=PAGE.join(f"x/{name}")), file("foo-2.0-py3-none-any.whl"))


A, B = frozenset({sha("a")}), frozenset({sha("b")})


@pytest.mark.parametrize(
    ("first", "second"), [({"digests": A}, {"digests": B}), ({"size": 1}, {"size": 2}), ({"digests": A | B}, {}), ({}, {"digests": A | B})]
)
def test_a_file_with_two_digests_or_two_sizes_is_not_taken_and_that_is_told(first, second):
    choice = take(twice(first, second), "foo")
    assert [one.filename for one in choice.releases[0].candidates] == ["foo-2.0-py3-none-any.whl"]
    assert choice.set_aside == (SetAside("foo-2.0.tar.gz", "contradiction", "2.0"),)
    assert ["two digests or two sizes of foo-2.0.tar.gz" in notice.message for notice in choice.notices] == [True]


def test_a_release_of_nothing_but_a_contradiction_cannot_be_taken():
    with pytest.raises(VersionNotFoundError, match=r"foo-2\.0\.tar\.gz \(contradiction\)"):
        take(page(file("foo-2.0.tar.gz", digests=A), file("foo-2.0.tar.gz", digests=B)), "foo==2.0")


def test_a_file_whose_one_entry_tells_two_digests_is_not_taken_either():
    choice = take(page(file("foo-2.0.tar.gz", digests=A | B), file("foo-2.0-py3-none-any.whl")), "foo")
    assert [one.filename for one in choice.releases[0].candidates] == ["foo-2.0-py3-none-any.whl"]
    assert choice.set_aside == (SetAside("foo-2.0.tar.gz", "contradiction", "2.0"),)


def test_a_required_digest_decides_between_the_two():
    choice = take(twice({"digests": A}, {"digests": B}), f"foo==2.0 --hash={sha('b')}")
    assert choice.releases[0].candidates[0].digests == B
    assert not choice.notices


def test_what_one_entry_tells_of_a_file_holds_for_every_entry_of_that_name():
    md5 = frozenset({Digest("md5", "0" * 32)})
    choice = take(twice({"digests": A, "size": 5}, {"digests": md5}), "foo")
    first, second, _ = choice.releases[0].candidates
    assert (first.digests, second.digests) == (A | md5, A | md5)
    assert first.url != second.url
    assert not choice.notices
