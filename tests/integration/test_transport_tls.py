"""Certificates of servers and of clients, over real TLS."""

import pickle
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

import faulty_server as faulty
from authority import Authority, encrypted
from faulty_server import FaultyServer
from pydeps_host import Host, HostConfig, Store
from pydeps_host.errors import AccessError, CertificateError, ClientCertificateError, UnavailableError, UntrustedError, UsageError
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.transport import ClientCertificate, HttpxTransport, Request, Response, TransportOptions
from pydeps_host.values import Secret, Url

QUICK = TransportOptions(backoff=0.005, backoff_cap=0.08, connect_timeout=5, read_timeout=5, trust_environment=False)
PASSWORD = "hush p@ss:w/o%rd \xe9"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issues the certificates of clients."""
    return Authority(tmp_path_factory.mktemp("people"))


@pytest.fixture
def options(authority: Authority) -> TransportOptions:
    return evolve(QUICK, ca_bundle=authority.bundle)


@pytest.fixture(params=[True, False], ids=["TLS 1.3", "TLS 1.2"])
def private(authority: Authority, people: Authority, request: pytest.FixtureRequest) -> Iterator[FaultyServer]:
    """A server that answers those who show a certificate of `people`."""
    with FaultyServer(tls=authority.context(wants=people, newest=request.param), answer=faulty.text("hello")) as running:
        yield running


def send(url: str, options: TransportOptions) -> Response:
    with HttpxTransport(options=options) as transport:
        return transport.send(Request(Url.parse(url), max_bytes=1 << 20, max_bytes_name="page_bytes"))


def with_client(options: TransportOptions, certificate: Path, key: Path | None = None, password: str | None = None) -> TransportOptions:
    secret = None if password is None else Secret(password)
    return evolve(options, client_certificate=ClientCertificate(certificate, key=key, password=secret))


# --- the server's certificate ------------------------------------------------


def test_an_expired_certificate_is_an_error_that_says_so_and_is_not_asked_for_again(authority, options):
    with FaultyServer(tls=authority.context(expired=True)) as server:
        with pytest.raises(CertificateError, match=r"has expired; have it renewed") as caught:
            send(server.url(), options)
        assert server.connections <= 1
    assert isinstance(caught.value, UntrustedError)
    assert not caught.value.retryable


def test_an_untrusted_certificate_is_an_error_that_names_what_is_trusted(authority, people, options, monkeypatch):
    with FaultyServer(tls=authority.context()) as server:
        with pytest.raises(CertificateError, match=r"only the usual authorities.*--ca-bundle"):
            send(server.url(), QUICK)
        with pytest.raises(CertificateError, match=rf"trusted are those of {people.bundle} \(`ca_bundle`\)"):
            send(server.url(), evolve(options, ca_bundle=people.bundle))
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(people.bundle))
        with pytest.raises(CertificateError, match=rf"those of {people.bundle} \(REQUESTS_CA_BUNDLE\)"):
            send(server.url(), evolve(QUICK, trust_environment=True))


def test_a_certificate_of_another_name_is_an_error_that_names_it(authority, options):
    with FaultyServer(tls=authority.context()) as server, pytest.raises(CertificateError, match=r"'localhost'; ask the host by a name"):
        send(f"https://localhost:{server.port}/", options)


def test_nothing_is_sent_to_a_server_that_is_not_trusted(authority):
    with FaultyServer(tls=authority.context(), answer=faulty.text("hello")) as server:
        with pytest.raises(CertificateError):
            send(server.url("/secret", user="u:hush"), QUICK)
        assert server.requests == []


def test_a_file_at_a_host_that_is_not_trusted_fails_its_version_alone_and_is_asked_for_again(authority, tmp_path):
    good, other = sdist("alpha", "1.0", {"x.py": "x\n"}), sdist("alpha", "2.0", {"x.py": "y\n"})
    with FaultyServer(tls=authority.context()) as elsewhere, FaultyServer() as server:
        elsewhere.at("/f/" + other.filename, faulty.body(other.data))
        links = f'<a href="/f/{good.filename}">x</a><a href="{elsewhere.url("/f/" + other.filename)}">y</a>'
        server.at("/simple/alpha/", faulty.body(f"<!DOCTYPE html>{links}".encode(), ("Content-Type", "text/html")))
        server.at(f"/f/{good.filename}", faulty.body(good.data))
        config = HostConfig.from_mapping({"urls": [server.url("/simple")], "dependencies": ["alpha>=1"]})
        with Host(config, Store(tmp_path / "code"), options=QUICK) as host:
            (project,) = host.sync().projects
        assert [(one.version, one.error.code if one.error else None) for one in project.versions] == [("2.0", "certificate"), ("1.0", None)]
        with Host(config, Store(tmp_path / "code"), options=evolve(QUICK, ca_bundle=authority.bundle)) as host:
            assert host.sync().succeeded


# --- bundles -----------------------------------------------------------------


def test_a_bundle_of_several_authorities_trusts_each(authority, people, options, tmp_path):
    bundle = tmp_path / "all.pem"
    bundle.write_bytes(people.bundle.read_bytes() + authority.bundle.read_bytes())
    for one in (authority, people):
        with FaultyServer(tls=one.context(), answer=faulty.text("hello")) as server:
            assert send(server.url(), evolve(options, ca_bundle=bundle)).body == b"hello"


def test_a_bundle_is_read_once_for_all_and_again_when_it_is_exchanged(authority, people, tmp_path, monkeypatch):
    read: list[object] = []
    make = ssl.create_default_context

    def counted(**more):
        read.append(more)
        return make(**more)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(people.bundle.read_bytes())
    options = evolve(QUICK, ca_bundle=bundle)
    with FaultyServer(tls=authority.context(), answer=faulty.text("hello")) as server:
        for _ in range(2):
            with pytest.raises(CertificateError):
                send(server.url(), options)
        assert len(read) == 1
        (tmp_path / "new.pem").write_bytes(authority.bundle.read_bytes())
        (tmp_path / "new.pem").rename(bundle)
        assert send(server.url(), options).status == 200
    assert len(read) == 2


def test_a_context_that_shows_a_certificate_is_nobody_else_s(options, people, private):
    issued = people.issue("somebody")
    assert send(private.url(), with_client(options, issued.both)).status == 200
    # TLS 1.2 has no word for what is missing.
    with pytest.raises((ClientCertificateError, UnavailableError), match="client certificate"):
        send(private.url(), options)


def test_a_bundle_that_cannot_be_used_is_named_before_anything_is_asked(authority, tmp_path, monkeypatch):
    broken, empty = tmp_path / "broken.pem", tmp_path / "folder"
    broken.write_text(authority.bundle.read_text().replace("A", "B"))
    empty.mkdir()
    for path, said in ((broken, "holds no certificates that can be read"), (empty, "openssl rehash"), (tmp_path / "gone", "are not there")):
        with pytest.raises(UsageError, match=said) as caught:
            HttpxTransport(options=evolve(QUICK, ca_bundle=path))
        assert f"{path} (`ca_bundle`)" in str(caught.value)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(UsageError, match=said) as caught:
            HttpxTransport()
        assert f"{path} (SSL_CERT_FILE)" in str(caught.value)


@pytest.mark.needs("openssl")
def test_a_folder_as_openssl_leaves_it_is_a_bundle(authority, options, tmp_path):
    import shutil
    import subprocess

    shutil.copy(authority.bundle, tmp_path / "one.pem")
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True, capture_output=True)
    with FaultyServer(tls=authority.context(), answer=faulty.text("hello")) as server:
        assert send(server.url(), evolve(options, ca_bundle=tmp_path)).body == b"hello"


# --- client certificates -----------------------------------------------------


def test_a_client_certificate_is_shown_from_one_file_from_two_and_with_a_password(people, options, private):
    issued = people.issue("reader@example.com")
    ways = [
        with_client(options, issued.both),
        with_client(options, issued.certificate, issued.key),
        with_client(options, issued.certificate, encrypted(issued.key, PASSWORD), PASSWORD),
    ]
    assert [send(private.url(), way).body for way in ways] == [b"hello"] * 3


def test_without_a_client_certificate_the_error_says_that_one_is_wanted(options, private, request):
    if "TLS 1.3" in request.node.name:
        with pytest.raises(ClientCertificateError, match=r"wants a client certificate; name .*--client-cert") as caught:
            send(private.url(), options)
        assert isinstance(caught.value, AccessError)
        assert caught.value.status is None
    else:
        # TLS 1.2 has no word for it.
        with pytest.raises(UnavailableError, match="the server may want a client certificate"):
            send(private.url(), options)


def test_a_client_certificate_of_another_authority_is_an_error_that_names_it(authority, options, private):
    issued = authority.issue("reader@example.com")
    with pytest.raises(
        ClientCertificateError, match=r"does not take the client certificate .*reader@example\.com-both\.pem: its authority"
    ):
        send(private.url(), with_client(options, issued.both))


def test_an_expired_client_certificate_is_an_error_that_says_so(people, options, private):
    issued = people.issue("late@example.com", expired=True)
    with pytest.raises(ClientCertificateError, match=r"late@example\.com-expired-both\.pem: it has expired"):
        send(private.url(), with_client(options, issued.both))


def test_each_file_that_cannot_be_used_is_named_before_anything_is_asked(people, tmp_path):
    issued, other = people.issue("reader@example.com"), people.issue("other@example.com")
    locked = encrypted(issued.key, PASSWORD)
    text, folder = tmp_path / "text.pem", tmp_path / "folder"
    text.write_text("nothing")
    folder.mkdir()
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    cases = [
        (tmp_path / "gone.pem", None, None, r"certificate .*gone\.pem cannot be read: No such file"),
        (issued.certificate, tmp_path / "gone.key", None, r"key .*gone\.key cannot be read: No such file"),
        (issued.certificate, folder, None, r"key .*folder cannot be read: Is a directory"),
        (text, None, None, r"text\.pem holds no certificate in PEM"),
        (issued.certificate, None, None, r"reader@example\.com\.pem holds no private key in PEM; name the key's file"),
        (issued.certificate, text, None, r"text\.pem holds no private key in PEM"),
        (
            issued.certificate,
            other.key,
            None,
            r"other@example\.com\.key is not the key of the client certificate .*reader@example\.com\.pem",
        ),
        (issued.certificate, locked, None, r"key\.encrypted is encrypted, and no password was given"),
        (issued.certificate, locked, "hush wrong", r"key\.encrypted cannot be decrypted with the password"),
        (issued.certificate, locked, "hush" * 1000, r"key\.encrypted cannot be decrypted with the password"),
        (damaged, issued.key, None, r"damaged\.pem and its key .* cannot be used"),
    ]
    for certificate, key, password, said in cases:
        with pytest.raises(UsageError, match=said) as caught:
            HttpxTransport(options=with_client(QUICK, certificate, key, password))
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
        # The parameter of this test is a local of its own frame.
        assert "hush" not in str(caught.value) + "".join(line for line in shown if "test_transport_tls" not in line)


def test_a_key_s_password_is_not_asked_for_at_the_terminal_and_not_shown(people):
    issued = people.issue("reader@example.com")
    client = ClientCertificate(issued.certificate, key=encrypted(issued.key, PASSWORD), password=Secret(PASSWORD))
    options = evolve(QUICK, client_certificate=client)
    with HttpxTransport(options=options) as transport:
        texts = [repr(options), str(client), repr(client), repr(vars(transport)), repr(pickle.dumps(client))]
    assert not any("hush" in text for text in texts)
