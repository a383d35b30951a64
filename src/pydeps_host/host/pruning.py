"""All repositories that nothing claims."""

from collections.abc import Callable, Iterator

from pydeps_host.errors import NotStoredError, StoreError
from pydeps_host.events import Event, Notice, RepositoryRemoved
from pydeps_host.repository import Patience
from pydeps_host.store import Prunable, Store
from pydeps_host.values import shown


def prunable_repositories(store: Store, tell: Callable[[Event], None]) -> Iterator[Prunable]:
    """Yield the repositories that nothing claims; of one that cannot be read a notice tells."""
    for name in store.names():
        try:
            found = store.prunable(name)
        except NotStoredError:
            continue
        except StoreError as problem:
            tell(Notice(name, problem.code, shown(str(problem))))
            continue
        if found is not None:
            yield found


def prune_repositories(store: Store, tell: Callable[[Event], None], patience: Patience) -> Iterator[Prunable]:
    """Remove the repositories that nothing claims, and yield each as it is gone."""
    store.sweep_pruned()
    for found in prunable_repositories(store, tell):
        removed = store.prune(found.name, patience)
        if removed is not None:
            tell(RepositoryRemoved(removed.name, removed.generation))
            yield removed
