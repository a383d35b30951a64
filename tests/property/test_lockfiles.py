"""Whatever is in a file, reading it gives a lock file or a `LockfileError`, soon, and nothing that was not asked for is opened."""

import json
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pydeps_host.dependency import Dependency
from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles import Lockfile, LockLimits, NamedIndex, read_lockfile
from unit.test_lockfiles_formats import PDM, PIPFILE, POETRY, PYLOCK, UV

SAMPLES = {"poetry.lock": POETRY, "uv.lock": UV, "pdm.lock": PDM, "pylock.toml": PYLOCK, "Pipfile.lock": PIPFILE}
REQUIREMENTS = (
    "flask==3.0 \\\n  --hash=sha256:" + "a" * 64 + "\n-r base.txt\n-c pins.txt\n-e .\n--index-url https://u:p@x.example.com/simple\n"
    "x @ https://files.example.com/x.whl ; python_version > '3'\n${X}\n# end \\\n"
)
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["==1.0", "sha256:" + "0" * 64, "https://[", "\ud800", "1" * 5000, "../x", "${X}", "a" * 300]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["name", "version", "hash", "url", "registry", "git", "type"]), st.text(max_size=3), max_size=2),
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def outcome(folder: Path, name: str, data: bytes) -> Lockfile | LockfileError:
    path = folder / name
    path.write_bytes(data)
    try:
        found = read_lockfile(path, limits=LockLimits(file_bytes=1_000_000))
    except LockfileError as problem:
        assert problem.reason in {"unreadable", "unknown-format", "unsupported-version", "malformed", "limit"}
        assert str(problem).isprintable() or "\n" not in str(problem)
        return problem
    for dependency in found.dependencies:
        assert Dependency.parse(str(dependency)) == dependency
    return found


@given(data=st.binary(max_size=300), name=st.sampled_from([*SAMPLES, "requirements.txt", "x"]))
@example(data=b"\xef\xbb\xbf", name="uv.lock")
@MANY
def test_any_bytes(data, name, tmp_path):
    outcome(tmp_path, name, data)


@given(text=st.text(st.sampled_from("a1=<>!~.,;# \n\\-rce@:/${}[]'\"\t\x0c\u2028é"), max_size=60))
@MANY
def test_any_text_as_requirements(text, tmp_path):
    outcome(tmp_path, "requirements.txt", text.encode())


@pytest.mark.parametrize("name", [*SAMPLES, "requirements.txt"])
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 8))
@MANY
def test_bytes_of_a_lock_file_that_were_changed(name, seed, changes, tmp_path):
    chosen, data = random.Random(seed), bytearray(SAMPLES.get(name, REQUIREMENTS).encode())
    (tmp_path / "base.txt").write_text("attrs\n")
    for _ in range(changes):
        place = chosen.randrange(len(data))
        match chosen.randrange(4):
            case 0:
                data[place] = chosen.randrange(256)
            case 1:
                del data[place : place + chosen.randrange(1, 40)]
            case 2:
                data[place:place] = data[chosen.randrange(len(data)) :][: chosen.randrange(1, 40)]
            case _:
                data[place:place] = bytes(chosen.choices(b'"[]{}=,.\\#\n 0a', k=3))
        data = data or bytearray(b"\n")
    outcome(tmp_path, name, bytes(data))


@pytest.mark.parametrize("name", [*SAMPLES])
@given(data=st.data())
@MANY
def test_values_of_a_lock_file_that_are_something_else(name, data, tmp_path, monkeypatch):
    """The parser is left out: what it can make is changed, at any place."""
    sample = SAMPLES[name]
    root: Any = json.loads(sample) if name == "Pipfile.lock" else tomllib.loads(sample)
    for _ in range(data.draw(st.integers(1, 3))):
        _change(root, data)
    with monkeypatch.context() as patched:
        patched.setattr("pydeps_host.lockfiles.reading.parse_toml", lambda *_: root)
        patched.setattr("pydeps_host.lockfiles.reading.parse_json", lambda *_: root)
        outcome(tmp_path, name, b"{" if name == "Pipfile.lock" else b"")


def _change(root: Any, data: st.DataObject) -> None:
    """Put something odd in the place of a value, take a value away, or add one."""
    value = root
    while True:
        keys = [*value] if isinstance(value, dict) else [*range(len(value))]
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(value[key], dict | list) and value[key] and data.draw(st.integers(0, 4)):
            value = value[key]
            continue
        break
    if data.draw(st.booleans()):
        value[key] = data.draw(ODD)
    else:
        del value[key]


@given(st.text(max_size=40))
@example("https://user:p@ss@x.example.com/simple")
@MANY
def test_any_text_is_named_as_an_index_without_what_stands_before_an_at(text):
    named = NamedIndex.of(f"https://user:s3cr3t@{text}")
    assert "s3cr3t" not in repr(named)
