"""Real git, as the judge: with no configuration of this machine, and nothing inherited."""

import hashlib
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "LC_ALL": "C.UTF-8",
}


def git(repository: Path, *words: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(["git", "-C", str(repository), *words], input=stdin, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def check(repository: Path, clone_into: Path) -> None:
    """git finds nothing wrong, and clones it."""
    assert git(repository, "fsck", "--full", "--strict", "--no-dangling") == b""
    git(repository, "clone", "--quiet", "--no-local", "--config", "transfer.fsckObjects=true", str(repository), str(clone_into))


def refs(repository: Path) -> dict[str, str]:
    lines = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").decode().splitlines()
    pairs = (line.partition(" ") for line in lines)
    return {name: id_ for name, _, id_ in pairs}


def tree(repository: Path, revision: str) -> dict[str, tuple[str, str]]:
    """Path to (mode, blob id)."""
    found = {}
    for line in git(repository, "ls-tree", "-r", "-z", revision).split(b"\0"):
        if line:
            head, path = line.split(b"\t", 1)
            mode, kind, id_ = head.decode().split(" ")
            assert kind == "blob"
            found[path.decode()] = (mode, id_)
    return found


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def archive_tree(path: Path) -> dict[str, tuple[str, str]]:
    """What CPython reads from an archive, in the form of `tree`; a source distribution's top folder stripped."""
    if path.name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(path) as archive:
            found = {info.filename: _of_zip(archive, info) for info in archive.infolist() if not info.is_dir()}
    else:
        with tarfile.open(path) as archive_:
            found = {member.name: _of_tar(archive_, member) for member in archive_ if not member.isdir()}
    if path.name.endswith(".whl"):
        return found
    tops = {name.split("/")[0] for name in found}
    assert len(tops) == 1
    return {name.split("/", 1)[1]: value for name, value in found.items()}


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[str, str]:
    mode = info.external_attr >> 16
    data = archive.read(info)
    if mode & 0o170000 == 0o120000:
        return "120000", blob_id(data)
    return ("100755" if info.create_system == 3 and mode & 0o100 else "100644"), blob_id(data)


def _of_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, str]:
    if member.issym():
        return "120000", blob_id(member.linkname.encode())
    opened = archive.extractfile(member)
    assert opened is not None
    return ("100755" if member.mode & 0o100 else "100644"), blob_id(opened.read())
