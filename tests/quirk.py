"""Pages as servers of packages really send them: one quirk a project, and what a perfect client makes of each.

The table is `QUIRKS` in quirks.py. Every project has a wheel of version 1.0 and
one of version 2.0, whose bytes `content` gives.

In the text of a page `$file` is the path of the wheel of version 1.0 and
`$wheel` its name, `$newer` and `$newer_wheel` those of version 2.0, `$sha` and
`$newer_sha` their SHA-256, `$name` the project, `$base` scheme, host and port,
`$host` the last two of these, `$good` an anchor for the wheel of version 1.0,
`$md5` and the like other digests of it.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from string import Template
from typing import Any
from urllib.parse import unquote

from attrs import evolve, frozen

from pydeps_host.testing import build_wheel
from pydeps_host.values import Outcome

HTML = "text/html; charset=utf-8"
V1_JSON = "application/vnd.pypi.simple.v1+json"
V1_HTML = "application/vnd.pypi.simple.v1+html"
ALGORITHMS = ("md5", "sha1", "sha224", "sha384", "sha512", "blake2b", "blake2s", "sha3_256")
GOOD = '<a href="$file#sha256=$sha">$wheel</a>'


@frozen
class Listed:
    """A file that a perfect client sees.

    Attributes:
        path: Path and query of its URL, with the placeholders of a page.
        digests: As `algorithm:value`, with the placeholders of a page.
        size: As the page tells it, or None.
        requires_python: As the page tells it, or None.
        yanked: Whether it was withdrawn; a text is the reason.
        filename: Its name, with the placeholders of a page.
    """

    path: str = "$file"
    digests: tuple[str, ...] = ("sha256:$sha",)
    size: int | None = None
    requires_python: str | None = None
    yanked: bool | str = False
    filename: str = "$wheel"


ONE = Listed()
TWO = Listed("$newer", ("sha256:$newer_sha",), filename="$newer_wheel")


@frozen
class Quirk:
    """One project and its page.

    Attributes:
        name: The project.
        what: What is odd about the page, in a few words.
        text: The page, with placeholders.
        files: What a perfect client lists, in the page's order.
        outcome: What a perfect client says of the page.
        says: Words that its error or its report has, as a regular expression.
        content_type: The header, or None for a page without one.
        status: The HTTP status.
        headers: More header fields, with placeholders.
        encoding: Of the page's text.
        at: Where the page is, if it was redirected there; with placeholders.
        gzip: Whether the page is sent with one layer of gzip.
    """

    name: str
    what: str
    text: str = GOOD
    files: tuple[Listed, ...] = (ONE,)
    outcome: Outcome = Outcome.FOUND
    says: str = ""
    content_type: str | None = HTML
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    encoding: str = "utf-8"
    at: str = ""
    gzip: bool = False

    def page(self, base: str) -> bytes:
        """The body, for a server at `base`."""
        return self.filled(self.text, base).encode(self.encoding, "surrogateescape")

    def filled(self, text: str, base: str = "") -> str:
        """Fill the placeholders of a text."""
        wheel, newer = wheel_name(self.name, "1.0"), wheel_name(self.name, "2.0")
        return Template(text).substitute(
            name=self.name,
            wheel=wheel,
            file=f"/files/{self.name}/{wheel}",
            sha=digest(wheel),
            newer_wheel=newer,
            newer=f"/files/{self.name}/{newer}",
            newer_sha=digest(newer),
            base=base,
            host=base.partition("://")[2],
            SHA=digest(wheel).upper(),
            **{algorithm: digest(wheel, algorithm) for algorithm in ALGORITHMS},
            good=Template(GOOD).substitute(file=f"/files/{self.name}/{wheel}", sha=digest(wheel), wheel=wheel),
        )


def wheel_name(project: str, version: str) -> str:
    return f"{project.replace('-', '_')}-{version}-py3-none-any.whl"


@cache
def content(filename: str) -> bytes:
    """The bytes of a file of a quirk's project, by its name."""
    project, version, _ = filename.split("-", 2)
    return build_wheel(project.replace("_", "-"), version, {f"{project}.py": f"# {version}\n"}).data


def digest(filename: str, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, content(filename), usedforsecurity=False).hexdigest()


def file_of(target: str) -> str | None:
    """The name of the file that a path of the server has, or None."""
    path = target.partition("?")[0]
    last = unquote(path.rpartition("/")[2])
    if path.endswith("/download/17"):
        last = wheel_name(path.split("/")[-3], "1.0")
    return last if last.endswith(".whl") and last.count("-") == 4 else None


# --- how the table is written ------------------------------------------------


def links(*quirks: tuple[str, str, str]) -> list[Quirk]:
    """Pages whose one link, written in an odd way, leads to the wheel of version 1.0."""
    return [Quirk(name, what, page(text)) for name, what, text in quirks]


def page(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>Links for $name</title>{head}</head><body><h1>Links for $name</h1>\n{body}\n</body></html>"


def jsoned(name: str, what: str, /, *files: Any, expect: Iterable[Listed] = (ONE,), **more: Any) -> Quirk:
    """A JSON page of these entries; what is no field of a quirk goes into the document."""
    fields = {key: more.pop(key) for key in ("content_type", "outcome", "says", "encoding", "status", "headers") if key in more}
    document = {"meta": {"api-version": "1.1"}, "name": "$name", **{key.replace("_", "-"): value for key, value in more.items()}}
    # Placeholders may stand anywhere; no key of the API has a dollar in it.
    text = json.dumps({**document, "files": list(files) or [entry()]}, ensure_ascii=False)
    return evolve(Quirk(name, what, text, tuple(expect), content_type=V1_JSON), **fields)


def entry(**fields: Any) -> dict[str, Any]:
    """A JSON entry for the wheel of version 1.0; a field of None is null, one of `...` is absent."""
    whole = {"filename": "$wheel", "url": "$base$file", "hashes": {"sha256": "$sha"}, **fields}
    return {key.replace("_", "-"): value for key, value in whole.items() if value is not ...}


def newer(**fields: Any) -> dict[str, Any]:
    """A JSON entry for the wheel of version 2.0."""
    return entry(**{"filename": "$newer_wheel", "url": "$base$newer", "hashes": {"sha256": "$newer_sha"}, **fields})


def refused(name: str, what: str, outcome: Outcome, says: str, **fields: Any) -> Quirk:
    """A page that lets nothing be taken."""
    return evolve(Quirk(name, what, page("no files here"), (), outcome, says), **fields)
