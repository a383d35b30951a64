"""Whom TLS trusts, and what it shows of us: files in PEM to contexts of the standard library.

OpenSSL says "PEM lib" to almost everything, and asks at the terminal for a
password that it lacks. So the files are looked at first, and a password is
always answered here.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydeps_host.errors import UsageError
from pydeps_host.transport.environment import Bundle
from pydeps_host.transport.options import ClientCertificate
from pydeps_host.values import shown

if TYPE_CHECKING:
    import ssl

_CERTIFICATE: Final = b"CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
# A chain has a few kilobytes.
_LONGEST: Final = 1024 * 1024


def check(bundle: Bundle | None, client: ClientCertificate | None) -> None:
    """Read the files that are named, so that what is wrong with them is told before anything is asked.

    Raises:
        UsageError: One of them cannot be used; it says which, where it was named, and what to do.
    """
    if bundle is not None:
        context_for(bundle, None)
    if client is not None:
        import ssl

        _show(client, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def context_for(bundle: Bundle | None, client: ClientCertificate | None) -> "ssl.SSLContext":
    """Return a context that trusts a bundle, or else the usual certificates, and shows a client certificate, or none.

    One without a client certificate is shared by all who trust the same: nobody changes it.

    Raises:
        UsageError: A file cannot be used.
    """
    state = None if bundle is None else _state(bundle.path)
    if client is None:
        return _shared(bundle, state)
    context = _trusting(bundle)
    _show(client, context)
    return context


# A hundred authorities take as long to read as twenty answers of an index.
@lru_cache(4)
def _shared(bundle: Bundle | None, _: object) -> "ssl.SSLContext":
    return _trusting(bundle)


def _state(path: Path) -> tuple[int, ...] | None:
    """Return what changes with a file or a folder, None where the system does not tell."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _trusting(bundle: Bundle | None) -> "ssl.SSLContext":
    import ssl

    if bundle is None:
        import httpx

        return httpx.create_ssl_context(trust_env=False)
    folder = bundle.path.is_dir()
    try:
        names = [path.name for path in bundle.path.iterdir()] if folder else []
        context = ssl.create_default_context(**{"capath" if folder else "cafile": str(bundle.path)})  # type: ignore[arg-type]  # By name.
    except OSError as problem:
        message = f"{bundle} holds no certificates that can be read: {problem.strerror or 'not PEM'}"
        raise UsageError(message, "give a file of certificates in PEM") from None
    # OpenSSL finds a folder's certificates by the hash of their subject, and says nothing where it finds none.
    if folder and not any(map(_HASHED.fullmatch, names)):
        raise UsageError(f"{bundle} is a folder without certificates under hashed names", "run `openssl rehash` on it, or give a file")
    return context


def _show(client: ClientCertificate, context: "ssl.SSLContext") -> None:
    key = client.certificate if client.key is None else client.key
    _look(client.certificate, "the client certificate", _CERTIFICATE)
    _look(key, "the client certificate's key", _KEY)
    asked = False

    def password() -> str:
        nonlocal asked
        asked = True
        return "" if client.password is None else client.password.reveal()

    try:
        context.load_cert_chain(client.certificate, key, password)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None)
    else:
        return
    raise _unusable(client, key, reason, asked=asked)


def _unusable(client: ClientCertificate, key: Path, reason: str | None, *, asked: bool) -> UsageError:
    if reason == "KEY_VALUES_MISMATCH":
        message = f"{_named(key)} is not the key of the client certificate {_named(client.certificate)}"
        return UsageError(message, "give the key that the certificate was made for")
    if asked and client.password is None:
        return UsageError(
            f"the key {_named(key)} is encrypted, and no password was given", "give `password`, or a key that is not encrypted"
        )
    if asked:
        return UsageError(f"the key {_named(key)} cannot be decrypted with the password that was given", "correct `password`")
    both = _named(client.certificate) if key == client.certificate else f"{_named(client.certificate)} and its key {_named(key)}"
    return UsageError(f"the client certificate {both} cannot be used: damaged, or of an unknown kind", "give both in PEM")


def _look(path: Path, what: str, mark: bytes) -> None:
    try:
        with path.open("rb") as file:
            found = mark in file.read(_LONGEST)
    except (OSError, ValueError) as problem:
        said = getattr(problem, "strerror", None) or "its path is none"
        raise UsageError(f"{what} {_named(path)} cannot be read: {said}", "correct the path, or the file's permissions") from None
    if found:
        return
    if mark == _KEY:
        raise UsageError(f"{_named(path)} holds no private key in PEM", "name the key's file with `key`, or put both into one file")
    raise UsageError(f"{what} {_named(path)} holds no certificate in PEM", "convert it; `openssl pkcs12` makes PEM of a .p12 or .pfx file")


def _named(path: Path) -> str:
    return shown(str(path))
