"""A body that goes on where it broke off (RFC 9110, section 14, and section 13.1.5 for `If-Range`).

It goes on only at the same URL, behind a validator that is strong, and with
the part that was asked for. Whatever else the server sends begins anew.
"""

import re
from datetime import timedelta
from typing import Final

from attrs import frozen

from pydeps_host.errors import DigestError, TooLargeError
from pydeps_host.transport.faults import Fault
from pydeps_host.transport.retry_after import http_date
from pydeps_host.transport.values import Headers, Request, Sink
from pydeps_host.values import Url

_STRONG: Final = re.compile('"[\x21\x23-\x7e\x80-\xff]*"')
_PART: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_ANOTHER_PART: Final = "the server sent a part that was not asked for"


@frozen
class _Whole:
    """What a 200 said of the body that it began.

    Attributes:
        url: Who sent it.
        validator: What `If-Range` names it by.
        size: Its bytes, or None where the server did not say.
    """

    url: Url
    validator: str
    size: int | None

    def is_told_by(self, headers: Headers) -> bool:
        """Whether a part is one of this body, as far as its `ETag` tells."""
        return not self.validator.startswith('"') or headers.get("etag", self.validator) == self.validator


class Arriving:
    """What has come of a body so far, over all attempts, on its way to a sink."""

    def __init__(self, request: Request, sink: Sink) -> None:
        self._request = request
        self._sink = sink
        self._whole: _Whole | None = None
        self._received = 0
        self._size: int | None = None
        self.resumed: bool = False

    def fields(self, url: Url) -> tuple[tuple[str, str], ...]:
        """Return the header fields that ask for the rest; none where the body has to begin anew."""
        if self._whole is None or self._whole.url != url or not self._received:
            return ()
        return (("Range", f"bytes={self._received}-"), ("If-Range", self._whole.validator))

    def begin(self, url: Url, headers: Headers) -> None:
        """A whole body begins: what came before is thrown away."""
        # The engine sees to it that a body ends where its own length says.
        self._received, self._size, self.resumed = 0, None, False
        validator = None if self._request.gzip or headers.get("accept-ranges") == "none" else _validator(headers)
        length = headers.get("content-length", "")
        size = int(length) if length.isdecimal() and len(length) < 19 else None
        self._whole = None if validator is None else _Whole(url, validator, size)
        self._sink.restart()

    def go_on(self, headers: Headers) -> None:
        """The rest of a body begins.

        Raises:
            Fault: It is not the rest of this one; the next attempt begins anew.
        """
        whole, self._whole = self._whole, None
        found = _PART.fullmatch(headers.get("content-range", ""))
        if whole is None or found is None or not whole.is_told_by(headers):
            raise Fault(_ANOTHER_PART)
        first, last, size = int(found[1]), int(found[2]), whole.size if found[3] == "*" else int(found[3])
        if first != self._received or size is None or last != size - 1 or whole.size not in (None, size):
            raise Fault(_ANOTHER_PART)
        self._whole, self._size, self.resumed = whole, size, True

    def write(self, data: bytes) -> None:
        """Pass on the next piece.

        Raises:
            TooLargeError: All parts together are larger than the request allows.
            Fault: The sink found out that the parts are not those of one body; the next attempt begins anew.
        """
        self._received += len(data)
        if self._received > self._request.max_bytes:
            raise TooLargeError(str(self._request.url), self._request.max_bytes_name, self._request.max_bytes)
        try:
            self._sink.write(data)
        except DigestError:
            if not self.resumed:
                raise
            self.forget()
            raise Fault("its parts are not those of one body") from None

    def finish(self) -> None:
        """The body has ended.

        Raises:
            Fault: Not where its last part said that it would.
        """
        if self._size is None or self._received == self._size:
            return
        if self._received > self._size:
            self.forget()
        raise Fault(f"{self._received} bytes came of {self._size}")

    def forget(self) -> None:
        """Begin anew with the next attempt."""
        self._whole = None


def _validator(headers: Headers) -> str | None:
    """Return what names exactly these bytes, None where the server gives nothing of that kind."""
    tag = headers.get("etag", "")
    if tag:
        return tag if _STRONG.fullmatch(tag) else None
    modified, date = http_date(headers.get("last-modified")), http_date(headers.get("date"))
    # Of two changes within a second it would name both (RFC 9110, section 8.8.2.2).
    strong = modified is not None and date is not None and date - modified >= timedelta(seconds=1)
    return headers["last-modified"] if strong else None
