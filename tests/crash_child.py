"""The program that the crash tests kill: each job is a sync in a fork of one warmed-up interpreter.

A line of JSON on standard input is a job; the answer is the fork's process id.
The fork leads a process group of its own, stops itself until somebody sends
SIGCONT, and tells what it acknowledges in datagrams: of all that it does to the
system, these alone are no calls that the tests count, delay or fail.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from pydeps_host import Dependency, Host, HostConfig, Store
from pydeps_host.errors import HostError
from pydeps_host.events import DownloadFinished, Event, RepositoryChanged
from pydeps_host.host import filling
from pydeps_host.transport import TransportOptions

Json = dict[str, Any]
Tell = Callable[[Json], object]


def work(job: Json, tell: Tell, begin: Callable[[], object]) -> None:
    """Do what a job says, and tell of it as it happens; `begin` comes once everything is loaded."""
    # As many batches as a bulk of thousands of versions would have.
    filling._BATCH_VERSIONS = job["batch"]  # type: ignore[misc]
    filling._BATCH_SECONDS = 600.0  # type: ignore[misc]

    def observe(event: Event) -> None:
        if isinstance(event, RepositoryChanged):
            tell({"changed": event.name, "generation": event.generation, "old": dict(event.old), "new": dict(event.new)})
        elif isinstance(event, DownloadFinished) and event.verified:
            tell({"downloaded": event.filename})

    try:
        config = HostConfig.from_mapping({**job["config"], "rateLimit": {"enabled": False}})
        store = Store(job["store"], durable=job["durable"])
        with Host(config, store, observer=observe, options=TransportOptions(backoff=0.001)) as host:
            begin()
            answer = _ensured(host, job["ensure"]) if job["ensure"] else _synced(host, job)
    except HostError as problem:
        answer = {"errors": [_error(problem)]}
    except BaseException:  # noqa: BLE001 - whatever is no error of ours is what the tests look for
        answer = {"crash": traceback.format_exc()[-4000:]}
    tell({"ended": answer})


def _synced(host: Host, job: Json) -> Json:
    report = host.sync(jobs=job["jobs"], additive=job["additive"])
    errors = [project.error for project in report.projects]
    errors += [version.error for project in report.projects for version in project.versions]
    present = {project.name: sorted(version.tag for version in project.versions if version.commit) for project in report.projects}
    return {"errors": [_error(problem) for problem in errors if problem is not None], "present": present}


def _ensured(host: Host, pin: str) -> Json:
    ensured = host.ensure(Dependency.parse(pin))
    return {"errors": [], "present": {ensured.repository.stem: [f"v{ensured.version}"]}}


def _error(problem: HostError) -> Json:
    fields = {name: getattr(problem, name, None) for name in ("path", "errno", "doing")}
    return {"type": type(problem).__name__, "message": str(problem), **fields}


def fork(job: Json, channel: socket.socket) -> int:
    """Begin a job in a process of its own."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(0)
        number = job["number"]
        work(job, lambda told: channel.send(json.dumps({"job": number, **told}).encode()), lambda: _begin(job))
    finally:
        os._exit(0)


def _begin(job: Json) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    if job["files"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (job["files"], job["files"]))


def main(path: str) -> None:
    """Fork for each line of standard input."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.connect(path)
    # The first job runs here, so that no fork has to load anything.
    work(json.loads(sys.stdin.readline()), lambda _: None, lambda: None)
    gc.collect()
    gc.freeze()
    # Nobody waits for the forks: the tests watch them by their process ids.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)  # noqa: T201 - the program's answer
    while line := sys.stdin.readline():
        print(fork(json.loads(line), channel), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(sys.argv[1])
