"""`pydeps-host prune` and `pydeps-host release`."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from pydeps_host.cli.ending import FAILED, errors_told
from pydeps_host.cli.render import Display, display_for
from pydeps_host.dependency import Dependency
from pydeps_host.errors import HostError, NotStoredError, StoreError, UsageError
from pydeps_host.repository.disk import is_folder
from pydeps_host.store import BY_HAND, Prunable, Store

_AGREE = "--yes"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(_AGREE, "-y", "agreed", is_flag=True, help="Remove without asking.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: one a repository, a summary last.")
def prune(folder: Path, names: tuple[str, ...], *, agreed: bool, dry_run: bool, as_json: bool) -> None:
    """Remove the repositories of a store that nothing claims, or those among the projects NAME.

    It tells first what it would remove, and asks; where nobody can be asked, it needs --yes.
    What was learnt of a project stays, so that it gets the same ids when it comes back.

    \b
    Examples:
      pydeps-host prune code --dry-run
      pydeps-host prune code --yes

    Exit status: 0 all is done, 1 something could not be removed, 2 nobody agreed.
    """
    display = display_for(as_json=as_json)
    with errors_told(display):
        store = _opened(folder)
        found, failed = _found(store, names, display)
        for one in found:
            display.prunable(one)
        removed = _removed(store, found, display) if _is_agreed(found, agreed=agreed, dry_run=dry_run, asks=not as_json) else ()
        display.pruned(found, removed, dry_run=dry_run)
    if failed or (len(removed) < len(found) and not dry_run):
        sys.exit(FAILED)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.argument("dependencies", nargs=-1, required=True, metavar="DEPENDENCY...")
@click.option(
    "--claimant",
    "claimants",
    multiple=True,
    metavar="NAME",
    help="Who gives it up: a configuration's id, or what an error names; * stands for anything. May be given several times. "
    "Without it, those who asked on the command line or on demand.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, one a dependency.")
def release(folder: Path, dependencies: tuple[str, ...], *, claimants: tuple[str, ...], as_json: bool) -> None:
    """End claims by name: on a version, on a project, or of one entry such as "numpy>=1".

    Versions that nobody else claims lose their tags. A repository that is left with none
    stays until `prune`. What a configuration still lists comes back with its next sync.

    \b
    Examples:
      pydeps-host release code numpy==1.26.0
      pydeps-host release code numpy --claimant old-configuration

    Exit status: 0 all is done, 1 something failed (the rest is done), 2 the arguments are at fault.
    """
    display = display_for(as_json=as_json)
    failed = False
    with errors_told(display):
        wanted = [Dependency.parse(text) for text in dependencies]
        store = _opened(folder)
        for dependency in wanted:
            try:
                display.released(store.release(dependency, claimants=claimants or BY_HAND))
            except HostError as problem:
                display.error(str(dependency), problem)
                failed = True
    if failed:
        sys.exit(FAILED)


def _opened(folder: Path) -> Store:
    if not is_folder(folder):
        raise NotStoredError("a store", str(folder))
    return Store(folder)


def _found(store: Store, names: tuple[str, ...], display: Display) -> tuple[tuple[Prunable, ...], bool]:
    """Return what nothing claims, and whether something was asked for that cannot go or be read."""
    found, failed = [], False
    for name in names or store.names():
        try:
            one = store.prunable(name)
        except (StoreError, NotStoredError) as problem:
            display.error(name, problem)
            failed = True
            continue
        if one is not None:
            found.append(one)
        elif names:
            display.error(name, UsageError("it is claimed, or has versions", "release its claims first"))
            failed = True
    return tuple(found), failed


def _is_agreed(found: tuple[Prunable, ...], *, agreed: bool, dry_run: bool, asks: bool) -> bool:
    """Ask whether to go on, unless that is said already.

    Raises:
        UsageError: Nobody can be asked.
    """
    if dry_run or agreed or not found:
        return agreed and not dry_run
    if not asks or not _is_terminal():
        raise UsageError("nothing is removed that nobody agreed to", f"give {_AGREE}, or --dry-run")
    return click.confirm(f"Remove {len(found)} repositor{'ies' if len(found) != 1 else 'y'}?", err=True)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _removed(store: Store, found: Iterable[Prunable], display: Display) -> tuple[Prunable, ...]:
    removed = []
    store.sweep_pruned()
    for one in found:
        try:
            done = store.prune(one.name)
        except HostError as problem:
            display.error(one.name, problem)
            continue
        if done is None:
            display.note(f"{one.name}: it is claimed by now, and stays")
        else:
            removed.append(done)
    return tuple(removed)
