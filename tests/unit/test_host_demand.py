"""What is asked for now: whom it serves, what it remembers, and what it forgets."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from bench import Bench, sdist, statuses
from pydeps_host import Dependency, Host
from pydeps_host.errors import (
    ClosedError,
    DeadlineError,
    HostError,
    InputError,
    MissingError,
    NotStoredError,
    ProjectNotFoundError,
    ProjectUnavailableError,
    UsageError,
    VersionNotFoundError,
)
from pydeps_host.events import Event, ProjectStarted, RepositoryChanged
from pydeps_host.host import absences, demand
from pydeps_host.host.absences import Absences
from pydeps_host.resolver.flights import Flights
from pydeps_host.store import AskedVersions, Store


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(*map(sdist, ("1.0", "1.5", "2.0")))
    made.index.add(sdist("0.1", "beta"))
    return made


def on_demand(**keys: Any) -> dict[str, Any]:
    return {"onDemand": keys}


def asked(bench: Bench, name: str = "alpha") -> set[str]:
    """The versions that are noted as asked for."""
    return {row.text for row in bench.rows(name).values() if row.commit in bench.store.asked.commits(name)}


# --- whom it serves ----------------------------------------------------------


def test_it_serves_the_projects_that_are_allowed_and_no_others(bench):
    bench.index.add(sdist("1.0", "acme-tools"))
    with bench.host("alpha", **on_demand(allow=["Acme_*"])) as host:
        assert host.ensure("acme-tools==1.0").version == "1.0"
        with pytest.raises(UsageError, match=r"`onDemand\.allow`"):
            host.ensure("alpha==1.0")
    assert bench.tags("alpha") == []


def test_what_is_there_is_answered_whoever_is_served_and_then_not_kept_for_those_who_asked(bench):
    bench.sync("alpha==1.0")
    with bench.host("alpha==1.0", **on_demand(allow=[])) as host:
        assert host.ensure("alpha==1.0").version == "1.0"
        with pytest.raises(UsageError):
            host.ensure("alpha==1.5")
    assert asked(bench) == set()


# --- revisions ---------------------------------------------------------------


@pytest.mark.parametrize(
    "revision", ["v1.5", "tags/v1.5", "refs/tags/v1.5", "v1.5^0", "v1.5~0", "v1.5^{}", "refs/tags/v1.5^{commit}", "v1.5^{}^0"]
)
def test_a_tag_is_a_pin_and_is_brought(bench, revision):
    with bench.host("alpha==2.0") as host:
        assert host.ensure("alpha", revision).version == "1.5"


@pytest.mark.parametrize("revision", ["latest", "HEAD", "@", "heads/latest", "refs/heads/latest", "HEAD^0", "refs/heads/latest^{commit}"])
def test_a_branch_is_what_it_leads_to(bench, revision):
    bench.sync("alpha>=1.5")
    with bench.host("alpha") as host:
        ensured = host.ensure("alpha", revision)
    assert (ensured.version, ensured.commit) == ("2.0", bench.rows()["2.0"].commit)


def test_the_id_of_a_commit_that_is_there_is_that_version(bench):
    bench.sync("alpha>=1")
    commit = bench.rows()["1.5"].commit or ""
    with bench.host("alpha") as host:
        for revision in (commit, commit.upper(), f"{commit}^0"):
            ensured = host.ensure("alpha", revision)
            assert (ensured.version, ensured.commit) == ("1.5", commit)
    assert asked(bench) == {"1.5"}


@pytest.mark.parametrize("revision", ["latest", "HEAD", "0" * 40])
def test_a_branch_and_a_commit_that_are_not_there_are_not_there(bench, revision):
    with bench.host("alpha") as host:
        with pytest.raises(NotStoredError):
            host.ensure("alpha", revision)
        host.ensure("alpha==1.0")
        if revision == "0" * 40:
            with pytest.raises(NotStoredError, match="0000"):
                host.ensure("alpha", revision)
    assert len(bench.index.requests) == 2


@pytest.mark.parametrize(
    "revision", ["", "main", "v", "v1.0..v2.0", "v1.0:setup.py", "v1.0^", "v1.0~1", "v1.0^2", "1.0", "0" * 39, "refs/tags/", "^0"]
)
def test_what_names_no_single_version_is_refused(bench, revision):
    with bench.host("alpha") as host, pytest.raises(InputError):
        host.ensure("alpha", revision)
    assert bench.index.requests == ()


# --- absences ----------------------------------------------------------------


def test_what_is_absent_is_not_asked_for_again_for_ten_minutes(bench, monkeypatch):
    with bench.host("alpha", **on_demand(allow=["*"])) as host:
        for _ in range(3):
            with pytest.raises(VersionNotFoundError, match=r"alpha==9\.9"):
                host.ensure("alpha==9.9")
        assert bench.index.pages == ("alpha",)
        for version in ("1.0", "2.0"):
            with pytest.raises(ProjectNotFoundError):
                host.ensure(f"gamma=={version}")
        assert bench.index.pages == ("alpha", "gamma")
        with pytest.raises(VersionNotFoundError, match=r"alpha==9\.8"):
            host.ensure("alpha==9.8")
        assert bench.index.pages == ("alpha", "gamma", "alpha"), "of another version nothing is known"
    monkeypatch.setattr(absences, "SECONDS", 0.05)
    with bench.host("alpha") as host:
        for _ in range(2):
            with pytest.raises(VersionNotFoundError):
                host.ensure("alpha==9.9")
            time.sleep(0.06)
    assert len(bench.index.pages) == 5


def test_an_absence_is_ten_minutes_long():
    assert absences.SECONDS == 600


def test_what_is_no_absence_is_not_remembered(bench):
    bench.index.script(bench.index.page_path("alpha"), *[503] * 4)
    with bench.host("alpha") as host:
        with pytest.raises(ProjectUnavailableError):
            host.ensure("alpha==1.0")
        assert host.ensure("alpha==1.0").version == "1.0"


def test_a_sync_that_finds_the_project_ends_an_absence(bench):
    with bench.host("alpha", "gamma") as host:
        with pytest.raises(MissingError):
            host.ensure("alpha==3.0")
        with pytest.raises(MissingError):
            host.ensure("gamma==1.0")
        bench.index.add(sdist("3.0"))
        host.sync(jobs=1)
        asked_before = len(bench.index.pages)
        with pytest.raises(ProjectNotFoundError):
            host.ensure("gamma==1.0")
        assert len(bench.index.pages) == asked_before, "no index has it still"
        assert host.ensure("alpha==3.0").version == "3.0"
        bench.index.add(sdist("4.0"))
        with pytest.raises(VersionNotFoundError):
            host.ensure("alpha==5.0")
        host.sync(jobs=1)
        bench.index.add(sdist("5.0"))
        assert host.ensure("alpha==5.0").version == "5.0"


def test_absences_are_bounded_and_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(absences, "_MOST", 3)
    known = Absences()
    dependencies = [Dependency.parse(f"alpha=={number}") for number in range(5)]
    for dependency in (*dependencies, dependencies[2]):
        known.remember(dependency, VersionNotFoundError(str(dependency), "page", "not there"))
    for dependency in dependencies[:2]:
        known.check(dependency)
    for dependency in dependencies[2:]:
        with pytest.raises(VersionNotFoundError):
            known.check(dependency)
    known.forget("beta")
    known.forget("alpha")
    for dependency in dependencies:
        known.check(dependency)


# --- many at once ------------------------------------------------------------


def test_of_those_who_ask_for_the_same_at_once_one_asks_the_index(bench):
    together = threading.Barrier(16)
    hold = threading.Event()
    bench.index.script(bench.index.page_path("alpha"), lambda _: hold.wait(10))

    def ask(wanted: str) -> str:
        together.wait()
        try:
            return str(host.ensure(wanted).version)
        except MissingError as problem:
            return problem.code

    with bench.host("alpha") as host, ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(ask, "alpha==1.0") for _ in range(16)]
        time.sleep(0.1)
        hold.set()
        assert {job.result() for job in jobs} == {"1.0"}
        assert (bench.index.pages, bench.index.files) == (("alpha",), ("alpha-1.0.tar.gz",))
        assert set(pool.map(ask, ["alpha==9.9"] * 16)) == {"version-not-found"}
    assert bench.index.pages == ("alpha", "alpha")


def test_what_came_while_nobody_was_at_it_costs_no_request(bench, monkeypatch):
    with bench.host("alpha") as host, bench.host("alpha") as other:
        share = host._demand._flights.share

        def late(key, work, *, deadline, doing):
            other.ensure("alpha==1.0")
            return share(key, work, deadline=deadline, doing=doing)

        monkeypatch.setattr(host._demand._flights, "share", late)
        assert host.ensure("alpha==1.0").version == "1.0"
    assert bench.index.pages == ("alpha",)


def test_an_observer_may_ask_for_what_is_being_brought(bench):
    """By its own thread, which told it of that; and by another one, which waits to tell it something."""
    asked_by: list[str] = []
    told: list[str] = []
    others: list[Thread] = []

    def observe(event: Event) -> None:
        if not isinstance(event, ProjectStarted) or event.name in told:
            return
        told.append(event.name)
        if event.name == "alpha":
            asked_by.append(host.ensure("alpha==1.0", timeout=5).version)
        else:
            others.append(Thread(target=host.ensure, args=("alpha==2.0",)))
            others[0].start()
            while not host._demand._flights._flights.keys() - {"beta==0.1"}:
                time.sleep(0.001)
            asked_by.append(host.ensure("alpha==2.0", timeout=5).version)

    with Host(bench.config("alpha", "beta"), bench.store, transport=bench.index, observer=observe) as host:
        assert host.ensure("alpha==1.0").version == "1.0"
        assert host.ensure("beta==0.1").version == "0.1"
        others[0].join(10)
    assert asked_by == ["1.0", "2.0"]
    assert bench.index.files.count("alpha-2.0.tar.gz") == 1


def test_who_waits_for_another_is_told_what_went_wrong_and_gives_up_in_its_own_time():
    flights: Flights[str, int] = Flights()
    began, go_on = threading.Event(), threading.Event()

    def work() -> int:
        began.set()
        assert go_on.wait(10)
        raise UsageError("no", "ask for another")

    def share(seconds: float) -> HostError:
        with pytest.raises(HostError) as caught:
            flights.share("x", work, deadline=time.monotonic() + seconds, doing="waiting")
        return caught.value

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(share, 10)
        assert began.wait(10)
        waits, gives_up = pool.submit(share, 10), pool.submit(share, 0.02)
        assert isinstance(gives_up.result(), DeadlineError)
        go_on.set()
        assert str(first.result()) == str(waits.result()) == "no; ask for another"
        assert first.result() is not waits.result()


@pytest.mark.parametrize("problem", [DeadlineError("working"), ClosedError("working"), LookupError("of an observer")])
def test_where_the_one_who_works_gives_up_the_next_works(problem):
    flights: Flights[str, int] = Flights()
    began, go_on = threading.Event(), threading.Event()

    def fails() -> int:
        began.set()
        assert go_on.wait(10)
        raise problem

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, "x", fails, deadline=time.monotonic() + 10, doing="waiting")
        assert began.wait(10)
        second = pool.submit(flights.share, "x", lambda: 7, deadline=time.monotonic() + 10, doing="waiting")
        time.sleep(0.02)
        go_on.set()
        assert second.result() == 7
        with pytest.raises(type(problem)):
            first.result()
    assert flights.share("x", lambda: 8, deadline=0, doing="waiting") == 8, "nothing is remembered"


# --- what is kept for those who asked ----------------------------------------


def test_the_least_recently_asked_goes_first(bench):
    with bench.host("beta", "alpha==2.0", **on_demand(maxVersions=2)) as host:
        for wanted in ("alpha==1.0", "alpha==1.5", "alpha==1.0", "beta==0.1"):
            host.ensure(wanted)
    assert (bench.tags(), bench.tags("beta")) == (["v1.0"], ["v0.1"])
    assert bench.claims() == {"on-demand": {"alpha==1.0": {"1.0"}}}
    assert (asked(bench), asked(bench, "beta")) == ({"1.0"}, {"0.1"})
    change = bench.events.of(RepositoryChanged)[-1]
    assert "refs/tags/v1.5" in dict(change.old)
    assert "refs/tags/v1.5" not in dict(change.new)


def test_what_went_comes_back_without_a_download_and_with_its_id(bench):
    with bench.host("alpha", **on_demand(maxVersions=1)) as host:
        first = host.ensure("alpha==1.0")
        host.ensure("alpha==1.5")
        assert bench.tags() == ["v1.5"]
        assert host.ensure("alpha==1.0") == first
    assert bench.index.files == ("alpha-1.0.tar.gz", "alpha-1.5.tar.gz")


def test_what_a_configuration_claims_too_stays_when_those_who_asked_are_forgotten(bench):
    bench.sync("alpha==1.0")
    with bench.host("alpha==1.0", **on_demand(maxVersions=1)) as host:
        host.ensure("alpha==1.0")
        host.ensure("alpha==1.5")
    assert bench.tags() == ["v1.0", "v1.5"]
    assert bench.claims() == {"default": {"alpha==1.0": {"1.0"}}, "on-demand": {"alpha==1.5": {"1.5"}}}


def test_a_lower_maximum_takes_effect_at_the_next_sync_of_a_configuration_that_has_one(bench, monkeypatch):
    with bench.host("alpha") as host:
        for version in ("1.0", "1.5", "2.0"):
            host.ensure(f"alpha=={version}")
    monkeypatch.setattr(demand, "_MOST", 1)
    bench.sync("beta")
    assert bench.tags() == ["v1.0", "v1.5", "v2.0"], "another configuration says nothing of it"
    with bench.host("beta", **on_demand(maxVersions=2)) as host:
        host.sync(additive=True)
    assert bench.tags() == ["v1.0", "v1.5", "v2.0"], "an additive sync takes nothing away"
    bench.sync("beta", **on_demand(maxVersions=2))
    assert bench.tags() == ["v1.5", "v2.0"]


def test_a_thousand_are_kept_unless_it_is_said(bench):
    assert demand._MOST == 1000


def test_spellings_of_one_version_are_one(bench):
    with bench.host("alpha", **on_demand(maxVersions=2)) as host:
        for wanted in ("alpha==1.0", "alpha==1.0.0", "alpha==1", "alpha==1.5"):
            host.ensure(wanted)
    assert bench.tags() == ["v1", "v1.0", "v1.0.0", "v1.5"]
    assert asked(bench) == {"1.0", "1.5"}


def test_what_was_there_when_it_was_asked_for_stays_when_the_configuration_forgets_it(bench):
    bench.sync("alpha==1.0", "alpha==1.5", "beta")
    with bench.host("alpha==1.0", "alpha==1.5", "beta") as host:
        host.ensure("alpha==1.0")
    assert "on-demand" not in bench.claims(), "nothing is written for who finds it there"
    bench.sync("beta")
    assert (bench.tags(), bench.claims()) == (["v1.0"], {"on-demand": {"alpha==1.0": {"1.0"}}})


def test_what_was_asked_for_and_is_blocked_now_is_not_claimed_again(bench):
    bench.sync("alpha==1.0", "alpha==1.5")
    with bench.host("alpha==1.0") as host:
        host.ensure("alpha==1.0")
    bench.sync("alpha==1.5", filters={"block": ["alpha==1.0"]})
    bench.sync("alpha==1.5")
    assert bench.tags() == ["v1.5"]


def test_hosts_of_one_store_know_of_each_other_s_askings(bench):
    with bench.host("alpha", **on_demand(maxVersions=2)) as one, bench.host("alpha", **on_demand(maxVersions=2)) as other:
        one.ensure("alpha==1.0")
        other.ensure("alpha==1.5")
        one.ensure("alpha==2.0")
    assert bench.tags() == ["v1.5", "v2.0"]


def test_an_asking_is_written_to_the_disk_once_a_minute_at_most(bench, monkeypatch):
    with bench.host("alpha") as host:
        commit = host.ensure("alpha==1.0").commit
        path = bench.store.asked.folder / "alpha" / commit
        os.utime(path, ns=(5, 5))
        host.ensure("alpha==1.0")
        assert path.stat().st_mtime_ns == 5
        monkeypatch.setattr(demand, "_NOTED_FOR", 0)
        host.ensure("alpha==1.0")
        assert path.stat().st_mtime_ns > 5


def test_a_clock_that_was_ahead_keeps_nothing_from_being_noted(bench, monkeypatch):
    with bench.host("alpha") as host:
        with monkeypatch.context() as ahead:
            ahead.setattr(time, "time_ns", lambda: 10**19)
            commit = host.ensure("alpha==1.0").commit
        host.ensure("alpha==1.0")
    assert bench.store.asked.oldest_first()[0].at < 10**19
    assert bench.store.asked.commits("alpha") == {commit}


def test_what_a_process_knows_of_askings_is_bounded(bench, monkeypatch):
    monkeypatch.setattr(demand, "_MOST_RECENT", 2)
    with bench.host("alpha", **on_demand(maxVersions=2)) as host:
        for version in ("1.0", "1.5", "2.0"):
            host.ensure(f"alpha=={version}")
    assert bench.tags() == ["v1.5", "v2.0"], "the disk knows the order"
    with bench.host("alpha") as host:
        for version in ("1.0", "1.5", "2.0"):
            host.ensure(f"alpha=={version}")
        assert len(host._demand._recent._times) <= 2


def test_a_repository_that_is_gone_is_forgotten_when_its_turn_comes(bench):
    with bench.host("alpha", "beta", **on_demand(maxVersions=1)) as host:
        host.ensure("beta==0.1")
        bench.store.path_of("beta").rename(bench.folder / "gone")
        host.ensure("alpha==1.0")
    assert [one.name for one in bench.store.asked.oldest_first()] == ["alpha"]


def test_what_cannot_be_released_now_is_released_later(bench):
    with bench.host("alpha", "beta", **on_demand(maxVersions=1)) as host:
        host.ensure("beta==0.1")
        journal = next(bench.store.path_of("beta").rglob("journal*"))
        whole = journal.read_bytes()
        journal.write_bytes(b"no journal\n")
        assert host.ensure("alpha==1.0").version == "1.0"
        journal.write_bytes(whole)
        host.ensure("alpha==1.5")
    assert (bench.tags("beta"), bench.tags()) == ([], ["v1.5"])


def test_an_observer_is_told_of_what_went_after_it_is_gone(bench):
    told: list[tuple[list[str], list[str]]] = []

    def observe(event: Event) -> None:
        if isinstance(event, RepositoryChanged):
            told.append((bench.tags(), [name for name, _ in event.new]))

    config = bench.config("alpha", **on_demand(maxVersions=1))
    with Host(config, bench.store, transport=bench.index, observer=observe) as host:
        host.ensure("alpha==1.5")
        host.ensure("alpha==1.0")
    assert [tags for tags, _ in told] == [["v1.5"], ["v1.0", "v1.5"], ["v1.0"]]


# --- the store's notes -------------------------------------------------------


def test_notes_are_in_the_order_of_asking(tmp_path):
    notes = AskedVersions(tmp_path / "asked")
    assert (notes.oldest_first(), notes.commits("alpha")) == ((), frozenset())
    for at, (name, commit) in enumerate([("alpha", "a"), ("beta", "b"), ("alpha", "c"), ("alpha", "a")], start=1):
        notes.note(name, commit, at * 10**9)
    assert [(one.name, one.commit, one.at // 10**9) for one in notes.oldest_first()] == [
        ("beta", "b", 2),
        ("alpha", "c", 3),
        ("alpha", "a", 4),
    ]
    assert notes.commits("alpha") == {"a", "c"}
    notes.forget("alpha", "a")
    notes.forget("alpha", "unknown")
    assert notes.commits("alpha") == {"c"}
    notes.note("alpha", "d", 1)
    notes.forget_all("alpha")
    assert [one.name for one in notes.oldest_first()] == ["beta"]
    assert [path.name for path in notes.folder.iterdir()] == ["beta"]


def test_a_disk_that_refuses_makes_no_asking_fail(tmp_path):
    (tmp_path / "asked").write_bytes(b"no folder")
    notes = AskedVersions(tmp_path / "asked")
    notes.note("alpha", "a", 1)
    notes.forget("alpha", "a")
    assert notes.oldest_first() == ()


def test_namespaces_have_notes_of_their_own(tmp_path):
    one, other = Store(tmp_path), Store(tmp_path, namespace="other")
    one.asked.note("alpha", "a", 1)
    assert (len(one.asked.oldest_first()), other.asked.oldest_first()) == (1, ())
    assert one.asked.oldest_first()[0].name == canonicalize_name("alpha")


def test_the_store_holds_nothing_of_askings_but_empty_files(bench):
    with bench.host("alpha") as host:
        ensured = host.ensure("alpha==1.0")
    files = [path for path in (bench.store.path / ".pydeps-host" / "asked").rglob("*") if path.is_file()]
    assert [(path.relative_to(bench.store.path / ".pydeps-host"), path.read_bytes()) for path in files] == [
        (Path("asked") / "python" / "alpha" / ensured.commit, b"")
    ]
    assert statuses(bench.project("alpha==1.0")) == {"1.0": "present"}
