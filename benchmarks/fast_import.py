"""`git fast-import`, tuned: no deltas, least compression, each distinct content sent once.

    python -m benchmarks.fast_import FOLDER OUT

One process reads archives and hashes, git's writes the pack: two cores work.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

from benchmarks.artifacts import Artifact, projects
from benchmarks.git_program import ENVIRONMENT, new_repository
from benchmarks.measuring import Stopwatch
from benchmarks.members import contents

# unpackLimit: a small project's objects stay in a pack, too.
_WORDS: Final = ("git", "-c", "core.compression=1", "-c", "pack.compression=1", "-c", "fastimport.unpackLimit=1", "fast-import")
_WHO: Final = b"a <a@example.com> 1600000000 +0000"


def send(artifact: Artifact, to: IO[bytes], sent: set[bytes]) -> None:
    """Send one version: new contents, then a root commit and a tag on it."""
    lines = []
    for one in contents(artifact.path):
        id_ = hashlib.sha1(b"blob %d\0" % len(one.data), usedforsecurity=False)
        id_.update(one.data)
        if id_.digest() not in sent:
            sent.add(id_.digest())
            to.write(b"blob\ndata %d\n%b\n" % (len(one.data), one.data))
        lines.append(b"M %o %b %b\n" % (one.mode, id_.hexdigest().encode(), _quoted(one.path)))
    message = artifact.pin.encode()
    said = b"data %d\n%b\n" % (len(message), message)
    # The reset makes the next commit a root.
    to.write(b"reset refs/heads/latest\n\ncommit refs/heads/latest\nmark :1\ncommitter %b\n%b" % (_WHO, said))
    to.writelines(lines)
    to.write(b"\ntag %b\nfrom :1\ntagger %b\n%b" % (artifact.tag.encode(), _WHO, said))


def _quoted(path: bytes) -> bytes:
    if not path.startswith(b'"') and b"\n" not in path:
        return path
    return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def main(folder: Path, out: Path) -> None:
    """Bring a whole set."""
    watch = Stopwatch()
    with watch.running():
        for project, found in projects(folder):
            bare = new_repository(out / f"{project}.git")
            words = [*_WORDS, "--quiet", "--force", "--done", "--depth=0"]
            with subprocess.Popen(words, cwd=bare, env=ENVIRONMENT, stdin=subprocess.PIPE, bufsize=1 << 20) as importer:  # noqa: S603 - git
                assert importer.stdin is not None  # noqa: S101 - for the type checker
                sent: set[bytes] = set()
                for one in found:
                    send(one, importer.stdin, sent)
                importer.stdin.write(b"done\n")
            if importer.returncode:
                sys.exit("git fast-import failed")
    watch.tell()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
