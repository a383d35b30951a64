"""Strict zip and tar readers that yield members, and the policy for paths and trees.

Nothing is ever written to disk. An archive that two readers could read
differently is refused whole (`ArchiveError`); an unsafe entry is skipped and
recorded; both with a stable code.
"""

from pydeps_host.archive.layout import layout
from pydeps_host.archive.reader import ArchiveReader, is_readable, read_archive
from pydeps_host.archive.reasons import FlagReason, Refusal, SkipReason
from pydeps_host.archive.values import Entry, Flag, Kind, Layout, Member, Skip

__all__ = [
    "ArchiveReader",
    "Entry",
    "Flag",
    "FlagReason",
    "Kind",
    "Layout",
    "Member",
    "Refusal",
    "Skip",
    "SkipReason",
    "is_readable",
    "layout",
    "read_archive",
]
