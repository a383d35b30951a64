"""What several rooms speak of, and what does nothing.

Everything here is a frozen value or a pure function: no input, no output, no
state, no waiting.
"""

from pydeps_host.values.artifact import Artifact
from pydeps_host.values.author import AUTHOR_EMAIL, AUTHOR_NAME
from pydeps_host.values.digest import Digest, any_of
from pydeps_host.values.limits import Limits, Policy
from pydeps_host.values.noted import NotedMember
from pydeps_host.values.outcome import Outcome, Tried
from pydeps_host.values.text import escape, shown, unescape
from pydeps_host.values.url import Credentials, Origin, Secret, Url, UrlSyntaxError

__all__ = [
    "AUTHOR_EMAIL",
    "AUTHOR_NAME",
    "Artifact",
    "Credentials",
    "Digest",
    "Limits",
    "NotedMember",
    "Origin",
    "Outcome",
    "Policy",
    "Secret",
    "Tried",
    "Url",
    "UrlSyntaxError",
    "any_of",
    "escape",
    "shown",
    "unescape",
]
