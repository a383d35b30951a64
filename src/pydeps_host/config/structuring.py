"""Plain data to a `HostConfig`: cattrs with hooks that coerce nothing.

cattrs walks the fields of the values and gathers what went wrong, wherever it
went wrong; the hooks here say what a field of each kind takes.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args, get_origin

from pydeps_host.config.faults import each, fault
from pydeps_host.config.filters import Filters, Pattern
from pydeps_host.config.jsonc import Object
from pydeps_host.config.model import HostConfig, Index, OnDemand, RateLimit, Redirects, item_rule, keys_of, kind_of
from pydeps_host.config.report import at_key, problems_of, unknown_key
from pydeps_host.config.variables import read_url
from pydeps_host.dependency import Dependency
from pydeps_host.errors import ConfigError, DependencyError
from pydeps_host.values import Limits, Url, shown

if TYPE_CHECKING:
    from attrs import Attribute
    from cattrs import Converter

Hook: TypeAlias = Callable[[Any, Any], Any]

IGNORED: Final = "$schema"

# Where the variables of the configuration that is read now are looked up.
_ENVIRON: Final[ContextVar[Mapping[str, str]]] = ContextVar("environ")


def structure(data: object, *, source: str, environ: Mapping[str, str]) -> HostConfig:
    """Make a configuration of plain data.

    Raises:
        ConfigError: There are problems; it holds all of them, in the order of the data.
    """
    from cattrs.errors import BaseValidationError

    token = _ENVIRON.set(environ)
    try:
        made: HostConfig = _converter().structure(data, HostConfig)
    except (ConfigError, BaseValidationError) as error:
        problems = problems_of(error, data)
    else:
        return made
    finally:
        _ENVIRON.reset(token)
    # Raised here, where no error is being handled: a tree of cattrs' errors would hide the few lines that matter.
    raise ConfigError(source, problems)


# The hooks are made once, for it takes as long as to read hundreds of dependencies with them.
@cache
def _converter() -> "Converter":
    from cattrs import Converter

    converter = Converter(detailed_validation=True)
    for kind, take in _SCALARS.items():
        converter.register_structure_hook(kind, _scalar_hook(take))
    converter.register_structure_hook(Url, lambda value, _: read_url(_text(value), _ENVIRON.get()))
    for kind in (Limits, RateLimit, Filters, OnDemand, Index, HostConfig):
        converter.register_structure_hook(kind, _object_hook(kind, converter))
    return converter


def _scalar_hook(take: Callable[[object], object]) -> Hook:
    return lambda value, _: take(value)


# --- what each kind of value takes -------------------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _misfit(value, "a text", "put it in double quotation marks")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise _misfit(value, "true or false", "write it without quotation marks")
    return value


def _whole_number(value: object) -> int:
    if isinstance(value, float):
        raise _misfit(value, "a whole number", "write it without a decimal point and exponent, such as 50")
    if not isinstance(value, int) or isinstance(value, bool):
        raise _misfit(value, "a whole number", "write it without quotation marks, such as 50")
    # Whatever a configuration counts, it counts from one.
    if value < 1:
        raise fault("a number below 1", "write 1 or more")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _misfit(value, "a number", "write it without quotation marks, such as 57600")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _redirects(value: object) -> Redirects:
    words = [one.value for one in Redirects]
    if value not in words:
        raise fault("this is none of the words that may stand here", f"write one of {', '.join(words)}")
    return Redirects(value)


def _dependency(value: object) -> Dependency:
    try:
        return Dependency.parse(_text(value))
    except DependencyError as error:
        problem = error.problem
        raise fault(f"{shown(error.text)!r} {problem.message}", problem.remedy, place=problem.place) from None


_SCALARS: Final[dict[type, Callable[[object], object]]] = {
    str: _text,
    bool: _boolean,
    int: _whole_number,
    float: _number,
    Redirects: _redirects,
    Dependency: _dependency,
    Pattern: lambda value: Pattern.parse(_text(value)),
}


# --- lists and objects -------------------------------------------------------


def _object_hook(kind: type, converter: "Converter") -> Hook:
    from cattrs.errors import ClassValidationError
    from cattrs.gen import make_dict_structure_fn, override

    keys = keys_of(kind)
    fields: dict[str, Any] = {one.name: override(rename=key, struct_hook=_member_hook(one, converter)) for key, one in keys.items()}
    make: Hook = make_dict_structure_fn(kind, converter, **fields)

    def hook(value: object, _: object) -> object:
        if kind is Index and isinstance(value, str):
            return Index.of(converter.structure(value, Url))
        if not isinstance(value, Mapping):
            raise _misfit(value, "a text or an object" if kind is Index else "an object", "put its members into braces")
        errors = _wrong_keys(value, kind)
        try:
            made = make({key: member for key, member in value.items() if key in keys and not _is_absent(key, member)}, kind)
        except ClassValidationError as group:
            errors += group.exceptions
        else:
            if not errors:
                return made
        raise ClassValidationError("a configuration has problems", errors, kind)

    return hook


def _member_hook(member: "Attribute[Any]", converter: "Converter") -> Hook:
    """What fills one field: its kind's hook, then the field's own rules, at once rather than when all fields are there."""
    kind = kind_of(member)
    if get_origin(kind) in {tuple, frozenset}:
        return _list_hook(member, converter)
    take = converter.get_structure_hook(kind)

    def hook(value: object, _: object) -> object:
        made = take(value, kind)
        if member.validator is not None:
            member.validator(None, member, made)
        return made

    return hook


def _list_hook(member: "Attribute[Any]", converter: "Converter") -> Hook:
    rule, kind = item_rule(member), kind_of(member)
    take_item = _SCALARS.get(get_args(kind)[0])
    take = converter.get_structure_hook(kind)

    def hook(value: object, _: object) -> object:
        if not isinstance(value, list | tuple):
            raise _misfit(value, "a list", "put it into brackets")
        if rule is not None and take_item is not None:
            return each(value, lambda item: rule(take_item(item)))
        made = take(value, kind)
        if member.validator is not None:
            member.validator(None, member, made)
        return made

    return hook


def _wrong_keys(members: Mapping[Any, object], kind: type) -> list[Exception]:
    repeated = members.repeated if isinstance(members, Object) else ()
    errors: list[Exception] = [at_key(key, fault("the key stands here more than once", "keep one of them")) for key in repeated]
    known = [*keys_of(kind), *([IGNORED] if kind is HostConfig else [])]
    return errors + [at_key(key, unknown_key(key, known)) for key in members if key not in known]


def _is_absent(key: str, value: object) -> bool:
    # Sourcegraph's schema has a list or null here.
    return key == "dependencies" and value is None


def _misfit(value: object, wanted: str, remedy: str) -> ConfigError:
    # The value itself is not repeated: it may be a URL with a password that was put in the wrong place.
    if value is None:
        return fault(f"null stands where {wanted} belongs", "leave the key out to have what holds by default")
    return fault(f"{_kind(value)} stands where {wanted} belongs", remedy)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    names = {str: "a text", int: "a number", float: "a number", list: "a list", tuple: "a list", Mapping: "an object"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), f"a value of type {type(value).__name__}")
