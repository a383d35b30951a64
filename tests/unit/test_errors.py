import pickle
import re
from datetime import UTC, datetime
from typing import cast

import attrs
import pytest

from pydeps_host import errors
from pydeps_host.values import Outcome, Tried, Url

TRIED = (Tried(Url.parse("https://u:canary@example.com/x/"), Outcome.ABSENT, "404", 404),)
SAMPLES = {
    "str": "text",
    "str | None": "text",
    "int": 3,
    "int | None": 4,
    "float": 1.5,
    "datetime": datetime(2024, 5, 6, tzinfo=UTC),
    "datetime | None": datetime(2024, 5, 6, tzinfo=UTC),
    "tuple[str, ...]": ("a", "b"),
    "tuple[tuple[str, str], ...]": (("a", "b"),),
    "tuple[Tried, ...]": TRIED,
    "Problem": errors.Problem("place", "message", "remedy"),
    "tuple[Problem, ...]": (errors.Problem("place", "message", "remedy"),),
}


def concrete(root: type[errors.HostError]) -> list[type[errors.HostError]]:
    leaves = [leaf for branch in root.__subclasses__() for leaf in concrete(branch)]
    return [root, *leaves] if hasattr(root, "__attrs_attrs__") else leaves


def made(kind: type[errors.HostError]) -> errors.HostError:
    values = []
    assert attrs.has(kind)
    for one in attrs.fields(kind):
        annotation = one.type if isinstance(one.type, str) else getattr(one.type, "__name__", str(one.type))
        text = re.sub(r"[a-z_]+\.", "", str(one.type))
        values.append(SAMPLES.get(annotation, SAMPLES.get(text)))
        assert values[-1] is not None, (kind, one.name, annotation, text)
    return cast("errors.HostError", kind(*values))


@pytest.mark.parametrize("kind", concrete(errors.HostError), ids=lambda kind: kind.__name__)
def test_every_error_pickles_prints_and_shows_no_secret(kind):
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.retryable) == (kind, str(error), error.retryable)
    assert str(error)
    assert "canary" not in f"{error} {error!r} {pickle.dumps(error)!r}"


def test_every_error_has_a_code_of_its_own():
    codes = [kind.code for kind in concrete(errors.HostError)]
    assert len(codes) == len(set(codes))


def test_every_error_hangs_on_a_branch_that_answers_a_question():
    assert {branch.__name__ for branch in errors.HostError.__subclasses__()} == {
        "InputError",
        "MissingError",
        "AccessError",
        "TemporaryError",
        "UntrustedError",
        "StoreError",
    }


def test_what_can_be_tried_again_says_so():
    assert errors.UnavailableError("u", "reset", None, 4).retryable
    assert not errors.ProjectNotFoundError("x", ()).retryable


def test_an_error_can_be_chained_and_noted():
    error = errors.DeadlineError("waiting")
    error.add_note("a note")
    try:
        raise error from ValueError("cause")
    except errors.TemporaryError as caught:
        assert isinstance(caught.__cause__, ValueError)
