"""Repositories as others see them: git itself, dulwich, libgit2, and other processes.

Run as a program, this file publishes versions of its own, one batch each.
"""

import itertools
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from pydeps_host.errors import LockedError
from pydeps_host.git import Commit, Identity, Mode, Tag, encode_commit, encode_tag, write_tree
from pydeps_host.repository import LATEST, Batch, Disk, Patience, Repository, Status, VersionRow, VersionTag, locked

pytestmark = pytest.mark.needs("git")

GIT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}


def git(repository: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, env=GIT, check=True, capture_output=True, timeout=60).stdout


def add_version(batch: Batch, text: str, files: Mapping[bytes, bytes] | None = None) -> VersionRow:
    contents = files or {b"pkg/version.py": text.encode()}
    leaves = [(path, Mode.FILE, batch.pack.add("blob", data)) for path, data in sorted(contents.items())]
    tree = write_tree(leaves, batch.pack.add)
    who = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)
    commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=who, committer=who, message=f"pkg {text}\n".encode())))
    tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=who, message=b"pkg\n")))
    row = VersionRow(
        text, Status.PUBLISHED, date=who.seconds, commit=commit.hex(), tree=tree.hex(), tags=(VersionTag(f"v{text}", tag.hex()),)
    )
    batch.add(row)
    batch.claim("default", "pkg", [text])
    return row


def publish(repository: Repository, *texts: str) -> None:
    with repository.batch() as batch:
        for text in texts:
            add_version(batch, text)
        assert batch.publish() is not None


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "pkg.git", name="python/pkg", description="the project pkg")


def test_git_takes_an_empty_repository_for_a_bare_one(repository: Repository) -> None:
    assert git(repository.path, "rev-parse", "--is-bare-repository") == b"true\n"
    assert git(repository.path, "symbolic-ref", "HEAD") == b"refs/heads/latest\n"
    assert git(repository.path, "config", "zoekt.name") == b"python/pkg\n"
    git(repository.path, "fsck", "--full", "--strict")


def test_git_reads_what_was_published_and_finds_no_fault(repository: Repository, tmp_path: Path) -> None:
    publish(repository, "1.0", "2.0")
    publish(repository, "1.5", "3.0rc1")

    git(repository.path, "fsck", "--full", "--strict")
    listed = git(repository.path, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").decode()
    ours = {name: f"{ref.id.hex()} {ref.peeled.hex() if ref.peeled else ''}" for name, ref in repository.refs().items()}
    assert dict(line.split(" ", 1) for line in listed.splitlines()) == ours
    assert git(repository.path, "rev-parse", "HEAD", "v2.0^{commit}").split() == [(repository.commit_of("2.0") or "").encode()] * 2

    git(tmp_path, "clone", "--quiet", str(repository.path), "clone")
    assert (tmp_path / "clone" / "pkg" / "version.py").read_text() == "2.0"
    assert git(tmp_path / "clone", "tag").split() == [b"v1.0", b"v1.5", b"v2.0", b"v3.0rc1"]


def test_git_packs_the_references_into_the_same_bytes(repository: Repository) -> None:
    publish(repository, "1.0", "1.0.post1", "1!0", "2.0")
    before = (repository.path / "packed-refs").read_bytes()

    git(repository.path, "pack-refs", "--all", "--prune")

    assert (repository.path / "packed-refs").read_bytes() == before
    assert repository.generation == 1


def test_git_maintains_nothing_by_itself(repository: Repository) -> None:
    for number in range(60):
        publish(repository, f"{number}.0")
    packs = sorted((repository.path / "objects" / "pack").iterdir())

    git(repository.path, "-c", "gc.autoPackLimit=1", "-c", "gc.autoDetach=false", "gc", "--auto")
    assert git(repository.path, "config", "--type=bool", "maintenance.auto") == b"false\n"

    assert sorted((repository.path / "objects" / "pack").iterdir()) == packs


def test_dulwich_and_libgit2_read_the_same(repository: Repository) -> None:
    import pygit2
    from dulwich.repo import Repo

    publish(repository, "1.0", "2.0")
    publish(repository, "3.0")
    ours = {name: ref.id.hex() for name, ref in repository.refs().items()}

    with Repo(str(repository.path)) as other:
        found = {name.decode(): id_.decode() for name, id_ in other.get_refs().items()}
        assert found == ours | {"HEAD": ours[LATEST]}
        assert other[b"HEAD"].id.decode() == repository.latest_commit
        assert other.get_peeled(b"refs/tags/v1.0").decode() == repository.commit_of("1.0")  # type: ignore[arg-type]

    third = pygit2.Repository(str(repository.path))
    assert {name: str(third.references[name].target) for name in third.references} == ours
    assert str(third.revparse_single("v2.0^{commit}").id) == repository.commit_of("2.0")


MAILMAP = b"Mallory <mallory@example.com> <pydeps-host@example.com>\n"
HIDING = b"""\
* export-ignore -diff -text ident
*.py binary
*.txt working-tree-encoding=UTF-16 eol=crlf filter=lfs export-subst
secret/ export-ignore
[attr]gone export-ignore -diff
deep gone
"""


@pytest.mark.parametrize("below", [b"", b"pkg/"])
def test_attributes_of_a_package_hide_and_rewrite_nothing(repository: Repository, below: bytes) -> None:
    hiding = HIDING if not below else b"\n".join(line for line in HIDING.split(b"\n") if not line.startswith(b"[attr]"))
    files = {
        below + b".gitattributes": hiding,
        b"pkg/a.py": b"needle = '$Id$'\n",
        b"pkg/a.txt": b"needle $Format:%H$\n",
        b"secret/b.py": b"needle\n",
        b"deep/deep": b"needle\n",
    }
    with repository.batch() as batch:
        add_version(batch, "1.0", files)
        batch.publish()

    with tarfile.open(fileobj=BytesIO(git(repository.path, "-c", "core.autocrlf=true", "archive", "v1.0"))) as archive:
        archived = {member.name.encode(): archive.extractfile(member).read() for member in archive if member.isfile()}  # type: ignore[union-attr]
    assert archived == files
    assert git(repository.path, "grep", "-I", "-l", "needle", "v1.0").decode().splitlines() == [
        f"v1.0:{path.decode()}" for path in sorted(files) if b"needle" in files[path]
    ]
    shown = git(repository.path, "log", "-p", "--root", "v1.0")
    assert b"Binary files" not in shown
    assert shown.count(b"\n+needle") == 4


def recipe(number: int) -> str:
    """Return a shell recipe of the documentation of the format."""
    text = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
    return text.split("```shell\n")[number].split("```")[0]


def follow(recipe: str, repository: Repository) -> Path:
    script = recipe.replace("<store>/python/<name>.git", str(repository.path)).replace("<name>", "pkg")
    folder = repository.path.parent / "clones"
    folder.mkdir()
    subprocess.run(["sh", "-e", "-c", script], cwd=folder, env=GIT, check=True, capture_output=True, timeout=60)
    return folder


def test_a_mirror_made_as_documented_hides_and_renames_nothing(repository: Repository) -> None:
    files = {b".gitattributes": HIDING, b".mailmap": MAILMAP, b"pkg/a.py": b"$Id$\n", b"secret/b.py": b"x\n"}
    with repository.batch() as batch:
        add_version(batch, "1.0", files)
        batch.publish()

    mirror = follow(recipe(1), repository) / "pkg.git"

    with tarfile.open(fileobj=BytesIO(git(mirror, "archive", "v1.0"))) as archive:
        assert {member.name.encode() for member in archive if member.isfile()} == files.keys()
    assert b"Mallory" not in git(mirror, "shortlog", "-se", "HEAD")


def test_a_work_tree_made_as_documented_has_the_bytes_of_the_package(repository: Repository) -> None:
    files = {b".gitattributes": HIDING, b".mailmap": MAILMAP, b"a.py": b"$Id$\n", b"a.txt": b"x\ny\r\n"}
    with repository.batch() as batch:
        add_version(batch, "1.0", files)
        batch.publish()

    clone = follow(recipe(2), repository) / "pkg"

    assert {path.name.encode(): path.read_bytes() for path in clone.iterdir() if path.is_file()} == files
    assert git(clone, "status", "--porcelain") == b""
    shown = git(clone, "log", "-p", "--root")
    assert b"Mallory" not in shown.split(b"diff --git")[0]
    assert b"Binary files" not in shown


def test_a_mailmap_of_a_package_renames_nobody(repository: Repository) -> None:
    with repository.batch() as batch:
        add_version(batch, "1.0", {b".mailmap": MAILMAP})
        batch.publish()

    assert git(repository.path, "log", "--use-mailmap", "--format=%aN <%aE>", "HEAD") == b"pydeps-host <pydeps-host@example.com>\n"
    assert b"Mallory" not in git(repository.path, "shortlog", "-se", "HEAD")


def test_readers_see_no_error_while_batches_are_published(repository: Repository) -> None:
    publish(repository, "0.1")
    over = threading.Event()
    faults: list[BaseException] = []

    def read() -> None:
        other = Repository.open(repository.path)
        try:
            while not over.is_set():
                git(repository.path, "for-each-ref", "--format=%(refname) %(*tree)")
                git(repository.path, "rev-list", "--objects", "--all")
                assert {f"refs/tags/v{text}" for text in other.versions()} <= other.refs().keys()
        except BaseException as fault:  # noqa: BLE001 - told by the main thread
            faults.append(fault)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        publish(repository, f"1.{number}")
    over.set()
    reader.join()
    assert faults == []


def children(repository: Repository, *arguments: str) -> list[subprocess.Popen[str]]:
    command = [sys.executable, __file__, str(repository.path)]
    return [subprocess.Popen([*command, *argument.split()], stdout=subprocess.PIPE, text=True) for argument in arguments]


def test_processes_that_publish_at_once_lose_nothing(repository: Repository) -> None:
    runs = children(repository, "publish 1", "publish 2", "publish 3")
    assert [run.wait(timeout=120) for run in runs] == [0, 0, 0]
    for run in runs:
        assert run.stdout is not None
        run.stdout.close()

    expected = {f"{major}.{minor}" for major, minor in itertools.product((1, 2, 3), range(8))} | {f"9.{minor}" for minor in range(8)}
    assert set(repository.versions()) == expected
    assert repository.claims()["default"]["pkg"] == expected
    assert [line.generation for line in repository.journal()] == list(range(1, repository.generation + 1))
    git(repository.path, "fsck", "--full", "--strict")
    assert not (repository.path / "pydeps-host" / "writing").exists()


def test_a_lock_dies_with_its_process(repository: Repository) -> None:
    (child,) = children(repository, "hold")
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LockedError), locked(repository.path / "pydeps-host" / "lock", Patience(seconds=0.05)):
            pass
        child.kill()
        started = time.monotonic()
        with locked(repository.path / "pydeps-host" / "lock", Patience(seconds=10)):
            assert time.monotonic() - started < 1


def test_one_process_at_a_time_works_on_a_version(repository: Repository) -> None:
    log = repository.path.parent / "log"
    runs = children(repository, *["version"] * 4)
    assert [run.wait(timeout=60) for run in runs] == [0] * 4
    for run in runs:
        assert run.stdout is not None
        run.stdout.close()

    assert log.read_text().split() == ["begin", "end"] * 4


def main(path: Path, command: str, *arguments: str) -> None:
    repository = Repository.open(path, disk=Disk(durable=False))
    if command == "publish":
        for minor in range(8):
            with repository.batch() as batch:
                add_version(batch, f"{arguments[0]}.{minor}")
                # This one everybody publishes.
                add_version(batch, f"9.{minor}")
                batch.publish()
    elif command == "hold":
        with locked(path / "pydeps-host" / "lock"):
            print("held", flush=True)  # noqa: T201 - the parent waits for it
            time.sleep(60)
    else:
        with repository.version_lock("1.0"), (path.parent / "log").open("a") as log:
            log.write("begin\n")
            log.flush()
            time.sleep(0.05)
            log.write("end\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
