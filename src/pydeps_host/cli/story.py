"""The whole story of a project's plan, for `plan --verbose`."""

from collections.abc import Iterator

from pydeps_host.host import ChoiceReport, ProjectReport
from pydeps_host.values import shown

_FILES_IN_A_LINE = 6


def story(report: ProjectReport) -> Iterator[str]:
    """Yield the lines that tell it: what was asked, what was seen, what is taken and why nothing else is."""
    for tried in report.tried:
        yield f"asked {tried}"
    for choice in report.choices:
        yield from _choice(choice)


def _choice(choice: ChoiceReport) -> Iterator[str]:
    yield f"{shown(choice.dependency)}, at {shown(choice.index)}"
    for version, files in choice.releases:
        first, *rest = map(shown, files)
        fallback = f", else {', else '.join(rest)}" if rest else ""
        yield f"  takes {shown(version)}: {first}{fallback}"
    if choice.cut:
        yield f"  leaves out {choice.cut} more releases that match (versionsPerDependency)"
    for file, reason in choice.set_aside:
        yield f"  sets aside {shown(file)}: {reason}"
    for entry, reason in choice.skipped:
        yield f"  could not read {shown(entry)}: {reason}"
    for reason in sorted({reason for _, reason in choice.others}):
        yield from _not_taken(reason, [shown(file) for file, why in choice.others if why == reason])


def _not_taken(reason: str, files: list[str]) -> Iterator[str]:
    for start in range(0, len(files), _FILES_IN_A_LINE):
        yield f"  does not take, for {reason}: {', '.join(files[start : start + _FILES_IN_A_LINE])}"
