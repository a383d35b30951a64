"""What a dependency takes of a project: pure, and the same for any order of the page."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from attrs import evolve, frozen
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pydeps_host.config import Filters, ProjectFilters
from pydeps_host.dependency import Dependency
from pydeps_host.errors import BlockedError, Problem, VersionNotFoundError
from pydeps_host.resolver.candidates import Candidate, Candidates, is_yanked, narrowed, release_of, sort_files, uncontradicted
from pydeps_host.resolver.release import Choice, Release, SetAside
from pydeps_host.simple_api import Project, version_of
from pydeps_host.values import any_of, shown

_NEAR: Final = 5
_NO_FILTERS: Final = Filters()


def choose(project: Project, dependency: Dependency, *, versions_per_dependency: int = 50, filters: Filters = _NO_FILTERS) -> Choice:
    """Choose the releases of `project` that `dependency` asks for.

    A pin takes its one release, pre-release or yanked included. A bare name takes
    the newest final release that is not yanked, a pre-release only where nothing
    else exists. A range takes every matching release, the newest first, at most
    `versions_per_dependency`, no yanked one, pre-releases as PEP 440 says. What
    `filters` keep out is no release to a bare name and to a range.

    Raises:
        BlockedError: The filters keep out the pinned release, or everything that would be taken.
        VersionNotFoundError: No release answers to it, or a pin without a local
            version (PEP 440) answers to several of them.
    """
    return choose_among(sort_files(project), project, dependency, versions_per_dependency=versions_per_dependency, filters=filters)


def choose_among(
    candidates: Candidates, project: Project, dependency: Dependency, *, versions_per_dependency: int, filters: Filters
) -> Choice:
    """Choose as `choose` does, on a page whose files are sorted already: hundreds of dependencies may ask for one project."""
    chooser = _Chooser.of(project, candidates, dependency)
    own = filters.of(project.name)
    if own.are_silent:
        return chooser.choose(versions_per_dependency)
    # A pin that is kept out is blocked, whether or not the index has it.
    pinned = own.reason(dependency.pinned_text) if dependency.pinned_text else None
    if pinned is not None:
        raise BlockedError(str(dependency), pinned)
    return _let_in(chooser, versions_per_dependency, own)


def _let_in(chooser: "_Chooser", most: int, filters: ProjectFilters) -> Choice:
    """Choose among what filters let in, and tell what would be taken without them."""
    reasons = [(release.text, filters.reason(release.text)) for release in chooser.choose(most).releases]
    blocked = tuple((text, reason) for text, reason in reasons if reason is not None)
    try:
        choice = chooser.without(lambda text: filters.reason(text) is not None).choose(most)
    except VersionNotFoundError:
        if not blocked:
            raise
        by = blocked[0][1]
    else:
        return evolve(choice, blocked=blocked)
    raise BlockedError(str(chooser.dependency), by)


@frozen
class _Chooser:
    """One choice under way.

    Attributes:
        project: What there is.
        dependency: What is asked for.
        whole: The candidates of each release, keyed as `Candidates.releases` is.
        found: Those that the required digests allow, of each release that has any.
        set_aside: Every other file.
    """

    project: Project
    dependency: Dependency
    whole: dict[Version | str, tuple[Candidate, ...]]
    found: dict[Version | str, tuple[Candidate, ...]]
    set_aside: tuple[SetAside, ...]

    @classmethod
    def of(cls, project: Project, candidates: Candidates, dependency: Dependency) -> "_Chooser":
        if not dependency.hashes:
            return cls(project, dependency, candidates.releases, candidates.sound, candidates.other + candidates.contradicted)
        found, set_aside = {}, list(candidates.other)
        for key, release in candidates.releases.items():
            kept, refused = narrowed(release, dependency.hashes)
            kept, contradicted = uncontradicted(kept)
            set_aside += (*refused, *contradicted)
            if kept:
                found[key] = kept
        return cls(project, dependency, candidates.releases, found, tuple(set_aside))

    def without(self, is_blocked: Callable[[str], bool]) -> "_Chooser":
        """Return the choice among the releases that are not blocked."""
        blocked = {key for key in self.found if is_blocked(self._release_of(key).text)}
        files = [candidate for key in blocked for candidate in self.found[key]]
        aside = tuple(SetAside(candidate.file.filename, "blocked", candidate.distribution.text) for candidate in files)
        return evolve(self, found={key: files for key, files in self.found.items() if key not in blocked}, set_aside=self.set_aside + aside)

    def choose(self, most: int) -> Choice:
        spelled: tuple[SetAside, ...] = ()
        cut = 0
        if self.dependency.specifier.startswith("==="):
            release, spelled = self._of_text(self.dependency.pinned_text or "")
            releases = [release]
        elif self.dependency.is_pin:
            releases = [self._pinned(Version(self.dependency.pinned_text or ""))]
        elif self.dependency.specifier:
            matching = self._matching()
            releases, cut = [self._release_of(version) for version in matching[:most]], max(0, len(matching) - most)
        else:
            releases = [self._newest()]
        set_aside = tuple(sorted(self.set_aside + spelled, key=lambda one: (one.filename, one.reason)))
        return Choice(tuple(releases), cut, set_aside, (*self.dependency.notices, *self._notices(releases, cut)))

    def _of_text(self, text: str) -> tuple[Release, tuple[SetAside, ...]]:
        """Return the release whose version is that text: as a file spells it, else as it is normalised."""
        wanted = text.lower()
        for spelling in (_spelled, _normalised):
            for key, candidates in self.found.items():
                same = [candidate for candidate in candidates if spelling(candidate) == wanted]
                if same:
                    others = [candidate for candidate in candidates if candidate not in same]
                    aside = tuple(SetAside(one.file.filename, "spelling", one.distribution.text) for one in others)
                    return self._release(key, same), aside
        texts = sorted({candidate.distribution.text for candidates in self.found.values() for candidate in candidates})
        raise self._missing(self._why_not(text), get_close_matches(text, texts, _NEAR, cutoff=0.3))

    def _pinned(self, wanted: Version) -> Release:
        """Return the release of an equal version; for one without a local part, else the only local one (PEP 440)."""
        if wanted in self.found:
            return self._release_of(wanted)
        local = [] if wanted.local else [version for version in self._versions() if version.local and Version(version.public) == wanted]
        if len(local) > 1:
            listed = [str(version) for version in local]
            raise self._missing("only local versions of it are there, and there are several: pin one of them", listed)
        if local:
            return self._release_of(local[0])
        raise self._missing(self._why_not(str(wanted)), _nearest(wanted, self._versions()))

    def _matching(self) -> list[Version]:
        """Return every version in the range that is not yanked, the newest first."""
        specifiers = SpecifierSet(self.dependency.specifier)
        inside = [version for version in self._versions() if specifiers.contains(version, prereleases=True)]
        offered = [version for version in inside if not is_yanked(self.whole[version])]
        if not offered:
            reason = "every release in this range is yanked" if inside else "no release is in this range"
            raise self._missing(reason, [str(version) for version in inside or self._versions()])
        # PEP 440: a pre-release where a specifier names one, or where nothing else satisfies the range.
        return offered if specifiers.prereleases else _finals(offered) or offered

    def _newest(self) -> Release:
        offered = [version for version in self._versions() if not is_yanked(self.whole[version])]
        if not offered:
            reason = "every release is yanked" if self._versions() else self._why_nothing()
            raise self._missing(reason, [str(version) for version in self._versions()] or sorted(map(str, self.found)))
        return self._release_of((_finals(offered) or offered)[0])

    def _versions(self) -> list[Version]:
        """Every version that PEP 440 knows, the newest first."""
        return sorted((key for key in self.found if isinstance(key, Version)), reverse=True)

    def _release_of(self, key: Version | str) -> Release:
        return self._release(key, self.found[key])

    def _release(self, key: Version | str, candidates: Iterable[Candidate]) -> Release:
        release = release_of(self.project.name, candidates, self.dependency.hashes)
        if not is_yanked(self.whole[key]):
            return release
        reason = next((file.yanked_reason for file in release.candidates if file.yanked_reason), None)
        return evolve(release, yanked=True, yanked_reason=reason)

    def _why_not(self, text: str) -> str:
        """Say why a version is not there: it may have files that cannot be taken."""
        wanted = _key(text)
        in_name = re.compile(rf"-{re.escape(text)}(?!\.?[0-9])", re.IGNORECASE)
        unusable = [one for one in self.set_aside if one.text and _key(one.text) == wanted]
        unusable += [one for one in self.set_aside if not one.text and in_name.search(one.filename)]
        if unusable:
            listed = ", ".join(f"{shown(one.filename)} ({one.reason}{': ' if one.detail else ''}{one.detail})" for one in unusable[:_NEAR])
            required = f"; required is {any_of(self.dependency.hashes)}" if any(one.reason == "digest" for one in unusable) else ""
            return f"none of its files can be taken: {listed}{required}"
        return "there is no such release" if self.found else self._why_nothing()

    def _why_nothing(self) -> str:
        if self.found:
            return "no release has a version that PEP 440 knows: pin one by === and its text"
        if not self.set_aside:
            return "the project has no files"
        listed = ", ".join(f"{shown(one.filename)} ({one.reason})" for one in self.set_aside[:_NEAR])
        return f"none of the project's files can be taken: {listed}"

    def _missing(self, reason: str, near: Sequence[str]) -> VersionNotFoundError:
        return VersionNotFoundError(str(self.dependency), str(self.project.url), reason, tuple(near[:_NEAR]))

    def _notices(self, releases: list[Release], cut: int) -> Iterable[Problem]:
        place = shown(str(self.dependency))
        if cut:
            message = f"{cut} more releases match, the newest {len(releases)} are taken"
            yield Problem(place, message, "raise `versionsPerDependency`, or narrow the range")
        for one in self.set_aside:
            if one.reason == "contradiction":
                message = f"the page tells two digests or two sizes of {shown(one.filename)}, which is not taken"
                yield Problem(place, message, "ask whoever runs the index which one is right, or require a digest with --hash")
        for release in releases:
            if release.yanked:
                why = f": {shown(release.yanked_reason)}" if release.yanked_reason else ""
                yield Problem(place, f"{shown(release.text)} is yanked{why}", "choose another release if the reason concerns you")
        first = releases[0].version
        if first is not None and first.is_prerelease and not self.dependency.is_pin:
            yield Problem(place, f"{first} is a pre-release", "")
        if self.project.status in {"archived", "deprecated"}:
            why = f": {shown(self.project.status_reason)}" if self.project.status_reason else ""
            yield Problem(place, f"the project is {self.project.status}{why}", "")


def _spelled(candidate: Candidate) -> str:
    return candidate.distribution.text.lower()


def _normalised(candidate: Candidate) -> str:
    distribution = candidate.distribution
    return distribution.text.lower() if distribution.version is None else str(distribution.version)


def _key(text: str) -> Version | str:
    return version_of(text) or text.lower()


def _finals(versions: list[Version]) -> list[Version]:
    return [version for version in versions if not version.is_prerelease]


def _nearest(wanted: Version, newest_first: list[Version]) -> list[str]:
    """Return a few versions around one that is not there, the nearest first."""
    oldest_first = newest_first[::-1]
    at = bisect_left(oldest_first, wanted)
    above, below = oldest_first[at:], oldest_first[:at][::-1]
    pairs = [version for pair in zip(above, below, strict=False) for version in pair]
    shorter = min(len(above), len(below))
    return [str(version) for version in (*pairs, *above[shorter:], *below[shorter:])[:_NEAR]]
