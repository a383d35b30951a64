"""One entry of a page to one file; one odd entry never costs the page."""

import re
from datetime import UTC, datetime
from typing import Final, TypeGuard
from urllib.parse import unquote

from pydeps_host.errors import TooLargeError
from pydeps_host.simple_api.links import Links
from pydeps_host.simple_api.project import SkippedEntry
from pydeps_host.values import Digest, Limits, Url, UrlSyntaxError, shown
from pydeps_host.values.digest import FIXED_LENGTH

_SHA256_LENGTH: Final = 64
_USER_INFORMATION = re.compile("//[^/]*@")
_LONGEST_NAME: Final = 255
_LARGEST_SIZE: Final = 2**63


class OddEntryError(ValueError):
    """An entry that is left out.

    Attributes:
        reason: The code that `SkippedEntry` explains.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Skips:
    """What a page's reader left out so far."""

    def __init__(self) -> None:
        self._entries: list[SkippedEntry] = []

    def add(self, text: str, reason: str) -> None:
        """Record an entry or a field; `text` is what the page calls it."""
        self._entries.append(SkippedEntry(shown(text), reason))

    def add_link(self, reference: str, reason: str) -> None:
        """Record a link, without its query and user information, which may be secrets."""
        path = _USER_INFORMATION.sub("//****@", reference[:4096].partition("?")[0])
        self.add(path.rstrip("/").rpartition("/")[2] or path, reason)

    @property
    def all(self) -> tuple[SkippedEntry, ...]:
        """Every record, in the page's order."""
        return tuple(self._entries)


def check_count(count: int, limits: Limits, page: Url) -> None:
    """Refuse a page with more entries than `limits.page_files`.

    Raises:
        TooLargeError: It has more.
    """
    if count > limits.page_files:
        raise TooLargeError(str(page), "page_files", limits.page_files, count)


def check_filename(filename: str) -> None:
    """Refuse what is not one printable component of at most 255 bytes.

    Raises:
        OddEntryError: `no-filename` or `filename`.
    """
    if not filename:
        raise OddEntryError("no-filename")
    if not filename.isprintable() or "/" in filename or "\\" in filename or filename in (".", ".."):
        raise OddEntryError("filename")
    if len(filename) > _LONGEST_NAME or (not filename.isascii() and len(filename.encode()) > _LONGEST_NAME):
        raise OddEntryError("filename")


def filename_of(url: Url) -> str:
    """Return the last component of a URL's path, percent-decoded."""
    last = url.path.rpartition("/")[2]
    return unquote(last, errors="surrogateescape") if "%" in last else last


def resolve(links: Links, reference: str) -> Url:
    """Return the URL of a file's link without its fragment.

    Raises:
        OddEntryError: `link` or `scheme`.
    """
    try:
        url = links.resolve(reference)
    except UrlSyntaxError:
        raise OddEntryError("link") from None
    if links.crosses(url):
        raise OddEntryError("scheme")
    return url


def digest_of(algorithm: str, value: str) -> Digest | None:
    """Read one digest; None for one that is empty, or of an algorithm that not every Python has.

    Raises:
        OddEntryError: `digest`: it is not as long as the algorithm's digests are. To
            take the file as one without a digest would trust it more than the index meant.
    """
    if algorithm == "sha256" and is_sha256(value):
        return Digest("sha256", value)
    if not value or algorithm.lower() not in FIXED_LENGTH:
        return None
    try:
        return Digest.of(algorithm, value)
    except ValueError:
        raise OddEntryError("digest") from None


def is_sha256(value: object) -> TypeGuard[str]:
    """Whether a value is a SHA-256 in the spelling that `Digest` has."""
    # Many times as fast as an expression, on pages with twenty thousand digests.
    if not isinstance(value, str) or len(value) != _SHA256_LENGTH:
        return False
    try:
        return bytes.fromhex(value).hex() == value
    except ValueError:
        return False


def size_of(value: object) -> int | None:
    """Read a size in bytes (PEP 700).

    Raises:
        OddEntryError: `size`.
    """
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < _LARGEST_SIZE:
        raise OddEntryError("size")
    return value


def time_of(value: object) -> datetime | None:
    """Read an upload time, `yyyy-mm-ddThh:mm:ss.ffffffZ` (PEP 700); one without a zone is taken for UTC.

    Raises:
        OddEntryError: `upload-time`.
    """
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type] # what is no text raises TypeError
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise OddEntryError("upload-time") from None
