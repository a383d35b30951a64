import time

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from pydeps_host.simple_api import Distribution, Kind, Unusable, read_filename


def read(filename: str, name: str = "foo") -> Distribution | Unusable:
    return read_filename(filename, canonicalize_name(name))


@pytest.mark.parametrize(
    ("filename", "name", "text", "version", "suffix"),
    [
        ("foo-1.0.tar.gz", "foo", "1.0", "1.0", ".tar.gz"),
        ("cffi-1.0.2-2.tar.gz", "cffi", "1.0.2-2", "1.0.2.post2", ".tar.gz"),
        ("foo-1.0-beta.tar.gz", "foo", "1.0-beta", "1.0b0", ".tar.gz"),
        ("pyfurby-0.1 (1).tar.gz", "pyfurby", "0.1", "0.1", ".tar.gz"),
        ("pyfurby-0.1(2).zip", "pyfurby", "0.1", "0.1", ".zip"),
        ("Num_Py-1.0.tgz", "num-py", "1.0", "1.0", ".tgz"),
        ("num-py-1.0.TAR.GZ", "Num_Py", "1.0", "1.0", ".tar.gz"),
        ("zope.interface-4.0.tar.bz2", "zope-interface", "4.0", "4.0", ".tar.bz2"),
        ("a-b.c_d-1.0.tar.xz", "a-b-c-d", "1.0", "1.0", ".tar.xz"),
        ("foo--1.0.tar", "foo", "-1.0", None, ".tar"),
        ("foo-2-1.0.zip", "foo-2", "1.0", "1.0", ".zip"),
        ("foo-2-1.0.zip", "foo", "2-1.0", None, ".zip"),
        ("foo-1.0+cu118.tar.gz", "foo", "1.0+cu118", "1.0+cu118", ".tar.gz"),
        ("foo-2004d.tar.gz", "foo", "2004d", None, ".tar.gz"),
        ("foo-dev-r123.tar.gz", "foo", "dev-r123", None, ".tar.gz"),
        ("foo-1!2.0.tar.gz", "foo", "1!2.0", "1!2.0", ".tar.gz"),
        ("foo-" + "1" * 4400 + ".zip", "foo", "1" * 4400, None, ".zip"),
    ],
)
def test_a_source_distributions_name_is_read_knowing_the_projects(filename, name, text, version, suffix):
    expected = Distribution(Kind.SDIST, text, Version(version) if version else None, suffix)
    assert read(filename, name) == expected


@pytest.mark.parametrize(
    ("filename", "name", "text", "version", "tags"),
    [
        ("foo-1.0-py3-none-any.whl", "foo", "1.0", "1.0", ("py3", "none", "any")),
        ("foo-1.0-1-py2.py3-none-any.whl", "foo", "1.0", "1.0", ("py2.py3", "none", "any")),
        ("foo-1.0-2abc-CP39-abi3-Linux_x86_64.WHL", "foo", "1.0", "1.0", ("cp39", "abi3", "linux_x86_64")),
        ("foo_bar-1.0-py3-none-any.whl", "foo-bar", "1.0", "1.0", ("py3", "none", "any")),
        ("foo.bar-1.0-py3-none-any.whl", "foo-bar", "1.0", "1.0", ("py3", "none", "any")),
        ("foo-bar-1.0-py3-none-any.whl", "foo-bar", "1.0", "1.0", ("py3", "none", "any")),
        ("foo-1.0_1-py3-none-any.whl", "foo", "1.0_1", "1.0.post1", ("py3", "none", "any")),
        ("foo-1.0_cu118-py3-none-any.whl", "foo", "1.0_cu118", "1.0+cu118", ("py3", "none", "any")),
        ("foo-1.0+cu118-py3-none-any.whl", "foo", "1.0+cu118", "1.0+cu118", ("py3", "none", "any")),
        ("foo-odd-py3-none-any.whl", "foo", "odd", None, ("py3", "none", "any")),
    ],
)
def test_a_wheels_name_is_read_also_where_old_tools_wrote_it(filename, name, text, version, tags):
    assert read(filename, name) == Distribution(Kind.WHEEL, text, Version(version) if version else None, ".whl", tags)


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        ("foo-1.0-py2.7.egg", Unusable.BINARY),
        ("foo-1.0.win32-py2.7.exe", Unusable.BINARY),
        ("foo-1.0-1.noarch.rpm", Unusable.BINARY),
        ("foo-1.0.win-amd64-py3.4.msi", Unusable.BINARY),
        ("foo_1.0_all.deb", Unusable.BINARY),
        ("foo-1.0.dmg", Unusable.BINARY),
        ("foo-1.0.tar.gz.asc", Unusable.BINARY),
        ("foo-1.0-py3-none-any.whl.metadata", Unusable.BINARY),
        ("foo-1.0.linux-x86_64.tar.gz", Unusable.BINARY),
        ("foo-1.0.macosx-10.9-x86_64.tar.gz", Unusable.BINARY),
        ("foo-1.0.win32.zip", Unusable.BINARY),
        ("foo-1.0.win-amd64.zip", Unusable.BINARY),
        ("foo-1.0.linux-i686.tar.bz2", Unusable.BINARY),
        ("README.html", Unusable.NOT_A_DISTRIBUTION),
        ("foo-1.0", Unusable.NOT_A_DISTRIBUTION),
        ("bar-1.0.tar.gz", Unusable.OTHER_PROJECT),
        ("foo.tar.gz", Unusable.OTHER_PROJECT),
        ("foo-.tar.gz", Unusable.OTHER_PROJECT),
        ("foobar-1.0.tar.gz", Unusable.OTHER_PROJECT),
        ("bar-1.0-py3-none-any.whl", Unusable.OTHER_PROJECT),
        ("foo-bar-1.0-py3-none-any.whl", Unusable.OTHER_PROJECT),
        ("foo-1.0.whl", Unusable.WHEEL_NAME),
        ("foo-py3-none-any.whl", Unusable.WHEEL_NAME),
        ("foo-1.0---any.whl", Unusable.WHEEL_NAME),
        (".whl", Unusable.WHEEL_NAME),
        (".tar.gz", Unusable.OTHER_PROJECT),
    ],
)
def test_what_is_no_candidate_is_told_with_a_reason(filename, reason):
    assert read(filename) is reason


def test_a_local_version_that_names_a_platform_is_no_dumb_binary():
    found = read("foo-1.0+linux.x86.tar.gz")
    assert isinstance(found, Distribution)
    assert found.version == Version("1.0+linux.x86")


def test_compressed_tags_are_not_expanded():
    many = ".".join("abcdefghijklmnopqrstuvwxyz0123456789")
    start = time.perf_counter()
    for _ in range(1000):
        assert isinstance(read(f"foo-1.0-{many}-{many}-{many}.whl"), Distribution)
    assert time.perf_counter() - start < 1
