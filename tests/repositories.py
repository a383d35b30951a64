"""A git repository that is written by hand, object by object, as nobody else would write it."""

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydeps_host.git import Commit, Identity, Kind, ObjectId, encode_commit

WHO: Final = Identity("a", "a@example.com", 0)


class Made:
    """A bare repository that is written by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("objects/pack", "refs/heads", "refs/tags"):
            (folder / name).mkdir(parents=True)
        self.set("HEAD", "ref: refs/heads/main")

    def set(self, name: str, text: str | ObjectId) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((text if isinstance(text, str) else text.hex()) + "\n")

    def loose(self, kind: Kind | str, data: bytes, *, name: ObjectId | None = None, packed: bytes | None = None) -> ObjectId:
        whole = f"{kind} {len(data)}\0".encode() + data
        id_ = name or ObjectId(hashlib.sha1(whole).digest())
        path = self.folder / "objects" / id_.hex()[:2] / id_.hex()[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(whole) if packed is None else packed)
        return id_

    def tree(self, entries: Mapping[str, tuple[str, ObjectId]]) -> ObjectId:
        return self.loose("tree", b"".join(f"{mode} {name}\0".encode() + id_ for name, (mode, id_) in entries.items()))

    def commit(self, tree: ObjectId) -> ObjectId:
        return self.loose("commit", encode_commit(Commit(tree=tree, author=WHO, committer=WHO, message=b"m\n")))

    def main(self, entries: Mapping[str, tuple[str, ObjectId]]) -> ObjectId:
        commit = self.commit(self.tree(entries))
        self.set("refs/heads/main", commit)
        return commit
