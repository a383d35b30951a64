"""A JSON page of the simple repository API (PEP 691, 700, 714, 740, 792)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pydeps_host.errors import PageError, TooLargeError
from pydeps_host.simple_api.entries import (
    OddEntryError,
    Skips,
    check_count,
    check_filename,
    digest_of,
    is_sha256,
    resolve,
    size_of,
    time_of,
)
from pydeps_host.simple_api.html_page import Page
from pydeps_host.simple_api.links import Links
from pydeps_host.simple_api.project import File, Project, Told
from pydeps_host.simple_api.version import check_version
from pydeps_host.values import Digest, Url, shown

_LARGEST_SERIAL: Final = 10**18
_NO_DIGESTS: Final[frozenset[Digest]] = frozenset()


def read_json(page: Page) -> Project:
    """Read one project's page.

    Where a key stands twice the last one counts, as in Python's `json`.

    Raises:
        PageError: It is no JSON, no page of an index, or one of API version 2 or later.
        TooLargeError: It has more entries or more structure than the limits allow.
    """
    document = _parse(page)
    if not isinstance(document, dict) or not ("files" in document or _has_version(document)):
        raise PageError(str(page.url), "not-an-index", _hint(document, page.url))
    meta = _mapping(document.get("meta"))
    # A number where the text should be (`1.0`) is read as its text.
    declared = meta.get("api-version")
    version = check_version(None if declared is None else str(declared), page.url)
    if not isinstance(document.get("files"), list):
        raise PageError(str(page.url), "not-an-index" if "projects" in document else "malformed", _hint(document, page.url))
    check_count(len(document["files"]), page.limits, page.url)
    skips = Skips()
    files = _files(document["files"], Links(page.url), skips)
    status, reason = _status(document.get("project-status", meta.get("project-status")))
    serial = meta.get("_last-serial")
    return Project(
        page.name,
        page.url,
        files,
        _versions(document.get("versions")),
        skips.all,
        status=status,
        status_reason=reason,
        api_version=version,
        last_serial=serial if type(serial) is int and 0 <= serial < _LARGEST_SERIAL else None,
    )


def _parse(page: Page) -> Any:
    # Counted first: a parsed token costs up to a hundred times its byte.
    tokens = page.text.count("{") + page.text.count("[") + page.text.count(",")
    if tokens > page.limits.page_tokens:
        raise TooLargeError(str(page.url), "page_tokens", page.limits.page_tokens, tokens)
    try:
        return _loaded(page.text)
    except RecursionError:
        raise PageError(str(page.url), "malformed", "JSON that is nested too deeply") from None
    except ValueError as problem:
        raise PageError(str(page.url), "malformed", f"no JSON: {shown(str(problem))}") from None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # A number of more digits than Python reads costs its field, and not the page.
        return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int:
    """Read a whole number; of a very long one only that it is none that any field has."""
    return int(digits) if len(digits) < 24 else -1


def _files(entries: list[Any], links: Links, skips: Skips) -> tuple[File, ...]:
    files = []
    # What is told holds texts and numbers alone, so that the collector has nothing to follow there.
    read = partial(_read_later, links)
    # Each entry is let go once it is read: a large page is not held twice, and the collector has less to walk.
    entries.reverse()
    while entries:
        entry = entries.pop()
        try:
            files.append(_file(entry, links, skips, read))
        except OddEntryError as odd:
            name = entry.get("filename") if isinstance(entry, dict) else None
            skips.add(name if isinstance(name, str) else type(entry).__name__, odd.reason)
    return tuple(files)


def _file(entry: Any, links: Links, skips: Skips, read: Callable[[Told, str], object]) -> File:
    if not isinstance(entry, dict):
        raise OddEntryError("entry")
    filename, reference = entry.get("filename"), entry.get("url")
    if not isinstance(filename, str) or not isinstance(reference, str) or not reference:
        raise OddEntryError("entry")
    check_filename(filename)
    told = _plainly_told(entry, reference, links)
    return File.later(filename, told, read) if told is not None else _read_now(entry, links, skips)


def _plainly_told(entry: dict[str, Any], reference: str, links: Links) -> Told | None:
    """Return what an entry says where all of it is in order beyond doubt, so that it can be read when it is asked for."""
    get = entry.get
    hashes, size, uploaded, provenance = get("hashes"), get("size"), get("upload-time"), get("provenance")
    if not isinstance(hashes, dict) or len(hashes) != 1 or not is_sha256(sha256 := hashes.get("sha256")):
        return None
    if not links.is_sure(reference) or (provenance and not (isinstance(provenance, str) and links.is_sure(provenance))):
        return None
    try:
        size = size if size is None else size_of(size)
        uploaded = uploaded if uploaded is None else time_of(uploaded)
    except OddEntryError:
        return None
    return reference, sha256, size, uploaded, get("requires-python"), get("yanked"), _core_metadata_of(entry), provenance, get("gpg-sig")


def _read_later(links: Links, told: Told, name: str) -> object:
    """Read one field of a file of which everything was told plainly."""
    reference, sha256, size, uploaded, requires_python, yanked, core_metadata, provenance, signature = told
    match name:
        case "url":
            return resolve(links, reference)
        case "digests":
            return frozenset((Digest("sha256", sha256),))
        case "size":
            return size
        case "upload_time":
            return uploaded
        case "requires_python":
            return _text(requires_python)
        case "yanked":
            return bool(yanked)
        case "yanked_reason":
            return _reason(yanked)
        case "core_metadata":
            return _core_metadata(core_metadata)
        case "provenance":
            return _resolved(links, provenance)
        case _:
            return _boolean(signature)


def _resolved(links: Links, reference: str | None) -> Url | None:
    return resolve(links, reference) if reference else None


def _read_now(entry: dict[str, Any], links: Links, skips: Skips) -> File:
    filename, reference, yanked = entry["filename"], entry["url"], entry.get("yanked")
    return File(
        filename,
        resolve(links, reference.partition("#")[0]),
        _digests(entry.get("hashes")),
        _field(size_of, entry.get("size"), filename, skips),
        _field(time_of, entry.get("upload-time"), filename, skips),
        _text(entry.get("requires-python")),
        bool(yanked),
        _reason(yanked),
        _core_metadata(_core_metadata_of(entry)),
        _provenance(entry.get("provenance"), links, skips),
        _boolean(entry.get("gpg-sig")),
    )


def _field(read: Any, value: object, filename: str, skips: Skips) -> Any:
    """Read a field that is left out alone where it is odd."""
    try:
        return read(value)
    except OddEntryError as odd:
        skips.add(filename, odd.reason)
        return None


def _digests(hashes: object) -> frozenset[Digest]:
    if not hashes:
        return _NO_DIGESTS
    if not isinstance(hashes, dict):
        raise OddEntryError("digest")
    if len(hashes) == 1 and is_sha256(value := hashes.get("sha256")):
        return frozenset((Digest("sha256", value),))
    digests = []
    for algorithm, value in hashes.items():
        if value is not None and not isinstance(value, str):
            raise OddEntryError("digest")
        digest = digest_of(algorithm, value or "")
        if digest is not None:
            digests.append(digest)
    return frozenset(digests)


def _core_metadata_of(entry: dict[str, Any]) -> object:
    """Return `core-metadata`, or what it was called before PEP 714 and by mistake."""
    for key in ("core-metadata", "dist-info-metadata", "data-dist-info-metadata"):
        value = entry.get(key)
        if value is not None:
            return value
    return None


def _core_metadata(value: object) -> frozenset[Digest] | None:
    if not value:
        return None
    try:
        return _digests(value) if isinstance(value, dict) else _NO_DIGESTS
    except OddEntryError:
        return _NO_DIGESTS


def _provenance(reference: object, links: Links, skips: Skips) -> Url | None:
    text = reference if isinstance(reference, str) else ""
    try:
        return resolve(links, text.partition("#")[0]) if text else None
    except OddEntryError:
        skips.add_link(text, "provenance")
        return None


def _status(value: object) -> tuple[str, str | None]:
    """Read `project-status` (PEP 792), which some servers put into `meta` or write as a text."""
    if isinstance(value, dict):
        return _text(value.get("status")) or "active", _text(value.get("reason"))
    return _text(value) or "active", None


def _versions(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str) and text.isprintable()) if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _reason(yanked: object) -> str | None:
    return yanked if yanked and isinstance(yanked, str) else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _has_version(document: dict[str, Any]) -> bool:
    return "api-version" in _mapping(document.get("meta"))


def _hint(document: object, url: Url) -> str:
    """Say what a JSON document that is no page of an index may be."""
    if not isinstance(document, dict):
        return "JSON that is no object"
    if "projects" in document:
        return "the list of all projects came instead of one project's page"
    if "info" in document and "releases" in document:
        return "the JSON API of a package index, not its simple API: the URL often ends in /simple"
    for key in ("message", "detail", "error", "errors", "title"):
        if key in document:
            return f"an error told in JSON, with the status of a page: {shown(url.mask(str(document[key]))[:500])!r}"
    return "JSON without the `files` of an index page"
