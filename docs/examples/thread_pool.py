"""A service whose threads ask for versions: one host serves them all.

python thread_pool.py host.jsonc code flask==3.0.0 numpy==1.22.3
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from pydeps_host import Host, HostConfig, Store
from pydeps_host.errors import HostError


def main(configuration: str, folder: str, wanted: Sequence[str]) -> bool:
    """Have every version, and tell of each as it comes."""
    succeeded = True
    with Host(HostConfig.load(configuration), Store(folder)) as host, ThreadPoolExecutor(8) as threads:
        asked = {threads.submit(host.ensure, text, timeout=60.0): text for text in wanted}
        for done in as_completed(asked):
            try:
                print(asked[done], done.result().commit, flush=True)
            except HostError as error:
                succeeded = False
                print(asked[done], error.code, "(worth another try)" if error.retryable else "", flush=True)
    return succeeded


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], sys.argv[2], sys.argv[3:]))
