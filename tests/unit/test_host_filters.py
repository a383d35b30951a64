"""What filters keep out of a sync, of a plan and of what is there."""

import json

import pytest

from bench import Bench, sdist, statuses
from pydeps_host import Status
from pydeps_host.errors import BlockedError
from pydeps_host.events import ProjectFinished, RepositoryChanged
from pydeps_host.testing import FakeIndex, FakeNetwork, Listed


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(*map(sdist, ("1.0", "1.5", "2.0", "2.1rc1")))
    made.index.add(sdist("0.1", "beta"))
    return made


def block(*patterns: str) -> dict[str, dict[str, list[str]]]:
    return {"filters": {"block": list(patterns)}}


def allow(*patterns: str) -> dict[str, dict[str, list[str]]]:
    return {"filters": {"allow": list(patterns)}}


def refs(bench: Bench, name: str = "alpha") -> dict[str, str]:
    return {ref: one.id.hex() for ref, one in bench.store.repository(name).refs().items()}


# --- what is brought ---------------------------------------------------------


def test_no_request_is_made_for_a_blocked_project_and_it_is_reported_as_blocked(bench):
    report = bench.sync("alpha==1.0", "beta", "beta==0.1", **block("beta"))
    beta = report.projects[1]
    assert bench.index.pages == ("alpha",)
    assert (report.succeeded, beta.succeeded, beta.index, beta.tried, beta.repository) == (True, True, None, (), None)
    assert statuses(beta) == {"*": "blocked", "0.1": "blocked"}
    assert {version.blocked_by for version in beta.versions} == {"filters.block: beta"}
    assert {event.name for event in bench.events.of(ProjectFinished) if event.succeeded} == {"alpha", "beta"}


def test_where_something_is_allowed_nothing_else_is_asked_for(bench):
    report = bench.sync("alpha==1.0", "beta", **allow("alpha<2"))
    assert bench.index.pages == ("alpha",)
    assert [statuses(project) for project in report.projects] == [{"1.0": "added"}, {"*": "blocked"}]
    assert report.projects[1].versions[0].blocked_by == "filters.allow"


def test_a_blocked_version_is_told_beside_what_comes_instead(bench):
    project = bench.project("alpha", "alpha==1.5", "alpha==9.9", **block("alpha==2.*", "alpha==9.*"))
    assert statuses(project) == {"1.5": "added", "9.9": "blocked", "2.0": "blocked"}
    assert project.succeeded
    assert bench.tags() == ["v1.5"]


def test_a_range_is_counted_after_what_is_blocked(bench):
    project = bench.project("alpha>=1", versionsPerDependency=2, **block("alpha==1.5"))
    assert statuses(project) == {"2.0": "added", "1.0": "added", "1.5": "blocked"}


def test_a_plan_tells_what_is_blocked_and_what_the_next_sync_takes_away(bench):
    bench.sync("alpha>=1", "beta")
    asked = len(bench.index.requests)
    with bench.host("alpha>=1", "alpha==2.0", "beta", **block("alpha==2.*", "beta")) as host:
        alpha, beta = host.plan().projects
    assert statuses(alpha) == {"1.5": "present", "1.0": "present", "2.0": "blocked"}
    assert alpha.notices == ("the filters keep out 2.0, and the next sync takes the tags away",)
    assert (statuses(beta), beta.error) == ({"*": "blocked"}, None)
    assert len(bench.index.requests) == asked + 1
    assert bench.tags() == ["v1.0", "v1.5", "v2.0"], "a plan changes nothing"


def test_a_plan_goes_back_from_what_is_blocked_and_gone_as_a_sync_does(bench):
    bench.sync("alpha")
    bench.index.remove("alpha-2.0.tar.gz")
    with bench.host("alpha", **block("alpha==2.0")) as host:
        assert statuses(host.plan().projects[0]) == {"1.5": "planned"}


def test_json_tells_the_pattern_that_blocks(bench):
    report = bench.sync("alpha==2.0", "alpha==1.0", **block("alpha==2.*"))
    versions = json.loads(json.dumps(report.projects[0].to_json()))["versions"]
    told = {version["tag"]: (version["status"], version["blocked_by"], version["error"]) for version in versions}
    assert told == {"v1.0": ("added", None, None), "v2.0": ("blocked", "filters.block: alpha==2.*", None)}
    assert report.to_json()["versions"]["blocked"] == report.count(Status.BLOCKED) == 1
    assert report.to_json()["failed"] == 0


def test_a_blocked_pin_is_not_asked_of_a_later_index(tmp_path):
    high, low = FakeIndex("https://high.example.com/simple"), FakeIndex("https://low.example.com/simple")
    high.add(sdist("1.0"))
    low.add(sdist("2.0"))
    bench = Bench(tmp_path, high, FakeNetwork(high, low), [high.url, low.url])
    assert statuses(bench.project("alpha==2.0", versionFallthrough=True, **block("alpha==2.*"))) == {"2.0": "blocked"}
    assert low.requests == ()


# --- what is there -----------------------------------------------------------


def test_a_filter_that_changed_takes_tags_at_the_next_sync_and_gives_them_back_with_the_same_ids(bench):
    wanted = ("alpha>=1", "alpha==2.1rc1")
    bench.sync(*wanted)
    before = refs(bench)
    project = bench.project(*wanted, **block("alpha==2.*"))
    assert {version.version for version in project.versions if version.status is Status.REMOVED} == {"2.0", "2.1rc1"}
    assert (bench.tags(), bench.latest()) == (["v1.0", "v1.5"], "1.5")
    assert bench.claims() == {"default": {"alpha>=1": {"1.0", "1.5"}}}
    change = bench.events.of(RepositoryChanged)[-1]
    assert {name for name, _ in change.old} - {name for name, _ in change.new} == {"refs/tags/v2.0", "refs/tags/v2.1rc1"}
    files = bench.index.files
    assert bench.sync(*wanted).succeeded
    assert refs(bench) == before
    assert bench.index.files == files, "nothing is downloaded again"


def test_tags_of_what_is_blocked_go_whoever_claimed_it(bench):
    bench.sync("alpha==1.0", id="other", add=["alpha==2.0"])
    with bench.host("alpha==1.0") as host:
        host.ensure("alpha==1.5")
    bench.sync("beta", **block("alpha==1.0", "alpha==1.5", "alpha==2.0"))
    assert (bench.tags(), bench.claims(), bench.tags("beta")) == ([], {}, ["v0.1"])
    assert bench.store.asked.commits("alpha") == frozenset()


def test_a_project_that_is_blocked_as_a_whole_keeps_its_repository_and_no_claim(bench):
    bench.sync("alpha>=1", "beta")
    before = refs(bench)
    project, _ = bench.sync("alpha>=1", **allow("gamma")).projects
    assert statuses(project) == {">=1": "blocked", "2.0": "removed", "1.5": "removed", "1.0": "removed"}
    assert (bench.tags(), bench.claims(), bench.store.names()) == ([], {}, ("alpha", "beta"))
    bench.sync("alpha>=1", "beta")
    assert refs(bench) == before


def test_what_nobody_claims_any_more_is_taken_away_too_where_it_is_blocked(bench):
    bench.sync("alpha==1.0", "alpha==2.0")
    row = bench.rows()["1.0"]
    bench.sync("alpha==2.0")
    with bench.store.writing("alpha") as repository, repository.batch() as batch:
        batch.add(row)
        batch.publish()
    assert (bench.tags(), bench.claims()) == (["v1.0", "v2.0"], {"default": {"alpha==2.0": {"2.0"}}})
    bench.sync("alpha==2.0", **block("alpha==1.0"))
    assert bench.tags() == ["v2.0"]


def test_what_is_blocked_goes_though_the_index_does_not_answer(bench):
    bench.sync("alpha>=1")
    bench.index.script_always(bench.index.page_path("alpha"), 503)
    project = bench.project("alpha>=1", **block("alpha==2.*"))
    assert project.error is not None
    assert (project.error.code, statuses(project)) == ("project-unavailable", {"2.0": "removed"})
    assert bench.tags() == ["v1.0", "v1.5"]


def test_a_blocked_entry_ends_what_stood_in_its_place(bench):
    bench.sync("alpha==1.0")
    assert statuses(bench.project("alpha==2.0", **block("alpha==2.*"))) == {"2.0": "blocked", "1.0": "removed"}
    assert bench.tags() == []


def test_a_blocked_entry_of_an_unknown_project_makes_no_repository(bench):
    bench.sync("alpha==2.0", **block("alpha==2.*"))
    assert bench.store.known_repository("alpha") is None


def test_an_additive_sync_takes_what_is_blocked_from_the_projects_that_it_is_about(bench):
    bench.sync("alpha==1.0", "alpha==2.0", "beta")
    with bench.host("alpha==1.0", **block("alpha==2.*", "beta")) as host:
        host.sync(additive=True)
    assert (bench.tags(), bench.tags("beta")) == (["v1.0"], ["v0.1"])


def test_a_bare_name_moves_back_when_what_it_took_is_blocked(bench):
    bench.sync("alpha")
    assert statuses(bench.project("alpha", **block("alpha==2.0"))) == {"1.5": "added", "2.0": "removed"}
    assert bench.latest() == "1.5"
    bench.index.remove("alpha-2.0.tar.gz")
    assert statuses(bench.project("alpha", **block("alpha==2.0"))) == {"1.5": "present"}


def test_a_yanked_version_that_is_blocked_is_left_alone(bench):
    bench.sync("alpha==1.0", "alpha==2.0")
    bench.index.add(sdist("2.0"), listed=Listed(yanked=True))
    bench.sync("alpha==1.0", **block("alpha==2.*"))
    assert (bench.tags(), bench.rows()["2.0"].yanked) == (["v1.0"], False)


# --- ensure ------------------------------------------------------------------


def test_ensure_refuses_what_is_blocked_at_once_though_it_is_there(bench):
    bench.sync("alpha==2.0", "beta")
    asked = len(bench.index.requests)
    with bench.host("alpha", "beta", **block("alpha==2.*", "beta")) as host:
        for wanted, revision in (("alpha==2.0", None), ("alpha==2.9", None), ("alpha", "v2.0^0"), ("alpha", "latest"), ("beta==0.1", None)):
            with pytest.raises(BlockedError, match=r"is blocked by filters\.block: "):
                host.ensure(wanted, revision)
        assert len(bench.index.requests) == asked
        host.ensure("alpha==1.0")
    assert bench.tags() == ["v1.0", "v2.0"], "the next sync takes away, and nobody who waits"


def test_ensure_refuses_a_pin_that_only_a_blocked_local_version_answers_to(bench):
    bench.index.add(sdist("3.0+cu118"))
    with bench.host("alpha", **block("*==*+*")) as host, pytest.raises(BlockedError) as caught:
        host.ensure("alpha==3.0")
    assert (caught.value.wanted, caught.value.by) == ("alpha==3.0", "filters.block: *==*+*")
