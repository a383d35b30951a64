"""A project's page, whatever its form, to one value."""

import codecs
import re
from typing import Final

from packaging.utils import canonicalize_name

from pydeps_host.errors import HostError, PageError, TooLargeError, forget_locals
from pydeps_host.simple_api.html_page import Page, read_html
from pydeps_host.simple_api.json_page import read_json
from pydeps_host.simple_api.project import Project
from pydeps_host.values import Limits, Url

_VERSIONED = re.compile(r"application/vnd\.pypi\.simple\.v([0-9]{1,9})\+(?:json|html)")
_CHARSET_PARAMETER = re.compile(r"""\bcharset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
# By the standard's "decode" (WHATWG Encoding, 6), a byte order mark outweighs what a header says.
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Python's codecs decode far more than text encodings, some of them in quadratic time.
_CHARSET = re.compile(r"utf-8|ascii|utf-16(-[bl]e)?|iso8859-[0-9]+|cp(125[0-8]|437|85[0-9]|866|874|932|949|950)|koi8-[ru]|mac-roman")
_CHARSET_EAST: Final = frozenset({"gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"})


def parse_project(body: bytes, *, content_type: str, url: Url, name: str, limits: Limits | None = None) -> Project:
    """Read a project's page, HTML or JSON, to a value that is equal for both.

    The body decides what the page is: servers send either with any content type, or
    with none. A content type of the API itself decides about the version.

    Args:
        body: The page, inflated.
        content_type: The `Content-Type` header's value; may be empty.
        url: The page's final URL, against which its links are resolved.
        name: The project that was asked for, in any spelling.
        limits: `page_bytes`, `page_files` and `page_tokens` are enforced.

    Raises:
        PageError: The page is `not-an-index`, `malformed` or of an `unsupported-version`.
        TooLargeError: It is larger than a limit allows.
    """
    try:
        return _parsed(body, content_type, url, name, limits if limits is not None else Limits())
    except HostError as problem:
        # A traceback may be shown with every variable, and a page's links may be presigned.
        forget_locals(problem)
        raise
    finally:
        del body


def _parsed(body: bytes, content_type: str, url: Url, name: str, limits: Limits) -> Project:
    if len(body) > limits.page_bytes:
        raise TooLargeError(str(url), "page_bytes", limits.page_bytes, len(body))
    media_type, charset = _content_type(content_type)
    versioned = _VERSIONED.fullmatch(media_type)
    if versioned and int(versioned[1]) != 1:
        raise PageError(str(url), "unsupported-version", f"a page of API version {versioned[1]}, this version of pydeps-host reads 1.x")
    page = Page(_decode(body, charset), url, canonicalize_name(name), limits)
    # No more than the first bytes: a page of blanks is not copied to find out that it is one.
    return read_json(page) if re.match(r"\s*+[{\[]", page.text) else read_html(page)


def _content_type(value: str) -> tuple[str, str]:
    """Return the media type in lower case and the charset, each empty where there is none."""
    media_type, _, parameters = value[:500].partition(";")
    charset = _CHARSET_PARAMETER.search(parameters)
    return media_type.strip().lower(), charset[1] if charset else ""


def _decode(body: bytes, charset: str) -> str:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    return body.decode(_known_charset(charset), "replace")


def _known_charset(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name if charset.isascii() and charset.isprintable() else "utf-8"
    except LookupError:
        return "utf-8"
    return name if _CHARSET.fullmatch(name) or name in _CHARSET_EAST else "utf-8"
