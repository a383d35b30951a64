"""What can still be read of a journal and of references that are damaged."""

import errno
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from attrs import frozen

from pydeps_host.errors import DamagedError, DiskError
from pydeps_host.repository.disk import read_bytes
from pydeps_host.repository.journal import JournalLine, advance, decode_line, line_sum
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.references import Ref
from pydeps_host.repository.seal import Seal, read_seal
from pydeps_host.repository.state import EMPTY, State, refs_digest

_REF: Final = re.compile(rb"^([0-9a-f]{40}) (refs/(?:tags|heads)/[^\x00-\x20\x7f]+)\n(?:\^([0-9a-f]{40})\n)?", re.MULTILINE)

# What a system answers for a file whose blocks are lost, and for a folder in a file's place.
_LOST: Final = frozenset({errno.EIO, errno.EISDIR})


@frozen
class ReadLine:
    """One line of a journal, as far as it can be read.

    Attributes:
        number: Counted from 1.
        line: What it says, or None where it is damaged.
        fault: What is wrong with it, or empty.
        sum: The digest that it ends with, or None.
    """

    number: int
    line: JournalLine | None
    fault: str = ""
    sum: str | None = None


@frozen(kw_only=True)
class Salvaged:
    """What was read of a repository's state, whatever is wrong with it.

    Attributes:
        lines: Every line of the journal that was written to its end, damaged or not.
        published: How many of them belong to changes that were published, by what is left.
        packed_refs: The references' file; empty where there is none.
        seal: The last change that the lock's file tells, or None.
        state: What the readable lines of published changes give.
        refs: The references that can still be read.
        refs_are_whole: Whether the references' file is known to be one that was written here.
        refs_are_current: Whether it is the one that belongs to the last published change.
        is_whole: Whether nothing that was published is missing from `state`.
    """

    lines: tuple[ReadLine, ...]
    published: int
    packed_refs: bytes
    seal: Seal | None
    state: State
    refs: Mapping[str, Ref] = MappingProxyType({})
    refs_are_whole: bool
    refs_are_current: bool
    is_whole: bool

    @property
    def generation(self) -> int:
        """The highest generation that there ever was, as far as anything tells."""
        known = [self.seal.generation] if self.seal is not None else []
        # Each line that cannot be read was one more.
        known += [one.line.generation + len(self.lines) - one.number for one in self.lines if one.line is not None]
        return max([*known, len(self.lines)])


def salvage(layout: Layout, *, read: Callable[[Path], bytes] = read_bytes) -> Salvaged:
    """Read what is there, line by line; a damaged line costs no other.

    Args:
        layout: Where the repository is.
        read: How references and journal are read; `what_is_left` takes a lost file for an empty one.

    Raises:
        FormatError: A line was written by a newer version of this library.
        DiskError: A file cannot be read.
    """
    # The seal first: what it tells was on the disk before it. Then as every reader does.
    seal = read_seal(layout.lock)
    packed_refs = read(layout.packed_refs)
    lines = tuple(_read(read(layout.journal), layout.journal))
    digest = refs_digest(packed_refs)
    last = _last_published(lines, seal, digest)
    state = _state(lines[:last])
    sealed = seal is None or seal.generation <= state.generation
    return Salvaged(
        lines=lines,
        published=len(lines) if last is None else last,
        packed_refs=packed_refs,
        seal=seal,
        state=state,
        refs=MappingProxyType(_references(packed_refs)),
        refs_are_whole=(seal is not None and seal.refs == digest) or any(one.line is not None and one.line.refs == digest for one in lines),
        refs_are_current=last is not None and state.refs == digest,
        is_whole=last is not None and sealed and all(one.line is not None for one in lines),
    )


def what_is_left(path: Path) -> bytes:
    """Return a file's bytes; none for one that is lost for good.

    Raises:
        DiskError: It cannot be read now, and may be tomorrow.
    """
    try:
        return read_bytes(path)
    except DiskError as problem:
        if problem.errno in _LOST:
            return b""
        raise


def _read(data: bytes, path: Path) -> Iterator[ReadLine]:
    start = number = 0
    while (end := data.find(b"\n", start) + 1) > 0:
        text, start, number = data[start:end], end, number + 1
        # Blocks that a power failure kept from the disk are read as zeros.
        if end == len(data) and b"\0" in text:
            return
        try:
            line = decode_line(text, path, number)
        except DamagedError as problem:
            yield ReadLine(number, None, problem.detail)
        else:
            sum_ = line_sum(text)
            yield ReadLine(number, line, "" if sum_ else "it does not end with the digest of its bytes", sum_)


def _last_published(lines: tuple[ReadLine, ...], seal: Seal | None, refs: str) -> int | None:
    """Return the number of the last line that was published, or None where nothing tells."""
    if seal is None and not lines:
        return 0 if refs == EMPTY.refs else None
    by_refs = max((one.number for one in lines if one.line is not None and one.line.refs == refs), default=0)
    if seal is not None:
        by_seal = max((one.number for one in lines if one.sum == seal.sum), default=0)
        if by_seal > by_refs:
            # A seal may be older than the journal: whether a line after it was published only the references could tell.
            return by_seal if by_seal == len(lines) else None
    return by_refs or (0 if refs == EMPTY.refs and seal is None else None)


def _state(published: Sequence[ReadLine]) -> State:
    lines = [(one.line, 0) for one in published if one.line is not None]
    if not lines:
        return EMPTY
    # Whether it is the current one was found out before.
    return advance(EMPTY, lines, lines[-1][0].refs) or EMPTY


def _references(packed_refs: bytes) -> dict[str, Ref]:
    refs: dict[str, Ref] = {}
    for found in _REF.finditer(packed_refs):
        try:
            name = found[2].decode()
        except UnicodeDecodeError:
            continue
        refs[name] = Ref(bytes.fromhex(found[1].decode()), bytes.fromhex(found[3].decode()) if found[3] else None)
    return refs
