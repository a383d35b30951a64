"""A transport that answers from prepared responses, for tests that need no server."""

from collections.abc import Callable

from pydeps_host.transport import Headers, Request, Response
from pydeps_host.values import Url

Reply = Callable[[Request], Response]


class Scripted:
    """A transport that answers from prepared responses and errors, and remembers what it was asked."""

    def __init__(self, *replies: Response | Exception | Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def send(self, request: Request, /) -> Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else reply


def reply(status: int = 200, body: bytes = b"", *, url: str | None = None, **headers: str) -> Reply:
    fields = Headers.of((name.replace("_", "-"), value) for name, value in {"content_type": "text/html", **headers}.items())
    return lambda request: Response(Url.parse(url) if url else request.url, status, fields, body, 1)


class Site:
    """A transport that answers by URL, whatever the order; what it does not know is a 404."""

    def __init__(self, replies: dict[str, Reply | Exception]) -> None:
        self.replies = replies
        self.asked: list[str] = []

    def send(self, request: Request, /) -> Response:
        url = request.url.without_credentials().reveal()
        self.asked.append(url)
        answer = self.replies.get(url, reply(404))
        if isinstance(answer, Exception):
            raise answer
        return answer(request)
