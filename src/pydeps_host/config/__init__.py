"""JSON with comments, or a mapping, to a frozen `HostConfig`.

A configuration is taken whole or not at all: every problem in it is reported
at once, each with its place, and nothing is coerced into what was perhaps
meant. The keys are the fields of the values here, in camelCase; that is the
only table of keys there is.
"""

from pydeps_host.config.filters import Filters, Pattern, ProjectFilters
from pydeps_host.config.model import COMMAND, LOCK_FILE, ON_DEMAND, HostConfig, Index, OnDemand, RateLimit, Redirects, keys_of

__all__ = [
    "COMMAND",
    "LOCK_FILE",
    "ON_DEMAND",
    "Filters",
    "HostConfig",
    "Index",
    "OnDemand",
    "Pattern",
    "ProjectFilters",
    "RateLimit",
    "Redirects",
    "keys_of",
]
