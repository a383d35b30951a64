"""An index that lives in memory, asked through the `Transport` protocol."""

import threading
import time
from collections import deque
from typing import Final
from urllib.parse import quote

from attrs import evolve
from packaging.utils import canonicalize_name

from pydeps_host.errors import DeadlineError, HostError, TooLargeError, UnavailableError
from pydeps_host.testing.answers import Answer, Redirect, Step, answer_of
from pydeps_host.testing.distributions import Distribution
from pydeps_host.testing.pages import Listed, Page, page_answer
from pydeps_host.transport import Request, Response, same_origin
from pydeps_host.transport.redirects import redirect_target
from pydeps_host.values import Url

# What the real transport asks again, and how often in all.
_REPEATED: Final = frozenset({408, 429, 500, 502, 503, 504})
_ATTEMPTS: Final = 4
_FILES: Final = "files"
_PLAIN: Final = Listed()


class FakeIndex:
    """An index without a network: a `Transport` that answers at once, from memory.

    It repeats and redirects as the real transport does, but never waits. What it
    has no page or file for is a 404. A URL with credentials makes it a private
    index: who brings others gets a 401. Safe to share between threads.

    Attributes:
        url: Its URL, for `urls` of a configuration.
    """

    def __init__(self, url: str = "https://index.example.com/simple", *, json: bool = True) -> None:
        """Open an index with nothing in it.

        Args:
            url: Where it claims to be.
            json: Whether its pages are JSON; otherwise they are HTML.
        """
        self.url = url
        self._url = Url.parse(url)
        self._json = json
        self._lock = threading.Lock()
        self._pages: dict[str, Page] = {}
        self._scripts: dict[str, deque[Step]] = {}
        self._always: dict[str, Step] = {}
        self._requests: list[Request] = []

    def add(self, *distributions: Distribution, listed: Listed = _PLAIN) -> None:
        """Offer files; one of a name that is there takes its place.

        Args:
            distributions: The files; each goes to its own project's page.
            listed: What the page says of each.
        """
        with self._lock:
            for one in distributions:
                path, page = self._page(one.name)
                self._pages[path] = evolve(page, files={**page.files, one.filename: (one, listed)})

    def add_project(self, name: str, *, status: str = "active") -> None:
        """Have a page for a project, with no file on it unless some are there.

        Args:
            name: The project, in any spelling.
            status: Its status (PEP 792), such as `quarantined`.
        """
        with self._lock:
            path, page = self._page(name)
            self._pages[path] = evolve(page, status=status)

    def remove(self, filename: str) -> None:
        """Take a file from its page and its place; one that is not there is fine."""
        with self._lock:
            for path, page in self._pages.items():
                files = {name: listed for name, listed in page.files.items() if name != filename}
                self._pages[path] = evolve(page, files=files)

    def remove_project(self, name: str) -> None:
        """Forget a project and its files."""
        with self._lock:
            self._pages.pop(self.page_path(name), None)

    def script(self, path: str, *steps: Step) -> None:
        """Answer the next requests for a path in another way, one step a request; then tell the truth again.

        A status that servers recover from (408, 429, 500, 502, 503, 504) is asked
        again at once, four times in all, and each time takes a step.

        Args:
            path: What `page_path` or `file_path` gives, or any other path.
            steps: What to do, in order; they follow those that are left from before.
        """
        with self._lock:
            self._scripts.setdefault(path, deque()).extend(steps)

    def script_always(self, path: str, step: Step | None) -> None:
        """Answer every request for a path that has no step left in one way; None ends that."""
        with self._lock:
            if step is None:
                self._always.pop(path, None)
            else:
                self._always[path] = step

    def page_path(self, name: str) -> str:
        """Return the path of a project's page."""
        return self._url.child(canonicalize_name(name)).path

    def file_path(self, filename: str) -> str:
        """Return the path of a file."""
        return f"/{_FILES}/{quote(filename)}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """Everything that was asked, in order; repetitions and redirects are requests too."""
        with self._lock:
            return tuple(self._requests)

    @property
    def pages(self) -> tuple[str, ...]:
        """The projects whose pages were asked for, in order."""
        below = f"{self._url.path.rstrip('/')}/"
        asked = (request.url.path for request in self.requests)
        return tuple(path.removeprefix(below).rstrip("/") for path in asked if path.startswith(below))

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that were asked for, in order."""
        return tuple(request.url.filename for request in self.requests if request.url.path.startswith(f"/{_FILES}/"))

    def send(self, request: Request, /) -> Response:
        """Answer, as `Transport.send`."""
        return FakeNetwork(self).send(request)

    def is_at(self, url: Url) -> bool:
        """Whether a URL leads here."""
        return same_origin(self._url.origin, url.origin)

    def answer(self, request: Request) -> Answer:
        """Answer one request, without repeating or redirecting anything.

        Raises:
            HostError: One that was scripted.
        """
        step = self._take(request)
        if isinstance(step, HostError):
            raise step
        if isinstance(step, int | bytes | Answer | Redirect):
            return answer_of(step)
        if step is not None:
            step(request)
        return self._truth(request)

    def _page(self, name: str) -> tuple[str, Page]:
        path = self.page_path(name)
        return path, self._pages.get(path, Page(canonicalize_name(name)))

    def _take(self, request: Request) -> Step | None:
        """Record a request, and take the step that its path has."""
        path = request.url.path
        with self._lock:
            self._requests.append(request)
            steps = self._scripts.get(path)
            return steps.popleft() if steps else self._always.get(path)

    def _truth(self, request: Request) -> Answer:
        if self._url.credentials is not None and _spoken(request.url) != _spoken(self._url):
            return Answer(401)
        with self._lock:
            page = self._pages.get(request.url.path)
            if page is not None:
                return _if_changed(page_answer(page, as_json=self._json, files_path=f"/{_FILES}/"), request)
            data = next((one.data for one, _ in self._listed() if self.file_path(one.filename) == request.url.path), None)
        return Answer(404) if data is None else answer_of(data)

    def _listed(self) -> list[tuple[Distribution, Listed]]:
        return [listed for page in self._pages.values() for listed in page.files.values()]


class FakeNetwork:
    """Several fake indexes behind one `Transport`; nothing else can be reached."""

    def __init__(self, *indexes: FakeIndex) -> None:
        """Join indexes; of two at one origin the first one answers."""
        self._indexes = indexes

    def send(self, request: Request, /) -> Response:
        """Answer, as `Transport.send`."""
        visited = [request.url]
        attempts = 0
        while True:
            answer, took = self._repeated(request, visited[-1])
            attempts = attempts or took
            target = redirect_target(request, visited, answer.status, answer.fields)
            if target is None:
                return _response(request, visited[-1], answer, attempts)
            visited.append(target)

    def _repeated(self, request: Request, url: Url) -> tuple[Answer, int]:
        """Ask one URL until it recovers, or four times."""
        index = next((one for one in self._indexes if one.is_at(url)), None)
        if index is None:
            raise UnavailableError(str(url), "no such host", None, _ATTEMPTS)
        attempt = 0
        while True:
            if request.deadline is not None and time.monotonic() >= request.deadline:
                raise DeadlineError(f"asking {url}")
            attempt += 1
            answer = index.answer(evolve(request, url=url))
            if answer.status not in _REPEATED or attempt == _ATTEMPTS:
                return answer, attempt


def _spoken(url: Url) -> tuple[str, ...]:
    """Return user name and password as they are sent."""
    found = url.credentials
    secrets = (found.username, found.password) if found is not None else ()
    return tuple(secret.reveal() for secret in secrets if secret is not None)


def _if_changed(answer: Answer, request: Request) -> Answer:
    """Answer 304 to who has the page already (RFC 9110, section 13.1.2)."""
    etag = answer.fields.get("etag")
    asked = {name.lower(): value for name, value in request.headers}.get("if-none-match")
    return Answer(304, headers=(("etag", etag),)) if etag is not None and asked == etag else answer


def _response(request: Request, url: Url, answer: Answer, attempts: int) -> Response:
    if answer.status != 200:
        return Response(url, answer.status, answer.fields, answer.body, attempts)
    if len(answer.body) > request.max_bytes:
        raise TooLargeError(str(url), request.max_bytes_name, request.max_bytes)
    if request.into is None:
        return Response(url, 200, answer.fields, answer.body, attempts)
    request.into.restart()
    request.into.write(answer.body)
    return Response(url, 200, answer.fields, b"", attempts)
