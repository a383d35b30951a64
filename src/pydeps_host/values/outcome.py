"""What became of asking one URL for a project."""

from datetime import datetime
from enum import Enum

from attrs import frozen

from pydeps_host.values.text import shown
from pydeps_host.values.url import Url


class Outcome(Enum):
    """The answer of one URL, by name; the value is what reports and JSON carry.

    Only `ABSENT` lets the next URL be asked: whoever can make a private index
    stumble must not choose where the code comes from.
    """

    FOUND = "found"
    ABSENT = "absent"
    EMPTY = "empty"
    QUARANTINED = "quarantined"
    AUTHENTICATION_REQUIRED = "authentication-required"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    NOT_AN_INDEX = "not-an-index"
    UNSUPPORTED_VERSION = "unsupported-version"
    MALFORMED = "malformed"
    REDIRECT_REFUSED = "redirect-refused"
    ADDRESS_REFUSED = "address-refused"
    UNTRUSTED_CERTIFICATE = "untrusted-certificate"
    CLIENT_CERTIFICATE_REQUIRED = "client-certificate-required"
    PROXY_AUTHENTICATION_REQUIRED = "proxy-authentication-required"
    NOT_ASKED = "not-asked"

    @property
    def remedy(self) -> str:
        """What the person who reads the outcome can do; empty where nothing is wrong."""
        return _REMEDIES.get(self, "")


_REMEDIES = {
    Outcome.ABSENT: "check the project's name, or add the index that has it",
    Outcome.EMPTY: "the name is reserved or its files are hidden: check the account's permission on the index",
    Outcome.QUARANTINED: "the index has withdrawn the project: look for its notice before you use the code",
    Outcome.AUTHENTICATION_REQUIRED: "put a user name and password into the URL, or correct them",
    Outcome.FORBIDDEN: "ask for permission on the index, or list 403 in `absentStatus` if it means absent there",
    Outcome.RATE_LIMITED: "try again later, or lower `requestsPerHour`",
    Outcome.UNAVAILABLE: "try again later, and check the index, the proxy and the network",
    Outcome.NOT_AN_INDEX: "check that the URL is a simple repository API (it often ends in /simple) and needs no login page",
    Outcome.UNSUPPORTED_VERSION: "upgrade pydeps-host: the index speaks a newer major version of the API",
    Outcome.MALFORMED: "report the page to whoever runs the index",
    Outcome.UNTRUSTED_CERTIFICATE: (
        "name a file of the authority's certificates with `ca_bundle`, --ca-bundle or SSL_CERT_FILE; "
        "if it is trusted, check the host's name and the clocks"
    ),
    Outcome.CLIENT_CERTIFICATE_REQUIRED: "name a certificate that the server takes with `client_certificate` or --client-cert",
    Outcome.PROXY_AUTHENTICATION_REQUIRED: "put the proxy's user name and password into its URL, or correct them",
    Outcome.ADDRESS_REFUSED: "tell whoever runs the index: a server on the internet must not lead into your network",
    Outcome.REDIRECT_REFUSED: "list the host in `allowedHosts`, or set `redirects`, if the index may send pages there",
}


@frozen
class Tried:
    """One URL that was asked for a project.

    Attributes:
        url: The project's page at that index.
        outcome: What the answer means.
        detail: What was seen, in a few words; from outside, so escaped already.
        status: The HTTP status, or None where no answer came (or none was asked for).
        until: When the server said that asking again makes sense (UTC), or None.
    """

    url: Url
    outcome: Outcome
    detail: str = ""
    status: int | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        until = f"until {self.until:%Y-%m-%d %H:%M:%S} UTC" if self.until is not None else ""
        status = f"status {self.status}" if self.status is not None and str(self.status) not in self.detail else ""
        said = ", ".join(filter(None, (shown(self.detail), status, until)))
        return f"{self.url}: {self.outcome.value}" + (f" ({said})" if said else "")
