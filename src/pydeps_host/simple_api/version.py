"""The API version that a page declares (PEP 629, PEP 691)."""

import re

from pydeps_host.errors import PageError
from pydeps_host.values import Url, shown

_VERSION = re.compile(r"([0-9]{1,9})(?:\.[0-9]{1,9})*+")


def check_version(declared: str | None, page: Url) -> str:
    """Return the page's API version, `1.0` where it declares none.

    A client must fail for a major version greater than it expects, and may warn
    for a greater minor one (PEP 629). A text that is no version says nothing;
    one without a minor number tells the major one all the same.

    Raises:
        PageError: `unsupported-version`.
    """
    found = _VERSION.fullmatch(declared.strip()) if declared else None
    if found is None:
        return "1.0"
    if int(found[1]) != 1:
        detail = f"API version {shown(found[0])}, this version of pydeps-host reads 1.x"
        raise PageError(str(page), "unsupported-version", detail)
    return found[0]
