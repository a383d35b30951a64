"""What is known of one version: a row of the journal."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from attrs import evolve, field, frozen

from pydeps_host.values import Digest, NotedMember

SKIPPED_PATHS: Final = 1000

_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=24)


class Status(StrEnum):
    """What became of a version; the value is what the journal holds."""

    PUBLISHED = "published"
    REFUSED = "refused"
    FAILED = "failed"
    REMOVED = "removed"


@frozen
class VersionTag:
    """A tag of a version.

    Attributes:
        name: Its name without `refs/tags/`.
        id: The annotated tag object's id, in hexadecimal.
    """

    name: str
    id: str


@frozen
class RowError:
    """Why a version is not there.

    Attributes:
        type: The class of the error.
        code: The error's stable name for programs.
        message: What it says.
        retryable: Whether trying again can help with nothing changed.
    """

    type: str
    code: str
    message: str
    retryable: bool = False


def _first(skips: tuple[NotedMember, ...]) -> tuple[NotedMember, ...]:
    return skips[:SKIPPED_PATHS]


@frozen
class VersionRow:
    """What is known of one version. Texts are as they came; the journal escapes them.

    Attributes:
        text: The version, normalised where PEP 440 knows it. One row a text.
        status: What became of it.
        index: The name of the index that it came from.
        filename: The file that was taken, or that failed.
        size: The file's size in bytes.
        sha256: The file's SHA-256 in hexadecimal, trusted from then on.
        digests: What the index promised, and what an entry required and the file has.
        upload_time: When the index says that it was uploaded (UTC).
        date: The commit's date, in whole seconds since 1970 (UTC): chosen once.
        policy: The text of the policy that made the tree; of a refused one, of all limits too.
        yanked: Whether the index withdrew it.
        commit: The commit's id in hexadecimal; None where there never was one.
        tree: The id of the commit's root folder; None where there is no commit, and in journals that did not tell it.
        modules: The modules that it provides, dotted; None in journals that did not tell them.
        tags: Its tags, its own first; other spellings after it.
        skipped: How many members were skipped, as (reason, count).
        skips: The first 1,000 of them.
        set_aside: Other files that came into question, as (filename, reason).
        error: Why it is refused or failed.
        attempts: How often in a row it failed.
        retry_after: When trying a failed one again makes sense (UTC).
    """

    text: str
    status: Status = field(converter=Status)
    index: str = field(default="", kw_only=True)
    filename: str = field(default="", kw_only=True)
    size: int | None = field(default=None, kw_only=True)
    sha256: str | None = field(default=None, kw_only=True)
    digests: tuple[Digest, ...] = field(default=(), kw_only=True)
    upload_time: datetime | None = field(default=None, kw_only=True)
    date: int | None = field(default=None, kw_only=True)
    policy: str = field(default="", kw_only=True)
    yanked: bool = field(default=False, kw_only=True)
    commit: str | None = field(default=None, kw_only=True)
    tree: str | None = field(default=None, kw_only=True)
    modules: tuple[str, ...] | None = field(default=None, kw_only=True)
    tags: tuple[VersionTag, ...] = field(default=(), kw_only=True)
    skipped: tuple[tuple[str, int], ...] = field(default=(), kw_only=True)
    skips: tuple[NotedMember, ...] = field(default=(), converter=_first, kw_only=True)
    set_aside: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    error: RowError | None = field(default=None, kw_only=True)
    attempts: int = field(default=0, kw_only=True)
    retry_after: datetime | None = field(default=None, kw_only=True)

    @property
    def is_published(self) -> bool:
        """Whether the version has its tags."""
        return self.status is Status.PUBLISHED

    def is_due(self, now: datetime) -> bool:
        """Whether a failed version may be tried again; `now` is aware of its time zone.

        A rest that ends later than any could was noted while the clock was ahead, and is none.
        """
        return self.retry_after is None or not now < self.retry_after <= now + _LONGEST_PAUSE

    def failed(self, error: RowError, *, now: datetime) -> "VersionRow":
        """Return the row after one more failure, with the next try put off."""
        attempts = self.attempts + 1
        retry_after = now + backoff(attempts)
        return evolve(self, status=Status.FAILED, error=error, attempts=attempts, retry_after=retry_after)


def backoff(attempts: int) -> timedelta:
    """Return how long a version rests after its n-th failure in a row: a minute, doubled each time, a day at most."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (min(attempts, 12) - 1)) if attempts > 0 else timedelta()
