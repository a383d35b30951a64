"""All quirks, and a server of them on loopback."""

import gzip
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import field, frozen

import quirks_html
import quirks_json
import quirks_refused
from quirk import Quirk, content, file_of

GROUPS: Mapping[str, Sequence[Quirk]] = {
    "links": quirks_html.LINKS,
    "`<base>`": quirks_html.BASES,
    "digests in HTML": quirks_html.DIGESTS,
    "attributes in HTML": quirks_html.ATTRIBUTES,
    "HTML pages as a whole": quirks_html.PAGES,
    "a web server's listing of a folder": quirks_html.LISTINGS,
    "JSON pages as a whole": quirks_json.FORMS,
    "links in JSON": quirks_json.LINKS,
    "entries in JSON": quirks_json.ENTRIES,
    "statuses": quirks_refused.STATUSES,
    "pages from which nothing may be taken": quirks_refused.PAGES,
}
QUIRKS: tuple[Quirk, ...] = tuple(quirk for group in GROUPS.values() for quirk in group)


@frozen
class Served:
    """Quirks while they are served.

    Attributes:
        base: Scheme, host and port.
        asked: Every request's path and query, in order.
    """

    base: str
    asked: list[str] = field(factory=list)

    @property
    def index(self) -> str:
        return f"{self.base}/simple"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave in the middle of an answer."""


@contextmanager
def serving() -> Iterator[Served]:
    """Serve every quirk, until the block ends."""
    pages = _routes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            served.asked.append(self.path)
            path = self.path.partition("?")[0]
            quirk = pages.get(path)
            filename = file_of(self.path)
            if quirk is not None:
                self._answer(*_answer(quirk, path, served.base))
            elif filename is not None:
                self._answer(200, (("Content-Type", "application/octet-stream"),), content(filename))
            else:
                self._answer(404, (("Content-Type", "text/plain"),), b"not here\n")

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, headers: Any, body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET" and status != 204:
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name that the standard library gave it.
            """Keep quiet."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        served = Served(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def _routes() -> dict[str, Quirk]:
    """Each quirk at its page's path, and where its page is redirected to."""
    routes = {f"/simple/{quirk.name}/": quirk for quirk in QUIRKS}
    return routes | {quirk.filled(quirk.at): quirk for quirk in QUIRKS if quirk.at.startswith("/")}


def _answer(quirk: Quirk, path: str, base: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    if quirk.at and path == f"/simple/{quirk.name}/":
        return 302, (("Location", quirk.filled(quirk.at, base)),), b""
    body = quirk.page(base)
    headers = [(name, quirk.filled(value, base)) for name, value in quirk.headers]
    if quirk.content_type is not None:
        headers.append(("Content-Type", quirk.content_type))
    if quirk.gzip:
        headers.append(("Content-Encoding", "gzip"))
        body = gzip.compress(body)
    return quirk.status, tuple(headers), body
