"""The command through proxies and over TLS, by its own arguments and by pip's settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import faulty_server as faulty
from authority import Authority, Issued, encrypted
from faulty_server import FaultyServer
from pydeps_host.cli.network import options_of
from pydeps_host.cli.pip_index import PipIndex
from pydeps_host.errors import ConfigError
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.transport import ClientCertificate, TransportOptions
from pydeps_host.values import Url
from servers import ForwardProxy, forward_proxy

USER, PASSWORD = "proxy-user", "hush p@ss:w/o%rd"
BOTH = f"{USER}:{quote(PASSWORD, safe='')}"
NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
OTHERS = {name: value for name, value in os.environ.items() if name.upper() not in NAMES and not name.startswith("PIP_")}
CLEAN = OTHERS | {"PIP_CONFIG_FILE": os.devnull}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def reader(authority: Authority) -> Issued:
    return authority.issue("reader@example.com")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    with forward_proxy(tmp_path_factory.mktemp("proxy"), user=USER, password=PASSWORD) as running:
        yield running


@pytest.fixture
def server(authority: Authority) -> Iterator[FaultyServer]:
    """An index over TLS that wants to know who asks."""
    built = sdist("alpha", "1.0", {"x.py": "x\n"})
    page = f'<!DOCTYPE html><a href="/f/{built.filename}#sha256={built.sha256}">{built.filename}</a>'
    with FaultyServer(tls=authority.context(wants=authority)) as running:
        running.at("/simple/alpha/", faulty.body(page.encode(), ("Content-Type", "text/html")))
        running.at(f"/f/{built.filename}", faulty.body(built.data))
        yield running


def run(into: Path, *words: str, command: str = "sync", **environment: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "pydeps_host", command, "alpha", "--into", str(into / "code"), *words]
    return subprocess.run(program, env=CLEAN | environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_goes_through_a_proxy_trusts_a_bundle_and_shows_a_certificate(server, authority, reader, proxy, tmp_path):
    words = ["--index-url", server.url("/simple"), "--ca-bundle", str(authority.bundle), "--client-cert", str(reader.both)]
    words += ["--proxy", f"http://{USER}:${{PW}}@127.0.0.1:{proxy.port}"]
    for command in ("plan", "sync"):
        done = run(tmp_path, *words, command=command, PW=PASSWORD)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "hush" not in done.stdout + done.stderr
    assert proxy.passed(f"CONNECT 127.0.0.1:{server.port}")


@pytest.fixture
def settings(server: FaultyServer, authority: Authority, reader: Issued, proxy: ForwardProxy, tmp_path: Path) -> dict[str, str]:
    """What pip is told; it knows home folders in paths, and a proxy without its scheme."""
    (tmp_path / "authority.pem").write_bytes(authority.bundle.read_bytes())
    return {
        "index-url": server.url("/simple"),
        "cert": "~/authority.pem",
        "client-cert": str(reader.both),
        "proxy": proxy.url(BOTH).removeprefix("http://"),
    }


@pytest.mark.parametrize("by_file", [True, False])
def test_the_settings_of_pip_are_taken_over_with_its_index(settings, server, proxy, tmp_path, by_file):
    if by_file:
        file = tmp_path / "pip.conf"
        file.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
        environment = {"PIP_CONFIG_FILE": str(file)}
    else:
        environment = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in settings.items()}
    done = run(tmp_path, HOME=str(tmp_path), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hush" not in done.stdout + done.stderr
    assert proxy.passed(f"CONNECT 127.0.0.1:{server.port}")
    # With an index of its own, the command leaves pip's settings alone.
    done = run(tmp_path / "other", "--index-url", server.url("/simple"), HOME=str(tmp_path), **environment)
    assert done.returncode == 1
    assert "untrusted-certificate" in done.stdout + done.stderr


def test_what_is_lacking_is_said_in_the_report(server, authority, proxy, tmp_path):
    index = ["--index-url", server.url("/simple")]
    trusted = [*index, "--ca-bundle", str(authority.bundle)]
    for words, outcome, remedy in (
        (index, "untrusted-certificate", "--ca-bundle"),
        (trusted, "client-certificate-required", "--client-cert"),
        ([*trusted, "--proxy", proxy.url(f"{USER}:hush")], "proxy-authentication-required", "put the proxy's user name and password"),
    ):
        done = run(tmp_path, *words)
        assert done.returncode == 1
        assert outcome in done.stdout + done.stderr
        assert remedy in done.stdout + done.stderr
        assert "hush" not in done.stdout + done.stderr
    assert not (tmp_path / "code" / "python").exists()


def test_what_cannot_be_used_exits_with_2_and_does_nothing(reader, tmp_path):
    locked = tmp_path / "locked.pem"
    locked.write_bytes(reader.certificate.read_bytes() + encrypted(reader.key, PASSWORD).read_bytes())
    for words, said in (
        (["--ca-bundle", "gone.pem"], "gone.pem (`ca_bundle`) are not there"),
        (["--client-cert", "gone.pem"], "gone.pem cannot be read"),
        (["--client-cert", str(locked)], "is encrypted, and no password was given"),
        (["--proxy", "socks5://u:hush@127.0.0.1:1"], "--proxy: 1 problem"),
        (["--proxy", "http://u:${NO_SUCH_NAME}@127.0.0.1:1"], "${NO_SUCH_NAME}"),
    ):
        done = run(tmp_path, "--index-url", "https://index.example.com/simple", *words)
        assert done.returncode == 2, done.stdout + done.stderr
        assert said in done.stderr
        assert "hush" not in done.stdout + done.stderr
        assert not (tmp_path / "code").exists()
    done = run(tmp_path, PIP_INDEX_URL="https://index.example.com/simple", PIP_PROXY="socks5://u:hush@127.0.0.1:1")
    assert done.returncode == 2
    assert "the proxy of pip's configuration cannot be used" in done.stderr
    assert "hush" not in done.stderr


def test_an_argument_goes_before_pip_s_setting_one_by_one():
    url = Url.parse("https://index.example.com/simple")
    pip = PipIndex(url, "pip", (), certificates=Path("a"), client_certificate=Path("b"), proxy=Url.parse("http://proxy:1"))
    none = {"ca_bundle": None, "client_cert": None, "proxy": None}
    assert options_of(none, None) == TransportOptions()
    own = ClientCertificate(Path("b"))
    assert options_of(none, pip) == TransportOptions(ca_bundle=Path("a"), client_certificate=own, proxy=pip.proxy)
    given = options_of({**none, "proxy": "mine:3128"}, pip)
    assert given == TransportOptions(ca_bundle=Path("a"), client_certificate=own, proxy=Url.parse("http://mine:3128"))
    assert options_of({**none, "ca_bundle": Path("c")}, pip).ca_bundle == Path("c")
    assert options_of({**none, "client_cert": Path("c")}, pip).client_certificate == ClientCertificate(Path("c"))


def test_a_proxy_may_be_a_variable_as_a_whole(monkeypatch):
    monkeypatch.setenv("MY_PROXY", f"http://{BOTH}@proxy:3128")
    options = options_of({"ca_bundle": None, "client_cert": None, "proxy": "${MY_PROXY}"}, None)
    assert options.proxy is not None
    assert options.proxy.credentials is not None
    assert "hush" not in repr(options)
    with pytest.raises(ConfigError, match="--proxy"):
        options_of({"ca_bundle": None, "client_cert": None, "proxy": "http://pro xy"}, None)
