"""The one tree of errors.

Each branch answers one question that a caller asks:

| branch | question |
|---|---|
| `InputError` | is it my input? |
| `MissingError` | is it not there? |
| `AccessError` | may I not see it? |
| `TemporaryError` | shall I try again later? |
| `UntrustedError` | did the other side lie, or send what cannot be trusted? |
| `StoreError` | is my disk in order? |

Every error carries its facts as plain fields, in the order in which it is made,
survives pickling, and shows no secret: a URL in it is the text that
`str(Url)` gives. The message is made of the fields when it is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from pydeps_host.values import Tried, shown


class HostError(Exception):
    """The root of every error that this library raises on purpose.

    Attributes:
        code: A stable name for programs, in lower case with hyphens.
        retryable: Whether trying again later, with nothing changed, can help.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


# --- is it my input? ---------------------------------------------------------


class InputError(HostError):
    """What the caller gave cannot be used; nothing was done."""

    code = "input"


@frozen
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        place: Where: `dependencies[3]`, `rateLimit.requestsPerHour`, `line 4, column 7`; may be empty.
        message: What is wrong.
        remedy: What would be right.
    """

    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.message}; {self.remedy}" if self.remedy else f"{place}{self.message}"


@frozen(str=False)
class ConfigError(InputError):
    """A configuration with problems, all of them at once.

    Attributes:
        source: The file's name, or what the text was.
        problems: In the order of the text, one at least.
    """

    code = "config"

    source: str
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        count = len(self.problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        return f"{shown(self.source)}: {count} problem{'s' if count > 1 else ''}{lines}"


@frozen(str=False)
class DependencyError(InputError):
    """A text that is no dependency.

    Attributes:
        text: What was given.
        problem: What is wrong, and what to write instead.
    """

    code = "dependency"

    text: str
    problem: Problem

    def __str__(self) -> str:
        return f"{shown(self.text)!r}: {self.problem}"


@frozen(str=False)
class UsageError(InputError):
    """A call that makes no sense as it was made.

    Attributes:
        message: What is wrong.
        remedy: What would be right.
    """

    code = "usage"

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


# --- is it not there? --------------------------------------------------------


class MissingError(HostError):
    """An index was asked and does not have it."""

    code = "missing"


@frozen(str=False)
class ProjectNotFoundError(MissingError):
    """No URL of the chain has the project.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order.
    """

    code = "project-not-found"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"no index has the project {self.name!r}{_tried_lines(self.tried)}"


@frozen(str=False)
class VersionNotFoundError(MissingError):
    """The project's owner has no release that the dependency asks for.

    Attributes:
        dependency: The dependency's text.
        index: The owner's page.
        reason: Why nothing came into question.
        near: Releases that are there, the nearest first, a few.
    """

    code = "version-not-found"

    dependency: str
    index: str
    reason: str
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        near = f"; it has {', '.join(shown(text) for text in self.near)}" if self.near else ""
        return f"{shown(self.dependency)}: {self.reason} at {self.index}{near}"


@frozen(str=False)
class FileGoneError(MissingError):
    """A file that a page lists is not where the page says.

    Attributes:
        url: The file's URL.
        status: The HTTP status, or None for a file on disk.
    """

    code = "file-gone"

    url: str
    status: int | None

    def __str__(self) -> str:
        return f"{self.url} is listed by the index and not there ({self.status or 'no such file'})"


@frozen(str=False)
class NotStoredError(MissingError):
    """The store has no such repository, or the repository no such version.

    Attributes:
        what: The repository or the version that was asked for.
        where: The store or the repository, as a path.
    """

    code = "not-stored"

    what: str
    where: str

    def __str__(self) -> str:
        return f"{shown(self.what)} is not in {shown(self.where)}; `sync` brings it there"


# --- may I not see it? -------------------------------------------------------


@frozen(str=False)
class AccessError(HostError):
    """The server refused the request for lack of credentials or permission.

    Attributes:
        url: What was asked for.
        status: 401, 403 or 407; of a lacking client certificate 400, or None where TLS ended before an answer.
        remedy: What to do.
    """

    code = "access"

    url: str
    status: int | None
    remedy: str

    def __str__(self) -> str:
        return f"{self.url} answered {self.status}; {self.remedy}"


@frozen(str=False)
class ClientCertificateError(AccessError):
    """The server wants a client certificate: none was shown, or one that it does not take.

    Attributes:
        detail: What was seen.
    """

    code = "client-certificate"

    detail: str

    def __str__(self) -> str:
        return f"{self.url}: {shown(self.detail)}; {self.remedy}"


@frozen(str=False)
class ProxyAccessError(AccessError):
    """The proxy, and not the server behind it, wants a user name and a password: none were sent, or wrong ones.

    Attributes:
        proxy: The proxy's URL, and what named it: an option or an environment variable.
        detail: What was seen.
    """

    code = "proxy-access"

    proxy: str
    detail: str

    def __str__(self) -> str:
        return f"{self.url} was not reached: {self.proxy} {shown(self.detail)}; {self.remedy}"


@frozen(str=False)
class ProjectAccessError(AccessError):
    """The index that answers for a project refused its page for lack of credentials or permission.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order; the last one is the one that refused.
    """

    code = "project-access"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"the index that answers for {self.name!r} refused it{_tried_lines(self.tried)}"


# --- shall I try again later? ------------------------------------------------


class TemporaryError(HostError):
    """Nothing is wrong that time, or another attempt, could not mend."""

    code = "temporary"
    retryable = True


@frozen(str=False)
class UnavailableError(TemporaryError):
    """A server did not answer as it should, after every attempt.

    Attributes:
        url: What was asked for.
        detail: What was seen: a status, a time-out, a reset.
        status: The last HTTP status, or None where no answer came.
        attempts: How many requests went out.
    """

    code = "unavailable"

    url: str
    detail: str
    status: int | None
    attempts: int

    def __str__(self) -> str:
        return f"{self.url}: {shown(self.detail)} after {self.attempts} attempt{'s' if self.attempts != 1 else ''}; try again later"


@frozen(str=False)
class ProjectUnavailableError(TemporaryError):
    """The index that answers for a project did not answer now, or limits the rate.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order; the last one is the one at fault.
    """

    code = "project-unavailable"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"the index that answers for {self.name!r} did not answer{_tried_lines(self.tried)}"


@frozen(str=False)
class RateLimitedError(TemporaryError):
    """The server still answered 429 after every attempt.

    Attributes:
        url: What was asked for.
        until: When the server said that it will answer again (UTC), or None.
        attempts: How many requests went out.
    """

    code = "rate-limited"

    url: str
    until: datetime | None
    attempts: int

    def __str__(self) -> str:
        when = f" until {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until else ""
        return f"{self.url} limits the rate{when}; try again later, or lower `requestsPerHour`"


@frozen(str=False)
class DeadlineError(TemporaryError):
    """The time that the caller gave ran out.

    Attributes:
        doing: What was being waited for.
    """

    code = "deadline"

    doing: str

    def __str__(self) -> str:
        return f"the deadline passed while {shown(self.doing)}; allow more time, or try again later"


@frozen(str=False)
class ClosedError(TemporaryError):
    """The host was closed, or the sync interrupted, while this was under way.

    Attributes:
        doing: What was being done.
    """

    code = "closed"

    doing: str

    def __str__(self) -> str:
        return f"stopped while {shown(self.doing)}; what was published stays, the next sync goes on from there"


@frozen(str=False)
class BackoffError(TemporaryError):
    """A version failed more than once, and is left alone for a while.

    Attributes:
        what: The project and the version.
        until: When the next sync tries it again (UTC).
        message: What it failed for last.
    """

    code = "backoff"

    what: str
    until: datetime
    message: str

    def __str__(self) -> str:
        return f"{shown(self.what)} is not tried again before {self.until:%Y-%m-%d %H:%M:%S} UTC; it failed last for: {self.message}"


# --- did the other side lie? -------------------------------------------------


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
        return f"the index that answers for {self.name!r} gave no usable page{_tried_lines(self.tried)}"


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
class DigestError(UntrustedError):
    """A file's bytes are not those that were promised.

    Attributes:
        url: The file's URL.
        expected: The digest or the size that was promised, as text.
        actual: What came.
    """

    code = "digest"

    url: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.url}: expected {self.expected}, got {self.actual}; the file was thrown away"


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


# --- is my disk in order? ----------------------------------------------------


class StoreError(HostError):
    """The store cannot be used as it is; its state is as it was before."""

    code = "store"


@frozen(str=False)
class FormatError(StoreError):
    """A store or a repository written by a newer version of this library.

    Attributes:
        path: The file that says so.
        found: Its format number.
        supported: The highest that this version reads.
    """

    code = "format"

    path: str
    found: int
    supported: int

    def __str__(self) -> str:
        return f"{shown(self.path)} has format {self.found}, this version reads up to {self.supported}; upgrade pydeps-host"


@frozen(str=False)
class DiskError(StoreError):
    """The operating system refused to read or write.

    Attributes:
        path: The file or folder.
        doing: What was being done.
        reason: The system's own words.
        errno: Its number, or None.
    """

    code = "disk"
    retryable = True

    path: str
    doing: str
    reason: str
    errno: int | None = None

    def __str__(self) -> str:
        return f"{self.doing} {shown(self.path)}: {self.reason}; nothing published was lost, mend it and sync again"


@frozen(str=False)
class DamagedError(StoreError):
    """A file of the store does not hold what it must.

    Attributes:
        path: The file.
        detail: What is wrong.
    """

    code = "damaged"

    path: str
    detail: str

    def __str__(self) -> str:
        return f"{shown(self.path)} is damaged: {shown(self.detail)}; set the repository aside and sync it again"


@frozen(str=False)
class LockedError(StoreError):
    """Another process held a lock for longer than this one may wait.

    Attributes:
        path: The lock's file.
        seconds: How long it was waited for.
    """

    code = "locked"
    retryable = True

    path: str
    seconds: float

    def __str__(self) -> str:
        return f"{shown(self.path)} was locked by another process for {self.seconds:.1f} s; try again later"


@contextmanager
def disk_errors(path: object, doing: str) -> Iterator[None]:
    """Raise a `DiskError` for every `OSError` from inside.

    Args:
        path: What the error is about.
        doing: What is being done, as in "writing".
    """
    try:
        yield
    except OSError as error:
        raise DiskError(str(path), doing, error.strerror or str(error), error.errno) from error


def _tried_lines(tried: tuple[Tried, ...]) -> str:
    return "".join(f"\n  {one}" + (f"; {one.outcome.remedy}" if one.outcome.remedy else "") for one in tried)
