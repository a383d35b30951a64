"""Each format of lock files: what is taken, what is left out, and where a fault stands."""

import json
import os
from pathlib import Path

import pytest

from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles import Format, Lockfile, LockLimits, read_lockfile

A, B, C = ("sha256:" + character * 64 for character in "abc")
MD5 = "md5:" + "d" * 32
INDEX = "https://packages.example.com/simple"

POETRY = f"""
[[package]]
name = "Alpha_One"
version = "1.0"
files = [{{file = "alpha_one-1.0.tar.gz", hash = "{A}"}}, {{file = "alpha_one-1.0-py3-none-any.whl", hash = "{B}"}}]

[[package]]
name = "beta"
version = "2.0+cpu"
files = []
[package.source]
type = "legacy"
url = "{INDEX}"
reference = "private"

[[package]]
name = "gamma"
version = "0.1"
[package.source]
type = "git"
url = "https://user:secret@git.example.com/gamma.git"
resolved_reference = "0123"

[[package]]
name = "delta"
version = "0.1"
[package.source]
type = "directory"
url = "../delta"

[[package]]
name = "epsilon"
version = "0.1"
[package.source]
type = "url"
url = "https://files.example.com/epsilon-0.1.tar.gz"

[[package]]
name = "zeta"
version = "0.1"
[package.source]
type = "ipfs"

[metadata]
lock-version = "2.1"
"""

UV = f"""
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "alpha-one"
version = "1.0"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "https://files.example.com/alpha_one-1.0.tar.gz", hash = "{A}" }}
wheels = [{{ url = "https://files.example.com/alpha_one-1.0-py3-none-any.whl", hash = "{B}" }}, {{ url = "x.whl" }}]

[[package]]
name = "alpha-one"
version = "2.0"
source = {{ registry = "../index" }}

[[package]]
name = "app"
source = {{ virtual = "." }}

[[package]]
name = "gamma"
version = "0.1"
source = {{ git = "https://git.example.com/gamma.git#0123" }}

[[package]]
name = "delta"
version = "0.1"
source = {{ editable = "../delta" }}

[[package]]
name = "epsilon"
version = "0.1"
source = {{ url = "https://files.example.com/epsilon-0.1.tar.gz" }}

[[package]]
name = "zeta"
version = "0.1"
source = {{ ipfs = "Qm" }}
"""

PDM = f"""
[metadata]
lock_version = "4.5.0"

[[package]]
name = "alpha-one"
version = "1.0"
files = [{{file = "alpha_one-1.0.tar.gz", hash = "{A}"}}, {{url = "https://files.example.com/x.whl", hash = "{B}"}}, {{file = "odd.whl"}}]

[[package]]
name = "alpha-one"
version = "1.0"
extras = ["more"]
files = [{{file = "alpha_one-1.0.tar.gz", hash = "{A}"}}, {{file = "x.whl", hash = "{B}"}}]

[[package]]
name = "gamma"
version = "0.1"
git = "https://git.example.com/gamma.git"
revision = "0123"

[[package]]
name = "delta"
version = "0.1"
path = "./delta"

[[package]]
name = "epsilon"
version = "0.1"
url = "https://files.example.com/epsilon-0.1.tar.gz"
"""

PIPFILE = json.dumps(
    {
        "_meta": {
            "pipfile-spec": 6,
            "sources": [{"name": "pypi", "url": INDEX}, {"name": "other", "url": "https://${USER}:${PASSWORD}@other.example.com/simple"}],
        },
        "default": {
            "alpha_one": {"version": "==1.0", "hashes": [A, B], "index": "pypi", "markers": "python_version > '3'"},
            "gamma": {"git": "https://git.example.com/gamma.git", "ref": "0123"},
            "delta": {"path": ".", "editable": True},
            "epsilon": {"file": "https://files.example.com/epsilon-0.1.tar.gz"},
            "zeta": {"version": "*"},
            "eta": {},
        },
        "develop": {"alpha-one": {"version": "==2.0", "hashes": [C], "index": "other"}},
        "docs": {"beta": {"version": "==2.0"}},
    }
)

PYLOCK = f"""
lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "alpha-one"
version = "1.0"
index = "{INDEX}"
marker = "python_version < '3.12'"
sdist = {{ url = "https://files.example.com/alpha_one-1.0.tar.gz", hashes = {{ sha256 = "{"a" * 64}", md5 = "{"e" * 32}" }} }}
wheels = [{{ name = "alpha_one-1.0-py3-none-any.whl", path = "alpha_one-1.0-py3-none-any.whl", hashes = {{ md5 = "{"d" * 32}" }} }}]

[[packages]]
name = "alpha-one"
version = "2.0"
sdist = {{ name = "alpha_one-2.0.tar.gz", url = "https://files.example.com/alpha_one-2.0.tar.gz", hashes = {{ sha256 = "{"c" * 64}" }} }}

[[packages]]
name = "gamma"
vcs = {{ type = "git", url = "https://git.example.com/gamma.git", commit-id = "0123" }}

[[packages]]
name = "delta"
directory = {{ path = "../delta" }}

[[packages]]
name = "epsilon"
archive = {{ url = "https://files.example.com/epsilon-0.1.tar.gz", hashes = {{ sha256 = "{"a" * 64}" }} }}

[[packages]]
name = "eta"
archive = {{ path = "eta-0.1.tar.gz", hashes = {{ sha256 = "{"a" * 64}" }} }}

[[packages]]
name = "zeta"
sdist = {{ name = "zeta-1.0.tar.gz", path = "zeta-1.0.tar.gz", hashes = {{ sha256 = "{"a" * 64}" }} }}
"""


@pytest.fixture
def read(tmp_path):
    def reading(name: str, text: str | bytes, **limits: int) -> Lockfile:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_lockfile(path, limits=LockLimits(**limits))

    return reading


@pytest.fixture
def fault(read):
    def failing(name: str, text: str | bytes, **limits: int) -> LockfileError:
        with pytest.raises(LockfileError) as caught:
            read(name, text, **limits)
        return caught.value

    return failing


def taken(lockfile: Lockfile) -> list[str]:
    return [str(dependency) for dependency in lockfile.dependencies]


def left(lockfile: Lockfile) -> list[tuple[str, str, str]]:
    return [(one.place, one.reason, one.text) for one in lockfile.left_out]


# --- what is taken -----------------------------------------------------------


def test_poetry(read):
    lockfile = read("poetry.lock", POETRY)
    assert (lockfile.format, lockfile.version) == (Format.POETRY, "2.1")
    assert taken(lockfile) == [f"alpha-one==1.0 --hash={A} --hash={B}", "beta==2.0+cpu"]
    assert [[index.text for index in entry.indexes] for entry in lockfile.entries] == [[], [INDEX]]
    assert left(lockfile) == [
        ("package[2]", "vcs", "gamma 0.1 from https://****@git.example.com/gamma.git"),
        ("package[3]", "path", "delta 0.1 from ../delta"),
        ("package[4]", "url", "epsilon 0.1 from https://files.example.com/epsilon-0.1.tar.gz"),
        ("package[5]", "source", "zeta 0.1 from ipfs"),
    ]


def test_poetry_as_it_was_before_files_stood_with_their_packages(read):
    package = '[[package]]\nname = "Alpha_One"\nversion = "1.0"\n'
    old = f'{package}[metadata]\ncontent-hash = "x"\n[metadata.files]\nAlpha_One = [{{file = "x", hash = "{A}"}}]\n'
    lockfile = read("poetry.lock", old)
    assert (lockfile.version, taken(lockfile)) == ("1.0", [f"alpha-one==1.0 --hash={A}"])


def test_uv(read):
    lockfile = read("uv.lock", UV)
    assert (lockfile.format, lockfile.version) == (Format.UV, "1.3")
    assert taken(lockfile) == [f"alpha-one==1.0 --hash={A} --hash={B}", "alpha-one==2.0"]
    assert [(index.text, index.url is not None) for index in lockfile.indexes] == [(INDEX, True), ("../index", False)]
    assert left(lockfile) == [
        ("package[2]", "path", "app from virtual ."),
        ("package[3]", "vcs", "gamma from git https://git.example.com/gamma.git#0123"),
        ("package[4]", "path", "delta from editable ../delta"),
        ("package[5]", "url", "epsilon from url https://files.example.com/epsilon-0.1.tar.gz"),
        ("package[6]", "source", "zeta from ipfs Qm"),
    ]


def test_pdm(read):
    lockfile = read("pdm.lock", PDM)
    assert (lockfile.format, lockfile.version) == (Format.PDM, "4.5.0")
    assert taken(lockfile) == [f"alpha-one==1.0 --hash={A} --hash={B}"], "the same with an extra is the same"
    assert [(place, reason) for place, reason, _ in left(lockfile)] == [
        ("package[2]", "vcs"),
        ("package[3]", "path"),
        ("package[4]", "url"),
    ]


def test_pdm_as_it_was_before_files_stood_with_their_packages(read):
    package = '[[package]]\nname = "alpha"\nversion = "1.0"\n'
    old = f'{package}[metadata]\nlock_version = "4.2"\n[metadata.files]\n"alpha 1.0" = [{{file = "x", hash = "{A}"}}]\n'
    assert taken(read("pdm.lock", old)) == [f"alpha==1.0 --hash={A}"]


def test_pipfile(read):
    lockfile = read("Pipfile.lock", PIPFILE)
    assert (lockfile.format, lockfile.version) == (Format.PIPFILE, "6")
    assert taken(lockfile) == [f"alpha-one==1.0 --hash={A} --hash={B}", f"alpha-one==2.0 --hash={C}", "beta==2.0"]
    other = "https://${USER}:****@other.example.com/simple"
    assert [[index.text for index in entry.indexes] for entry in lockfile.entries] == [[INDEX], [other], [INDEX, other]]
    assert left(lockfile) == [
        ("default.gamma", "vcs", "gamma from https://git.example.com/gamma.git"),
        ("default.delta", "path", "delta from ."),
        ("default.epsilon", "url", "epsilon from https://files.example.com/epsilon-0.1.tar.gz"),
        ("default.zeta", "no-version", "zeta"),
        ("default.eta", "no-version", "eta"),
    ]


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.dev.toml"])
def test_pylock(read, name):
    lockfile = read(name, PYLOCK)
    assert (lockfile.format, lockfile.version) == (Format.PYLOCK, "1.0")
    assert taken(lockfile) == [f"alpha-one==1.0 --hash={MD5} --hash={A}", f"alpha-one==2.0 --hash={C}"], (
        "a digest that can be forged counts only alone"
    )
    assert [[index.text for index in entry.indexes] for entry in lockfile.entries] == [[INDEX], []]
    assert [(place, reason) for place, reason, _ in left(lockfile)] == [
        ("packages[2]", "vcs"),
        ("packages[3]", "path"),
        ("packages[4]", "url"),
        ("packages[5]", "path"),
        ("packages[6]", "no-version"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [(POETRY, Format.POETRY), (UV, Format.UV), (PDM, Format.PDM), (PIPFILE, Format.PIPFILE), (PYLOCK, Format.PYLOCK)]
)
@pytest.mark.parametrize("name", ["locked", "requirements.txt", "uv.lock", "anything.toml"])
def test_a_format_is_told_by_its_content_whatever_the_name(read, name, text, expected):
    assert read(name, text).format is expected


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.in", "dev"])
def test_what_is_none_of_the_others_is_a_requirements_file(read, name):
    assert read(name, "# nothing\n").format is Format.REQUIREMENTS
    assert taken(read(name, "flask==3.0\n")) == ["flask==3.0"]


@pytest.mark.parametrize("change", ["\ufeff", "\r\n"])
@pytest.mark.parametrize(("name", "text"), [("poetry.lock", POETRY), ("Pipfile.lock", PIPFILE), ("uv.lock", UV), ("pylock.toml", PYLOCK)])
def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(read, name, text, change):
    changed = change + text if change == "\ufeff" else text.replace("\n", change)
    assert read(name, changed).entries == read(name, text).entries


def test_a_version_that_pep_440_does_not_know_is_pinned_by_its_text(read):
    text = '[[package]]\nname = "pytz"\nversion = "2004d"\n[metadata]\nlock-version = "1.1"\n'
    assert taken(read("poetry.lock", text)) == ["pytz===2004d"]


def test_digests_of_algorithms_that_python_does_not_have_are_passed_over_where_there_are_others(read, fault):
    text = f'{_P}files = [{{file = "x", hash = "%s"}}, {{file = "y", hash = "gost:00"}}]\n{_M}'
    assert taken(read("poetry.lock", text % A)) == [f"a==1 --hash={A}"]
    assert fault("poetry.lock", text % "xxh:00").place == "package[0].files[0].hash"


# --- versions ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("poetry.lock", '[metadata]\nlock-version = "3.0"\n', "metadata.lock-version"),
        ("uv.lock", 'version = 2\nrequires-python = ">=3"\n', "version"),
        ("pdm.lock", '[metadata]\nlock_version = "5.0"\n', "metadata.lock_version"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 7}}', "_meta.pipfile-spec"),
        ("pylock.toml", 'lock-version = "2.0"\ncreated-by = "x"\npackages = []\n', "lock-version"),
    ],
)
def test_a_newer_major_version_is_refused(fault, name, text, place):
    problem = fault(name, text)
    assert (problem.place, problem.reason) == (place, "unsupported-version")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("poetry.lock", '[metadata]\nlock-version = "2.99"\nnews = 1\n'),
        ("uv.lock", 'version = 1\nrevision = 99\nrequires-python = ">=3"\nnews = 1\n'),
        ("pdm.lock", '[metadata]\nlock_version = "4.99.1"\n'),
        ("pylock.toml", 'lock-version = "1.99"\ncreated-by = "x"\nnews = 1\npackages = []\n'),
    ],
)
def test_a_newer_minor_version_is_read(read, name, text):
    assert read(name, text).entries == ()


# --- faults ------------------------------------------------------------------

_P = '[[package]]\nname = "a"\nversion = "1"\n'
_M = '[metadata]\nlock-version = "2.0"\n'
_U = 'version = 1\nrequires-python = ">=3"\n'
_J = 'lock-version = "1.0"\ncreated-by = "x"\n'


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("poetry.lock", "x = [", "end of document"),
        ("poetry.lock", "a = 1\nb = = 2\n", "line 2, column 5"),
        ("poetry.lock", "package = 1\n" + _M, "package"),
        ("poetry.lock", "package = [1]\n" + _M, "package[0]"),
        ("poetry.lock", '[[package]]\nversion = "1"\n' + _M, "package[0].name"),
        ("poetry.lock", '[[package]]\nname = "a"\n' + _M, "package[0].version"),
        ("poetry.lock", '[[package]]\nname = "-"\nversion = "1"\n' + _M, "package[0].name"),
        ("poetry.lock", '[[package]]\nname = "a==1 --hash=x"\nversion = "1"\n' + _M, "package[0].name"),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1 ; x"\n' + _M, "package[0].version"),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "x/y.tar.gz"\n' + _M, "package[0].version"),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "2004d --hash=x"\n' + _M, "package[0].version"),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = 1\n' + _M, "package[0].version"),
        ("poetry.lock", _P + "files = 1\n" + _M, "package[0].files"),
        ("poetry.lock", _P + 'files = [{hash = "sha256:0"}]\n' + _M, "package[0].files[0].hash"),
        ("poetry.lock", _P + f'files = [{{hash = "{A}"}}, {{hash = 1}}]\n' + _M, "package[0].files[1].hash"),
        ("poetry.lock", _P + 'files = [{file = "x"}]\n' + _M, "package[0].files[0].hash"),
        ("poetry.lock", _P + 'source = {url = "x"}\n' + _M, "package[0].source.type"),
        ("poetry.lock", _P + 'source = {type = "legacy"}\n' + _M, "package[0].source.url"),
        ("poetry.lock", _P, "metadata"),
        ("poetry.lock", "metadata = 1\n", "metadata"),
        ("poetry.lock", '[metadata]\nlock-version = "new"\n', "metadata.lock-version"),
        ("poetry.lock", "[metadata]\nlock-version = 2.0\n", "metadata.lock-version"),
        ("uv.lock", 'version = "1"\nrequires-python = ""\n', "version"),
        ("uv.lock", 'version = true\nrequires-python = ""\n', "version"),
        ("uv.lock", 'version = 0\nrequires-python = ""\n', "version"),
        ("uv.lock", _U + _P, "package[0].source"),
        ("uv.lock", _U + _P + 'source = "x"\n', "package[0].source"),
        ("uv.lock", _U + _P + "source = {registry = 1}\n", "package[0].source.registry"),
        ("uv.lock", _U + _P + 'source = {registry = "x"}\nsdist = 1\n', "package[0].sdist"),
        ("uv.lock", _U + _P + 'source = {registry = "x"}\nwheels = [{hash = "x"}]\n', "package[0].wheels[0].hash"),
        ("uv.lock", _U + '[[package]]\nname = "a"\nsource = {registry = "x"}\n', "package[0].version"),
        ("pdm.lock", "[metadata]\nlock_version = 4\n", "metadata.lock_version"),
        ("pdm.lock", '[metadata]\nlock_version = "4.5"\n[[package]]\nname = "a"\n', "package[0].version"),
        ("pdm.lock", '[metadata]\nlock_version = "4.5"\n[[package]]\nname = "a"\ngit = 1\n', "package[0].git"),
        ("Pipfile.lock", "{", "line 1, column 2"),
        ("Pipfile.lock", "[]", ""),
        ("Pipfile.lock", "{}", "_meta"),
        ("Pipfile.lock", '{"_meta": {}}', "_meta.pipfile-spec"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": "6"}}', "_meta.pipfile-spec"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6}, "default": []}', "default"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6}, "default": {"a b": {}}}', "default.a b"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6}, "default": {"a": "==1"}}', "default.a"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6}, "default": {"a": {"version": "1.0"}}}', "default.a.version"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6}, "default": {"a": {"version": "==1", "hashes": "x"}}}', "default.a.hashes"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6, "sources": [{"name": "x"}]}}', "_meta.sources[0].url"),
        ("pylock.toml", "created-by = 'x'\n", "lock-version"),
        ("pylock.toml", 'lock-version = "1.0"\n', "created-by"),
        ("pylock.toml", _J + "packages = 1\n", "packages"),
        ("pylock.toml", _J + '[[packages]]\nname = "A_b"\n', "packages[0].name"),
        (
            "pylock.toml",
            _J + '[[packages]]\nname = "a"\nversion = "1"\nsdist = {name = "a-1.tar.gz", path = "x", hashes = {}}\n',
            "packages[0].sdist.hashes",
        ),
        (
            "pylock.toml",
            _J + '[[packages]]\nname = "a"\nversion = "1"\nsdist = {name = "a-1.tar.gz", path = "a-1.tar.gz", hashes = {sha256 = "0"}}\n',
            "packages[0].hashes",
        ),
    ],
)
def test_a_fault_has_its_place(fault, name, text, place):
    problem = fault(name, text)
    assert (problem.reason, problem.place) == ("malformed", place)
    assert problem.message
    assert str(problem).startswith(problem.path)


def test_toml_that_is_no_lock_file_says_which_ones_are_known(fault):
    problem = fault("pyproject.toml", "[project]\nname = 'x'\n")
    assert problem.reason == "unknown-format"
    assert "poetry.lock, Pipfile.lock, uv.lock" in problem.remedy


@pytest.mark.parametrize("name", ["poetry.lock", "Pipfile.lock", "requirements.txt"])
@pytest.mark.parametrize(("data", "message"), [(b"a\n\xff\xfe\xff", "it is not UTF-8"), (b"a = 1\n\0", "it holds a NUL")])
def test_bytes_that_are_no_text_are_refused_with_their_line(fault, name, data, message):
    problem = fault(name, data)
    assert (problem.place, problem.message) == ("line 2", message)


# --- bounds ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["poetry.lock", "pylock.toml", "uv.lock"])
def test_toml_in_itself_too_deeply_is_refused(fault, name):
    assert "too deeply" in fault(name, "x = " + "[" * 100_000).message
    assert "too deeply" in fault(name, "x = " + "{a=" * 100_000).message


def test_json_in_itself_too_deeply_is_refused(fault):
    assert "too deeply" in fault("Pipfile.lock", '{"a":' * 100_000).message


@pytest.mark.parametrize("part", ["a", '"a"', "'a'"])
def test_a_key_of_very_many_parts_is_refused_before_it_is_parsed(fault, part):
    problem = fault("poetry.lock", "x = 1\n" + ".".join([part] * 100_000) + " = 1\n")
    assert (problem.place, problem.reason) == ("line 2", "limit")


@pytest.mark.parametrize(("name", "text"), [("uv.lock", "version = %s\n"), ("Pipfile.lock", '{"_meta": %s}')])
def test_a_number_of_very_many_digits_is_refused(fault, name, text):
    assert fault(name, text % ("9" * 10_000)).reason == "malformed"


@pytest.mark.parametrize(("name", "text"), [("uv.lock", UV), ("Pipfile.lock", PIPFILE)])
def test_more_values_than_are_allowed_are_not_parsed(fault, name, text):
    assert "values" in fault(name, text, tokens=5).message


def test_a_larger_file_is_not_read(fault, read):
    assert fault("uv.lock", UV, file_bytes=len(UV) - 1).reason == "limit"
    assert read("uv.lock", UV, file_bytes=len(UV)).entries


@pytest.mark.parametrize(("name", "text"), [("uv.lock", UV), ("requirements.txt", "a==1\nb==1\n-e .\n")])
def test_more_entries_than_are_allowed_are_refused(fault, name, text):
    assert fault(name, text, entries=2).reason == "limit"


# --- files -------------------------------------------------------------------


def test_what_is_not_there_is_no_file_or_is_not_to_be_read_is_refused(tmp_path):
    for name in ("gone", "a\0b"):
        with pytest.raises(LockfileError, match="cannot be read") as caught:
            read_lockfile(tmp_path / name)
        assert caught.value.reason == "unreadable"
    with pytest.raises(LockfileError, match="Is a directory"):
        read_lockfile(tmp_path)
    with pytest.raises(LockfileError, match="no regular file"):
        read_lockfile("/dev/zero")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(LockfileError, match="cannot be read"):
        read_lockfile(circle)


def test_a_fifo_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "uv.lock")
    with pytest.raises(LockfileError, match="no regular file"):
        read_lockfile(tmp_path / "uv.lock")


def test_a_file_that_is_named_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "uv.lock").write_text(UV)
    Path(tmp_path / "uv.lock").symlink_to("real/uv.lock")
    assert read_lockfile(tmp_path / "uv.lock").format is Format.UV
