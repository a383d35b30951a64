"""What the reader lets through, under the eyes of real git."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitting import ENVIRONMENT, git
from pydeps_host.archive import Entry, Kind
from pydeps_host.archive.gitfiles import gitattributes_is_safe, gitmodules_is_safe
from raw_archives import END, entry, header, tree

pytestmark = pytest.mark.needs("git")

MODULES = b'[submodule "name"]\n\tpath = path\n\turl = https://example.com/x.git\n\tbranch = main\n\tupdate = none\n'
PIECES = [
    b"..", b".", b"/", b"//", b"-", b"-u", b"!", b"!sh", b":", b"::", b"%0a", b"%0A", b"%2f", b"\\n", b"\\", b'"', b"#", b";", b"\n",
    b"\t", b" ", b"../", b"./", b"https://", b"http:", b"git://", b"ssh://", b"ext::", b"file://", b"a@b:", b"@", b"[", b"]", b"=",
    b"url", b"path = -x\n", b"update = !x\n", b"UPDATE = !x\n", b'[submodule ".."]\n', b'[submodule "a/../b"]\n', b"url = -x\n",
    b"99999", b"0", b"\xc3\xa9", b"?", b"*", b"~", b"example.com", b"https:///", b"../../..//x", b"[submodule.a]\n", b"\r", b"\r\n",
    b"\xef\xbb\xbf",
]  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", ".")
    return tmp_path


def fsck(repository: Path) -> str:
    """What `git fsck --strict` says, which is nothing but notices where it has nothing against anything."""
    words = ["git", "-C", str(repository), "fsck", "--full", "--strict", "--no-dangling"]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode()


def blob(repository: Path, content: bytes) -> str:
    return git(repository, "hash-object", "-w", "--stdin", stdin=content).decode().strip()


def variants() -> Iterator[bytes]:
    chance = random.Random("gitmodules")
    for _ in range(600):
        content = bytearray(MODULES)
        for _ in range(chance.choice((1, 1, 2, 3))):
            place = chance.choice(
                [chance.randrange(len(content) + 1), content.find(b"https"), content.find(b"= ") + 2, content.find(b'"') + 1]
            )
            content[place : place + chance.choice((0, 0, 1, 8, 25))] = chance.choice(PIECES)
        yield bytes(content)


def test_gitmodules_that_are_kept_pass_gits_check(repository):
    contents = [*variants(), MODULES.replace(b"none", b"!sh"), MODULES.replace(b'"name"', b'".."'), MODULES.replace(b"= path", b"= -path")]
    ids = [blob(repository, content) for content in contents]
    # Each in a tree of its own, so that one objection hides no other.
    git(repository, "mktree", "-z", "--batch", stdin=b"\0".join(b"100644 blob %s\t.gitmodules\0" % id_.encode() for id_ in ids))
    said = fsck(repository)
    for objection in ("gitmodulesUrl", "gitmodulesUpdate", "gitmodulesName", "gitmodulesPath"):
        assert objection in said
    kept = [id_ for id_, content in zip(ids, contents, strict=True) if gitmodules_is_safe(content)]
    assert len(kept) > 50
    assert not [id_ for id_ in kept if id_ in said]


def test_gitattributes_are_skipped_where_git_objects_to_them_and_nowhere_else(repository):
    for content in (
        b"x" * 2047,
        b"x" * 2048,
        b"\n" + b"x" * 2047 + b"\n",
        b"a\n" + b"y" * 2048,
        b"\r\n" * 3000,
        b"x" * 2047 + b"\r\n",
        b"",
    ):
        id_ = blob(repository, content)
        git(repository, "mktree", "-z", stdin=b"100644 blob %s\t.gitattributes\0" % id_.encode())
        assert gitattributes_is_safe(content) is (f"error in blob {id_}: gitattributes" not in fsck(repository))


NAMES = [
    ".git", ".GIT", ".git ", ".git.", ".git . .", "git~1", "GIT~1", "git~2", ".git::$INDEX_ALLOCATION", ".git:x", ".g\u200cit",
    "\ufeff.git", "git", ".gitmodules", ".GITMODULES", ".gitmodules ", "gitmod~1", "GITMOD~4", "gitmod~5", "gi7eba~1", "gi7eb~12",
    "~1000000", ".gitmodules:x", ".gitm\u200codules", ".gitattributes", "gitatt~1", "gi7d29~1", ".gitignore", ".github", ".mailmap",
    "a", "..a", "...", "x.git", "gitmodules", "aux", "a:b", "A:b", "a\\b", "é", ".gitattributes.", ".gitmodules . :y",
    "g\u206fitmodules", ".git\u200emodules", "gi~1", "gi7e~123", "G~123456",
]  # fmt: skip


@pytest.mark.parametrize("shape", ["file", "folder", "symlink"])
def test_names_that_are_kept_pass_gits_check(repository, shape):
    """Every name alone in a tree, with content that is wrong for .gitmodules and for .gitattributes."""
    wrong = b'[submodule ".."]\n\turl = -x\n' + b"x" * 4000
    for name in NAMES:
        raw = name.encode()
        data = {"file": entry(raw, wrong), "folder": entry(raw + b"/x", wrong), "symlink": header(raw, kind=b"2", target=b"t")}[shape]
        for one in tree(data + END).entries:
            write(repository, one, wrong)
    assert "error" not in fsck(repository)


def write(repository: Path, one: Entry, content: bytes) -> None:
    """Write a tree with one entry, of any name."""
    id_ = blob(repository, one.target or b"" if one.kind is Kind.SYMLINK else content)
    mode = b"120000" if one.kind is Kind.SYMLINK else b"100644"
    for name in reversed(one.path.split(b"/")):
        data = mode + b" " + name + b"\0" + bytes.fromhex(id_)
        id_ = git(repository, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=data).decode().strip()
        mode = b"40000"


@pytest.mark.parametrize("name", [".git", "gitmod~1", "gi7eba~1", ".git . .", ".g\u200cit"])
def test_git_objects_to_what_is_skipped(repository, name):
    """The oracle is awake: without the reader these names are errors."""
    write(repository, Entry(name.encode(), Kind.SYMLINK, False, b"", b"t"), b"")
    assert "error in tree" in fsck(repository)
