"""What `import pydeps_host` offers: sorted, typed, and made of nobody else's types."""

import inspect
import typing
from collections.abc import Iterator

import pytest

import pydeps_host
import pydeps_host.limiter

ALLOWED = {
    "builtins", "typing", "types", "collections", "collections.abc", "datetime", "enum", "os", "pathlib", "threading", "io",
    "packaging.version", "packaging.utils", "contextlib", "abc", "email.message",
}  # fmt: skip
FOREIGN = ("httpx", "httpcore", "cattrs", "cattr", "pyrate_limiter", "attr", "attrs", "click", "rich", "json5")


def members() -> Iterator[tuple[str, object]]:
    for name in pydeps_host.__all__:
        value = getattr(pydeps_host, name)
        yield name, value
        if inspect.isclass(value):
            for member, attribute in vars(value).items():
                if not member.startswith("_") or member == "__init__":
                    yield f"{name}.{member}", getattr(attribute, "__func__", getattr(attribute, "fget", attribute))


def types_in(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for argument in typing.get_args(annotation):
        if isinstance(argument, list | tuple):
            for one in argument:
                yield from types_in(one)
        else:
            yield from types_in(argument)


def test_the_names_are_sorted_and_there():
    assert pydeps_host.__all__ == sorted(pydeps_host.__all__)
    assert all(hasattr(pydeps_host, name) for name in pydeps_host.__all__)


def test_no_foreign_type_is_in_a_public_signature():
    seen = 0
    for name, value in members():
        if not callable(value) or isinstance(value, type):
            continue
        for parameter, annotation in hints_of(value).items():
            for found in types_in(annotation):
                module = found.__module__
                assert module.split(".")[0] not in FOREIGN, f"{name}({parameter}) is a {module}.{found.__name__}"
                assert module in ALLOWED or module.startswith("pydeps_host"), f"{name}({parameter}) is a {module}.{found.__name__}"
                seen += 1
    assert seen > 100


def hints_of(value: object) -> dict[str, object]:
    return typing.get_type_hints(value, localns={**vars(pydeps_host), **vars(pydeps_host.limiter)})


@pytest.mark.parametrize("name", [name for name in pydeps_host.__all__ if name != "Observer"])
def test_every_public_name_says_what_it_is(name):
    assert (getattr(pydeps_host, name).__doc__ or "").strip()


def test_every_public_method_says_what_it_does():
    silent = [
        name
        for name, value in members()
        if inspect.isfunction(value) and not name.endswith("__init__") and not (value.__doc__ or "").strip()
    ]
    assert silent == []
