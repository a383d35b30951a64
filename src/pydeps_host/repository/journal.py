"""The journal: one line a change, only ever added to.

A line names the digest of the `packed-refs` file that its change leads to. The
last line whose digest is that of the present file is the current one: so the
rename that puts the references in place commits the line too. What stands after
it belongs to a change that was never committed.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import frozen

from pydeps_host.errors import DamagedError, FormatError
from pydeps_host.repository.layout import FORMAT, PACK_NAME
from pydeps_host.repository.row_codec import decode_row, encode_row
from pydeps_host.repository.rows import VersionRow
from pydeps_host.repository.state import State
from pydeps_host.values import escape, unescape

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
    """

    generation: int
    refs: str
    at: str
    rows: tuple[VersionRow, ...] = ()
    claims: ClaimChanges = MappingProxyType({})
    packs: tuple[str, ...] = ()
    owner: str | None = None


def encode_line(line: JournalLine) -> bytes:
    """Return the line's bytes: ASCII JSON and a line feed."""
    value: dict[str, Any] = {"format": FORMAT, "generation": line.generation, "refs": line.refs, "at": line.at}
    if line.owner is not None:
        value["owner"] = escape(line.owner)
    if line.packs:
        value["packs"] = line.packs
    if line.rows:
        value["rows"] = [encode_row(row) for row in line.rows]
    if line.claims:
        value["claims"] = {escape(claimant): _encode_entries(entries) for claimant, entries in line.claims.items()}
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def decode_lines(data: bytes, path: Path, *, before: int = 0) -> list[tuple[JournalLine, int]]:
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
        lines.append((_decode_line(text, path, before + len(lines) + 1), end))
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
    packs = set(since.packs)
    owner = since.owner
    for line, _ in lines:
        rows.update((row.text, row) for row in line.rows)
        _apply_claims(claims, line.claims)
        packs.update(line.packs)
        owner = line.owner or owner
    last, end = lines[-1]
    return State(
        last.generation,
        last.refs,
        owner,
        MappingProxyType(rows),
        freeze_claims(claims),
        frozenset(packs),
        since.end + end,
        since.lines + len(lines),
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


def _decode_line(text: bytes, path: Path, number: int) -> JournalLine:
    try:
        value = json.loads(text)
        _check_format(value["format"], path)
        datetime.fromisoformat(value["at"])
        return JournalLine(
            _positive(value["generation"]),
            _digest(value["refs"]),
            value["at"],
            tuple(decode_row(row) for row in value.get("rows", ())),
            {unescape(claimant): _decode_entries(entries) for claimant, entries in value.get("claims", {}).items()},
            tuple(_pack_name(name) for name in value.get("packs", ())),
            unescape(value["owner"]) if "owner" in value else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedError(str(path), f"line {number} is not one of a journal ({type(error).__name__})") from error


def _check_format(found: object, path: Path) -> None:
    if found not in range(1, FORMAT + 1) or not isinstance(found, int):
        if isinstance(found, int) and found > FORMAT:
            raise FormatError(str(path), found, FORMAT)
        raise ValueError(f"{found!r} is no format")


def _positive(value: object) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError("a generation is counted from 1")
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
