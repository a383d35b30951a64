"""An HTML page of the simple repository API (PEP 503, 592, 629, 658/714, 740, 792)."""

from typing import Final

from attrs import define, field, frozen
from packaging.utils import NormalizedName

from pydeps_host.errors import TooLargeError
from pydeps_host.simple_api.entries import OddEntryError, Skips, check_count, check_filename, digest_of, filename_of, resolve
from pydeps_host.simple_api.links import Links, base_of
from pydeps_host.simple_api.look import Outline, check_is_index
from pydeps_host.simple_api.markup import StartTag, start_tags
from pydeps_host.simple_api.project import File, Project
from pydeps_host.simple_api.version import check_version
from pydeps_host.values import Digest, Limits, Url

_INTERESTING: Final = frozenset({"a", "base", "meta", "title", "h1", "form", "input", "script", "iframe", "frame"})


@frozen
class Page:
    """A page as it came, decoded.

    Attributes:
        text: Its text.
        url: Its final URL.
        name: The project that was asked for, normalised.
        limits: What is enforced while reading it.
    """

    text: str = field(repr=False)
    url: Url
    name: NormalizedName
    limits: Limits


def read_html(page: Page) -> Project:
    """Read one project's page.

    Raises:
        PageError: It is no page of an index, or one of API version 2 or later.
        TooLargeError: It has more entries or more markup than the limits allow.
    """
    tags = page.text.count("<")
    if tags > page.limits.page_tokens:
        raise TooLargeError(str(page.url), "page_tokens", page.limits.page_tokens, tags)
    found = _survey(page)
    version = check_version(found.meta.get("pypi:repository-version"), page.url)
    links = Links(page.url, base_of(page.url, found.base) if found.base is not None else None)
    skips = Skips()
    files = _files(found.anchors, links, skips)
    outline = Outline(page.url, page.name, files, tuple(found.titles), frozenset(found.signs), page.text)
    if "pypi:repository-version" not in found.meta:
        check_is_index(outline, [_resolved(links, anchor) for anchor in found.anchors[:1000]])
    return Project(
        page.name,
        page.url,
        files,
        skipped=skips.all,
        status=found.meta.get("pypi:project-status") or "active",
        status_reason=found.meta.get("pypi:project-status-reason") or None,
        api_version=version,
    )


@define
class _Found:
    """What a page's tags said so far."""

    base: str | None = None
    anchors: list[dict[str, str]] = field(factory=list)
    meta: dict[str, str] = field(factory=dict)
    titles: list[str] = field(factory=list)
    signs: set[str] = field(factory=set)


def _survey(page: Page) -> _Found:
    found = _Found()
    for tag in start_tags(page.text, _INTERESTING):
        attributes = tag.attributes
        if tag.name == "a":
            if "href" in attributes:
                found.anchors.append(attributes)
                check_count(len(found.anchors), page.limits, page.url)
        elif tag.name == "base":
            # The first that has a reference counts (WHATWG, 4.2.3).
            found.base = attributes.get("href") if found.base is None else found.base
        elif tag.name == "meta":
            if "name" in attributes:
                found.meta.setdefault(attributes["name"].lower(), attributes.get("content", "").strip())
            if attributes.get("http-equiv", "").lower() == "refresh":
                found.signs.add("refresh")
        elif tag.name in {"title", "h1"}:
            found.titles.append(page.text[tag.end : tag.end + 300].partition("<")[0])
        else:
            found.signs.add(_sign(tag))
    return found


def _sign(tag: StartTag) -> str:
    return "password" if tag.name == "input" and tag.attributes.get("type", "").lower() == "password" else tag.name


def _files(anchors: list[dict[str, str]], links: Links, skips: Skips) -> tuple[File, ...]:
    files = []
    for anchor in anchors:
        try:
            files.append(_file(anchor, links, skips))
        except OddEntryError as odd:
            skips.add_link(anchor["href"], odd.reason)
    return tuple(files)


def _file(anchor: dict[str, str], links: Links, skips: Skips) -> File:
    reference, _, fragment = anchor["href"].partition("#")
    url = resolve(links, reference)
    filename = filename_of(url)
    check_filename(filename)
    yanked = anchor.get("data-yanked")
    provenance = anchor.get("data-provenance")
    return File(
        filename,
        url,
        _digests(fragment) if fragment else frozenset(),
        requires_python=anchor.get("data-requires-python", "").strip() or None,
        # The attribute's presence counts, whatever its value: `data-yanked="false"` is yanked (PEP 592).
        yanked=yanked is not None,
        yanked_reason=yanked or None,
        core_metadata=_core_metadata(anchor),
        provenance=_provenance(provenance, links, skips) if provenance else None,
        has_signature=_SIGNATURE.get(anchor.get("data-gpg-sig", "").lower()),
    )


_SIGNATURE: Final = {"true": True, "false": False}


def _digests(fragment: str) -> frozenset[Digest]:
    """Read every digest of a fragment such as `sha256=...&egg=name` (PEP 503)."""
    digests = set()
    for part in fragment.split("&"):
        algorithm, _, value = part.strip().partition("=")
        digest = digest_of(algorithm, value)
        if digest is not None:
            digests.add(digest)
    return frozenset(digests)


def _core_metadata(anchor: dict[str, str]) -> frozenset[Digest] | None:
    """Read `data-core-metadata`, or the name that it had before PEP 714."""
    value = anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata"))
    if value is None or value.lower() == "false":
        return None
    try:
        return _digests(value)
    except OddEntryError:
        return frozenset()


def _provenance(reference: str, links: Links, skips: Skips) -> Url | None:
    try:
        return resolve(links, reference.partition("#")[0])
    except OddEntryError:
        skips.add_link(reference, "provenance")
        return None


def _resolved(links: Links, anchor: dict[str, str]) -> Url | None:
    try:
        return resolve(links, anchor["href"].partition("#")[0])
    except OddEntryError:
        return None
