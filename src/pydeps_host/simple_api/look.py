"""Whether an HTML page without a declared version is an index page at all.

The difference between *no files* and *no index* matters: an index may be set
to mean *absent* by a page without files, and then the next index is asked.
Login pages, front ends and error texts that come with status 200 must never
pass for a page without files.
"""

import re
from collections.abc import Iterable
from typing import Final

from attrs import field, frozen
from packaging.utils import NormalizedName, canonicalize_name

from pydeps_host.errors import PageError
from pydeps_host.simple_api.filenames import looks_like_distribution
from pydeps_host.simple_api.project import File
from pydeps_host.values import Url, shown

_TITLE = re.compile(r"\b(links for|index of|(simple|package|pypi) index|simple repository|directory listing)\b")
_TAG = re.compile(r"<[^<>]*+>")
_LONGEST_BLANK: Final = 65_536
_FRONT_END: Final = frozenset({"form", "input", "script", "iframe", "frame", "refresh"})


@frozen
class Outline:
    """What tells an index page from others.

    Attributes:
        url: The page's final URL.
        name: The project that was asked for.
        files: What could be files of it.
        titles: The texts of its `<title>` and `<h1>`.
        signs: Tags that it has: `password` for a field of one, `refresh` for a page that leads on, others by name.
        text: The page, for what little text a page without files may have.
    """

    url: Url
    name: NormalizedName
    files: tuple[File, ...]
    titles: tuple[str, ...]
    signs: frozenset[str]
    text: str = field(repr=False)


def check_is_index(outline: Outline, links: Iterable[Url | None]) -> None:
    """Refuse what is no index page; `links` is where its first anchors lead.

    Raises:
        PageError: `not-an-index`, with a hint for the person who wrote the URL.
    """
    if "password" in outline.signs:
        raise _refused(outline, "it is a login page: put credentials into the URL, or use the URL that pip would use")
    if any(file.digests or file.core_metadata is not None or looks_like_distribution(file.filename) for file in outline.files):
        return
    if outline.signs & _FRONT_END:
        raise _refused(outline, "it is a page for people (it has a form or a script), not an index: the URL often ends in /simple")
    if any(link is not None and not _is_navigation(link, outline.url) for link in links):
        raise _refused(outline, "none of its links leads to a distribution: the URL often ends in /simple")
    if not _is_blank(outline.text) and not any(_is_title_of_index(title, outline.name) for title in outline.titles):
        raise _refused(outline, "it has no files and does not say that it is an index")


def _is_navigation(link: Url, page: Url) -> bool:
    """Whether a link of a listing leads up, down, or to the listing itself in another order."""
    return link.origin == page.origin and (page.path.startswith(link.path) or link.path.startswith(page.path))


def _is_title_of_index(title: str, name: NormalizedName) -> bool:
    text = " ".join(title.split()).lower()
    return _TITLE.search(text) is not None or canonicalize_name(text) == name


def _is_blank(text: str) -> bool:
    """Whether a page is tags around nothing, as some servers write an index without files."""
    return "<" in text and len(text) < _LONGEST_BLANK and not _TAG.sub("", text).strip()


def _refused(outline: Outline, hint: str) -> PageError:
    title = next((shown(outline.url.mask(" ".join(title.split()))) for title in outline.titles if title.strip()), "")
    said = f"a page titled {title!r}; " if title else ""
    return PageError(str(outline.url), "not-an-index", f"{said}{hint}")
