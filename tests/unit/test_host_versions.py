"""What a sync makes of one version, the first time and ever after."""

import errno
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from bench import UNTOLD, Bench, codes, sdist, statuses
from pydeps_host import Host, Status
from pydeps_host.errors import (
    AccessError,
    BackoffError,
    CertificateError,
    DigestError,
    DiskError,
    NoCandidateError,
    PageError,
    TooLargeError,
    UnavailableError,
)
from pydeps_host.events import DownloadStarted, Notice, VersionFinished
from pydeps_host.host import making, spooling
from pydeps_host.repository import Status as RowStatus
from pydeps_host.testing import Answer, Distribution, FakeIndex, Item, Listed, Redirect, build_sdist, build_wheel

GONE, BROKEN = 404, b"no archive at all"
ALPHA = sdist("1.0")
WHEEL = build_wheel("alpha", "1.0", {"alpha.py": "wheel\n"})


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.index.add(ALPHA)
    return made


def file(bench: Bench, filename: str = ALPHA.filename) -> str:
    return bench.index.file_path(filename)


def later(monkeypatch: pytest.MonkeyPatch, **delta: float) -> None:
    """Let the time go on, as far as standing refusals are concerned."""

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(**delta)

    monkeypatch.setattr(making, "datetime", Later)


# --- standing refusals and backing off ---------------------------------------


def test_a_refused_archive_is_not_downloaded_again_until_its_files_change(bench):
    bench.index.add(evolve(ALPHA, data=BROKEN))
    assert codes(bench.project("alpha")) == {"1.0": "archive"}
    again = bench.version("alpha")
    assert again.error is not None
    assert (again.error.code, again.file, "refused before" in str(again.error)) == ("refused-before", ALPHA.filename, True)
    assert len(bench.index.files) == 1
    bench.index.add(ALPHA)
    assert bench.version("alpha").status is Status.ADDED


def test_a_refused_archive_is_tried_again_when_a_file_without_digests_comes_to_it(bench):
    bench.index.add(evolve(ALPHA, data=BROKEN), listed=UNTOLD)
    assert codes(bench.project("alpha")) == {"1.0": "archive"}
    assert codes(bench.project("alpha")) == {"1.0": "refused-before"}
    bench.index.add(WHEEL, listed=UNTOLD)
    version = bench.version("alpha")
    assert (version.status, version.file) == (Status.ADDED, WHEEL.filename)


@pytest.mark.parametrize("limit", ["fileBytes", "entries", "unpackedBytes", "artifactBytes"])
def test_a_refused_archive_is_tried_again_when_a_limit_changes(bench, limit):
    bench.index.add(evolve(ALPHA, data=BROKEN))
    bench.sync("alpha")
    assert codes(bench.project("alpha", limits={limit: 10_000_000})) == {"1.0": "archive"}
    assert codes(bench.project("alpha", limits={limit: 10_000_000})) == {"1.0": "refused-before"}
    assert len(bench.index.files) == 2


def test_an_artifact_over_a_limit_comes_once_the_limit_is_raised(bench):
    assert codes(bench.project("alpha", limits={"artifactBytes": 50})) == {"1.0": "too-large"}
    assert bench.index.files == (), "a size that is known is checked before the request"
    assert bench.version("alpha").status is Status.ADDED


def test_a_plan_tells_a_standing_refusal_too(bench):
    bench.index.add(evolve(ALPHA, data=BROKEN))
    bench.sync("alpha")
    with bench.host("alpha") as host:
        assert codes(host.plan().projects[0]) == {"1.0": "refused-before"}


def test_a_refusal_for_a_digest_that_an_entry_requires_ends_with_the_requirement(bench):
    bench.index.add(ALPHA, listed=UNTOLD)
    wrong = bench.version(f"alpha==1.0 --hash=sha256:{'0' * 64}")
    assert isinstance(wrong.error, DigestError)
    assert bench.version("alpha==1.0").status is Status.ADDED


@pytest.mark.parametrize("fault", [GONE, b"cut short"])
def test_a_file_that_is_gone_or_damaged_on_the_way_is_tried_again_by_the_next_sync(bench, fault):
    bench.index.script(file(bench), fault)
    assert codes(bench.project("alpha")) in ({"1.0": "file-gone"}, {"1.0": "truncated"})
    assert bench.rows()["1.0"].status is RowStatus.FAILED
    assert bench.version("alpha").status is Status.ADDED


def test_a_failed_version_rests_only_after_its_second_failure(bench, monkeypatch):
    bench.index.script_always(file(bench), 503)
    first, second, third = (bench.version("alpha").error for _ in range(3))
    assert isinstance(first, UnavailableError)
    assert isinstance(second, UnavailableError)
    assert isinstance(third, BackoffError)
    assert len(bench.index.files) == 8, "a version that rests costs no request"
    assert third.until > datetime.now(UTC) + timedelta(seconds=90)
    assert third.retryable
    later(monkeypatch, minutes=3)
    bench.index.script_always(file(bench), None)
    assert bench.version("alpha").status is Status.ADDED
    assert bench.rows()["1.0"].attempts == 0


def test_a_version_s_failures_are_counted_in_a_row(bench, monkeypatch):
    bench.index.script_always(file(bench), 503)
    rests = []
    for minutes in (0, 0, 3, 8):
        later(monkeypatch, minutes=minutes)
        bench.sync("alpha")
        rests.append(bench.rows()["1.0"].attempts)
    assert rests == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (401, AccessError),
        (403, AccessError),
        (UnavailableError("u", "reset", None, 4), UnavailableError),
        (CertificateError("u", "self-signed", "trust it"), CertificateError),
    ],
)
def test_what_says_nothing_of_the_file_fails_the_version_and_lets_no_other_file_stand_in(bench, step, kind):
    bench.index.add(WHEEL)
    bench.index.script_always(file(bench), step)
    version = bench.version("alpha")
    assert isinstance(version.error, kind)
    assert bench.index.files[-1] == ALPHA.filename
    assert bench.rows()["1.0"].status is RowStatus.FAILED


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (GONE, "not there"),
        (BROKEN, "expected"),
        (Redirect("http://index.example.com/plain"), "never left for http"),
        (PageError("u", "malformed", "coded"), "coded"),
        (TooLargeError("u", "artifact_bytes", 1), "allows 1"),
    ],
)
def test_a_file_that_cannot_be_had_gives_way_to_the_next_and_the_report_says_why(bench, step, said):
    bench.index.add(WHEEL)
    bench.index.script(file(bench), step)
    version = bench.version("alpha")
    assert (version.status, version.file) == (Status.ADDED, WHEEL.filename)
    assert [(name, said in why) for name, why in version.set_aside] == [(ALPHA.filename, True)]
    assert bench.rows()["1.0"].set_aside == version.set_aside


@pytest.mark.parametrize("step", [GONE, Redirect("http://index.example.com/plain"), PageError("u", "malformed", "coded")])
def test_one_version_s_failure_stops_no_other(bench, step):
    bench.index.add(sdist("2.0"))
    bench.index.script(file(bench), step)
    project = bench.project("alpha>=1")
    assert project.error is None
    assert statuses(project) == {"2.0": "added", "1.0": "failed"}


def test_where_no_file_can_be_used_every_cause_is_told(bench):
    bench.index.add(evolve(ALPHA, data=BROKEN), WHEEL)
    bench.index.script(file(bench, WHEEL.filename), GONE)
    version = bench.version("alpha")
    assert isinstance(version.error, NoCandidateError)
    assert [name for name, _ in version.error.causes] == [ALPHA.filename, WHEEL.filename]
    assert bench.rows()["1.0"].status is RowStatus.FAILED, "the wheel may be there tomorrow"
    assert bench.version("alpha").file == WHEEL.filename


def test_an_event_tells_what_became_of_each_version(bench):
    bench.index.add(evolve(sdist("2.0"), data=BROKEN))
    project = bench.project("alpha>=1")
    added = next(version for version in project.versions if version.version == "1.0")
    told = {event.version: (event.commit, event.error) for event in bench.events.of(VersionFinished)}
    assert told["1.0"] == (added.commit, None)
    assert told["2.0"][0] is None
    assert "is refused" in (told["2.0"][1] or "")


# --- what is there stays -----------------------------------------------------


def test_another_policy_leaves_what_is_published_as_it_is(bench):
    first = bench.version("alpha").commit
    again = bench.version("alpha", limits={"fileBytes": 5})
    assert (again.status, again.commit) == (Status.PRESENT, first)
    bench.index.add(sdist("2.0", **{"large.txt": "more than five"}))
    newer, _ = bench.project("alpha==2.0", "alpha==1.0", limits={"fileBytes": 5}).versions
    assert dict(newer.skipped) == {"file-too-large": 3}


@pytest.mark.parametrize("wanted", ["alpha==2.0", "alpha", "alpha>=1"])
def test_a_version_that_is_yanked_later_keeps_its_tag_and_loses_latest(bench, wanted):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.sync("alpha==1.0", wanted)
    assert (bench.latest(), bench.rows()["2.0"].yanked) == ("2.0", False)
    bench.index.add(newer, listed=Listed(yanked="it eats data"))
    assert bench.sync("alpha==1.0", wanted).succeeded
    assert bench.rows()["2.0"].yanked
    assert (bench.latest(), bench.tags()) == ("1.0", ["v1.0", "v2.0"])
    bench.index.add(newer)
    bench.sync("alpha==1.0", wanted)
    assert (bench.latest(), bench.rows()["2.0"].yanked) == ("2.0", False)


def test_a_version_is_known_to_be_yanked_even_where_nothing_that_is_asked_for_is_there(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.sync("alpha>=1")
    bench.index.add(newer, listed=Listed(yanked=True))
    assert codes(bench.project("alpha==9.9")) == {"9.9": "version-not-found"}
    assert (bench.latest(), bench.tags()) == ("1.0", ["v1.0", "v2.0"])


def test_an_index_that_forgets_a_version_withdraws_nothing(bench):
    bench.sync("alpha==1.0")
    generation = bench.store.generations()["alpha"]
    bench.index.remove(ALPHA.filename)
    bench.index.add(sdist("0.5"))
    assert statuses(bench.project("alpha==0.5", "alpha==1.0")) == {"0.5": "added", "1.0": "failed"}
    assert (bench.rows()["1.0"].yanked, bench.tags()) == (False, ["v0.5", "v1.0"])
    assert bench.store.generations()["alpha"] == generation + 1


def test_a_sync_that_finds_nothing_new_changes_nothing(bench):
    bench.sync("alpha")
    generation = bench.store.generations()["alpha"]
    asked = len(bench.index.requests)
    project = bench.project("alpha")
    assert (project.notices, bench.store.generations()["alpha"]) == ((), generation)
    assert len(bench.index.requests) == asked + 1


@pytest.mark.parametrize(
    "listed", [Listed(), Listed(digests=("md5",), size=False), Listed(digests=("sha512",), size=False), Listed(digests=())]
)
def test_other_bytes_under_a_known_file_name_are_reported_and_the_tag_stays(bench, listed):
    bench.index.add(ALPHA, listed=listed)
    first = bench.version("alpha").commit
    bench.index.add(evolve(ALPHA, data=sdist("1.0", more="x").data), listed=listed)
    with bench.host("alpha") as host:
        planned = host.plan().projects[0]
    project = bench.project("alpha")
    for report in (planned, project):
        assert report.succeeded
        assert [notice for notice in report.notices if "changed at the index" in notice]
        assert (report.versions[0].status, report.versions[0].commit) == (Status.PRESENT, first)
    assert len(bench.index.files) == 1


def test_a_better_file_that_comes_later_is_reported_and_not_taken(bench):
    bench.index.remove(ALPHA.filename)
    bench.index.add(WHEEL)
    first = bench.version("alpha")
    bench.index.add(ALPHA)
    project = bench.project("alpha")
    assert project.versions[0].commit == first.commit
    assert [notice for notice in project.notices if "which is not taken" in notice and ALPHA.filename in notice]
    assert bench.index.files == (WHEEL.filename,)


def test_a_better_file_of_another_spelling_of_the_version_is_not_taken_either(bench):
    bench.index.remove(ALPHA.filename)
    bench.index.add(WHEEL)
    first = bench.version("alpha==1.0")
    bench.index.add(sdist("1.0.0"))
    for wanted in ("alpha==1.0", "alpha"):
        project = bench.project(wanted)
        assert [(version.version, version.status, version.commit) for version in project.versions] == [
            ("1.0", Status.PRESENT, first.commit)
        ]
        assert [notice for notice in project.notices if "which is not taken" in notice]
    assert bench.tags() == ["v1.0"]
    assert bench.version("alpha==1.0.0").commit == first.commit
    assert bench.tags() == ["v1.0", "v1.0.0"]


def test_a_file_that_gave_way_is_no_news_to_the_next_sync(bench):
    bench.index.add(evolve(ALPHA, data=BROKEN), WHEEL)
    bench.sync("alpha")
    assert bench.project("alpha").notices == ()


# --- digests -----------------------------------------------------------------


@pytest.mark.parametrize("json", [True, False])
def test_the_sha_256_of_a_file_that_the_index_gives_no_digest_of_is_recorded_and_trusted(tmp_path, json):
    bench = Bench(tmp_path, FakeIndex(json=json))
    bench.index.add(ALPHA, listed=UNTOLD)
    assert bench.version("alpha").sha256 == ALPHA.sha256
    row = bench.rows()["1.0"]
    assert (row.sha256, row.digests) == (ALPHA.sha256, ())
    assert bench.sync(f"alpha==1.0 --hash=sha256:{ALPHA.sha256}").succeeded
    wrong = bench.version(f"alpha==1.0 --hash=sha256:{'0' * 64}")
    assert isinstance(wrong.error, DigestError)
    assert bench.tags() == ["v1.0"]


def test_bytes_that_were_trusted_once_are_trusted_for_ever_even_when_the_tag_and_the_objects_are_gone(bench):
    bench.index.add(ALPHA, listed=UNTOLD)
    bench.sync("alpha")
    bench.sync()
    assert bench.tags() == []
    for pack in bench.store.path_of("alpha").glob("objects/pack/*"):
        pack.unlink()
    bench.index.add(evolve(ALPHA, data=sdist("1.0", more="x").data), listed=UNTOLD)
    assert codes(bench.project("alpha")) == {"1.0": "changed"}
    assert bench.tags() == []
    row = bench.rows()["1.0"]
    assert (row.status, row.sha256) == (RowStatus.REMOVED, ALPHA.sha256)


def test_a_required_digest_that_the_index_does_not_give_still_holds_at_the_next_sync(bench):
    sha512 = hashlib.sha512(ALPHA.data).hexdigest()
    md5 = hashlib.md5(ALPHA.data).hexdigest()
    wanted = f"alpha==1.0 --hash=sha512:{sha512} --hash=md5:{'0' * 32}"
    assert bench.version(wanted).status is Status.ADDED
    assert bench.version(wanted).status is Status.PRESENT
    with bench.host(wanted) as host:
        assert host.plan().succeeded
    assert codes(bench.project(f"alpha==1.0 --hash=md5:{'0' * 32}")) == {"1.0": "digest"}
    assert f"md5:{md5}" not in map(str, bench.rows()["1.0"].digests)


def test_a_plan_tells_that_what_is_there_is_not_what_an_entry_requires(bench):
    bench.index.add(ALPHA, listed=UNTOLD)
    bench.sync("alpha==1.0")
    with bench.host(f"alpha==1.0 --hash=sha256:{'0' * 64}") as host:
        assert codes(host.plan().projects[0]) == {"1.0": "digest"}


def test_two_entries_that_require_one_digest_agree_and_two_that_require_different_ones_do_not(bench):
    good, bad = f"sha256:{ALPHA.sha256}", f"sha256:{'0' * 64}"
    bench.index.add(ALPHA, listed=UNTOLD)
    contradicting = bench.project(f"alpha==1.0 --hash={good}", f"alpha==1.0.0 --hash={bad}")
    assert statuses(contradicting) == {"1.0": "added", "1.0.0": "failed"}
    assert codes(contradicting)["1.0.0"] == "usage"
    agreeing = bench.project(f"alpha==1.0 --hash={good} --hash={bad}", f"alpha==1.0.0 --hash={good}", "alpha")
    assert statuses(agreeing) == {"1.0": "present"}


# --- spools ------------------------------------------------------------------


def interrupt(request):
    raise KeyError("interrupted")


@pytest.mark.parametrize("listed", [Listed(), UNTOLD])
def test_a_verified_file_that_was_not_published_is_used_again(bench, listed):
    bench.index.add(ALPHA, sdist("2.0"), listed=listed)
    bench.index.script(file(bench), interrupt)
    with pytest.raises(KeyError):
        bench.sync("alpha>=1")
    (spool,) = bench.store.spool("alpha").iterdir()
    assert bench.sync("alpha>=1").succeeded
    assert bench.index.files == ("alpha-2.0.tar.gz", "alpha-1.0.tar.gz", "alpha-1.0.tar.gz")
    assert not spool.exists()


@pytest.mark.parametrize("listed", [Listed(), UNTOLD])
def test_a_spooled_file_that_was_damaged_meanwhile_is_downloaded_again(bench, listed):
    bench.index.add(ALPHA, sdist("2.0"), listed=listed)
    bench.index.script(file(bench), interrupt)
    with pytest.raises(KeyError):
        bench.sync("alpha>=1")
    (spool,) = bench.store.spool("alpha").iterdir()
    spool.write_bytes(b"other")
    (bench.store.spool("alpha") / f"{spool.stem}.{'0' * 64}").mkdir()
    assert bench.sync("alpha>=1").succeeded
    assert bench.index.files.count("alpha-2.0.tar.gz") == 2


def test_a_spooled_file_is_held_to_a_digest_that_is_required_later(bench):
    bench.index.add(ALPHA, sdist("2.0"), listed=UNTOLD)
    bench.index.script(file(bench), interrupt)
    with pytest.raises(KeyError):
        bench.sync("alpha>=1")
    assert codes(bench.project(f"alpha==2.0 --hash=sha256:{'0' * 64}")) == {"2.0": "digest"}


def test_of_a_project_with_nothing_on_its_way_no_folder_is_left(bench):
    bench.index.add(ALPHA)
    folder = bench.store.spool("alpha")
    folder.rmdir()
    assert bench.sync("alpha").succeeded
    assert not folder.exists()
    bench.store.spool("alpha")
    assert bench.sync("alpha").succeeded
    assert not folder.exists()


def test_a_folder_that_another_sync_finds_empty_and_takes_away_is_made_again(bench):
    bench.index.add(ALPHA)
    taken: list[Path] = []

    def take_away(event):
        if isinstance(event, DownloadStarted) and not taken:
            taken.append(bench.store.spool("alpha"))
            taken[0].rmdir()

    with Host(bench.config("alpha"), bench.store, transport=bench.index, observer=take_away) as host:
        assert host.sync().succeeded
    assert taken


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOSPC])
def test_what_the_disk_refuses_though_the_folder_is_there_is_told_at_once(bench, monkeypatch, number):
    asked = []

    def refuse(listed, into, **_):
        asked.append(into)
        assert len(asked) < 3
        if number == errno.ENOSPC:
            into.parent.rmdir()
        raise DiskError(str(into), "writing", "no", number)

    monkeypatch.setattr(spooling, "fetch_file", refuse)
    report = bench.project("alpha")
    assert (type(report.error), len(asked)) == (DiskError, 1)


# --- files of every kind -----------------------------------------------------


def test_links_and_executables_come_as_git_has_them(tmp_path):
    bench = Bench(tmp_path)
    files = {"run": Item(b"#!/bin/sh\n", executable=True), "near": Item(link="run"), "twin": Item(hard_link="alpha-1.0/run")}
    bench.index.add(build_sdist("alpha", "1.0", files))
    assert bench.version("alpha").skipped == ()


def test_a_status_of_a_server_that_recovers_costs_requests_and_nothing_else(bench):
    bench.index.script(bench.index.page_path("alpha"), 503, 502, 500)
    bench.index.script(file(bench), 429, Answer(200, ALPHA.data))
    assert bench.version("alpha").status is Status.ADDED
    assert len(bench.index.requests) == 6


# --- an index that goes back in time -----------------------------------------


def serial_page(serial: int, *files: Distribution) -> Answer:
    entries = [{"filename": one.filename, "url": f"/files/{one.filename}", "hashes": {"sha256": one.sha256}} for one in files]
    body = json.dumps({"meta": {"api-version": "1.0", "_last-serial": serial}, "files": entries}).encode()
    return Answer(200, body, (("content-type", "application/vnd.pypi.simple.v1+json"),))


def test_an_index_whose_serial_falls_changes_nothing_and_is_reported(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    page = bench.index.page_path("alpha")
    bench.index.script(page, serial_page(9, ALPHA, newer), serial_page(5, ALPHA), serial_page(5, ALPHA))
    bench.project("alpha")
    generation = bench.store.generations()["alpha"]
    with bench.host("alpha") as host:
        planned = host.plan().projects[0]
    for report in (planned, bench.project("alpha")):
        assert statuses(report) == {"2.0": "present"}
        assert [notice for notice in report.notices if "went back in time" in notice]
    assert bench.store.generations()["alpha"] == generation
    assert "index-went-back" in {event.code for event in bench.events.of(Notice)}


def test_files_that_an_index_lists_no_more_are_reported_and_bring_nothing_older(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.project("alpha")
    generation = bench.store.generations()["alpha"]
    bench.index.remove(newer.filename)
    with bench.host("alpha") as host:
        planned = host.plan().projects[0]
    for report in (planned, bench.project("alpha")):
        assert report.succeeded
        assert report.versions == ()
        assert [notice for notice in report.notices if f"no longer lists {newer.filename}, taken before; the tags stay" in notice]
        assert [
            notice for notice in report.notices if notice == "alpha keeps 2.0, which the index no longer lists; 1.0 is older and not taken"
        ]
    assert (bench.tags(), bench.store.generations()["alpha"]) == (["v2.0"], generation)
    assert bench.claims()["default"] == {"alpha": {"2.0"}}
    bench.index.add(sdist("2.1"))
    assert bench.version("alpha").version == "2.1"


def test_what_is_asked_for_by_name_comes_even_where_a_newer_release_vanished(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.project("alpha")
    bench.index.remove(newer.filename)
    assert statuses(bench.project("alpha", "alpha==1.0")) == {"1.0": "added"}
    assert bench.tags() == ["v1.0", "v2.0"]


def test_of_a_range_what_vanished_counts_among_the_most_that_it_brings(bench):
    newest = sdist("3.0")
    bench.index.add(sdist("2.0"), newest)
    bench.project("alpha>=1", versionsPerDependency=2)
    bench.index.remove(newest.filename)
    report = bench.project("alpha>=1", versionsPerDependency=2)
    assert statuses(report) == {"2.0": "present"}
    assert "alpha>=1 keeps 3.0, which the index no longer lists; 1.0 is older and not taken" in report.notices
    assert bench.tags() == ["v2.0", "v3.0"]
    bench.index.add(sdist("4.0"))
    assert statuses(bench.project("alpha>=1", versionsPerDependency=2)) == {"4.0": "added", "2.0": "present"}


def test_a_range_that_has_room_takes_what_is_in_it_whatever_vanished(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.project("alpha>=1", versionsPerDependency=2)
    bench.index.remove(newer.filename)
    bench.index.add(sdist("1.5"))
    assert statuses(bench.project("alpha>=1", versionsPerDependency=3)) == {"1.5": "added", "1.0": "present"}


def test_nothing_is_told_of_a_file_whose_version_nobody_asks_for_any_more(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.sync("alpha==1.0", "alpha==2.0")
    assert statuses(bench.project("alpha==1.0")) == {"1.0": "present", "2.0": "removed"}
    bench.index.remove(newer.filename)
    assert bench.project("alpha==1.0").notices == ()


def test_only_the_first_of_many_files_that_vanished_are_named(bench):
    older = [sdist(f"0.{number}") for number in range(7)]
    bench.index.add(*older)
    bench.project("alpha>=0")
    for one in older:
        bench.index.remove(one.filename)
    (notice,) = [notice for notice in bench.project("alpha").notices if "no longer lists" in notice]
    assert "and 2 more" in notice


def test_other_bytes_of_a_version_that_is_not_asked_for_any_more_are_reported_too(bench):
    bench.project(add=["alpha==1.0"])
    bench.index.add(evolve(ALPHA, data=sdist("1.0", more="x").data), sdist("2.0"))
    assert [notice for notice in bench.project("alpha").notices if notice.startswith("1.0: the bytes of")]


def test_one_file_with_two_digests_is_reported_where_one_of_them_is_that_of_the_file_that_was_taken(bench):
    bench.project("alpha")
    bench.index.script(bench.index.page_path("alpha"), serial_page(1, ALPHA, evolve(ALPHA, data=BROKEN)))
    report = bench.project("alpha==1.0")
    assert [notice for notice in report.notices if "the bytes of" in notice]
    assert codes(report)["1.0"] == "version-not-found"
    assert bench.tags() == ["v1.0"]


def test_a_host_that_is_to_ask_anew_takes_what_the_index_says_now(bench):
    newer = sdist("2.0")
    bench.index.add(newer)
    bench.index.script(bench.index.page_path("alpha"), serial_page(9, ALPHA, newer), serial_page(5, ALPHA, newer))
    bench.project("alpha")
    with Host(bench.config("alpha"), bench.store, transport=bench.index, refresh=True) as host:
        (project,) = host.sync().projects
    assert project.notices == ()
    assert dict(bench.index.requests[-1].headers) == {"Cache-Control": "no-cache"}
