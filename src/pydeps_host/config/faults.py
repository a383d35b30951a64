"""How a rule of the configuration says that it is broken."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydeps_host.errors import ConfigError, Problem

Taken = TypeVar("Taken")
Made = TypeVar("Made")


def fault(message: str, remedy: str, *, place: str = "") -> ConfigError:
    """Return the error of one problem, to be raised.

    Whoever knows where the value stands puts the way to it before `place`.
    """
    return ConfigError("configuration", (Problem(place, message, remedy),))


def below(place: str, problem: Problem) -> Problem:
    """Return `problem` as it is seen from one level further out."""
    joint = "." if place and problem.place and not problem.place.startswith("[") else ""
    return Problem(f"{place}{joint}{problem.place}", problem.message, problem.remedy)


def each(items: Iterable[Taken], rule: Callable[[Taken], Made]) -> tuple[Made, ...]:
    """Apply `rule` to every item, and report every item that breaks it, each with its place.

    Raises:
        ConfigError: The rule raised one, for one item at least; or a lone text stands
            where its letters would be taken for the items.
    """
    if isinstance(items, str):
        raise fault("a text stands where a list belongs", "put it into brackets")
    made: list[Made] = []
    problems: list[Problem] = []
    for number, item in enumerate(items):
        try:
            made.append(rule(item))
        except ConfigError as error:
            problems += [below(f"[{number}]", problem) for problem in error.problems]
    if problems:
        raise ConfigError("configuration", tuple(problems))
    return tuple(made)
