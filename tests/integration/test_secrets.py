"""No form of a password is found anywhere that it was not sent to."""

import base64
import io
import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import traceback
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from attrs import evolve

from authority import Authority
from faulty_server import Connection, FaultyServer, Seen, body, part, raw, redirect, reset, stall, status, text, truncated
from gitting import git
from pydeps_host import Host, HostConfig, Store, SyncReport, TransportOptions
from pydeps_host.events import Event
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.transport.addresses import Place, place_of
from servers import pypiserver

USER, PASSWORD = "canary-user", "canary/p@ss:w%rd"
SIGNATURE = "canary/s+g=nature~"
# As the object stores, and those in front of them, sign their links.
QUERY = "&".join(f"{name}={quote(SIGNATURE, safe='')}" for name in ("X-Amz-Signature", "X-Goog-Signature", "sig", "token", "Signature"))


def forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), quote(secret, safe="/"), quote(secret), base64.b64encode(secret.encode()).decode()}


FORMS = [base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), QUERY, *sorted(forms(PASSWORD) | forms(SIGNATURE))]
QUICK = TransportOptions(backoff=0.001, backoff_cap=0.002, pause_cap=0.01, read_timeout=0.1)


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


def everything(config: HostConfig, folder: Path, options: TransportOptions) -> tuple[list[object], list[Event]]:
    """Sync and plan and ensure, and return all that a caller could show."""
    events: list[Event] = []
    seen: list[object] = [config, options]
    with Host(config, Store(folder), observer=events.append, options=options) as host:
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
    yield pickle.dumps(value) if not isinstance(value, Host | TransportOptions) else b""
    for project in value.projects if isinstance(value, SyncReport) else ():
        yield repr(project.to_json())
        for problem in [project.error, *(version.error for version in project.versions)]:
            if problem is not None:
                yield "".join(traceback.TracebackException.from_exception(problem, capture_locals=True).format())
                yield pickle.dumps(problem)


def assert_no_secret(config: HostConfig, folder: Path, records: io.StringIO, options: TransportOptions = QUICK) -> None:
    seen, events = everything(config, folder, options)
    for value in [*seen, *events]:
        for shown in texts_of(value):
            assert not found_in(shown), value
    assert not found_in(records.getvalue())
    for path in folder.rglob("*"):
        if path.is_file():
            assert not found_in(path.read_bytes()), path
            assert "pages" not in path.parts or not found_in(zlib.decompress(path.read_bytes().partition(b"\n")[2])), path
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
        assert server.requests[0].headers["authorization"] == f"Basic {FORMS[0]}"


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


# --- presigned links -----------------------------------------------------------

SDIST = sdist("alpha", "1.0", {"x.py": "x\n"})
ETAG = ("ETag", '"one"')
ENDLESS = b"HTTP/1.1 200 OK\r\nX: " + f"{SIGNATURE}{PASSWORD}".encode() * 20_000
FILE_ANSWERS = {
    "whole": body(SDIST.data),
    "resumed": part(SDIST.data, ETAG, cut=50),
    "401": status(401, content=SIGNATURE),
    "403": status(403, content=SIGNATURE),
    "404": status(404, content=SIGNATURE),
    "429": status(429, ("Retry-After", "1"), content=SIGNATURE),
    "503": status(503, content=SIGNATURE),
    "pauses without end": status(503, ("Retry-After", "9"), content=SIGNATURE),
    "reset": reset,
    "no http": raw(f"{SIGNATURE} {PASSWORD}\r\n\r\n".encode(), close=True),
    "stall": stall,
    "too large a header": raw(ENDLESS),
    "too large": status(200, ("X-Echo", SIGNATURE), content="x" * 70_000),
    "coded": body(SDIST.data, ("Content-Encoding", "br")),
    "truncated": truncated(b"half", 100, ("X-Echo", SIGNATURE)),
    "another part": body(SDIST.data, ("Content-Range", f"bytes {SIGNATURE}"), ETAG, code=206),
    "wrong bytes": body(SDIST.data[:-1] + b"x"),
    "cut short": body(SDIST.data[:-1]),
    "to another scheme": redirect(f"ftp://{USER}:{quote(PASSWORD, safe='')}@files.example.com/f?{QUERY}"),
    "in a circle": redirect(f"/f/alpha-1.0.tar.gz?{QUERY}"),
    "to a place that is none": redirect(f"http://[{PASSWORD}/?{QUERY}"),
    "to a metadata service": redirect(f"http://127.0.0.4:1/?{QUERY}"),
}


@pytest.mark.parametrize("name", FILE_ANSWERS)
def test_no_error_of_a_presigned_link_shows_its_signature(name, tmp_path, records):
    places = {"127.0.0.4": Place.METADATA}
    options = evolve(QUICK, pause_total=0.015, place_of=lambda address: places.get(address, place_of(address)))
    with FaultyServer() as server, socket.create_server(("127.0.0.4", 0)) as metadata:
        answer = FILE_ANSWERS[name]
        if name == "to a metadata service":
            answer = redirect(f"http://127.0.0.4:{metadata.getsockname()[1]}/?{QUERY}")
        link = f"/f/alpha-1.0.tar.gz?{QUERY}"
        files = [{"filename": "alpha-1.0.tar.gz", "url": link, "hashes": {"sha256": SDIST.sha256}, "size": len(SDIST.data)}]
        listed = json.dumps({"meta": {"api-version": "1.1"}, "name": "alpha", "versions": ["1.0"], "files": files})
        server.at("/simple/alpha/", body(listed.encode(), ("Content-Type", "application/vnd.pypi.simple.v1+json"), ETAG))
        server.at("/f/alpha-1.0.tar.gz", answer)
        url = server.url("/simple", user=f"{USER}:{quote(PASSWORD, safe='')}")
        config = HostConfig.from_mapping({"urls": [url], "dependencies": ["alpha==1.0"], "limits": {"artifactBytes": 60_000}})
        assert_no_secret(config, tmp_path / "code", records, options)
        assert any(seen.target == f"/f/alpha-1.0.tar.gz?{QUERY}" for seen in server.requests)


def test_no_error_of_a_certificate_shows_a_signature(tmp_path, records):
    with FaultyServer(tls=Authority(tmp_path / "authority").context()) as files, FaultyServer() as server:
        server.at("/simple/alpha/", body(page(files.url(f"/alpha-1.0.tar.gz?{QUERY}")), HTML))
        url = server.url("/simple", user=f"{USER}:{quote(PASSWORD, safe='')}")
        assert_no_secret(HostConfig.from_mapping({"urls": [url], "dependencies": ["alpha==1.0"]}), tmp_path / "code", records)
        assert files.connections > 0


def test_no_argument_of_any_process_shows_a_password(tmp_path):
    """Every process of this machine is looked at while the command is under way."""
    seen: list[bytes] = []

    def look(connection: Connection, asked: Seen) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                seen.append(path.read_bytes())
        (body(page("/alpha-1.0.tar.gz"), HTML) if asked.path.endswith("/") else body(SDIST.data))(connection, asked)

    with FaultyServer(answer=look) as server:
        words = [
            "sync",
            "alpha==1.0",
            "--into",
            str(tmp_path),
            "--index-url",
            server.url("/simple", user=f"{USER}:${{CANARY}}"),
            "--no-rate-limit",
        ]
        program = [sys.executable, "-m", "pydeps_host", *words]
        done = subprocess.run(program, env={**os.environ, "CANARY": PASSWORD}, capture_output=True, text=True, check=True)
        assert server.requests[-1].headers["authorization"] == f"Basic {FORMS[0]}"
    assert any(b"pydeps_host" in line for line in seen)
    assert not [line for line in seen if found_in(line)]
    assert not found_in(done.stdout + done.stderr)
