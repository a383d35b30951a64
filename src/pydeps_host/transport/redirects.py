"""Where a redirect leads, and whether we go there: a pure rule.

At most ten, never from https to http, never to another scheme. Credentials go
only to the origin they belong to.
"""

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from pydeps_host.config import Redirects
from pydeps_host.errors import RedirectError
from pydeps_host.transport.values import Headers, Request
from pydeps_host.values import Origin, Url, UrlSyntaxError

_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_MOST: Final = 10


def redirect_target(request: Request, visited: Sequence[Url], status: int, headers: Headers) -> Url | None:
    """Return where this answer sends us, None where it is no redirect (RFC 9110, section 15.4).

    Args:
        request: What was asked for; its origin is the one that credentials belong to.
        visited: Every URL so far, the request's own first; the last one gave the answer.
        status: The answer's status.
        headers: The answer's header fields.

    Raises:
        RedirectError: It is a redirect that is not followed.
    """
    locations = set(headers.get_all("location"))
    if status not in _STATUSES or not locations:
        return None
    current = visited[-1]
    target = _resolve(current, locations)
    at_home = same_origin(request.url.origin, target.origin)
    # User information that the server writes into the target is not ours, and never sent.
    target = evolve(target, credentials=request.url.credentials if at_home else None)
    reason = _objection(request, visited, target, at_home=at_home)
    if reason:
        raise RedirectError(str(current), str(target.without_credentials()), reason)
    return target


def same_origin(home: Origin, target: Origin) -> bool:
    """Tell whether `target` is `home`, or the same host by https where both ports are the default."""
    return target == home or (home, target) == (Origin("http", home.host, 80), Origin("https", home.host, 443))


def _resolve(current: Url, locations: set[str]) -> Url:
    if len(locations) > 1:
        # A traceback shows every variable, and a presigned link is a secret.
        locations.clear()
        raise RedirectError(str(current), "several places", "the server names more than one")
    try:
        return current.join(_text(locations.pop()))
    except UrlSyntaxError as problem:
        raise RedirectError(str(current), "a place that is no URL", str(problem)) from None


def _text(value: str) -> str:
    """Read a field's value as UTF-8 where it is that: `Location` often holds it though it should not."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _objection(request: Request, visited: Sequence[Url], target: Url, *, at_home: bool) -> str:
    if target.scheme not in ("http", "https"):
        return "only http and https are followed"
    if visited[-1].scheme == "https" and target.scheme == "http":
        return "https is never left for http"
    if not at_home and request.redirects is not Redirects.FOLLOW and target.host not in request.allowed_hosts:
        return f"it is another origin; list {target.host} in `allowedHosts`, or set `redirects`, if the index may send pages there"
    if any((one.origin, one.path, one.query) == (target.origin, target.path, target.query) for one in visited):
        return "it is a loop"
    if len(visited) > _MOST:
        return f"it is redirect number {len(visited)}, at most {_MOST} are followed"
    return ""
