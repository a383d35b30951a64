"""`pydeps-host verify`."""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

from pydeps_host.cli.ending import FAILED, errors_told
from pydeps_host.cli.network import NETWORK
from pydeps_host.cli.render import Display, display_for
from pydeps_host.cli.settings import CONFIG, INDEX_URL, NO_RATE_LIMIT, configured
from pydeps_host.errors import ClosedError, HostError, InputError, NotStoredError
from pydeps_host.host import Host
from pydeps_host.repository.disk import is_folder
from pydeps_host.store import Store

# What became of one repository.
_SOUND, _DAMAGED, _REPAIRED = "sound", "damaged", "repaired"


def _reaching_indexes(function: Callable[..., None]) -> Callable[..., None]:
    """Give the command the arguments that a repair needs."""
    for decorate in reversed([CONFIG, INDEX_URL, NO_RATE_LIMIT, *NETWORK]):
        function = decorate(function)
    return function


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--repair", is_flag=True, help="Set damaged repositories aside, and build them anew from the index.")
@_reaching_indexes
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: one a repository, a summary last.")
def verify(folder: Path, names: tuple[str, ...], *, repair: bool, as_json: bool, **arguments: Any) -> None:
    """Check the repositories of a store, or those of the projects NAME, byte for byte.

    Nobody who reads or syncs is held up. With --repair, a damaged repository is
    built anew from the index, with the ids that it had, and takes the place of the
    damaged one, which goes to DIR/.pydeps-host/damaged. The index is that of
    --config or --index-url, else the one that pip on this machine uses.

    \b
    Examples:
      pydeps-host verify code
      pydeps-host verify code numpy --repair --config host.jsonc

    Exit status: 0 all is sound or was repaired, 1 something is damaged or could
    not be repaired as it was, 2 the arguments or the configuration are at fault.
    """
    display = display_for(as_json=as_json)
    with errors_told(display):
        if not is_folder(folder):
            raise NotStoredError("a store", str(folder))
        store = Store(folder)
        if repair:
            config, options = configured(arguments, display)
            with display, Host(config, store, observer=display.observe, options=options) as host:
                results = _each(names or store.names(), partial(_repaired, host, display=display), display)
        else:
            results = _each(names or store.names(), partial(_verified, store, display=display), display)
        display.verified(results)
    if _DAMAGED in results:
        sys.exit(FAILED)


def _each(names: Iterable[str], work: Callable[[str], str], display: Display) -> list[str]:
    """Work on one repository after the other; what is wrong with one stops no other."""
    results = []
    for name in names:
        try:
            results.append(work(name))
        except (ClosedError, InputError):
            raise
        except HostError as problem:
            display.error(name, problem)
            results.append(_DAMAGED)
    return results


def _verified(store: Store, name: str, *, display: Display) -> str:
    damages = store.verify(name)
    display.damages(name, store.path_of(name), damages)
    return _DAMAGED if damages else _SOUND


def _repaired(host: Host, name: str, *, display: Display) -> str:
    report = host.repair(name)
    display.repaired(report)
    if not report.succeeded:
        return _DAMAGED
    return _REPAIRED if report.damages else _SOUND
