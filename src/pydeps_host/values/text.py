"""Text from strangers, made safe to show.

Names, paths, yank reasons and server texts come from outside. Shown as they
are, they could move a terminal's cursor, reorder a line for the eye (Unicode
TR36, bidirectional controls) or break a log line in two.
"""

import re

_SHOWN_LENGTH = 200

# C0 and C1 controls, DEL, line and paragraph separators, bidirectional controls
# and marks, lone surrogates, and the backslash that makes the escape reversible.
_UNSAFE = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")


def escape(text: str) -> str:
    r"""Return `text` with every unsafe character written as `\xNN` or `\uNNNN`.

    A backslash is written twice, so that `unescape` gives the same text back.

    >>> escape("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return _UNSAFE.sub(_escape_one, text)


def unescape(text: str) -> str:
    """Return the text that `escape` was given."""
    return _ESCAPED.sub(lambda found: "\\" if found[0] == "\\\\" else chr(int(found[1] or found[2], 16)), text)


def shown(text: str | bytes) -> str:
    """Return `text` for a person's eyes: escaped, on one line, at most 200 characters.

    Bytes that are not UTF-8 are shown as the escape of the byte.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    # Cut first: escaping a text of 64 MiB to show 200 characters of it is a gift to whoever sent it.
    whole = escape(text[: _SHOWN_LENGTH + 1])
    return whole if len(whole) <= _SHOWN_LENGTH else whole[: _SHOWN_LENGTH - 1] + "…"


def _escape_one(found: re.Match[str]) -> str:
    character = found[0]
    if character == "\\":
        return "\\\\"
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
