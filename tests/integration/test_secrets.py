"""No form of a password is found anywhere that it was not sent to."""

import base64
import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from faulty_server import FaultyServer, body, redirect, reset, status, text, truncated
from gitting import git
from pydeps_host import Host, HostConfig, Store, SyncReport, TransportOptions
from pydeps_host.events import Event
from pydeps_host.testing import build_sdist as sdist
from servers import pypiserver

USER, PASSWORD = "canary-user", "canary/p@ss:w%rd"
FORMS = [
    PASSWORD,
    quote(PASSWORD, safe=""),
    quote(PASSWORD, safe="/"),
    quote(PASSWORD),
    base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    base64.b64encode(PASSWORD.encode()).decode(),
]
QUICK = TransportOptions(backoff=0.001, backoff_cap=0.002, pause_cap=0.01)


@pytest.fixture
def records() -> Iterator[io.StringIO]:
    """Every record of every logger, with tracebacks."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(before)


def found_in(data: bytes | str) -> list[str]:
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return [form for form in FORMS if form.encode() in raw]


def everything(config: HostConfig, folder: Path) -> tuple[list[object], list[Event]]:
    """Sync and plan and ensure, and return all that a caller could show."""
    events: list[Event] = []
    seen: list[object] = [config]
    with Host(config, Store(folder), observer=events.append, options=QUICK) as host:
        seen += [host, host.sync(), host.plan()]
        try:
            host.ensure("alpha==1.0")
        except Exception as problem:  # noqa: BLE001 - whatever it is, it must show nothing
            seen.append("".join(traceback.TracebackException.from_exception(problem, capture_locals=True).format()))
            seen.append(problem)
    return seen, events


def texts_of(value: object) -> Iterator[str | bytes]:
    yield str(value)
    yield repr(value)
    yield pickle.dumps(value) if not isinstance(value, Host) else b""
    for project in value.projects if isinstance(value, SyncReport) else ():
        yield repr(project.to_json())
        for problem in [project.error, *(version.error for version in project.versions)]:
            if problem is not None:
                yield "".join(traceback.TracebackException.from_exception(problem, capture_locals=True).format())
                yield pickle.dumps(problem)


def assert_no_secret(config: HostConfig, folder: Path, records: io.StringIO) -> None:
    seen, events = everything(config, folder)
    for value in [*seen, *events]:
        for shown in texts_of(value):
            assert not found_in(shown), value
    assert not found_in(records.getvalue())
    for path in folder.rglob("*"):
        if path.is_file():
            assert not found_in(path.read_bytes()), path
    for repository in folder.glob("python/*.git"):
        assert not found_in(git(repository, "cat-file", "--batch-all-objects", "--batch"))


def test_a_sync_that_succeeds_shows_no_password(tmp_path, records):
    sdist("alpha", "1.0", {"x.py": "x\n"}).into(tmp_path / "packages")
    with pypiserver(tmp_path / "packages", tmp_path / "server", user=USER, password=PASSWORD) as server:
        config = HostConfig.from_mapping({"urls": [server.url()], "dependencies": ["alpha==1.0", "alpha==2.0", "nothing"]})
        assert_no_secret(config, tmp_path / "code", records)
        assert len(server.files()) == 1


def page(*links: str) -> bytes:
    return b"<!DOCTYPE html>" + "".join(f'<a href="{link}">x</a>' for link in links).encode()


HTML = ("Content-Type", "text/html")
ANSWERS = {
    "401": status(401),
    "403": status(403),
    "429": status(429),
    "503": status(503),
    "reset": reset,
    "truncated": truncated(b"<!DOCTYPE html>", 100, HTML),
    "login": body(b"<html><form><input type=password></form></html>", HTML),
    "redirect away": redirect("https://elsewhere.example.com/simple/alpha/"),
    "redirect in a circle": redirect("/simple/alpha/"),
    "not html": text("hello"),
    "file is gone": body(page("/f/alpha-1.0.tar.gz"), HTML),
    "wrong digest": body(page(f"/wrong/alpha-1.0.tar.gz#sha256={'0' * 64}"), HTML),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_no_error_shows_a_password(name, tmp_path, records):
    with FaultyServer() as server:
        server.at("/simple/alpha/", ANSWERS[name]).at("/wrong/alpha-1.0.tar.gz", text("no archive"))
        url = server.url("/simple", user=f"{USER}:{quote(PASSWORD, safe='')}")
        config = HostConfig.from_mapping({"urls": [url], "dependencies": ["alpha==1.0"]})
        assert_no_secret(config, tmp_path / "code", records)
        assert server.requests[0].headers["authorization"] == f"Basic {FORMS[4]}"


def test_a_variable_is_shown_by_its_name(tmp_path, records):
    with FaultyServer() as server:
        server.at("/canary%2Fp@ss:w%25rd/simple/alpha/", status(403)).at("/simple/alpha/", status(404))
        mapping = {"urls": [server.url("/simple", user="u:${PW}"), server.url("/${TOKEN}/simple")], "dependencies": ["alpha==1.0"]}
        config = HostConfig.from_mapping(mapping, environ={"PW": PASSWORD, "TOKEN": "canary-token"})
        assert_no_secret(config, tmp_path / "code", records)
        with Host(config, Store(tmp_path / "code"), options=QUICK) as host:
            (project,) = host.sync().projects
        assert "canary-token" not in repr(project)
        assert "${TOKEN}" in str(project.tried[1].url)
        assert "${PW}" in str(project.tried[0].url)
        assert server.requests[-1].path == "/canary-token/simple/alpha/"
