"""URLs that may hold secrets, and never show them.

Syntax and resolution of references follow RFC 3986, as `urllib.parse` carries
it out. A secret leaves a `Url` by `reveal()` alone: not by `str`, `repr`, a
traceback, nor a pickle. What a pickle left out cannot be asked for.
"""

import ipaddress
import re
from typing import Final, Self
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit

from attrs import evolve, field, frozen

_SCHEMES: Final = ("http", "https", "file")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "file": 0}
_MASK: Final = "****"
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
# What RFC 3986 allows in a path or a query, besides letters, digits and `_.-~`.
_PATH_SAFE: Final = "/%!$&'()*+,;=:@"
_QUERY_SAFE: Final = _PATH_SAFE + "?"
# What a query's value has at least to count as a secret in a text: masking `?v=2` would mask every 2.
_SHORTEST_VALUE: Final = 4
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\x9f\ud800-\udfff]")


class UrlSyntaxError(ValueError):
    """A text is no URL that can be asked; the message says why and repeats no part of it."""


@frozen(repr=False)
class Secret:
    """A text that shows its label instead of itself.

    Attributes:
        label: What is shown, such as `${INDEX_PASSWORD}`.
    """

    _value: str
    label: str = _MASK

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __str__(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return f"Secret({self.label!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        # A pickle is a copy that nobody guards: it carries the label alone.
        return type(self), (self.label, self.label)


@frozen
class Credentials:
    """A user name and a password for one origin, both decoded.

    Attributes:
        username: Shown as it is, unless there is no password: then it is a token.
        password: None where the URL has a user name alone.
    """

    username: Secret
    password: Secret | None = None

    def __str__(self) -> str:
        return f"{self.username}:{self.password}" if self.password else str(self.username)


@frozen
class Origin:
    """Scheme, host and port: what credentials are bound to (RFC 6454).

    Attributes:
        scheme: `http`, `https` or `file`.
        host: In lower case; empty for `file`.
        port: The port in force, a scheme's default filled in; 0 for `file`.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


@frozen(repr=False)
class Url:
    """An `http`, `https` or `file` URL.

    Two URLs are equal when every part is, credentials included.

    Attributes:
        origin: Scheme, host and port.
        path: Percent-encoded, `/` at least.
        query: Percent-encoded, without the `?`; treated as a secret, for a presigned one is.
        credentials: Sent to this origin and to no other.
        hidden: Secrets that stand in the path, in any spelling; shown by their labels.
    """

    # What is shown of a URL whose secrets a pickle left behind; None for a whole one.

    origin: Origin
    path: str = "/"
    query: str = ""
    credentials: Credentials | None = None
    hidden: tuple[Secret, ...] = field(default=(), eq=False)
    _shown: str | None = field(default=None, eq=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an absolute URL; a fragment is dropped.

        User information is percent-decoded. Characters that RFC 3986 wants
        encoded in a path or a query are encoded, what is encoded already stays.

        Raises:
            UrlSyntaxError: The scheme is another, the host is missing or not one,
                the port is not a number up to 65535, or a control character or
                space stands in it.
        """
        if _UNPRINTABLE.search(text):
            raise UrlSyntaxError("a URL holds no spaces and no control characters: write them percent-encoded")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError as problem:
            # Not `from`: urllib's messages repeat the authority, which may hold a password.
            raise UrlSyntaxError(_authority_problem(str(problem))) from None
        if parts.scheme not in _SCHEMES:
            raise UrlSyntaxError("a URL starts with https://, http:// or file://")
        origin = Origin(parts.scheme, _host(host, parts.scheme), port if port is not None else _DEFAULT_PORTS[parts.scheme])
        if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
            raise UrlSyntaxError("a file URL has three slashes and an absolute path: file:///srv/index")
        return cls(
            origin,
            quote(parts.path, safe=_PATH_SAFE) or "/",
            quote(parts.query, safe=_QUERY_SAFE),
            _credentials(parts.username, parts.password),
        )

    @property
    def is_whole(self) -> bool:
        """Whether it can be asked: one that had secrets and was pickled is there to be shown alone."""
        return self._shown is None

    @property
    def scheme(self) -> str:
        """`http`, `https` or `file`."""
        return self.origin.scheme

    @property
    def host(self) -> str:
        """The host in lower case, an IPv6 address without brackets; empty for `file`."""
        return self.origin.host

    @property
    def filename(self) -> str:
        """The last component of the path, percent-decoded; empty where the path ends in a slash."""
        return unquote(self.path.rpartition("/")[2], errors="surrogateescape")

    def join(self, reference: str) -> "Url":
        """Resolve `reference` against this URL (RFC 3986, section 5).

        Credentials go along only while the origin stays the same, unless the
        reference brings its own; a fragment is dropped.

        Raises:
            UrlSyntaxError: What comes out is no URL that `parse` takes.
        """
        self._check_whole()
        if _UNPRINTABLE.search(reference):
            raise UrlSyntaxError("a link holds a space or a control character")
        try:
            joined = Url.parse(urljoin(self.without_credentials().reveal(), reference))
        except UrlSyntaxError:
            raise
        except ValueError:
            raise UrlSyntaxError("a link cannot be resolved") from None
        own = joined.credentials or (self.credentials if joined.origin == self.origin else None)
        return evolve(joined, credentials=own, hidden=self.hidden)

    def child(self, name: str) -> "Url":
        """Return the folder `name` below this URL, with the trailing slash that PEP 503 asks for.

        The query stays: some mirrors put a token there.
        """
        self._check_whole()
        return Url(self.origin, f"{self.path.rstrip('/')}/{quote(name, safe='')}/", self.query, self.credentials, self.hidden)

    def without_credentials(self) -> "Url":
        """Return the same URL for a place that must not see the user information."""
        self._check_whole()
        return self if self.credentials is None else evolve(self, credentials=None)

    def reveal(self) -> str:
        """Return the whole URL, secrets included.

        Raises:
            UrlSyntaxError: It was pickled, and its secrets did not come along.
        """
        self._check_whole()
        query = f"?{self.query}" if self.query else ""
        return f"{self._authority(revealed=True)}{self.path}{query}"

    def mask(self, text: str) -> str:
        """Return a text without this URL's secrets, in any spelling: a server may repeat what it was asked for.

        Values of the query that are shorter than four characters stay.
        """
        labels = {spelling: secret.label for secret in self._secrets() for spelling in _spellings(secret.reveal())}
        for spelling in sorted(labels, key=len, reverse=True):
            text = text.replace(spelling, labels[spelling])
        return text

    def __str__(self) -> str:
        if self._shown is not None:
            return self._shown
        path = self.path
        for secret in self.hidden:
            for spelling in _spellings(secret.reveal()):
                path = path.replace(spelling, secret.label)
        return f"{self._authority(revealed=False)}{path}{'?…' if self.query else ''}"

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    def __reduce__(self) -> tuple[object, tuple[Origin, str]]:
        # See Secret: a pickled URL shows the same. One with secrets can no longer be asked: without
        # them it would be another URL, whose "not found" would let the next index answer.
        if self.is_whole and not (self.credentials or self.query or self.hidden):
            return Url, (self.origin, self.path)
        return _from_shown, (self.origin, str(self))

    def _secrets(self) -> tuple[Secret, ...]:
        own = (self.credentials.username, self.credentials.password) if self.credentials else ()
        # What stands before a lone `=`, or without one, is the value.
        values = [value or name for name, value in parse_qsl(self.query, keep_blank_values=True)]
        return (*self.hidden, *filter(None, own), *(Secret(value, "…") for value in values if len(value) >= _SHORTEST_VALUE))

    def _check_whole(self) -> None:
        if not self.is_whole:
            raise UrlSyntaxError("this URL was pickled, and its secrets did not come along: make it again in this process")

    def _authority(self, *, revealed: bool) -> str:
        if self.credentials is None:
            user = ""
        elif revealed:
            name, password = self.credentials.username, self.credentials.password
            user = quote(name.reveal(), safe="") + (f":{quote(password.reveal(), safe='')}" if password else "") + "@"
        else:
            user = f"{self.credentials}@"
        scheme, _, rest = str(self.origin).partition("://")
        return f"{scheme}://{user}{rest}"


def _from_shown(origin: Origin, text: str) -> Url:
    return Url(origin, shown=text)


def _spellings(secret: str) -> tuple[str, ...]:
    """The ways in which a secret can stand in a path, the longest first."""
    spellings = {secret, quote(secret, safe=""), quote(secret, safe=_PATH_SAFE), quote(secret)} - {""}
    return tuple(sorted(spellings, key=lambda text: (-len(text), text)))


def _credentials(username: str | None, password: str | None) -> Credentials | None:
    if not username and not password:
        return None
    if password:
        return Credentials(Secret(unquote(username or ""), label=username or ""), Secret(unquote(password)))
    return Credentials(Secret(unquote(username or "")))


def _host(host: str, scheme: str) -> str:
    if scheme == "file":
        return ""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise UrlSyntaxError("the host in brackets is no IPv6 address") from None
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise UrlSyntaxError("the host is no name that can be looked up") from None
    if not _HOST.fullmatch(name):
        raise UrlSyntaxError("a URL names a host after the two slashes")
    return name


def _authority_problem(said: str) -> str:
    if "port" in said.lower():
        return "the port is a number up to 65535; a : or @ in a password is written %3A or %40"
    return "the part between // and the next / is no user, host and port; write / ? # [ ] in a password percent-encoded"
