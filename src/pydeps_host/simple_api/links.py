"""A page's links, resolved."""

from typing import Final

from attrs import evolve

from pydeps_host.values import Credentials, Origin, Url, UrlSyntaxError

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
# What stays as it is in a path, and in a query.
_PATH: Final = _LETTERS + b"/%!$&'()*+,=@:"
_QUERY: Final = _LETTERS + b"/%!$&'()*+,=@:;?"
_REMOVED = str.maketrans({"\t": None, "\n": None, "\r": None})


class Links:
    """Resolves the links of one page.

    Most links of a page differ in their last parts only. What stands before is
    resolved once for each spelling, which gives what `Url.join` gives, ten
    times as fast.
    """

    def __init__(self, page: Url, base: Url | None = None) -> None:
        """Take the page's final URL, and what its `<base>` says, if anything."""
        self._page = page
        self._base = base if base is not None else page
        self._prefixes: dict[str, tuple[Origin, str, Credentials | None]] = {}
        # What sure links begin with: those that name a host, of which a large page has most, and the others.
        self._hosts: tuple[str, ...] = ()
        self._folders: set[str] = set()

    def resolve(self, reference: str) -> Url:
        """Return the URL that a link without its fragment leads to.

        Spaces around it and line ends in it are removed, spaces in it encoded (WHATWG URL).

        Raises:
            UrlSyntaxError: It leads nowhere that can be asked.
        """
        length = _prefix_length(reference)
        path, _, query = reference[length:].partition("?")
        if length < 0 or not _is_plain(path, _PATH) or (query and not _is_plain(query, _QUERY)):
            return self._own(self._base.join(reference.strip("\t\n\f\r ").translate(_REMOVED).replace(" ", "%20")))
        prefix = reference[:length]
        known = self._prefixes.get(prefix)
        if known is None:
            url = self._own(self._begun(prefix))
            known = self._prefixes[prefix] = (url.origin, url.path, url.credentials)
            # One with credentials of its own is none of the plain ones.
            if "@" not in prefix and not self.crosses(url):
                if "://" in prefix:
                    self._hosts += (prefix,)
                else:
                    self._folders.add(prefix)
        origin, folder, credentials = known
        return Url(origin, folder + path, query, credentials, self._page.hidden)

    def is_sure(self, reference: str) -> bool:
        """Whether a link surely leads to a URL that the page may lead to, told without resolving it.

        It does where another link that begins so did, and the rest is plain.
        """
        if not reference.startswith(self._hosts):
            length = _prefix_length(reference)
            if length < 0 or reference[:length] not in self._folders:
                return False
        return _is_plain(reference, _PATH)

    def crosses(self, url: Url) -> bool:
        """Whether a link leads from a server to a folder, or from a folder to a server."""
        return (url.origin.scheme == "file") != (self._page.origin.scheme == "file")

    def _begun(self, prefix: str) -> Url:
        """Resolve what links begin with, as `Url.join` does, and without taking texts apart where the base is plain.

        Its query is not looked at.
        """
        base = self._base
        if "://" in prefix or "/." in base.path or "//" in base.path:
            return base.join(prefix or ".")
        folders = [] if prefix == "/" else base.path.split("/")[1:-1]
        above = folders[: max(0, len(folders) - prefix.count("../"))]
        return evolve(base, path="/".join(("", *above, "")))

    def _own(self, url: Url) -> Url:
        # A `<base>` elsewhere lost the page's credentials, and a link back to the page's origin has them.
        own = self._page.credentials
        return url if own is None or url.credentials is not None or url.origin != self._page.origin else evolve(url, credentials=own)


def _prefix_length(reference: str) -> int:
    """Return how much of a link is resolved once for all that begin so; -1 where all of it must be."""
    if reference.startswith(("https://", "http://")):
        # An absolute link is taken as it stands, dot segments included, as urllib does.
        return reference.find("/", 8) + 1 or -1
    length = 1 if reference.startswith("/") else 0
    while not reference.startswith("/") and reference.startswith("../", length):
        length += 3
    path = reference[length:].partition("?")[0]
    return -1 if not path or path[0] in "./" or ":" in path or "/." in path or "//" in path else length


def _is_plain(text: str, allowed: bytes) -> bool:
    return text.isascii() and not text.encode().translate(None, allowed)


def base_of(page: Url, reference: str) -> Url | None:
    """Return the URL of a `<base>`, or None where it cannot be used and the page's own counts."""
    try:
        base = Links(page).resolve(reference)
    except UrlSyntaxError:
        return None
    return None if Links(page).crosses(base) else base
