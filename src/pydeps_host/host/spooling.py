"""Files on their way: downloaded and verified once, kept until they are published.

A spooled file bears its SHA-256 in its name, so that one which an earlier run
left behind can be verified and used again, whether or not the index tells digests.
"""

import errno
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from packaging.utils import NormalizedName

from pydeps_host.errors import DiskError, disk_errors
from pydeps_host.host.order import Wanted
from pydeps_host.host.tools import Tools
from pydeps_host.repository.disk import beginning_with, is_folder
from pydeps_host.simple_api import Artifact, FetchOptions, File, fetch_file
from pydeps_host.values import Digest

_PIECE = 1 << 20
# Others take an empty spool away once or twice; where it never is there, it leads nowhere.
_TRIES = 20


def spooled(file: File, wanted: Wanted, tools: Tools) -> Artifact:
    """Return a verified copy of a file, downloaded unless an earlier run left one.

    Raises:
        HostError: As `fetch_file`.
    """
    folder = tools.store.spool(wanted.release.name)
    key = _key(file)
    found = _left_behind(folder, key, file, wanted.required)
    if found is not None:
        return found
    options = FetchOptions(
        name=wanted.release.name,
        required=wanted.required,
        limits=tools.config.limits,
        priority=tools.priority,
        deadline=tools.deadline,
        page=wanted.page,
        # It is gone in moments, and what is left of it after a power failure is looked at before it is used.
        durable=False,
    )
    artifact = _fetched(file, key, options, tools)
    final = folder / f"{key}.{artifact.sha256}"
    with disk_errors(final, "renaming to"):
        artifact.path.rename(final)
    return Artifact(final, artifact.filename, artifact.size, artifact.sha256)


def _fetched(file: File, key: str, options: FetchOptions, tools: Tools) -> Artifact:
    """Download a file into its project's spool, which another sync that finds it empty takes away."""
    fetch = partial(fetch_file, file, transport=tools.transport, options=options, observer=tools.tell)
    for _ in range(_TRIES):
        folder = tools.store.spool(options.name)
        try:
            return fetch(folder / key)
        except DiskError as refused:
            if refused.errno != errno.ENOENT or is_folder(folder):
                raise
    return fetch(tools.store.spool(options.name) / key)


def proven(artifact: Artifact, file: File, required: tuple[Digest, ...]) -> frozenset[Digest]:
    """Return which of the required digests a verified file has, as far as neither its page nor its SHA-256 tells.

    Raises:
        DiskError: The file cannot be read.
    """
    told = {"sha256", *(digest.algorithm for digest in file.digests)}
    untold = {digest.algorithm for digest in required} - told
    if not untold:
        return frozenset()
    with disk_errors(artifact.path, "reading"):
        return frozenset(required) & _digests(artifact.path, untold)


def clear_spool(name: NormalizedName, tools: Tools) -> None:
    """Remove what somebody left behind who was killed: files of published versions, and those that nobody came back for.

    Raises:
        ClosedError, DeadlineError: The wait for a version's lock ended.
        StoreError: The repository cannot be read.
    """
    found = tools.store.spooled(name)
    if found is None:
        return
    left = {path.suffix[1:]: path for path in found}
    if left:
        _drop_published(name, left, tools)
    tools.store.drop_stale_spools(name)


def drop(path: Path) -> None:
    """Remove a spooled file that is published or of no use; what cannot be removed goes stale and is removed later."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _drop_published(name: NormalizedName, left: Mapping[str, Path], tools: Tools) -> None:
    """Remove the files of published versions, given by their SHA-256."""
    repository = tools.store.known_repository(name)
    if repository is None:
        return
    for row in repository.rows().values():
        path = left.get(row.sha256 or "")
        if row.is_published and path is not None:
            # Under the lock, so that nobody reads it meanwhile.
            with repository.version_lock(row.text, stop=tools.stop, deadline=tools.deadline):
                drop(path)


def _key(file: File) -> str:
    """Name a file by all that the page says of its bytes."""
    said = [str(file.url), file.filename, file.size, sorted(map(str, file.digests))]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:40]


def _left_behind(folder: Path, key: str, file: File, required: tuple[Digest, ...]) -> Artifact | None:
    if file.digests:
        _name_verified(folder / key)
    else:
        # Only a digest could tell whether a power failure has left all of it.
        drop(folder / key)
    for path in beginning_with(folder, f"{key}."):
        sha256 = path.suffix[1:]
        if sha256 != "part" and _agrees(path, sha256, file, required):
            return Artifact(path, file.filename, path.stat().st_size, sha256)
        drop(path)
    return None


def _name_verified(path: Path) -> None:
    """Put the digest into the name of a file whose writer was killed after it had verified it, and before it could do so."""
    with suppress(OSError):
        (digest,) = _digests(path, {"sha256"})
        path.rename(path.with_name(f"{path.name}.{digest.value}"))


def _agrees(path: Path, sha256: str, file: File, required: tuple[Digest, ...]) -> bool:
    try:
        found = _digests(path, {"sha256", *(digest.algorithm for digest in (*file.digests, *required))})
    except OSError:
        return False
    promised = {Digest("sha256", sha256), *file.digests}
    return promised <= found and (not required or not found.isdisjoint(required))


def _digests(path: Path, algorithms: Iterable[str]) -> set[Digest]:
    hashers = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    with path.open("rb") as opened:
        while data := opened.read(_PIECE):
            for hasher in hashers.values():
                hasher.update(data)
    return {Digest(name, hasher.hexdigest()) for name, hasher in hashers.items()}
