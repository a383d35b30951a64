"""Sync real releases from the index that pip uses, and hold every tree against what CPython reads.

    python tests/real_index.py [DEPENDENCY]...

Not part of the tests, because it needs a network: it takes a few packages by
name, downloads each file twice, and prints a line for each version.
"""

import sys
import tempfile
from pathlib import Path

from gitting import archive_tree, check, tree
from pydeps_host import Dependency, FetchOptions, Host, HostConfig, HttpxTransport, Repository, Resolver, Store, fetch_file
from pydeps_host.cli.pip_index import ask_pip

DEFAULT = [
    "requests==2.32.3",
    "flask>=3",
    "attrs==25.1.0",
    "six==1.16.0",
    "packaging==24.2",
    "click==8.1.8",
    "idna==3.10",
    "certifi==2025.1.31",
]

SDISTS = (".tar.gz", ".tgz", ".zip")


def main(wanted: list[str], folder: Path) -> int:
    pip = ask_pip()
    config = HostConfig.from_mapping({"urls": [pip.url.reveal()], "dependencies": wanted})
    with Host(config, Store(folder / "code")) as host:
        report = host.sync()
    differ = 0
    with HttpxTransport() as transport:
        resolver = Resolver(config.urls, transport=transport)
        for project in report.projects:
            assert project.repository is not None, project.error
            check(project.repository, folder / f"clone-{project.name}")
            rows = Repository.open(project.repository).rows()
            files = {file.filename: file for file in resolver.project(project.name).files}
            for version in project.versions:
                assert version.file is not None, version.error
                copy = fetch_file(files[version.file], folder / version.file, transport=transport, options=FetchOptions())
                ours, theirs = tree(project.repository, version.tag), archive_tree(copy.path)
                # The stated exceptions: what the report says was skipped, and nothing else.
                for skip in rows[version.version].skips:
                    theirs.pop(skip.path.partition("/")[2] if copy.filename.endswith(SDISTS) else skip.path, None)
                differ += ours != theirs
                same = "same" if ours == theirs else f"DIFFERENT: {sorted(set(ours.items()) ^ set(theirs.items()))[:5]}"
                skipped = f", skipped {dict(version.skipped)}" if version.skipped else ""
                print(f"{version.file}: {len(ours)} files, {same}{skipped}")
    print(f"{sum(len(project.versions) for project in report.projects)} versions, {differ} different")
    return bool(differ or not report.succeeded)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main([str(Dependency.parse(text)) for text in sys.argv[1:] or DEFAULT], Path(temporary)))
