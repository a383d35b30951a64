"""Real index servers on free loopback ports."""

import base64
import hashlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from attrs import frozen


@frozen
class PypiServer:
    """A pypiserver that is running.

    `requests` tells what it was asked, from its own log.
    """

    port: int
    log: Path
    user: str = ""
    password: str = ""

    def url(self, *, user_information: str | None = None) -> str:
        if user_information is None:
            user_information = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}" if self.user else ""
        at = f"{user_information}@" if user_information else ""
        return f"http://{at}127.0.0.1:{self.port}/simple"

    def requests(self) -> list[str]:
        return re.findall(r"<LocalRequest: GET http://[^/]+(/\S*)>", self.log.read_text())

    def pages(self) -> list[str]:
        return [path for path in self.requests() if path.startswith("/simple/")]

    def files(self) -> list[str]:
        return [path for path in self.requests() if path.startswith("/packages/")]


@contextmanager
def pypiserver(packages: Path, workspace: Path, *, user: str = "", password: str = "") -> Iterator[PypiServer]:
    """Run pypiserver over a folder; with a user, reads need that user's password."""
    workspace.mkdir(parents=True, exist_ok=True)
    log = workspace / "pypiserver.log"
    log.touch()
    access = ["-a", ".", "-P", "."]
    if user:
        passwords = workspace / "htpasswd"
        passwords.write_text(f"{user}:{{SHA}}{base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()}\n")
        access = ["-a", "download,list,update", "-P", str(passwords)]
    port = free_port()
    words = ["-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), "--disable-fallback", "--backend", "simple-dir"]
    words += [*access, "-v", "-v", "--log-stream", "none", "--log-file", str(log), "--log-req-frmt", "%(bottle.request)s", str(packages)]
    with running([sys.executable, "-W", "ignore", *words], port, workspace / "pypiserver.out"):
        log.write_text("")
        yield PypiServer(port, log, user, password)


@contextmanager
def running(words: list[str], port: int, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; fail loudly where it does not come up."""
    with output.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process, output)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(port: int, process: subprocess.Popen[bytes], output: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended at once: {output.read_text(errors='replace')}"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as answered:
            answered.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"no server answers on port {port}: {output.read_text(errors='replace')}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
