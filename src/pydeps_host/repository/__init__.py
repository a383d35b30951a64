"""One bare git repository of a project's versions.

References are one `packed-refs` file, written whole. Beside them a journal says
where every version came from, and who wants it. What is ready is published in
batches, under a lock; reading needs none. The files are described in
`docs/format.md`.
"""

from pydeps_host.repository.batch import Batch
from pydeps_host.repository.damage import Damage
from pydeps_host.repository.disk import Disk
from pydeps_host.repository.journal import JournalLine
from pydeps_host.repository.layout import FORMAT
from pydeps_host.repository.locks import Patience, locked
from pydeps_host.repository.maintenance import Maintained, Upkeep
from pydeps_host.repository.merge import Conflict
from pydeps_host.repository.order import latest_version, newest_first
from pydeps_host.repository.publishing import Change
from pydeps_host.repository.references import HISTORY, LATEST, TAGS, Ref
from pydeps_host.repository.repository import Repository
from pydeps_host.repository.rows import RowError, Status, VersionRow, VersionTag, backoff
from pydeps_host.repository.state import Claims, State
from pydeps_host.repository.superseding import KEEP_SUPERSEDED, LONGEST_KEPT
from pydeps_host.repository.verifying import verify_repository

__all__ = [
    "FORMAT",
    "HISTORY",
    "KEEP_SUPERSEDED",
    "LATEST",
    "LONGEST_KEPT",
    "TAGS",
    "Batch",
    "Change",
    "Claims",
    "Conflict",
    "Damage",
    "Disk",
    "JournalLine",
    "Maintained",
    "Patience",
    "Ref",
    "Repository",
    "RowError",
    "State",
    "Status",
    "Upkeep",
    "VersionRow",
    "VersionTag",
    "backoff",
    "latest_version",
    "locked",
    "newest_first",
    "verify_repository",
]
