"""Measure the reader of index pages: a page of 20,000 files in both forms, and hostile pages up to the limit of 64 MiB.

    python benchmarks/pages.py

Times are seconds of this process's work, the least of several runs, so that
other work on the machine counts as little as may be.
"""

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydeps_host.errors import PageError, TooLargeError
from pydeps_host.simple_api import parse_project
from pydeps_host.values import Limits, Url

FILES = 20_000
PAGE = Url.parse("https://index.example.com/simple/foo/")
# Without the limit that refuses most of these pages before they are read.
UNLIMITED = Limits(page_tokens=1 << 40)
MIB = 1024 * 1024
PIECES = ("<!--", "<", "<a ", "<a b='", "<a b=c", "<div>", "</a", "<script>", "<title>", "<a href=x>", "<base>", "&#", " ", "-->", "<a/")
JSON_PIECES = ("[", '{"a":', '"\\u0061', "1", "{},", "null,", '{"filename":"a","url":"b"},', '"a":1,')


def entry(number: int) -> dict[str, Any]:
    """One entry as a large public index writes it, with every field that it has."""
    sha = [hashlib.sha256(f"{number} {which}".encode()).hexdigest() for which in ("file", "metadata")]
    filename = f"foo-1.{number}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    return {
        "core-metadata": {"sha256": sha[1]},
        "data-dist-info-metadata": {"sha256": sha[1]},
        "filename": filename,
        "hashes": {"sha256": sha[0]},
        "provenance": None,
        "requires-python": ">=3.8",
        "size": 123_456 + number,
        "upload-time": "2023-05-22T18:30:00.123456Z",
        "url": f"https://files.example.com/packages/{sha[0][:2]}/{sha[0][2:4]}/{sha[0][4:]}/{filename}",
        "yanked": False,
    }


def anchor(one: dict[str, Any]) -> str:
    """The same as a link."""
    metadata = f"sha256={one['core-metadata']['sha256']}"
    attributes = f'data-requires-python="&gt;=3.8" data-dist-info-metadata="{metadata}" data-core-metadata="{metadata}"'
    return f'<a href="{one["url"]}#sha256={one["hashes"]["sha256"]}" {attributes}>{one["filename"]}</a><br/>\n'


def seconds(work: Callable[[], object], times: int = 7) -> float:
    """The least that the work took."""
    return min(_once(work) for _ in range(times))


def _once(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def read(body: bytes, limits: Limits) -> None:
    """Read a page, whatever it is."""
    with suppress(PageError, TooLargeError):
        parse_project(body, content_type="", url=PAGE, name="foo", limits=limits)


def main() -> None:
    """Measure and print."""
    entries = [entry(number) for number in range(FILES)]
    document = json.dumps({"meta": {"api-version": "1.3"}, "name": "foo", "versions": [], "files": entries}).encode()
    page = (
        f'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.3"></head><body>{"".join(map(anchor, entries))}</body>'
    )
    print(f"{FILES} files, {len(document) / MIB:.1f} MiB of JSON: {seconds(lambda: read(document, Limits())):.3f} s,", end=" ")
    print(f"of which `json.loads` alone {seconds(lambda: json.loads(document)):.3f} s")
    print(f"{FILES} files, {len(page) / MIB:.1f} MiB of HTML: {seconds(lambda: read(page.encode(), Limits())):.3f} s")
    print("\nhostile pages: seconds for 4, 16 and 64 MiB without the limit on tokens, and for 64 MiB with it")
    for piece, before in [*((one, "") for one in PIECES), *((one, '{"files": [') for one in JSON_PIECES)]:
        bodies = [(before + piece * ((size * MIB - len(before)) // len(piece))).encode() for size in (4, 16, 64)]
        free = [seconds(lambda body=body: read(body, UNLIMITED), 1) for body in bodies]  # type: ignore[misc] # Bound at once.
        print(f"{before}{piece!r:<32} {free[0]:7.2f} {free[1]:7.2f} {free[2]:7.2f}   {seconds(lambda: read(bodies[-1], Limits()), 1):7.2f}")  # noqa: B023 # Called at once.


if __name__ == "__main__":
    main()
