"""Who wants what, for how long, and from whom."""

import pytest

from bench import Bench, codes, sdist, statuses
from pydeps_host import Dependency, Status
from pydeps_host.config import Index
from pydeps_host.errors import ClosedError, DeadlineError, DigestError, InputError, OwnerChangedError, UsageError
from pydeps_host.events import Notice, RepositoryChanged
from pydeps_host.host.order import Entry, group, select
from pydeps_host.limiter import Priority
from pydeps_host.resolver import Found, Located
from pydeps_host.simple_api import Project
from pydeps_host.testing import FakeIndex, FakeNetwork, Listed, build_wheel
from pydeps_host.values import Url


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(*map(sdist, ("1.0", "1.5", "2.0")))
    made.index.add(sdist("0.1", "beta"))
    return made


# --- what stays --------------------------------------------------------------


def test_a_bare_name_keeps_what_it_once_chose_while_it_stands(bench):
    bench.sync("alpha")
    bench.index.add(sdist("3.0"))
    assert statuses(bench.project("alpha")) == {"3.0": "added"}
    assert (bench.tags(), bench.latest()) == (["v2.0", "v3.0"], "3.0")
    assert bench.claims() == {"default": {"alpha": {"2.0", "3.0"}}}
    assert statuses(bench.project("alpha==3.0")) == {"3.0": "present", "2.0": "removed"}
    assert bench.tags() == ["v3.0"]


def test_a_range_that_moves_on_keeps_what_it_once_chose(bench):
    bench.sync("alpha>=1", versionsPerDependency=2)
    bench.index.add(sdist("3.0"))
    project = bench.project("alpha>=1", versionsPerDependency=2)
    assert statuses(project) == {"3.0": "added", "2.0": "present"}
    assert [notice for notice in project.notices if "2 more releases match" in notice]
    assert bench.tags() == ["v1.5", "v2.0", "v3.0"]


def test_claims_end_only_where_every_version_that_was_asked_for_succeeded(bench):
    bench.sync("alpha==1.0")
    bench.index.script_always(bench.index.file_path("alpha-2.0.tar.gz"), 404)
    assert statuses(bench.project("alpha==2.0", "alpha==1.5")) == {"2.0": "failed", "1.5": "added"}
    assert bench.tags() == ["v1.0", "v1.5"]
    bench.index.script_always(bench.index.file_path("alpha-2.0.tar.gz"), None)
    assert statuses(bench.project("alpha==2.0", "alpha==1.5")) == {"2.0": "added", "1.5": "present", "1.0": "removed"}


def test_a_project_that_the_index_forgets_keeps_everything(bench):
    bench.sync("alpha")
    bench.index.remove_project("alpha")
    project = bench.project("alpha")
    assert project.error is not None
    assert (project.error.code, project.repository) == ("project-not-found", bench.store.path_of("alpha"))
    assert bench.tags() == ["v2.0"]


def test_two_configurations_share_a_store_and_each_ends_its_own_claims_alone(bench):
    bench.sync("alpha==1.0", "alpha==1.5", id="one")
    bench.sync("alpha==1.5", "alpha==2.0", id="two")
    assert statuses(bench.project("alpha==2.0", id="two")) == {"2.0": "present"}
    assert bench.tags() == ["v1.0", "v1.5", "v2.0"]
    assert statuses(bench.project(id="one")) == {"1.0": "removed", "1.5": "removed"}
    assert (bench.tags(), bench.claims()) == (["v2.0"], {"two": {"alpha==2.0": {"2.0"}}})


def test_dependencies_of_the_command_line_only_add(bench):
    bench.sync("alpha==1.0", add=["alpha==1.5"])
    bench.sync(add=["alpha==2.0"])
    assert bench.tags() == ["v1.5", "v2.0"], "1.0 was the configuration's"
    assert bench.claims() == {"command": {"alpha==1.5": {"1.5"}, "alpha==2.0": {"2.0"}}}


def test_an_additive_sync_ends_nothing(bench):
    bench.sync("alpha==1.0", "beta")
    with bench.host("alpha==2.0") as host:
        report = host.sync(additive=True)
    assert [project.name for project in report.projects] == ["alpha"]
    assert (bench.tags(), bench.tags("beta")) == (["v1.0", "v2.0"], ["v0.1"])


def test_a_removed_version_comes_back_from_its_objects_and_with_what_the_index_says_now(bench):
    bench.sync("alpha==1.0", "alpha==2.0")
    first = bench.rows()["2.0"].commit
    bench.sync("alpha==1.0")
    bench.index.add(sdist("2.0"), listed=Listed(yanked=True))
    assert statuses(bench.project("alpha==1.0", "alpha==2.0.0")) == {"2.0": "added", "1.0": "present"}
    row = bench.rows()["2.0"]
    assert (row.commit, row.yanked, [tag.name for tag in row.tags]) == (first, True, ["v2.0", "v2.0.0"])
    assert bench.latest() == "1.0"
    assert bench.index.files.count("alpha-2.0.tar.gz") == 1


def test_a_removed_version_whose_objects_are_gone_is_made_again_with_the_same_ids(bench):
    bench.sync("alpha==1.0", "beta")
    first = bench.rows()["1.0"]
    bench.sync("beta")
    for path in bench.store.path_of("alpha").glob("objects/pack/*"):
        path.unlink()
    alpha, _ = bench.sync("alpha==1.0", "beta").projects
    assert alpha.versions[0].status is Status.ADDED
    assert bench.rows()["1.0"] == first


def test_a_removed_version_whose_file_gave_way_to_another_is_made_of_that(bench):
    bench.sync("alpha==1.0")
    bench.sync()
    for path in bench.store.path_of("alpha").glob("objects/pack/*"):
        path.unlink()
    bench.index.remove("alpha-1.0.tar.gz")
    wheel = build_wheel("alpha", "1.0", {"alpha.py": "x\n"})
    bench.index.add(wheel)
    assert bench.version("alpha==1.0").file == wheel.filename


# --- one name for one version ------------------------------------------------


def test_two_spellings_of_one_version_cannot_both_have_a_tag_of_one_name(bench):
    """`===1.0` takes the wheel, `==1.0` the source distribution, which its builder called 1.0.0."""
    bench.index.add(sdist("1.0.0", "gamma"), build_wheel("gamma", "1.0", {}))
    bench.sync("gamma==0.9")
    project = bench.project("gamma==1.0", "gamma===1.0")
    assert statuses(project) == {"1.0.0": "added", "1.0": "failed"}
    error = next(version.error for version in project.versions if version.version == "1.0")
    assert isinstance(error, UsageError)
    assert "its tag v1.0 belongs to 1.0.0 already" in str(error)
    assert bench.tags("gamma") == ["v1.0", "v1.0.0"]


def test_an_exact_text_is_not_satisfied_by_an_equal_version_of_another_spelling(bench):
    bench.index.add(build_wheel("gamma", "1.0", {}))
    bench.sync("gamma==1.0")
    bench.index.add(sdist("1.0.0", "gamma"))
    assert statuses(bench.project("gamma==1.0", "gamma===1.0.0")) == {"1.0.0": "added", "1.0": "present"}
    assert bench.rows("gamma")["1.0.0"].commit != bench.rows("gamma")["1.0"].commit


def test_claims_stand_where_publishing_did_not_take_a_version(bench):
    bench.index.add(sdist("0.9", "gamma"), sdist("1.0.0", "gamma"), build_wheel("gamma", "1.0", {}))
    bench.sync("gamma==0.9")
    assert codes(bench.project("gamma==1.0", "gamma===1.0"))["1.0"] == "usage"
    assert "v0.9" in bench.tags("gamma")


def test_entries_that_choose_one_release_are_all_told_of_it_and_share_its_tags(bench):
    project = bench.project("alpha", "alpha==2", "alpha>=1.5", "alpha===2.0", "alpha==v2.0.0")
    assert statuses(project) == {"2.0": "added", "1.5": "added"}
    assert bench.tags() == ["v1.5", "v2", "v2.0", "v2.0.0"]
    assert bench.claims()["default"]["alpha==2"] == {"2.0"}


def test_a_version_that_pep_440_does_not_know_is_the_oldest(bench):
    bench.index.add(sdist("legacy-build"))
    project = bench.project("alpha===legacy-build", "alpha==1.0")
    assert [version.version for version in project.versions] == ["1.0", "legacy-build"]
    assert bench.latest() == "1.0"
    assert statuses(bench.project("alpha===legacy-build", "alpha==1.0")) == {"1.0": "present", "legacy-build": "present"}
    bench.index.add(sdist("legacy-build"), listed=Listed(yanked=True))
    bench.sync("alpha===legacy-build", "alpha==1.0")
    assert bench.rows()["legacy-build"].yanked


# --- owners ------------------------------------------------------------------

HIGH, LOW = "https://high.example.com/simple", "https://low.example.com/simple"


@pytest.fixture
def chain(tmp_path):
    high, low = FakeIndex(HIGH), FakeIndex(LOW)
    low.add(sdist("1.0"))
    return Bench(tmp_path, low, FakeNetwork(high, low), [HIGH, LOW]), high, low


def test_the_owner_of_a_project_is_recorded_with_its_first_version(chain):
    bench, _, _ = chain
    project = bench.project("alpha")
    assert [(str(tried.url), tried.outcome.value) for tried in project.tried] == [(f"{HIGH}/alpha/", "absent"), (f"{LOW}/alpha/", "found")]
    assert (project.index, bench.store.repository("alpha").owner) == ("low.example.com/simple", "low.example.com/simple")


def test_an_index_that_stands_before_the_owner_takes_over_and_it_is_told(chain):
    bench, high, _ = chain
    first = bench.version("alpha").commit
    high.add(sdist("1.0", more="other"), sdist("2.0"))
    project = bench.project("alpha", "alpha==1.0")
    assert project.index == "high.example.com/simple"
    assert [notice for notice in project.notices if "stands before it" in notice]
    assert [event.code for event in bench.events.of(Notice)] == ["owner-changed"]
    assert statuses(project) == {"2.0": "added", "1.0": "present"}
    assert bench.rows()["1.0"].commit == first, "what is published stays"


def test_an_index_that_stands_after_the_owner_never_takes_over(chain):
    bench, high, _ = chain
    high.add(sdist("2.0"))
    bench.sync("alpha")
    high.remove_project("alpha")
    project = bench.project("alpha")
    assert isinstance(project.error, OwnerChangedError)
    assert bench.tags() == ["v2.0"]


def test_a_pin_that_the_owner_lacks_is_asked_of_later_urls_where_that_is_wished(chain):
    bench, high, _ = chain
    high.add(sdist("2.0"))
    assert codes(bench.project("alpha==1.0", "alpha==2.0")) == {"1.0": "version-not-found", "2.0": None}
    project = bench.project("alpha==1.0", "alpha==2.0", versionFallthrough=True)
    assert statuses(project) == {"2.0": "present", "1.0": "added"}
    assert [notice for notice in project.notices if "alpha==1.0 comes from low.example.com/simple" in notice]
    assert {text: row.index for text, row in bench.rows().items()} == {"1.0": "low.example.com/simple", "2.0": "high.example.com/simple"}
    bench.sync("alpha==1.0", "alpha==2.0", versionFallthrough=True)
    assert bench.tags() == ["v1.0", "v2.0"]


def test_a_later_index_that_stumbles_costs_the_entry_that_it_is_asked_for_alone(chain):
    bench, high, low = chain
    high.add(sdist("2.0"))
    wanted = ("alpha==2.0", "alpha==9.9")
    bench.sync(*wanted, "alpha==1.0", versionFallthrough=True)
    low.script_always(low.page_path("alpha"), 503)
    bench.sync("alpha", id="other")
    project = bench.project(*wanted, versionFallthrough=True)
    assert (project.error, codes(project)) == (None, {"2.0": None, "9.9": "project-unavailable"})
    assert bench.tags() == ["v1.0", "v2.0"], "no claim ends while an entry has no answer"


@pytest.mark.parametrize("interruption", [ClosedError("asking"), DeadlineError("asking")])
def test_an_interruption_is_no_answer_to_an_entry(interruption):
    def take(dependency: Dependency, only: tuple[str, ...]) -> Located:
        raise interruption

    (order,) = group([Entry(Dependency.parse("alpha==1.0"), "default")])
    url = Url.parse(HIGH)
    with pytest.raises(type(interruption)):
        select(order, Found(Project(order.name, url), Index.of(url), ()), take)


def test_an_owner_says_nothing_of_a_version_that_came_from_another_index(chain):
    bench, high, _ = chain
    high.add(sdist("2.0"))
    bench.sync("alpha==1.0", "alpha==2.0", versionFallthrough=True)
    assert not [notice for notice in bench.project("alpha==2.0", id="other").notices if "no longer lists" in notice]
    high.add(sdist("1.0"), listed=Listed(yanked=True))
    bench.sync("alpha==2.0", id="other")
    assert not bench.rows()["1.0"].yanked


def test_of_an_owner_that_cannot_be_reached_the_report_says_what_was_tried_and_what_was_noticed(chain):
    bench, high, _ = chain
    bench.sync("alpha")
    high.script_always(high.page_path("alpha"), 503)
    project = bench.project("alpha")
    assert project.error is not None
    assert (project.error.code, project.repository) == ("project-unavailable", bench.store.path_of("alpha"))
    assert [tried.outcome.value for tried in project.tried] == ["unavailable"]


# --- on demand ---------------------------------------------------------------


def test_what_is_ensured_goes_first_is_claimed_and_survives_a_sync(bench):
    bench.sync("alpha==1.0")
    with bench.host("alpha==1.0") as host:
        ensured = host.ensure("alpha==2.0")
    assert {request.priority for request in bench.index.requests[-2:]} == {Priority.WAITED_FOR}
    bench.sync("alpha==1.0")
    assert bench.tags() == ["v1.0", "v2.0"]
    assert bench.claims()["on-demand"] == {"alpha==2.0": {"2.0"}}
    assert ensured.commit == bench.rows()["2.0"].commit


def test_ensure_gives_up_when_the_time_is_up(bench):
    with bench.host("alpha") as host, pytest.raises(DeadlineError):
        host.ensure("alpha==2.0", timeout=0)
    assert bench.index.requests == ()


def test_ensure_raises_what_keeps_a_version_from_coming(bench):
    bench.index.script_always(bench.index.file_path("alpha-2.0.tar.gz"), 403)
    with bench.host("alpha") as host:
        with pytest.raises(Exception, match="answered 403"):
            host.ensure("alpha==2.0")
        bench.index.script_always(bench.index.page_path("alpha"), 401)
        with pytest.raises(Exception, match="refused it"):
            host.ensure("alpha==1.0")


def test_ensure_holds_what_is_there_to_a_digest_that_is_required(bench):
    right = sdist("2.0").sha256
    with bench.host("alpha") as host:
        ensured = host.ensure(f"alpha==2.0 --hash=sha256:{right}")
        assert host.ensure(Dependency.parse(f"alpha==2.0 --hash=sha256:{right}")) == ensured
        bench.index.add(sdist("2.0"), listed=Listed(digests=()))
        with pytest.raises(DigestError):
            host.ensure(f"alpha==2.0 --hash=sha256:{'0' * 64}")


def test_ensure_knows_another_spelling_of_what_is_there_and_revisions_as_code_hosts_write_them(bench):
    bench.sync("alpha==2.0")
    with bench.host("alpha==2.0") as host:
        ensured = [host.ensure("alpha", text) for text in ("v2.0", "refs/tags/v2.0", "v2.0^0", "refs/tags/v2.0^{}", "v2.0^{commit}")]
        assert len(set(ensured)) == 1
        assert host.ensure("alpha==2.0.0").commit == ensured[0].commit
    assert bench.tags() == ["v2.0", "v2.0.0"]
    assert len(bench.index.files) == 1


def test_ensure_finds_a_version_that_pep_440_does_not_know_by_its_tag(bench):
    bench.index.add(sdist("legacy-build"))
    bench.sync("alpha===legacy-build")
    with bench.host("alpha===legacy-build") as host:
        ensured = host.ensure("alpha", "vlegacy-build")
    assert ensured.commit == bench.rows()["legacy-build"].commit
    assert len(bench.index.files) == 1


@pytest.mark.parametrize(
    ("wanted", "revision"),
    [("unknown==1.0", None), ("alpha", None), ("alpha>=1", None), ("alpha", "main"), ("alpha", "v"), ("alpha", "v a")],
)
def test_ensure_refuses_what_is_not_served_and_what_names_no_version(bench, wanted, revision):
    with bench.host("alpha") as host, pytest.raises(InputError):
        host.ensure(wanted, revision)
    assert bench.index.requests == ()


def test_ensure_serves_what_is_in_the_store_though_no_configuration_names_it(bench):
    bench.sync("alpha==1.0")
    with bench.host() as host:
        assert host.ensure("alpha==2.0").version == "2.0"


# --- announcements -----------------------------------------------------------


def test_a_change_tells_the_references_before_and_after(bench):
    bench.sync("alpha==1.0")
    bench.sync("alpha==2.0")
    first, second = bench.events.of(RepositoryChanged)
    assert [name for name, _ in first.new] == ["refs/heads/history", "refs/heads/latest", "refs/tags/v1.0"]
    assert [name for name, _ in second.old] == ["refs/heads/history", "refs/heads/latest", "refs/tags/v1.0"]
    assert [name for name, _ in second.new] == ["refs/heads/history", "refs/heads/latest", "refs/tags/v2.0"]
    assert second.generation == bench.store.generations()["alpha"]
    assert dict(second.new)["refs/heads/latest"] == bench.rows()["2.0"].commit
