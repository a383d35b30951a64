"""What went wrong below, in words of ours.

httpx's exceptions hold the request, and their messages may repeat what a
server sent. Neither leaves the transport: a fault is a few fixed words.
"""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pydeps_host.errors import CertificateError, ClientCertificateError
from pydeps_host.transport.environment import Bundle, Proxy
from pydeps_host.transport.options import TransportOptions
from pydeps_host.values import Outcome, Url

if TYPE_CHECKING:
    import ssl

# What a server says of our certificate, or for want of one (RFC 8446, section 6.2), as OpenSSL calls it.
_OURS: Final = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it cannot be read",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "its kind is not taken",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it is revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it is not taken",
    "TLSV1_ALERT_UNKNOWN_CA": "its authority is not trusted there",
    "TLSV1_ALERT_ACCESS_DENIED": "it has no permission",
}
_TIMES: Final = frozenset({9, 10})
_NAMES: Final = frozenset({62, 63, 64})


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


class ForbiddenPlaceError(Exception):
    """The connection was made to an address that the request must not reach; nothing was sent."""


@frozen
class Scene:
    """Where something went wrong.

    Attributes:
        url: What was asked for, as it may be shown.
        proxy: What it was asked through, or None.
        bundle: The certificates that are trusted, None for the usual ones.
        options: How it was asked.
        stage: The last thing that the engine began, by its name of it.
    """

    url: Url
    proxy: Proxy | None
    bundle: Bundle | None
    options: TransportOptions
    stage: str

    @property
    def at_proxy(self) -> bool:
        """Whether it is the proxy who was spoken to: a connection is made to it, and so is TLS until the tunnel stands."""
        return self.proxy is not None and self.stage.startswith("connection.")

    @property
    def to_proxy(self) -> str:
        """`` to the proxy ...`` where it was spoken to, else nothing."""
        return f" to {self.proxy}" if self.at_proxy else ""


def fault_of(problem: BaseException, scene: Scene) -> Fault | HeaderTooLargeError | CertificateError | ClientCertificateError:
    """Return what an exception of httpx, or one that it lets through, means."""
    import ssl

    chain = list(_causes(problem))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, scene)
        if isinstance(cause, ssl.SSLError) and cause.reason in _OURS:
            return _unknown(cause.reason, scene)
        if isinstance(cause, socket.gaierror):
            return Fault("the host's name cannot be looked up" if scene.proxy is None else f"the name of {scene.proxy} cannot be looked up")
        # h11's sign of a header that does not end: the status that a server would answer.
        if getattr(cause, "error_status_hint", None) == 431:
            return HeaderTooLargeError()
    return _of_httpx(problem, chain, scene)


def _of_httpx(problem: BaseException, chain: list[BaseException], scene: Scene) -> Fault:
    import httpx

    match problem:
        case UnicodeError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return Fault("the URL cannot be asked for: its host is no name, or it is too long", final=True)
        case httpx.ConnectTimeout():
            return Fault(f"no connection{scene.to_proxy} within {scene.options.connect_timeout:g} s")
        case httpx.PoolTimeout():
            return Fault("no connection became free in time")
        case httpx.TimeoutException():
            return Fault(f"the server did nothing for {scene.options.read_timeout:g} s")
        case httpx.ProxyError():
            status = str(problem)[:3]
            # What it forbids it will forbid again.
            return Fault(f"{scene.proxy} answered {status}", final=status.startswith("4") and status not in {"408", "429"})
        case _:
            return Fault(_unspecific(problem, chain, scene))


def _untrusted(cause: "ssl.SSLCertVerificationError", scene: Scene) -> CertificateError:
    # The message is OpenSSL's own, and repeats at most the host's name that we gave it.
    detail = f"the certificate of {scene.proxy if scene.at_proxy else 'the server'} is not trusted: {cause.verify_message.rstrip('.')}"
    if cause.verify_code in _TIMES:
        return CertificateError(str(scene.url), detail, "have it renewed, and check this machine's clock")
    if cause.verify_code in _NAMES:
        return CertificateError(str(scene.url), detail, "ask the host by a name that stands in its certificate")
    trusted = "only the usual authorities are trusted" if scene.bundle is None else f"trusted are those of {scene.bundle}"
    return CertificateError(
        str(scene.url),
        f"{detail} ({trusted})",
        "name a file of its authority's certificates with `ca_bundle`, --ca-bundle or SSL_CERT_FILE",
    )


def _unknown(reason: str, scene: Scene) -> ClientCertificateError:
    client = scene.options.client_certificate
    detail = "the server wants a client certificate"
    if client is not None:
        detail = f"the server does not take the client certificate {client.certificate}"
        detail += f": {_OURS[reason]}" if _OURS[reason] else ""
    return ClientCertificateError(str(scene.url), None, Outcome.CLIENT_CERTIFICATE_REQUIRED.remedy, detail)


def _unspecific(problem: BaseException, chain: list[BaseException], scene: Scene) -> str:
    import ssl

    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed: {cause.reason or 'the connection ended'}{_hint(cause, scene)}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"the connection{scene.to_proxy} failed: {cause.strerror}"
    # Both texts are those of the libraries, and hold nothing from outside.
    text = str(problem)
    if text.startswith(("Server disconnected", "peer closed connection")):
        return "the server closed the connection"
    return f"the connection{scene.to_proxy} failed" if isinstance(problem, OSError) else "the answer is not HTTP"


def _hint(cause: "ssl.SSLError", scene: Scene) -> str:
    if scene.at_proxy:
        return f" with {scene.proxy} (if it speaks no TLS itself, write http://)"
    # How TLS 1.2 says that it wants a certificate, and much else.
    return " (the server may want a client certificate)" if cause.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE" else ""


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = problem
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
