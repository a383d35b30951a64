"""The lines of a requirements file, as pip's documentation describes them ("Requirements File Format").

Continued lines are joined first, then comments go; what is left is a line of
options, or a requirement with options of its own after it.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from attrs import frozen

# From the first of several spaces alone, which keeps a line of nothing but spaces from taking its length squared.
_COMMENT = re.compile(r"(?:^|(?<!\s)\s+)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
# Where the options of a requirement begin.
_OPTIONS = re.compile(r"(?:^|\s)(?=-)")
# A line of options with more is refused where something in it is quoted.
_MOST_QUOTED = 65_536
_PLAIN_OPTIONS = re.compile(r"[^\s\"'\\]+(?:\s+[^\s\"'\\]+)*")

# Options with a value, by every spelling; and those without one.
_VALUED: Final = {
    "-i": "index-url",
    "--index-url": "index-url",
    "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
    "-r": "requirement",
    "--requirement": "requirement",
    "-c": "constraint",
    "--constraint": "constraint",
    "-e": "editable",
    "--editable": "editable",
    "--hash": "hash",
    "--no-binary": "other",
    "--only-binary": "other",
    "--trusted-host": "other",
    "--use-feature": "other",
    "--uploaded-prior-to": "other",
    "--all-releases": "other",
    "--only-final": "other",
    "-C": "other",
    "--config-setting": "other",
    "--config-settings": "other",
    "--global-option": "other",
}
_FLAGS: Final = {"--no-index": "no-index", "--pre": "other", "--prefer-binary": "other", "--require-hashes": "other"}


@frozen
class Line:
    """One line, whole.

    Attributes:
        number: Where it begins, from 1.
        text: What stands in it, without comments and continuations.
    """

    number: int
    text: str

    @property
    def names_variable(self) -> bool:
        """Whether pip would put an environment variable into it."""
        return _VARIABLE.search(self.text) is not None

    @property
    def requirement(self) -> str:
        """What stands before the options, spaces made single; empty in a line of options."""
        found = _OPTIONS.search(self.text)
        return " ".join((self.text if found is None else self.text[: found.start()]).split())

    def options(self) -> Iterator[tuple[str, str]]:
        """Yield each option: what it is, and its value. One that is not known is `unknown`, with its spelling.

        Raises:
            ValueError: A quotation mark is not closed, or a value is missing.
        """
        found = _OPTIONS.search(self.text)
        words = iter(_words(self.text[found.end() :]) if found is not None else [])
        for word in words:
            name, attached = _split(word)
            if name in _FLAGS and attached is None:
                yield _FLAGS[name], ""
            elif name in _VALUED:
                value = attached if attached is not None else next(words, None)
                if value is None:
                    raise ValueError(f"{name} has no value")
                yield _VALUED[name], value
            else:
                yield "unknown", word


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines of a file that say something."""
    begun: list[str] = []
    first = 1
    for number, line in enumerate(text.splitlines(), start=1):
        comment = _COMMENT.match(line) is not None
        continued = line.endswith("\\") and not comment
        if not begun:
            first = number
        # A space before, so that what is a comment by itself is one after joining, too.
        begun.append(line[:-1] if continued else f" {line}" if comment else line)
        if not continued:
            yield from _whole(first, begun)
            begun = []
    yield from _whole(first, begun)


def _whole(number: int, parts: list[str]) -> Iterator[Line]:
    text = _COMMENT.sub("", "".join(parts)).strip()
    if text:
        yield Line(number, text)


def _words(text: str) -> list[str]:
    # The usual case is a list of digests; shlex reads a character at a time, and copies a word for each.
    if _PLAIN_OPTIONS.fullmatch(text):
        return text.split()
    if len(text) > _MOST_QUOTED:
        raise ValueError("options with quotes in them are too long")
    return shlex.split(text)


def _split(word: str) -> tuple[str, str | None]:
    """Part an option from a value that is written to it: `--hash=...`, `-rbase.txt`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    return (word[:2], word[2:] or None) if word.startswith("-") else (word, None)
