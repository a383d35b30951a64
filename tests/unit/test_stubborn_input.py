"""What strangers write that Python's own libraries stumble over."""

import os
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from pydeps_host import Dependency, read_lockfile
from pydeps_host.config.filters import Filters
from pydeps_host.errors import LockfileError
from pydeps_host.host.demand import _Recent
from pydeps_host.host.locking import _below
from pydeps_host.lockfiles import read_lockfiles
from pydeps_host.lockfiles.values import masked
from pydeps_host.store import Store

# Python refuses to read a number of so many digits, with a ValueError of its own.
LONG = "1." + "9" * 5000


@pytest.mark.parametrize(
    ("filename", "text"),
    [
        ("poetry.lock", f'[[package]]\nname = "a"\nversion = "{LONG}"\n[metadata]\nlock-version = "2.0"\n'),
        ("requirements.txt", f"a=={LONG}\n"),
    ],
)
def test_a_lock_file_may_pin_a_version_of_more_digits_than_python_reads(filename: str, text: str, tmp_path: Path) -> None:
    (tmp_path / filename).write_text(text)
    (locked,) = read_lockfile(tmp_path / filename).entries
    assert locked.dependency.pinned_text == LONG


def test_a_constraint_of_more_digits_than_python_reads_fits_no_range(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("a>=1\n-c constraints.txt\n")
    (tmp_path / "constraints.txt").write_text(f"a=={LONG}\n")
    read = read_lockfile(tmp_path / "requirements.txt")
    assert (read.entries, [left.reason for left in read.left_out]) == ((), ["contradiction"])


def test_filters_compare_a_version_of_more_digits_than_python_reads_as_a_text() -> None:
    assert Filters().reason("a", LONG) is None
    assert Dependency.parse(f"a=={LONG}").is_pin


def test_options_with_quotes_in_them_have_an_end(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f'a==1 --hash="{"a" * 70_000}"\n')
    with pytest.raises(LockfileError, match="too long"):
        read_lockfile(tmp_path / "requirements.txt")


@pytest.mark.parametrize("place", ["x" * 300, "x" * 300 + "@main"])
def test_a_place_that_the_system_has_no_name_for_is_a_lock_file_that_cannot_be_read(place: str, tmp_path: Path) -> None:
    with pytest.raises(LockfileError) as caught:
        read_lockfiles(os.fspath(tmp_path / place))
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    "text", ["git+https://u:pa/ss@h/x", "https://u:p w@h/", "https://u:p/w@h/simple", "https://u:p#w@h/", "x //u:p@ss@h y"]
)
def test_no_password_is_shown_whatever_signs_are_in_it(text: str) -> None:
    shown = masked(text)
    assert not any(part in shown for part in ("pa/ss", "p w", "p/w", "p#w", "ss@", "u:p"))


@pytest.mark.parametrize(
    ("path", "place", "below"),
    [
        ("/a/uv.lock", "/a", "/uv.lock"),
        ("/a/uv.lock", "/a/uv.lock", ""),
        ("r.git@main:uv.lock", "r.git@main", ":uv.lock"),
        ("requirements.txt", ".", "/requirements.txt"),
        (".hidden/requirements.txt", ".", "/.hidden/requirements.txt"),
        ("hidden/requirements.txt", ".", "/hidden/requirements.txt"),
    ],
)
def test_every_lock_file_of_a_place_has_a_claimant_of_its_own(path: str, place: str, below: str) -> None:
    assert _below(path, place) == below


def test_an_asking_is_noted_again_after_somebody_took_its_note_away(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    recent = _Recent(store)
    recent.note(NormalizedName("a"), "0" * 40)
    store.asked.forget("a", "0" * 40)
    recent.note(NormalizedName("a"), "0" * 40)
    assert store.asked.commits("a") == {"0" * 40}


def test_digests_of_an_old_poetry_lock_are_found_under_any_spelling_and_never_dropped(tmp_path: Path) -> None:
    digest = f"sha256:{'a' * 64}"
    package = '[[package]]\nname = "Foo_Bar"\nversion = "1.0"\n'
    path = tmp_path / "poetry.lock"
    path.write_text(f'{package}[metadata]\n[metadata.files]\nfoo-bar = [{{file = "x", hash = "{digest}"}}]\n')
    (locked,) = read_lockfile(path).entries
    assert [str(one) for one in locked.dependency.hashes] == [digest]
    path.write_text(f'{package}[metadata]\n[metadata.hashes]\nfoo-bar = ["{"a" * 64}"]\n')
    with pytest.raises(LockfileError, match="without algorithms"):
        read_lockfile(path)
