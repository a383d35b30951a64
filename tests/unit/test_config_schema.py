"""The schema as editors get it: complete, described, published."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import NOTHING
from jsonschema import Draft202012Validator

from pydeps_host.config import Filters, HostConfig, Index, OnDemand, RateLimit, keys_of
from pydeps_host.config.jsonc import parse
from pydeps_host.config.meanings import MEANINGS
from pydeps_host.values import Limits

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")
SCHEMA = HostConfig.json_schema()
# Where docs/configuration.md has the table of an object's keys, and where the schema has the object.
OBJECTS: dict[type, tuple[str, dict[str, Any]]] = {
    HostConfig: ("## Keys", SCHEMA),
    Index: ("## Indexes", SCHEMA["properties"]["urls"]["items"]["anyOf"][1]),
    RateLimit: ("## Rate limit", SCHEMA["properties"]["rateLimit"]),
    Filters: ("## Filters", SCHEMA["properties"]["filters"]),
    OnDemand: ("## On demand", SCHEMA["properties"]["onDemand"]),
    Limits: ("## Limits", SCHEMA["properties"]["limits"]),
}


def rows(heading: str) -> dict[str, dict[str, str]]:
    """The first table below a heading: what its cells say of each key, without links to other sections."""
    table = PAGE.partition(f"{heading}\n")[2].partition("\n| key ")[2].partition("\n\n")[0]
    columns, _, *lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in f"key {table}".split("\n")]
    cells = {line[0]: dict(zip(columns, line, strict=True)) for line in lines}
    plain = {
        first: {column: re.sub(r" See \[[^]]+\]\([^)]+\)\.", "", cell) for column, cell in row.items()} for first, row in cells.items()
    }
    return {key: row for first, row in plain.items() for key in re.findall("`([^`]+)`", first)}


def documented(default: str) -> Any:
    return (
        {"as stated there": {}, "57,600 an hour": {}, "everything is let in": {}}.get(default)
        if "`" not in default
        else json.loads(default.strip("`"))
    )


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_schema_has_every_key_and_no_other(kind: type) -> None:
    _, made = OBJECTS[kind]
    later = {"$schema"} if kind is HostConfig else set()
    assert set(made["properties"]) == {*keys_of(kind), *later}
    assert made["required"] == [key for key, one in keys_of(kind).items() if one.default is NOTHING]
    assert made["additionalProperties"] is False


@pytest.mark.parametrize("kind", OBJECTS)
def test_every_key_is_described_as_the_documentation_describes_it(kind: type) -> None:
    heading, made = OBJECTS[kind]
    described = {key: member["description"] for key, member in made["properties"].items()}
    assert described == {key: row["meaning"] for key, row in rows(heading).items()}
    assert list(described) == list(MEANINGS[kind])


@pytest.mark.parametrize("kind", OBJECTS)
def test_every_default_is_the_one_that_the_documentation_names(kind: type) -> None:
    heading, made = OBJECTS[kind]
    told = {key: row["default"] for key, row in rows(heading).items()}
    for key in keys_of(kind):
        shown = made["properties"][key].get("default")
        if kind is Limits:
            assert told[key] == f"{shown:,}"
        else:
            assert documented(told[key]) == shown


def test_a_configuration_of_defaults_alone_is_the_default() -> None:
    def defaults(made: dict[str, Any]) -> dict[str, Any]:
        return {key: member["default"] for key, member in made["properties"].items() if "default" in member}

    index = {"url": "https://packages.example.com/simple"}
    least = HostConfig.from_mapping({"urls": [index]})
    nested = {key: defaults(OBJECTS[kind][1]) for key, kind in (("rateLimit", RateLimit), ("limits", Limits), ("filters", Filters))}
    assert HostConfig.from_mapping({**defaults(SCHEMA), "urls": [{**index, **defaults(OBJECTS[Index][1])}]}) == least
    assert HostConfig.from_mapping({"urls": [index], **nested}) == least


@pytest.mark.parametrize("kind", OBJECTS)
def test_every_example_is_valid_where_it_stands(kind: type) -> None:
    for member in OBJECTS[kind][1]["properties"].values():
        for example in member.get("examples", []):
            Draft202012Validator(member).validate(example)


@pytest.mark.parametrize("text", re.findall(r"^```jsonc\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_every_configuration_in_the_documentation_is_valid(text: str) -> None:
    Draft202012Validator(SCHEMA).validate(parse(text, source="the documentation"))


def test_who_asks_for_the_schema_may_change_it() -> None:
    mine = HostConfig.json_schema()
    mine["properties"]["urls"]["items"]["anyOf"][0].clear()
    mine["properties"]["rateLimit"]["else"].clear()
    assert HostConfig.json_schema() == SCHEMA


def test_the_published_file_is_the_schema() -> None:
    command = re.findall(r'^\$ python -c "(.*)" > host\.schema\.json$', PAGE, re.MULTILINE)
    assert len(command) == 1
    published = (DOCS / "host.schema.json").read_text(encoding="utf-8")
    assert published == json.dumps(SCHEMA, indent=2) + "\n", "write docs/host.schema.json anew with the command of docs/configuration.md"


def test_the_command_in_the_documentation_writes_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = re.findall(r'^\$ python -c "(.*)" > host\.schema\.json$', PAGE, re.MULTILINE)
    exec(command, {})
    assert capsys.readouterr().out == (DOCS / "host.schema.json").read_text(encoding="utf-8")
