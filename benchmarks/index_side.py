"""The side of the index: pages, requests, and a sync that has nothing to bring.

python -m benchmarks.index_side pages SECONDS | write FOLDER COUNT
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.config import write_config
from benchmarks.figures import Figure
from benchmarks.measuring import measure, progress
from benchmarks.serving import serving

# What a page of the usual size holds.
_FILES: Final = 100
# The versions that each of the many projects has; the newest is the one that is wanted.
_VERSIONS: Final = 5


def figures(scratch: Path, count: int, seconds: float) -> tuple[Figure, ...]:
    """Measure pages for so many seconds a form, then syncs of `count` projects from a loopback index."""
    progress("pages")
    rates = measure("index_side", "pages", seconds).facts
    parsed = (Figure(name=f"{form} pages of {_FILES} files parsed", value=rate, unit="a second") for form, rate in rates.items())
    return (*parsed, *_syncs(scratch, count))


def _syncs(scratch: Path, count: int) -> tuple[Figure, ...]:
    progress(f"{count:,} projects: writing, bringing, and once more with nothing to bring")
    folder, store = scratch / "many", scratch / "many-store"
    measure("index_side", "write", folder, count)
    with serving(folder) as index:
        config = write_config(scratch / "many.json", index.url, [f"project-{number:05}==1.{_VERSIONS - 1}" for number in range(count)])
        first = measure("ours", config, store, "--not-durable", "--jobs", 2)
        asked = index.requests()
        again = measure("ours", config, store)
        asked_again = index.requests() - asked
    if (first.facts["versions"], again.facts["versions"]) != ({"added": count}, {"present": count}):
        sys.exit(f"the many projects did not come: {first.facts}, {again.facts}")
    return (
        Figure(name="requests a project with one file, first sync", value=asked / count, unit="requests", most=2),
        Figure(name="requests a project, nothing to bring", value=asked_again / count, unit="requests", most=1),
        Figure(
            name=f"sync of {count:,} projects with nothing to bring, processor time a project",
            value=1000 * again.cpu / count,
            unit="ms",
            most=2,
        ),
        Figure(name=f"sync of {count:,} projects with nothing to bring", value=again.seconds, unit="s"),
    )


def write(folder: Path, count: int) -> None:
    """Write a set of small projects with pages that list several versions in two forms each, of which one file is there."""
    from pydeps_host.testing import build_sdist

    for number in range(count):
        name = f"project-{number:05}"
        made = build_sdist(name.replace("-", "_"), f"1.{_VERSIONS - 1}", {"src/code.py": f"NUMBER = {number}\n"})
        made.into(folder / name)
        stems = [f"{name.replace('-', '_')}-1.{version}" for version in range(_VERSIONS)]
        files = [_listed(name, filename) for stem in stems for filename in (f"{stem}.tar.gz", f"{stem}-py3-none-any.whl")]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}
        for file in files:
            if file["filename"] == made.filename:
                file.update(hashes={"sha256": made.sha256}, size=made.size)
        (folder / name / "index.json").write_text(json.dumps(page), encoding="utf-8")


def _listed(project: str, filename: str) -> dict[str, Any]:
    return {
        "filename": filename,
        "url": f"/files/{project}/{filename}",
        "hashes": {"sha256": 64 * "0"},
        "requires-python": ">=3.8",
        "size": 12_345,
        "upload-time": "2023-05-22T18:30:00.123456Z",
        "yanked": False,
    }


def pages(seconds: float) -> dict[str, float]:
    """Return how many pages are parsed in a second of processor time, by form."""
    from benchmarks.pages import anchor, entry, read
    from pydeps_host.values import Limits

    entries = [entry(number) for number in range(_FILES)]
    document = json.dumps({"meta": {"api-version": "1.3"}, "name": "foo", "versions": [], "files": entries}).encode()
    page = f"<!DOCTYPE html><html><body>{''.join(map(anchor, entries))}</body></html>".encode()
    return {form: _rate(lambda body=body: read(body, Limits()), seconds) for form, body in (("JSON", document), ("HTML", page))}  # type: ignore[misc] # Bound at once.


def _rate(work: Callable[[], object], seconds: float) -> float:
    work()
    began, done = time.process_time(), 0
    while time.process_time() < began + seconds:
        work()
        done += 1
    return done / (time.process_time() - began)


if __name__ == "__main__":
    if sys.argv[1] == "pages":
        print(json.dumps(pages(float(sys.argv[2]))))
    else:
        write(Path(sys.argv[2]), int(sys.argv[3]))
