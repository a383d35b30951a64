"""One index, asked for one project."""

import hashlib
from typing import Final

from attrs import field, frozen
from packaging.utils import NormalizedName

from pydeps_host.config import Index, Redirects
from pydeps_host.errors import (
    AddressError,
    CertificateError,
    ClientCertificateError,
    PageError,
    ProxyAccessError,
    RateLimitedError,
    RedirectError,
    TooLargeError,
    UnavailableError,
)
from pydeps_host.limiter import Priority
from pydeps_host.simple_api.folder import ask_folder
from pydeps_host.simple_api.kept import (
    KeptPage,
    NoPages,
    PageStore,
    access_of,
    final_url,
    holds_secret,
    is_intact,
    validators_of,
    written,
)
from pydeps_host.simple_api.page import parse_project
from pydeps_host.simple_api.project import Project
from pydeps_host.transport import Identified, Request, Response, Transport, same_origin
from pydeps_host.values import Limits, Outcome, Tried, Url, UrlSyntaxError, shown

# As the simple repository API recommends it, "Version + Format Selection".
ACCEPT: Final = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

# Nothing that is kept on the way is taken, either (RFC 9111, section 5.2.1.4).
_ANEW: Final = (("Cache-Control", "no-cache"),)

_STATUSES: Final = {
    401: Outcome.AUTHENTICATION_REQUIRED,
    402: Outcome.FORBIDDEN,
    403: Outcome.FORBIDDEN,
    404: Outcome.ABSENT,
    407: Outcome.PROXY_AUTHENTICATION_REQUIRED,
    408: Outcome.UNAVAILABLE,
    410: Outcome.ABSENT,
    425: Outcome.UNAVAILABLE,
    429: Outcome.RATE_LIMITED,
    451: Outcome.FORBIDDEN,
}
_SERIAL: Final = "x-pypi-last-serial"
_LONGEST_SERIAL: Final = 18
_WENT_BACK: Final = (
    "{url} went back in time: its page has serial {serial}, and {before} was seen before. The page of that time is used;"
    " if the index was set back on purpose, sync once with `--refresh`"
)
# Takes the place of a page that is to be kept no longer; it is not intact, so nobody asks about it.
_NOTHING: Final = KeptPage(b"", "")
_PAGE_REASONS: Final = {"not-an-index": Outcome.NOT_AN_INDEX, "unsupported-version": Outcome.UNSUPPORTED_VERSION}


@frozen
class Ask:
    """One question to one index.

    Attributes:
        index: Who is asked.
        name: The project, normalised.
        deadline: When to give up, in seconds of `time.monotonic()`, or None.
        priority: Who goes first where requests wait.
        url: The project's page, with the trailing slash that PEP 503 asks for.
    """

    index: Index
    name: NormalizedName
    deadline: float | None = field(default=None, kw_only=True)
    priority: Priority = field(default=Priority.BULK, kw_only=True)
    url: Url = field(init=False)

    @url.default
    def _page(self) -> Url:
        return self.index.url.child(self.name)


@frozen
class Answer:
    """What one index said about one project.

    Attributes:
        tried: The outcome, typed.
        project: The page, for `FOUND`, `EMPTY` and `QUARANTINED`; else None.
        notice: What a person should know about it, escaped; empty where there is nothing.
    """

    tried: Tried
    project: Project | None = None
    notice: str = ""


@frozen
class _Page:
    """A page that was read, and how it came; a folder's has no status."""

    project: Project
    status: int | None = None
    notice: str = ""


class SimpleClient:
    """Asks an index for a project's page, and says what the answer means.

    Safe to share between threads when its transport and its store are.
    """

    def __init__(
        self, transport: Transport, *, pages: PageStore | None = None, limits: Limits | None = None, refresh: bool = False
    ) -> None:
        """Take what the client works with.

        Args:
            transport: How servers are asked.
            pages: Where pages are kept for conditional requests, or None.
            limits: What is enforced while pages are read.
            refresh: Whether every page is asked for anew, whatever is kept of it here or on the way.
        """
        self._transport = transport
        self._refresh = refresh
        self._pages = pages if pages is not None else NoPages()
        self._keeps = pages is not None
        self._limits = limits if limits is not None else Limits()
        self._access: dict[Url, str] = {}

    def ask(self, ask: Ask) -> Answer:
        """Ask one index for one project.

        Whatever the index says or fails to say comes back as an outcome. A folder
        (`file://`) is read without a request.

        Raises:
            DeadlineError: The time ran out.
            ClosedError: The transport was closed.
        """
        try:
            answer = self._look(ask) if ask.index.url.scheme == "file" else self._fetch(ask)
        except RedirectError as refused:
            outcome = Outcome.ABSENT if _means_absent(refused, ask) else Outcome.REDIRECT_REFUSED
            return Answer(Tried(ask.url, outcome, shown(f"to {refused.target}: {refused.reason}")))
        except AddressError as refused:
            return Answer(Tried(ask.url, Outcome.ADDRESS_REFUSED, shown(f"to {refused.url}")))
        except RateLimitedError as limited:
            return Answer(Tried(ask.url, Outcome.RATE_LIMITED, "it asks for more quiet than it is granted", until=limited.until))
        except UnavailableError as failed:
            return Answer(Tried(ask.url, Outcome.UNAVAILABLE, shown(failed.detail), failed.status))
        except CertificateError as untrusted:
            return Answer(Tried(ask.url, Outcome.UNTRUSTED_CERTIFICATE, shown(untrusted.detail)))
        except ClientCertificateError as unknown:
            return Answer(Tried(ask.url, Outcome.CLIENT_CERTIFICATE_REQUIRED, shown(unknown.detail), unknown.status))
        except ProxyAccessError as refused:
            return Answer(Tried(ask.url, Outcome.PROXY_AUTHENTICATION_REQUIRED, shown(f"{refused.proxy} {refused.detail}"), refused.status))
        except TooLargeError as large:
            return Answer(Tried(ask.url, Outcome.MALFORMED, shown(str(large))))
        except PageError as odd:
            outcome = _PAGE_REASONS.get(odd.reason, Outcome.MALFORMED)
            return Answer(Tried(ask.url, outcome, shown(ask.url.mask(odd.detail))))
        return _judged(answer, ask) if isinstance(answer, _Page) else Answer(answer)

    def _look(self, ask: Ask) -> _Page | Tried:
        found = ask_folder(ask.index.url, ask.name, self._limits)
        return _Page(found) if isinstance(found, Project) else found

    def _fetch(self, ask: Ask) -> _Page | Tried:
        kept = None if self._refresh else self._kept(ask)
        response = self._send(ask, validators_of(kept) if kept else ())
        if response.status == 304 and kept is not None:
            project = self._read_kept(ask, kept)
            if project is not None:
                return _Page(project, 304)
            # What is kept can no longer be read: asked anew, as if nothing were.
            kept = None
            response = self._send(ask, ())
        if response.status not in {200, 203} or response.status in ask.index.absent_status:
            return _refusal(response, ask)
        content_type = response.headers.get("content-type") or ""
        project = parse_project(response.body, content_type=content_type, url=response.url, name=ask.name, limits=self._limits)
        serial = _serial(project, response)
        if kept is not None and kept.serial is not None and serial is not None and serial < kept.serial:
            newer = self._read_kept(ask, kept)
            if newer is not None:
                return _Page(newer, response.status, _WENT_BACK.format(url=ask.url, serial=serial, before=kept.serial))
        self._keep(ask, (response, project, serial), kept)
        return _Page(project, response.status)

    def _send(self, ask: Ask, headers: tuple[tuple[str, str], ...]) -> Response:
        return self._transport.send(
            Request(
                ask.url,
                max_bytes=self._limits.page_bytes,
                max_bytes_name="page_bytes",
                accept=ACCEPT,
                headers=(*headers, *_ANEW) if self._refresh else headers,
                gzip=True,
                redirects=ask.index.redirects,
                allowed_hosts=ask.index.allowed_hosts,
                priority=ask.priority,
                deadline=ask.deadline,
            )
        )

    def _access_of(self, ask: Ask) -> str:
        url = ask.index.url
        if url not in self._access:
            who = self._transport.asks_as(url, ask.deadline) if isinstance(self._transport, Identified) else None
            self._access[url] = access_of(url, who)
        return self._access[url]

    def _kept(self, ask: Ask) -> KeptPage | None:
        kept = self._pages.load(ask.index.name, ask.name) if self._keeps else None
        return kept if kept is not None and is_intact(kept, self._access_of(ask)) else None

    def _read_kept(self, ask: Ask, kept: KeptPage) -> Project | None:
        url = final_url(kept, ask.url)
        if url is None:
            return None
        try:
            return parse_project(kept.body, content_type=kept.content_type, url=url, name=ask.name, limits=self._limits)
        except (PageError, TooLargeError):
            return None

    def _keep(self, ask: Ask, came: tuple[Response, Project, int | None], kept: KeptPage | None) -> None:
        response, project, serial = came
        etag, modified = response.headers.get("etag") or "", response.headers.get("last-modified") or ""
        url = written(ask.url, response.url)
        if not self._keeps:
            return
        is_secret = holds_secret(response.body, project, ask.url)
        if is_secret or url is None or not (etag or modified or serial is not None):
            # What was kept before must not outlive its secret, nor a question that was to go by nothing kept.
            if is_secret or self._refresh:
                self._drop(ask)
            return
        page = KeptPage(
            response.body,
            response.headers.get("content-type") or "",
            url,
            etag,
            modified,
            sha256=hashlib.sha256(response.body).hexdigest(),
            access=self._access_of(ask),
            serial=serial,
        )
        if page != kept:
            self._pages.save(ask.index.name, ask.name, page)

    def _drop(self, ask: Ask) -> None:
        before = self._pages.load(ask.index.name, ask.name)
        if before is not None and before != _NOTHING:
            self._pages.save(ask.index.name, ask.name, _NOTHING)


def _refusal(response: Response, ask: Ask) -> Tried:
    """Say what a status other than 200 means; which ones mean absent is the index's to say."""
    status = response.status
    if status in ask.index.absent_status:
        outcome = Outcome.ABSENT
    elif status >= 500:
        outcome = Outcome.UNAVAILABLE
    elif response.wants_client_certificate:
        outcome = Outcome.CLIENT_CERTIFICATE_REQUIRED
    else:
        outcome = _STATUSES.get(status, Outcome.NOT_AN_INDEX)
    until = response.retry_at if outcome in {Outcome.RATE_LIMITED, Outcome.UNAVAILABLE} else None
    # A server whose root is given answers so for every project: it is no index there, and says so in no other way.
    hint = "; the URL has no path, and that of an index often ends in /simple" if ask.index.url.path == "/" and status in {404, 410} else ""
    return Tried(ask.url, outcome, f"status {status}{hint}", status, until)


def _serial(project: Project, response: Response) -> int | None:
    """Return the number of the project's last change, from the page or from the header that some servers give."""
    if project.last_serial is not None:
        return project.last_serial
    said = response.headers.get(_SERIAL) or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= _LONGEST_SERIAL else None


def _judged(page: _Page, ask: Ask) -> Answer:
    """Say what a readable page means."""
    project, status = page.project, page.status
    if project.status == "quarantined":
        return Answer(Tried(ask.url, Outcome.QUARANTINED, shown(ask.url.mask(project.status_reason or "")), status), project, page.notice)
    if project.files:
        return Answer(Tried(ask.url, Outcome.FOUND, "", status), project, page.notice)
    odd = [entry for entry in project.skipped if entry.reason != "no-filename"]
    if odd:
        detail = f"none of its {len(odd)} entries can be used: the first, {odd[0].text!r}, for {odd[0].reason}"
        return Answer(Tried(ask.url, Outcome.MALFORMED, shown(ask.url.mask(detail)), status))
    empty = Outcome.ABSENT if ask.index.empty_is_absent else Outcome.EMPTY
    return Answer(Tried(ask.url, empty, "a page without files", status), project if empty is Outcome.EMPTY else None, page.notice)


def _means_absent(refused: RedirectError, ask: Ask) -> bool:
    """Whether `redirects: absent` speaks of this redirect: one to another origin, and not from https to http.

    A loop among the index's own hosts is a fault of the index, and must not let
    the next one be asked.
    """
    if ask.index.redirects is not Redirects.ABSENT:
        return False
    try:
        target = Url.parse(refused.target)
    except UrlSyntaxError:
        return False
    if refused.url.startswith("https:") and target.scheme == "http":
        return False
    return not same_origin(ask.index.url.origin, target.origin) and target.host not in ask.index.allowed_hosts
