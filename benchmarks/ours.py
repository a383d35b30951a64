"""The whole job as a user has it: one sync of a configuration into a store, on the disk when it ends.

    python -m benchmarks.ours CONFIG STORE [--jobs N] [--not-durable]

Counted is everything from reading the configuration to the closing of the host;
what of the package loads only then is counted too.
"""

import argparse
from pathlib import Path

from benchmarks.measuring import Stopwatch
from pydeps_host import Host, HostConfig, Store, SyncReport


def sync(config: Path, store: Store, jobs: int) -> SyncReport:
    """Bring what a configuration asks for.

    Raises:
        SystemExit: Not everything came.
    """
    with Host(HostConfig.load(config), store) as host:
        report = host.sync(jobs=jobs)
    if not report.succeeded:
        problems = [error for project in report.projects for error in (project.error, *(one.error for one in project.versions)) if error]
        raise SystemExit(f"not everything came: {problems[0]}")
    return report


def skipped(report: SyncReport) -> dict[str, int]:
    """Return how many entries of its archive each version lacks, by `project/tag`; those that lack none are left out."""
    counts = {f"{p.name}/{v.tag}": sum(count for _, count in v.skipped) for p in report.projects for v in p.versions}
    return {name: count for name, count in counts.items() if count}


def main() -> None:
    """Measure one sync."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--not-durable", action="store_true")
    words = parser.parse_args()
    watch = Stopwatch()
    with watch.running():
        report = sync(words.config, Store(words.store, durable=not words.not_durable), words.jobs)
    statuses = {name: count for name, count in report.to_json()["versions"].items() if count}
    watch.tell(versions=statuses, skipped=skipped(report))


if __name__ == "__main__":
    main()
