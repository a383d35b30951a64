"""The folder of repositories: names to repositories, format, generations."""

from pydeps_host.store.pages import KeptPages
from pydeps_host.store.rebuilding import Rebuilding
from pydeps_host.store.store import Store

__all__ = ["KeptPages", "Rebuilding", "Store"]
