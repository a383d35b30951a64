"""Real index servers on free loopback ports."""

import base64
import hashlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
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
def devpi(workspace: Path, packages: Sequence[tuple[str, str, Path]]) -> Iterator[str]:
    """Run devpi-server with one private index, into which (name, version, file) are uploaded as twine does; yield the index's URL.

    It asks nobody: there is no mirror in it, and it is told to be off line.
    """
    folder, port, password = workspace / "devpi", free_port(), "upload"
    options = ["--serverdir", str(folder)]
    program = "from devpi_server.init import init; import sys; sys.exit(init())"
    words = [sys.executable, "-W", "ignore", "-c", program, *options, "--no-root-pypi", "--root-passwd", password]
    subprocess.run(words, check=True, capture_output=True, env=_apart(workspace))
    program = "from devpi_server.main import main; import sys; sys.exit(main())"
    words = ["-W", "ignore", "-c", program, *options, "--host", "127.0.0.1", "--port", str(port), "--offline-mode", "--threads", "4"]
    # Its tokens are of no value: the derivation of their key would take 15 s.
    words += ["--argon2-memory-cost", "8", "--argon2-parallelism", "1", "--argon2-time-cost", "1"]
    with running([sys.executable, *words], port, workspace / "devpi.out", environment=_apart(workspace)):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            logged_in = client.post("/+login", json={"user": "root", "password": password}).raise_for_status().json()
            secret = base64.b64encode(f"root:{logged_in['result']['password']}".encode()).decode()
            client.put("/root/private", json={"bases": []}, headers={"X-Devpi-Auth": secret}).raise_for_status()
            for name, version, path in packages:
                kind = "bdist_wheel" if path.suffix == ".whl" else "sdist"
                fields = {":action": "file_upload", "name": name, "version": version, "filetype": kind, "metadata_version": "2.1"}
                content = {"content": (path.name, path.read_bytes())}
                client.post("/root/private/", data=fields, files=content, auth=("root", password)).raise_for_status()
        yield f"http://127.0.0.1:{port}/root/private/+simple"


@contextmanager
def simple_repository(workspace: Path, packages: Path) -> Iterator[str]:
    """Run simple-repository-server over a folder of project folders; yield the index's URL."""
    port = free_port()
    program = "from simple_repository_server.__main__ import main; main()"
    words = ["-W", "ignore", "-c", program, "--host", "127.0.0.1", "--port", str(port), str(packages)]
    with running([sys.executable, *words], port, workspace / "simple-repository.out", environment=_apart(workspace)):
        yield f"http://127.0.0.1:{port}/simple"


@frozen
class Nginx:
    """An nginx that is running over `root`; below `/private/` it gives the same to those with the password."""

    port: int
    log: Path
    user: str = "reader"
    password: str = "p@ss:w/o%rd"

    def url(self, path: str, *, user_information: str = "") -> str:
        return f"http://{user_information}{'@' if user_information else ''}127.0.0.1:{self.port}{path}"

    def answers(self) -> list[tuple[int, str]]:
        """The status and the path of every request, in order."""
        return [(int(status), path) for status, path in re.findall(r"^(\d+) GET (\S+)$", self.log.read_text(), re.MULTILINE)]


@contextmanager
def nginx(workspace: Path, root: Path, *, more: str = "", around: str = "") -> Iterator[Nginx]:
    """Run nginx over a folder: listings where a folder has no index.html, and validators for every file.

    `more` is more of its configuration of a server, such as another `listen`; `around`, of what stands around the server.
    """
    port, server = free_port(), workspace / "nginx"
    server.mkdir(parents=True)
    found = Nginx(port, server / "access.log")
    digest = base64.b64encode(hashlib.sha1(found.password.encode()).digest()).decode()
    (server / "htpasswd").write_text(f"{found.user}:{{SHA}}{digest}\n")
    user = "user root;" if os.geteuid() == 0 else ""
    (server / "nginx.conf").write_text(_NGINX.format(server=server, root=root, port=port, user=user, more=more, around=around))
    words = ["nginx", "-p", str(server), "-c", str(server / "nginx.conf"), "-e", str(server / "error.log")]
    with running(words, port, server / "nginx.out", answers=False):
        yield found


_NGINX = """
daemon off;
{user}
worker_processes 1;
pid {server}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    types {{ text/html html; }}
    default_type application/octet-stream;
    log_format plain '$status $request_method $request_uri';
    access_log {server}/access.log plain;
    client_body_temp_path {server}/body;
    proxy_temp_path {server}/proxy;
    fastcgi_temp_path {server}/fastcgi;
    uwsgi_temp_path {server}/uwsgi;
    scgi_temp_path {server}/scgi;
    {around}
    server {{
        listen 127.0.0.1:{port};
        {more}
        root {root};
        autoindex on;
        location /private/ {{
            alias {root}/;
            auth_basic "packages";
            auth_basic_user_file {server}/htpasswd;
        }}
    }}
}}
"""


def _apart(home: Path) -> dict[str, str]:
    """An environment in which a server finds nobody's settings, and no proxy."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "ignore"}


@frozen
class ForwardProxy:
    """A proxy that is running; its log tells what it passed on."""

    port: int
    log: Path
    scheme: str = "http"

    def url(self, user_information: str = "") -> str:
        return f"{self.scheme}://{user_information}{'@' if user_information else ''}127.0.0.1:{self.port}"

    def passed(self, line: str) -> int:
        """How often the log says `CONNECT host:port` or `GET host:port/path`; it says so when a connection has ended, so wait for one."""
        end = time.monotonic() + 5
        while line not in self._lines() and time.monotonic() < end:
            time.sleep(0.02)
        return self._lines().count(line)

    def _lines(self) -> list[str]:
        lines = re.findall(r" - (?:\S+:\d+|None:None) - (CONNECT|GET) (\S+)", self.log.read_text())
        return [f"{method} {target}" for method, target in lines]


@contextmanager
def forward_proxy(
    workspace: Path, *, user: str = "", password: str = "", certificate: tuple[Path, Path] | None = None
) -> Iterator[ForwardProxy]:
    """Run proxy.py; with a user, for that user alone; with a certificate and its key, over TLS."""
    workspace.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), workspace / "proxy.log"
    words = ["-W", "ignore", "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1", "--num-acceptors", "1"]
    words += ["--log-file", str(log), "--data-dir", str(workspace / "data")]
    words += ["--basic-auth", f"{user}:{password}"] if user else []
    words += ["--cert-file", str(certificate[0]), "--key-file", str(certificate[1])] if certificate else []
    with running([sys.executable, *words], port, workspace / "proxy.out", answers=not certificate):
        yield ForwardProxy(port, log, "https" if certificate else "http")


@contextmanager
def running(
    words: list[str], port: int, output: Path, *, answers: bool = True, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; fail loudly where it does not come up; one of TLS only has to accept."""
    with (
        output.open("wb") as out,
        subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment) as process,
    ):
        try:
            wait_for(port, process, output, answers=answers)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(port: int, process: subprocess.Popen[bytes], output: Path, *, answers: bool = True) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended at once: {output.read_text(errors='replace')}"
        try:
            if answers:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            else:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
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
