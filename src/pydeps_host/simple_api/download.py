"""One file, downloaded and verified."""

import contextlib
import hashlib
import os
import stat
import time
from io import FileIO
from pathlib import Path
from typing import Final

from attrs import field, frozen

from pydeps_host.errors import (
    AccessError,
    ClientCertificateError,
    DeadlineError,
    DigestError,
    FileGoneError,
    RateLimitedError,
    TooLargeError,
    TruncatedError,
    UnavailableError,
    disk_errors,
)
from pydeps_host.events import DownloadAdvanced, DownloadFinished, DownloadStarted, Observer, ignore
from pydeps_host.limiter import Priority
from pydeps_host.simple_api.folder import path_of
from pydeps_host.simple_api.project import File
from pydeps_host.transport import Request, Response, Transport
from pydeps_host.values import Artifact, Digest, Limits, Outcome, Url, any_of

_TOLD_EVERY: Final = 256 * 1024
# What comes in small pieces is digested and written so many bytes at a time: for each of them a thread that
# computes beside has to be asked to make way.
_AT_ONCE: Final = 512 * 1024
_PIECE: Final = 1024 * 1024


@frozen(kw_only=True)
class FetchOptions:
    """What a download may and must.

    Attributes:
        name: The project, for events.
        required: One of these digests is required besides those of the page; empty for none.
        limits: `artifact_bytes` is enforced.
        priority: Who goes first where requests wait.
        deadline: When to give up, in seconds of `time.monotonic()`, or None.
        page: The page that lists the file; its server must be one that may lead to where the file is.
        durable: Whether the file's bytes are on the disk before it has its name. Who looks at its digest again before using
            it may do without: after a power failure the bytes of a file that has its name may be missing.
    """

    name: str = ""
    required: tuple[Digest, ...] = ()
    limits: Limits = field(factory=Limits)
    priority: Priority = Priority.BULK
    deadline: float | None = None
    page: Url | None = None
    durable: bool = True


def fetch_file(
    file: File, into: Path, *, transport: Transport, options: FetchOptions | None = None, observer: Observer = ignore
) -> Artifact:
    """Download a file to `<into>.part`, verify it, and rename it to `into`.

    A download that breaks off goes on where it did, if the server can do that
    for certain; the digests are those of the whole in any case. A file of a
    folder index is copied, without a request. Whatever goes wrong, nothing is
    left behind.

    Raises:
        TooLargeError: Larger than `limits.artifact_bytes`; a size that the page gives is checked before the request.
        FileGoneError: It is not where the page says.
        AccessError: The server refused it, or the proxy did.
        CertificateError: TLS does not vouch for the server.
        RateLimitedError: The server still limits the rate, after every attempt.
        UnavailableError: The server did not answer as it should, after every attempt.
        DigestError: Its size or one of its digests is not the promised one, or none is a required one.
        TruncatedError: It is shorter than promised, though the server's answer was whole.
        AddressError: It is where its page's server must not lead to.
        DeadlineError: The time ran out.
        ClosedError: The transport was closed.
        DiskError: The disk is full, or refuses to be written or read.
    """
    options = options if options is not None else FetchOptions()
    if file.size is not None and file.size > options.limits.artifact_bytes:
        raise TooLargeError(file.filename, "artifact_bytes", options.limits.artifact_bytes, file.size)
    part = into.with_name(f"{into.name}.part")
    observer(DownloadStarted(options.name, file.filename, file.size))
    spool = None
    try:
        with disk_errors(part, "writing"):
            # Not buffered: closing would write what is left, and fail once more on a full disk.
            output = part.open("wb", buffering=0)
        with disk_errors(part, "closing"), output:
            spool = _Spool(output, file, options, observer)
            sha256 = _fetched(file, spool, transport, options)
            if options.durable:
                with disk_errors(part, "writing"):
                    os.fsync(output.fileno())
        with disk_errors(part, "renaming"):
            part.replace(into)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        observer(DownloadFinished(options.name, file.filename, spool.received if spool else 0, verified=False))
        raise
    observer(DownloadFinished(options.name, file.filename, spool.received, verified=True))
    return Artifact(into, file.filename, spool.received, sha256)


class _Spool:
    """Takes a file's bytes as they come: writes, counts and digests them."""

    def __init__(self, output: FileIO, file: File, options: FetchOptions, observer: Observer) -> None:
        self._output = output
        self._part = Path(os.fsdecode(output.name))
        self._file = file
        self._options = options
        self._observer = observer
        self.restart()

    def restart(self) -> None:
        """Forget what came: another attempt begins."""
        with disk_errors(self._part, "writing"):
            self._output.seek(0)
            self._output.truncate()
        promised = {*self._file.digests, *self._options.required}
        algorithms = {digest.algorithm for digest in promised} | {"sha256"}
        self._hashers = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(algorithms)}
        self._kept = bytearray()
        self.received = 0
        self._told = 0

    def write(self, data: bytes, /) -> None:
        """Take the next bytes."""
        self.received += len(data)
        if self._file.size is not None and self.received > self._file.size:
            raise DigestError(str(self._file.url), f"{self._file.size} bytes", "more")
        if self.received > self._options.limits.artifact_bytes:
            raise TooLargeError(self._file.filename, "artifact_bytes", self._options.limits.artifact_bytes)
        if not self._kept and len(data) >= _AT_ONCE:
            self._take(data)
        else:
            self._kept += data
            if len(self._kept) >= _AT_ONCE:
                self._take_kept()
        if self.received - self._told >= _TOLD_EVERY:
            self._told = self.received
            self._observer(DownloadAdvanced(self._options.name, self._file.filename, self.received))

    def _take_kept(self) -> None:
        data, self._kept = self._kept, bytearray()
        self._take(data)

    def _take(self, data: bytes | bytearray) -> None:
        for hasher in self._hashers.values():
            hasher.update(data)
        view = memoryview(data)
        with disk_errors(self._part, "writing"):
            while view:
                view = view[self._output.write(view) :]

    def verified(self) -> str:
        """Return the SHA-256 of what came.

        Raises:
            DigestError: It is not what was promised.
            TruncatedError: It is shorter than that.
        """
        self._take_kept()
        url = str(self._file.url)
        if self._file.size is not None and self.received != self._file.size:
            raise TruncatedError(url, f"{self._file.size} bytes", f"{self.received} bytes (cut short)")
        actual = {name: Digest(name, hasher.hexdigest()) for name, hasher in self._hashers.items()}
        for digest in sorted(self._file.digests):
            if actual[digest.algorithm] != digest:
                raise DigestError(url, str(digest), str(actual[digest.algorithm]))
        required = self._options.required
        if required and not any(actual[digest.algorithm] == digest for digest in required):
            raise DigestError(url, any_of(required), str(actual[required[0].algorithm]))
        return actual["sha256"].value


def _fetched(file: File, spool: _Spool, transport: Transport, options: FetchOptions) -> str:
    """Fill the spool, and return the SHA-256 of what was promised."""
    if file.url.scheme == "file":
        _copy(file, spool, options)
        return spool.verified()
    if _download(file, spool, transport, options):
        # Parts of two files can meet where a server's validator is not what it should be.
        with contextlib.suppress(DigestError):
            return spool.verified()
        _download(file, spool, transport, options)
    return spool.verified()


def _download(file: File, spool: _Spool, transport: Transport, options: FetchOptions) -> bool:
    """Download it, and tell whether it came in parts."""
    response = transport.send(
        Request(
            file.url,
            max_bytes=options.limits.artifact_bytes,
            max_bytes_name="artifact_bytes",
            into=spool,
            priority=options.priority,
            deadline=options.deadline,
            linked_from=options.page,
        )
    )
    if response.status != 200:
        _refuse(file, response)
    return response.resumed


def _refuse(file: File, response: Response) -> None:
    """Raise what a status other than 200 means for a file."""
    url, status = str(file.url), response.status
    if status == 407:
        raise AccessError(url, status, Outcome.PROXY_AUTHENTICATION_REQUIRED.remedy)
    if response.wants_client_certificate:
        remedy = Outcome.CLIENT_CERTIFICATE_REQUIRED.remedy
        raise ClientCertificateError(url, status, remedy, "the server wants a client certificate, or does not take the one it was shown")
    if status in {401, 403}:
        raise AccessError(url, status, "put credentials for this host into the index's URL, or ask for permission")
    if status == 429:
        raise RateLimitedError(url, response.retry_at, response.attempts)
    if 400 <= status < 500 and status not in {408, 425}:
        raise FileGoneError(url, status)
    raise UnavailableError(url, f"status {status}", status, response.attempts)


def _copy(file: File, spool: _Spool, options: FetchOptions) -> None:
    """Copy a file of a folder index; what is no regular file (any more) is not opened to the end."""
    path = path_of(file.url)
    with disk_errors(path, "reading"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FileGoneError(str(file.url), None) from None
    with os.fdopen(descriptor, "rb") as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileGoneError(str(file.url), None)
        while True:
            if options.deadline is not None and time.monotonic() > options.deadline:
                raise DeadlineError(f"copying {file.filename}")
            with disk_errors(path, "reading"):
                data = source.read(_PIECE)
            if not data:
                return
            spool.write(data)
