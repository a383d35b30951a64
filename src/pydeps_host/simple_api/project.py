"""What a project's page says, in one form for HTML, JSON and folders."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import fields_dict, frozen
from packaging.utils import NormalizedName

from pydeps_host.values import Digest, Url

# What a page said of a file, in whatever form its reader understands.
Told: TypeAlias = tuple[Any, ...]


class _Later:
    """Where a file keeps what its page said and nobody asked for yet; no field, so neither compared, shown nor pickled."""

    __slots__ = ("_read", "_told")


@frozen
class File(_Later):
    """One file that an index lists for a project.

    `size`, `upload_time` and `has_signature` (in part) come from JSON pages
    only; every other field can be told by both kinds of page.

    Attributes:
        filename: One printable component of at most 255 bytes.
        url: Where it is, resolved.
        digests: Every digest that the page gives, of algorithms that every Python has; may be empty.
        size: Bytes (PEP 700), or None where the page does not say.
        upload_time: When it came to the index, in UTC (PEP 700), or None.
        requires_python: The Python versions that it is for, unchecked text (PEP 345), or None.
        yanked: Whether the file was withdrawn (PEP 592).
        yanked_reason: Why, or None where it was not or nobody said.
        core_metadata: Digests of the metadata file beside it (PEP 714), empty where it is
            there and its digest is not told; None where there is no such file.
        provenance: Where its attestations are (PEP 740), or None.
        has_signature: Whether a `.asc` lies beside it (PEP 503), or None where the page does not say.
    """

    filename: str
    url: Url
    digests: frozenset[Digest] = frozenset()
    size: int | None = None
    upload_time: datetime | None = None
    requires_python: str | None = None
    yanked: bool = False
    yanked_reason: str | None = None
    core_metadata: frozenset[Digest] | None = None
    provenance: Url | None = None
    has_signature: bool | None = None

    @classmethod
    def later(cls, filename: str, told: Told, read: Callable[[Told, str], object]) -> "File":
        """Return a file whose other fields are read when they are asked for the first time.

        A page may list twenty thousand files, of which a handful is taken.

        Args:
            filename: Its name.
            told: What the page says of it, found to be in order.
            read: Makes a field, given what was told and the field's name.
        """
        file = cls.__new__(cls)
        _set(file, "filename", filename)
        _set(file, "_told", told)
        _set(file, "_read", read)
        return file

    def has_secret_link(self, page: Url) -> bool:
        """Whether the page wrote a secret into a link: a query, where a signature stands, or credentials.

        Credentials that the page's own URL has do not count: links of its origin take them over.
        What is read later has neither, and is not read for that.
        """
        if getattr(self, "_told", None) is not None:
            return False
        links = (self.url, self.provenance) if self.provenance is not None else (self.url,)
        return any(link.query or link.credentials not in {None, page.credentials} for link in links)

    @property
    def contradicts_itself(self) -> bool:
        """Whether its page gives two digests of one algorithm; what is read later has one digest, and is not read for that."""
        return getattr(self, "_told", None) is None and len({digest.algorithm for digest in self.digests}) < len(self.digests)

    # Hidden from type checkers, which would believe that a file has attributes of any name.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Read a field that is not there yet: only what is not there comes here."""
            if name not in _READ_LATER:
                raise AttributeError(f"a file has no {name!r}")
            value = self._read(self._told, name)
            _set(self, name, value)
            return value


_set = object.__setattr__
_READ_LATER: Final = frozenset(fields_dict(File)) - {"filename"}


@frozen
class SkippedEntry:
    """An entry of a page, or one field of an entry, that was left out.

    Attributes:
        text: What the page calls it, escaped and cut short.
        reason: A stable code. The entry is left out for `no-filename` (a link to a
            folder, such as `../`), `filename` (no printable component of at most
            255 bytes), `link` (no URL that can be asked), `scheme` (from http to
            a folder or back), `digest` (a digest of the wrong length), `entry`
            (not of the form that the API has), `outside` (it leads out of the index's
            folder), `not-a-file` (nothing there, or a device, a pipe, a folder).
            The field alone is left out for `size`, `upload-time` and `provenance`.
    """

    text: str
    reason: str


@frozen
class Project:
    """One project at one index.

    Attributes:
        name: The normalised name that was asked for (PEP 503).
        url: The page's final URL, after redirects.
        files: In the page's order, which means nothing.
        versions: Every version's text (PEP 700); empty where the page does not say.
        skipped: What was left out, and why.
        status: `active`, `archived`, `deprecated`, `quarantined` (PEP 792), or the page's own word.
        status_reason: Why, or None.
        api_version: The API version that the page declares (PEP 629), `1.0` where it does not.
        last_serial: The number of the project's last change, where the page gives one, or None.
    """

    name: NormalizedName
    url: Url
    files: tuple[File, ...] = ()
    versions: tuple[str, ...] = ()
    skipped: tuple[SkippedEntry, ...] = ()
    status: str = "active"
    status_reason: str | None = None
    api_version: str = "1.0"
    last_serial: int | None = None
