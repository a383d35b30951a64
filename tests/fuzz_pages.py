"""Feed the reader of index pages broken pages: for seconds in the tests, by hand for as long as you like.

    python tests/fuzz_pages.py --seed 1 --runs 1000000

Every run has a number; the seed and the number give the very page, so that a
run that failed is repeated with `--seed S --start NUMBER --runs 1`. A run
fails where the reader raises what is not in our tree of errors, gives a
project that breaks a promise, or takes longer than a second. The whole fails,
too, where its memory grows by more than 64 MiB.
"""

import argparse
import gc
import json
import resource
import sys
import time
import traceback
from collections import Counter
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any

from attrs import Factory, define, fields, frozen

from pydeps_host.errors import PageError, TooLargeError
from pydeps_host.simple_api import File, Project, parse_project
from pydeps_host.values import Limits, Url, unescape
from quirks import QUIRKS

SLOW = 1.0
GROWTH = 64 * 1024 * 1024
_WARM_UP = 2000
_BASE = "https://packages.example.com"
_PAGE = Url.parse("https://u:canary@packages.example.com/simple/foo/?canary")
_TYPES = ("", "text/html", "application/json", "application/vnd.pypi.simple.v1+json", "text/html; charset=utf-16", "x; charset=shift_jis")
_LIMITS = (Limits(), Limits(page_files=2), Limits(page_tokens=8), Limits(page_bytes=300))
_MARKUP = """<!-- --> --!> <!> <a </a> <a/href= <base/href= <script> </script> <title> <textarea> <plaintext> <input/type=password>
    <meta/name=pypi:repository-version/content= &# &#x &amp &gt; &#99999999999; ' " = > />"""
_JSON = r"""{ } [ ] , : \u0000 \ud800 \ "files": "filename": "url": "hashes": "size": "yanked": null true NaN -Infinity 1e999 -0"""
_LINKS = "../ // http:// https://[ file:///etc/ javascript: @ :99999 %00 %2F %ff % #sha256= ? ;"
_TEXTS = (
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\ufeff",
    "\udcff",
    "\u2028",
    "\U0001f40d",
    "\r\n",
    " " * 300,
    "a" * 300,
    "9" * 5000,
    "[" * 50,
    "../" * 20,
)
_PIECES = tuple(piece.encode("utf-8", "surrogateescape") for piece in (*f"{_MARKUP} {_JSON} {_LINKS}".split(), *_TEXTS))
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", "1.0", "2.0", "x", "a/b", "..", "\x00", "\ud800", [], [None], {},
    {"": ""}, {"sha256": "0"}, {"sha256": None}, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2023-05-22", "https://[",
    "file:///x", "//", "?", "x" * 400,
)  # fmt: skip


@frozen
class Case:
    """One page of a run, and how it is read."""

    seed: int
    number: int
    body: bytes
    content_type: str
    limits: Limits

    def __str__(self) -> str:
        return f"--seed {self.seed} --start {self.number} --runs 1"


@define
class Tally:
    """What came of a run so far.

    Attributes:
        runs: Pages that were read.
        files: Files on those that were taken.
        outcomes: How many were taken, and how often each reason refused one.
        slowest: Seconds that the slowest took.
        idle: Bytes of memory at most, before it began in earnest.
        failures: What should not have been.
    """

    runs: int = 0
    files: int = 0
    outcomes: Counter[str] = Factory(Counter)
    slowest: float = 0.0
    idle: int = 0
    failures: list[str] = Factory(list)

    @property
    def growth(self) -> int:
        """Bytes of memory at most, over those at the beginning."""
        return peak() - self.idle

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {what}" for what, count in self.outcomes.most_common())
        return (
            f"{self.runs} pages ({outcomes}), {self.files} files, slowest {self.slowest * 1000:.1f} ms, "
            f"memory +{self.growth / 1048576:.1f} MiB, {len(self.failures)} failures"
        )


@cache
def seeds() -> tuple[tuple[bytes, str], ...]:
    """The pages of the table of quirks, each with its content type."""
    return tuple((quirk.page(_BASE), quirk.content_type or "") for quirk in QUIRKS)


@cache
def documents() -> tuple[str, ...]:
    """Those of them that are JSON objects."""
    return tuple(body.decode() for body, _ in seeds() if body[:1] == b"{" and body[-1:] == b"}")


def case(seed: int, number: int) -> Case:
    """Return a page, the same for the same two numbers."""
    chance = Random(f"{seed}:{number}")  # Its own for each, so that one can be had without those before it.
    limits = _LIMITS[0] if chance.random() < 0.9 else chance.choice(_LIMITS)
    if chance.random() < 0.3:
        return Case(seed, number, _restructured(chance), "application/vnd.pypi.simple.v1+json", limits)
    body, content_type = chance.choice(seeds())
    page = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        _mutate(page, chance)
    return Case(seed, number, bytes(page), content_type if chance.random() < 0.8 else chance.choice(_TYPES), limits)


def _mutate(page: bytearray, chance: Random) -> None:
    start = chance.randrange(len(page) + 1)
    end = min(len(page), start + chance.choice((0, 1, 2, 5, 20, 200)))
    match chance.randrange(7):
        case 0:
            page[start:end] = chance.choice(_PIECES)
        case 1:
            page[start:start] = chance.choice(_PIECES) * chance.choice((1, 2, 10))
        case 2:
            page[start:end] = chance.randbytes(end - start)
        case 3:
            del page[start:end]
        case 4:
            page[start:start] = page[start:end] * chance.choice((1, 3))
        case 5:
            other, _ = chance.choice(seeds())
            at = chance.randrange(len(other) + 1)
            page[start:end] = other[at : at + 200]
        case _:
            del page[start:]


def _restructured(chance: Random) -> bytes:
    """A JSON page that is well formed, some of whose values are others."""
    document = json.loads(chance.choice(documents()))
    for _ in range(chance.choice((1, 2, 4))):
        place: Any = document
        while isinstance(place, dict | list) and place:
            key: Any = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
            if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.3:
                place[key] = deepcopy(chance.choice(_VALUES))
                break
            place = place[key]
    return json.dumps(document).encode()


def run(case: Case, tally: Tally) -> None:
    """Read one page, and note what came of it."""
    begin = time.perf_counter()
    try:
        project = parse_project(case.body, content_type=case.content_type, url=_PAGE, name="foo", limits=case.limits)
        tally.files += len(project.files)
        _check(project)
        tally.outcomes["taken"] += 1
    except PageError as error:
        tally.outcomes[error.reason] += 1
        if "canary" in str(error):
            tally.failures.append(f"{case}: a secret in {error}")
    except TooLargeError:
        tally.outcomes["too large"] += 1
    except Exception:  # noqa: BLE001 - any other one is what is looked for.
        tally.failures.append(f"{case}: {traceback.format_exc()}")
    took = time.perf_counter() - begin
    tally.slowest = max(tally.slowest, took)
    if took > SLOW:
        tally.failures.append(f"{case}: took {took:.2f} s")
    tally.runs += 1


def _check(project: Project) -> None:
    """Read every field of every file, and hold it to its promise."""
    for file in project.files:
        for one in fields(File):
            getattr(file, one.name)
        assert file.filename.isprintable(), "a name"
        assert "/" not in file.filename, "a name"
        assert len(file.filename.encode()) <= 255, "a name"
        assert file.url.scheme in {"http", "https"}, "a URL"
        assert file.size is None or 0 <= file.size < 2**63, "a size"
        assert file.yanked or file.yanked_reason is None, "a reason"
    for skipped in project.skipped:
        assert len(skipped.text) <= 200, "an entry"
        assert "canary" not in skipped.text, "a secret"
        unescape(skipped.text)
    assert "canary" not in repr(project), "a secret"


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def warmed(seed: int) -> Tally:
    """Read a few pages, so that what is loaded once and kept is there, and begin to count."""
    before = Tally()
    for number in range(_WARM_UP):
        run(case(seed, -1 - number), before)
    gc.collect()
    return Tally(idle=peak())


def main(options: argparse.Namespace) -> int:
    """Run, print, and return the exit status."""
    tally, shown, begin = warmed(options.seed), 0, time.monotonic()
    printed = begin
    for number in range(options.start, options.start + options.runs):
        run(case(options.seed, number), tally)
        for failure in tally.failures[shown:]:
            print(failure, flush=True)
        shown = len(tally.failures)
        if time.monotonic() - printed > 30:
            printed = time.monotonic()
            print(f"seed {options.seed}: {tally}", flush=True)
    print(f"seed {options.seed}, {options.start} on, {time.monotonic() - begin:.0f} s: {tally}")
    return int(bool(tally.failures) or tally.growth > GROWTH)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True, help="what all chance comes from")
    parser.add_argument("--start", type=int, default=0, help="the number of the first page")
    parser.add_argument("--runs", type=int, required=True, help="how many pages")
    sys.exit(main(parser.parse_args()))
