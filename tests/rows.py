"""Rows of the journal, for tests that publish by hand."""

from pydeps_host.git import ObjectId
from pydeps_host.repository import Status, VersionRow, VersionTag


def published(text: str, *, date: int, tree: ObjectId, commit: ObjectId, tag: ObjectId) -> VersionRow:
    """The row of a version whose objects are written already, with its usual tag."""
    return VersionRow(text, Status.PUBLISHED, date=date, commit=commit.hex(), tree=tree.hex(), tags=(VersionTag(f"v{text}", tag.hex()),))
