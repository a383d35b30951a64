import gc
import pickle
import threading
import time
import weakref
from typing import Any

import pytest
from attrs import evolve

from pydeps_host.config import Index, Redirects
from pydeps_host.dependency import Dependency
from pydeps_host.errors import (
    CertificateError,
    ClientCertificateError,
    ClosedError,
    DeadlineError,
    OwnerChangedError,
    ProjectAccessError,
    ProjectNotFoundError,
    ProjectPageError,
    ProjectUnavailableError,
    ProxyAccessError,
    RedirectError,
    TemporaryError,
    UnavailableError,
    UsageError,
    VersionNotFoundError,
)
from pydeps_host.events import Event, Notice, UrlTried
from pydeps_host.resolver import Found, Resolver, ResolverOptions
from pydeps_host.resolver.candidates import sort_files
from pydeps_host.transport import Request, Response
from pydeps_host.values import Outcome, Url
from scripted import Reply, Scripted, Site, reply

ONE = Index(Url.parse("https://u:canary@one.example.com/simple"), "one")
TWO = Index(Url.parse("https://two.example.com/simple"), "two")
THREE = Index(Url.parse("https://three.example.com/simple"), "three")
CHAIN = (ONE, TWO, THREE)


def at(index: Index, name: str = "foo") -> str:
    return index.url.without_credentials().child(name).reveal()


def listing(*versions: str) -> Reply:
    return reply(200, b"<title>Links for foo</title>" + b"".join(b'<a href="foo-%s.tar.gz">x</a>' % text.encode() for text in versions))


def resolver(site: Site, *urls: Index, **options: Any) -> Resolver:
    return Resolver(urls or CHAIN, transport=site, options=ResolverOptions(**options))


def outcomes(found: Found | ProjectNotFoundError | ProjectPageError | ProjectAccessError | ProjectUnavailableError) -> list[Outcome]:
    return [tried.outcome for tried in found.tried]


# --- who owns a project ------------------------------------------------------


def test_the_first_url_that_knows_the_project_owns_it_for_all_its_versions():
    site = Site({at(TWO): listing("1.0"), at(THREE): listing("1.0", "2.0")})
    found = resolver(site).find("Foo")
    assert found.index == TWO
    assert outcomes(found) == [Outcome.ABSENT, Outcome.FOUND]
    assert site.asked == [at(ONE), at(TWO)]


@pytest.mark.parametrize("status", [404, 410])
def test_404_and_410_go_on(status):
    assert resolver(Site({at(ONE): reply(status), at(TWO): listing("1.0")})).find("foo").index == TWO


STUMBLES: dict[str, tuple[Reply | Exception, type[Exception], Outcome]] = {
    "401": (reply(401), ProjectAccessError, Outcome.AUTHENTICATION_REQUIRED),
    "403": (reply(403), ProjectAccessError, Outcome.FORBIDDEN),
    "429": (reply(429), ProjectUnavailableError, Outcome.RATE_LIMITED),
    "500": (reply(500), ProjectUnavailableError, Outcome.UNAVAILABLE),
    "time-out": (UnavailableError("u", "time-out", None, 4), ProjectUnavailableError, Outcome.UNAVAILABLE),
    "login page": (reply(200, b"<form><input type=password></form>"), ProjectPageError, Outcome.NOT_AN_INDEX),
    "no index": (reply(200, b"hello"), ProjectPageError, Outcome.NOT_AN_INDEX),
    "broken": (reply(200, b"{"), ProjectPageError, Outcome.MALFORMED),
    "without files": (listing(), ProjectPageError, Outcome.EMPTY),
    "quarantined": (
        reply(200, b'{"files": [], "project-status": {"status": "quarantined"}}'),
        ProjectPageError,
        Outcome.QUARANTINED,
    ),
    "API version 2": (reply(200, b'{"meta": {"api-version": "2.0"}, "files": []}'), ProjectPageError, Outcome.UNSUPPORTED_VERSION),
    "407": (reply(407), ProjectAccessError, Outcome.PROXY_AUTHENTICATION_REQUIRED),
    "proxy": (ProxyAccessError("u", 407, "correct it", "the proxy", "refuses"), ProjectAccessError, Outcome.PROXY_AUTHENTICATION_REQUIRED),
    "expired": (CertificateError("u", "expired", "renew it"), ProjectPageError, Outcome.UNTRUSTED_CERTIFICATE),
    "unknown": (ClientCertificateError("u", None, "show one", "none"), ProjectAccessError, Outcome.CLIENT_CERTIFICATE_REQUIRED),
    "redirect": (RedirectError(at(ONE), "https://elsewhere.example.com/", "another origin"), ProjectPageError, Outcome.REDIRECT_REFUSED),
}


@pytest.mark.parametrize(("answer", "error", "outcome"), STUMBLES.values(), ids=STUMBLES)
def test_whatever_else_the_first_url_answers_later_urls_are_not_asked(answer, error, outcome):
    site = Site({at(ONE): answer, at(TWO): listing("1.0")})
    with pytest.raises(error) as caught:
        resolver(site).find("foo")
    assert site.asked == [at(ONE)]
    assert outcomes(caught.value) == [outcome]
    assert outcome.value in str(caught.value)
    assert outcome.remedy in str(caught.value)
    assert "canary" not in f"{caught.value} {caught.value!r} {pickle.dumps(caught.value)!r}"


def test_a_caller_can_tell_what_may_be_tried_again():
    for answer, _, outcome in STUMBLES.values():
        with pytest.raises(Exception) as caught:  # which class it is, is the point
            resolver(Site({at(ONE): answer})).find("foo")
        assert isinstance(caught.value, TemporaryError) is (outcome in {Outcome.UNAVAILABLE, Outcome.RATE_LIMITED})


def test_the_final_error_lists_every_url_that_was_tried():
    with pytest.raises(ProjectNotFoundError) as caught:
        resolver(Site({at(TWO): reply(410)})).find("foo")
    assert outcomes(caught.value) == [Outcome.ABSENT] * 3
    for index in CHAIN:
        assert index.url.host in str(caught.value)


def test_an_index_may_be_set_to_mean_absent():
    one = evolve(ONE, absent_status=frozenset({403}), empty_is_absent=True, redirects=Redirects.ABSENT)
    for answer in (reply(403), listing(), RedirectError(at(ONE), "https://elsewhere.example.com/", "another origin")):
        assert resolver(Site({at(ONE): answer, at(TWO): listing("1.0")}), one, TWO).find("foo").index == TWO


# --- patterns ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme-tool", "Acme.Tool", "ACME_x", "internal"])
def test_a_name_that_an_index_claims_is_asked_for_there_and_nowhere_else(name):
    three = evolve(THREE, projects=("acme-*", "internal"))
    site = Site({})
    with pytest.raises(ProjectNotFoundError) as caught:
        resolver(site, ONE, TWO, three).find(name)
    assert len(site.asked) == 1
    assert "three" in site.asked[0]
    assert outcomes(caught.value) == [Outcome.NOT_ASKED, Outcome.NOT_ASKED, Outcome.ABSENT]


def test_an_index_with_patterns_is_not_asked_for_other_names():
    one = evolve(ONE, projects=("acme-*",))
    site = Site({at(TWO): listing("1.0")})
    found = resolver(site, one, TWO).find("foo")
    assert site.asked == [at(TWO)]
    assert outcomes(found) == [Outcome.NOT_ASKED, Outcome.FOUND]


def test_several_indexes_that_claim_a_name_are_asked_in_order():
    site = Site({})
    with pytest.raises(ProjectNotFoundError):
        resolver(site, evolve(ONE, projects=("f*",)), TWO, evolve(THREE, projects=("foo",))).find("foo")
    assert site.asked == [at(ONE), at(THREE)]


def test_two_urls_of_one_origin_and_path_are_one():
    site = Site({})
    again = Index(Url.parse("https://other:password@one.example.com:443/simple/"), "again")
    with pytest.raises(ProjectNotFoundError) as caught:
        resolver(site, ONE, again).find("foo")
    assert len(caught.value.tried) == len(site.asked) == 1


# --- the recorded owner ------------------------------------------------------


def test_an_owner_once_recorded_stays_and_a_lower_url_that_would_take_over_is_refused():
    with pytest.raises(OwnerChangedError) as caught:
        resolver(Site({at(TWO): listing("1.0")})).find("foo", owner="one")
    assert (caught.value.recorded, caught.value.offered) == ("one", "two")


def test_a_higher_url_that_has_the_project_now_takes_over_with_a_notice():
    events: list[Event] = []
    made = Resolver(CHAIN, transport=Site({at(ONE): listing("1.0")}), observer=events.append)
    assert made.find("foo", owner="two").index == ONE
    assert [event.code for event in events if isinstance(event, Notice)] == ["owner-changed"]


def test_a_recorded_owner_that_is_no_longer_in_the_chain_is_refused():
    with pytest.raises(OwnerChangedError) as caught:
        resolver(Site({at(ONE): listing("1.0")})).find("foo", owner="gone")
    assert (caught.value.recorded, caught.value.offered) == ("gone", "one")


def test_the_recorded_owner_itself_is_taken_silently():
    events: list[Event] = []
    made = Resolver(CHAIN, transport=Site({at(TWO): listing("1.0")}), observer=events.append)
    assert made.find("foo", owner="two").index == TWO
    assert not [event for event in events if isinstance(event, Notice)]


# --- versions ----------------------------------------------------------------


def test_releases_are_located_at_the_owner():
    site = Site({at(ONE): listing("1.0", "2.0"), at(TWO): listing("3.0")})
    made = resolver(site, versions_per_dependency=1)
    assert [release.text for release in made.locate(Dependency.parse("foo>=1"))] == ["2.0"]
    located = made.take(Dependency.parse("foo==1.0"))
    assert (located.found.index, located.choice.releases[0].text) == (ONE, "1.0")


def test_a_pin_that_the_owner_lacks_is_an_error_that_says_so():
    site = Site({at(ONE): listing("1.0"), at(TWO): listing("2.0")})
    with pytest.raises(VersionNotFoundError, match=r"one\.example\.com"):
        resolver(site).locate(Dependency.parse("foo==2.0"))
    assert site.asked == [at(ONE)]


def test_version_fallthrough_asks_later_urls_for_a_pin_that_the_owner_lacks():
    events: list[Event] = []
    site = Site({at(ONE): listing("1.0"), at(THREE): listing("2.0")})
    made = Resolver(CHAIN, transport=site, observer=events.append, options=ResolverOptions(version_fallthrough=True))
    located = made.take(Dependency.parse("foo==2.0"), owner="one")
    assert located.found.index == THREE
    assert outcomes(located.found) == [Outcome.FOUND, Outcome.ABSENT, Outcome.FOUND]
    assert [event.code for event in events if isinstance(event, Notice)] == ["version-fallthrough"]


def test_version_fallthrough_names_the_owner_where_nobody_has_the_version():
    site = Site({at(ONE): listing("1.0"), at(TWO): listing("1.5")})
    with pytest.raises(VersionNotFoundError, match=r"one\.example\.com"):
        resolver(site, version_fallthrough=True).locate(Dependency.parse("foo==2.0"))
    assert site.asked == [at(ONE), at(TWO), at(THREE)]


def test_version_fallthrough_stops_where_an_index_stumbles():
    site = Site({at(ONE): listing("1.0"), at(TWO): reply(500), at(THREE): listing("2.0")})
    with pytest.raises(ProjectUnavailableError):
        resolver(site, version_fallthrough=True).locate(Dependency.parse("foo==2.0"))
    assert at(THREE) not in site.asked


@pytest.mark.parametrize("dependency", ["foo>=2", "foo==2.*"])
def test_version_fallthrough_is_for_pins_alone(dependency):
    site = Site({at(ONE): listing("1.0"), at(TWO): listing("2.0")})
    with pytest.raises(VersionNotFoundError):
        resolver(site, version_fallthrough=True).locate(Dependency.parse(dependency))
    assert site.asked == [at(ONE)]


# --- once --------------------------------------------------------------------


class Slow(Site):
    """Answers after a while, so that threads meet."""

    def send(self, request: Request, /) -> Response:
        time.sleep(0.05)
        return super().send(request)


def in_threads(count: int, work) -> list[object]:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 # the errors are what is looked at
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_sixteen_threads_that_ask_at_once_make_one_request_a_url():
    site = Slow({at(TWO): listing("1.0")})
    made = resolver(site)
    results = in_threads(16, lambda: made.find("foo"))
    assert site.asked == [at(ONE), at(TWO)]
    assert len({id(result.project) for result in results if isinstance(result, Found)}) == 1
    assert len(results) == 16


def test_errors_are_remembered_and_each_caller_gets_one_of_its_own():
    site = Slow({at(ONE): reply(500)})
    made = resolver(site)
    errors = in_threads(16, lambda: made.find("foo"))
    assert site.asked == [at(ONE)]
    assert all(isinstance(error, ProjectUnavailableError) for error in errors)
    assert len({id(error) for error in errors}) == 16


def test_a_page_is_asked_for_once_until_it_is_forgotten():
    site = Site({at(ONE): listing("1.0")})
    made = resolver(site)
    for name in ("foo", "FOO", "Foo"):
        made.project(name)
    assert site.asked == [at(ONE)]
    made.forget("Foo")
    made.project("foo")
    assert site.asked == [at(ONE)] * 2


def test_a_page_that_is_forgotten_is_not_held_and_what_is_chosen_is_of_the_one_that_came_after_it():
    wanted = Dependency.parse("foo")
    made = Resolver([ONE], transport=Scripted(listing("1.0"), listing("2.0")))
    old = made.find("foo")
    assert [one.text for one in made.locate(wanted)] == ["1.0"]
    made.forget("foo")
    # A thread that found the old page chooses after it was forgotten.
    assert [one.text for one in made._chosen(old, wanted).choice.releases] == ["1.0"]
    assert [one.text for one in made.locate(wanted)] == ["2.0"]
    page = weakref.ref(made.find("foo").project)
    made.forget("foo")
    gc.collect()
    assert page() is None


def test_a_page_s_files_are_sorted_once_however_many_ask(monkeypatch):
    pages: list[object] = []

    def counted(page):
        pages.append(page)
        return sort_files(page)

    monkeypatch.setattr("pydeps_host.resolver.chain.sort_files", counted)
    made = Resolver([ONE], transport=Scripted(listing("1.0", "2.0", "3.0")))
    texts = [made.locate(Dependency.parse(f"foo{wanted}"))[0].text for wanted in ("==1.0", "==2.0", ">=1", "")]
    assert (texts, len(pages)) == (["1.0", "2.0", "3.0", "3.0"], 1)


def test_the_callers_own_stops_are_not_remembered():
    for stop in (DeadlineError("x"), ClosedError("x")):
        made = Resolver([ONE], transport=Scripted(stop, listing("1.0")))
        with pytest.raises(type(stop)):
            made.find("foo")
        assert made.find("foo").index == ONE


def test_whoever_waits_takes_over_where_the_one_who_asked_was_stopped():
    asked, release = threading.Event(), threading.Event()

    def stopped(request: Request) -> Response:
        asked.set()
        release.wait(5)
        raise DeadlineError("asking")

    made = Resolver([ONE], transport=Scripted(stopped, listing("1.0")))
    results: list[object] = []
    first = threading.Thread(target=lambda: results.extend(in_threads(1, lambda: made.find("foo"))))
    first.start()
    assert asked.wait(5)
    second = threading.Thread(target=lambda: results.append(made.find("foo")))
    second.start()
    release.set()
    first.join()
    second.join()
    assert {type(result) for result in results} == {DeadlineError, Found}


def test_whoever_waits_for_anothers_question_waits_no_longer_than_its_own_deadline():
    asked, release = threading.Event(), threading.Event()

    def slow(request: Request) -> Response:
        asked.set()
        release.wait(5)
        return listing("1.0")(request)

    made = Resolver([ONE], transport=Scripted(slow))
    thread = threading.Thread(target=made.find, args=("foo",))
    thread.start()
    assert asked.wait(5)
    start = time.monotonic()
    with pytest.raises(DeadlineError):
        made.find("foo", deadline=time.monotonic() + 0.05)
    assert time.monotonic() - start < 1
    release.set()
    thread.join()


def test_every_url_tried_is_told_once():
    events: list[Event] = []
    made = Resolver(CHAIN, transport=Site({at(TWO): listing("1.0")}), observer=events.append)
    made.find("foo")
    made.find("foo")
    assert [(event.url.host, event.outcome) for event in events if isinstance(event, UrlTried)] == [
        ("one.example.com", Outcome.ABSENT),
        ("two.example.com", Outcome.FOUND),
    ]


def test_an_observers_exception_goes_through():
    def observer(event: Event) -> None:
        raise LookupError("observer")

    with pytest.raises(LookupError, match="observer"):
        Resolver([ONE], transport=Site({at(ONE): listing("1.0")}), observer=observer).find("foo")


# --- what it is made of ------------------------------------------------------


def test_urls_may_be_texts_urls_or_indexes():
    made = Resolver(["https://one.example.com/simple", TWO.url, THREE], transport=Site({at(THREE): listing("1.0")}))
    assert made.find("foo").index == THREE


def test_a_folder_may_stand_in_the_chain(tmp_path):
    (tmp_path / "foo-1.0.tar.gz").write_bytes(b"x")
    made = Resolver([ONE, tmp_path.as_uri()], transport=Site({}))
    assert [release.text for release in made.locate(Dependency.parse("foo"))] == ["1.0"]


@pytest.mark.parametrize("urls", [[], ["ftp://u:canary@example.com/"], ["nonsense"]])
def test_urls_that_cannot_be_asked_are_the_callers_fault(urls):
    with pytest.raises(UsageError) as caught:
        Resolver(urls, transport=Site({}))
    assert "canary" not in str(caught.value)


def test_an_index_whose_secrets_a_pickle_left_behind_is_refused_and_the_next_one_is_not_asked():
    site = Site({})
    private = pickle.loads(pickle.dumps(Url.parse("https://u:secret@private.example.com/simple")))
    with pytest.raises(UsageError, match="pickled"):
        Resolver([private, "https://public.example.com/simple"], transport=site)
    with pytest.raises(UsageError, match="pickled"):
        Request(private, max_bytes=1, max_bytes_name="page_bytes")
    assert site.asked == []
