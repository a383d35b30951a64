"""Mistakes that a type checker finds: each `ignore` is needed, for one that is not fails the check."""

from pathlib import Path

from pydeps_host import (
    Budget,
    Dependency,
    Event,
    Host,
    HostConfig,
    Index,
    Limiter,
    Limits,
    Observer,
    ProjectReport,
    RateLimit,
    Redirects,
    Repository,
    Request,
    Response,
    Store,
    Transport,
    Url,
    parse_project,
)

url = Url.parse("https://packages.example.com/simple")
config = HostConfig.load("host.jsonc")
store = Store("code")

# A name that is not there.
from pydeps_host import Hots  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnusedImport]  # noqa: E402, F401

# A text where a value belongs, and the other way round.
Index("https://packages.example.com/simple")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Dependency.parse(b"flask")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Index(url, redirects="follow")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Repository.open(b"code/python/flask.git")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Host("host.jsonc", store)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
HostConfig.from_mapping([url])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
HostConfig((url,))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# By position what is given by name, and what is missing.
Index(url, "internal", ["acme-*"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Limits(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Budget(57600)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Request(url)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
parse_project(b"", url=url, name="numpy")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# A frozen value is not changed.
config.id = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
RateLimit().enabled = False  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
url.host = "example.com"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


# What may be absent is asked for first.
def folder(report: ProjectReport) -> Path:
    return report.repository  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


# A plug has the method, takes one object by position, and returns what is promised.
class Silent:
    def send(self, request: Request, /) -> None: ...


class Talkative:
    def send(self, url: Url, headers: dict[str, str]) -> Response:
        raise NotImplementedError


class Impatient:
    def wait(self) -> float:
        return 0


def no_observer(event: Event, project: str) -> None: ...


silent: Transport = Silent()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
talkative: Transport = Talkative()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
impatient: Limiter = Impatient()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
observer: Observer = no_observer  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


# Every case of an enumeration is known.
def word(redirects: Redirects) -> str:  # type: ignore[return]  # pyright: ignore[reportReturnType]
    match redirects:  # pyright: ignore[reportMatchNotExhaustive]
        case Redirects.REFUSE:
            return "refuse"
        case Redirects.ABSENT:
            return "absent"
