"""What is asked and what is answered, and who can be asked."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, Self, runtime_checkable

from attrs import field, frozen
from attrs.validators import gt

from pydeps_host.config import Redirects
from pydeps_host.errors import UsageError
from pydeps_host.limiter import Priority
from pydeps_host.transport.retry_after import retry_after
from pydeps_host.values import Secret, Url

# What a header field's value may hold: printable characters of ISO 8859-1.
_SENDABLE: Final = re.compile(r"[ -~\x80-\xff]*")
# What the transport says itself; among them all that can carry a credential,
# which must not follow a redirect to another origin.
_RESERVED: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "te",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)


class Sink(Protocol):
    """Where the body of a 200 goes, piece by piece."""

    def restart(self) -> None:
        """Throw away what was written: called before the first byte of every attempt that does not go on where one broke off."""
        ...

    def write(self, data: bytes, /) -> object:
        """Take the next piece; what it raises ends the request and reaches the caller as it is.

        One thing apart: after a DigestError about parts that were joined, the next attempt begins anew.
        """
        ...


@frozen(repr=False)
class Headers(Mapping[str, str]):
    """A response's header fields; names in any case (RFC 9110, section 5.1).

    `headers["name"]` and `get` give the first value of a name. `repr` shows no
    value: a `Location` or a `Set-Cookie` can hold a secret.

    Attributes:
        items_in_order: Each field's name in lower case and its value, as they came.
    """

    items_in_order: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, items: Iterable[tuple[str, str]]) -> Self:
        """Make headers of names and values."""
        return cls(tuple((name.lower(), value) for name, value in items))

    @classmethod
    def from_raw(cls, items: Iterable[tuple[bytes, bytes]]) -> Self:
        """Make headers of bytes, each of which is one character (RFC 9112, section 2.2)."""
        return cls.of((name.decode("latin-1"), value.decode("latin-1")) for name, value in items)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return every value of a name, in order."""
        wanted = name.lower()
        return tuple(value for key, value in self.items_in_order if key == wanted)

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return values[0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.items_in_order))

    def __len__(self) -> int:
        return len(dict(self.items_in_order))

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"


@frozen
class Request:
    """One thing to GET.

    Attributes:
        url: What to ask for; its credentials are sent to its own origin and no other.
        max_bytes: The most that is taken of the body of a 200 or a 203, on the wire and inflated.
        max_bytes_name: The name of that limit in `limits`, for the error.
        accept: The media types wanted.
        headers: More header fields, such as `If-None-Match`.
        into: Takes the body of a 200 in pieces; without it the response holds the body.
        gzip: Whether the body may come as one layer of gzip, which is inflated here.
        redirects: What a redirect to another origin means: only `FOLLOW` follows it.
        allowed_hosts: Hosts to which a redirect is followed whatever `redirects` says.
        priority: Whether somebody waits for the answer.
        deadline: When to give up, in seconds of `time.monotonic()`.
        linked_from: The page that links to it; None where our own configuration names it. A page of a server on the
            internet leads to no address that only this machine or its network reaches, nor does any to a metadata service.
    """

    url: Url
    max_bytes: int = field(kw_only=True, validator=gt(0))
    max_bytes_name: str = field(kw_only=True)
    accept: str = field(default="*/*", kw_only=True)
    headers: tuple[tuple[str, str], ...] = field(default=(), kw_only=True, repr=lambda pairs: str([name for name, _ in pairs]))
    into: Sink | None = field(default=None, kw_only=True)
    gzip: bool = field(default=False, kw_only=True)
    redirects: Redirects = field(default=Redirects.FOLLOW, kw_only=True)
    allowed_hosts: tuple[str, ...] = field(default=(), kw_only=True)
    priority: Priority = field(default=Priority.BULK, kw_only=True)
    deadline: float | None = field(default=None, kw_only=True)
    linked_from: Url | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.url.is_whole:
            raise UsageError("a URL was pickled, and its secrets did not come along", "make it again in this process")
        if self.url.scheme not in ("http", "https"):
            raise UsageError(f"a {self.url.scheme} URL is not asked over the network", "give an http:// or https:// URL")
        for name, value in self.headers:
            if name.lower() in _RESERVED:
                raise UsageError(f"the header field {name!r} is set by the transport", "put credentials into the URL")
            if not name.isascii() or not _SENDABLE.fullmatch(value):
                raise UsageError(f"the header field {name!r} cannot be sent", "give printable characters of ISO 8859-1")


@frozen
class Response:
    """What a server answered.

    Attributes:
        url: The URL that answered, after redirects; it has credentials only where they belong to its origin.
        status: Any status: a fault that outlived every attempt as well.
        headers: The header fields.
        body: The body of a 200 or a 203, unless a sink took it; of anything else the first 64 KiB,
            for a person to read, empty where it is compressed.
        attempts: How often the URL was asked, redirects not counted.
        received: When the header arrived (UTC).
        resumed: Whether the body came in more than one part, the later ones by `Range`.
    """

    url: Url
    status: int
    headers: Headers
    body: bytes = field(repr=False)
    attempts: int
    received: datetime = field(factory=lambda: datetime.now(UTC), kw_only=True)
    resumed: bool = field(default=False, kw_only=True)

    @property
    def wants_client_certificate(self) -> bool:
        """Whether it is a 400 for want of a client certificate, by which nginx says what others say within TLS."""
        return self.status == 400 and self.url.scheme == "https" and b"SSL certificate" in self.body

    @property
    def retry_at(self) -> datetime | None:
        """When the server said that asking again makes sense (UTC), by our clock; None where it said nothing."""
        seconds = retry_after(self.headers.get("retry-after"), self.headers.get("date"), self.received)
        return None if seconds is None else self.received + timedelta(seconds=seconds)


class Transport(Protocol):
    """Whatever can answer a request."""

    def send(self, request: Request, /) -> Response:
        """Ask, and return the answer whatever its status.

        Raises:
            UnavailableError: No answer came, after every attempt.
            RateLimitedError: The server asks for more quiet than it is granted.
            AddressError: A link or a redirect leads to an address that whoever gave it must not lead to.
            RedirectError: A redirect that is not followed.
            TooLargeError: The body is larger than the request allows.
            PageError: The body's coding is not the one that was asked for, or the header is too large.
            DeadlineError: The request's deadline passed, or a wait could not end before it.
            CertificateError: TLS does not vouch for the server, or for the proxy.
            ClientCertificateError: TLS wants to know who we are.
            ProxyAccessError: The proxy wants a user name and a password.
            ClosedError: The transport was closed.
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """A transport that may ask with more than what stands in a URL."""

    def asks_as(self, url: Url, /, deadline: float | None = None) -> Secret:
        """Return what tells apart who asks for a URL: what netrc, the keyring or a client certificate adds to it; empty for nothing.

        Raises:
            DeadlineError: The deadline passed, in seconds of `time.monotonic()`.
            ClosedError: The transport was closed.
            UsageError: The keyring cannot be asked.
        """
        ...
