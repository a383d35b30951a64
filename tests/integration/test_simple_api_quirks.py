"""Every quirk over real connections: what is taken, from where, and what is said where nothing is."""

import re
from collections.abc import Iterator

import pytest

from pydeps_host.dependency import Dependency
from pydeps_host.errors import HostError
from pydeps_host.resolver import Resolver
from pydeps_host.simple_api import fetch_file
from pydeps_host.transport import HttpxTransport, TransportOptions
from pydeps_host.values import Outcome
from quirk import content
from quirks import QUIRKS, Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def transport() -> Iterator[HttpxTransport]:
    with HttpxTransport(options=TransportOptions(attempts=1, trust_environment=False)) as made:
        yield made


@pytest.mark.parametrize("quirk", [one for one in QUIRKS if one.outcome is Outcome.FOUND], ids=lambda one: one.name)
def test_the_right_file_comes_and_with_the_right_bytes(quirk, served, transport, tmp_path):
    located = Resolver([served.index], transport=transport).take(Dependency.parse(quirk.name))
    wanted = next(listed for listed in quirk.files if listed.yanked is False)
    (release,) = located.choice.releases
    file = release.candidates[0]
    assert (file.filename, file.url.reveal()) == (quirk.filled(wanted.filename), served.base + quirk.filled(wanted.path))
    assert fetch_file(file, tmp_path / "file", transport=transport).path.read_bytes() == content(file.filename)
    assert served.asked[-1] == quirk.filled(wanted.path)
    assert re.search(quirk.says, " ".join(map(str, located.choice.notices)))


@pytest.mark.parametrize("quirk", [one for one in QUIRKS if one.outcome is not Outcome.FOUND], ids=lambda one: one.name)
def test_what_cannot_be_taken_is_called_what_it_is(quirk, served, transport):
    with pytest.raises(HostError) as caught:
        Resolver([served.index], transport=transport).take(Dependency.parse(quirk.name))
    (tried,) = caught.value.tried  # type: ignore[attr-defined] # Each of the errors that end here has it.
    assert tried.outcome is quirk.outcome
    assert quirk.outcome.value in str(caught.value)
    assert re.search(quirk.says, str(caught.value))
    assert quirk.outcome.remedy in str(caught.value)
