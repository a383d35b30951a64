"""The journal: one line a change, only ever added to.

A line names the digest of the `packed-refs` file that its change leads to. The
last line whose digest is that of the present file is the current one: so the
rename that puts the references in place commits the line too. What stands after
it belongs to a change that was never committed.

A line ends with a digest of its own bytes, so that one which was damaged and can
still be read is told from one that was written so.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from pydeps_host.errors import DamagedError, FormatError
from pydeps_host.repository.layout import FORMAT, PACK_NAME
from pydeps_host.repository.row_codec import decode_row, decode_time, encode_row
from pydeps_host.repository.rows import VersionRow
from pydeps_host.repository.state import State
from pydeps_host.repository.superseding import Supersession, account, decode_supersession, encode_supersession
from pydeps_host.values import escape, unescape

# How a line ends: the digest is of all bytes before it.
_SEAL: Final = re.compile(rb',"sum":"([0-9a-f]{64})"\}\n')
_SEAL_BYTES: Final = len(b',"sum":""}\n') + 64

# As many as the seal in the lock's file has digits for.
_GENERATIONS: Final = 10**18

# An entry of None is one that a claimant no longer has.
ClaimChanges = Mapping[str, Mapping[str, frozenset[str] | None]]


@frozen
class JournalLine:
    """One change of a repository.

    Attributes:
        generation: The number of the state that it leads to.
        refs: The digest of the `packed-refs` file that it leads to.
        at: When it was made, as ISO 8601 text in UTC.
        rows: Versions that are new or changed, whole.
        claims: Entries that are new or changed, whole; None for one that ended.
        packs: The packs that it added, by name without a suffix.
        owner: The index that owns the project from then on, or None for no change.
        superseded: Packs that those which it added take the place of, or None.
        name: The project's name as the branch `history` tells it, in the line that records it; None in others.
    """

    generation: int
    refs: str
    at: str
    rows: tuple[VersionRow, ...] = ()
    claims: ClaimChanges = MappingProxyType({})
    packs: tuple[str, ...] = ()
    owner: str | None = None
    superseded: Supersession | None = None
    name: str | None = None


def encode_line(line: JournalLine) -> bytes:
    """Return the line's bytes: ASCII JSON, the digest of it last, and a line feed."""
    value: dict[str, Any] = {"format": FORMAT, "generation": line.generation, "refs": line.refs, "at": line.at}
    if line.name is not None:
        value["name"] = escape(line.name)
    if line.owner is not None:
        value["owner"] = escape(line.owner)
    if line.packs:
        value["packs"] = line.packs
    if line.superseded is not None:
        value["superseded"] = encode_supersession(line.superseded)
    if line.rows:
        value["rows"] = [encode_row(row) for row in line.rows]
    if line.claims:
        value["claims"] = {escape(claimant): _encode_entries(entries) for claimant, entries in line.claims.items()}
    said = json.dumps(value, separators=(",", ":")).encode("ascii").removesuffix(b"}")
    return b'%b,"sum":"%b"}\n' % (said, _digest_of(said).encode())


def line_sum(text: bytes) -> str | None:
    """Return the digest that a line ends with, unchecked; None where it has none.

    Lines that were written before lines had one are read without.
    """
    found = _SEAL.fullmatch(text[-_SEAL_BYTES:])
    return None if found is None else found[1].decode()


def decode_line(text: bytes, path: Path | str, number: int) -> JournalLine:
    """Read one whole line; errors are those of `decode_lines`."""
    try:
        value = json.loads(text)
        _check_format(value["format"], path)
        _check_sum(text)
        return _line_of(value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedError(str(path), f"line {number} is not one of a journal ({type(error).__name__})") from error


def decode_lines(data: bytes, path: Path | str, *, before: int = 0) -> list[tuple[JournalLine, int]]:
    """Read a journal, or its part after the first `before` lines.

    Returns:
        Each line with the place where it ends. A last line that was not written
        to its end, which a crash leaves behind, is none.

    Raises:
        DamagedError: A whole line is not one of a journal.
        FormatError: A line was written by a newer version of this library.
    """
    lines: list[tuple[JournalLine, int]] = []
    start = 0
    while (end := data.find(b"\n", start) + 1) > 0:
        text = data[start:end]
        # Blocks that a power failure kept from the disk are read as zeros.
        if end == len(data) and b"\0" in text:
            break
        lines.append((decode_line(text, path, before + len(lines) + 1), end))
        start = end
    return lines


def advance(since: State, lines: Iterable[tuple[JournalLine, int]], refs: str) -> State | None:
    """Return the state at the last line that leads to the references with this digest.

    Args:
        since: The state before these lines.
        lines: What `decode_lines` gave for the journal after `since`.
        refs: The digest of the present `packed-refs` file.

    Returns:
        None where neither `since` nor any line leads to it.
    """
    committed = list(lines)
    while committed and committed[-1][0].refs != refs:
        committed.pop()
    if committed:
        return _fold(since, committed)
    return since if since.refs == refs else None


def _fold(since: State, lines: list[tuple[JournalLine, int]]) -> State:
    rows = dict(since.rows)
    claims = {claimant: dict(entries) for claimant, entries in since.claims.items()}
    owner, name = since.owner, since.name
    for line, _ in lines:
        rows.update((row.text, row) for row in line.rows)
        _apply_claims(claims, line.claims)
        owner = line.owner or owner
        name = line.name or name
    last, end = lines[-1]
    return State(
        last.generation,
        last.refs,
        owner,
        MappingProxyType(rows),
        freeze_claims(claims),
        account(since.account, ((line.at, line.packs, line.superseded) for line, _ in lines)),
        since.end + end,
        since.lines + len(lines),
        name,
    )


def freeze_claims(claims: Mapping[str, Mapping[str, frozenset[str]]]) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Return the claims as they cannot be changed, without claimants that have no entry."""
    return MappingProxyType({claimant: MappingProxyType(dict(entries)) for claimant, entries in claims.items() if entries})


def _apply_claims(claims: dict[str, dict[str, frozenset[str]]], changes: ClaimChanges) -> None:
    for claimant, entries in changes.items():
        kept = claims.setdefault(claimant, {})
        for entry, versions in entries.items():
            if versions is None:
                kept.pop(entry, None)
            else:
                kept[entry] = versions


def _encode_entries(entries: Mapping[str, frozenset[str] | None]) -> dict[str, list[str] | None]:
    return {escape(entry): None if versions is None else [escape(text) for text in sorted(versions)] for entry, versions in entries.items()}


def _check_sum(text: bytes) -> None:
    if line_sum(text) not in {None, _digest_of(text[:-_SEAL_BYTES])}:
        raise ValueError("a line ends with the digest of its bytes")


def _digest_of(said: bytes) -> str:
    return hashlib.sha256(said).hexdigest()


def _line_of(value: dict[str, Any]) -> JournalLine:
    decode_time(value["at"])
    return JournalLine(
        _positive(value["generation"]),
        _digest(value["refs"]),
        value["at"],
        tuple(decode_row(row) for row in value.get("rows", ())),
        {unescape(claimant): _decode_entries(entries) for claimant, entries in value.get("claims", {}).items()},
        tuple(_pack_name(name) for name in value.get("packs", ())),
        unescape(value["owner"]) if "owner" in value else None,
        decode_supersession(value["superseded"]) if "superseded" in value else None,
        unescape(value["name"]) if "name" in value else None,
    )


def _check_format(found: object, path: Path | str) -> None:
    if found not in range(1, FORMAT + 1) or not isinstance(found, int):
        if isinstance(found, int) and found > FORMAT:
            raise FormatError(str(path), found, FORMAT)
        raise ValueError(f"{found!r} is no format")


def _positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < _GENERATIONS:
        raise ValueError("a generation is counted from 1, in 18 digits at most")
    return value


def _digest(value: str) -> str:
    if not value.startswith("sha256:"):
        raise ValueError("references are named by their SHA-256")
    return value


def _pack_name(value: str) -> str:
    if not PACK_NAME.fullmatch(value):
        raise ValueError("a pack is named by its checksum")
    return value


def _decode_entries(entries: Mapping[str, list[str] | None]) -> dict[str, frozenset[str] | None]:
    return {
        unescape(entry): None if versions is None else frozenset(unescape(text) for text in versions) for entry, versions in entries.items()
    }
