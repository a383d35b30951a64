"""What options and the environment say about proxies and certificates, by the usual variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import UsageError
from pydeps_host.transport.options import TransportOptions
from pydeps_host.values import Origin, Url, UrlSyntaxError, shown

_BUNDLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_REMEDY: Final = "write http://host:port or https://host:port (SOCKS is not spoken)"


@frozen
class Bundle:
    """A file or a folder of certificates to trust.

    Attributes:
        path: Where it is.
        source: The option or the environment variable that names it.
    """

    path: Path
    source: str

    def __str__(self) -> str:
        return f"{shown(str(self.path))} ({self.source})"


@frozen
class Proxy:
    """A proxy that servers are asked through.

    Attributes:
        url: Where it is, with its credentials.
        source: The option or the environment variable that names it.
    """

    url: Url
    source: str

    def __str__(self) -> str:
        return f"the proxy {self.url.origin} ({self.source})"


def certificates(options: TransportOptions) -> Bundle | None:
    """Return the file or folder of certificates to trust, None for the usual ones.

    Raises:
        UsageError: What is named is not there.
    """
    if options.ca_bundle is not None:
        return _present(Bundle(options.ca_bundle, "`ca_bundle`"))
    for name in _BUNDLES if options.trust_environment else ():
        if value := os.environ.get(name):
            return _present(Bundle(Path(value), name))
    return None


def proxies(options: TransportOptions) -> Mapping[str, Proxy]:
    """Return the proxy for each scheme that has one.

    Raises:
        UsageError: What is named is no proxy's URL; its value is not repeated, it may hold a password.
    """
    if options.proxy is not None:
        return dict.fromkeys(("http", "https"), _checked(options.proxy, "`proxy`"))
    if not options.trust_environment:
        return {}
    from urllib.request import getproxies_environment

    named = getproxies_environment()
    chosen = {scheme: scheme if named.get(scheme) else "all" for scheme in ("http", "https")}
    return {scheme: _proxy(_variable(name), named[name]) for scheme, name in chosen.items() if named.get(name)}


def proxy_for(origin: Origin, proxies: Mapping[str, Proxy], options: TransportOptions) -> Proxy | None:
    """Return the proxy that this origin is asked through, None for none; `NO_PROXY` names those that are not."""
    proxy = proxies.get(origin.scheme)
    if proxy is None or options.proxy is not None:
        return proxy
    from urllib.request import proxy_bypass

    return None if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host) else proxy


def _present(bundle: Bundle) -> Bundle:
    if not bundle.path.exists():
        raise UsageError(f"the certificates {bundle} are not there", "correct the path, or take it out")
    return bundle


def _variable(name: str) -> str:
    """Return the spelling of a variable that is in force; the standard library prefers lower case."""
    lower = f"{name}_proxy"
    return lower if os.environ.get(lower) else lower.upper()


def _proxy(source: str, value: str) -> Proxy:
    try:
        url = Url.parse(value if "://" in value else f"http://{value}")
    except UrlSyntaxError as problem:
        raise UsageError(f"{source} holds no proxy's URL: {problem}", _REMEDY) from None
    return _checked(url, source)


def _checked(url: Url, source: str) -> Proxy:
    if url.scheme == "file":
        raise UsageError(f"{source} holds no proxy's URL", _REMEDY)
    return Proxy(url, source)
