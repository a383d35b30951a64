"""`pydeps-host maintain`."""

import sys
from datetime import timedelta
from pathlib import Path

import click

from pydeps_host.cli.ending import FAILED, errors_told
from pydeps_host.cli.render import Display, display_for
from pydeps_host.errors import NotStoredError, StoreError
from pydeps_host.repository import LONGEST_KEPT, Upkeep
from pydeps_host.repository.disk import is_folder
from pydeps_host.store import Store


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--keep-superseded",
    type=click.IntRange(0, int(LONGEST_KEPT.total_seconds())),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="Leave packs that others have taken the place of for so long, for those who read them. "
    "Those of earlier times that are older go too; 0 removes them at once.",
)
@click.option("--deltas/--no-deltas", default=True, show_default=True, help="Let git, where it is there, pack with deltas.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, one a repository.")
def maintain(folder: Path, names: tuple[str, ...], *, keep_superseded: int, deltas: bool, as_json: bool) -> None:
    """Make one pack of many in the repositories of a store, or in those of the projects NAME.

    Nobody who reads or syncs is held up. A sync keeps small packs from piling up
    by itself; this makes repositories as small as they get.

    \b
    Examples:
      pydeps-host maintain code
      pydeps-host maintain code numpy --no-deltas
    """
    display = display_for(as_json=as_json)
    upkeep = Upkeep(deltas=deltas, keep_superseded=timedelta(seconds=keep_superseded))
    with errors_told(display):
        if not is_folder(folder):
            raise NotStoredError("a store", str(folder))
        store = Store(folder)
        results = [_maintained(store, name, upkeep, display) for name in names or store.names()]
    if not all(results):
        sys.exit(FAILED)


def _maintained(store: Store, name: str, upkeep: Upkeep, display: Display) -> bool:
    """Maintain one repository; what is wrong with it stops no other."""
    try:
        repository = store.repository(name)
        display.maintained(repository, repository.maintain(upkeep))
    except (StoreError, NotStoredError) as problem:
        display.error(name, problem)
        return False
    return True
