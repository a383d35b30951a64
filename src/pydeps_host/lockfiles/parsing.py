"""Bytes of a stranger's file to text, and text to plain data, within bounds."""

import codecs
import json
import re
import tomllib
from typing import Final

from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles.member import WRITE_ANEW
from pydeps_host.lockfiles.values import LockLimits
from pydeps_host.values import shown

_TOKEN = re.compile(r"[\[{,=]")
# tomllib takes time quadratic in the parts of one dotted key; no lock file has more than a few.
_MOST_PARTS: Final = 64
_LONG_KEY = re.compile(
    rf"(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}",
)
_TOML_PLACE = re.compile(r"\s*\(at (?P<place>[^()]*)\)$")
# pip reads any of these (its documentation, "Requirements file encoding"); shells on Windows write UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes, path: str, place: str = "") -> str:
    """Return the text of a file: UTF-8, or what its byte order mark says, without the mark.

    Args:
        data: The file's bytes.
        path: What errors call it.
        place: What stands before the line in an error's place.

    Raises:
        LockfileError: It is not in that encoding, or holds a NUL.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise LockfileError(path, f"{place}line {line}", "malformed", f"it is not {encoding.upper()}", "save it as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LockfileError(path, f"{place}line {line}", "malformed", "it holds a NUL", WRITE_ANEW)
    return text


def parse_toml(text: str, path: str, limits: LockLimits) -> dict[str, object]:
    """Read TOML.

    Raises:
        LockfileError: It is none, has more tokens than `limits` allow, or values too deep in one another.
    """
    _count(text, path, limits)
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise LockfileError(path, f"line {line}", "limit", f"a key has more than {_MOST_PARTS} parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        said = str(problem)
    except ValueError as problem:
        # A whole number of more digits than Python reads.
        said = str(problem).partition(";")[0]
    except RecursionError:
        said = "values stand in one another too deeply"
    place = _TOML_PLACE.search(said)
    message = f"it is no TOML: {shown(_TOML_PLACE.sub('', said))}"
    raise LockfileError(path, place["place"] if place else "", "malformed", message, WRITE_ANEW)


def parse_json(text: str, path: str, limits: LockLimits) -> object:
    """Read JSON.

    Raises:
        LockfileError: It is none, has more tokens than `limits` allow, or values too deep in one another.
    """
    _count(text, path, limits)
    place = ""
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        place, said = f"line {problem.lineno}, column {problem.colno}", problem.msg
    except ValueError as problem:
        said = str(problem).partition(";")[0]
    except RecursionError:
        said = "values stand in one another too deeply"
    raise LockfileError(path, place, "malformed", f"it is no JSON: {shown(said)}", WRITE_ANEW)


def _count(text: str, path: str, limits: LockLimits) -> None:
    tokens = sum(1 for _ in _TOKEN.finditer(text))
    if tokens > limits.tokens:
        message = f"it has {tokens} values, {limits.tokens} are allowed"
        raise LockfileError(path, "", "limit", message, "check that it is the lock file that is meant")
