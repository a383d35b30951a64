"""The tools that write lock files lock a project from an index on loopback; what we read is what each of them lists."""

from pathlib import Path

import pytest

from locking import TOOLS, Bench, read
from loopback import serving
from pydeps_host import Host, HostConfig, Store
from pydeps_host.lockfiles import read_lockfile
from pydeps_host.testing import build_sdist, build_wheel
from pydeps_host.values import Url

SDIST = build_sdist("alpha", "1.0", {"alpha.py": "one\n"})
FILES = (
    SDIST,
    build_wheel("alpha", "1.0", {"alpha.py": "one\n"}),
    build_wheel("alpha", "2.0", {"alpha.py": "two\n"}),
    build_wheel("beta_more", "0.1", {"beta_more.py": "beta\n"}),
)
WANTED = ("alpha<2", "beta-more")


@pytest.fixture(scope="module")
def index():
    with serving() as served:
        served.add(*FILES)
        yield served


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.needs(tool.program)) for name, tool in TOOLS.items()])
def test_what_is_read_is_what_the_tool_lists_and_it_can_be_brought(index, tmp_path, name):
    folder = tmp_path / "project"
    folder.mkdir()
    bench, tool = Bench(folder, index.url), TOOLS[name]
    path = tool.make(bench, WANTED)
    lockfile = read_lockfile(path)
    assert read(lockfile) == tool.listing(bench)
    assert {key for key, _ in read(lockfile)} == {"alpha", "beta-more"}
    assert all(read(lockfile).values()), "each has digests"
    assert {one.reason for one in lockfile.left_out} <= {"path"}
    assert [named for named in lockfile.indexes if not named.is_at(Url.parse(index.url))] == []
    report = _synced(path, index.url, tmp_path / "code")
    assert report == {"alpha": ["1.0"], "beta-more": ["0.1"]}


@pytest.mark.needs("uv")
def test_a_file_that_changed_at_the_index_since_it_was_locked_is_refused(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    with serving() as served:
        served.add(FILES[3])
        path = TOOLS["uv.lock"].make(Bench(folder, served.url), ["beta-more"])
        served.add(build_wheel("beta_more", "0.1", {"beta_more.py": "other\n"}))
        config = HostConfig.from_mapping({"urls": [served.url], "lockfiles": [str(path)]})
        with Host(config, Store(tmp_path / "code", durable=False)) as host:
            (project,) = host.sync().projects
    (version,) = project.versions
    assert FILES[3].sha256 in str(version.error)
    assert "the index has sha256:" in str(version.error)


def _synced(path: Path, url: str, into: Path) -> dict[str, list[str]]:
    config = HostConfig.from_mapping({"urls": [url], "lockfiles": [str(path)]})
    with Host(config, Store(into, durable=False)) as host:
        report = host.sync()
    assert report.succeeded, report
    return {project.name: [version.version for version in project.versions] for project in report.projects}
