"""The start tags of an HTML page, in one pass.

The rules are those of the WHATWG HTML standard, section 13.2.5 (Tokenization),
for what an index page can hold. Two things are simpler: a script is over at the
first `</script>` even inside `<!--`, and every page is taken for HTML, never
for SVG or MathML.

Each expression either succeeds or ends the scan, and none can backtrack, so that
time grows with the page's size alone. The standard library's parser takes
quadratic time for `<!--` repeated, and a tree costs sixty times the page.
"""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import Final, NamedTuple

_SPACE: Final = r"\t\n\f\r "
_OPENING = re.compile(rf"<(?:(?P<comment>!--)|(?P<bogus>[!?]|/(?![A-Za-z]))|(?P<end>/?)(?P<name>[A-Za-z][^{_SPACE}/>]*+))")
# `<!-->` and `<!--->` are whole comments; `--!>` ends one too.
_ABRUPT_COMMENT_END = re.compile(r"-?>")
_COMMENT_END = re.compile(r"--!?>")
_VALUE: Final = rf"""[{_SPACE}]*+=[{_SPACE}]*+(?:"[^"]*+"|'[^']*+'|[^{_SPACE}>"'][^{_SPACE}>]*+|(?=>))"""
_NAME: Final = rf"[^{_SPACE}/>][^{_SPACE}/>=]*+"
# A name whose value is never closed does not match: the page ends inside the tag, which is then none.
_ATTRIBUTES = re.compile(rf"(?:[{_SPACE}/]++|{_NAME}(?:{_VALUE}|(?![{_SPACE}]*+=)))*+>")
_ATTRIBUTE = re.compile(
    rf"""({_NAME})(?:[{_SPACE}]*+=[{_SPACE}]*+(?:"([^"]*+)"|'([^']*+)'|([^{_SPACE}>"'][^{_SPACE}>]*+)|(?=>))|(?![{_SPACE}]*+=))"""
)
_REFERENCE = re.compile(r"&(?:#(?:[0-9]++|[xX][0-9A-Fa-f]++);?|([A-Za-z][A-Za-z0-9]*+)(?:;|(?![A-Za-z0-9=])))")
_RAW_TEXT: Final = ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
_RAW_TEXT_ENDS = {name: re.compile(rf"</{name}(?=[{_SPACE}/>])", re.IGNORECASE) for name in _RAW_TEXT}


class StartTag(NamedTuple):
    """One start tag.

    Attributes:
        name: In lower case.
        attributes: Names in lower case; the first of a name counts; "" where there is no value.
        end: Where the text after the tag begins.
    """

    name: str
    attributes: dict[str, str]
    end: int


def start_tags(text: str, interesting: frozenset[str]) -> Iterator[StartTag]:
    """Yield the page's start tags with one of these names, in order.

    Tags inside comments, scripts, styles and titles are text, and no tags.
    """
    position = 0
    while found := _OPENING.search(text, position):
        if found["name"] is None:
            end = _end_of_comment(text, found)
            if end is None:
                return
            position = end
            continue
        attributes = _ATTRIBUTES.match(text, found.end())
        if attributes is None:
            return
        position = attributes.end()
        if found["end"]:
            continue
        name = found["name"].lower()
        if name in interesting:
            yield StartTag(name, _read_attributes(text, found.end(), position), position)
        if name == "plaintext":
            return
        if name in _RAW_TEXT_ENDS:
            closing = _RAW_TEXT_ENDS[name].search(text, position)
            if closing is None:
                return
            position = closing.start()


def unescape_attribute(value: str) -> str:
    """Decode the character references of an attribute's value.

    A name without its semicolon is text where a letter, a digit or `=` follows, so
    that `?a=1&copy=2` stays what it is (WHATWG, 13.2.5.73).
    """
    return _REFERENCE.sub(_decode, value) if "&" in value else value


def _end_of_comment(text: str, found: re.Match[str]) -> int | None:
    if not found["comment"]:
        return text.find(">", found.end()) + 1 or None
    over = _ABRUPT_COMMENT_END.match(text, found.end()) or _COMMENT_END.search(text, found.end())
    return over.end() if over else None


def _read_attributes(text: str, start: int, end: int) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text, start, end):
        attributes.setdefault(name.lower(), double or single or bare)
    return {name: unescape_attribute(value) for name, value in attributes.items()}


def _decode(found: re.Match[str]) -> str:
    whole = found[0]
    if found[1] is not None:
        return html5.get(whole[1:], whole)
    # Python refuses to read very long numbers, and no character has one.
    digits = whole.strip("&#xX;").lstrip("0")
    return unescape(f"&#{'x' if whole[2] in 'xX' else ''}{digits or '0'};") if len(digits) <= 8 else "\ufffd"
