"""What a plan and a sync tell a program."""

import json

import pytest
from attrs import evolve

from bench import Bench, sdist, statuses
from pydeps_host import ProjectReport, Status, SyncReport, VersionReport
from pydeps_host.errors import DeadlineError, TooLargeError, UsageError
from pydeps_host.host import SCHEMA, error_to_json
from pydeps_host.testing import Item, Listed, build_sdist, build_wheel


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(sdist("1.0", link=Item(link="/etc/passwd")), build_wheel("alpha", "1.0", {}), sdist("2.0"))
    return made


def test_a_plan_tells_what_a_sync_would_bring_and_changes_nothing(bench):
    with bench.host("alpha==1.0", "alpha==9.9") as host:
        (project,) = host.plan().projects
        planned, missed = project.versions
        assert (planned.status, planned.tag, planned.file, planned.commit) == (Status.PLANNED, "v1.0", "alpha-1.0.tar.gz", None)
        assert planned.sha256 == sdist("1.0", link=Item(link="/etc/passwd")).sha256
        assert (missed.version, missed.tag, missed.status) == ("9.9", "v9.9", Status.FAILED)
        (choice,) = project.choices
        assert choice.releases == (("1.0", ("alpha-1.0.tar.gz", "alpha-1.0-py3-none-any.whl")),)
        assert choice.others == (("alpha-2.0.tar.gz", "other-release"),)
        assert project.to_json(verbose=True)["choices"] == [choice.to_json()]
        assert choice.to_json()["others"] == [{"file": "alpha-2.0.tar.gz", "reason": "other-release"}]
    assert bench.index.files == ()
    assert not (bench.folder / "code" / "python").exists()


def test_a_plan_of_what_the_index_gives_no_digest_of_says_so_by_saying_nothing(bench):
    bench.index.add(sdist("2.0"), listed=Listed(digests=()))
    with bench.host("alpha==2.0") as host:
        assert host.plan().projects[0].versions[0].sha256 is None


def test_a_name_that_no_file_system_takes_fails_alone(bench):
    long, alpha = sorted(bench.sync("alpha==1.0", f"{'z' * 250}==1.0").projects, key=lambda project: project.name, reverse=True)
    assert isinstance(long.error, UsageError)
    assert long.repository is None
    assert alpha.succeeded


def test_a_report_becomes_json_lines_that_hold_nothing_else(bench):
    report = bench.sync("alpha==1.0", "alpha==9.9", "nothing-there")
    lines = [json.loads(json.dumps(one.to_json(verbose=True))) for one in report.projects] + [json.loads(json.dumps(report.to_json()))]
    alpha, nothing, summary = lines
    assert {line["schema"] for line in lines} == {SCHEMA}
    added, missed = alpha["versions"]
    assert (added["status"], added["tag"], added["file"], added["error"]) == ("added", "v1.0", "alpha-1.0.tar.gz", None)
    assert added["skipped"] == {"link-absolute": 1}
    assert missed["error"]["code"] == "version-not-found"
    assert alpha["tried"] == [
        {"url": "https://index.example.com/simple/alpha/", "outcome": "found", "detail": "", "status": 200, "until": None}
    ]
    assert (alpha["index"], alpha["repository"]) == ("index.example.com/simple", str(bench.store.path_of("alpha")))
    assert (nothing["error"]["code"], nothing["error"]["retryable"], nothing["repository"]) == ("project-not-found", False, None)
    assert summary["versions"] == {"added": 1, "present": 0, "removed": 0, "failed": 1, "planned": 0, "blocked": 0}
    assert (summary["projects"], summary["succeeded"], summary["failed"]) == (2, 0, 2)


def test_what_came_from_outside_is_escaped_in_json(bench):
    version = VersionReport(version="1\x1b[0m", status=Status.ADDED, tag="v1", file="a\u202eb", set_aside=(("x\n", "y\x00"),))
    told = version.to_json()
    assert (told["version"], told["file"]) == ("1\\x1b[0m", "a\\u202eb")
    assert told["set_aside"] == [{"file": "x\\x0a", "reason": "y\\x00"}]
    error = error_to_json(TooLargeError("a\x1b", "entries", 5))
    assert error is not None
    assert "\x1b" not in error["message"]
    assert error_to_json(None) is None


def test_projects_are_reported_in_the_order_of_their_names():
    report = SyncReport((ProjectReport(name="b"), ProjectReport(name="a")))
    assert [project.name for project in report.projects] == ["a", "b"]


def test_a_deadline_in_the_middle_of_a_download_records_nothing(bench):
    bench.index.script(bench.index.file_path("alpha-1.0.tar.gz"), DeadlineError("asking"))
    with bench.host("alpha") as host, pytest.raises(DeadlineError):
        host.ensure("alpha==1.0")
    assert bench.rows() == {}
    with bench.host("alpha") as host:
        assert host.ensure("alpha==1.0").version == "1.0"


def test_a_large_file_and_an_empty_one_come_whole(tmp_path):
    bench = Bench(tmp_path)
    large = bytes(range(256)) * 5000
    bench.index.add(build_sdist("alpha", "1.0", {"large.bin": large, "empty": ""}))
    assert bench.version("alpha").skipped == ()
    bench.index.add(evolve(build_sdist("alpha", "1.0", {"large.bin": large}), filename="alpha-1.1.tar.gz"))
    assert statuses(bench.project("alpha")) == {"1.1": "added"}
