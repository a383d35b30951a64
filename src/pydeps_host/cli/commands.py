"""`pydeps-host sync`, `plan` and `list`, and how the other commands come in."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import frozen

import pydeps_host
from pydeps_host.cli.ending import FAILED, INTERRUPTED, errors_told, leave
from pydeps_host.cli.maintaining import maintain
from pydeps_host.cli.network import NETWORK
from pydeps_host.cli.pruning import prune, release
from pydeps_host.cli.render import Display, display_for
from pydeps_host.cli.settings import CONFIG, INDEX_URL, LOCK, NO_RATE_LIMIT, REFRESH, configured
from pydeps_host.cli.verifying import verify
from pydeps_host.config import HostConfig
from pydeps_host.dependency import Dependency
from pydeps_host.errors import NotStoredError
from pydeps_host.events import Event, LockfileRead, Observer
from pydeps_host.host import Host, ProjectReport, SyncReport
from pydeps_host.store import Store
from pydeps_host.transport import TransportOptions


@frozen(kw_only=True)
class _Work:
    """What the arguments of `sync` and `plan` come to."""

    config: HostConfig
    add: tuple[Dependency, ...]
    lock: tuple[str, ...]
    additive: bool
    options: TransportOptions
    refresh: bool


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pydeps_host.__version__, prog_name="pydeps-host")
def command() -> None:
    """Turn Python packages into git repositories that can be searched.

    \b
    Examples:
      pydeps-host sync requests==2.32.3 "flask>=3" attrs --into code
      pydeps-host sync --config host.jsonc --into code
      git -C code/python/requests.git grep -n "class Session" v2.32.3
    """


def _shared(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that `sync` and `plan` have in common."""
    for decorate in reversed(
        [
            click.argument("dependencies", nargs=-1, metavar="[DEPENDENCY]..."),
            LOCK,
            CONFIG,
            INDEX_URL,
            click.option(
                "--into", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="The store's folder."
            ),
            click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, metavar="N", help="Projects at a time."),
            NO_RATE_LIMIT,
            REFRESH,
            *NETWORK,
            click.option("--json", "as_json", is_flag=True, help="Print JSON lines: one as each project ends, a summary last."),
        ]
    ):
        function = decorate(function)
    return function


@command.command()
@_shared
def sync(**arguments: Any) -> None:
    """Bring releases into the repositories below DIR.

    Without --config and --index-url, the index is the one that pip on this
    machine uses. Dependencies and lock files that are given here are added to
    what is there; those of a configuration that it no longer lists are taken away,
    and so is what its filters keep out: that is told as blocked, and is no failure.

    \b
    Examples:
      pydeps-host sync requests==2.32.3 "flask>=3" attrs --into code
      pydeps-host sync --config host.jsonc --into code --json
      pydeps-host sync --lock app/uv.lock --lock services --lock app.git@main --into code
      pydeps-host sync numpy --index-url https://packages.example.com/simple --into code

    Exit status: 0 all is well, 1 something failed (the rest is done), 2 the
    arguments or the configuration are at fault.
    """
    _carry_out(arguments, lambda host, work: host.sync_iter(add=work.add, lock=work.lock, additive=work.additive, jobs=arguments["jobs"]))


@command.command()
@_shared
@click.option("--verbose", "-v", is_flag=True, help="Tell the whole story: every URL asked, every file seen or set aside and why.")
def plan(**arguments: Any) -> None:
    """Tell what a sync would do, and download nothing: what would come, and what filters block.

    \b
    Example:
      pydeps-host plan "django>=4.2,<5" --into code
      pydeps-host plan numpy --verbose --into code
    """
    _carry_out(arguments, lambda host, work: iter(host.plan(add=work.add, lock=work.lock, jobs=arguments["jobs"]).projects))


@command.command(name="list")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, one a repository.")
def list_(folder: Path, *, as_json: bool) -> None:
    """List the repositories of a store: name, versions, latest."""
    display = display_for(as_json=as_json)
    with errors_told(display):
        store = Store(folder)
        if not folder.is_dir():
            raise NotStoredError("a store", str(folder))
        repositories = store.repositories()
        for repository in repositories:
            display.repository(repository)
        if not repositories:
            display.note(f"{folder} holds no repositories yet")


command.add_command(maintain)
command.add_command(prune)
command.add_command(release)
command.add_command(verify)


def run() -> None:
    """Run the command and leave the process with its exit status."""
    try:
        command.main(standalone_mode=True)
    except KeyboardInterrupt:
        leave(INTERRUPTED)


def _carry_out(arguments: dict[str, Any], work_on: Callable[[Host, _Work], Iterator[ProjectReport]]) -> None:
    display = display_for(as_json=arguments["as_json"], verbose=arguments.get("verbose", False))
    with errors_told(display):
        work = _work(arguments, display)
        reports = _reports(arguments["into"], work, work_on, display)
    if not reports.succeeded:
        sys.exit(FAILED)


def _reports(into: Path, work: _Work, work_on: Callable[[Host, _Work], Iterator[ProjectReport]], display: Display) -> SyncReport:
    reports = []
    lockfiles: list[LockfileRead] = []

    def observe(event: Event) -> None:
        if isinstance(event, LockfileRead):
            lockfiles.append(event)
        display.observe(event)

    with display, _host(into, work, observe) as host:
        for report in work_on(host, work):
            reports.append(report)
            display.project(report)
    whole = SyncReport(tuple(reports), tuple(lockfiles))
    display.summary(whole)
    return whole


@contextmanager
def _host(into: Path, work: _Work, observe: Observer) -> Iterator[Host]:
    with Host(work.config, Store(into), observer=observe, options=work.options, refresh=work.refresh) as host:
        yield host


def _work(arguments: dict[str, Any], display: Display) -> _Work:
    add = _dependencies(arguments["dependencies"])
    file, lock = arguments["config_file"], arguments["lock"]
    if file is None and not add and not lock:
        raise click.UsageError(
            "Name at least one dependency, such as flask or requests==2.32.3, a lock file with --lock FILE, "
            "or a configuration with --config FILE."
        )
    config, options = configured(arguments, display)
    return _Work(config=config, add=add, lock=lock, additive=file is None, options=options, refresh=arguments["refresh"])


def _dependencies(texts: Iterable[str]) -> tuple[Dependency, ...]:
    """Read all dependencies, or report all problems at once."""
    # The index does not matter here: only the dependencies are read.
    mapping = {"urls": ["https://index.example.com/simple"], "dependencies": list(texts)}
    return HostConfig.from_mapping(mapping, source="the command line").dependencies
