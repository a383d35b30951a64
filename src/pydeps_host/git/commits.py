"""Commits and annotated tags, to git's bytes and back.

Only the forms that this library writes: times in UTC, no signatures, no
encodings, no other headers. So what is read here is what was written here, and
`decode(encode(x)) == x` both ways.
"""

import re
from typing import TypeVar

from attrs import Attribute, field, frozen
from attrs.validators import deep_iterable

from pydeps_host.git.objects import ID_BYTES, Kind, ObjectId, parse_id

# Git keeps times as 64 bits and reads them into a signed time_t.
_END_OF_TIME = 2**63


def _check_person(_: object, attribute: "Attribute[str]", text: str) -> None:
    # Git strips spaces around names, and `<`, `>` and line ends part an identity from what follows.
    if text != text.strip() or re.search(r"[<>\x00-\x1f\x7f]", text):
        raise ValueError(f"an identity's {attribute.name} cannot be {text[:80]!r}")


def _check_time(_: object, __: "Attribute[int]", seconds: int) -> None:
    if not 0 <= seconds < _END_OF_TIME:
        raise ValueError(f"git has no time {seconds}")


def _check_id(_: object, attribute: "Attribute[ObjectId]", value: bytes) -> None:
    if len(value) != ID_BYTES:
        raise ValueError(f"`{attribute.name}` is no object id: it has {len(value)} bytes, an id has {ID_BYTES}")


def _check_message(_: object, __: "Attribute[bytes]", message: bytes) -> None:
    # Git's own readers end a message at a NUL, so what follows would be hidden.
    if b"\0" in message:
        raise ValueError("a message cannot hold a NUL")


def _check_name(_: object, __: "Attribute[str]", name: str) -> None:
    if not name or re.search(r"[\x00-\x20\x7f]", name):
        raise ValueError(f"{name[:80]!r} cannot be a tag's name")


@frozen
class Identity:
    """Who did something, and when, always in UTC.

    Attributes:
        name: Not empty.
        email: May be empty.
        seconds: Whole seconds since 1970, not negative.
    """

    name: str = field(validator=_check_person)
    email: str = field(validator=_check_person)
    seconds: int = field(validator=_check_time)

    def __attrs_post_init__(self) -> None:
        if not self.name:
            raise ValueError("an identity has a name")

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {self.seconds} +0000"


@frozen(kw_only=True)
class Commit:
    """A commit.

    Attributes:
        tree: The root folder.
        parents: None for a root commit.
        author: Who wrote what is in the tree.
        committer: Who made the commit.
        message: Kept as it is; git's own end with a newline.
    """

    tree: ObjectId = field(validator=_check_id)
    parents: tuple[ObjectId, ...] = field(default=(), validator=deep_iterable(_check_id))
    author: Identity
    committer: Identity
    message: bytes = field(validator=_check_message)


@frozen(kw_only=True)
class Tag:
    """An annotated tag.

    Attributes:
        object: What is tagged.
        kind: What kind of object that is.
        name: Without `refs/tags/`; whether git accepts it in a reference is not checked here.
        tagger: Who made the tag.
        message: Kept as it is; git's own end with a newline.
    """

    object: ObjectId = field(validator=_check_id)
    kind: Kind = "commit"
    name: str = field(validator=_check_name)
    tagger: Identity
    message: bytes = field(validator=_check_message)


def encode_commit(commit: Commit) -> bytes:
    """Return a commit's bytes."""
    parents = "".join(f"parent {parent.hex()}\n" for parent in commit.parents)
    head = f"tree {commit.tree.hex()}\n{parents}author {commit.author}\ncommitter {commit.committer}\n\n"
    return head.encode() + commit.message


def encode_tag(tag: Tag) -> bytes:
    """Return a tag's bytes."""
    head = f"object {tag.object.hex()}\ntype {tag.kind}\ntag {tag.name}\ntagger {tag.tagger}\n\n"
    return head.encode() + tag.message


def decode_commit(data: bytes) -> Commit:
    """Read a commit.

    Raises:
        ValueError: The bytes are not exactly what `encode_commit` would have written.
    """
    head, message = _parts(data)
    found = _COMMIT.fullmatch(head)
    if found is None:
        raise ValueError("this is no commit in the form that is written here")
    parents = tuple(parse_id(line.removeprefix("parent ")) for line in found["parents"].splitlines())
    commit = Commit(
        tree=parse_id(found["tree"]),
        parents=parents,
        author=_identity(found["author"]),
        committer=_identity(found["committer"]),
        message=message,
    )
    return _exactly(commit, encode_commit(commit), data)


def decode_tag(data: bytes) -> Tag:
    """Read a tag.

    Raises:
        ValueError: The bytes are not exactly what `encode_tag` would have written.
    """
    head, message = _parts(data)
    found = _TAG.fullmatch(head)
    if found is None:
        raise ValueError("this is no tag in the form that is written here")
    tag = Tag(
        object=parse_id(found["object"]), kind=_KINDS[found["kind"]], name=found["name"], tagger=_identity(found["tagger"]), message=message
    )
    return _exactly(tag, encode_tag(tag), data)


_ID = "[0-9a-f]{40}"
_COMMIT = re.compile(rf"tree (?P<tree>{_ID})\n(?P<parents>(?:parent {_ID}\n)*)author (?P<author>.*)\ncommitter (?P<committer>.*)")
_TAG = re.compile(rf"object (?P<object>{_ID})\ntype (?P<kind>commit|tree|blob|tag)\ntag (?P<name>.*)\ntagger (?P<tagger>.*)")
_IDENTITY = re.compile(r"(?P<name>.*) <(?P<email>.*)> (?P<seconds>0|[1-9][0-9]{0,18}) \+0000")
_Value = TypeVar("_Value", Commit, Tag)
_KINDS: dict[str, Kind] = {"commit": "commit", "tree": "tree", "blob": "blob", "tag": "tag"}


def _parts(data: bytes) -> tuple[str, bytes]:
    head, _, message = data.partition(b"\n\n")
    return head.decode(), message


def _identity(text: str) -> Identity:
    found = _IDENTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:80]!r} is no identity in the form that is written here")
    return Identity(found["name"], found["email"], int(found["seconds"]))


def _exactly(value: _Value, written: bytes, data: bytes) -> _Value:
    if written != data:
        raise ValueError("what follows the headers is not what is written here")
    return value
