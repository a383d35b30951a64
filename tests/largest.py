"""A pack over 2 GiB, whose index needs offsets of 64 bits, before git: run by hand.

    python tests/largest.py FOLDER

It needs 11 GB of room below FOLDER and some minutes, which is why it is no test.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from gitting import git
from pydeps_host.git import Commit, Identity, Mode, PackReader, Tag, encode_commit, encode_tag, write_tree
from pydeps_host.git.pack_scan import index_pack
from pydeps_host.repository import Disk, Repository, Status, Upkeep, VersionRow, VersionTag

_MIB = 1 << 20
_FAR = 2**31
_WHO = Identity("pydeps-host", "pydeps-host@example.com", 1_000_000_000)


def main(folder: Path) -> None:
    """Publish two versions of 2.2 GiB and 300 MiB, make one pack of them, and have git and our readers go through it."""
    repository = Repository.create(folder / "large.git", name="large", disk=Disk(durable=False))
    for text, files in (("1.0", 150), ("1.1", 20)):
        with timed(f"publish {files} files of 15 MiB"):
            publish(repository, text, files)
    with timed("maintain by copying"):
        repository.maintain(Upkeep(deltas=False, keep_superseded=timedelta()))
    (pack,) = (repository.path / "objects" / "pack").glob("*.pack")
    with timed("git index-pack --strict"):
        git(repository.path, "index-pack", "--strict", "-o", str(folder / "git.idx"), str(pack))
    assert (folder / "git.idx").read_bytes() == pack.with_suffix(".idx").read_bytes()
    with timed("git verify-pack"):
        git(repository.path, "verify-pack", str(pack))
    with timed("our reader, what lies beyond 2 GiB"), PackReader(pack) as reader:
        far = [entry.id for entry in reader.index if entry.offset >= _FAR]
        assert far
        assert all(reader.read(id_) for id_ in far)
    (folder / "own.pack").hardlink_to(pack)
    with timed("our index of the bare pack"):
        index_pack(folder / "own.pack", sync=False, check=lambda: None)
    assert (folder / "own.idx").read_bytes() == pack.with_suffix(".idx").read_bytes()


def publish(repository: Repository, text: str, files: int) -> None:
    """Publish a version of files that cannot be compressed."""
    with repository.batch() as batch:
        pieces = ((os.urandom(_MIB) for _ in range(15)) for _ in range(files))
        leaves = [(b"%05d" % number, Mode.FILE, batch.pack.add_stream("blob", 15 * _MIB, one)) for number, one in enumerate(pieces)]
        tree = write_tree(leaves, batch.pack.add)
        commit = batch.pack.add("commit", encode_commit(Commit(tree=tree, author=_WHO, committer=_WHO, message=b"large\n")))
        tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=f"v{text}", tagger=_WHO, message=b"large\n")))
        batch.add(
            VersionRow(
                text, Status.PUBLISHED, date=_WHO.seconds, commit=commit.hex(), tree=tree.hex(), tags=(VersionTag(f"v{text}", tag.hex()),)
            )
        )
        assert batch.publish() is not None


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long something took."""
    started = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - started:.1f} s", flush=True)  # noqa: T201 - a program for a person


if __name__ == "__main__":
    main(Path(sys.argv[1]))
