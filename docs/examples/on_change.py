"""A hook that indexes a repository again after each change, and catches up on what it missed.

python on_change.py host.jsonc code seen.json my-indexer
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import define

from pydeps_host import Event, Host, HostConfig, RepositoryChanged, Store


@define
class Indexer:
    """Runs a command on repositories whose generation is another than the one it saw last."""

    store: Store
    seen: Path
    command: Sequence[str]

    def __call__(self, event: Event, /) -> None:
        """Observe the host: the change is on the disk when this is told."""
        if isinstance(event, RepositoryChanged):
            self.index(event.name, event.generation)

    def catch_up(self) -> None:
        """Index what changed while nobody watched: an event can be missed, a generation cannot."""
        for name, generation in self.store.generations().items():
            self.index(name, generation)

    def index(self, name: str, generation: int) -> None:
        """Index a repository, and remember its generation once that has succeeded."""
        seen = json.loads(self.seen.read_text()) if self.seen.exists() else {}
        if seen.get(name) != generation:
            subprocess.run([*self.command, str(self.store.path_of(name))], check=True)
            self.seen.write_text(json.dumps({**seen, name: generation}))


def main(configuration: str, folder: str, seen: str, command: Sequence[str]) -> bool:
    """Sync once."""
    store = Store(folder)
    indexer = Indexer(store, Path(seen), command)
    indexer.catch_up()
    with Host(HostConfig.load(configuration), store, observer=indexer) as host:
        return host.sync().succeeded


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
