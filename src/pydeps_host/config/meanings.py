"""What each key of a configuration means, in the words of docs/configuration.md."""

from typing import Any, Final

from attrs import frozen

from pydeps_host.config.filters import Filters
from pydeps_host.config.model import HostConfig, Index, OnDemand, RateLimit
from pydeps_host.values import Limits


@frozen
class Meaning:
    """What a reader is told about a key.

    Attributes:
        text: One or more sentences, or a phrase that ends as one; backticks around code.
        examples: Values as they may stand in a configuration.
    """

    text: str
    examples: tuple[Any, ...] = ()


# A test holds them equal to the tables of docs/configuration.md, and complete.
MEANINGS: Final[dict[type, dict[str, Meaning]]] = {
    HostConfig: {
        "urls": Meaning(
            "The indexes, in the order in which they are tried; one at least.",
            (["https://user:${INDEX_PASSWORD}@packages.example.com/simple", "https://mirror.example.org/simple"],),
        ),
        "dependencies": Meaning(
            "What to bring: a list of texts such as `numpy==1.22.3`, `flask`, `django>=4.2,<5`; `null` means none. Equal ones are one.",
            (["numpy==1.22.3", "flask", "django>=4.2,<5"],),
        ),
        "rateLimit": Meaning("The budget of requests.", ({"enabled": True, "requestsPerHour": 57600}, {"enabled": False})),
        "id": Meaning("Whose claims these are, where several configurations share a store."),
        "versionsPerDependency": Meaning("The most releases that a range such as `>=4.2` brings, the newest first; 1 at least."),
        "versionFallthrough": Meaning("Whether a version that the owner of a project lacks is asked of the URLs after it."),
        "limits": Meaning("Bounds on pages and archives.", ({"artifactBytes": 1_073_741_824, "artifactSeconds": 600},)),
        "filters": Meaning(
            "Which projects and versions are let in, and which are kept out.", ({"allow": ["acme-*", "numpy"], "block": ["*==*rc*"]},)
        ),
        "onDemand": Meaning("What `Host.ensure` brings, and how much of it is kept.", ({"allow": ["*"], "maxVersions": 500},)),
        "lockfiles": Meaning(
            "Lock files whose dependencies are brought, folders in which they are looked for, and revisions of git repositories"
            " (`repo.git@main`). A relative path is relative to the folder of the configuration.",
            (["../app/uv.lock", "../services", "/srv/git/app.git@main"],),
        ),
        "$schema": Meaning("For editors; ignored."),
    },
    Index: {
        "url": Meaning(
            "The URL of a simple repository API: `https://`, `http://`, or `file:///` and the absolute path of a folder.",
            ("https://user:${INDEX_PASSWORD}@packages.example.com/simple", "file:///srv/index"),
        ),
        "name": Meaning(
            "Identifies the index in the journal, so that a mirror that moved stays the same index. Two indexes do not share one.",
            ("internal",),
        ),
        "projects": Meaning(
            "Patterns of project names that are asked for here and nowhere else. `*` stands for any characters, `?` for one;"
            " names are normalised before they are compared, so `Acme_*` is `acme-*`.",
            (["acme-*"],),
        ),
        "absentStatus": Meaning(
            "More HTTP statuses that mean *this index does not have it*, from 400 to 499. Not 408 and 429, and none of the server's own"
            " failures: an index that stumbles must not choose where code comes from.",
            ([403],),
        ),
        "emptyIsAbsent": Meaning("Whether a page without files means absent."),
        "redirects": Meaning(
            'What a project\'s page that is redirected to another origin means: `"refuse"`, `"absent"` or `"follow"`.',
        ),
        "allowedHosts": Meaning("Other hosts that pages may redirect to, without scheme and port.", (["files.example.com"],)),
    },
    RateLimit: {
        "enabled": Meaning("Whether there is a limit."),
        "requestsPerHour": Meaning(
            "The average that holds; a burst of 100 requests may be spent at once. A finite number, not negative, and above 0 while"
            " the limit is enabled.",
            (57600,),
        ),
    },
    Filters: {
        "allow": Meaning(
            "What is let in: patterns of projects and of their versions. Nothing else is taken where it is set; an empty list is a"
            " problem.",
            (["acme-*", "numpy>=1.26"],),
        ),
        "block": Meaning("What is kept out, whatever `allow` says.", (["left-pad", "numpy==1.26.*", "*==*rc*"],)),
    },
    OnDemand: {
        "allow": Meaning(
            "Patterns of the names of projects that are brought so, as in `projects` of an index; an empty list brings nothing.",
            (["acme-*", "numpy"],),
        ),
        "maxVersions": Meaning("How many versions are kept for those who asked; the least recently asked goes first. 1 at least.", (500,)),
    },
    Limits: {
        "pageBytes": Meaning("An index page, after its one layer of gzip."),
        "pageFiles": Meaning("Files on one page."),
        "pageTokens": Meaning("`{`, `[` and `,` in a JSON page, `<` in an HTML page, counted before it is parsed."),
        "artifactBytes": Meaning("A distribution as downloaded."),
        "artifactSeconds": Meaning("Reading one artifact, in seconds."),
        "unpackedBytes": Meaning("Everything that one artifact unpacks to: of a tar file all of it, of a zip file its content."),
        "ratio": Meaning("Unpacked bytes for each byte of the artifact, once `ratioFreeBytes` are passed."),
        "ratioFreeBytes": Meaning("What may be unpacked whatever the ratio."),
        "fileBytes": Meaning("A member that is larger is skipped and recorded."),
        "entries": Meaning("Members of one artifact."),
        "folders": Meaning("Folders of one artifact, those that are only implied by a path among them."),
        "pathBytes": Meaning("One member's path."),
        "componentBytes": Meaning("One component of a path."),
        "pathDepth": Meaning("Components of a path."),
        "pathsBytes": Meaning("All paths of one artifact together."),
        "compressedMembers": Meaning("Compressed members of one file: gzip members, bzip2 or xz streams."),
        "xzMemoryBytes": Meaning("What the xz decoder may take."),
    },
}
