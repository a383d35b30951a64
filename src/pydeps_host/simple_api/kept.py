"""Pages kept from one sync to the next, with the validators that the server gave (RFC 9110, section 13)."""

import hashlib
from typing import Protocol

from attrs import evolve, field, frozen
from packaging.utils import NormalizedName

from pydeps_host.simple_api.project import Project
from pydeps_host.transport import same_origin
from pydeps_host.values import Secret, Url, UrlSyntaxError

_LONGEST_VALIDATOR = 1024
# An access key must not be a way to try passwords out on whoever can read the store.
_ROUNDS = 20_000


@frozen
class KeptPage:
    """A page as it came, to be read again when the server says that it is still the one.

    It holds no secret: neither credentials nor the query, and no page that repeats
    one or has one in its links, see `holds_secret`.

    Attributes:
        body: Inflated.
        content_type: As the server gave it.
        url: The final URL where the page was redirected, without credentials; empty where it was not.
        etag: The `ETag`, or empty.
        last_modified: The `Last-Modified`, or empty.
        sha256: Of `body`, in hexadecimal.
        access: Tells which URL and credentials it came by, see `access_of`.
        serial: The number of the project's last change, where the index gives one, or None.
    """

    body: bytes = field(repr=False)
    content_type: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    sha256: str = ""
    access: str = ""
    serial: int | None = None


class PageStore(Protocol):
    """Where pages are kept; one page for each index name and project."""

    def load(self, index: str, project: NormalizedName, /) -> KeptPage | None:
        """Return the page that was saved last, None where there is none or it cannot be read."""

    def save(self, index: str, project: NormalizedName, page: KeptPage, /) -> None:
        """Keep a page in place of the one before."""


class NoPages:
    """Keeps nothing: the store of those who gave none."""

    def load(self, index: str, project: NormalizedName, /) -> KeptPage | None:
        """Return None."""

    def save(self, index: str, project: NormalizedName, page: KeptPage, /) -> None:
        """Forget the page."""


def access_of(url: Url, who: Secret | None = None) -> str:
    """Return a key that changes when an index's URL, its credentials or whoever else asks do, and tells none of them.

    Args:
        url: The index's.
        who: What is asked with besides what stands in the URL, None or empty for nothing.
    """
    # No URL holds a line feed.
    secret = f"{url.reveal()}\n{who.reveal()}" if who is not None and who.reveal() else url.reveal()
    return hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8", "surrogatepass"), str(url).encode(), _ROUNDS).hex()


def is_intact(page: KeptPage, access: str) -> bool:
    """Whether a kept page is whole, and came by the same URL and credentials."""
    validators = (page.etag, page.last_modified)
    # A file that somebody changed can hold anything, and no type is sure.
    texts = (page.content_type, page.url, page.sha256, page.access, *validators)
    return (
        all(isinstance(text, str) for text in texts)
        and page.access == access
        and (page.serial is None or type(page.serial) is int)
        and all(text.isascii() and (not text or text.isprintable()) and len(text) <= _LONGEST_VALIDATOR for text in validators)
        and hashlib.sha256(page.body).hexdigest() == page.sha256
    )


def validators_of(page: KeptPage) -> tuple[tuple[str, str], ...]:
    """Return the request headers that ask whether the page is still the one."""
    headers = (("If-None-Match", page.etag), ("If-Modified-Since", page.last_modified))
    return tuple((name, value) for name, value in headers if value)


def written(asked: Url, final: Url) -> str | None:
    """Return how a page's final URL is kept; None where it holds what must not be written down."""
    if final == asked:
        return ""
    if final.hidden or final.query:
        return None
    return final.without_credentials().reveal()


def holds_secret(body: bytes, project: Project, asked: Url) -> bool:
    """Whether a page must not be written down: its links are signed or hold credentials, or it repeats a secret of its URL."""
    text = body.decode("utf-8", "replace")
    return asked.mask(text) != text or any(file.has_secret_link(project.url) for file in project.files)


def final_url(page: KeptPage, asked: Url) -> Url | None:
    """Return a kept page's final URL, with the credentials that belong there; None where it cannot be read."""
    if not page.url:
        return asked
    try:
        final = Url.parse(page.url).without_credentials()
    except UrlSyntaxError:
        return None
    return evolve(final, credentials=asked.credentials if same_origin(asked.origin, final.origin) else None)
