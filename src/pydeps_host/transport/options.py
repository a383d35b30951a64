"""What can be set about asking servers."""

from pathlib import Path

from attrs import field, frozen
from attrs.validators import ge, gt, instance_of

from pydeps_host.transport.addresses import PlaceOf, place_of
from pydeps_host.values import Secret, Url


def _seconds(default: float) -> float:
    seconds: float = field(default=default, validator=gt(0))
    return seconds


@frozen
class ClientCertificate:
    """What is shown to every server that asks who we are; files in PEM.

    Attributes:
        certificate: Our certificate, and after it the intermediate ones that the server may lack.
        key: Its private key; None where it stands in the certificate's file.
        password: What decrypts the key; None for a key that is not encrypted.
    """

    certificate: Path
    key: Path | None = field(default=None, kw_only=True)
    password: Secret | None = field(default=None, kw_only=True)


@frozen(kw_only=True)
class TransportOptions:
    """How servers are asked; the defaults suit an index on the internet.

    Attributes:
        connect_timeout: Seconds for a connection to be made, and for its TLS handshake.
        read_timeout: Seconds without a byte, after which the server is given up.
        header_timeout: Seconds for the connection and the answer's header in all, however the header drips in.
        least_rate: Bytes of a body that must come each second, on average over `rate_window`; else the server is given up.
        rate_window: Seconds over which `least_rate` is judged.
        attempts: How often one URL is asked before a fault is final.
        ca_bundle: A file of certificates in PEM, or a folder as `openssl rehash` leaves it, to trust instead of the usual ones.
        client_certificate: What is shown to a server that asks for it; never to a proxy.
        proxy: Asks everything through this `http://` or `https://` proxy, whatever the environment says.
        trust_environment: Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`,
            `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` are heeded.
        netrc: Takes credentials that no URL brings from this file; its `default` entry is not used.
        keyring: Takes credentials that neither a URL nor `netrc` brings from the system's keyring, by the library `keyring`.
        place_of: Says where an address is, for the rule that no server on the internet leads to what only this machine reaches;
            for a network whose addresses mean something else than the registries say.
        max_connections: Connections at once; further requests wait for one.
        keepalive: Seconds for which an idle connection is kept for the next request.
        backoff: Seconds that the first repetition waits at most; doubled for each one after it.
        backoff_cap: Seconds that any repetition waits at most, unless the server asks for a pause.
        pause_cap: Seconds of a server's `Retry-After` that are granted at most.
        pause_total: Seconds of pauses that one origin is granted in all, in one sync; then it has failed.
    """

    connect_timeout: float = _seconds(10.0)
    read_timeout: float = _seconds(30.0)
    header_timeout: float = _seconds(60.0)
    least_rate: float = _seconds(1024.0)
    rate_window: float = _seconds(30.0)
    attempts: int = field(default=4, validator=[instance_of(int), ge(1)])
    ca_bundle: Path | None = None
    client_certificate: ClientCertificate | None = None
    proxy: Url | None = None
    trust_environment: bool = True
    netrc: Path | None = None
    keyring: bool = False
    place_of: PlaceOf = place_of
    max_connections: int = field(default=16, validator=[instance_of(int), ge(1)])
    keepalive: float = _seconds(15.0)
    backoff: float = _seconds(0.5)
    backoff_cap: float = _seconds(8.0)
    pause_cap: float = _seconds(60.0)
    pause_total: float = _seconds(900.0)
