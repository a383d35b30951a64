"""What other readers make of an archive: CPython, GNU tar and Info-ZIP's unzip, held against ours.

`disagreements(path, scratch)` is the way in. The programs really extract, into
a fresh folder below `scratch`: only archives that we accept reach them, and the
entries that we left out are excluded by name, so that they are never written.
"""

import hashlib
import shutil
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from programs import gnu_tar, unzip
from pydeps_host.archive import Entry, Kind, Member, layout, read_archive
from pydeps_host.errors import ArchiveError
from pydeps_host.values import Limits
from seen import Disagreement, Node, Ours, Seen, as_bytes, names, plain, raw_name, sha256, zipped

__all__ = ["Disagreement", "Node", "Ours", "Seen", "cpython", "disagreements", "gnu_tar", "judged", "ours", "unzip", "zipped"]


def ours(path: Path, filename: str | None = None, limits: Limits | None = None) -> Ours:
    """Read an archive with our reader.

    Args:
        path: Where it is.
        filename: The name that tells its format; the path's own where None.
        limits: What is enforced.

    Raises:
        ArchiveError: It is refused.
    """
    filename = filename or path.name
    with path.open("rb") as file:
        reader = read_archive(file, filename, limits=limits)
        entries = [_entry(member) for member in reader]
    found = layout(entries, strip=False, filename=filename, left_out=reader.skips)
    seen = {one.path: _node(one) for one in found.entries}
    skipped = {skip.path for skip in reader.skips}
    lost = {skip.path for skip in found.skips}
    if lost:
        skipped |= {raw for raw in names(path) if plain(raw) in lost}
    return Ours(seen, frozenset(skipped))


def cpython(path: Path, ours: Ours) -> Seen:
    """Read an archive with CPython's tarfile or zipfile.

    Raises:
        Disagreement: It raises an exception.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _zip(path, ours.skipped) if zipped(path) else _tar(path, ours.skipped)
    except Exception as error:
        raise Disagreement("cpython", f"{type(error).__name__}: {error}") from error


def disagreements(path: Path, scratch: Path, *, filename: str | None = None) -> tuple[str, ...]:
    """Tell who reads an archive otherwise than we do: empty where all agree, or where we refuse it.

    Args:
        path: The archive; its name tells every reader's format.
        scratch: A folder to make folders in.
        filename: The name that tells our reader the format; the path's own where None.
    """
    try:
        mine = ours(path, filename)
    except ArchiveError:
        return ()
    return judged(path, mine, scratch)


def judged(path: Path, mine: Ours, scratch: Path) -> tuple[str, ...]:
    """Hold what we read in an archive against every reader of its format that is installed."""
    found = []
    program = unzip if zipped(path) else gnu_tar
    oracles: list[Callable[[], Seen]] = [lambda: cpython(path, mine)]
    if shutil.which("unzip" if zipped(path) else "tar"):
        oracles.append(lambda: program(path, mine, scratch))
    for reader, oracle in zip(("cpython", program.__name__), oracles, strict=False):
        try:
            found += [f"{reader}: {text}" for text in _differences(mine.seen, oracle())]
        except Disagreement as disagreement:
            found.append(str(disagreement))
    return tuple(found)


def _differences(mine: Seen, theirs: Seen) -> Iterator[str]:
    for path in sorted(mine.keys() | theirs.keys()):
        if mine.get(path) != theirs.get(path):
            yield f"{path!r}: ours {mine.get(path)}, theirs {theirs.get(path)}"


def _entry(member: Member) -> Entry:
    content = member.content if isinstance(member.content, bytes) else b"".join(member.content)
    return Entry(member.path, member.kind, member.executable, hashlib.sha256(content).digest(), member.target or None)


def _node(entry: Entry) -> Node:
    if entry.kind is Kind.SYMLINK:
        return Node("symlink", executable=False, sha256=sha256(entry.target or b""))
    return Node("file", entry.executable, entry.id.hex())


# --- CPython ------------------------------------------------------------------


def _tar(path: Path, skipped: frozenset[bytes]) -> Seen:
    seen: Seen = {}
    left_out = {raw.rstrip(b"/") for raw in skipped}
    with tarfile.open(path, "r:*", encoding="utf-8", errors="surrogateescape") as archive:
        for info in archive:
            raw = as_bytes(info.name)
            # Of a device, a name with a slash at its end keeps it.
            if raw.rstrip(b"/") in left_out or info.isdir():
                continue
            if info.issym():
                seen[plain(raw)] = Node("symlink", executable=False, sha256=sha256(as_bytes(info.linkname)))
            elif info.islnk():
                # A copy of what came under that name before it, as a link on disk would be.
                seen[plain(raw)] = seen[plain(as_bytes(info.linkname))]
            else:
                file = archive.extractfile(info)
                digest = sha256(file.read()) if file is not None else ""
                seen[plain(raw)] = Node("file" if info.isreg() else "other", info.mode & 0o100 != 0, digest)
    return seen


def _zip(path: Path, skipped: frozenset[bytes]) -> Seen:
    """Read a zip file with zipfile, which knows of no kinds and modes: those are what the attributes say where Unix wrote them."""
    seen: Seen = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            raw = raw_name(info)
            if raw in skipped or info.is_dir():
                continue
            mode = info.external_attr >> 16 if info.create_system == 3 else 0
            link = stat.S_ISLNK(mode)
            seen[plain(raw)] = Node("symlink" if link else "file", mode & 0o100 != 0 and not link, sha256(archive.read(info)))
    return seen
