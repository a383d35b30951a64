"""What went wrong below, in words of ours.

httpx's exceptions hold the request, and their messages may repeat what a
server sent. Neither leaves the transport: a fault is a few fixed words.
"""

import socket
import ssl
from collections.abc import Iterator

from attrs import frozen

from pydeps_host.transport.options import TransportOptions


@frozen(str=False)
class Fault(Exception):  # noqa: N818  # It never reaches a caller: it becomes an UnavailableError there.
    """An attempt that brought no answer.

    Attributes:
        detail: What was seen.
        final: Whether another attempt would only see it again.
    """

    detail: str
    final: bool = False


class HeaderTooLargeError(Exception):
    """A response's header is larger than the engine reads."""


def fault_of(problem: BaseException, options: TransportOptions) -> Fault | HeaderTooLargeError:
    """Return what an exception of httpx, or one that it lets through, means."""
    import httpx

    chain = list(_causes(problem))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Fault(f"the server's certificate is not trusted: {cause.verify_message}", final=True)
        if isinstance(cause, socket.gaierror):
            return Fault("the host's name cannot be looked up")
        # h11's sign of a header that does not end: the status that a server would answer.
        if getattr(cause, "error_status_hint", None) == 431:
            return HeaderTooLargeError()
    match problem:
        case UnicodeError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return Fault("the URL cannot be asked for: its host is no name, or it is too long", final=True)
        case httpx.ConnectTimeout():
            return Fault(f"no connection within {options.connect_timeout:g} s")
        case httpx.PoolTimeout():
            return Fault("no connection became free in time")
        case httpx.TimeoutException():
            return Fault(f"the server did nothing for {options.read_timeout:g} s")
        case httpx.ProxyError():
            return Fault(f"the proxy answered {str(problem)[:3]}")
        case _:
            return Fault(_unspecific(problem, chain))


def _unspecific(problem: BaseException, chain: list[BaseException]) -> str:
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or 'the connection ended'}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"the connection failed: {cause.strerror}"
    # Both texts are those of the libraries, and hold nothing from outside.
    text = str(problem)
    if text.startswith(("Server disconnected", "peer closed connection")):
        return "the server closed the connection"
    return "the connection failed" if isinstance(problem, OSError) else "the answer is not HTTP"


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = problem
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
