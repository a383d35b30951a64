"""The one door to the network.

A `Request` goes in, a `Response` comes out, whatever its status. Retries,
redirects, credentials, the request budget and every bound on what a server may
send live behind `Transport.send`; `HttpxTransport` is the one that asks real
servers, and the only user of httpx.
"""

from pydeps_host.transport.addresses import Place, place_of
from pydeps_host.transport.httpx_transport import HttpxTransport
from pydeps_host.transport.options import ClientCertificate, TransportOptions
from pydeps_host.transport.redirects import same_origin
from pydeps_host.transport.values import Headers, Identified, Request, Response, Sink, Transport

__all__ = [
    "ClientCertificate",
    "Headers",
    "HttpxTransport",
    "Identified",
    "Place",
    "Request",
    "Response",
    "Sink",
    "Transport",
    "TransportOptions",
    "place_of",
    "same_origin",
]
