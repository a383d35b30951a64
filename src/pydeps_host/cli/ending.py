"""How a command ends: its exit status, and what it says of an error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydeps_host.cli.render import Display
from pydeps_host.errors import ConfigError, HostError, InputError

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


@contextmanager
def errors_told(display: Display) -> Iterator[None]:
    """Show whatever stops a command, and leave with the status that it deserves."""
    try:
        yield
    except ConfigError as problem:
        display.error("configuration", problem)
        sys.exit(USAGE)
    except InputError as problem:
        display.error("usage", problem)
        sys.exit(USAGE)
    except HostError as problem:
        display.error("stopped", problem)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        display.interrupted()
        leave(INTERRUPTED)


def leave(status: int) -> None:
    """End the process now: threads that still wait on a socket must not hold it up, and what they do can be cut off at any time."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
