"""Two indexes on loopback: which answers go on to the second one, and which never do."""

import pytest

from faulty_server import FaultyServer, body, reset, status, text
from pydeps_host import Host, HostConfig, Status, Store, TransportOptions
from pydeps_host.errors import HostError
from pydeps_host.testing import build_sdist as sdist
from servers import pypiserver

QUICK = TransportOptions(backoff=0.001, backoff_cap=0.002, pause_cap=0.01)
LOGIN = body(
    b"<!DOCTYPE html><html><body><form action='/login'><input type='password' name='p'></form></body></html>", ("Content-Type", "text/html")
)
STUMBLES = {
    "401": (status(401, ("WWW-Authenticate", "Basic")), "authentication-required"),
    "403": (status(403), "forbidden"),
    "429": (status(429), "rate-limited"),
    "500": (status(500), "unavailable"),
    "reset": (reset, "unavailable"),
    "login page": (LOGIN, "not-an-index"),
    "empty page": (body(b"<!DOCTYPE html><html><body></body></html>", ("Content-Type", "text/html")), "empty"),
    "no index": (text("hello"), "not-an-index"),
}


@pytest.fixture
def second(tmp_path):
    sdist("internal", "1.0", {"x.py": "x\n"}).into(tmp_path / "packages")
    with pypiserver(tmp_path / "packages", tmp_path / "server") as running:
        yield running


def host(first: FaultyServer, second, tmp_path) -> Host:
    config = HostConfig.from_mapping({"urls": [first.url("/simple"), second.url()], "dependencies": ["internal"]})
    return Host(config, Store(tmp_path / "code"), options=QUICK)


@pytest.mark.parametrize("code", [404, 410])
def test_404_and_410_go_on_to_the_next_index(code, second, tmp_path):
    with FaultyServer() as first, host(first.at("/simple/internal/", status(code)), second, tmp_path) as made:
        (project,) = made.sync().projects
    assert project.versions[0].status is Status.ADDED
    assert [one.outcome.value for one in project.tried] == ["absent", "found"]
    assert second.pages() == ["/simple/internal/"]


@pytest.mark.parametrize("stumble", STUMBLES)
def test_whoever_makes_the_first_index_stumble_does_not_choose_where_the_code_comes_from(stumble, second, tmp_path):
    answer, outcome = STUMBLES[stumble]
    with FaultyServer() as first, host(first.at("/simple/internal/", answer), second, tmp_path) as made:
        (project,) = made.sync().projects
    assert isinstance(project.error, HostError)
    assert [one.outcome.value for one in project.tried] == [outcome]
    assert outcome in str(project.error) or str(project.tried[0].status) in str(project.error)
    assert project.error.retryable is (outcome in {"unavailable", "rate-limited"})
    assert second.requests() == []
