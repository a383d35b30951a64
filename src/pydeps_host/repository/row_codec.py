"""Rows to JSON values and back.

Text from outside is escaped, what is at its default is left out, and keys that
are not known are passed over, so that a later release can add some.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydeps_host.git import parse_id
from pydeps_host.repository.rows import RowError, Status, VersionRow, VersionTag
from pydeps_host.values import Digest, NotedMember, escape, unescape

Json = dict[str, Any]

# As a name stands in `packed-refs`.
_TAG_NAME: Final = re.compile(r"[^\x00-\x20\x7f]+")
_SECONDS: Final = range(2**63)
_YEARS: Final = range(1970, 9000)


def encode_row(row: VersionRow) -> Json:
    """Return the JSON object of a row."""
    values = {
        "index": escape(row.index),
        "filename": escape(row.filename),
        "size": row.size,
        "sha256": row.sha256,
        "digests": [str(digest) for digest in row.digests],
        "uploadTime": _encode_time(row.upload_time),
        "date": row.date,
        "policy": row.policy,
        "yanked": row.yanked or None,
        "commit": row.commit,
        "tree": row.tree,
        "modules": None if row.modules is None else [escape(module) for module in row.modules],
        "tags": [[tag.name, tag.id] for tag in row.tags],
        "skipped": dict(row.skipped),
        "skips": [[skip.reason, skip.path, skip.offset] for skip in row.skips],
        "setAside": [[escape(filename), escape(reason)] for filename, reason in row.set_aside],
        "error": _encode_error(row.error),
        "attempts": row.attempts or None,
        "retryAfter": _encode_time(row.retry_after),
    }
    known = {key: value for key, value in values.items() if value not in (None, "", [], {}) or (key == "modules" and value is not None)}
    return {"text": escape(row.text), "status": row.status.value, **known}


def decode_row(value: Json) -> VersionRow:
    """Read a row.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is none.
    """
    found = {name: decode(value[key]) for key, (name, decode) in _FIELDS.items() if key in value}
    row = VersionRow(unescape(value["text"]), Status(value["status"]), **found)
    if row.is_published and not (row.commit and row.tags):
        raise ValueError("a published version has a commit and tags")
    return row


def decode_time(text: str) -> datetime:
    """Read a time of this machine's clock.

    Raises:
        ValueError, TypeError: It is none, it has no zone, or it is too far off to be reckoned with.
    """
    time = _time(text)
    if time.year not in _YEARS:
        raise ValueError("a time is of the years from 1970 on, and before 9000")
    return time


def _encode_time(time: datetime | None) -> str | None:
    if time is None:
        return None
    # A time without a zone is taken for UTC: this machine's zone must decide nothing.
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _encode_error(error: RowError | None) -> Json | None:
    if error is None:
        return None
    return {"type": error.type, "code": error.code, "message": escape(error.message), "retryable": error.retryable}


def _decode_error(value: Json) -> RowError:
    return RowError(_text(value["type"]), _text(value["code"]), unescape(value["message"]), _boolean(value["retryable"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number was expected")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false was expected")
    return value


def _noted(value: list[tuple[object, object, object]]) -> tuple[NotedMember, ...]:
    # A path was escaped before it came into the row, and stays so.
    return tuple(NotedMember(_text(reason), _text(path), None if place is None else _integer(place)) for reason, path, place in value)


def _modules(value: list[str]) -> tuple[str, ...]:
    return tuple(unescape(_text(module)) for module in value)


def _escaped_pairs(value: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((unescape(first), unescape(second)) for first, second in value)


def _tags(value: list[list[str]]) -> tuple[VersionTag, ...]:
    return tuple(VersionTag(_tag_name(name), _object(tag_id)) for name, tag_id in value)


def _tag_name(value: str) -> str:
    if not _TAG_NAME.fullmatch(value):
        raise ValueError("no reference can have the name")
    # A lone surrogate, which JSON can hold, is an error here and not when the references are written.
    value.encode()
    return value


def _object(value: str) -> str:
    return parse_id(value).hex()


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time has a zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time is of the years 1 to 9999") from None


def _date(value: object) -> int:
    seconds = _integer(value)
    if seconds not in _SECONDS:
        raise ValueError("a commit's date is counted from 1970")
    return seconds


def _hexadecimal(value: str) -> str:
    bytes.fromhex(value)
    return value


def _counts(value: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    return tuple((reason, _integer(count)) for reason, count in value.items())


def _digests(value: list[str]) -> tuple[Digest, ...]:
    return tuple(Digest.parse(text) for text in value)


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "index": ("index", unescape),
    "filename": ("filename", unescape),
    "size": ("size", _integer),
    "sha256": ("sha256", _hexadecimal),
    "digests": ("digests", _digests),
    "uploadTime": ("upload_time", _time),
    "date": ("date", _date),
    "policy": ("policy", _text),
    "yanked": ("yanked", _boolean),
    "commit": ("commit", _object),
    "tree": ("tree", _object),
    "modules": ("modules", _modules),
    "tags": ("tags", _tags),
    "skipped": ("skipped", _counts),
    "skips": ("skips", _noted),
    "setAside": ("set_aside", _escaped_pairs),
    "error": ("error", _decode_error),
    "attempts": ("attempts", _integer),
    "retryAfter": ("retry_after", decode_time),
}
