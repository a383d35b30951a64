"""Lock files as a host follows them: who claims what, from which index, and what digests refuse."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import UNTOLD, Bench, codes, sdist, statuses
from pydeps_host import Dependency, Host, HostConfig, SyncReport
from pydeps_host.errors import VersionNotFoundError
from pydeps_host.events import LockfileRead
from pydeps_host.host.locking import Ending
from pydeps_host.resolver import Located, Resolver
from pydeps_host.testing import FakeIndex, FakeNetwork, build_wheel
from repositories import Made

HIGH, LOW = "https://high.example.com/simple", "https://low.example.com/simple"


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(*map(sdist, ("1.0", "2.0", "3.0")))
    made.index.add(sdist("0.1", "beta"), sdist("0.2", "beta"))
    return made


def write(bench: Bench, text: str, name: str = "requirements.txt") -> str:
    path = bench.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def locked(packages: Mapping[str, str], registry: str) -> str:
    """A `uv.lock` without digests."""
    listed = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{registry = "{registry}"}}\n' for name, version in packages.items()
    )
    return f'version = 1\nrequires-python = ">=3.11"\n{listed}'


def sync(bench: Bench, *lock: str, **more: object) -> SyncReport:
    with bench.host(**more) as host:
        return host.sync(lock=lock, jobs=1)


# --- claims ------------------------------------------------------------------


def test_a_lock_file_of_the_configuration_claims_what_it_lists_and_no_more(bench):
    lock = write(bench, "alpha==1.0\nalpha==2.0\nbeta==0.1\n")
    report = bench.sync(lockfiles=[lock])
    assert report.succeeded
    assert (bench.tags(), bench.tags("beta")) == (["v1.0", "v2.0"], ["v0.1"])
    claimant = f"lock:default:{lock}"
    assert bench.claims() == {claimant: {"alpha==1.0": {"1.0"}, "alpha==2.0": {"2.0"}}}
    write(bench, "alpha==2.0\n")
    bench.sync(lockfiles=[lock])
    assert (bench.tags(), bench.tags("beta")) == (["v2.0"], [])
    bench.sync("alpha==3.0")
    assert (bench.tags(), bench.claims()) == (["v3.0"], {"default": {"alpha==3.0": {"3.0"}}})


def test_claims_of_the_configuration_and_of_each_lock_file_stand_by_themselves(bench):
    first, second = write(bench, "alpha==1.0\n", "a.txt"), write(bench, "alpha==1.0\n", "b.txt")
    bench.sync("alpha==1.0", lockfiles=[first, second])
    for dependencies, lockfiles in (((), [first, second]), ((), [second]), (("alpha==1.0",), [])):
        bench.sync(*dependencies, lockfiles=lockfiles)
        assert bench.tags() == ["v1.0"]
    bench.sync(lockfiles=[])
    assert bench.tags() == []


@pytest.mark.parametrize("text", [None, "alpha=1.0\n", "-r gone.txt\n"])
def test_a_lock_file_that_cannot_be_read_ends_nothing_and_others_go_on(bench, text):
    bad, good = write(bench, "alpha==1.0\n", "bad.txt"), write(bench, "beta==0.1\n", "good.txt")
    bench.sync("alpha==2.0", lockfiles=[bad, good])
    if text is None:
        Path(bad).unlink()
    else:
        Path(bad).write_text(text)
    write(bench, "beta==0.2\n", "good.txt")
    report = bench.sync(lockfiles=[bad, good])
    assert (bench.tags(), bench.tags("beta")) == (["v1.0"], ["v0.2"]), "the entry of the configuration itself is gone"
    assert [(read.path, read.error is None) for read in report.lockfiles] == [(bad, False), (good, True)]
    assert not report.succeeded


def test_of_a_folder_each_lock_file_claims_for_itself(bench):
    for name in ("a", "b"):
        write(bench, f"alpha=={'1.0' if name == 'a' else '2.0'}\n", f"apps/{name}/requirements.txt")
    folder = str(bench.folder / "apps")
    bench.sync(lockfiles=[folder])
    assert {*bench.claims()} == {f"lock:default:{folder}/{name}/requirements.txt" for name in "ab"}
    write(bench, "alpha=1\n", "apps/a/requirements.txt")
    (bench.folder / "apps/b/requirements.txt").unlink()
    bench.sync(lockfiles=[folder])
    assert bench.tags() == ["v1.0"], "one is malformed, and one is gone"
    (bench.folder / "apps").rename(bench.folder / "moved")
    bench.sync(lockfiles=[folder])
    assert bench.tags() == ["v1.0"], "the folder cannot be listed"


def test_a_repository_claims_by_its_revision_and_paths(bench):
    made = Made(bench.folder / "app.git")
    made.main({"requirements.txt": ("100644", made.loose("blob", b"alpha==1.0\n"))})
    place = f"{made.folder}@main"
    bench.sync(lockfiles=[place])
    assert {*bench.claims()} == {f"lock:default:{place}:requirements.txt"}
    made.main({"requirements.txt": ("100644", made.loose("blob", b"alpha==2.0\n"))})
    bench.sync(lockfiles=[place])
    assert bench.tags() == ["v2.0"]
    (made.folder / "refs/heads/main").unlink()
    report = bench.sync(lockfiles=[place])
    assert ([read.error is None for read in report.lockfiles], bench.tags()) == ([False], ["v2.0"])


def test_lock_files_that_are_given_besides_only_add(bench):
    lock = write(bench, "alpha==1.0\n")
    assert sync(bench, lock).succeeded
    write(bench, "alpha==2.0\n")
    sync(bench, lock)
    bench.sync()
    assert bench.tags() == ["v1.0", "v2.0"]
    assert {*bench.claims()} == {f"lock:command:{lock}"}


def test_a_relative_path_is_relative_to_the_folder_of_the_configuration(bench, tmp_path, monkeypatch):
    write(bench, "alpha==1.0\n", "conf/locks/requirements.txt")
    config = {"urls": [str(bench.index.url)], "lockfiles": ["locks/requirements.txt", "../conf/locks"]}
    path = write(bench, json.dumps(config), "conf/host.json")
    monkeypatch.chdir("/")
    with Host(HostConfig.load(path), bench.store, transport=bench.index) as host:
        report = host.sync()
    assert report.succeeded
    assert {*bench.claims()} == {"lock:default:locks/requirements.txt", "lock:default:../conf/locks/requirements.txt"}


def test_a_configuration_does_not_end_what_another_ones_lock_files_claim(bench):
    lock = write(bench, "alpha==1.0\n")
    bench.sync(lockfiles=[lock], id="a")
    bench.sync(lockfiles=[lock], id="a:b")
    bench.sync(id="a")
    assert {*bench.claims()} == {f"lock:a%3Ab:{lock}"}
    assert Ending("a").of(["a", "a:b", f"lock:a%3Ab:{lock}", "lock:a:x", "command"]) == ("a", "lock:a:x")


def test_a_plan_tells_what_lock_files_would_bring_and_changes_nothing(bench):
    lock = write(bench, "alpha==1.0\n")
    with bench.host(lockfiles=[lock]) as host:
        report = host.plan(lock=[write(bench, "beta==0.1\n", "more.txt")])
    assert [statuses(project) for project in report.projects] == [{"1.0": "planned"}, {"0.1": "planned"}]
    assert [read.dependencies for read in report.lockfiles] == [1, 1]
    assert bench.store.names() == ()


def test_an_event_and_the_report_tell_what_came_of_each_lock_file(bench):
    lock = write(bench, "alpha==1.0\n-e .\n-i https://else.example.com/simple\n")
    report = bench.sync(lockfiles=[lock, str(bench.folder / "code")])
    assert report.lockfiles == tuple(bench.events.of(LockfileRead))
    read, empty = report.lockfiles
    assert (read.format, read.dependencies, read.error) == ("requirements.txt", 0, None)
    assert [(place, reason) for place, reason, _ in read.left_out] == [("line 2", "path"), ("line 1", "index")]
    assert read.notices == ("it names the index https://else.example.com/simple, which is not configured and is not asked",)
    assert empty.notices == ("there is no lock file in it",)


def test_a_hundred_lock_files_that_want_the_same_ask_and_choose_once(bench, monkeypatch):
    for number in range(100):
        write(bench, "alpha==1.0\n", f"apps/{number}/requirements.txt")
    chosen: list[Dependency] = []
    real = Resolver.take

    def take(resolver: Resolver, dependency: Dependency, **more: Any) -> Located:
        chosen.append(dependency)
        return real(resolver, dependency, **more)

    monkeypatch.setattr(Resolver, "take", take)
    assert bench.sync(lockfiles=[str(bench.folder / "apps")]).succeeded
    assert (len(bench.claims()), len(chosen), bench.index.pages) == (100, 1, ("alpha",))


# --- digests -----------------------------------------------------------------


def test_a_digest_that_differs_from_the_indexs_file_refuses_that_version_and_both_are_named(bench):
    wrong, right = "0" * 64, sdist("1.0").sha256
    report = bench.sync(lockfiles=[write(bench, f"alpha==1.0 --hash=sha256:{wrong}\nalpha==2.0\n")])
    (project,) = report.projects
    assert codes(project) == {"2.0": None, "1.0": "version-not-found"}
    error = next(version.error for version in project.versions if version.version == "1.0")
    assert isinstance(error, VersionNotFoundError)
    assert f"the index has sha256:{right}" in str(error)
    assert f"required is sha256:{wrong}" in str(error)
    assert bench.tags() == ["v2.0"]


def test_the_same_where_the_index_tells_no_digest(bench):
    bench.index.add(sdist("4.0"), listed=UNTOLD)
    report = bench.sync(lockfiles=[write(bench, f"alpha==4.0 --hash=sha256:{'0' * 64}\n")])
    error = report.projects[0].versions[0].error
    assert f"expected sha256:{'0' * 64}, got sha256:{sdist('4.0').sha256}" in str(error)


def test_the_same_of_a_version_that_is_there(bench):
    bench.sync("alpha==1.0")
    report = bench.sync("alpha==1.0", lockfiles=[write(bench, f"alpha==1.0 --hash=sha256:{'0' * 64}\n")])
    error = next(version.error for version in report.projects[0].versions if version.error is not None)
    assert f"sha256:{'0' * 64}" in str(error)
    assert f"sha256:{sdist('1.0').sha256}" in str(error)
    assert bench.tags() == ["v1.0"]


def test_one_digest_that_matches_is_enough_and_a_long_list_is_told_in_part(bench):
    others = " ".join(f"--hash=sha256:{number:064x}" for number in range(100))
    assert bench.sync(lockfiles=[write(bench, f"alpha==1.0 {others} --hash=sha256:{sdist('1.0').sha256}\n")]).succeeded
    (project,) = bench.sync(lockfiles=[write(bench, f"alpha==2.0 {others}\n")]).projects
    error = str(next(version.error for version in project.versions if version.error is not None))
    assert "or 95 more at " in error
    assert error.count("sha256:") < 10


def test_lock_files_that_list_different_files_of_a_release_agree(bench):
    """As those of two platforms do, of a tool that writes the digest of one file alone."""
    wheel = build_wheel("alpha", "1.0", {"code.py": "wheel\n"})
    bench.index.add(wheel)
    ours, theirs = sdist("1.0").sha256, wheel.sha256
    first, second = (write(bench, f"alpha==1.0 --hash=sha256:{one}\n", f"{one}.txt") for one in (theirs, ours))
    project = bench.sync(lockfiles=[first, second]).projects[0]
    assert codes(project) == {"1.0": None}
    assert bench.rows()["1.0"].sha256 in {ours, theirs}
    assert len(bench.claims()) == 2
    wrong = bench.project(f"alpha==1.0 --hash=sha256:{ours}", f"alpha==1.0 --hash=sha256:{theirs}")
    assert not wrong.succeeded, "whoever writes both into one configuration is told"


# --- indexes -----------------------------------------------------------------


@pytest.fixture
def two(tmp_path):
    high, low = FakeIndex(HIGH), FakeIndex(LOW)
    made = Bench(tmp_path, high, FakeNetwork(high, low), [HIGH, LOW])
    high.add(sdist("1.0", "alpha", where="high"))
    low.add(sdist("1.0", "alpha", where="low"), sdist("1.0", "beta"))
    return made, high, low


def test_what_a_lock_file_binds_to_a_configured_index_comes_from_there_alone(two):
    bench, high, _ = two
    report = bench.sync(lockfiles=[write(bench, locked({"alpha": "1.0", "beta": "1.0"}, f"{LOW}/"), "uv.lock")])
    assert [(project.name, project.index, project.succeeded) for project in report.projects] == [
        ("alpha", "low.example.com/simple", True),
        ("beta", "low.example.com/simple", True),
    ]
    assert high.requests == ()
    assert [one.detail for one in report.projects[0].tried] == ["the lock file names another index", ""]


def test_what_is_bound_to_an_index_that_lacks_it_is_missing_there(two):
    bench, *_ = two
    report = bench.sync(lockfiles=[write(bench, locked({"beta": "1.0"}, HIGH), "uv.lock")])
    assert [project.error.code for project in report.projects] == ["project-not-found"]


def test_an_index_that_is_not_configured_is_never_asked(two):
    bench, high, low = two
    elsewhere = locked({"alpha": "1.0"}, "https://else.example.com/simple")
    report = bench.sync(lockfiles=[write(bench, elsewhere, "uv.lock")])
    assert (high.requests, low.requests) == ((), ())
    assert [reason for _, reason, _ in report.lockfiles[0].left_out] == ["index"]
    digest = sdist("1.0", "alpha", where="high").sha256
    digested = elsewhere.replace('version = "1.0"', f'version = "1.0"\nwheels = [{{hash = "sha256:{digest}"}}]')
    report = bench.sync(lockfiles=[write(bench, digested, "uv.lock")])
    assert [(project.index, project.succeeded) for project in report.projects] == [("high.example.com/simple", True)]
    assert "else.example.com" in report.lockfiles[0].notices[0]


def test_user_information_in_a_lock_file_is_neither_compared_nor_used(two):
    bench, _, low = two
    bench.sync(lockfiles=[write(bench, locked({"alpha": "1.0"}, LOW.replace("//", "//user:s3cr3t@")), "uv.lock")])
    assert [request.url.credentials for request in low.requests] == [None, None]


def test_projects_of_an_index_hold_against_a_lock_file(two):
    bench, *_ = two
    bench.urls = [{"url": HIGH, "projects": ["alpha"]}, LOW]
    report = bench.sync(lockfiles=[write(bench, locked({"alpha": "1.0"}, LOW), "uv.lock")])
    assert [project.error.code for project in report.projects] == ["project-not-found"]


def test_a_lock_file_does_not_move_a_project_to_an_index_after_its_owner(two):
    bench, *_ = two
    lock = write(bench, locked({"alpha": "1.0"}, LOW), "uv.lock")
    project = bench.project("alpha==1.0", lockfiles=[lock])
    assert {version.error.code for version in project.versions if version.error is not None} == {"owner-changed"}
    (project,) = bench.sync(lockfiles=[lock]).projects
    assert project.error is not None
    assert project.error.code == "owner-changed"
    assert bench.rows()["1.0"].index == "high.example.com/simple"


def test_entries_that_name_different_indexes_do_not_mix(two):
    bench, *_ = two
    first, second = (write(bench, locked({"alpha": "1.0"}, index), f"{name}/uv.lock") for name, index in (("a", HIGH), ("b", LOW)))
    (project,) = bench.sync(lockfiles=[first, second]).projects
    assert project.index == "high.example.com/simple"
    assert {version.error.code for version in project.versions if version.error is not None} == {"owner-changed"}


def test_the_text_of_an_entry_of_a_lock_file_has_no_digests(bench):
    right = sdist("1.0").sha256
    bench.sync(f"alpha==1.0 --hash=sha256:{right}", lockfiles=[write(bench, f"alpha==1.0 --hash=sha256:{right}\n")])
    assert {entry for entries in bench.claims().values() for entry in entries} == {f"alpha==1.0 --hash=sha256:{right}", "alpha==1.0"}
