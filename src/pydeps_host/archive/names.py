"""Names that git, or a file system under it, takes for something else."""

import re

# Code points that HFS+ ignores in a name, as git's own check has them.
_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_DOT_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?", re.DOTALL)

# NTFS gives a long name a short one: six letters and a number, or, where those are
# taken, letters of a hash (`gi7eba` for .gitmodules) that give way to a longer number.
_GITMODULES = re.compile(r"(?:\.gitmodules|gitmod~[0-9]+|(?:g(?:i(?:7(?:e(?:ba?)?)?)?)?)?~[0-9]+)[ .]*(?::.*)?", re.DOTALL)
_GITATTRIBUTES = re.compile(r"(?:\.gitattributes|gitatt~[0-9]+|(?:g(?:i(?:7(?:d(?:29?)?)?)?)?)?~[0-9]+)[ .]*(?::.*)?", re.DOTALL)
_LFSCONFIG = re.compile(r"\.lfsconfig[ .]*(?::.*)?", re.DOTALL)

# Microsoft, "Naming Files, Paths, and Namespaces".
_RESERVED = re.compile(
    r'(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:[.:].*)?|.*[<>:"|?*].*|.*[. ]',
    re.IGNORECASE | re.DOTALL,
)


def spells_dot_git(component: str) -> bool:
    """Tell whether some file system takes this component for `.git`.

    HFS+ ignores some code points; NTFS ignores case, trailing dots and spaces and
    whatever follows a colon, and has the short name `git~1`.
    """
    return _DOT_GIT.fullmatch(_plain(component)) is not None


def spells_gitmodules(component: str) -> bool:
    """Tell whether some file system takes this component for `.gitmodules`."""
    return _GITMODULES.fullmatch(_plain(component)) is not None


def spells_gitattributes(component: str) -> bool:
    """Tell whether some file system takes this component for `.gitattributes`."""
    return _GITATTRIBUTES.fullmatch(_plain(component)) is not None


def spells_lfsconfig(component: str) -> bool:
    """Tell whether some file system takes this component for `.lfsconfig`."""
    return _LFSCONFIG.fullmatch(_plain(component)) is not None


def is_reserved(component: str) -> bool:
    """Tell whether Windows cannot have a file of this name, or has another one instead."""
    return _RESERVED.fullmatch(component) is not None


def has_bidirectional(text: str) -> bool:
    """Tell whether the text has characters that reorder it for the eye (Unicode TR36)."""
    return _BIDIRECTIONAL.search(text) is not None


def _plain(component: str) -> str:
    return _HFS_IGNORED.sub("", component).lower()
