"""What was asked for and is not there, remembered for a while."""

import threading
import time
from collections import OrderedDict
from copy import copy
from typing import Final

from packaging.utils import NormalizedName

from pydeps_host.dependency import Dependency
from pydeps_host.errors import HostError, ProjectNotFoundError, VersionNotFoundError

SECONDS: Final = 600.0
# A few megabytes of errors.
_MOST: Final = 10_000


class Absences:
    """Projects that no index has, and versions that a project lacks, for ten minutes each.

    It belongs to one process: each of several asks once for itself. Safe to share
    between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By project and dependency, oldest first; the dependency is empty where the project is absent.
        self._known: OrderedDict[tuple[NormalizedName, str], tuple[float, HostError]] = OrderedDict()

    def check(self, dependency: Dependency) -> None:
        """Raise again what was found out less than ten minutes ago.

        Raises:
            MissingError: The project or the version was not there.
        """
        with self._lock:
            for key in ((dependency.name, ""), (dependency.name, str(dependency))):
                until, problem = self._known.get(key, (0.0, None))
                if problem is not None and time.monotonic() < until:
                    # A copy, because every raising adds to what an exception knows of its way.
                    raise copy(problem)

    def remember(self, dependency: Dependency, problem: HostError) -> None:
        """Remember an absence; any other problem is none."""
        match problem:
            case ProjectNotFoundError():
                key = (dependency.name, "")
            case VersionNotFoundError():
                key = (dependency.name, str(dependency))
            case _:
                return
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = (time.monotonic() + SECONDS, copy(problem))
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def forget(self, name: str) -> None:
        """Forget what is known of a project: somebody else found it."""
        with self._lock:
            for key in [key for key in self._known if key[0] == name]:
                del self._known[key]
