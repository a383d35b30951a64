"""How servers are reached, as the command's arguments and pip's settings say it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from attrs import evolve

from pydeps_host.cli.pip_index import PipIndex
from pydeps_host.config.variables import read_url
from pydeps_host.errors import ConfigError
from pydeps_host.transport import ClientCertificate, TransportOptions
from pydeps_host.values import Url

_FILE: Final = click.Path(path_type=Path)

NETWORK: Final[tuple[Callable[..., Any], ...]] = (
    click.option("--ca-bundle", type=_FILE, metavar="FILE", help="Trust these certificates (PEM) instead of the usual ones."),
    click.option("--client-cert", type=_FILE, metavar="FILE", help="Show this certificate to servers; its key is in the same file (PEM)."),
    click.option("--proxy", metavar="URL", help="Ask through this HTTP proxy, with ${NAME} as in --index-url."),
    click.option("--netrc", is_flag=True, help="Take passwords that no URL brings from $NETRC or ~/.netrc."),
    click.option("--keyring", is_flag=True, help="Take passwords that no URL brings from the system's keyring."),
)


def options_of(arguments: Mapping[str, Any], pip: PipIndex | None) -> TransportOptions:
    """Return what the arguments say; what they leave open is pip's, where the index is pip's.

    Raises:
        ConfigError: The proxy's URL is none, or a variable in it is not set.
    """
    options = TransportOptions() if pip is None else _options(pip.certificates, pip.client_certificate, pip.proxy)
    given = _options(arguments["ca_bundle"], arguments["client_cert"], _proxy(arguments["proxy"]))
    return evolve(
        options,
        ca_bundle=given.ca_bundle or options.ca_bundle,
        client_certificate=given.client_certificate or options.client_certificate,
        proxy=given.proxy or options.proxy,
        netrc=_netrc() if arguments.get("netrc") else None,
        keyring=bool(arguments.get("keyring")),
    )


def _options(bundle: Path | None, client: Path | None, proxy: Url | None) -> TransportOptions:
    return TransportOptions(ca_bundle=bundle, client_certificate=None if client is None else ClientCertificate(client), proxy=proxy)


def _netrc() -> Path:
    return Path(os.environ.get("NETRC") or "~/.netrc").expanduser()


def _proxy(text: str | None) -> Url | None:
    if not text:
        return None
    try:
        return read_url(text if "://" in text or text.startswith("${") else f"http://{text}", os.environ)
    except ConfigError as problem:
        problems = problem.problems
    raise ConfigError("--proxy", problems)
