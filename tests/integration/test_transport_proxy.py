"""Through a real proxy: plain and by tunnel, with and without a password, by option and by variable."""

import base64
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from attrs import evolve

import faulty_server as faulty
from authority import Authority
from faulty_server import FaultyServer
from pydeps_host.errors import CertificateError, HostError, ProxyAccessError, UnavailableError, UsageError
from pydeps_host.transport import ClientCertificate, HttpxTransport, Request, Response, TransportOptions
from pydeps_host.values import Url
from servers import ForwardProxy, forward_proxy, free_port

QUICK = TransportOptions(backoff=0.005, backoff_cap=0.08, connect_timeout=5, read_timeout=5, trust_environment=False)
USER, PASSWORD = "proxy-user", "hush p@ss:w/o%rd"
BOTH = f"{USER}:{quote(PASSWORD, safe='')}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def open_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    with forward_proxy(tmp_path_factory.mktemp("open")) as running:
        yield running


@pytest.fixture(scope="module")
def locked_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    with forward_proxy(tmp_path_factory.mktemp("locked"), user=USER, password=PASSWORD) as running:
        yield running


@pytest.fixture(scope="module")
def tls_proxy(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[ForwardProxy]:
    issued = authority.issue()
    with forward_proxy(tmp_path_factory.mktemp("tls"), certificate=(issued.certificate, issued.key)) as running:
        yield running


@pytest.fixture(params=["http", "https"])
def server(authority: Authority, request: pytest.FixtureRequest) -> Iterator[FaultyServer]:
    tls = authority.context() if request.param == "https" else None
    with FaultyServer(tls=tls, answer=faulty.text("hello")) as running:
        yield running


@pytest.fixture
def options(authority: Authority) -> TransportOptions:
    return evolve(QUICK, ca_bundle=authority.bundle)


def send(url: str, options: TransportOptions) -> Response:
    with HttpxTransport(options=options) as transport:
        return transport.send(Request(Url.parse(url), max_bytes=1 << 20, max_bytes_name="page_bytes"))


def through(options: TransportOptions, url: str) -> TransportOptions:
    return evolve(options, proxy=Url.parse(url))


def asked(server: FaultyServer, path: str) -> str:
    """What a proxy's log says of a request."""
    if server.url().startswith("https"):
        return f"CONNECT 127.0.0.1:{server.port}"
    return f"GET 127.0.0.1:{server.port}{path}"


def test_a_proxy_is_gone_through_by_option(server, open_proxy, options):
    response = send(server.url("/a"), through(options, open_proxy.url()))
    assert (response.body, response.url) == (b"hello", Url.parse(server.url("/a")))
    assert open_proxy.passed(asked(server, "/a"))
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("upper", [True, False])
def test_a_proxy_is_gone_through_by_variable_and_with_a_password(server, locked_proxy, options, monkeypatch, upper):
    name = f"{server.url().partition(':')[0]}_proxy"
    for one in (name, "no_proxy"):
        monkeypatch.delenv(one, raising=False)
        monkeypatch.delenv(one.upper(), raising=False)
    monkeypatch.setenv(name.upper() if upper else name, locked_proxy.url(BOTH))
    assert send(server.url("/b"), evolve(options, trust_environment=True)).body == b"hello"
    assert locked_proxy.passed(asked(server, "/b"))
    assert "proxy-authorization" not in server.requests[0].headers
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(name.upper() if upper else name, "http://127.0.0.1:1")
    assert send(server.url("/b"), evolve(options, trust_environment=True)).body == b"hello"


@pytest.mark.parametrize("user", ["", f"{USER}:hush"])
def test_a_proxy_that_refuses_is_an_error_that_names_it_and_is_asked_once(server, locked_proxy, options, monkeypatch, user):
    said = "does not take the user name" if user else "wants a user name and a password"
    events: list[object] = []
    url = Url.parse(server.url("/c"))
    with (
        HttpxTransport(options=through(options, locked_proxy.url(user)), observer=events.append) as transport,
        pytest.raises(ProxyAccessError, match=rf"the proxy http://127.0.0.1:{locked_proxy.port} \(`proxy`\) {said}") as caught,
    ):
        transport.send(Request(url, max_bytes=1, max_bytes_name="page_bytes"))
    assert caught.value.status == 407
    assert len(events) == 1
    assert server.requests == []
    variable = f"{url.scheme.upper()}_PROXY"
    monkeypatch.setenv(variable, locked_proxy.url(user))
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.delenv(variable.lower(), raising=False)
    with pytest.raises(ProxyAccessError, match=rf"\({variable}\) {said}"):
        send(str(url), evolve(options, trust_environment=True))


def test_a_proxy_that_is_not_there_is_an_error_that_names_it(server, options, monkeypatch):
    port = free_port()
    said = rf"the connection to the proxy http://127.0.0.1:{port} \(`proxy`\) failed: Connection refused after 4 attempts"
    with pytest.raises(UnavailableError, match=said):
        send(server.url(), through(options, f"http://u:hush@127.0.0.1:{port}"))
    with pytest.raises(UnavailableError, match=r"the name of the proxy http://no-such-proxy\.invalid:3128 \(`proxy`\) cannot be looked up"):
        send(server.url(), through(options, "http://no-such-proxy.invalid:3128"))


def test_a_server_that_the_proxy_does_not_reach_is_a_fault(open_proxy, options):
    with pytest.raises(UnavailableError, match=r"the proxy .* answered 502"):
        send(f"https://127.0.0.1:{free_port()}/", through(options, open_proxy.url()))


def test_a_proxy_that_forbids_a_host_is_asked_once(options):
    with FaultyServer(answer=faulty.status(403)) as proxy:
        with pytest.raises(UnavailableError, match=r"answered 403 after 1 attempt;"):
            send("https://index.example.com/", through(options, proxy.url()))
        assert len(proxy.requests) == 1


def test_a_certificate_is_checked_through_a_tunnel(authority, open_proxy, options):
    with FaultyServer(tls=authority.context(expired=True)) as server, pytest.raises(CertificateError, match="of the server is not trusted"):
        send(server.url(), through(options, open_proxy.url()))


# --- a proxy over TLS --------------------------------------------------------


def test_a_proxy_over_tls_is_gone_through(server, tls_proxy, options):
    assert send(server.url("/d"), through(options, tls_proxy.url())).body == b"hello"
    assert tls_proxy.passed(asked(server, "/d"))


def test_a_proxy_over_tls_that_is_not_trusted_is_an_error_that_names_it(server, tls_proxy):
    with pytest.raises(CertificateError, match=rf"of the proxy https://127.0.0.1:{tls_proxy.port} \(`proxy`\) is not trusted"):
        send(server.url(), through(QUICK, tls_proxy.url()))
    assert server.requests == []


def test_a_proxy_without_tls_that_is_asked_for_it_is_an_error_that_says_so(server, options):
    said = r"TLS failed.*\(`proxy`\) \(if it speaks no TLS itself, write http://\)"
    with FaultyServer(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as proxy, pytest.raises(UnavailableError, match=said):
        send(server.url(), through(options, proxy.url().replace("http:", "https:")))


def test_a_client_certificate_goes_through_the_tunnel_to_the_server_and_not_to_the_proxy(authority, tls_proxy, options, tmp_path):
    people = Authority(tmp_path)
    with FaultyServer(tls=authority.context(wants=people), answer=faulty.text("hello")) as server:
        client = ClientCertificate(people.issue("reader@example.com").both)
        assert send(server.url(), through(evolve(options, client_certificate=client), tls_proxy.url())).body == b"hello"
    # A proxy that would take it: it is not shown.
    with FaultyServer(tls=authority.context(wants=people), answer=faulty.text("taken")) as proxy, pytest.raises(HostError):
        send("http://127.0.0.1:1/", through(evolve(options, client_certificate=client), proxy.url()))
    assert proxy.requests == []


# --- what is none ------------------------------------------------------------


def test_what_is_no_proxy_s_url_is_refused_at_once(monkeypatch):
    with pytest.raises(UsageError, match="`proxy` holds no proxy's URL"):
        HttpxTransport(options=TransportOptions(proxy=Url.parse("file:///hush")))
    monkeypatch.setenv("HTTPS_PROXY", "socks5://u:hush@127.0.0.1:1080")
    monkeypatch.delenv("https_proxy", raising=False)
    with pytest.raises(UsageError, match=r"HTTPS_PROXY holds no proxy's URL.*SOCKS is not spoken") as caught:
        HttpxTransport()
    assert "hush" not in str(caught.value)


def test_no_secret_of_a_proxy_is_in_any_log_record_event_or_error(locked_proxy, server, options, caplog):
    shown: list[str] = []
    request = Request(Url.parse(server.url("/e")), max_bytes=1 << 20, max_bytes_name="page_bytes")

    def observe(event: object) -> None:
        shown.append(repr(event))

    with caplog.at_level(logging.DEBUG):
        for user in (BOTH, f"{USER}:hush-wrong"):
            own = through(options, locked_proxy.url(user))
            with HttpxTransport(options=own, observer=observe) as transport:
                try:
                    transport.send(request)
                except ProxyAccessError as problem:
                    shown += [str(problem), repr(problem), repr(problem.__cause__), repr(problem.__context__)]
                shown += [repr(own), repr(vars(transport))]
    shown += [str(record.__dict__) + record.getMessage() for record in caplog.records]
    assert len(caplog.records) > 5
    everything = "\n".join(shown)
    for secret in ("hush", PASSWORD, quote(PASSWORD, safe=""), base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret not in everything
