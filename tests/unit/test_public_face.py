"""What `import pydeps_host` offers: sorted, typed, and made of nobody else's types."""

import ast
import inspect
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import pydeps_host
import pydeps_host.limiter

ALLOWED = {
    "builtins", "typing", "types", "collections", "collections.abc", "datetime", "enum", "os", "pathlib", "pathlib._local", "threading",
    "io", "packaging.version", "packaging.utils", "contextlib", "abc", "email.message",
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
    public = {name: getattr(pydeps_host, name) for name in pydeps_host.__all__}
    return typing.get_type_hints(value, localns={**public, **vars(pydeps_host.limiter)})


def test_every_name_is_loaded_from_where_type_checkers_read_it():
    tree = ast.parse(Path(pydeps_host.__file__).read_text(encoding="utf-8"))
    (checked,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    assert {f"pydeps_host.{room}": names for room, names in pydeps_host._NAMES_OF.items()} == {
        node.module: tuple(alias.name for alias in node.names) for node in imports
    }
    assert sorted(name for names in pydeps_host._NAMES_OF.values() for name in names) == pydeps_host.__all__


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_nothing_is_loaded_before_it_is_used():
    ours = "sorted(name for name in sys.modules if name.startswith(('pydeps_host', 'attr', 'packaging')))"
    assert run(f"import sys, pydeps_host; print({ours})") == "['pydeps_host']\n"
    loaded = run(f"import sys, pydeps_host; pydeps_host.HostConfig; print({ours})")
    assert "pydeps_host.config" in loaded
    assert "pydeps_host.host" not in loaded


@pytest.mark.parametrize(
    "program",
    [
        "from pydeps_host import *; print(Host.__name__, Url.__name__, __name__)",
        "import pydeps_host; print(pydeps_host.errors.HostError is pydeps_host.HostError, pydeps_host.events.Event.__name__)",
        "import pydeps_host; print(pydeps_host.HostConfig is pydeps_host.HostConfig, 'HostConfig' in vars(pydeps_host))",
        "from pydeps_host import git, events; print(git.PackWriter, events.ignore)",
        "import pickle, pydeps_host; print(pickle.loads(pickle.dumps(pydeps_host.Redirects.REFUSE)))",
        "import pydeps_host; print({*pydeps_host.__all__, 'errors', '__version__'} <= {*dir(pydeps_host)})",
    ],
)
def test_names_that_load_at_first_use_behave_as_any_other(program):
    assert "False" not in run(program)


def test_a_name_that_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'pydeps_host' has no attribute 'Hots'"):
        pydeps_host.Hots  # type: ignore[attr-defined]  # noqa: B018  # It is read for what it raises.
    with pytest.raises(ImportError, match="Hots"):
        from pydeps_host import Hots  # type: ignore[attr-defined]  # noqa: F401  # As above.


def test_every_public_name_is_in_the_typed_uses():
    uses = " ".join(path.read_text(encoding="utf-8") for path in (Path(__file__).parents[1] / "typing").glob("*.py"))
    assert [name for name in pydeps_host.__all__ if not re.search(rf"\b{name}\b", uses)] == []


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
