"""Why an archive is refused, an entry skipped, or an entry flagged.

The values are stable: the journal keeps them, and `docs/reason-codes.md` says
what each means and what to do about it.
"""

from enum import StrEnum
from typing import Self


class Refusal(StrEnum):
    """Why an archive is refused whole: two readers could read it differently, or a limit was passed."""

    FORMAT_UNKNOWN = "format-unknown"
    TRUNCATED = "truncated"
    STREAM_MALFORMED = "stream-malformed"
    STREAM_TRAILING = "stream-trailing-data"

    LIMIT_UNPACKED = "limit-unpacked"
    LIMIT_ENTRIES = "limit-entries"
    LIMIT_FOLDERS = "limit-folders"
    LIMIT_PATH = "limit-path"
    LIMIT_COMPONENT = "limit-component"
    LIMIT_DEPTH = "limit-depth"
    LIMIT_PATHS = "limit-paths"
    LIMIT_HEADER = "limit-header"
    LIMIT_MEMBERS = "limit-compressed-members"
    LIMIT_MEMORY = "limit-memory"
    LIMIT_SECONDS = "limit-seconds"

    NAME_EMPTY = "name-empty"
    NAME_NUL = "name-nul"
    NAME_TRAILING_SLASH = "name-trailing-slash"

    TAR_CHECKSUM = "tar-checksum"
    TAR_FIELD = "tar-field"
    TAR_DIALECT = "tar-dialect"
    TAR_TYPE = "tar-type"
    TAR_SPARSE = "tar-sparse"
    TAR_PAYLOAD = "tar-payload"
    TAR_NAMES_DISAGREE = "tar-names-disagree"
    TAR_SIZES_DISAGREE = "tar-sizes-disagree"
    TAR_EXTENSION_ORDER = "tar-extension-order"
    TAR_LONG_NAME = "tar-long-name"
    TAR_END_MISSING = "tar-end-missing"
    TAR_TRAILING = "tar-trailing-data"
    PAX_RECORD = "pax-record"
    PAX_DUPLICATE = "pax-duplicate"
    PAX_CHARSET = "pax-charset"
    PAX_GLOBAL = "pax-global"

    ZIP_END = "zip-end"
    ZIP_SECOND_END = "zip-second-end"
    ZIP_DISKS = "zip-disks"
    ZIP_ZIP64 = "zip-zip64"
    ZIP_DIRECTORY = "zip-directory"
    ZIP_GAP = "zip-gap"
    ZIP_OVERLAP = "zip-overlap"
    ZIP_HEADERS_DISAGREE = "zip-headers-disagree"
    ZIP_DESCRIPTOR = "zip-descriptor"
    ZIP_EXTRA = "zip-extra"
    ZIP_UNICODE_PATH = "zip-unicode-path"
    ZIP_ENCRYPTED = "zip-encrypted"
    ZIP_FLAGS = "zip-flags"
    ZIP_METHOD = "zip-method"
    ZIP_COMMENT = "zip-comment"
    ZIP_CHECKSUM = "zip-checksum"
    ZIP_SIZE = "zip-size"
    ZIP_DUPLICATE = "zip-duplicate-name"
    ZIP_FOLDER = "zip-folder"
    ZIP_ATTRIBUTES = "zip-attributes"
    ZIP_NAME_VERSION = "zip-name-version"

    DUPLICATE = "duplicate-path"
    FILE_AND_FOLDER = "file-and-folder"
    LINK_AND_FOLDER = "link-and-folder"


class _Told(StrEnum):
    """A code that has a message: what was seen, in a few words."""

    message: str

    # The default is for type checkers: a member that is looked up by its code has its message.
    def __new__(cls, code: str, message: str = "") -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.message = message
        return member


class SkipReason(_Told):
    """Why one entry is left out while the rest of its archive is taken."""

    ABSOLUTE = "absolute-path", "an absolute name"
    DOT_DOT = "dot-dot", "`..` in the name"
    BACKSLASH = "backslash", "a backslash in the name"
    CONTROL = "control-character", "a control character in the name"
    NOT_UTF8 = "not-utf-8", "a name that is not UTF-8"
    NO_UTF8_FLAG = "no-utf-8-flag", "a name beyond ASCII without the flag that says its encoding"
    DOT_GIT = "dot-git", "a name that some file system takes for .git"
    LFSCONFIG = "lfsconfig", "a name that git-lfs takes for its configuration"
    GITMODULES = "gitmodules", "a .gitmodules that git fsck may object to"
    GITATTRIBUTES = "gitattributes", "a .gitattributes that git fsck objects to"
    DEVICE = "device", "a device, a FIFO or a socket"
    TOO_LARGE = "file-too-large", "a file over the limit fileBytes"

    LINK_EMPTY = "link-empty", "a symlink without a target"
    LINK_TOO_LONG = "link-too-long", "a symlink to more than 4,095 bytes"
    LINK_ABSOLUTE = "link-absolute", "a symlink to an absolute path"
    LINK_TEXT = "link-text", "a symlink to a text that some systems read otherwise"
    LINK_DOT_GIT = "link-dot-git", "a symlink with a spelling of .git in its target"
    LINK_LEAVES = "link-leaves-tree", "a symlink that leads out of the tree"
    LINK_CLIMBS = "link-climbs-after-link", "a symlink that climbs after another link"
    LINK_LOOP = "link-loop", "a symlink that leads in circles"
    HARD_LINK_MISSING = "hard-link-target-missing", "a hard link to what no file before it was kept for"
    HARD_LINK_KIND = "hard-link-to-link", "a hard link to a symlink"


class FlagReason(_Told):
    """What a person should know of an entry that is kept."""

    RESERVED_NAME = "reserved-name", "a name that Windows reserves"
    BIDIRECTIONAL = "bidirectional-characters", "characters in the name that reorder text for the eye"
    CASE_COLLISION = "case-collision", "a path that some file systems take for another one"
    DUPLICATE = "duplicate-kept-once", "the same path again with the same content"


class Refused(Exception):  # noqa: N818 - it never leaves this room: `ArchiveError` does, with the archive's name.
    """An archive is refused; the reader that knows the file's name makes an `ArchiveError` of it.

    Attributes:
        reason: Which rule.
        detail: What was seen.
        entry: The path at fault as the archive has it, or None.
        offset: Where, in bytes from the start of the (inflated) archive, or None.
    """

    def __init__(self, reason: Refusal, detail: str, entry: bytes | None = None, offset: int | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.entry = entry
        self.offset = offset

    def at(self, entry: bytes | None, offset: int | None) -> "Refused":
        """Fill in the place where whoever raised this did not know it."""
        self.entry = self.entry if self.entry is not None else entry
        self.offset = self.offset if self.offset is not None else offset
        return self
