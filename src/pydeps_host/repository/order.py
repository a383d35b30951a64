"""Which version is newer, and which one a bare name chooses."""

from collections.abc import Iterable

from packaging.version import Version

from pydeps_host.repository.rows import VersionRow

_OLDEST = Version("0.dev0")


def newest_first(texts: Iterable[str]) -> tuple[str, ...]:
    """Sort versions as PEP 440 orders them, newest first; texts that it does not know come last, by text."""
    return tuple(sorted(texts, key=_age, reverse=True))


def oldest_first(texts: Iterable[str]) -> tuple[str, ...]:
    """Sort versions as PEP 440 orders them, oldest first, and equal ones by text; texts that it does not know are left out."""
    known = [(version, text) for text in texts if (version := _parsed(text)) is not None]
    return tuple(text for _, text in sorted(known))


def latest_version(published: Iterable[VersionRow]) -> str | None:
    """Return the version that the bare name would choose, or None among none.

    The newest final release that is not yanked; else the newest pre-release
    that is not; else the newest yanked one. Texts that PEP 440 does not know
    come after everything that it knows.
    """
    best = max(published, key=_preference, default=None)
    return None if best is None else best.text


def _age(text: str) -> tuple[bool, Version, str]:
    version = _parsed(text)
    return version is not None, version or _OLDEST, text


def _preference(row: VersionRow) -> tuple[bool, bool, bool, tuple[bool, Version, str]]:
    version = _parsed(row.text)
    final = version is not None and not version.is_prerelease
    # Among yanked ones only age counts.
    return version is not None, not row.yanked, final and not row.yanked, _age(row.text)


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
