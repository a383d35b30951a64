"""Did the other side lie, or send what cannot be trusted?"""

from attrs import frozen

from pydeps_host.errors.root import HostError, tried_lines
from pydeps_host.values import Tried, shown


class UntrustedError(HostError):
    """What came from outside cannot be trusted, and was not used."""

    code = "untrusted"


@frozen(str=False)
class ProjectPageError(UntrustedError):
    """The index that owns the project gave no usable page for it.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order; the last one is the one at fault.
    """

    code = "project-page"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"the index that answers for {self.name!r} gave no usable page{tried_lines(self.tried)}"


@frozen(str=False)
class PageError(UntrustedError):
    """A page is no page of a simple repository API.

    Attributes:
        url: The page's URL.
        reason: `not-an-index`, `malformed`, `unsupported-version` or `limit`.
        detail: What was seen.
    """

    code = "page"

    url: str
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.url}: {shown(self.detail)} ({self.reason})"


@frozen(str=False)
class CertificateError(UntrustedError):
    """TLS does not vouch for the other side: nothing was sent to it.

    Attributes:
        url: What was asked for.
        detail: What is wrong with the certificate of the server or the proxy, and what it was checked against.
        remedy: What to do.
    """

    code = "certificate"

    url: str
    detail: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.url}: {self.detail}; {self.remedy}"


@frozen(str=False)
class RedirectError(UntrustedError):
    """A redirect that is not followed.

    Attributes:
        url: What was asked for.
        target: Where the server wanted to send us.
        reason: Why it is refused, and what would allow it.
    """

    code = "redirect"

    url: str
    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url} redirects to {self.target}: {self.reason}"


@frozen(str=False)
class AddressError(UntrustedError):
    """A link or a redirect leads to an address that its giver must not lead to; nothing was sent.

    Attributes:
        url: Where it leads.
        given_by: Who gave the link or the redirect.
    """

    code = "address"

    url: str
    given_by: str

    def __str__(self) -> str:
        return (
            f"{self.given_by} leads to {self.url}, whose address is private to this machine or its network, or a metadata service's; "
            "nothing was sent. Tell whoever runs the index; an index inside of your network may link there"
        )


@frozen(str=False)
class DigestError(UntrustedError):
    """A file's bytes are not those that were promised; another attempt can find the right ones.

    Attributes:
        url: The file's URL.
        expected: The digest or the size that was promised, as text.
        actual: What came.
    """

    code = "digest"
    retryable = True

    url: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.url}: expected {self.expected}, got {self.actual}; the file was thrown away"


@frozen(str=False)
class TruncatedError(DigestError):
    """A file ended before its promised size, though the server's answer was whole: a copy that was cut short before."""

    code = "truncated"


@frozen(str=False)
class TooLargeError(UntrustedError):
    """Something is larger than a limit allows.

    Attributes:
        what: What is too large: a URL or a file's name.
        limit: The limit's name in `limits`.
        allowed: The limit.
        actual: How large it is, or None where reading stopped at the limit.
    """

    code = "too-large"

    what: str
    limit: str
    allowed: int
    actual: int | None = None

    def __str__(self) -> str:
        size = f"has {self.actual}" if self.actual is not None else "has more"
        return f"{shown(self.what)} {size}, `limits.{self.limit}` allows {self.allowed}"


@frozen(str=False)
class ArchiveError(UntrustedError):
    """An archive that is refused whole.

    Attributes:
        filename: The archive's name.
        reason: A reason code of `pydeps_host.archive`, stable.
        detail: What was seen.
        entry: The entry at fault, escaped, or None where it is the archive as a whole.
        offset: Where, in bytes from the start of the (inflated) archive, or None.
    """

    code = "archive"

    filename: str
    reason: str
    detail: str
    entry: str | None = None
    offset: int | None = None

    def __str__(self) -> str:
        entry = f", entry {shown(self.entry)!r}" if self.entry is not None else ""
        offset = f" at byte {self.offset}" if self.offset is not None else ""
        return f"{shown(self.filename)} is refused ({self.reason}){entry}{offset}: {shown(self.detail)}"


@frozen(str=False)
class NoCandidateError(UntrustedError):
    """Every file of a release was refused, damaged or gone.

    Attributes:
        name: The normalised name.
        version: The release's text.
        causes: What was wrong with each file, in the order in which they were tried.
    """

    code = "no-candidate"

    name: str
    version: str
    causes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = "".join(f"\n  {shown(filename)}: {shown(cause)}" for filename, cause in self.causes)
        return f"{self.name} {shown(self.version)}: no file of this release can be used{lines}"


@frozen(str=False)
class RefusedBeforeError(UntrustedError):
    """A version whose files were refused by an earlier sync, and are still the same.

    Attributes:
        what: The project and the version.
        message: What it was refused for.
    """

    code = "refused-before"

    what: str
    message: str

    def __str__(self) -> str:
        return f"{shown(self.what)} was refused before, and is downloaded again once its files or `limits` change: {self.message}"


@frozen(str=False)
class ChangedError(UntrustedError):
    """A version's file is not the one that the version was made of; the tag stays.

    Attributes:
        what: The project and the version.
        filename: The file.
        recorded: The SHA-256 that is trusted since it was first seen.
        offered: What the index has now.
    """

    code = "changed"

    what: str
    filename: str
    recorded: str
    offered: str

    def __str__(self) -> str:
        return (
            f"{shown(self.what)}: {shown(self.filename)} had sha256 {self.recorded} when it was first seen and has {self.offered} now; "
            "nothing was taken. Ask the index's owner why it changed"
        )


@frozen(str=False)
class OwnerChangedError(UntrustedError):
    """Another index would take over a project whose owner is recorded.

    Attributes:
        name: The normalised name.
        recorded: The index that the project came from so far.
        offered: The index that has it now.
    """

    code = "owner-changed"

    name: str
    recorded: str
    offered: str

    def __str__(self) -> str:
        return (
            f"{self.name} came from {shown(self.recorded)} so far, and now {shown(self.offered)} would answer for it; "
            "nothing was taken. If the project moved, give the new index the recorded `name`"
        )
