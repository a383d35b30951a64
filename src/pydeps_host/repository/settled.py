"""Whether there is anything to make good in a repository before its state counts."""

from pydeps_host.repository.disk import look_at
from pydeps_host.repository.layout import JOURNAL, LOCK, NEW_REFS, WRITING, Layout
from pydeps_host.repository.seal import read_seal
from pydeps_host.repository.state import State
from pydeps_host.repository.workspace import has_files


def is_settled(layout: Layout, state: State) -> bool:
    """Say whether a state is on the disk as a whole, and nothing lies about that a dead process, or one at work, has left.

    Where that is so, the one who publishes next has nothing to make good, and one
    who has nothing to publish needs no lock. No lock is taken to find out.

    Args:
        layout: Where the repository is.
        state: Its state, read before this is asked.

    Raises:
        DiskError: The system refuses.
    """
    root = str(layout.root)
    seal = read_seal(f"{root}/{LOCK}")
    if seal is None or (seal.generation, seal.refs) != (state.generation, state.refs):
        return False
    journal = look_at(f"{root}/{JOURNAL}")
    if journal is None or journal.st_size != state.end or look_at(f"{root}/{NEW_REFS}") is not None:
        return False
    return not has_files(f"{root}/{WRITING}")
