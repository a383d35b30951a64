"""What the journal knows of a version, as a report tells it."""

from collections.abc import Iterable, Mapping, Sequence

from pydeps_host.dependency import tag_of
from pydeps_host.errors import DigestError, HostError
from pydeps_host.host.order import Entry, Wanted
from pydeps_host.host.reports import ChoiceReport, Status, VersionReport
from pydeps_host.repository import Status as RowStatus
from pydeps_host.repository import VersionRow
from pydeps_host.resolver import Located
from pydeps_host.simple_api import File
from pydeps_host.values import Digest, any_of, shown


def row_report(row: VersionRow, status: Status, error: HostError | None = None) -> VersionReport:
    """Tell a row of the journal."""
    return VersionReport(
        version=row.text,
        status=status,
        tag=tag_of(row.text),
        commit=row.commit,
        file=row.filename,
        sha256=row.sha256,
        skipped=row.skipped,
        skips=row.skips,
        set_aside=row.set_aside,
        error=error,
    )


def failed_report(wanted: Wanted, error: HostError) -> VersionReport:
    """Tell a release that was not even tried."""
    file = wanted.release.candidates[0].filename if wanted.release.candidates else None
    return VersionReport(version=wanted.release.text, status=Status.FAILED, tag=wanted.tags[0], file=file, error=error)


def missed_report(entry: Entry, problem: HostError) -> VersionReport:
    """Tell an entry that chose nothing."""
    asked, tag = _asked(entry)
    return VersionReport(version=asked, status=Status.FAILED, tag=tag, error=problem)


def blocked_reports(entries: Iterable[tuple[Entry, str]], located: Iterable[Located] = ()) -> tuple[VersionReport, ...]:
    """Tell what the filters keep out, each version once.

    Args:
        entries: Entries that take nothing for that reason, each with what keeps it out.
        located: What other entries take, which tells what they would take besides.
    """
    told = {asked: (tag, by) for entry, by in entries for asked, tag in [_asked(entry)]}
    told |= {text: (tag_of(text), by) for one in located for text, by in one.choice.blocked}
    return tuple(VersionReport(version=text, status=Status.BLOCKED, tag=tag, blocked_by=by) for text, (tag, by) in told.items())


def _asked(entry: Entry) -> tuple[str, str]:
    """Return what an entry asks for, in place of a version, and the tag that it would have; empty for none."""
    pinned = entry.dependency.pinned_text
    return pinned or entry.dependency.specifier or "*", tag_of(pinned.removeprefix("v")) if pinned else ""


def choice_report(entry: Entry, located: Located) -> ChoiceReport:
    """Tell how an entry's releases were chosen, and what became of every file of the page."""
    choice, project = located.choice, located.found.project
    releases = tuple((release.text, tuple(file.filename for file in release.candidates)) for release in choice.releases)
    told = {file for _, files in releases for file in files} | {one.filename for one in choice.set_aside}
    return ChoiceReport(
        dependency=entry.text,
        index=located.found.index.name,
        releases=releases,
        cut=choice.cut,
        set_aside=tuple((one.filename, one.reason) for one in choice.set_aside),
        others=tuple(sorted((file.filename, _why_not(file)) for file in project.files if file.filename not in told)),
        skipped=tuple((one.text, one.reason) for one in project.skipped),
    )


def _why_not(file: File) -> str:
    return "yanked" if file.yanked else "other-release"


def removed_reports(before: set[str], rows: Mapping[str, VersionRow]) -> list[VersionReport]:
    """Tell the versions that lost their tags."""
    return [row_report(row, Status.REMOVED) for text, row in rows.items() if text in before and row.status is RowStatus.REMOVED]


def _known(row: VersionRow) -> set[Digest]:
    return {*row.digests, *([Digest("sha256", row.sha256)] if row.sha256 is not None else [])}


def has_other_bytes(file: File, row: VersionRow) -> bool:
    """Whether what the page says of a file now speaks against the bytes that were taken."""
    if file.size is not None and row.size is not None and file.size != row.size:
        return True
    known = _known(row)
    algorithms = {digest.algorithm for digest in known}
    return any(digest.algorithm in algorithms and digest not in known for digest in file.digests)


def bytes_notice(row: VersionRow) -> str:
    """Tell that the index has other bytes under the name of a file that was taken."""
    return f"{shown(row.text)}: the bytes of {shown(row.filename or '')} changed at the index since they were taken; the tag stays"


def required_differs(wanted: Wanted, row: VersionRow) -> DigestError | None:
    """Say so where none of the digests that an entry requires is that of the file that was taken."""
    if not wanted.required or not _known(row).isdisjoint(wanted.required):
        return None
    return DigestError(f"{wanted.release.name} {row.filename}", any_of(wanted.required), f"sha256:{row.sha256}")


def changes_since(wanted: Wanted, row: VersionRow) -> tuple[str, ...]:
    """Tell what the index has now and did not have when the version was made: reported, never taken."""
    told = []
    files: Sequence[File] = wanted.release.candidates
    if files and files[0].filename not in {row.filename, *(name for name, _ in row.set_aside)}:
        better = shown(files[0].filename)
        told.append(f"{shown(row.text)} was made of {shown(row.filename)}; the index now has {better}, which is not taken")
    if any(file.filename == row.filename and has_other_bytes(file, row) for file in files):
        told.append(bytes_notice(row))
    return tuple(told)
