"""Which index pip on this machine uses: asked of pip itself.

pip's own order holds (its user guide, "Configuration"): `[global]`, then
`[install]`, then the environment, the later over the earlier; what none of them
sets is the default that pip's help names.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from attrs import frozen

from pydeps_host.errors import UsageError
from pydeps_host.values import Url, UrlSyntaxError, shown

_SECTIONS: Final = ("global", "install", ":env:")
_SETTING = re.compile(r"(?P<section>[^.=]+)\.(?P<key>[a-z-]+)=(?P<value>.*)")
_DEFAULT = re.compile(r"--index-url\b.*?\(default:?\s+(?P<url>\S+?)\)", re.DOTALL)
_REMEDY: Final = "name an index with --index-url, or a configuration with --config"


@frozen
class PipIndex:
    """The index that pip uses, and what else it would use.

    Attributes:
        url: The index.
        source: Where pip has it from, for a person.
        unused: Settings of pip that a sync does not follow, for a person; often empty.
        certificates: The bundle of authorities that pip is told to trust (`cert`), or None.
        client_certificate: The file of certificate and key that pip is told to show (`client-cert`), or None.
        proxy: What pip is told to ask through (`proxy`), or None.
    """

    url: Url
    source: str
    unused: tuple[str, ...]
    certificates: Path | None = None
    client_certificate: Path | None = None
    proxy: Url | None = None


def ask_pip() -> PipIndex:
    """Ask pip for its index.

    Raises:
        UsageError: There is no pip, pip is told to use no index, or what it says of index or proxy is no URL.
    """
    pip = _find_pip()
    settings = _settings(_run([*pip, "config", "list"]))
    if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        raise UsageError("pip on this machine is told to use no index (no-index)", _REMEDY)
    text, source = settings.get("index-url"), "pip's configuration"
    if text is None:
        text, source = _default(pip), "pip's default"
    elif "PIP_INDEX_URL" in os.environ:
        source = "PIP_INDEX_URL"
    try:
        url = Url.parse(text.strip())
    except UrlSyntaxError as problem:
        raise UsageError(f"the index of {source} cannot be used: {problem}", _REMEDY) from None
    unused = tuple(
        f"{name} ({len(settings[key].split())})"
        for key, name in (("extra-index-url", "extra indexes"), ("find-links", "find-links"))
        if settings.get(key, "").strip()
    )
    return PipIndex(
        url,
        source,
        unused,
        certificates=_path(settings.get("cert")),
        client_certificate=_path(settings.get("client-cert")),
        proxy=_proxy(settings.get("proxy")),
    )


def _path(text: str | None) -> Path | None:
    """Read a path as pip does, which knows home folders in these settings."""
    return Path(text).expanduser() if text else None


def _proxy(text: str | None) -> Url | None:
    if not text:
        return None
    try:
        return Url.parse(text if "://" in text else f"http://{text}")
    except UrlSyntaxError as problem:
        # Not its text: it may hold a password.
        raise UsageError(f"the proxy of pip's configuration cannot be used: {problem}", "name a proxy with --proxy") from None


def _find_pip() -> list[str]:
    # Whether there is a pip must not depend on its configuration, whose faults are told by name.
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    for words in ([sys.executable, "-m", "pip"], ["pip"], ["pip3"], ["python3", "-m", "pip"]):
        try:
            subprocess.run([*words, "--version"], check=True, capture_output=True, timeout=60, env=environment)
        except (OSError, subprocess.SubprocessError):
            continue
        return words
    raise UsageError("there is no pip on this machine whose index could be used", _REMEDY)


def _run(words: list[str]) -> str:
    # A wide terminal, so that pip's help breaks no URL in two.
    environment = {**os.environ, "COLUMNS": "1000", "PIP_NO_COLOR": "1", "PIP_NO_INPUT": "1"}
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60, env=environment)
    except (OSError, subprocess.SubprocessError) as problem:
        raise UsageError(f"pip did not answer ({type(problem).__name__})", _REMEDY) from None
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise UsageError(f"pip cannot read its configuration: {shown(re.sub(r'://[^@]*@', '://****@', said))}", _REMEDY)
    return done.stdout


def _settings(listing: str) -> dict[str, str]:
    """Return pip's settings, the section with the last word winning."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        setting = _SETTING.fullmatch(line)
        if setting and setting["section"] in found:
            found[setting["section"]][setting["key"]] = _unquoted(setting["value"])
    return {key: value for section in _SECTIONS for key, value in found[section].items()}


def _unquoted(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _default(pip: list[str]) -> str:
    found = _DEFAULT.search(_run([*pip, "install", "--help"]))
    if found is None:
        raise UsageError("pip does not say which index it uses", _REMEDY)
    return found["url"]
