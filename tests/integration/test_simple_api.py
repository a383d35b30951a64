"""Pages and files over real connections: what the transport, the client and the download promise together."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from attrs import define, field
from packaging.utils import NormalizedName

from pydeps_host.dependency import Dependency
from pydeps_host.errors import DigestError, FileGoneError, ProjectPageError
from pydeps_host.resolver import Resolver, ResolverOptions
from pydeps_host.simple_api import KeptPage, fetch_file
from pydeps_host.transport import HttpxTransport, TransportOptions
from pydeps_host.values import Outcome

BODY = b"content of an archive " * 5000
SHA = hashlib.sha256(BODY).hexdigest()


@define
class Site:
    """What a server answers: a path to (status, headers, body); it remembers what it was asked."""

    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(factory=list)
    port: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, body = made.pages.get(self.path, (404, {}, b"not here"))
            if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the name that the standard library gave it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def transport() -> Iterator[HttpxTransport]:
    with HttpxTransport(options=TransportOptions(attempts=1, trust_environment=False)) as made:
        yield made


class Memory:
    """A page store in memory."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], KeptPage] = {}

    def load(self, index: str, project: NormalizedName, /) -> KeptPage | None:
        return self.pages.get((index, project))

    def save(self, index: str, project: NormalizedName, page: KeptPage, /) -> None:
        self.pages[index, project] = page


def html(*links: str) -> tuple[int, dict[str, str], bytes]:
    body = "<title>Links for foo</title>" + "".join(f'<a href="{link}">x</a>' for link in links)
    return 200, {"Content-Type": "text/html"}, body.encode()


def test_a_release_is_located_and_its_file_fetched_and_verified(site, transport, tmp_path):
    site.pages["/simple/foo/"] = html(f"../../files/foo-1.0.tar.gz#sha256={SHA}")
    site.pages["/files/foo-1.0.tar.gz"] = (200, {}, BODY)
    (release,) = Resolver([site.url("/simple")], transport=transport).locate(Dependency.parse("Foo==1.0"))
    artifact = fetch_file(release.candidates[0], tmp_path / "spool", transport=transport)
    assert artifact.path.read_bytes() == BODY
    assert (artifact.sha256, artifact.size) == (SHA, len(BODY))
    assert site.asked[0][0] == "/simple/foo/"
    assert site.asked[0][1]["accept"].startswith("application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2")
    assert site.asked[1][1]["accept-encoding"] == "identity"


def test_a_page_may_have_one_gzip_layer(site, transport):
    status, headers, body = html("foo-1.0.tar.gz")
    site.pages["/simple/foo/"] = (status, {**headers, "Content-Encoding": "gzip"}, gzip.compress(body))
    assert len(Resolver([site.url("/simple")], transport=transport).project("foo").files) == 1


def test_a_page_in_any_other_coding_is_an_error(site, transport):
    status, headers, body = html("foo-1.0.tar.gz")
    site.pages["/simple/foo/"] = (status, {**headers, "Content-Encoding": "br"}, body)
    with pytest.raises(ProjectPageError):
        Resolver([site.url("/simple")], transport=transport).project("foo")


def test_a_second_sync_costs_one_conditional_request(site, transport):
    status, headers, body = html("foo-1.0.tar.gz")
    site.pages["/simple/foo/"] = (status, {**headers, "ETag": '"1"'}, body)
    options = ResolverOptions(pages=Memory())
    first, second = (Resolver([site.url("/simple")], transport=transport, options=options).project("foo") for _ in range(2))
    assert first == second
    assert [headers.get("if-none-match") for _, headers in site.asked] == [None, '"1"']


def test_a_page_redirected_to_another_origin_is_refused_and_one_on_the_same_is_its_base(site, transport):
    site.pages["/simple/foo/"] = (302, {"Location": "/elsewhere/foo/"}, b"")
    site.pages["/elsewhere/foo/"] = html("foo-1.0.tar.gz")
    (file,) = Resolver([site.url("/simple")], transport=transport).project("foo").files
    assert file.url.path == "/elsewhere/foo/foo-1.0.tar.gz"
    site.pages["/simple/foo/"] = (302, {"Location": site.url("/elsewhere/foo/", host="localhost")}, b"")
    with pytest.raises(ProjectPageError) as caught:
        Resolver([site.url("/simple")], transport=transport).project("foo")
    assert caught.value.tried[-1].outcome is Outcome.REDIRECT_REFUSED


def test_a_file_that_is_gone_or_has_other_bytes_leaves_nothing_behind(site, transport, tmp_path):
    site.pages["/simple/foo/"] = html(f"foo-1.0.tar.gz#sha256={SHA}", f"foo-2.0.tar.gz#sha256={SHA}")
    site.pages["/simple/foo/foo-1.0.tar.gz"] = (200, {}, BODY + b"x")
    damaged, gone = Resolver([site.url("/simple")], transport=transport).project("foo").files
    with pytest.raises(DigestError):
        fetch_file(damaged, tmp_path / "spool", transport=transport)
    with pytest.raises(FileGoneError):
        fetch_file(gone, tmp_path / "spool", transport=transport)
    assert not list(tmp_path.iterdir())
