"""What a zip record's attributes say of an entry (APPNOTE 4.4.2, 4.4.14 and 4.4.15), where readers agree on it."""

import stat
from typing import NamedTuple

from pydeps_host.archive.reasons import Refusal, Refused

_VMS = 2
_UNIX = 3
# Amiga, VMS, Atari, QDOS, Acorn, BeOS, Tandem, Theos and AtheOS, as Info-ZIP numbers them.
_LIKE_UNIX = frozenset({1, 2, 5, 12, 13, 16, 17, 18, 30})
_RESERVED_BIT = 0x04
_DOS_LABEL = 0x08
_DOS_FOLDER = 0x10
# A mode and the text of a link, in an extra field of its own.
_ASI_UNIX = 0x756E


class Attributes(NamedTuple):
    """What a record says of its maker and of the file.

    Attributes:
        system: For which system the attributes are.
        internal: The internal attributes.
        external: The external ones: DOS's in the lowest byte, a Unix mode in the upper half.
        fields: The kinds of its extra fields.
    """

    system: int
    internal: int
    external: int
    fields: frozenset[int]


def check_version(needed: int) -> None:
    """Check which version of the format, and (the upper byte) of which system, a record needs.

    Raises:
        Refused: Info-ZIP's unzip has no such version, and leaves the entry out. What
            is stored or deflated needs 4.5 at most.
    """
    if needed & 0xFF > (42 if needed >> 8 == _VMS else 46):
        raise Refused(Refusal.ZIP_METHOD, "an entry that needs a version of the format that some readers do not have")


def unix_mode(name: bytes, attributes: Attributes) -> int:
    """Return the mode that Unix gave an entry; 0 where no Unix system wrote the record.

    Raises:
        Refused: Some readers take the attributes for something else.
    """
    if attributes.internal & _RESERVED_BIT:
        raise Refused(Refusal.ZIP_ATTRIBUTES, "a reserved bit, for which some readers take all attributes for none")
    mode = attributes.external >> 16
    if mode and attributes.system == _UNIX:
        return mode
    if mode and attributes.system in _LIKE_UNIX:
        raise Refused(Refusal.ZIP_ATTRIBUTES, f"a mode of system {attributes.system}, which some readers take for one of Unix")
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise Refused(Refusal.ZIP_ATTRIBUTES, f"a link or a device of system {attributes.system}, which is a file for some readers")
    if _ASI_UNIX in attributes.fields:
        raise Refused(Refusal.ZIP_ATTRIBUTES, "a mode in an extra field alone, at which few readers look")
    if attributes.external & _DOS_LABEL and attributes.system != _UNIX:
        raise Refused(Refusal.ZIP_ATTRIBUTES, "the label of a disk, which some readers take for a file")
    if attributes.external & _DOS_FOLDER and not name.endswith(b"/"):
        raise Refused(Refusal.ZIP_FOLDER, "a folder's attributes on an entry that is none by its name")
    return 0
