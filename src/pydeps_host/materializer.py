"""A verified artifact to a commit in a pack.

A pure function of (artifact, release, policy, date): no network, no settings of
the machine, no clock. It may run in another process.

The exact bytes of commits and tags are fixed here and described in the
documentation of the format; a test holds golden ids. To change them is to
change every id that was ever published.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pydeps_host.archive import ArchiveReader, Entry, Flag, Layout, Member, Skip, layout, read_archive
from pydeps_host.archive.values import DIRECTORY, FILE, SYMLINK
from pydeps_host.errors import disk_errors
from pydeps_host.git import Commit, Identity, Mode, ObjectId, PackWriter, Tag, encode_commit, encode_tag, object_id, write_tree
from pydeps_host.modules import MOST_TEXTS, TEXT_BYTES, is_told_by, modules_of
from pydeps_host.values import AUTHOR_EMAIL, AUTHOR_NAME, Artifact, NotedMember, Policy, escape

if TYPE_CHECKING:
    # Not loaded in worker processes, which have no use for what asks indexes.
    from pydeps_host.resolver import Release

# Where neither the index nor the archive tells a date: the day of the first Python release, 1991-02-20 UTC.
FALLBACK_DATE: Final = 666_993_600
# What an archive may claim: from the first of 1990, older ones come from clocks that were not set
# (1970 of Unix, 1980 of zip), to the end of what old readers of git's dates can hold.
_OLDEST_DATE: Final = 631_152_000
_NEWEST_DATE: Final = 2_147_483_647
# How many skips and flags are told one by one, as many as the journal keeps: escaping makes their paths eight times as long.
_NOTED: Final = 1000
# As names of the module for the reason that `Kind`'s have.
_PLAIN: Final = Mode.FILE
_EXECUTABLE: Final = Mode.EXECUTABLE
# The one kind of file whose root is the root; every other has a top folder, which is stripped.
_WHEEL_SUFFIX: Final = ".whl"


@frozen
class Subject:
    """What an artifact is a file of: all that a commit tells of a release.

    Attributes:
        name: The project's normalised name.
        text: The release's text.
        uploaded: When the artifact came to the index, or None where that is not known.
    """

    name: str
    text: str
    uploaded: datetime | None = None

    @classmethod
    def of(cls, release: "Release", filename: str) -> "Subject":
        """Take from a release what concerns one of its files."""
        uploaded = next((file.upload_time for file in release.candidates if file.filename == filename), None)
        return cls(release.name, release.text, uploaded)


@frozen(kw_only=True)
class Materialized:
    """A release as a commit, written into a pack and not published yet.

    Attributes:
        commit: The commit's id.
        tree: The root folder's id.
        date: The commit's date, in whole seconds since 1970 (UTC).
        skipped: How many entries were skipped, as (reason code, count), in the codes' order.
        skips: The first 1,000 entries that were skipped.
        flags: The first 1,000 entries that were kept and are worth a look.
        modules: The modules that the release provides, dotted and sorted.
    """

    commit: ObjectId
    tree: ObjectId
    date: int
    skipped: tuple[tuple[str, int], ...]
    skips: tuple[NotedMember, ...]
    flags: tuple[NotedMember, ...]
    modules: tuple[str, ...] = ()


def materialize(release: "Release", artifact: Artifact, *, policy: Policy, into: PackWriter, date: int | None = None) -> Materialized:
    """Write an artifact's tree and a commit on it into a pack.

    Args:
        release: What the artifact is a file of.
        artifact: A file whose size and digests were checked.
        policy: The rules for reading it.
        into: Where the objects go.
        date: The commit's date where it was chosen before; otherwise the upload
            time that the index gives, else the newest sane date inside the
            archive, else 1991-02-20.

    Raises:
        ArchiveError: The archive is refused; the pack is as it was before.
        DiskError: The artifact cannot be read, or the pack not written.
    """
    return materialize_subject(Subject.of(release, artifact.filename), artifact, policy=policy, into=into, date=date)


def materialize_subject(subject: Subject, artifact: Artifact, *, policy: Policy, into: PackWriter, date: int | None = None) -> Materialized:
    """Do what `materialize` does, by what is told of the release alone."""
    mark = into.mark()
    try:
        return _materialize(subject, artifact, policy=policy, into=into, date=date)
    except BaseException:
        into.rollback(mark)
        raise


def write_tag(release: "Release | Subject", made: tuple[ObjectId, int], *, tag: str, into: PackWriter) -> ObjectId:
    """Write an annotated tag on a release's commit.

    Args:
        release: The release, or what is told of it.
        made: The commit's id and its date.
        tag: The tag's name.
        into: Where the object goes.

    Returns:
        The tag object's id.
    """
    commit, date = made
    message = f"{release.name} {escape(release.text)}\n".encode()
    return into.add("tag", encode_tag(Tag(object=commit, name=tag, tagger=_identity(date), message=message)))


def _materialize(subject: Subject, artifact: Artifact, *, policy: Policy, into: PackWriter, date: int | None) -> Materialized:
    with disk_errors(artifact.path, "reading"):
        file = artifact.path.open("rb")
    with disk_errors(artifact.path, "reading"), file:
        reader = read_archive(file, artifact.filename, limits=policy.limits)
        blobs = _Blobs(into)
        found = _laid_out(map(blobs.entry, reader), _skipped(reader), artifact)
    tree = _write_tree(found, into)
    date = date if date is not None else _date(subject, blobs.newest)
    skips = (*reader.skips, *found.skips)
    told = _Told(skipped=_counted(skips), skips=_noted(skips), flags=_noted((*reader.flags, *found.flags)))
    message = _message(subject, artifact, policy, told.skipped)
    author = _identity(date)
    commit = into.add("commit", encode_commit(Commit(tree=tree, author=author, committer=author, message=message)))
    modules = modules_of(subject.name, artifact.filename, [entry.path for entry in found.entries], blobs.texts(found.stripped))
    return Materialized(commit=commit, tree=tree, date=date, skipped=told.skipped, skips=told.skips, flags=told.flags, modules=modules)


@frozen(kw_only=True)
class _Told:
    skipped: tuple[tuple[str, int], ...]
    skips: tuple[NotedMember, ...]
    flags: tuple[NotedMember, ...]


class _Blobs:
    """Writes members' contents as they come, and remembers the newest date that makes sense."""

    def __init__(self, into: PackWriter) -> None:
        self._into = into
        self._newest = _OLDEST_DATE - 1
        self._texts: dict[bytes, bytes] = {}

    @property
    def newest(self) -> int | None:
        """The newest date of a member that makes sense, in seconds since 1970, or None."""
        return None if self._newest < _OLDEST_DATE else self._newest

    def texts(self, top: bytes) -> dict[bytes, bytes]:
        """What was kept of texts that tell modules, by path without the top folder that was stripped."""
        return {path.removeprefix(top + b"/" if top else b""): data for path, data in self._texts.items()}

    def entry(self, member: Member) -> Entry:
        """Turn a member into what the whole-tree policy looks at."""
        path, kind, executable, _, mtime, offset, target, _ = member
        if mtime is not None and self._newest < mtime <= _NEWEST_DATE:
            self._newest = mtime
        if kind is FILE:
            return Entry(path, FILE, executable, self._blob(member), None, offset)
        if kind is DIRECTORY:
            return Entry(path, DIRECTORY, offset=offset)
        # Not written yet: whether the link stays is known once the whole tree is.
        id_ = object_id("blob", target) if kind is SYMLINK else b""
        return Entry(path, kind, id=id_, target=target, offset=offset)

    def _blob(self, member: Member) -> bytes:
        content = member.content
        if not isinstance(content, bytes):
            return self._into.add_stream("blob", member.size, content)
        if is_told_by(member.path) and member.size <= TEXT_BYTES and len(self._texts) < MOST_TEXTS:
            self._texts[member.path] = content
        return self._into.add("blob", content)


def _laid_out(entries: Iterable[Entry], left_out: Iterable[Skip], artifact: Artifact) -> Layout:
    """Apply the whole-tree policy; a refusal names the artifact."""
    strip = not artifact.filename.lower().endswith(_WHEEL_SUFFIX)
    return layout(entries, strip=strip, filename=artifact.filename, left_out=left_out)


def _skipped(reader: ArchiveReader) -> Iterator[Skip]:
    """Yield what a reader skipped, complete where this is begun after the members."""
    yield from reader.skips


def _write_tree(found: Layout, into: PackWriter) -> ObjectId:
    for entry in found.entries:
        if entry.kind is SYMLINK and entry.target is not None:
            into.add("blob", entry.target)
    return write_tree(((entry.path, _mode(entry), ObjectId(entry.id)) for entry in found.entries), into.add)


def _mode(entry: Entry) -> Mode:
    if entry.kind is SYMLINK:
        return Mode.SYMLINK
    return _EXECUTABLE if entry.executable else _PLAIN


def _date(subject: Subject, newest: int | None) -> int:
    """Choose a commit's date: from the index, else from the archive, else a fixed one."""
    if subject.uploaded is not None and subject.uploaded.timestamp() >= 0:
        return int(subject.uploaded.timestamp())
    return FALLBACK_DATE if newest is None else newest


def _message(subject: Subject, artifact: Artifact, policy: Policy, skipped: tuple[tuple[str, int], ...]) -> bytes:
    lines = [
        f"{subject.name} {escape(subject.text)}",
        "",
        f"File: {escape(artifact.filename)}",
        f"Size: {artifact.size}",
        f"SHA-256: {artifact.sha256}",
        f"Policy: {policy.text}",
        *(f"Skipped: {reason} {count}" for reason, count in skipped),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _identity(date: int) -> Identity:
    return Identity(AUTHOR_NAME, AUTHOR_EMAIL, date)


def _counted(skips: Iterable[Skip]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(str(skip.reason) for skip in skips).items()))


def _noted(found: Iterable[Skip | Flag]) -> tuple[NotedMember, ...]:
    first = islice(found, _NOTED)
    return tuple(NotedMember(str(one.reason), escape(one.path.decode("utf-8", "surrogateescape")), one.offset) for one in first)
