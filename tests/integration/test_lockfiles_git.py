"""Repositories that git itself wrote, read without it: the same files, however git has them stored."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles import read_lockfiles

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": f"a{'@example.com' * (what == 'EMAIL')}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Sixty commits on two branches, with tags of both kinds."""
    folder = tmp_path_factory.mktemp("git") / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    chosen = random.Random(7)  # The same in every run.
    for number in range(60):
        path = folder / f"service-{number % 7}" / "requirements.txt"
        path.parent.mkdir(exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else [f"project-{line}==1.0" for line in range(200)]
        lines[chosen.randrange(200)] = f"project-{number}==2.{number}"
        path.write_text("\n".join(lines) + "\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", str(number))
        if number % 20 == 0:
            git(folder, "tag", *(["-a", "-m", "x"] if number else []), f"v{number}")
    git(folder, "branch", "feature/x", "HEAD~5")
    return folder


def told_by_git(folder: Path, revision: str) -> dict[str, str]:
    paths = git(folder, "ls-tree", "-r", "--name-only", revision).splitlines()
    return {path: git(folder, "show", f"{revision}:{path}") for path in paths}


@pytest.mark.needs("git")
@pytest.mark.parametrize(
    "stored",
    [
        [],
        ["gc", "-q"],
        ["gc", "-q", "--aggressive"],
        ["repack", "-adfq", "--depth=200"],
        ["repack", "-adqf", "--depth=0"],
        ["pack-refs", "--all"],
    ],
    ids=str,
)
def test_every_revision_is_read_as_git_reads_it(work, tmp_path, stored):
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", "--no-local", str(work), str(bare))
    if stored:
        git(bare, *stored)
    if not stored:
        (pack,) = bare.glob("objects/pack/*.pack")
        data = pack.read_bytes()
        for path in bare.glob("objects/pack/*"):
            path.unlink()
        subprocess.run(["git", "unpack-objects", "-q"], cwd=bare, env=ENVIRONMENT, input=data, check=True)
    for revision in ("main", "feature/x", "v0", "v20", "HEAD", git(work, "rev-parse", "main~30")):
        reading = read_lockfiles(f"{bare}@{revision}")
        theirs = told_by_git(work, revision)
        assert reading.errors == ()
        assert [one.path.removeprefix(f"{bare}@{revision}:") for one in reading.lockfiles] == [*theirs]
        for one, text in zip(reading.lockfiles, theirs.values(), strict=True):
            assert [str(dependency) for dependency in one.dependencies] == [*dict.fromkeys(text.splitlines())]


@pytest.mark.needs("git")
def test_a_repository_that_borrows_or_lacks_objects_says_so(work, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", "--shared", str(work), "shared.git")
    with pytest.raises(LockfileError, match="borrows objects of another one"):
        read_lockfiles(f"{tmp_path}/shared.git@main")


@pytest.mark.needs("git")
def test_a_repository_of_sha_256_says_so(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", "new")
    git(tmp_path / "new", "commit", "-q", "--allow-empty", "-m", "x")
    with pytest.raises(LockfileError, match="no id of SHA-1"):
        read_lockfiles(f"{tmp_path}/new@main")
