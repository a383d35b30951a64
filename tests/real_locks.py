"""Lock real projects with the tools that write lock files, and hold what we read against what each tool lists.

    python tests/real_locks.py [REQUIREMENT]...

Not part of the tests, because it needs a network: each tool resolves each
requirement from the index that pip uses, in a temporary folder. It prints a line
for each lock file, and every difference.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from locking import TOOLS, Bench, Tool, program, read
from pydeps_host.cli.pip_index import PipIndex, ask_pip
from pydeps_host.lockfiles import read_lockfile

DEFAULT = ["fastapi[standard]", "celery[redis]", "scrapy"]


def main(wanted: list[str], folder: Path) -> int:
    pip = ask_pip()
    index, trusted = pip.url.reveal(), _trusted(pip)
    differ = 0
    for number, requirement in enumerate(wanted):
        for name, tool in TOOLS.items():
            if program(tool.program) is None:
                print(f"{name}, {requirement}: {tool.program} is not installed")
                continue
            place = folder / f"{number}-{name.replace(' ', '-')}" / "project"
            place.mkdir(parents=True)
            differ += _compare(name, requirement, tool, Bench(place, index, trusted))
    print(f"{differ} differ")
    return bool(differ)


def _trusted(pip: PipIndex) -> Mapping[str, str]:
    """What the tools are to trust and to ask through, where pip is told to."""
    bundle = {"SSL_CERT_FILE": str(pip.certificates), "REQUESTS_CA_BUNDLE": str(pip.certificates)} if pip.certificates is not None else {}
    kept = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in kept if name in os.environ} | bundle


def _compare(name: str, requirement: str, tool: Tool, bench: Bench) -> bool:
    try:
        lockfile = read_lockfile(tool.make(bench, [requirement]))
        ours, theirs = read(lockfile), tool.listing(bench)
    except RuntimeError as problem:
        print(f"{name}, {requirement}: {problem}")
        return True
    counts = f"{len(ours)} packages, {sum(map(len, ours.values()))} digests, {len(lockfile.left_out)} left out"
    print(f"{name}, {requirement}: version {lockfile.version or '-'}, {counts}{', the same' if ours == theirs else ''}")
    for key in sorted(set(ours) ^ set(theirs)):
        print(f"  {key}: {'only ours' if key in ours else 'only theirs'}")
    for key in sorted(set(ours) & set(theirs)):
        if ours[key] != theirs[key]:
            print(f"  {key}: {len(ours[key] - theirs[key])} digests only ours, {len(theirs[key] - ours[key])} only theirs")
    for left in lockfile.left_out:
        print(f"  left out: {left}")
    return ours != theirs


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(sys.argv[1:] or DEFAULT, Path(temporary)))
