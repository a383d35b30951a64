"""Names of files as pypi-simple reads them (`derive_filenames.py` made the table), and as we do."""

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from packaging.utils import canonicalize_name

from pydeps_host.dependency import Dependency
from pydeps_host.resolver import choose
from pydeps_host.simple_api import Distribution, Unusable, parse_project, read_filename
from pydeps_host.values import Url

ROWS = [line.split("\t") for line in Path(__file__).parents[1].joinpath("filenames.tsv").read_text(encoding="utf-8").splitlines()]
BINARY = {"dumb", "egg", "msi", "rpm", "wininst"}
# What is read where we differ, by the reason: pypi-simple takes these for something else, or for nothing.
DIFFERENT = {"case": ("sdist",), "hyphen": ("wheel",), "copy": ("sdist",), "format": tuple(Unusable), "other": (Unusable.OTHER_PROJECT,)}


def read(project: str, filename: str) -> tuple[object, str]:
    found = read_filename(filename, canonicalize_name(project))
    return (found.kind.value, found.text) if isinstance(found, Distribution) else (found, "-")


def fits(ours: tuple[object, str], kind: str, version: str, why: str) -> bool:
    if why:
        return ours != (kind, version) and ours[0] in DIFFERENT[why]
    if kind in BINARY:
        return ours[0] is Unusable.BINARY
    return isinstance(ours[0], Unusable) if kind == "-" else ours == (kind, version)


def test_every_name_is_read_as_pypi_simple_reads_it_or_there_is_a_reason():
    wrong = [(filename, read(project, filename)) for project, filename, *told in ROWS if not fits(read(project, filename), *told)]
    assert not wrong


def test_the_table_is_wide():
    assert len(ROWS) > 400
    assert {row[2] for row in ROWS} == {"sdist", "wheel", "-", *BINARY}
    assert {row[4] for row in ROWS} == {"", *DIFFERENT}


@pytest.mark.parametrize("project", sorted({row[0] for row in ROWS}))
def test_html_and_json_of_one_project_agree(project):
    url = Url.parse("https://index.example.com/simple/x/")
    # In HTML a name is what the link says, in JSON the link may say anything.
    files = [(filename, hashlib.sha256(filename.encode()).hexdigest(), number % 3) for number, (_, filename, *_) in enumerate(ROWS)]
    anchors = [
        f'<a href="{quote(name)}#sha256={sha}" data-requires-python="&gt;=3.{odd}"{" data-yanked" * (odd == 1)}>{name}</a>'
        for name, sha, odd in files
    ]
    entries = [
        {"filename": name, "url": quote(name), "hashes": {"sha256": sha}, "requires-python": f">=3.{odd}", "yanked": odd == 1}
        for name, sha, odd in files
    ]
    head = '<meta name="pypi:repository-version" content="1.1">'
    bodies = [f"<html><head>{head}</head>{''.join(anchors)}</html>", json.dumps({"meta": {"api-version": "1.1"}, "files": entries})]
    from_html, from_json = (parse_project(body.encode(), content_type="", url=url, name=project) for body in bodies)
    assert from_html == from_json
    wanted = Dependency.parse(f"{project}>=0")
    assert choose(from_html, wanted) == choose(from_json, wanted)
