"""One request on its way from URL to URL and from attempt to attempt, and each answer to it."""

from datetime import datetime

from attrs import define, field, frozen

from pydeps_host.transport.addresses import Place
from pydeps_host.transport.call import Patience
from pydeps_host.transport.resume import Arriving
from pydeps_host.transport.values import Headers, Request
from pydeps_host.values import Url


@frozen
class Reply:
    """An answer that is here as a whole."""

    status: int
    headers: Headers
    # A traceback shows the variables that hold a reply, and a server may repeat what it was asked.
    body: bytes = field(repr=False)
    received: datetime
    place: Place


@define
class Course:
    """How far one request has come.

    Attributes:
        request: What is asked.
        patience: What ends its waits.
        visited: Every URL so far, the request's own first.
        peer: Where the server is that led to the last of them, None where nobody did.
        attempt: The number of this attempt.
        arriving: What has come of a body that goes to a sink, or None.
    """

    request: Request
    patience: Patience
    visited: list[Url]
    peer: Place | None
    arriving: Arriving | None
    attempt: int = field(default=1, init=False)

    @property
    def url(self) -> Url:
        """What is asked now."""
        return self.visited[-1]

    @property
    def guide(self) -> Url:
        """Who led there."""
        return self.visited[-2] if len(self.visited) > 1 else (self.request.linked_from or self.request.url)
