"""Which configuration a command works with, and which index."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from attrs import evolve

from pydeps_host.cli.network import options_of
from pydeps_host.cli.pip_index import PipIndex, ask_pip
from pydeps_host.cli.render import Display
from pydeps_host.config import HostConfig, RateLimit
from pydeps_host.transport import TransportOptions

CONFIG: Final = click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Read this configuration.")
LOCK: Final = click.option(
    "--lock",
    multiple=True,
    metavar="FILE",
    help="Bring what a lock file pins: poetry.lock, Pipfile.lock, uv.lock, pdm.lock, pylock.toml, requirements.txt. "
    "Of a folder, or of a revision of a git repository, all that are in it. May be given several times.",
)
INDEX_URL: Final = click.option(
    "--index-url",
    "index_urls",
    multiple=True,
    metavar="URL",
    help="Ask this simple repository API; may be given several times, tried in order. "
    "${NAME} in it is read from the environment, which keeps a password out of `ps`.",
)
NO_RATE_LIMIT: Final = click.option("--no-rate-limit", is_flag=True, help="Spend requests without a budget; for an index of your own.")
REFRESH: Final = click.option("--refresh", is_flag=True, help="Ask for every index page anew, whatever is kept of it, and believe it.")


def configured(arguments: Mapping[str, Any], display: Display) -> tuple[HostConfig, TransportOptions]:
    """Return what the arguments say: a file, URLs, or else the index that pip uses.

    Raises:
        ConfigError: The configuration or a URL is none.
        UsageError: pip was to be asked and has no index.
    """
    pip: PipIndex | None = None
    file, urls = arguments["config_file"], list(arguments["index_urls"])
    if file is None and not urls:
        config, pip = _from_pip(display)
    elif file is None:
        config = HostConfig.from_mapping({"urls": urls}, source="--index-url")
    else:
        config = HostConfig.load(file)
        if urls:
            given = HostConfig.from_mapping({"urls": urls}, source="--index-url")
            # Every warning is about URLs, and those of the file are not asked.
            config = evolve(config, urls=given.urls, warnings=given.warnings)
    for warning in config.warnings:
        display.note(str(warning))
    if arguments["no_rate_limit"]:
        config = evolve(config, rate_limit=RateLimit(enabled=False))
    return config, options_of(arguments, pip)


def _from_pip(display: Display) -> tuple[HostConfig, PipIndex]:
    pip = ask_pip()
    display.note(f"index: {pip.url} ({pip.source})")
    if pip.unused:
        display.note(
            f"pip also has {' and '.join(pip.unused)}, not used here: name indexes with --index-url, in the order in which to ask them"
        )
    return HostConfig.from_mapping({"urls": [pip.url.reveal()]}, source=pip.source), pip
