"""Compressed streams to the bytes in them, in bounded pieces, each charged as it is produced."""

import bz2
import lzma
from collections.abc import Callable, Generator, Iterator
from typing import BinaryIO, Protocol

from pydeps_host.archive.budget import PIECE_BYTES, Budget
from pydeps_host.archive.inflating import InflateError, Inflater, gzip_inflater, raw_inflater
from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.values import Limits

READ_BYTES = 64 * 1024


def plain(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield a file's bytes as they are."""
    while data := file.read(PIECE_BYTES):
        budget.unpack(len(data))
        yield data


def gunzip(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield what is in a gzip file (RFC 1952): header, CRC and size of every member are checked.

    Several members are one stream. Zero bytes after the last one are padding, as
    gzip and CPython have it; anything else there is refused.
    """

    def member(data: bytes) -> Generator[bytes, None, bytes]:
        return _inflate(gzip_inflater(), data, file.read, budget)

    return _members(file, budget.limits, member, b"\x1f")


def bunzip2(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield what is in a bzip2 file; several streams are one."""

    def member(data: bytes) -> Generator[bytes, None, bytes]:
        return _decode(bz2.BZ2Decompressor(), data, file, budget)

    return _members(file, budget.limits, member, b"B")


def unxz(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Yield what is in an xz file; several streams are one."""

    def member(data: bytes) -> Generator[bytes, None, bytes]:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, budget.limits.xz_memory_bytes)
        rest = yield from _decode(decoder, data, file, budget)
        # The decoder passes over a check that it does not know.
        if not lzma.is_check_supported(decoder.check):
            raise Refused(Refusal.STREAM_MALFORMED, "an integrity check of an unknown kind")
        return rest

    return _members(file, budget.limits, member, b"\xfd")


class ByteStream:
    """Pieces of bytes of any size, taken from in the sizes that a reader wants."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""
        self._end = 0
        self._position = 0
        self._before = 0

    @property
    def offset(self) -> int:
        """How many bytes were taken so far."""
        return self._before + self._position

    @property
    def buffered(self) -> int:
        """How many bytes are there already, and charged, that were not taken yet."""
        return self._end - self._position

    def window(self) -> tuple[bytes, int]:
        """Return bytes that are there already, and where among them the next one is; what lies before it was taken."""
        return self._buffer, self._position

    def skip(self, size: int) -> None:
        """Pass over the next bytes, all of which are in the window."""
        self._position += size

    def take(self, size: int) -> bytes:
        """Return the next bytes: `size` of them, or fewer where the stream ends."""
        end = self._position + size
        if end <= self._end:
            taken = self._buffer[self._position : end]
            self._position = end
            return taken
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the next bytes in pieces: `size` bytes together, or fewer where the stream ends."""
        while size:
            if self._position == self._end and not self._refill():
                return
            piece = self._buffer[self._position : self._position + size]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes; the stream must have them."""
        end = self._position + size
        if end <= self._end:
            taken = self._buffer[self._position : end]
            self._position = end
            return taken
        taken = b"".join(self.pieces(size))
        if len(taken) != size:
            raise Refused(Refusal.TRUNCATED, "the archive ends inside an entry", offset=self.offset)
        return taken

    def filled(self, size: int, block: int) -> bytes:
        """Return the next `size` bytes, and leave out those that fill them up to whole blocks; the stream must have both."""
        begin = self._position
        end = begin + size
        after = end + -size % block
        if after <= self._end:
            self._position = after
            return self._buffer[begin:end]
        data = self.exactly(size)
        self.exactly(-size % block)
        return data

    def rest(self) -> Iterator[bytes]:
        """Yield everything that is left."""
        yield self._buffer[self._position :]
        self._position = self._end
        while self._refill():
            yield self._buffer
            self._position = self._end

    def _refill(self) -> bool:
        self._before += self._end
        self._buffer = next(self._pieces, b"")
        self._end = len(self._buffer)
        self._position = 0
        return bool(self._buffer)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


def inflate_raw(source: Callable[[int], bytes], budget: Budget) -> Iterator[bytes]:
    """Yield what is in a raw deflate stream (RFC 1951) that ends with its source.

    Args:
        source: Returns up to so many bytes of the stream, and none at its end.
        budget: Charged for what is produced.
    """
    rest = yield from _inflate(raw_inflater(), source(READ_BYTES), source, budget)
    if rest or source(1):
        raise Refused(Refusal.STREAM_TRAILING, "bytes follow the end of the deflate stream")


def _members(
    file: BinaryIO,
    limits: Limits,
    member: Callable[[bytes], Generator[bytes, None, bytes]],
    magic: bytes,
) -> Iterator[bytes]:
    data = file.read(READ_BYTES)
    if not data.startswith(magic):
        raise Refused(Refusal.STREAM_MALFORMED, "the file does not begin as its name says", offset=0)
    count = 0
    while data:
        if data.startswith(b"\0") and magic == b"\x1f":
            return _check_padding(data, file)
        if not data.startswith(magic):
            raise Refused(Refusal.STREAM_TRAILING, "bytes follow the end of the compressed data")
        count += 1
        if count > limits.compressed_members:
            raise Refused(Refusal.LIMIT_MEMBERS, f"has more than {limits.compressed_members} compressed members")
        data = yield from member(data)
        data = data or file.read(READ_BYTES)
    return None


def _inflate(inflater: Inflater, data: bytes, source: Callable[[int], bytes], budget: Budget) -> Generator[bytes, None, bytes]:
    try:
        while not inflater.eof:
            data = data or source(READ_BYTES)
            ended = not data
            piece = inflater.decompress(data, budget.piece_bytes)
            data = inflater.unconsumed_tail
            if piece:
                budget.unpack(len(piece))
                yield piece
            elif ended and not inflater.eof:
                raise Refused(Refusal.TRUNCATED, "the compressed data ends too early")
    except InflateError as error:
        raise Refused(Refusal.STREAM_MALFORMED, str(error)) from error
    return inflater.unused_data


def _decode(decoder: _Decoder, data: bytes, file: BinaryIO, budget: Budget) -> Generator[bytes, None, bytes]:
    try:
        while not decoder.eof:
            if not data and decoder.needs_input:
                data = file.read(READ_BYTES)
                if not data:
                    raise Refused(Refusal.TRUNCATED, "the compressed data ends too early")
            piece = decoder.decompress(data, max_length=budget.piece_bytes)
            data = b""
            if piece:
                budget.unpack(len(piece))
                yield piece
    except lzma.LZMAError as error:
        reason = Refusal.LIMIT_MEMORY if "Memory usage limit" in str(error) else Refusal.STREAM_MALFORMED
        raise Refused(reason, str(error)) from error
    except OSError as error:
        # The bzip2 decoder says "Invalid data stream" with an OSError that has no number.
        if error.errno is not None:
            raise
        raise Refused(Refusal.STREAM_MALFORMED, str(error)) from error
    return decoder.unused_data


def _check_padding(data: bytes, file: BinaryIO) -> None:
    while data:
        if data.strip(b"\0"):
            raise Refused(Refusal.STREAM_TRAILING, "bytes follow the end of the compressed data")
        data = file.read(READ_BYTES)
