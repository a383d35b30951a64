"""Which files can stand for a release, and in which order (*Which file* of the behaviour)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final

from attrs import evolve, frozen
from packaging.utils import NormalizedName
from packaging.version import Version

from pydeps_host.resolver.release import Release, SetAside
from pydeps_host.simple_api import SDIST_SUFFIXES, Distribution, File, Kind, Project, read_filename
from pydeps_host.values import Digest, any_of

_PURE: Final = "none-any"
_PUREST: Final = ("py3", "py2.py3")


@frozen
class Candidate:
    """A file that can stand for a release, and what its name says."""

    file: File
    distribution: Distribution


@frozen
class Candidates:
    """A page's files, sorted into releases.

    Attributes:
        releases: The candidates of each release, keyed by version, or by text where PEP 440
            knows no such version; `1.0` and `1.0.0` are one.
        other: Every other file, in order of their names.
        sound: The candidates less those of which the page contradicts itself, of each release that has any.
        contradicted: Those.
    """

    releases: dict[Version | str, tuple[Candidate, ...]]
    other: tuple[SetAside, ...]
    sound: dict[Version | str, tuple[Candidate, ...]]
    contradicted: tuple[SetAside, ...]


def sort_files(project: Project) -> Candidates:
    """Sort a page's files into releases; what the page's order is does not matter."""
    found: dict[Version | str, list[Candidate]] = defaultdict(list)
    other = []
    each_once = len({file.filename for file in project.files}) == len(project.files)
    for file in sorted(project.files, key=attrgetter("filename")) if each_once else _in_order(project.files):
        said = read_filename(file.filename, project.name)
        if not isinstance(said, Distribution):
            other.append(SetAside(file.filename, said.value))
        else:
            found[said.version if said.version is not None else said.text].append(Candidate(file, said))
    releases = {key: tuple(candidates) for key, candidates in found.items()}
    if each_once and not any(file.contradicts_itself for file in project.files):
        # Nothing contradicts anything: no release has to be looked at for that.
        return Candidates(releases, tuple(other), releases, ())
    checked = {key: uncontradicted(candidates) for key, candidates in releases.items()}
    return Candidates(
        releases,
        tuple(other),
        {key: sound for key, (sound, _) in checked.items() if sound},
        tuple(one for _, contradicted in checked.values() for one in contradicted),
    )


def narrowed(candidates: Iterable[Candidate], required: tuple[Digest, ...]) -> tuple[tuple[Candidate, ...], tuple[SetAside, ...]]:
    """Keep the candidates whose digests allow them, and set the others aside.

    A file is allowed by one required digest that it has, and refused by digests of
    the required algorithms none of which it has. Of a file without a digest of
    those algorithms the page says nothing: it is kept, and checked when it is there.
    """
    kept, refused = [], []
    algorithms = {digest.algorithm for digest in required}
    for candidate in candidates:
        digests = candidate.file.digests
        told = any(digest.algorithm in algorithms for digest in digests)
        if told and digests.isdisjoint(required):
            told_are = any_of([digest for digest in digests if digest.algorithm in algorithms])
            refused.append(SetAside(candidate.file.filename, "digest", candidate.distribution.text, f"the index has {told_are}"))
        else:
            kept.append(candidate)
    return tuple(kept), tuple(refused)


def uncontradicted(candidates: tuple[Candidate, ...]) -> tuple[tuple[Candidate, ...], tuple[SetAside, ...]]:
    """Set aside the files of which the page tells two digests of one algorithm, or two sizes.

    One of the two is wrong, and which one is not for us to guess. What one entry
    tells of a file holds for every entry of that name.
    """
    by_name: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_name[candidate.file.filename].append(candidate)
    kept: list[Candidate] = []
    refused = []
    for filename, same in by_name.items():
        joined = _joined(same)
        if joined is None:
            refused.append(SetAside(filename, "contradiction", same[0].distribution.text))
        else:
            kept += joined
    return tuple(kept), tuple(refused)


def release_of(name: NormalizedName, candidates: Iterable[Candidate], required: tuple[Digest, ...] = ()) -> Release:
    """Make a release of its candidates, put in order of preference."""
    ordered = _ordered(candidates, required)
    best = ordered[0].distribution
    text = best.text if best.version is None else str(best.version)
    return Release(name, text, best.version, tuple(candidate.file for candidate in ordered), required=required)


def is_yanked(candidates: Iterable[Candidate]) -> bool:
    """Whether a release is yanked: when all its files are (PEP 592)."""
    return all(candidate.file.yanked for candidate in candidates)


def yanked_releases(project: Project) -> dict[Version | str, bool]:
    """Return whether each release of a page is yanked, keyed as `Candidates.releases` is."""
    return {key: is_yanked(candidates) for key, candidates in sort_files(project).releases.items()}


def _ordered(candidates: Iterable[Candidate], required: tuple[Digest, ...]) -> list[Candidate]:
    """Order by preference; a file that has a required digest before one that does not say."""
    groups: dict[tuple[int, ...], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        unsure = int(bool(required) and candidate.file.digests.isdisjoint(required))
        groups[unsure, int(candidate.file.yanked), *_rank(candidate.distribution)].append(candidate)
    return [candidate for rank in sorted(groups) for candidate in _smallest_first(groups[rank])]


def _rank(distribution: Distribution) -> tuple[int, int]:
    """A source distribution before a wheel; a format before the next; the purest wheel first."""
    if distribution.kind is Kind.SDIST:
        return 0, SDIST_SUFFIXES.index(distribution.suffix)
    python, abi, platform = distribution.tags
    if f"{abi}-{platform}" == _PURE:
        return 1, _PUREST.index(python) if python in _PUREST else len(_PUREST)
    # Without an ABI of its own a wheel holds at most programs; `abi3` is one for many Pythons.
    return 1, len(_PUREST) + {"none": 1, "abi3": 2}.get(abi, 3)


def _smallest_first(candidates: list[Candidate]) -> list[Candidate]:
    """Order files of one rank by size where all tell one; by name they are in order already."""
    if any(candidate.file.size is None for candidate in candidates):
        return candidates
    return sorted(candidates, key=attrgetter("file.size"))


def _joined(same: list[Candidate]) -> list[Candidate] | None:
    """Return the entries of one name, each with the digests of all; None where they contradict one another or themselves."""
    if len(same) == 1:
        return None if same[0].file.contradicts_itself else same
    digests = frozenset().union(*(one.file.digests for one in same))
    sizes = {one.file.size for one in same} - {None}
    if len(sizes) > 1 or len({digest.algorithm for digest in digests}) < len(digests):
        return None
    return [evolve(one, file=evolve(one.file, digests=digests)) for one in same]


def _in_order(files: Iterable[File]) -> Iterator[File]:
    """Yield files in an order that owes nothing to the page's, each that is listed twice once."""
    by_name: dict[str, list[File]] = defaultdict(list)
    for file in files:
        by_name[file.filename].append(file)
    for filename in sorted(by_name):
        same = by_name[filename]
        # Two entries of one name that differ are rare, and dear to compare.
        yield from same if len(same) == 1 else sorted(set(same), key=_identity)


def _identity(file: File) -> tuple[str, ...]:
    return (file.url.reveal(), *map(str, sorted(file.digests)), repr(evolve(file, digests=frozenset(), core_metadata=None)))
