"""The tree of errors that cattrs gathers to problems with places, in the order of the text."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from attrs import field, frozen

from pydeps_host.config.faults import below, fault
from pydeps_host.config.model import key_of
from pydeps_host.errors import ConfigError, Problem
from pydeps_host.values import shown

# Keys and numbers of items, from the outermost.
Path: TypeAlias = tuple[str | int, ...]
Error = TypeVar("Error", bound=Exception)

_MISSING: Final = {
    "urls": 'write the index to ask, such as `"urls": ["https://packages.example.com/simple"]`',
    "url": 'write the URL of the index, such as `"url": "https://packages.example.com/simple"`',
}


def problems_of(error: Exception, data: object) -> tuple[Problem, ...]:
    """Return every problem below `error`, which arose while `data` was structured."""
    text = _Text(data)
    found = sorted(_leaves(error, ()), key=lambda one: text.position((*one[0], one[1].place) if one[1].place else one[0]))
    return tuple(below(_place(path), problem) for path, problem in found)


def at_key(key: object, error: Error) -> Error:
    """Note that `error` arose at a key, as cattrs does for a field."""
    from cattrs.errors import IterableValidationNote

    # A mapping of Python's may have keys of any type.
    error.add_note(IterableValidationNote("at a key", key if isinstance(key, str) else f"a key of type {type(key).__name__}", object))
    return error


def unknown_key(key: object, known: Sequence[str]) -> ConfigError:
    """Return the error of a key that is none of `known`; it names the nearest one."""
    near = _nearest(key, known) if isinstance(key, str) else None
    return fault("there is no such key", f"write `{near}`, if that is meant" if near else f"the keys here are {', '.join(known)}")


def _nearest(key: str, known: Sequence[str]) -> str | None:
    spelled = {_plain(one): one for one in known}
    found = difflib.get_close_matches(_plain(key), spelled, n=1)
    return spelled[found[0]] if found else None


def _plain(key: str) -> str:
    return re.sub("[^a-z]", "", key.lower())


def _leaves(error: Exception, path: Path) -> Iterator[tuple[Path, Problem]]:
    from cattrs.errors import BaseValidationError

    match error:
        case ConfigError():
            yield from ((path, problem) for problem in error.problems)
        case BaseValidationError():
            for one in error.exceptions:
                yield from _leaves(one, path + _step(one))
        case KeyError():
            yield path, Problem("", "the key is missing", _MISSING[str(error.args[0])])
        case _:
            raise error


def _step(error: Exception) -> Path:
    """Where in its list or object the error arose, as a note on it says."""
    from cattrs.errors import AttributeValidationNote, IterableValidationNote

    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (key_of(note.name),)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()


@frozen
class _Text:
    """The data, asked for the order of its parts."""

    data: object
    # By identity, made once an object: a wrong file may have a hundred thousand unknown keys.
    _orders: dict[int, dict[object, int]] = field(factory=dict)

    def position(self, path: Path) -> tuple[int, ...]:
        """Where a path leads, to sort by; a missing key comes after those that are there."""
        data, position = self.data, []
        for step in path:
            if isinstance(data, Mapping):
                order = self._order(data)
                position.append(order.get(step, len(order)))
                data = data.get(step)
            elif isinstance(data, list | tuple) and isinstance(step, int):
                position.append(step)
                data = data[step]
        return tuple(position)

    def _order(self, members: Mapping[object, object]) -> dict[object, int]:
        if id(members) not in self._orders:
            self._orders[id(members)] = {key: number for number, key in enumerate(members)}
        return self._orders[id(members)]


def _place(path: Path) -> str:
    place = ""
    for step in path:
        place += f"[{step}]" if isinstance(step, int) else f"{'.' if place else ''}{_key(step)}"
    return place


def _key(key: str) -> str:
    # Somebody may have put a URL in the place of a key. Masked first: cut, it would not be known by its @.
    return shown(re.sub(r"://\S+", "://****", key))
