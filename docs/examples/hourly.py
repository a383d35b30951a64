"""A service that syncs every hour, and stops cleanly when it is told to.

python hourly.py host.jsonc code 3600
"""

import signal
import sys
import time

from pydeps_host import Host, HostConfig, Store
from pydeps_host.errors import HostError


def sync(configuration: str, folder: str) -> None:
    """Sync once; what goes wrong may be mended by the next time."""
    try:
        # Read each time: an edit counts from the next sync on.
        with Host(HostConfig.load(configuration), Store(folder)) as host:
            report = host.sync()
    except HostError as error:
        print(error, file=sys.stderr, flush=True)
    else:
        print("succeeded" if report.succeeded else "failed in part", flush=True)


def main(configuration: str, folder: str, seconds: float) -> None:
    """Sync again and again, until SIGTERM or Ctrl-C."""
    # Ctrl-C ends a sync within moments: what was published stays, the next one goes on from there. SIGTERM may do the same.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            began = time.monotonic()
            sync(configuration, folder)
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    except KeyboardInterrupt:
        print("stopped", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
