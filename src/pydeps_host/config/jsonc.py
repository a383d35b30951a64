"""JSON with comments and trailing commas: text to plain data.

The standard library parses. Before it does, comments and trailing commas are
overwritten with spaces, so that every position it reports is one of the text
as it was written. That is all there is to the dialect, it is sixty times as
fast as a parser of JSON5 in Python, and nothing beyond the dialect is taken.
"""

import json
import re
from collections import Counter
from typing import Final, TypeAlias

from pydeps_host.errors import ConfigError, Problem

# A string that does not end stays as it is: the parser says so, with its place.
_STRING: Final = r'"[^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+"?'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*(?:.*?\*/|(?P<endless>.*))", re.DOTALL)
# `[,]`, `{{,}}` and `[1,,]` hold no trailing comma: their first two alternatives keep them as they are.
_TRAILING_COMMA = re.compile(rf"{_STRING}|[\[{{:,][ \t\r\n]*,|(?P<trailing>,)(?=[ \t\r\n]*[\]}}])", re.DOTALL)
# Python refuses to read longer whole numbers, with an error of its own.
_LONGEST_NUMBER: Final = 4000

Data: TypeAlias = "Object | list[Data] | str | int | float | bool | None"


class Object(dict[str, "Data"]):
    """An object of the text; the last of equal keys wins.

    Attributes:
        repeated: Keys that stand in it more than once.
    """

    repeated: tuple[str, ...] = ()


def parse(text: str, *, source: str) -> Data:
    """Read one value; `NaN` and `Infinity` are read as numbers, for a rule to refuse at their place.

    Raises:
        ConfigError: The text is not JSON with comments; the problem has line and column.
    """
    text = text.removeprefix("\ufeff")
    problem = _endless_comment(text)
    if problem is None:
        try:
            data: Data = json.loads(_plain(text), object_pairs_hook=_object, parse_int=_integer)
        except json.JSONDecodeError as error:
            problem = Problem(_place(text, error.pos), error.msg[:1].lower() + error.msg[1:].removesuffix(" at"), _remedy(text, error.pos))
        except RecursionError:
            problem = Problem("", "lists and objects stand in one another too deeply", "four levels are all that a configuration has")
        else:
            return data
    # Raised here, where no error is being handled: the parser's holds the whole text, passwords included.
    raise ConfigError(source, (problem,))


def _plain(text: str) -> str:
    without_comments = _COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else _blank(found[0]), text)
    return _TRAILING_COMMA.sub(lambda found: " " if found["trailing"] else found[0], without_comments)


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def _endless_comment(text: str) -> Problem | None:
    for found in _COMMENT.finditer(text):
        if found["endless"] is not None:
            return Problem(_place(text, found.start()), "a comment begins and does not end", "end it with `*/`")
    return None


def _object(pairs: list[tuple[str, Data]]) -> Object:
    members = Object(pairs)
    if len(members) < len(pairs):
        members.repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return members


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _remedy(text: str, position: int) -> str:
    # At most one character is looked at, and none is repeated: it may belong to a secret.
    match text[position : position + 1]:
        case "":
            return "close every brace, bracket and quotation mark"
        case '"':
            return "look for a comma or a colon missing before it, or a quotation mark after it"
        case "'":
            return "write texts in double quotation marks"
        case "\\":
            return 'write a backslash twice, and `\\"` for a quotation mark'
        case "," | "]" | "}":
            return "look for a value missing before it, or a comma too many"
        case character if character.isalpha():
            return "write keys and texts in double quotation marks, and true, false, null without them"
        case _:
            return "JSON with comments and trailing commas belongs here"
