"""May I not see it?"""

from attrs import frozen

from pydeps_host.errors.root import HostError, tried_lines
from pydeps_host.values import Tried, shown


@frozen(str=False)
class AccessError(HostError):
    """The server refused the request for lack of credentials or permission.

    Attributes:
        url: What was asked for.
        status: 401, 403 or 407; of a lacking client certificate 400, or None where TLS ended before an answer.
        remedy: What to do.
    """

    code = "access"

    url: str
    status: int | None
    remedy: str

    def __str__(self) -> str:
        return f"{self.url} answered {self.status}; {self.remedy}"


@frozen(str=False)
class ClientCertificateError(AccessError):
    """The server wants a client certificate: none was shown, or one that it does not take.

    Attributes:
        detail: What was seen.
    """

    code = "client-certificate"

    detail: str

    def __str__(self) -> str:
        return f"{self.url}: {shown(self.detail)}; {self.remedy}"


@frozen(str=False)
class ProxyAccessError(AccessError):
    """The proxy, and not the server behind it, wants a user name and a password: none were sent, or wrong ones.

    Attributes:
        proxy: The proxy's URL, and what named it: an option or an environment variable.
        detail: What was seen.
    """

    code = "proxy-access"

    proxy: str
    detail: str

    def __str__(self) -> str:
        return f"{self.url} was not reached: {self.proxy} {shown(self.detail)}; {self.remedy}"


@frozen(str=False)
class ProjectAccessError(AccessError):
    """The index that answers for a project refused its page for lack of credentials or permission.

    Attributes:
        name: The normalised name.
        tried: Every URL that was asked, in order; the last one is the one that refused.
    """

    code = "project-access"

    name: str
    tried: tuple[Tried, ...]

    def __str__(self) -> str:
        return f"the index that answers for {self.name!r} refused it{tried_lines(self.tried)}"
