"""URLs whose secrets come from the environment.

A URL is parsed first, with something harmless where a `${NAME}` stands; then
the variable's value is put into the part where it stood. So a value can never
become another part: a password with an `@` in it cannot choose the host.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import quote, unquote

from attrs import evolve, frozen

from pydeps_host.config.faults import fault
from pydeps_host.errors import ConfigError, Problem
from pydeps_host.values import Credentials, Secret, Url, UrlSyntaxError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MASK: Final = "****"
# The specification's own word for the last component; every other one may be a token.
_NO_SECRET: Final = frozenset({"", "simple", "+simple"})
_EXAMPLE: Final = "write it as in `https://user:${PASSWORD}@packages.example.com/simple`"


class Variables(Mapping[str, str]):
    """Values by name whose `repr` shows none: a traceback shows every variable of the code that it leads through."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "Variables(...)"


def read_url(text: str, environ: Mapping[str, str]) -> Url:
    """Read the URL of an index, and put variables in.

    A variable that is the whole text is parsed as the URL. Anywhere else its
    value is taken literally: in the user information as the decoded user name
    or password (or a part of it), in path and query percent-encoded for the wire,
    slashes in a path excepted. It may not be scheme, host or port.

    Raises:
        ConfigError: The text is no URL of an index, or a variable cannot be put in;
            no message repeats any part of text or values.
    """
    if "${" in _VARIABLE.sub("", text):
        raise fault("`${` begins a variable, and no name and `}` follow it", "write `${NAME}`, or a brace that is meant as %7B")
    values = {name: _value(name, environ) for name in _VARIABLE.findall(text)}
    problems = tuple(value for value in values.values() if isinstance(value, Problem))
    if problems:
        raise ConfigError("configuration", problems)
    secrets = {name: value for name, value in values.items() if isinstance(value, Secret)}
    if whole := _VARIABLE.fullmatch(text):
        return _whole(secrets[whole[1]])
    return _Template.of(text, tuple(secrets.values())).url() if secrets else _parsed(text)


def _value(name: str, environ: Mapping[str, str]) -> Secret | Problem:
    value = environ.get(name)
    label = f"${{{name}}}"
    if not value:
        state = "is not set" if value is None else "is empty"
        return Problem("", f"the environment variable `{label}` {state}", "set it for the process that reads the configuration")
    # A value that is not UTF-8 comes from the system as lone surrogates, which no URL can carry.
    if re.search("[\ud800-\udfff]", value):
        return Problem("", f"the value of `{label}` is not UTF-8", "store it as UTF-8")
    return Secret(value, label=label)


def _whole(secret: Secret) -> Url:
    """A URL that is a secret as a whole shows its origin, and its label where a secret may stand."""
    url = _parsed(secret.reveal(), whose=f"the value of `{secret}` is no URL of an index: ")
    components = [component for component in url.path.split("/") if component not in _NO_SECRET]
    spellings = dict.fromkeys([*components, *(unquote(component) for component in components)])
    credentials = url.credentials and Credentials(
        Secret(url.credentials.username.reveal(), label=secret.label),
        url.credentials.password and Secret(url.credentials.password.reveal(), label=secret.label),
    )
    return evolve(url, credentials=credentials, hidden=tuple(Secret(one, label=secret.label) for one in spellings))


def _parsed(text: str, *, whose: str = "") -> Url:
    problem: ConfigError
    try:
        url = Url.parse(text)
    except UrlSyntaxError as error:
        problem = fault(f"{whose}{error}", "" if whose else _EXAMPLE)
    else:
        # A password with a # in it would otherwise make another host of the user name.
        if "#" not in text:
            return url
        problem = fault(f"{whose}the URL of an index has no fragment", "write a # that belongs to a password as %23")
    raise problem


@frozen
class _Template:
    """A URL's text with a mark for each variable, and what the marks stand for."""

    marked: str
    mark: re.Pattern[str]
    secrets: tuple[Secret, ...]

    @classmethod
    def of(cls, text: str, secrets: tuple[Secret, ...]) -> "_Template":
        # Letters and digits alone: no part of a URL parser changes them.
        word = "variable"
        while word in f"{text} {unquote(text)}".lower():
            word += "x"
        number = {secret.label: index for index, secret in enumerate(secrets)}
        marked = _VARIABLE.sub(lambda found: f"{word}{number[found[0]]}z", text)
        return cls(marked, re.compile(f"{word}([0-9]+)z"), secrets)

    def url(self) -> Url:
        self._refuse_in_origin()
        url = _parsed(self.marked)
        return evolve(
            url,
            path=self._fill(url.path, lambda secret: quote(secret.reveal())),
            query=self._fill(url.query, lambda secret: quote(secret.reveal(), safe="")),
            credentials=url.credentials and self._credentials(url.credentials),
            hidden=self._hidden(f"{url.path}?{url.query}"),
        )

    def _refuse_in_origin(self) -> None:
        scheme, _, rest = self.marked.partition("://")
        host_and_port = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
        if self.mark.search(scheme) or self.mark.search(host_and_port):
            raise fault(
                "a variable may not be the scheme, the host or the port of a URL, nor a part of them",
                "write these out, or let one variable be the whole URL",
            )

    def _credentials(self, marked: Credentials) -> Credentials:
        name, password = marked.username, marked.password
        shown = self._fill(name.label, str) if password else self._masked(name.reveal())
        return Credentials(
            Secret(self._fill(name.reveal(), Secret.reveal), label=shown),
            password and Secret(self._fill(password.reveal(), Secret.reveal), label=self._masked(password.reveal())),
        )

    def _hidden(self, marked: str) -> tuple[Secret, ...]:
        used = [self.secrets[int(number)] for number in dict.fromkeys(self.mark.findall(marked))]
        # A relative link may leave a part of a value that has slashes: each component is hidden for itself, too.
        parts = [(part, secret.label) for secret in used for part in secret.reveal().split("/") if part]
        return (*used, *(Secret(part, label=label) for part, label in parts))

    def _fill(self, marked: str, fill: Callable[[Secret], str]) -> str:
        return self.mark.sub(lambda found: fill(self.secrets[int(found[1])]), marked)

    def _masked(self, marked: str) -> str:
        # Marks' numbers stand at odd places, what was written between them at even ones.
        pieces = enumerate(self.mark.split(marked))
        return "".join(self.secrets[int(piece)].label if place % 2 else _MASK for place, piece in pieces if piece)
