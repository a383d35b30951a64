"""Git objects and their ids, packs and their indexes, in plain Python.

Nothing here starts git or knows what a reference is. Encoders are pure and give
git's bytes exactly; what is not in git's form is a `ValueError`. Files that do
not hold what they must are a `DamagedError`, whatever is wrong with them.
"""

from pydeps_host.git.commits import Commit, Identity, Tag, decode_commit, decode_tag, encode_commit, encode_tag
from pydeps_host.git.database import ObjectDatabase
from pydeps_host.git.known_objects import KnownObjects
from pydeps_host.git.objects import Kind, ObjectHasher, ObjectId, object_id, parse_id
from pydeps_host.git.pack_index import IndexEntry, PackIndex, encode_index
from pydeps_host.git.pack_reader import PackReader
from pydeps_host.git.pack_writer import FinishedPack, Mark, PackWriter
from pydeps_host.git.trees import EMPTY_TREE, Mode, TreeEntry, decode_tree, encode_tree, write_tree

__all__ = [
    "EMPTY_TREE",
    "Commit",
    "FinishedPack",
    "Identity",
    "IndexEntry",
    "Kind",
    "KnownObjects",
    "Mark",
    "Mode",
    "ObjectDatabase",
    "ObjectHasher",
    "ObjectId",
    "PackIndex",
    "PackReader",
    "PackWriter",
    "Tag",
    "TreeEntry",
    "decode_commit",
    "decode_tag",
    "decode_tree",
    "encode_commit",
    "encode_index",
    "encode_tag",
    "encode_tree",
    "object_id",
    "parse_id",
    "write_tree",
]
