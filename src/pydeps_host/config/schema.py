"""The configuration's rules as a JSON Schema, for editors and for programs in other languages.

Keys, types and defaults are those of the values' fields. What a field's rule
adds is written here once more, in the patterns that JSON Schema shares with
every language's regular expressions; a test holds both to the same verdicts,
but for the rules that docs/configuration.md lists as beyond a schema.
"""

import sys
from copy import deepcopy
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args

from attrs import NOTHING, Factory, has

from pydeps_host.config.filters import Filters, Pattern
from pydeps_host.config.meanings import MEANINGS
from pydeps_host.config.model import COMMAND, LOCK_FILE, ON_DEMAND, HostConfig, Index, OnDemand, RateLimit, Redirects, keys_of, kind_of
from pydeps_host.config.structuring import IGNORED
from pydeps_host.dependency import Dependency
from pydeps_host.values import Url

if TYPE_CHECKING:
    from attrs import Attribute

Schema: TypeAlias = dict[str, Any]

_VARIABLE: Final = r"[$]\{[A-Za-z_][A-Za-z0-9_]*\}"
_CONTROLS: Final = r"\u0000-\u001f\u007f-\u009f"
# A scheme in any case, then no fragment, space or control character; a `${` begins a variable. Or a variable alone.
_URL: Final[Schema] = {
    "type": "string",
    "pattern": rf"^(?:(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ff][Ii][Ll][Ee]:/)(?:[^$# {_CONTROLS}]|[$](?!\{{)|{_VARIABLE})*|{_VARIABLE})$",
}
_NAME: Final[Schema] = {"minLength": 1, "not": {"pattern": f"^ | $|[{_CONTROLS}]"}}

_PROJECTS: Final = r"[A-Za-z0-9*?](?:[A-Za-z0-9._*?-]*[A-Za-z0-9*?])?"

_TYPES: Final[dict[type, Schema]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": 1},
    float: {"type": "number", "minimum": 0, "maximum": sys.float_info.max},
    Redirects: {"enum": [one.value for one in Redirects]},
    Url: _URL,
    Dependency: {"type": "string", "maxLength": 65_536, "pattern": r"^[\s\u001c-\u001f\u0085]*[A-Za-z0-9]"},
    Pattern: {"type": "string", "maxLength": 1024, "pattern": rf"^ *{_PROJECTS} *(?:[=<>!~][^\n]*)?$"},
}
# What the rules of single keys add to their types, and to those of their lists' items.
_KEYS: Final[dict[tuple[type, str], Schema]] = {
    (Filters, "allow"): {"minItems": 1},
    (HostConfig, "urls"): {"minItems": 1},
    (HostConfig, "dependencies"): {"type": ["array", "null"]},
    (HostConfig, "id"): {**_NAME, "not": {"anyOf": [_NAME["not"], {"enum": [COMMAND, ON_DEMAND]}, {"pattern": f"^{LOCK_FILE}"}]}},
    (Index, "name"): _NAME,
}
_ITEMS: Final[dict[tuple[type, str], Schema]] = {
    (Index, "projects"): {"pattern": f"^{_PROJECTS}$"},
    (HostConfig, "lockfiles"): {"pattern": r"^[^\u0000-\u001f\u007f]+$"},
    (OnDemand, "allow"): {"pattern": f"^{_PROJECTS}$"},
    (Index, "absentStatus"): {"minimum": 400, "maximum": 499, "not": {"enum": [408, 429]}},
    (Index, "allowedHosts"): {"pattern": f"^[^/?#@ {_CONTROLS}]+$"},
}
_OBJECTS: Final[dict[type, Schema]] = {
    RateLimit: {
        "if": {"properties": {"enabled": {"const": False}}, "required": ["enabled"]},
        "else": {"properties": {"requestsPerHour": {"exclusiveMinimum": 0}}},
    },
}


def schema() -> Schema:
    """Return the schema (JSON Schema 2020-12) of a configuration's data."""
    made: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of pydeps-host",
        "description": "Which indexes to ask, which projects and releases to bring, and how fast.",
        # Not of the standard: editors that know them take the dialect that is read.
        "allowComments": True,
        "allowTrailingCommas": True,
        **_object(HostConfig),
    }
    # Whoever asks may change what is got.
    return deepcopy(made)


def _object(kind: type) -> Schema:
    keys = keys_of(kind)
    properties = {key: _member(kind, key, one) for key, one in keys.items()}
    if kind is HostConfig:
        properties[IGNORED] = {"description": _text(kind, IGNORED)}
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key, one in keys.items() if one.default is NOTHING],
        "additionalProperties": False,
        **_OBJECTS.get(kind, {}),
    }


def _member(kind: type, key: str, member: "Attribute[Any]") -> Schema:
    examples = MEANINGS[kind][key].examples
    return {
        "description": _text(kind, key),
        **_type(kind_of(member), (kind, key)),
        **_KEYS.get((kind, key), {}),
        **_default(member.default),
        **({"examples": list(examples)} if examples else {}),
    }


def _text(kind: type, key: str) -> str:
    return MEANINGS[kind][key].text


def _type(kind: Any, place: tuple[type, str]) -> Schema:
    if items := get_args(kind):
        return {"type": "array", "items": {**_type(items[0], place), **_ITEMS.get(place, {})}}
    if kind is Index:
        return {"anyOf": [_URL, _object(Index)]}
    return _object(kind) if kind not in _TYPES and has(kind) else _TYPES[kind]


def _default(default: Any) -> Schema:
    """The default as JSON, where it is one value for all; a nested object has the defaults of its members."""
    if default is NOTHING or default is None:
        return {}
    if isinstance(default, Factory):  # type: ignore[arg-type]  # attrs shows this class to checkers as a function.
        return {} if default.takes_self else {"default": {}}
    match default:
        case Enum():
            return {"default": default.value}
        case tuple() | frozenset():
            return {"default": list(default)}
        case _:
            return {"default": default}
