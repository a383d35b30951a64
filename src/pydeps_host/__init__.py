"""Turns Python packages into git repositories that code-search systems can index.

    from pydeps_host import Host, HostConfig, Store

    with Host(HostConfig.load("host.jsonc"), Store("code")) as host:
        report = host.sync()

What is not named here is reached through its module, such as
`pydeps_host.errors` and `pydeps_host.events`.
"""

from pydeps_host.archive import read_archive
from pydeps_host.config import HostConfig, Index, RateLimit, Redirects
from pydeps_host.dependency import Dependency
from pydeps_host.errors import HostError
from pydeps_host.events import Event, Observer, RepositoryChanged
from pydeps_host.host import Ensured, Host, ProjectReport, Status, SyncReport, VersionReport
from pydeps_host.limiter import Ask, Budget, Limiter, Priority, Stop, Unlimited
from pydeps_host.materializer import Materialized, materialize
from pydeps_host.repository import Repository
from pydeps_host.resolver import Release, Resolver, ResolverOptions
from pydeps_host.simple_api import Artifact, FetchOptions, File, Project, fetch_file, parse_project
from pydeps_host.store import Store
from pydeps_host.transport import HttpxTransport, Request, Response, Transport, TransportOptions
from pydeps_host.values import Digest, Limits, Outcome, Policy, Tried, Url

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "Ask",
    "Budget",
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
    "Repository",
    "RepositoryChanged",
    "Request",
    "Resolver",
    "ResolverOptions",
    "Response",
    "Status",
    "Stop",
    "Store",
    "SyncReport",
    "Transport",
    "TransportOptions",
    "Tried",
    "Unlimited",
    "Url",
    "VersionReport",
    "fetch_file",
    "materialize",
    "parse_project",
    "read_archive",
]
