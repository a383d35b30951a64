"""Which credentials go where: by the origin, by the longest path, and by netrc and keyring where they are asked for."""

import base64
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from packaging.utils import canonicalize_name

import faulty_server as faulty
from authority import Authority
from faulty_server import FaultyServer
from pydeps_host import Host, HostConfig, Store
from pydeps_host.config import Index
from pydeps_host.errors import ClosedError, UsageError
from pydeps_host.simple_api import Ask, SimpleClient
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.transport import ClientCertificate, HttpxTransport, Request, TransportOptions
from pydeps_host.transport.keys import Keys
from pydeps_host.values import Credentials, Secret, Url

HTML = ("Content-Type", "text/html")
QUICK = TransportOptions(backoff=0.002, backoff_cap=0.01, trust_environment=False)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def sent(server: FaultyServer) -> list[tuple[str, str | None]]:
    """Each path that was asked for, and as whom."""
    words = [(seen.path, seen.headers.get("authorization", "").removeprefix("Basic ")) for seen in server.requests]
    return [(path, base64.b64decode(word).decode() if word else None) for path, word in words]


def ask(url: str | Url) -> Request:
    return Request(Url.parse(url) if isinstance(url, str) else url, max_bytes=1 << 20, max_bytes_name="page_bytes")


# --- paths -------------------------------------------------------------------


def who(keys: Keys, url: str) -> str | None:
    found = keys.of(Url.parse(url))
    return None if found is None else found.username.reveal()


def test_below_several_indexes_of_one_origin_the_longest_path_counts() -> None:
    indexes = ["https://a:1@h/", "https://b:2@h/team/simple", "https://h/team/open/simple/", "https://c:3@h:8443/team/simple"]
    keys = Keys([Url.parse(text) for text in indexes], TransportOptions())
    expected = {
        "https://h/": "a",
        "https://h/files/x": "a",
        "https://h/team/simple": "b",
        "https://h/team/simple/x/": "b",
        "https://h/team/simpler/": "a",
        "https://h/team/open/simple/x/": None,
        "https://h:8443/team/simple/x/": "c",
        "https://h:8443/files/x": None,
        "http://h/team/simple/x/": None,
        "https://g/team/simple/x/": None,
        # What a page of one index links to below another is asked as that one wants it.
        "https://a:1@h/team/simple/f": "b",
        "https://b:2@h/team/open/simple/f": None,
        "https://own:4@h/team/simple/f": "own",
        # The server, not the text, says what these lie below.
        "https://h/team/simple/../../f": None,
        "https://h/team/simple/%2e%2e/f": None,
    }
    assert {url: who(keys, url) for url in expected} == expected


def test_http_that_became_https_on_its_own_port_is_the_same_origin() -> None:
    keys = Keys([Url.parse("http://a:1@h/simple")], TransportOptions())
    assert who(keys, "https://h/simple/x/") == "a"
    assert who(keys, "https://h:8443/simple/x/") is None


def test_the_indexes_of_one_server_are_each_asked_with_their_own_password(server: FaultyServer, tmp_path: Path) -> None:
    built = sdist("alpha", "1.0", {"x.py": "x\n"})
    server.at("/one/simple/alpha/", faulty.status(404))
    server.at("/two/simple/alpha/", faulty.body(b'<a href="/one/simple/files/alpha-1.0.tar.gz">x</a>', HTML))
    server.at("/one/simple/files/alpha-1.0.tar.gz", faulty.redirect("/plain/alpha-1.0.tar.gz"))
    server.at("/plain/alpha-1.0.tar.gz", faulty.body(built.data))
    urls = [server.url("/one/simple", user="first:1"), server.url("/two/simple", user="second:2")]
    config = HostConfig.from_mapping({"urls": urls, "dependencies": ["alpha==1.0"]})
    with Host(config, Store(tmp_path), options=QUICK) as host:
        assert host.sync().succeeded
    assert sent(server)[:3] == [
        ("/one/simple/alpha/", "first:1"),
        ("/two/simple/alpha/", "second:2"),
        ("/one/simple/files/alpha-1.0.tar.gz", "first:1"),
    ]


# --- netrc -------------------------------------------------------------------


def netrc(folder: Path, text: str) -> TransportOptions:
    path = folder / "netrc"
    path.write_text(text)
    path.chmod(0o600)
    return evolve(QUICK, netrc=path)


def test_netrc_is_read_where_it_is_asked_for_and_serves_the_indexes(server: FaultyServer, tmp_path: Path) -> None:
    options = netrc(tmp_path, "machine 127.0.0.1 login me password p@ss\ndefault login anybody password any\n")
    server.at("/simple/a/", faulty.redirect("/b"))
    with HttpxTransport(options=options, indexes=[Url.parse(server.url("/simple"))]) as transport:
        assert transport.send(ask(server.url("/simple/a/"))).url.credentials is None
        transport.send(ask(server.url("/c", user="other:own")))
        transport.send(ask(server.url("/d", user="other")))
        transport.send(ask(server.url("/e", user="me")))
    with HttpxTransport(options=QUICK, indexes=[Url.parse(server.url("/simple"))]) as transport:
        transport.send(ask(server.url("/f")))
    assert sent(server) == [
        ("/simple/a/", "me:p@ss"),
        ("/b", "me:p@ss"),
        ("/c", "other:own"),
        ("/d", "other:"),
        ("/e", "me:p@ss"),
        ("/f", None),
    ]


def test_what_knows_hosts_alone_serves_the_origins_of_indexes_and_https_at_its_own_port(tmp_path: Path) -> None:
    text = "machine a login me password p\nmachine B login you password p\ndefault login anybody password p\n"
    keys = Keys([Url.parse("http://a:8080/simple")], netrc(tmp_path, text))
    expected = {
        "http://a:8080/f": "me",
        "https://a/f": "me",
        "https://b/f": "you",
        "http://a/f": None,
        "https://a:8443/f": None,
        "http://b/f": None,
        "https://c/f": None,
        "https://default/f": None,
    }
    assert {url: who(keys, url) for url in expected} == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("machine a login hush-secret oops hush", "line 1 cannot be read"), (None, "No such file"), (b"\xff\xfe", "UTF-8|line 1")],
)
def test_a_netrc_file_that_cannot_be_used_is_an_error_that_shows_none_of_it(tmp_path: Path, text: str | bytes | None, said: str) -> None:
    path = tmp_path / "netrc"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=said) as caught:
        HttpxTransport(options=evolve(QUICK, netrc=path))
    assert "hush" not in str(caught.value)


def test_the_command_reads_netrc_by_its_option(server: FaultyServer, tmp_path: Path) -> None:
    netrc(tmp_path, "machine 127.0.0.1 login me password p@ss\n")
    server.at("/simple/alpha/", faulty.status(403))
    words = [
        sys.executable,
        "-m",
        "pydeps_host",
        "plan",
        "alpha==1.0",
        "--index-url",
        server.url("/simple"),
        "--into",
        str(tmp_path / "code"),
    ]
    environment = {**os.environ, "NETRC": str(tmp_path / "netrc")}
    done = subprocess.run([*words, "--netrc"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1, done
    assert "p@ss" not in done.stdout + done.stderr
    assert sent(server) == [("/simple/alpha/", "me:p@ss")]


# --- keyring -----------------------------------------------------------------

BACKEND = '''
import json, os
from keyring.backend import KeyringBackend
from keyring.errors import PasswordSetError

class FolderKeyring(KeyringBackend):
    """Passwords in a file of JSON: {service: {username: password}}."""
    priority = 1

    def _all(self):
        with open(os.environ["FOLDER_KEYRING"]) as file:
            return json.load(file)

    def get_password(self, service, username):
        return self._all().get(service, {}).get(username)

    def get_credential(self, service, username):
        from keyring.credentials import SimpleCredential
        for name, password in self._all().get(service, {}).items():
            if username in (None, name):
                return SimpleCredential(name, password)

    def set_password(self, service, username, password):
        raise PasswordSetError("read only")
'''
PROGRAM = """
import json, sys
from pydeps_host.errors import HostError
from pydeps_host.transport import HttpxTransport, Request, TransportOptions
from pydeps_host.values import Url

index, *urls = sys.argv[1:]
options = TransportOptions(keyring=True, backoff=0.002, attempts=1, trust_environment=False)
with HttpxTransport(options=options, indexes=[Url.parse(index)]) as transport:
    for url in urls:
        try:
            transport.send(Request(Url.parse(url), max_bytes=1000, max_bytes_name="page_bytes"))
        except HostError as problem:
            print(type(problem).__name__, problem)
"""


def with_keyring(folder: Path, passwords: str | None, *words: str) -> str:
    """Run a program in which a real backend is installed, by a configuration of its own."""
    config = folder / "config"
    (config / "python_keyring").mkdir(parents=True)
    (config / "python_keyring" / "keyringrc.cfg").write_text(
        f"[backend]\ndefault-keyring=folder_keyring.FolderKeyring\nkeyring-path={folder}\n"
    )
    (folder / "folder_keyring.py").write_text(BACKEND)
    if passwords is not None:
        (folder / "passwords.json").write_text(passwords)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(config), "FOLDER_KEYRING": str(folder / "passwords.json")}
    environment.pop("PYTHON_KEYRING_BACKEND", None)
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def test_the_keyring_is_asked_for_the_index_then_for_its_host(server: FaultyServer, tmp_path: Path) -> None:
    index, host = server.url("/simple"), f"127.0.0.1:{server.port}"
    passwords = f'{{"{index}": {{"reader": "r"}}, "{host}": {{"other": "o", "third": "t"}}}}'
    urls = [
        server.url("/simple/a/"),
        server.url("/files/f"),
        server.url("/simple/b/", user="third"),
        server.url("/simple/c/", user="nobody"),
    ]
    urls.append(server.url("/simple/d/", user="own:password"))
    assert with_keyring(tmp_path, passwords, index, *urls) == ""
    assert sent(server) == [
        ("/simple/a/", "reader:r"),
        ("/files/f", "other:o"),
        ("/simple/b/", "third:t"),
        ("/simple/c/", "nobody:"),
        ("/simple/d/", "own:password"),
    ]


def test_a_keyring_that_fails_is_an_error_that_shows_nothing_of_it(server: FaultyServer, tmp_path: Path) -> None:
    said = with_keyring(tmp_path, '{"hush', server.url("/simple"), server.url("/simple/a/"))
    assert said == "UsageError the keyring cannot be asked: JSONDecodeError; unlock it, or leave `keyring` out\n"
    assert server.requests == []


def test_a_keyring_that_is_not_installed_is_an_error_that_says_how_to_install_it(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *more: None if name == 'keyring' else find(name, *more)\n"
        "from pydeps_host.transport import HttpxTransport, TransportOptions\n"
        "try:\n    HttpxTransport(options=TransportOptions(keyring=True))\n"
        "except Exception as problem:\n    print(type(problem).__name__, problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("UsageError ")
    assert "pip install 'pydeps-host[keyring]'" in done.stdout


def test_credentials_of_netrc_are_not_in_any_url_repr_or_option(tmp_path: Path) -> None:
    keys = Keys([], netrc(tmp_path, "machine a login me password hush\n"))
    found = keys.of(Url.parse("https://a/"))
    assert found == Credentials(Secret("me", label="me"), Secret("hush"))
    assert "hush" not in repr(found)


def test_netrc_serves_https_and_not_what_a_server_redirects_to_on_another_port(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    with FaultyServer(tls=authority.context()) as other:
        options = evolve(netrc(tmp_path, "machine 127.0.0.1 login me password p@ss\n"), ca_bundle=authority.bundle)
        with FaultyServer(tls=authority.context()) as server:
            server.at("/simple/a/", faulty.redirect(other.url("/b")))
            with HttpxTransport(options=options, indexes=[Url.parse(server.url("/simple"))]) as transport:
                transport.send(ask(server.url("/simple/a/")))
            assert sent(server) == [("/simple/a/", "me:p@ss")]
        assert sent(other) == [("/b", None)]


def test_a_page_that_one_user_kept_is_not_used_for_another_nor_for_another_certificate(server: FaultyServer, tmp_path: Path) -> None:
    server.at("/simple/alpha/", faulty.body(b'<a href="alpha-1.0.tar.gz">x</a>', HTML, ("ETag", '"one"')))
    index, authority = Index.of(Url.parse(server.url("/simple"))), Authority(tmp_path / "authority")
    alice, bob = (netrc_of(tmp_path / user, f"machine 127.0.0.1 login {user} password p\n") for user in ("alice", "bob"))
    shown = evolve(QUICK, client_certificate=ClientCertificate(authority.issue().both))
    conditional = []
    for options in (alice, alice, bob, QUICK, shown, shown):
        with HttpxTransport(options=options, indexes=[index.url]) as transport:
            SimpleClient(transport, pages=Store(tmp_path / "store").pages).ask(Ask(index, canonicalize_name("alpha")))
        conditional.append("if-none-match" in server.requests[-1].headers)
    assert conditional == [False, True, False, False, False, True]


def netrc_of(folder: Path, text: str) -> TransportOptions:
    folder.mkdir()
    return netrc(folder, text)


def test_who_asks_is_told_by_nothing_where_the_url_says_it_and_shown_never(tmp_path: Path) -> None:
    own = Url.parse("https://me:own@a/simple")
    with HttpxTransport(options=netrc(tmp_path, "machine a login me password hush\n"), indexes=[own]) as transport:
        assert transport.asks_as(own).reveal() == ""
        found = transport.asks_as(Url.parse("https://a/"))
        assert "hush" in found.reveal()
        assert "hush" not in repr(found)
    with pytest.raises(ClosedError):
        transport.asks_as(own)


def test_a_password_that_is_not_utf_8_is_an_error_that_shows_none_of_it(server: FaultyServer) -> None:
    url = evolve(Url.parse(server.url("/a")), credentials=Credentials(Secret("me"), Secret("hush\udcff")))
    with HttpxTransport(options=QUICK) as transport, pytest.raises(UsageError, match="not UTF-8") as caught:
        transport.send(ask(url))
    assert caught.value.__traceback__ is not None
    ours = traceback.walk_tb(caught.value.__traceback__.tb_next)
    assert "hush" not in "".join(traceback.StackSummary.extract(ours, capture_locals=True).format())
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
