"""Lock files to dependencies: what projects already pin.

A lock file is input from a stranger. Nothing in it is asked, expanded or
followed: an index that it names is compared with those that are configured, a
variable stays as it is written, an included file lies in its own folder. What it
lists and no index has is told with the reason.
"""

from pydeps_host.lockfiles.reading import Reading, read_lockfile, read_lockfiles
from pydeps_host.lockfiles.values import (
    Format,
    LeftOut,
    Locked,
    Lockfile,
    LockLimits,
    NamedIndex,
)

__all__ = ["Format", "LeftOut", "LockLimits", "Locked", "Lockfile", "NamedIndex", "Reading", "read_lockfile", "read_lockfiles"]
