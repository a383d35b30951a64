"""What the environment says about proxies and certificates, by the usual variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydeps_host.errors import UsageError
from pydeps_host.transport.options import TransportOptions
from pydeps_host.values import Origin, Url, UrlSyntaxError, shown

_BUNDLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def certificates(options: TransportOptions) -> Path | None:
    """Return the file or folder of certificates to trust, None for the usual ones.

    Raises:
        UsageError: What is named is not there.
    """
    if options.ca_bundle is not None:
        return _present(options.ca_bundle, "`ca_bundle`")
    for name in _BUNDLES if options.trust_environment else ():
        if value := os.environ.get(name):
            return _present(Path(value), f"the environment variable {name}")
    return None


def proxies(options: TransportOptions) -> Mapping[str, Url]:
    """Return the proxy for each scheme that has one.

    Raises:
        UsageError: A variable holds what is no proxy's URL; its value is not repeated, it may hold a password.
    """
    if options.proxy is not None:
        return dict.fromkeys(("http", "https"), options.proxy)
    if not options.trust_environment:
        return {}
    from urllib.request import getproxies_environment

    named = getproxies_environment()
    chosen = {scheme: scheme if named.get(scheme) else "all" for scheme in ("http", "https")}
    return {scheme: _proxy(name, named[name]) for scheme, name in chosen.items() if named.get(name)}


def proxy_for(origin: Origin, proxies: Mapping[str, Url], options: TransportOptions) -> Url | None:
    """Return the proxy that this origin is asked through, None for none; `NO_PROXY` names those that are not."""
    proxy = proxies.get(origin.scheme)
    if proxy is None or options.proxy is not None:
        return proxy
    from urllib.request import proxy_bypass

    return None if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host) else proxy


def _present(path: Path, source: str) -> Path:
    if not path.exists():
        raise UsageError(f"{source} names {shown(str(path))}, which is not there", "correct the path, or take it out")
    return path


def _proxy(name: str, value: str) -> Url:
    source = f"the environment variable {name.upper()}_PROXY"
    try:
        proxy = Url.parse(value if "://" in value else f"http://{value}")
    except UrlSyntaxError as problem:
        raise UsageError(f"{source} holds no proxy's URL", str(problem)) from None
    if proxy.scheme == "file":
        raise UsageError(f"{source} holds no proxy's URL", "write http://host:port")
    return proxy
