"""One release, from its candidates to a row of the journal."""

from collections.abc import Callable
from datetime import UTC, datetime

from attrs import evolve, frozen

from pydeps_host.errors import (
    AccessError,
    AddressError,
    ArchiveError,
    BackoffError,
    CertificateError,
    ClosedError,
    DeadlineError,
    DigestError,
    FileGoneError,
    HostError,
    NoCandidateError,
    PageError,
    RedirectError,
    RefusedBeforeError,
    TemporaryError,
    TooLargeError,
)
from pydeps_host.events import VersionFinished
from pydeps_host.git import parse_id
from pydeps_host.host.order import Wanted
from pydeps_host.host.spooling import drop, proven, spooled
from pydeps_host.host.tools import Tools
from pydeps_host.materializer import Subject, write_tag
from pydeps_host.processes.task import Done, Task, carry_out
from pydeps_host.repository import Batch, RowError, Status, VersionRow, VersionTag
from pydeps_host.simple_api import Artifact, File
from pydeps_host.values import Digest

# What makes it the next candidate's turn; anything else says nothing about the file.
_GIVES_WAY = (FileGoneError, DigestError, AddressError, RedirectError, PageError, TooLargeError, ArchiveError)
# What stays true of the same bytes under the same limits. All else can be mended where the file lies, and its page does not show it.
_LASTS = (TooLargeError, ArchiveError)


@frozen
class Made:
    """What became of one release.

    Attributes:
        row: What the journal will say.
        error: Why there is no commit, or None.
        artifact: The spooled file, to be removed once the row is published, or None.
    """

    row: VersionRow
    error: HostError | None = None
    artifact: Artifact | None = None


@frozen
class Means:
    """How files are had, and where commits are made of them.

    Attributes:
        fetch: Returns a verified file, as `spooled` does.
        carry_out: Carries out a task, as the function of that name does.
    """

    fetch: Callable[[File, Wanted], Artifact]
    carry_out: Callable[[Task], Done]

    @classmethod
    def here(cls, batch: Batch, tools: Tools) -> "Means":
        """Download when a file is needed, and write into a batch's own pack."""
        return cls(lambda file, wanted: spooled(file, wanted, tools), lambda task: carry_out(task, batch.pack))


def standing_refusal(wanted: Wanted, row: VersionRow | None, tools: Tools) -> HostError | None:
    """Return why a release is not even tried, or None.

    What was refused is not downloaded again until its files, the policy or a
    limit change; what failed more than once rests for a while.
    """
    if row is None or row.error is None:
        return None
    what = f"{wanted.release.name} {wanted.release.text}"
    if row.status is Status.REFUSED and row.policy == tools.policy.refusal_text and _are_the_same(wanted, row):
        return RefusedBeforeError(what, row.error.message)
    if row.status is Status.FAILED and row.attempts > 1 and row.retry_after is not None and not row.is_due(datetime.now(UTC)):
        return BackoffError(what, row.retry_after, row.error.message)
    return None


def make(wanted: Wanted, recorded: VersionRow | None, means: Means, tools: Tools) -> Made:
    """Bring one release into a batch's packs, from the first of its files that can be used.

    Raises:
        ClosedError, DeadlineError: The work was interrupted; nothing is recorded.
        StoreError: The disk is not in order; nothing is recorded.
    """
    release = wanted.release
    row = VersionRow(release.text, Status.FAILED, index=wanted.index, yanked=release.yanked, policy=tools.policy.text)
    refused: list[tuple[str, HostError]] = []
    for file in release.candidates:
        tools.check(f"bringing {release.name} {release.text}")
        row = evolve(row, filename=file.filename, set_aside=tuple((name, str(problem)) for name, problem in refused))
        try:
            made = _made_of(file, row, (wanted, recorded), means=means, tools=tools)
        except _GIVES_WAY as problem:
            refused.append((file.filename, problem))
        except (ClosedError, DeadlineError):
            raise
        except (TemporaryError, AccessError, CertificateError) as problem:
            made = Made(_failed(row, recorded, problem), problem)
            break
        else:
            break
    else:
        made = _refused(row, (wanted, recorded), refused, tools)
    tools.tell(VersionFinished(release.name, release.text, made.row.commit, str(made.error) if made.error else None))
    return made


def with_tags(row: VersionRow, wanted: Wanted, batch: Batch) -> VersionRow:
    """Return a published row with all the tags that are wanted, after writing those that are missing."""
    have = {tag.name for tag in row.tags}
    missing = [name for name in wanted.tags if name not in have]
    if not missing or row.commit is None or row.date is None:
        return row
    commit = parse_id(row.commit)
    added = tuple(VersionTag(name, write_tag(wanted.release, (commit, row.date), tag=name, into=batch.pack).hex()) for name in missing)
    return evolve(row, tags=row.tags + added)


def _made_of(file: File, row: VersionRow, about: tuple[Wanted, VersionRow | None], *, means: Means, tools: Tools) -> Made:
    """Bring a release from one of its files."""
    wanted, recorded = about
    artifact = means.fetch(file, wanted)
    task = Task(
        subject=Subject.of(wanted.release, artifact.filename),
        artifact=artifact,
        policy=tools.policy,
        date=_recorded_date(recorded, artifact),
        tags=wanted.tags,
    )
    try:
        done = means.carry_out(task)
    except ArchiveError:
        drop(artifact.path)
        raise
    made = done.made
    row = evolve(
        row,
        status=Status.PUBLISHED,
        size=artifact.size,
        sha256=artifact.sha256,
        digests=tuple(sorted(file.digests | proven(artifact, file, wanted.required))),
        upload_time=file.upload_time,
        date=made.date,
        commit=made.commit.hex(),
        tree=made.tree.hex(),
        modules=made.modules,
        tags=tuple(VersionTag(name, id_) for name, id_ in done.tags),
        skipped=made.skipped,
        skips=made.skips,
    )
    return Made(row, artifact=artifact)


def _recorded_date(recorded: VersionRow | None, artifact: Artifact) -> int | None:
    """Return the date that was chosen for these bytes before, or None."""
    if recorded is None or recorded.commit is None or recorded.sha256 != artifact.sha256:
        return None
    return recorded.date


def _failed(row: VersionRow, recorded: VersionRow | None, problem: HostError) -> VersionRow:
    before = recorded.attempts if recorded is not None and recorded.status is Status.FAILED else 0
    return evolve(row, attempts=before).failed(_row_error(problem), now=datetime.now(UTC))


def _refused(row: VersionRow, about: tuple[Wanted, VersionRow | None], refused: list[tuple[str, HostError]], tools: Tools) -> Made:
    """Say that none of the files will do: for good, unless one of them may be mended."""
    wanted, recorded = about
    name, text = wanted.release.name, wanted.release.text
    causes = tuple((filename, str(problem)) for filename, problem in refused)
    # A lone file's own error says more than an error about all files.
    error = refused[0][1] if len(refused) == 1 else NoCandidateError(name, text, causes)
    if not all(isinstance(problem, _LASTS) for _, problem in refused):
        return Made(_failed(row, recorded, error), error)
    refusal = evolve(row, status=Status.REFUSED, policy=tools.policy.refusal_text, digests=_fingerprint(wanted), error=_row_error(error))
    return Made(refusal, error)


def _are_the_same(wanted: Wanted, row: VersionRow) -> bool:
    """Whether the files of a release are those that were refused, by names and digests."""
    tried = {row.filename, *(filename for filename, _ in row.set_aside)}
    # A row that has a commit keeps the names of the files that it was made of.
    same_names = row.commit is not None or tried == {file.filename for file in wanted.release.candidates}
    return same_names and row.digests == _fingerprint(wanted)


def _fingerprint(wanted: Wanted) -> tuple[Digest, ...]:
    """Return what tells the files of a release from others: all of their digests."""
    return tuple(sorted({digest for file in wanted.release.candidates for digest in file.digests}))


def _row_error(problem: HostError) -> RowError:
    return RowError(type(problem).__name__, problem.code, str(problem), problem.retryable)
