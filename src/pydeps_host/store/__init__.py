"""The folder of repositories: names to repositories, format, generations."""

from pydeps_host.store.asked import AskedVersions, Asking
from pydeps_host.store.pages import KeptPages
from pydeps_host.store.pruning import Prunable
from pydeps_host.store.rebuilding import Rebuilding
from pydeps_host.store.releasing import BY_HAND, Released
from pydeps_host.store.store import Store

__all__ = ["BY_HAND", "AskedVersions", "Asking", "KeptPages", "Prunable", "Rebuilding", "Released", "Store"]
