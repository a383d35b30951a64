"""Reading a body within its bounds.

HTTP libraries inflate by themselves, without a bound and in as many layers as
the server names: 13 kB become 16 GB. So the raw body is read, and one layer of
gzip is taken off here, a piece at a time.
"""

import zlib
from collections.abc import Callable, Iterable
from typing import Final

from pydeps_host.errors import PageError, TooLargeError
from pydeps_host.transport.values import Headers, Request
from pydeps_host.values import Url, shown

_PIECE: Final = 64 * 1024
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_WITH_HEADER: Final = 16 + zlib.MAX_WBITS
# A gzip file is a series of members (RFC 1952, section 2.2); a million empty ones are an attack.
_MEMBERS: Final = 1000


def receive(request: Request, url: Url, headers: Headers, pieces: Iterable[bytes], put: Callable[[bytes], object]) -> None:
    """Give the body of a 200 to `put`, a piece at a time.

    Args:
        request: Says what coding is allowed, and how much.
        url: Where it comes from, for errors.
        headers: The response's.
        pieces: The body as it comes off the wire, less the framing of HTTP.
        put: Takes what the body is.

    Raises:
        TooLargeError: It is too large: as announced, on the wire, or inflated.
        PageError: Its coding is not the one asked for, or it is not what it is said to be.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > request.max_bytes:
        raise _too_large(request, url, int(announced))
    coding = _coding(request, url, headers)
    counted = _Counted(request, url, put)
    if coding == "identity":
        for piece in pieces:
            counted.put(piece)
        return
    inflater = _Inflater(url, counted.put)
    wire = 0
    for piece in pieces:
        wire += len(piece)
        if wire > request.max_bytes:
            raise _too_large(request, url, None)
        inflater.feed(piece)
    inflater.finish()


def glimpse(headers: Headers, pieces: Iterable[bytes]) -> bytes:
    """Return the first 64 KiB of a body that only a person will look at; nothing where it is coded.

    A short body is read to its end, so that the connection can be used again.
    """
    read = bytearray()
    for piece in pieces:
        read += piece
        if len(read) >= _PIECE:
            break
    return b"" if _codings(headers) else bytes(read[:_PIECE])


class _Counted:
    """Passes bytes on until there are too many of them."""

    def __init__(self, request: Request, url: Url, put: Callable[[bytes], object]) -> None:
        self._request = request
        self._url = url
        self._put = put
        self._count = 0

    def put(self, piece: bytes) -> None:
        self._count += len(piece)
        if self._count > self._request.max_bytes:
            raise _too_large(self._request, self._url, None)
        self._put(piece)


class _Inflater:
    """Takes off one layer of gzip, at most 64 KiB of output in memory at once."""

    def __init__(self, url: Url, put: Callable[[bytes], object]) -> None:
        self._url = url
        self._put = put
        self._member = zlib.decompressobj(_GZIP_WITH_HEADER)
        self._members = 1
        self._begun = False

    def feed(self, data: bytes) -> None:
        while data:
            if self._member.eof:
                self._next_member()
            self._begun = True
            piece, data = self._step(data)
            if piece:
                self._put(piece)

    def finish(self) -> None:
        while self._begun and not self._member.eof:
            # Output may be left over when the input is used up.
            piece, _ = self._step(b"")
            if not piece:
                raise self._malformed("the gzip data end too early")
            self._put(piece)

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        try:
            piece = self._member.decompress(data, _PIECE)
        except zlib.error:
            problem = "the gzip data are damaged" if self._members == 1 else "something that is no gzip follows the gzip data"
            raise self._malformed(problem) from None
        return piece, self._member.unconsumed_tail or self._member.unused_data

    def _next_member(self) -> None:
        self._members += 1
        if self._members > _MEMBERS:
            raise PageError(str(self._url), "limit", f"the gzip data have more than {_MEMBERS} members")
        self._member = zlib.decompressobj(_GZIP_WITH_HEADER)

    def _malformed(self, detail: str) -> PageError:
        return PageError(str(self._url), "malformed", detail)


def _coding(request: Request, url: Url, headers: Headers) -> str:
    codings = _codings(headers)
    if not codings:
        return "identity"
    if request.gzip and len(codings) == 1 and codings[0] in _GZIP:
        return "gzip"
    wanted = "one layer of gzip at most" if request.gzip else "no coding"
    raise PageError(str(url), "malformed", f"the body is coded as {shown(', '.join(codings))}, {wanted} was asked for")


def _codings(headers: Headers) -> list[str]:
    """Return the codings that really code, in the order of their application (RFC 9110, section 8.4)."""
    named = ",".join(headers.get_all("content-encoding")).lower().split(",")
    return [coding.strip() for coding in named if coding.strip() not in ("", "identity")]


def _too_large(request: Request, url: Url, actual: int | None) -> TooLargeError:
    return TooLargeError(str(url), request.max_bytes_name, request.max_bytes, actual)
