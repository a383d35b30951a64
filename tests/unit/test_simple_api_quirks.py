"""The table of quirks against the reader of pages, without a server."""

import pytest
from packaging.utils import canonicalize_name

from pydeps_host.config import Index
from pydeps_host.simple_api import Ask, File, SimpleClient
from pydeps_host.transport import Headers, Request, Response
from pydeps_host.values import Outcome, Url
from quirk import Listed, Quirk
from quirks import QUIRKS

BASE = "http://packages.example.com:8080"


class Pages:
    """A transport that has one quirk's page."""

    def __init__(self, quirk: Quirk) -> None:
        self._quirk = quirk

    def send(self, request: Request, /) -> Response:
        quirk = self._quirk
        url = request.url.join(quirk.filled(quirk.at, BASE)) if quirk.at else request.url
        headers = quirk.headers if quirk.content_type is None else (*quirk.headers, ("content-type", quirk.content_type))
        return Response(url, quirk.status, Headers.of(headers), quirk.page(BASE), 1)


def expected(listed: Listed, quirk: Quirk) -> tuple[object, ...]:
    yanked = listed.yanked
    return (
        quirk.filled(listed.filename),
        BASE + quirk.filled(listed.path),
        {quirk.filled(digest) for digest in listed.digests},
        listed.size,
        listed.requires_python,
        yanked is not False,
        yanked if isinstance(yanked, str) else None,
    )


def told(file: File) -> tuple[object, ...]:
    digests = set(map(str, file.digests))
    return file.filename, file.url.reveal(), digests, file.size, file.requires_python, file.yanked, file.yanked_reason


@pytest.mark.parametrize("quirk", [one for one in QUIRKS if one.outcome is not Outcome.REDIRECT_REFUSED], ids=lambda one: one.name)
def test_every_page_is_read_as_the_table_says(quirk):
    index = Index.of(Url.parse(f"{BASE}/simple"))
    answer = SimpleClient(Pages(quirk)).ask(Ask(index, canonicalize_name(quirk.name)))
    assert answer.tried.outcome is quirk.outcome, answer.tried
    # Links to other places are files, too, to whoever reads the page, and are set aside by their names.
    files = [file for file in answer.project.files if file.filename.endswith(".whl")] if answer.project is not None else []
    assert [told(file) for file in files] == [expected(listed, quirk) for listed in quirk.files]


def test_there_are_quirks_enough_each_of_its_own_name():
    names = [quirk.name for quirk in QUIRKS]
    assert len(names) >= 80
    assert len(set(names)) == len(names)
    assert all(canonicalize_name(name) == name for name in names)
    assert {quirk.outcome for quirk in QUIRKS} >= {
        Outcome.FOUND,
        Outcome.ABSENT,
        Outcome.EMPTY,
        Outcome.QUARANTINED,
        Outcome.AUTHENTICATION_REQUIRED,
        Outcome.FORBIDDEN,
        Outcome.RATE_LIMITED,
        Outcome.UNAVAILABLE,
        Outcome.NOT_AN_INDEX,
        Outcome.UNSUPPORTED_VERSION,
        Outcome.MALFORMED,
    }
