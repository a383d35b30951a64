"""A package index on loopback, in a process of its own: a set's pages and files.

    python -m benchmarks.serving FOLDER

Prints its port, and serves until its standard input ends. A project's page is
its `index.json` where there is one, else a list of its files with their sizes
and SHA-256; each has an `ETag`. `/requests` tells how many requests came.
"""

import hashlib
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks.measuring import ROOT

_JSON: Final = "application/vnd.pypi.simple.v1+json"


@frozen
class Served:
    """An index that is running.

    Attributes:
        port: Where.
    """

    port: int

    @property
    def url(self) -> str:
        """The index's URL."""
        return f"http://127.0.0.1:{self.port}/simple"

    def requests(self) -> int:
        """Return how many requests came so far; this one is none of them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/requests", timeout=60) as answer:
            return int(answer.read())


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Run an index over a set until the block ends."""
    words = [sys.executable, "-m", "benchmarks.serving", str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603 - our own program
        assert process.stdout is not None  # noqa: S101 - for the type checker
        assert process.stdin is not None  # noqa: S101 - as above
        try:
            yield Served(int(process.stdout.readline()))
        finally:
            process.stdin.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.pages = {f"/simple/{place.name}/": _page(place) for place in folder.iterdir() if place.is_dir()}
        self.requests = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/requests":
            self._send(200, str(self.server.requests).encode(), "text/plain")
            return
        with self.server.lock:
            self.server.requests += 1
        if self.path.startswith("/files/"):
            self._send_file()
        elif self.path in self.server.pages:
            self._send_page(*self.server.pages[self.path])
        else:
            self._send(404, b"", "text/plain")

    def _send_page(self, body: bytes, etag: str) -> None:
        if self.headers["If-None-Match"] == etag:
            self.send_response(304)
            self.send_header("ETag", etag)
            self.end_headers()
        else:
            self._send(200, body, _JSON, etag)

    def _send(self, status: int, body: bytes, kind: str, etag: str = "") -> None:
        self._begin(status, len(body), kind, etag)
        self.wfile.write(body)

    def _send_file(self) -> None:
        with (self.server.folder / self.path.removeprefix("/files/")).open("rb") as file:
            self._begin(200, file.seek(0, 2), "application/octet-stream")
            file.seek(0)
            self.connection.sendfile(file)

    def _begin(self, status: int, size: int, kind: str, etag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def _page(place: Path) -> tuple[bytes, str]:
    """Return a project's page and its validator."""
    given = place / "index.json"
    body = given.read_bytes() if given.exists() else json.dumps(_listing(place)).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _listing(place: Path) -> dict[str, Any]:
    files = [
        {
            "filename": path.name,
            "url": f"/files/{place.name}/{path.name}",
            "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
            "size": path.stat().st_size,
        }
        for path in sorted(place.iterdir())
    ]
    return {"meta": {"api-version": "1.1"}, "name": place.name, "versions": [], "files": files}


def main(folder: Path) -> None:
    """Serve a set."""
    with _Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        print(server.server_port, flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
