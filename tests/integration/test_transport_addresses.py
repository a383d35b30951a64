"""Who leads where: three addresses of loopback stand for the internet, a private network and a metadata service."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

import faulty_server as faulty
from faulty_server import FaultyServer
from pydeps_host import Host, HostConfig, Store
from pydeps_host.errors import AddressError, UnavailableError
from pydeps_host.events import Event
from pydeps_host.host import Status
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.transport import HttpxTransport, Request, TransportOptions
from pydeps_host.transport.addresses import Place, place_of
from pydeps_host.values import Outcome, Url

PLACES = {"127.0.0.2": Place.PUBLIC, "127.0.0.3": Place.PRIVATE, "127.0.0.4": Place.METADATA}
QUICK = TransportOptions(
    backoff=0.002, backoff_cap=0.01, trust_environment=False, place_of=lambda address: PLACES.get(address, place_of(address))
)


@pytest.fixture
def public() -> Iterator[FaultyServer]:
    with FaultyServer(host="127.0.0.2") as running:
        yield running.at("/page", faulty.text("page"))


@pytest.fixture
def private() -> Iterator[FaultyServer]:
    with FaultyServer(host="127.0.0.3") as running:
        yield running.at("/page", faulty.text("page")).at("/file", faulty.text("file"))


@pytest.fixture
def metadata() -> Iterator[FaultyServer]:
    with FaultyServer(host="127.0.0.4") as running:
        yield running.at("/page", faulty.text("page")).at("/file", faulty.text("file"))


@pytest.fixture
def transport() -> Iterator[HttpxTransport]:
    with HttpxTransport(options=QUICK) as open_one:
        yield open_one


def ask(url: str, *, page: str | None = None) -> Request:
    return Request(Url.parse(url), max_bytes=1 << 20, max_bytes_name="page_bytes", linked_from=None if page is None else Url.parse(page))


def test_what_is_configured_may_be_anywhere(public, private, metadata, transport):
    for server in (public, private, metadata):
        assert transport.send(ask(server.url("/page"))).body == b"page"


def test_a_public_server_redirects_to_no_private_address_and_to_no_metadata_service(public, private, metadata, transport):
    for target in (private, metadata):
        public.at("/away", faulty.redirect(target.url("/file")))
        with pytest.raises(AddressError) as caught:
            transport.send(ask(public.url("/away")))
        assert (caught.value.url, caught.value.given_by) == (target.url("/file"), public.url("/away"))
        assert target.requests == []


def test_a_public_page_links_to_no_private_address_and_to_no_metadata_service(public, private, metadata, transport):
    transport.send(ask(public.url("/page")))
    for target in (private, metadata):
        with pytest.raises(AddressError) as caught:
            transport.send(ask(target.url("/file"), page=public.url("/page")))
        assert caught.value.given_by == public.url("/page")
        assert target.requests == []


def test_a_connection_that_was_made_for_the_configuration_is_not_used_for_what_a_public_page_links_to(public, private, transport):
    transport.send(ask(public.url("/page")))
    transport.send(ask(private.url("/page")))
    with pytest.raises(AddressError):
        transport.send(ask(private.url("/file"), page=public.url("/page")))
    assert private.paths() == ["/page"]


def test_a_private_server_leads_anywhere_but_to_a_metadata_service(public, private, metadata, transport):
    public.at("/file", faulty.text("file"))
    private.at("/out", faulty.redirect(public.url("/file"))).at("/in", faulty.redirect("/file"))
    private.at("/metadata", faulty.redirect(metadata.url("/file")))
    assert transport.send(ask(private.url("/out"))).body == b"file"
    assert transport.send(ask(private.url("/in"))).body == b"file"
    for target in (public, private):
        assert transport.send(ask(target.url("/file"), page=private.url("/page"))).body == b"file"
    with pytest.raises(AddressError):
        transport.send(ask(private.url("/metadata")))
    with pytest.raises(AddressError):
        transport.send(ask(metadata.url("/file"), page=private.url("/page")))
    assert metadata.requests == []


def test_every_hop_is_judged_by_the_one_before_it(public, private, transport):
    private.at("/out", faulty.redirect(public.url("/back")))
    public.at("/back", faulty.redirect(private.url("/file")))
    with pytest.raises(AddressError):
        transport.send(ask(private.url("/out")))
    assert private.paths() == ["/out"]


def test_it_is_the_address_connected_to_that_counts_whatever_the_host_is_called(public, transport):
    transport.send(ask(public.url("/page")))
    with FaultyServer() as local:
        for host in ("localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"):
            with pytest.raises(AddressError):
                transport.send(ask(f"http://{host}:{local.port}/", page=public.url("/page")))
        # What looks like an address and is none, the engine does not take at all.
        with pytest.raises(UnavailableError, match="no name"):
            transport.send(ask(f"http://0177.0.0.1:{local.port}/", page=public.url("/page")))
        # A connection that its maker closed at once is accepted all the same, a little later.
        end = time.monotonic() + 5
        while not local.connections:
            assert time.monotonic() < end
            time.sleep(0.001)
        assert local.requests == []


def test_a_page_is_judged_by_where_its_server_was_whatever_that_is_called(private):
    options = evolve(QUICK, place_of=lambda address: Place.PUBLIC if address == "127.0.0.1" else PLACES[address])
    with FaultyServer() as server, HttpxTransport(options=options) as transport:
        page = f"http://localhost:{server.port}/page"
        assert transport.send(ask(private.url("/file"), page=page)).body == b"file"
        transport.send(ask(page))
        with pytest.raises(AddressError):
            transport.send(ask(private.url("/file"), page=page))


def test_a_server_that_was_public_once_leads_nowhere_private_though_its_name_does_by_now(private):
    places = {"127.0.0.1": Place.PUBLIC}
    options = evolve(QUICK, place_of=lambda address: places.get(address, Place.PRIVATE))
    with FaultyServer(answer=faulty.text("x", ("Connection", "close"))) as server, HttpxTransport(options=options) as transport:
        transport.send(ask(server.url("/page")))
        places.clear()
        transport.send(ask(server.url("/another")))
        with pytest.raises(AddressError):
            transport.send(ask(private.url("/file"), page=server.url("/page")))
    assert private.requests == []


def test_a_page_whose_server_was_not_asked_is_judged_by_its_name(private, transport):
    with pytest.raises(AddressError):
        transport.send(ask(private.url("/file"), page="https://packages.example.com/simple/a/"))
    assert transport.send(ask(private.url("/file"), page="https://nexus.corp/simple/a/")).body == b"file"


def test_behind_a_proxy_names_and_literal_addresses_are_judged():
    with FaultyServer(answer=faulty.text("by proxy")) as proxy:
        options = evolve(QUICK, proxy=Url.parse(proxy.url()))
        with HttpxTransport(options=options) as transport:
            for url in ("http://127.0.0.3/file", "http://169.254.169.254/", "http://localhost/", "http://metadata.google.internal/"):
                with pytest.raises(AddressError):
                    transport.send(ask(url, page="http://packages.example.com/simple/a/"))
            assert proxy.requests == []
            assert transport.send(ask("http://files.example.com/f", page="http://packages.example.com/simple/a/")).body == b"by proxy"
            assert transport.send(ask("http://127.0.0.3/file", page="http://nexus.corp/simple/a/")).body == b"by proxy"


# --- the whole way -------------------------------------------------------------

HTML = ("Content-Type", "text/html")


def synced(server: FaultyServer, folder: Path):
    config = HostConfig.from_mapping({"urls": [server.url("/simple")], "dependencies": ["alpha==1.0"]})
    events: list[Event] = []
    with Host(config, Store(folder), observer=events.append, options=QUICK) as host:
        (project,) = host.sync().projects
    return project


def test_a_file_that_a_public_index_has_in_a_private_network_gives_way_to_the_next(public, private, tmp_path):
    good, bad = sdist("alpha", "1.0", {"x.py": "x\n"}), sdist("alpha", "1.0", {"x.py": "y\n"}, suffix=".zip")
    public.at("/simple/alpha/", faulty.body(f'<a href="{private.url("/alpha-1.0.tar.gz")}">x</a>'.encode(), HTML))
    project = synced(public, tmp_path / "one")
    (version,) = project.versions
    assert (version.status, type(version.error)) == (Status.FAILED, AddressError)
    links = f'<a href="{private.url("/alpha-1.0.tar.gz")}">x</a><a href="/alpha-1.0.zip">x</a>'
    public.at("/simple/alpha/", faulty.body(links.encode(), HTML)).at("/alpha-1.0.zip", faulty.body(bad.data))
    (version,) = synced(public, tmp_path / "two").versions
    assert (version.status, version.file) == (Status.ADDED, "alpha-1.0.zip")
    assert private.requests == []
    private.at("/simple/alpha/", faulty.body(b'<a href="/alpha-1.0.tar.gz">x</a>', HTML)).at("/alpha-1.0.tar.gz", faulty.body(good.data))
    assert synced(private, tmp_path / "three").succeeded


def test_a_page_that_a_public_index_redirects_into_a_private_network_is_refused_whatever_is_allowed(public, private, tmp_path):
    public.at("/simple/alpha/", faulty.redirect(private.url("/simple/alpha/")))
    index = {"url": public.url("/simple"), "redirects": "follow", "allowedHosts": ["127.0.0.3"]}
    config = HostConfig.from_mapping({"urls": [index], "dependencies": ["alpha==1.0"]})
    with Host(config, Store(tmp_path), options=QUICK) as host:
        (project,) = host.sync().projects
    assert [tried.outcome for tried in project.tried] == [Outcome.ADDRESS_REFUSED]
    assert private.requests == []
