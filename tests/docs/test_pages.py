"""What the pages say of the code is what the code says."""

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pydeps_host
from examples import blocks
from pydeps_host import Outcome, ProjectReport, Status, SyncReport, VersionReport, errors, events
from pydeps_host.cli import command
from pydeps_host.resolver import SetAside
from pydeps_host.simple_api import SkippedEntry, Unusable
from pydeps_host.values import NotedMember

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = Path(pydeps_host.__file__).parent
PAGES = sorted([ROOT / "README.md", *DOCS.glob("**/*.md")])


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of every table's rows, without backquotes; heads and rules among them."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[*(cell.strip().strip("`") for cell in line.strip("|").split("|")), ""] for line in lines]


def all_errors(root: type[errors.HostError]) -> Iterator[type[errors.HostError]]:
    for kind in root.__subclasses__():
        if kind.__module__.startswith(errors.__name__):
            yield kind
            yield from all_errors(kind)


def branch_of(kind: type[errors.HostError]) -> str:
    return kind.__mro__[kind.__mro__.index(errors.HostError) - 1].__name__


# --- errors ---


def test_the_table_of_errors_has_every_class_with_its_code_in_its_branch():
    told: dict[str, tuple[str, ...]] = {}
    asked = {row[1].lower(): row[0] for row in rows(errors.__doc__ or "") if row[0] in vars(errors)}
    for section in page("errors.md").split("\n### ")[1:]:
        question = section.partition("?")[0].lower()
        branch = next(name for whole, name in asked.items() if whole.startswith(question))
        told |= {row[0]: (branch, row[1], row[2]) for row in rows(section) if row[0] in vars(errors)}
    assert told == {kind.__name__: (branch_of(kind), kind.code, "yes" if kind.retryable else "no") for kind in all_errors(errors.HostError)}


def test_each_branch_asks_the_question_that_the_code_asks():
    asked = {row[0]: row[1] for row in rows(errors.__doc__ or "") if row[0] in vars(errors)}
    assert asked == {row[0]: row[1] for row in rows(page("errors.md").partition("## All of them")[0]) if row[0] in vars(errors)}
    assert set(asked) == {branch_of(kind) for kind in all_errors(errors.HostError)}


# --- rooms ---


def test_the_table_of_rooms_names_every_room_below_those_that_it_imports():
    told = [room for room, *_ in rows(page("how-it-works.md").partition("## Rooms")[2])[2:]]
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(told) == there - {"__init__", "__main__"}
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            other = (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else [""]
            if room in told and other[0] == "pydeps_host" and len(other) > 1 and other[1] != room:
                assert told.index(other[1]) < told.index(room), (room, other[1])


def test_the_picture_of_rooms_shows_every_room():
    told = [room for room, *_ in rows(page("how-it-works.md").partition("## Rooms")[2])[2:]]
    drawn = re.findall(r'font-weight="600"[^>]*>([a-z_]+)<', (DOCS / "images" / "rooms.svg").read_text(encoding="utf-8"))
    assert sorted(drawn) == sorted(told)


# --- the command ---


def test_the_table_of_options_has_every_option_of_every_command():
    there: dict[str, set[str]] = {}
    for name, one in command.commands.items():
        for parameter in one.params:
            if parameter.param_type_name == "option" and "--help" not in parameter.opts:
                there.setdefault(next(word for word in parameter.opts if word.startswith("--")), set()).add(name)
    told = {row[0].split()[0]: set(row[1].replace("`", "").split(", ")) for row in rows(page("command.md")) if re.match("--[a-z]", row[0])}
    assert {option: set(command.commands) if of == {"all"} else of for option, of in told.items()} == there


def test_the_table_of_commands_has_every_command():
    for text in (page("command.md"), (ROOT / "README.md").read_text(encoding="utf-8")):
        assert set(re.findall(r"^\| `pydeps-host (\w+)", text, re.MULTILINE)) == set(command.commands)


# --- JSON lines ---


def keys(value: object) -> object:
    """The keys of a JSON value, all the way down; of a list those of its first item."""
    match value:
        case dict():
            return {key: keys(one) for key, one in value.items() if key != "skipped"} | ({"skipped": None} if "skipped" in value else {})
        case [first, *_]:
            return [keys(first)]
        case _:
            return None


def test_a_line_of_json_has_the_fields_that_the_page_shows():
    project, summary = (json.loads(block.text) for block in blocks(page("json.md")) if block.language == "json")
    version = VersionReport(version="1.0", status=Status.ADDED, tag="v1.0", skips=(NotedMember("dot-git", "x"),), set_aside=(("x", "y"),))
    url = pydeps_host.Url.parse("https://packages.example.com/simple/requests/")
    tried = (pydeps_host.Tried(url, Outcome.FOUND),)
    assert keys(ProjectReport(name="x", tried=tried, versions=(version,)).to_json()) == keys(project)
    assert keys(SyncReport(()).to_json()) == keys(summary)


def test_the_page_on_json_names_every_outcome_and_every_status():
    said = {row[0]: set(re.findall(r"[a-z]+(?:-[a-z]+)*", row[1])) for row in rows(page("json.md")) if len(row) > 1}
    assert {outcome.value for outcome in Outcome} <= said["tried"]
    assert {status.value for status in Status} <= said["versions[].status"]


# --- the reference ---


def documented() -> set[str]:
    found = set()
    for path in DOCS.glob("api/*.md"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"^\.\. auto(?:class|function|exception):: (\S+)", text, re.MULTILINE))
        for module in re.findall(r"^\.\. automodule:: (\S+)", text, re.MULTILINE):
            loaded = importlib.import_module(module)
            own = {name for name, value in vars(loaded).items() if inspect.isclass(value) and value.__module__ == module}
            found |= {f"{module}.{name}" for name in getattr(loaded, "__all__", own) if inspect.isclass(getattr(loaded, name))}
    return found


def test_the_reference_has_every_public_name():
    names = {name.rpartition(".")[2] for name in documented()} | {"Observer"}
    assert set(pydeps_host.__all__) <= names
    assert {name for name, value in vars(events).items() if inspect.isclass(value) and value.__module__ == events.__name__} <= names


@pytest.mark.parametrize("name", sorted(documented()))
def test_what_the_reference_names_is_there_and_says_what_it_is(name):
    module, _, last = name.rpartition(".")
    assert (getattr(importlib.import_module(module), last).__doc__ or "").strip()


# --- links ---


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#{1,6} (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        aim = (path.parent / place).resolve() if place else path
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim.read_text(encoding="utf-8")), target


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for path in DOCS.glob("**/*.md"):
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            listed |= {(path.parent / f"{line}.md").resolve() for line in tree.splitlines() if line and not line.startswith(":")}
    assert listed | {(DOCS / "index.md").resolve()} == {path.resolve() for path in DOCS.glob("**/*.md")}


# --- indexes ---


def test_every_outcome_and_every_reason_to_leave_something_out_is_told():
    told = page("indexes.md")
    outcomes = {row[0] for row in rows(told.partition("## What an answer means")[2].partition("\n## ")[0])}
    # What TLS and proxies say is told with them.
    elsewhere = {"untrusted-certificate", "client-certificate-required", "proxy-authentication-required"}
    assert {one.value for one in Outcome} - elsewhere <= outcomes
    left_out = {row[0] for row in rows(told.partition("## What is left out")[2].partition("\n## ")[0])}
    stated = re.findall(r"`([a-z-]+)`", f"{inspect.getdoc(SetAside)} {inspect.getdoc(SkippedEntry)}")
    assert set(stated) | {one.value for one in Unusable} == left_out - {"code", "---"}
