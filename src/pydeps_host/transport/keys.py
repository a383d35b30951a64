"""Which credentials go with a request.

They are bound to scheme, host and port, and where several indexes share these,
to the longest path that the URL lies below. What stands in URLs comes first;
a netrc file and the keyring are asked only where the options say so, and only
for the origins of the indexes and for https at its own port: both know hosts
alone, and whoever has another port of the host need not be its owner.
"""

import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

from pydeps_host.errors import UsageError
from pydeps_host.transport.options import TransportOptions
from pydeps_host.transport.redirects import same_origin
from pydeps_host.values import Credentials, Origin, Secret, Url, shown


class Keys:
    """The credentials that a transport knows; safe to share between threads."""

    def __init__(self, indexes: Sequence[Url], options: TransportOptions) -> None:
        """Read the netrc file, if one is named; the keyring is asked with the first request that needs it.

        Raises:
            UsageError: The file cannot be read, or the keyring's library is not there.
        """
        self._indexes = tuple(indexes)
        self._netrc = {} if options.netrc is None else _read(options.netrc)
        self._uses_keyring = options.keyring
        if options.keyring and find_spec("keyring") is None:
            raise UsageError("the keyring is asked for, and its library is not installed", "pip install 'pydeps-host[keyring]'")
        self._lock = threading.Lock()
        self._found: dict[tuple[Origin, str, str], Credentials | None] = {}

    def of(self, url: Url) -> Credentials | None:
        """Return what this URL is asked with, None for nothing.

        Raises:
            UsageError: The keyring cannot be asked.
        """
        index = self._index(url)
        known = {one.credentials for one in self._indexes}
        own = url.credentials
        # A link inherits what its page was asked with; below another index of the same origin, that one's count.
        if index is not None and (own is None or own in known):
            own = index.credentials
        if own is not None and own.password is not None:
            return own
        return self._looked_up(url, index, own) or own

    def _index(self, url: Url) -> Url | None:
        """Return the index with the longest path that the URL lies below."""
        # A server resolves dot segments, so that the path says nothing of what it lies below.
        if not {".", ".."}.isdisjoint(unquote(url.path).split("/")):
            return None
        above = [one for one in self._indexes if same_origin(one.origin, url.origin) and _is_below(url.path, one.path)]
        return max(above, key=lambda one: len(one.path.rstrip("/")), default=None)

    def _looked_up(self, url: Url, index: Url | None, own: Credentials | None) -> Credentials | None:
        origin = url.origin
        if not (origin.scheme == "https" and origin.port == 443) and not any(same_origin(one.origin, origin) for one in self._indexes):
            return None
        username = own.username.reveal() if own is not None else ""
        found = self._netrc.get(origin.host)
        if found is not None and username in ("", found.username.reveal()):
            return found
        return self._from_keyring(origin, index, username) if self._uses_keyring else None

    def _from_keyring(self, origin: Origin, index: Url | None, username: str) -> Credentials | None:
        services = [] if index is None else [str(index.without_credentials()).removesuffix("?…")]
        services.append(str(origin).partition("://")[2])
        # One at a time: a keyring may have to ask a person, and once is enough.
        with self._lock:
            key = (origin, services[0], username)
            if key not in self._found:
                self._found[key] = next(filter(None, (_asked(service, username) for service in services)), None)
            return self._found[key]


def _is_below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


def _asked(service: str, username: str) -> Credentials | None:
    import keyring

    try:
        found = keyring.get_credential(service, username or None)
    except Exception as raised:  # noqa: BLE001  # A backend is somebody else's program, and may raise anything.
        problem = type(raised).__name__
    else:
        return None if found is None or not found.password else _credentials(found.username or username, found.password)
    # Not `from`: what a backend says may hold what it was asked for.
    raise UsageError(f"the keyring cannot be asked: {shown(problem)}", "unlock it, or leave `keyring` out")


def _read(path: Path) -> Mapping[str, Credentials]:
    """Return the entries of a netrc file by host; `default` is left out, it would go to anybody."""
    import netrc

    try:
        hosts = netrc.netrc(str(path)).hosts
    except OSError as problem:
        said = problem.strerror or "it is none"
    except (netrc.NetrcParseError, UnicodeError) as problem:
        said = f"line {problem.lineno} cannot be read" if isinstance(problem, netrc.NetrcParseError) else "it is not UTF-8"
    else:
        entries = [(host.lower(), login, password) for host, (login, _, password) in hosts.items()]
        return {host: _credentials(login, password) for host, login, password in entries if host != "default" and password}
    raise UsageError(f"the netrc file {shown(str(path))} cannot be used: {said}", "correct it, or leave `netrc` out")


def _credentials(username: str, password: str) -> Credentials:
    return Credentials(Secret(username, label=username), Secret(password))
