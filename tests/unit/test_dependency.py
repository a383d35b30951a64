import pickle

import pytest

from pydeps_host.dependency import Dependency, spelled_tag, tag_of, version_of_tag
from pydeps_host.errors import DependencyError

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("numpy==1.22.3", "numpy==1.22.3"),
        ("  numpy  ==  1.22.3  ", "numpy==1.22.3"),
        ("numpy==v1.22.3", "numpy==v1.22.3"),
        ("numpy===1.22.3", "numpy===1.22.3"),
        ("numpy===not..pep440", "numpy===not..pep440"),
        ("numpy", "numpy"),
        ("numpy~=1.4", "numpy~=1.4"),
        ("numpy==1.26.*", "numpy==1.26.*"),
        ("django>=4.2,<5", "django<5,>=4.2"),
        ("numpy (>=1)", "numpy>=1"),
        ("Num_Py", "num-py"),
        ("num.py", "num-py"),
        ("NUM-PY", "num-py"),
        ("numpy==1.0  # why", "numpy==1.0"),
        (f"numpy==1.0 --hash={SHA}", f"numpy==1.0 --hash={SHA}"),
        (f"numpy==1.0 \\\n    --hash={SHA}", f"numpy==1.0 --hash={SHA}"),
        (f"numpy==1.0 --hash {SHA} --hash=md5:{'B' * 32}", f"numpy==1.0 --hash=md5:{'b' * 32} --hash={SHA}"),
    ],
)
def test_a_dependency_is_read_and_its_text_round_trips(text, canonical):
    dependency = Dependency.parse(text)
    assert str(dependency) == canonical
    assert Dependency.parse(str(dependency)) == dependency


@pytest.mark.parametrize(
    ("text", "notice"),
    [("numpy[extra,b]==1.0", "the extra [b,extra] is set aside"), ('numpy==1.0; python_version<"3"', "the marker")],
)
def test_extras_and_markers_are_set_aside_with_a_notice(text, notice):
    dependency = Dependency.parse(text)
    assert dependency == Dependency.parse("numpy==1.0")
    assert notice in str(dependency.notices[0])


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("numpy @ https://example.com/x.whl", "direct reference", "numpy=={version}"),
        ("numpy@1.0", "after @", "`numpy==1.0`"),
        ("numpy=1.0", "two equals signs", "`numpy==1.0`"),
        ("numpy=>1.0", "comes last", "`numpy>=1.0`"),
        ("numpy 1.0", "comparison", "`numpy==1.0`"),
        ("numpy==", "version is missing", "`numpy`"),
        ("numpy===,", "version is missing", "`numpy`"),
        ("numpy>=1,===,", "version is missing", "`numpy`"),
        ("numpy===1,0", "not understood", "numpy==1.22.3"),
        ("numpy_", "does not end with a letter or a digit", "`numpy`"),
        ("numpy__[a]>=1,<2", "does not end with a letter or a digit", "`numpy<2,>=1`"),
        ("==1.0", "no project's name", "numpy==1.0"),
        ("-e .", "editable", "name the project"),
        ("--editable=.", "editable", "name the project"),
        ("-r requirements.txt", "option", "one dependency an entry"),
        ("./x", "path", "numpy==1.22.3"),
        ("/srv/x", "path", "numpy==1.22.3"),
        ("folder/x", "path", "numpy==1.22.3"),
        ("numpy-1.0.tar.gz", "path", "numpy==1.22.3"),
        ("https://example.com/simple", "URL", "numpy==1.22.3"),
        ("", "empty", "numpy==1.22.3"),
        ("# only a comment", "empty", "numpy==1.22.3"),
        ("numpy --hash=sha256:abc", "64 hexadecimal digits", "--hash=sha256"),
        ("numpy --hash=shake_128:abcd", "not a digest algorithm", "--hash=sha256"),
        ("numpy --no-binary :all:", "option that is not known", "only --hash"),
        ("numpy==1..0", "not understood", "numpy==1.22.3"),
        ("n\x1b[31m", "not understood", "numpy==1.22.3"),
        ("a" * 70_000, "longer than", "numpy==1.22.3"),
    ],
)
def test_what_is_no_dependency_is_a_problem_that_says_what_to_write(text, message, remedy):
    with pytest.raises(DependencyError) as caught:
        Dependency.parse(text)
    assert message in caught.value.problem.message
    assert remedy in caught.value.problem.remedy
    assert "\x1b" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "numpy @ https://user:canary@example.com/x.whl",
        "https://user:can/ary@example.com",
        "numpy=https://user:canary@example.com/",
        "numpy --index-url https://user:canary@example.com/",
        "numpy --hash=https://user:canary@example.com/",
    ],
)
def test_a_password_in_a_text_is_not_repeated(text):
    with pytest.raises(DependencyError) as caught:
        Dependency.parse(text)
    assert "canary" not in f"{caught.value}{caught.value!r}"
    assert "can/ary" not in f"{caught.value}{caught.value!r}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("a==1.0", "1.0"),
        ("a==v1", "v1"),
        ("a===x", "x"),
        ("a===1.*", "1.*"),
        ("a", None),
        ("a>=1", None),
        ("a==1.*", None),
        ("a==1,>0", None),
    ],
)
def test_a_pin_is_a_lone_equality_without_a_wildcard(text, pinned):
    dependency = Dependency.parse(text)
    assert dependency.pinned_text == pinned
    assert dependency.is_pin is (pinned is not None)
    assert dependency.is_arbitrary is ("===" in text)


@pytest.mark.parametrize(
    ("version", "tag"),
    [
        ("1.0", "v1.0"),
        ("1!2.0+local.1", "v1!2.0+local.1"),
        ("1..0", "v1.%2E0"),
        ("1...", "v1.%2E%2E"),
        ("x.lock", "vx%2Elock"),
        ("x.LOCK", "vx%2ELOCK"),
        ("a/b", "va%2Fb"),
        ("50%", "v50%25"),
        ("@{", "v%40%7B"),
        ("a~1^2:3?*[\\ ", "va%7E1%5E2%3A3%3F%2A%5B%5C%20"),
    ],
)
def test_a_version_becomes_a_tag_and_back(version, tag):
    assert tag_of(version) == tag
    assert version_of_tag(tag) == version


@pytest.mark.parametrize("tag", ["1.0", "v1..0", "va/b", "v%2e"])
def test_a_tag_of_somebody_else_is_no_version(tag):
    with pytest.raises(ValueError, match="not the tag of a version"):
        version_of_tag(tag)


def test_a_pin_spelled_otherwise_has_a_tag_of_that_spelling():
    assert spelled_tag(Dependency.parse("a==v1.22")) == "v1.22"
    assert spelled_tag(Dependency.parse("a>=1.22")) is None


def test_a_marker_nested_too_deeply_is_a_problem_as_any_other():
    with pytest.raises(DependencyError, match="nested too deeply"):
        Dependency.parse("a ; " + "(" * 60_000)
