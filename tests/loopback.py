"""A fake index behind a real HTTP server on loopback, for processes that live shorter than it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydeps_host.testing import FakeIndex
from pydeps_host.transport import Request
from pydeps_host.values import Url


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # As many clients as any test has begin at once.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed in the middle of an answer."""


@contextmanager
def serving() -> Iterator[FakeIndex]:
    """Serve an index, empty at first, until the block ends; `url` leads to it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = Url.parse(f"http://{self.headers['Host']}{self.path}")
            asked = Request(url, max_bytes=1 << 30, max_bytes_name="artifact_bytes", headers=_validators(self.headers.items()))
            answer = index.answer(asked)
            self.send_response(answer.status)
            for name, value in answer.fields.items():
                self.send_header(name, value)
            if answer.status != 304:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def do_HEAD(self) -> None:
            # uv asks so whether a file can be read in parts.
            self.do_GET()

        def log_message(self, *arguments: Any) -> None:
            """Keep quiet: the index remembers what it was asked."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        index = FakeIndex(f"http://127.0.0.1:{server.server_port}/simple")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()


def _validators(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() == "if-none-match")
