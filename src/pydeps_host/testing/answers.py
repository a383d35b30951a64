"""What a fake index may answer instead of the truth."""

from collections.abc import Callable

from attrs import field, frozen

from pydeps_host.errors import HostError
from pydeps_host.transport import Headers, Request


@frozen
class Answer:
    """An answer in every detail.

    Attributes:
        status: The HTTP status.
        body: The body.
        headers: Header fields as (name, value); a `Content-Type` of `text/html` unless one is given.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> Headers:
        """The header as a transport gives it."""
        given = Headers.of(self.headers)
        return given if "content-type" in given else Headers.of((*self.headers, ("content-type", "text/html")))


@frozen
class Redirect:
    """A redirect to another place, followed by the rules that the real transport follows.

    Attributes:
        location: Where to; relative to what was asked for, or a whole URL.
        status: 301, 302, 303, 307 or 308.
    """

    location: str
    status: int = 302


# A status; the bytes of a 200; an answer; a redirect; an error that the transport
# raises; or a function that is given the request, and after which the truth is told.
Step = int | bytes | Answer | Redirect | HostError | Callable[[Request], None]


def answer_of(step: int | bytes | Answer | Redirect) -> Answer:
    """Return what a step answers."""
    match step:
        case int():
            return Answer(step)
        case bytes():
            return Answer(body=step, headers=(("content-type", "application/octet-stream"),))
        case Redirect():
            return Answer(step.status, headers=(("location", step.location),))
        case _:
            return step
