"""A loopback HTTP server of raw sockets that does what it is told, right or wrong.

    with FaultyServer() as server:
        server.at("/simple/", text("hello"))
        server.at("/flaky", reset, text("second time"))   # The last answer repeats.

`server.requests` holds what was asked, in the order of arrival.
"""

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Seen:
    """A request as it came in; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    connection: int
    at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Connection:
    """One client's connection, for an answer to use or misuse."""

    def __init__(self, sock: socket.socket, number: int, stopping: threading.Event) -> None:
        self.sock = sock
        self.number = number
        self.stopping = stopping

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def stall(self, seconds: float = 60) -> None:
        """Do nothing, until the server is stopped or the client has left."""
        end = time.monotonic() + seconds
        self.sock.settimeout(0.02)
        while time.monotonic() < end and not self.stopping.is_set():
            try:
                if not self.sock.recv(1024):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        self.sock.settimeout(None)

    def reset(self) -> None:
        """Close with an RST."""
        raw = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, raw)
        self.sock.close()


Answer = Callable[[Connection, Seen], object]


class FaultyServer:
    """Answers each path as told; everything else is 404."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, answer: Answer | None = None, greeting: bytes = b"", host: str = "127.0.0.1"
    ) -> None:
        """Prepare a server; `answer` goes to every path, `greeting` is sent before anything is asked."""
        self._host = host
        self._tls = tls
        self._greeting = greeting
        self._answer = answer
        self._routes: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connections: list[Connection] = []
        self._listener = socket.create_server((host, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[Seen] = []

    def at(self, path: str, *answers: Answer) -> Self:
        """Answer this path with each of these once, and with the last one ever after."""
        with self._lock:
            self._routes[path] = list(answers)
        return self

    def url(self, path: str = "/", *, user: str = "") -> str:
        return f"http{'s' if self._tls else ''}://{user}{'@' if user else ''}{self._host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [seen.path for seen in self.requests]

    @property
    def connections(self) -> int:
        """How many were made so far."""
        return len(self._connections)

    def wait_for(self, count: int, seconds: float = 5) -> None:
        """Wait until this many requests came in."""
        end = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < end, f"{len(self.requests)} of {count} requests came"
            time.sleep(0.001)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Wakes `accept`, which closing alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, len(self._connections), self._stopping)
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                connection.sock = self._tls.wrap_socket(connection.sock, server_side=True)
            connection.send(self._greeting)
            for seen in _requests(connection):
                self.requests.append(seen)
                self._choose(seen)(connection, seen)
        except OSError:
            pass
        finally:
            connection.sock.close()

    def _choose(self, seen: Seen) -> Answer:
        if self._answer is not None:
            return self._answer
        with self._lock:
            answers = self._routes.get(seen.path, [status(404)])
            return answers.pop(0) if len(answers) > 1 else answers[0]


def _requests(connection: Connection) -> Iterator[Seen]:
    buffer = b""
    while connection.sock.fileno() != -1:
        while b"\r\n\r\n" not in buffer:
            data = connection.sock.recv(65536)
            if not data:
                return
            buffer += data
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        yield Seen(method, target, {name.lower(): value.strip() for name, _, value in pairs}, connection.number)


# --- answers -----------------------------------------------------------------


def raw(data: bytes, *, close: bool = False) -> Answer:
    """Send exactly these bytes."""

    def answer(connection: Connection, _: Seen) -> None:
        connection.send(data)
        if close:
            connection.sock.shutdown(socket.SHUT_RDWR)

    return answer


def body(content: bytes, *headers: tuple[str, str], code: int = 200) -> Answer:
    """A right answer with this body."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, ("Content-Length", str(len(content)))))
    return raw(f"HTTP/1.1 {code} Whatever\r\n{lines}\r\n".encode("latin-1") + content)


def text(content: str, *headers: tuple[str, str]) -> Answer:
    return body(content.encode(), ("Content-Type", "text/plain"), *headers)


def zipped(content: bytes) -> Answer:
    return body(gzip.compress(content), ("Content-Encoding", "gzip"))


def status(code: int, *headers: tuple[str, str], content: str = "") -> Answer:
    return body(content.encode(), *headers, code=code)


def redirect(location: str, code: int = 302) -> Answer:
    return status(code, ("Location", location))


def reset(connection: Connection, _: Seen) -> None:
    """No answer, but an RST."""
    connection.reset()


def hang_up(connection: Connection, _: Seen) -> None:
    """No answer, but an orderly end."""
    connection.sock.shutdown(socket.SHUT_RDWR)


def stall(connection: Connection, _: Seen) -> None:
    """Nothing at all."""
    connection.stall()


def truncated(content: bytes, length: int, *headers: tuple[str, str]) -> Answer:
    """Announce `length` bytes, send `content` and hang up."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return raw(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {length}\r\n\r\n".encode() + content, close=True)


def part(content: bytes, *headers: tuple[str, str], cut: int | None = None) -> Answer:
    """What `Range` asks for, if `If-Range` names this ETag or Last-Modified; else the whole. With `cut`, hang up after so many bytes."""

    def answer(connection: Connection, seen: Seen) -> None:
        fields = dict(headers)
        asked, known = seen.headers.get("range"), {fields.get("ETag"), fields.get("Last-Modified")} - {None}
        if asked is not None and seen.headers.get("if-range") in known:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            data = content[first:]
            begin = f"HTTP/1.1 206 Partial\r\nContent-Range: bytes {first}-{len(content) - 1}/{len(content)}\r\n"
        else:
            data, begin = content, "HTTP/1.1 200 OK\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, ("Content-Length", str(len(data)))))
        connection.send(f"{begin}{lines}\r\n".encode() + (data if cut is None else data[:cut]))
        if cut is not None and cut < len(data):
            connection.sock.shutdown(socket.SHUT_RDWR)

    return answer


def stalling_body(content: bytes, length: int) -> Answer:
    """Announce `length` bytes, send `content`, and then nothing."""

    def answer(connection: Connection, _: Seen) -> None:
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + content)
        connection.stall()

    return answer


def dripping(length: int, seconds: float) -> Answer:
    """A byte at a time, with so many seconds between two."""

    def answer(connection: Connection, _: Seen) -> None:
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        for _sent in range(length):
            connection.send(b".")
            if connection.stopping.wait(seconds):
                return

    return answer


def chunked(pieces: Callable[[], Iterator[bytes]], *headers: tuple[str, str]) -> Answer:
    """A chunked body of any length."""

    def answer(connection: Connection, _: Seen) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        connection.send(f"HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode())
        for piece in pieces():
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        connection.send(b"0\r\n\r\n")

    return answer


def gzip_bomb(gigabytes: int) -> Answer:
    """About 1 MB on the wire for each gigabyte of zeros."""

    def pieces() -> Iterator[bytes]:
        deflate = zlib.compressobj(9, wbits=31)
        block = bytes(16 << 20)
        for _ in range(gigabytes * 64):
            if piece := deflate.compress(block):
                yield piece
        yield deflate.flush()

    return chunked(pieces, ("Content-Encoding", "gzip"))
