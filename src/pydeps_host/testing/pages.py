"""A project's page, as JSON (PEP 691) or as HTML (PEP 503)."""

import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen
from packaging.utils import NormalizedName

from pydeps_host.testing.answers import Answer
from pydeps_host.testing.distributions import Distribution

_JSON: Final = "application/vnd.pypi.simple.v1+json"
_HTML: Final = "application/vnd.pypi.simple.v1+html"


@frozen(kw_only=True)
class Listed:
    """What a page says of a file besides its name and its place.

    Attributes:
        yanked: Whether it was withdrawn (PEP 592); a text is the reason.
        uploaded: When it came to the index; JSON alone carries it, and a time without a zone is UTC.
        digests: The algorithms of the digests that are given; none for an index that gives none.
        size: Whether its size is given; JSON alone carries it.
        requires_python: The Python versions that it is for, or None.
    """

    yanked: bool | str = False
    uploaded: datetime | None = None
    digests: tuple[str, ...] = ("sha256",)
    size: bool = True
    requires_python: str | None = None


@frozen
class Page:
    """One project at a fake index.

    Attributes:
        name: The normalised name.
        status: Its status (PEP 792); JSON alone carries it.
        files: Files, and what is said of each, by name.
    """

    name: NormalizedName
    status: str = "active"
    files: Mapping[str, tuple[Distribution, Listed]] = MappingProxyType({})


def page_answer(page: Page, *, as_json: bool, files_path: str) -> Answer:
    """Return the page as a server would, with an `ETag`."""
    body = (_json_page if as_json else _html_page)(page, files_path).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Answer(body=body, headers=(("content-type", _JSON if as_json else _HTML), ("etag", etag)))


def _json_page(page: Page, files_path: str) -> str:
    document = {
        "meta": {"api-version": "1.4"},
        "name": page.name,
        "project-status": {"status": page.status},
        "files": [_json_file(*listed, files_path) for listed in page.files.values()],
    }
    return json.dumps(document)


def _json_file(distribution: Distribution, listed: Listed, files_path: str) -> dict[str, Any]:
    file: dict[str, Any] = {
        "filename": distribution.filename,
        "url": f"{files_path}{quote(distribution.filename)}",
        "hashes": dict(_digests(distribution, listed.digests)),
        "yanked": listed.yanked,
    }
    if listed.size:
        file["size"] = distribution.size
    if listed.uploaded is not None:
        aware = listed.uploaded if listed.uploaded.tzinfo else listed.uploaded.replace(tzinfo=UTC)
        file["upload-time"] = aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if listed.requires_python is not None:
        file["requires-python"] = listed.requires_python
    return file


def _html_page(page: Page, files_path: str) -> str:
    anchors = "".join(_html_file(*listed, files_path) for listed in page.files.values())
    head = f'<meta name="pypi:repository-version" content="1.0"><title>Links for {page.name}</title>'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{anchors}</body></html>\n"


def _html_file(distribution: Distribution, listed: Listed, files_path: str) -> str:
    # A fragment holds one digest: the first counts.
    fragment = next((f"#{algorithm}={value}" for algorithm, value in _digests(distribution, listed.digests)), "")
    attributes = [("href", f"{files_path}{quote(distribution.filename)}{fragment}")]
    if listed.yanked is not False:
        attributes.append(("data-yanked", listed.yanked if isinstance(listed.yanked, str) else ""))
    if listed.requires_python is not None:
        attributes.append(("data-requires-python", listed.requires_python))
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes)
    return f"<a {written}>{html.escape(distribution.filename)}</a><br>\n"


def _digests(distribution: Distribution, algorithms: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, hashlib.new(name, distribution.data, usedforsecurity=False).hexdigest()) for name in algorithms]
