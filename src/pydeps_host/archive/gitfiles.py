"""Files of git's own that `git fsck --strict` looks into.

A repository that holds a `.gitmodules` which fsck calls an error cannot be
pushed to most hosts. git parses that file as its configuration; here only a
plain dialect of it is understood, and whatever is not plain counts as unsafe.
"""

import re

# git's ATTR_MAX_LINE_LENGTH: a line of so many bytes is an error.
_ATTRIBUTES_LINE = 2048

_BLANK = re.compile(rb"[ \t]*(?:[#;].*)?")
_SECTION = re.compile(rb'[ \t]*\[submodule "([\w./+@ -]+)"\][ \t]*')
# Possessive, because a value may begin with what is skipped before it: a mebibyte of blanks would be tried at every place.
_SETTING = re.compile(rb"[ \t]*([A-Za-z][A-Za-z0-9-]*)[ \t]*=[ \t]*+([\w./:@~+ -]*)")
_URL = re.compile(
    rb"(?:https?|ssh|git)://(?:[\w.-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*(?::[1-9][0-9]{0,3})?(?:/[\w.~+@-]*)*"
    rb"|[\w.-]+@[\w.-]+:[\w.~+-][\w./~+-]*"
    rb"|(?:\.\.?/)*[\w~+-][\w.~+-]*(?:/[\w.~+-]+)*/?"
)


def gitmodules_is_safe(content: bytes) -> bool:
    """Tell whether `git fsck --strict` has nothing against this content of a `.gitmodules`.

    It objects to names with a `..` in them, to URLs and paths that start with a
    dash, to URLs that hide a line break or climb out of their host, and to an
    `update` that runs a command.
    """
    return all(_line_is_safe(line) for line in content.replace(b"\r\n", b"\n").split(b"\n"))


def gitattributes_is_safe(content: bytes) -> bool:
    """Tell whether `git fsck --strict` has nothing against this content of a `.gitattributes`."""
    return max(map(len, content.split(b"\n"))) < _ATTRIBUTES_LINE


def _line_is_safe(line: bytes) -> bool:
    if _BLANK.fullmatch(line):
        return True
    section = _SECTION.fullmatch(line)
    if section is not None:
        return b".." not in section[1].split(b"/")
    setting = _SETTING.fullmatch(line)
    return setting is not None and _setting_is_safe(setting[1].lower(), setting[2].rstrip(b" "))


def _setting_is_safe(key: bytes, value: bytes) -> bool:
    # To git a dash is the beginning of an option. A command, in `update`, begins
    # with a sign that no plain setting has.
    if key == b"url":
        plain = _URL.fullmatch(value) is not None and not value.startswith(b"-")
        return plain and (b"://" not in value or b".." not in value.split(b"/"))
    return key != b"path" or (value != b"" and not value.startswith(b"-"))
