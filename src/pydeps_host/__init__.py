"""Turns Python packages into git repositories that code-search systems can index.

    from pydeps_host import Host, HostConfig, Store

    with Host(HostConfig.load("host.jsonc"), Store("code")) as host:
        report = host.sync()

What is not named here is reached through its module, such as
`pydeps_host.errors` and `pydeps_host.events`.

Nothing is loaded before it is used: a name's module is imported when the name
is first asked for.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydeps_host.archive import read_archive
    from pydeps_host.config import HostConfig, Index, RateLimit, Redirects
    from pydeps_host.dependency import Dependency
    from pydeps_host.errors import HostError
    from pydeps_host.events import Event, Observer, RepositoryChanged
    from pydeps_host.host import Ensured, Host, ProjectReport, Repair, RepairReport, Status, SyncReport, VersionRepair, VersionReport
    from pydeps_host.limiter import Ask, Budget, Limiter, Priority, Stop, Unlimited
    from pydeps_host.lockfiles import Lockfile, read_lockfile
    from pydeps_host.materializer import Materialized, materialize
    from pydeps_host.repository import Damage, Repository
    from pydeps_host.resolver import Release, Resolver, ResolverOptions
    from pydeps_host.simple_api import Artifact, FetchOptions, File, Project, fetch_file, parse_project
    from pydeps_host.store import Store
    from pydeps_host.transport import ClientCertificate, HttpxTransport, Request, Response, Transport, TransportOptions
    from pydeps_host.values import Digest, Limits, Outcome, Policy, Secret, Tried, Url

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "Ask",
    "Budget",
    "ClientCertificate",
    "Damage",
    "Dependency",
    "Digest",
    "Ensured",
    "Event",
    "FetchOptions",
    "File",
    "Host",
    "HostConfig",
    "HostError",
    "HttpxTransport",
    "Index",
    "Limiter",
    "Limits",
    "Lockfile",
    "Materialized",
    "Observer",
    "Outcome",
    "Policy",
    "Priority",
    "Project",
    "ProjectReport",
    "RateLimit",
    "Redirects",
    "Release",
    "Repair",
    "RepairReport",
    "Repository",
    "RepositoryChanged",
    "Request",
    "Resolver",
    "ResolverOptions",
    "Response",
    "Secret",
    "Status",
    "Stop",
    "Store",
    "SyncReport",
    "Transport",
    "TransportOptions",
    "Tried",
    "Unlimited",
    "Url",
    "VersionRepair",
    "VersionReport",
    "fetch_file",
    "materialize",
    "parse_project",
    "read_archive",
    "read_lockfile",
]

# Where each name lives. Type checkers read the imports above instead; a test holds the two equal.
_NAMES_OF: Final = {
    "archive": ("read_archive",),
    "config": ("HostConfig", "Index", "RateLimit", "Redirects"),
    "dependency": ("Dependency",),
    "errors": ("HostError",),
    "events": ("Event", "Observer", "RepositoryChanged"),
    "host": ("Ensured", "Host", "ProjectReport", "Repair", "RepairReport", "Status", "SyncReport", "VersionRepair", "VersionReport"),
    "limiter": ("Ask", "Budget", "Limiter", "Priority", "Stop", "Unlimited"),
    "lockfiles": ("Lockfile", "read_lockfile"),
    "materializer": ("Materialized", "materialize"),
    "repository": ("Damage", "Repository"),
    "resolver": ("Release", "Resolver", "ResolverOptions"),
    "simple_api": ("Artifact", "FetchOptions", "File", "Project", "fetch_file", "parse_project"),
    "store": ("Store",),
    "transport": ("ClientCertificate", "HttpxTransport", "Request", "Response", "Transport", "TransportOptions"),
    "values": ("Digest", "Limits", "Outcome", "Policy", "Secret", "Tried", "Url"),
}

if not TYPE_CHECKING:  # A checker that saw `__getattr__` would take any name at all for a public one.

    def __getattr__(name: str) -> object:
        """Load a public name, or a room, when it is first asked for (PEP 562)."""
        from importlib import import_module

        if name in _NAMES_OF:
            return import_module(f"pydeps_host.{name}")
        for room, names in _NAMES_OF.items():
            if name in names:
                found = globals()[name] = getattr(import_module(f"pydeps_host.{room}"), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_NAMES_OF})
