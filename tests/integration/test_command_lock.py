"""`--lock` as a user types it, and `lockfiles` of a configuration file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopback import serving
from pydeps_host.testing import build_sdist as sdist

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "pydeps_host", *map(str, words)]
    return subprocess.run(program, env=CLEAN, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def served():
    with serving() as index:
        index.add(sdist("alpha", "1.0", {}), sdist("beta", "0.1", {}))
        yield index


@pytest.fixture
def words(served, tmp_path):
    return "--index-url", served.url, "--into", tmp_path / "code"


def test_sync_brings_what_every_lock_file_that_is_named_pins(words, tmp_path):
    (tmp_path / "apps/a").mkdir(parents=True)
    (tmp_path / "apps/a/requirements.txt").write_text("alpha==1.0\n-e .\n")
    (tmp_path / "b.txt").write_text("beta==0.1\n")
    done = run("sync", "--lock", "apps", "--lock", tmp_path / "b.txt", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "apps/a/requirements.txt: 1 dependency (requirements.txt)"
    assert "2 projects (0 failed); versions: 2 added" in lines[-1]
    assert done.stderr.splitlines() == ["note: apps/a/requirements.txt: line 2: left out (path): -e ."]


def test_a_lock_file_that_cannot_be_read_is_an_error_and_the_rest_is_done(words, tmp_path):
    (tmp_path / "uv.lock").write_text("version = 2\nrequires-python = '>=3'\n")
    done = run("sync", "beta", "--lock", tmp_path / "uv.lock", *words)
    assert done.returncode == 1
    assert "v0.1 added" in done.stdout
    assert f"error: lock file {tmp_path}/uv.lock" in done.stderr
    assert "version: the file has version 2 of its format, this version reads up to 1; upgrade pydeps-host" in done.stderr


def test_json_has_a_line_for_each_lock_file_before_those_of_the_projects(words, tmp_path):
    (tmp_path / "a.txt").write_text("alpha==1.0\n-e .\n")
    done = run("plan", "--lock", tmp_path / "a.txt", "--lock", tmp_path / "gone", *words, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    read, gone, alpha, summary = map(json.loads, done.stdout.splitlines())
    assert read == {
        "schema": 1,
        "kind": "lockfile",
        "path": str(tmp_path / "a.txt"),
        "format": "requirements.txt",
        "dependencies": 1,
        "left_out": [{"place": "line 2", "reason": "path", "text": "-e ."}],
        "notices": [],
        "error": None,
    }
    assert (gone["format"], gone["error"]["code"]) == (None, "lockfile")
    assert (alpha["name"], summary["kind"]) == ("alpha", "summary")


def test_what_a_lock_file_of_the_configuration_no_longer_lists_goes_and_what_is_given_besides_stays(served, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/host.jsonc").write_text(json.dumps({"urls": [served.url], "lockfiles": ["../requirements.txt"]}))
    words = ("sync", "--config", tmp_path / "conf/host.jsonc", "--into", tmp_path / "code")
    (tmp_path / "requirements.txt").write_text("alpha==1.0\n")
    (tmp_path / "more.txt").write_text("beta==0.1\n")
    assert run(*words, "--lock", tmp_path / "more.txt").returncode == 0
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "more.txt").write_text("")
    assert "v1.0 removed" in run(*words, "--lock", tmp_path / "more.txt").stdout
    assert "latest 0.1" in run("list", tmp_path / "code").stdout


def test_help_names_what_can_be_given():
    assert "--lock FILE" in run("sync", "--help").stdout
    assert "poetry.lock, Pipfile.lock, uv.lock, pdm.lock" in " ".join(run("plan", "--help").stdout.split())
    assert "a lock file with --lock FILE" in run("sync", "--into", "x").stderr
