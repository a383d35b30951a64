"""Who is right on what: five clients on every quirk, over loopback, as a table in Markdown.

    python tests/compare_clients.py [QUIRK]...

Needs `unearth`, `pypi-simple`, `pip` and `uv` beside this package, as
`nox -s clients` installs them. A client is right on a page from which a file is
to be taken if it lists the files that the table of quirks names, with URL,
digests, Python versions and whether they are yanked (unearth, pypi-simple), or
if it asks for the one right file and ends well (pip, uv). It is right on a
page from which nothing may be taken if it takes nothing and says what it is: in
what it raises, or in its warnings and its output.
"""

import importlib
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from attrs import frozen

from pydeps_host.dependency import Dependency
from pydeps_host.errors import HostError
from pydeps_host.resolver import Resolver
from pydeps_host.transport import HttpxTransport, TransportOptions
from pydeps_host.values import Outcome
from quirk import Quirk
from quirks import GROUPS, Served, serving

Client = Callable[[Quirk, Served], bool]
# What a file is to a client: name, URL, digests, Python versions, whether it is yanked.
Seen = tuple[str, str, frozenset[str], str | None, bool]


@frozen
class Verdict:
    """Who is right on one quirk.

    Attributes:
        quirk: The quirk.
        right: Whether each client is, by name.
    """

    quirk: Quirk
    right: Mapping[str, bool]


def expected(quirk: Quirk, served: Served) -> set[Seen]:
    return {
        (
            quirk.filled(one.filename),
            served.base + quirk.filled(one.path),
            frozenset(map(quirk.filled, one.digests)),
            one.requires_python,
            one.yanked is not False,
        )
        for one in quirk.files
    }


def says(quirk: Quirk, text: str) -> bool:
    return re.search(quirk.says, text) is not None


# --- ours ---


def ours(quirk: Quirk, served: Served) -> bool:
    with HttpxTransport(options=TransportOptions(attempts=1, trust_environment=False)) as transport:
        resolver = Resolver([served.index], transport=transport)
        try:
            located = resolver.take(Dependency.parse(quirk.name))
        except HostError as error:
            return quirk.outcome.value in str(error) and says(quirk, str(error))
    files = [file for file in located.found.project.files if file.filename.endswith(".whl")]
    found = {(one.filename, one.url.reveal(), frozenset(map(str, one.digests)), one.requires_python, one.yanked) for one in files}
    return found == expected(quirk, served)


# --- libraries ---


def pypi_simple(quirk: Quirk, served: Served) -> bool:
    library = importlib.import_module("pypi_simple")
    try:
        with library.PyPISimple(f"{served.index}/") as client:
            page = client.get_project_page(quirk.name, timeout=5)
    except Exception as error:  # noqa: BLE001 - whatever it raises is what it says.
        return quirk.outcome is not Outcome.FOUND and says(quirk, f"{type(error).__name__}: {error}")
    status = page.status.value if page.status is not None else ""
    return _listed(quirk, served, status, (_of_pypi_simple(one) for one in page.packages))


def _of_pypi_simple(package: Any) -> Seen:
    digests = frozenset(f"{algorithm}:{value}".lower() for algorithm, value in package.digests.items())
    return package.filename, package.url.partition("#")[0], digests, package.requires_python or None, bool(package.is_yanked)


def unearth(quirk: Quirk, served: Served) -> bool:
    library = importlib.import_module("unearth")
    with _warnings("unearth") as warned:
        try:
            finder = library.PackageFinder(index_urls=[f"{served.index}/"], ignore_compatibility=True)
            # Nobody is there to be asked for a password.
            finder.session.auth.prompting = False
            found = list(finder.find_all_packages(quirk.name, allow_yanked=True))
        except Exception as error:  # noqa: BLE001 - whatever it raises is what it says.
            return quirk.outcome is not Outcome.FOUND and says(quirk, f"{type(error).__name__}: {error}")
    return _listed(quirk, served, "\n".join(warned), (_of_unearth(package.link) for package in found))


def _of_unearth(link: Any) -> Seen:
    digests = frozenset(f"{algorithm}:{value}".lower() for algorithm, values in (link.hash_option or {}).items() for value in values)
    return link.filename, link.url_without_fragment, digests, link.requires_python or None, bool(link.is_yanked)


def _listed(quirk: Quirk, served: Served, said: str, found: Iterable[Seen]) -> bool:
    files = {one for one in found if one[0].endswith(".whl")}
    if quirk.outcome is Outcome.FOUND:
        return files == expected(quirk, served)
    # Of a page that is in order and has no files, no files say enough; a quarantined project may be listed.
    if quirk.outcome is Outcome.EMPTY:
        return not files
    return says(quirk, said) and (not files or quirk.outcome is Outcome.QUARANTINED)


@contextmanager
def _warnings(name: str) -> Iterator[list[str]]:
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)


# --- commands ---


def pip(quirk: Quirk, served: Served) -> bool:
    options = ["--dry-run", "--ignore-installed", "--no-deps", "--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    asked = ["--retries", "0", "--timeout", "5", "--index-url", served.index]
    return _ran([sys.executable, "-m", "pip", "install", *options, *asked, quirk.name], quirk, served)


def uv(quirk: Quirk, served: Served) -> bool:
    with tempfile.TemporaryDirectory() as target:
        options = ["--no-deps", "--no-cache", "--no-config", "--target", target, "--python", sys.executable]
        return _ran([_uv(), "pip", "install", *options, "--default-index", served.index, quirk.name], quirk, served)


def _uv() -> str:
    found: str = importlib.import_module("uv").find_uv_bin()
    return found


def _ran(command: list[str], quirk: Quirk, served: Served) -> bool:
    served.asked.clear()
    with tempfile.TemporaryDirectory() as home:
        # Nothing of the user's: no configuration, no credentials, no index but ours.
        own = {"HOME": home, "PIP_CONFIG_FILE": os.devnull, "UV_HTTP_RETRIES": "0", "UV_NO_PROGRESS": "1", "PATH": os.environ["PATH"]}
        done = subprocess.run(command, capture_output=True, text=True, env=own, check=False, stdin=subprocess.DEVNULL)
    files = {unquote(one) for one in served.asked if not one.startswith("/simple/") or one.endswith(".whl")}
    if quirk.outcome is Outcome.FOUND:
        wanted = next(one for one in quirk.files if one.yanked is False)
        return done.returncode == 0 and files - _pages(quirk) == {unquote(quirk.filled(wanted.path))}
    return done.returncode != 0 and not files - _pages(quirk) and says(quirk, done.stdout + done.stderr)


def _pages(quirk: Quirk) -> set[str]:
    """Where the page itself is, if it is not where it was asked for."""
    return {quirk.filled(quirk.at)}


CLIENTS: Mapping[str, Client] = {"pydeps-host": ours, "pypi-simple": pypi_simple, "unearth": unearth, "pip": pip, "uv": uv}


# --- the table ---


def table(verdicts: Mapping[str, list[Verdict]]) -> Iterator[str]:
    """Yield the lines: first how many each client is right on, then every quirk that one is wrong on."""
    names = list(CLIENTS)
    yield f"| pages | number | {' | '.join(f'{name} {_version(name)}' for name in names)} |"
    yield f"|---|{'---|' * (len(names) + 1)}"
    for group, found in verdicts.items():
        yield f"| {group} | {len(found)} | {' | '.join(str(sum(one.right[name] for one in found)) for name in names)} |"
    every = [one for found in verdicts.values() for one in found]
    yield f"| all | {len(every)} | {' | '.join(f'**{sum(one.right[name] for one in every)}**' for name in names)} |"
    for group, found in verdicts.items():
        odd = [one for one in found if not all(one.right.values())]
        yield f"\n### {group[0].upper()}{group[1:]}\n"
        if odd:
            yield f"| page | {' | '.join(names)} |"
            yield f"|---|{'---|' * len(names)}"
            yield from (f"| {one.quirk.what} | {' | '.join('yes' if one.right[name] else '-' for name in names)} |" for one in odd)
        same = [one.quirk.what for one in found if all(one.right.values())]
        if same:
            yield f"\nAll are right on: {'; '.join(same)}."


def _version(name: str) -> str:
    return version(name)


def main(wanted: list[str]) -> int:
    """Print the table; return 1 if we are wrong somewhere."""
    verdicts: dict[str, list[Verdict]] = {}
    with serving() as served:
        for group, quirks in GROUPS.items():
            chosen = [quirk for quirk in quirks if not wanted or quirk.name in wanted]
            found = verdicts[group] = []
            for quirk in chosen:
                found.append(Verdict(quirk, {name: client(quirk, served) for name, client in CLIENTS.items()}))
                print(quirk.name, *(name for name, right in found[-1].right.items() if not right), file=sys.stderr)
    print(*table({group: found for group, found in verdicts.items() if found}), sep="\n")
    return int(not all(one.right["pydeps-host"] for found in verdicts.values() for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
