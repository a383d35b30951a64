"""A large configuration over several processes: each has a host of its own, and its own share of the names.

python processes.py host.jsonc code 4
"""

import sys
import zlib
from functools import partial
from multiprocessing import get_context

from attrs import evolve

from pydeps_host import Host, HostConfig, Store


def bring(configuration: str, folder: str, shares: int, share: int) -> tuple[int, int]:
    """Bring one share; what comes back, how many projects and how many failed, is small and plain."""
    # Read here, not passed along: a password does not travel between processes.
    config = HostConfig.load(configuration)
    mine = tuple(one for one in config.dependencies if zlib.crc32(one.name.encode()) % shares == share)
    rate = evolve(config.rate_limit, requests_per_hour=config.rate_limit.requests_per_hour / shares)
    # With an id of its own, no share ends the claims of another.
    config = evolve(config, dependencies=mine, rate_limit=rate, id=f"{config.id}-{share}-of-{shares}")
    with Host(config, Store(folder)) as host:
        projects = host.sync().projects
    return len(projects), sum(not project.succeeded for project in projects)


def main(configuration: str, folder: str, shares: int) -> bool:
    """Bring all shares side by side."""
    # Spawned, not forked: a fork copies locks that a thread of this process may hold.
    with get_context("spawn").Pool(shares) as pool:
        counts = pool.map(partial(bring, configuration, folder, shares), range(shares))
    print("projects:", sum(count for count, _ in counts), "failed:", sum(failed for _, failed in counts))
    return not any(failed for _, failed in counts)


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
