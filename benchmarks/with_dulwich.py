"""The same by dulwich, a git library in Python: one pack a version, least compression.

python -m benchmarks.with_dulwich FOLDER OUT
"""

import sys
from pathlib import Path

from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore, PackBasedObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag
from dulwich.refs import Ref
from dulwich.repo import Repo

from benchmarks.artifacts import Artifact, projects
from benchmarks.measuring import Stopwatch
from benchmarks.members import contents

_WHO = b"a <a@example.com>"
_WHEN = 1_600_000_000


class _NewObjects(MemoryObjectStore):
    """Collects objects, and gives up those that are new to a repository."""

    def taken(self, known: set[ObjectID]) -> list[tuple[ShaFile, None]]:
        new = [(self[id_], None) for id_ in self if id_ not in known]
        known.update(one.id for one, _ in new)
        return new


def write(artifact: Artifact, repository: Repo, known: set[ObjectID]) -> None:
    """Write one version: a pack of what is new, and a tag."""
    new, leaves = _NewObjects(), []
    for one in contents(artifact.path):
        blob = Blob.from_string(one.data)
        if blob.id not in known:
            new.add_object(blob)
        leaves.append((one.path, blob.id, one.mode))
    commit = Commit()
    commit.tree = commit_tree(new, leaves)
    commit.author = commit.committer = _WHO
    commit.author_time = commit.commit_time = _WHEN
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = artifact.pin.encode()
    tag = Tag()
    tag.name, tag.message, tag.object = artifact.tag.encode(), artifact.pin.encode(), (Commit, commit.id)
    tag.tagger, tag.tag_time, tag.tag_timezone = _WHO, _WHEN, 0
    new.add_objects([(commit, None), (tag, None)])
    repository.object_store.add_objects(new.taken(known))
    repository.refs[Ref(b"refs/tags/" + tag.name)] = tag.id
    repository.refs[Ref(b"refs/heads/latest")] = commit.id


def main(folder: Path, out: Path) -> None:
    """Bring a whole set."""
    watch = Stopwatch()
    with watch.running():
        for project, found in projects(folder):
            with Repo.init_bare(str(out / f"{project}.git"), mkdir=True) as repository:
                assert isinstance(repository.object_store, PackBasedObjectStore)  # noqa: S101 - for the type checker
                repository.object_store.pack_compression_level = 1
                known: set[ObjectID] = set()
                for one in found:
                    write(one, repository, known)
    watch.tell()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
