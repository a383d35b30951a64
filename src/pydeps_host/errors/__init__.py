"""The one tree of errors.

Each branch answers one question that a caller asks:

| branch | question |
|---|---|
| `InputError` | is it my input? |
| `MissingError` | is it not there? |
| `AccessError` | may I not see it? |
| `TemporaryError` | shall I try again later? |
| `UntrustedError` | did the other side lie, or send what cannot be trusted? |
| `StoreError` | is my disk in order? |

Every error carries its facts as plain fields, in the order in which it is made,
survives pickling, and shows no secret: a URL in it is the text that
`str(Url)` gives. The message is made of the fields when it is asked for.
"""

from pydeps_host.errors.access import AccessError, ClientCertificateError, ProjectAccessError, ProxyAccessError
from pydeps_host.errors.frames import forget_locals
from pydeps_host.errors.input import BlockedError, ConfigError, DependencyError, InputError, LockfileError, Problem, UsageError
from pydeps_host.errors.missing import FileGoneError, MissingError, NotStoredError, ProjectNotFoundError, VersionNotFoundError
from pydeps_host.errors.root import HostError
from pydeps_host.errors.store import DamagedError, DiskError, FormatError, LockedError, StoreError, disk_errors
from pydeps_host.errors.temporary import (
    BackoffError,
    ClosedError,
    DeadlineError,
    ProjectUnavailableError,
    RateLimitedError,
    TemporaryError,
    UnavailableError,
    WorkerDiedError,
)
from pydeps_host.errors.untrusted import (
    AddressError,
    ArchiveError,
    CertificateError,
    ChangedError,
    DigestError,
    NoCandidateError,
    OwnerChangedError,
    PageError,
    ProjectPageError,
    RedirectError,
    RefusedBeforeError,
    TooLargeError,
    TruncatedError,
    UntrustedError,
)

__all__ = [
    "AccessError",
    "AddressError",
    "ArchiveError",
    "BackoffError",
    "BlockedError",
    "CertificateError",
    "ChangedError",
    "ClientCertificateError",
    "ClosedError",
    "ConfigError",
    "DamagedError",
    "DeadlineError",
    "DependencyError",
    "DigestError",
    "DiskError",
    "FileGoneError",
    "FormatError",
    "HostError",
    "InputError",
    "LockedError",
    "LockfileError",
    "MissingError",
    "NoCandidateError",
    "NotStoredError",
    "OwnerChangedError",
    "PageError",
    "Problem",
    "ProjectAccessError",
    "ProjectNotFoundError",
    "ProjectPageError",
    "ProjectUnavailableError",
    "ProxyAccessError",
    "RateLimitedError",
    "RedirectError",
    "RefusedBeforeError",
    "StoreError",
    "TemporaryError",
    "TooLargeError",
    "TruncatedError",
    "UnavailableError",
    "UntrustedError",
    "UsageError",
    "VersionNotFoundError",
    "WorkerDiedError",
    "disk_errors",
    "forget_locals",
]
