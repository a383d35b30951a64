"""The same packages through real index servers, and what comes of them is the same."""

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pygit2
import pytest
from attrs import evolve, frozen
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Commit
from dulwich.refs import Ref
from dulwich.repo import Repo
from packaging.utils import canonicalize_name

from authority import Authority
from gitting import archive_tree, check, git, refs, tree
from pydeps_host import ClientCertificate, Host, HostConfig, Store, SyncReport, TransportOptions
from pydeps_host.errors import ProjectAccessError, ProjectNotFoundError
from pydeps_host.events import DownloadStarted, Event, RequestSent
from pydeps_host.simple_api import File, fetch_file
from pydeps_host.testing import Distribution, Item
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.testing import build_wheel as wheel
from pydeps_host.transport import HttpxTransport
from pydeps_host.values import Digest, Url
from servers import Nginx, devpi, free_port, nginx, pypiserver, simple_repository

# A time that tar and zip can both tell, and that the one server that tells upload times takes from the files.
BUILT = 1_600_000_000
PACKAGES: tuple[tuple[str, str, Distribution], ...] = (
    (
        "alpha",
        "1.0",
        sdist(
            "alpha",
            "1.0",
            {
                "alpha/__init__.py": "VERSION = 1\n\n\ndef work():\n    return VERSION\n",
                "bin/run": Item(b"#!/bin/sh\n", executable=True),
                "docs/link": Item(link="../alpha/__init__.py"),
                ".gitignore": "*.py\n",
                "large.bin": bytes(range(256)) * 4096,
            },
        ),
    ),
    ("alpha", "1.1", sdist("alpha", "1.1", {"alpha/__init__.py": "VERSION = 2\n"})),
    ("beta", "0.1", sdist("beta", "0.1", {"beta/deep/er/x.py": "x\n", "caf\xe9.txt": "\xe9\n"}, suffix=".zip")),
    ("gamma", "3.0", wheel("gamma", "3.0", {"gamma/__init__.py": "g = 1\n", "gamma/run": Item(b"#!\n", executable=True)})),
    ("delta", "2.0", wheel("delta", "2.0", {"delta.py": "wheel\n"})),
    ("delta", "2.0", sdist("delta", "2.0", {"delta.py": "source\n"})),
    ("Dotted.Name", "1!2.0.post1+local.7", sdist("Dotted.Name", "1!2.0.post1+local.7", {"x.py": "x\n"})),
)
WANTED = ["alpha>=1.0", "beta", "gamma", "delta==2.0", "dotted-name===1!2.0.post1+local.7"]
TAGS = {"alpha": 2, "beta": 1, "gamma": 1, "delta": 1, "dotted-name": 1}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of project folders, and beside it pages that link to their files, with digests."""
    folder = tmp_path_factory.mktemp("root")
    for name, _, built in PACKAGES:
        project = canonicalize_name(name)
        os.utime(built.into(folder / "files" / project), (BUILT, BUILT))
        page = folder / "pages" / project / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        link = f'<a href="../../files/{project}/{quote(built.filename)}#sha256={built.sha256}">{built.filename}</a><br>\n'
        page.write_text((page.read_text() if page.exists() else "<!DOCTYPE html>\n") + link)
    return folder


@pytest.fixture(scope="module")
def web(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("web"), root) as running:
        yield running


@frozen
class Synced:
    """What two syncs from one running server left, said and asked."""

    url: str
    store: Store
    reports: tuple[SyncReport, SyncReport]
    events: tuple[tuple[Event, ...], tuple[Event, ...]]

    def repositories(self) -> dict[str, Path]:
        return {name: self.store.path_of(name) for name in self.store.names()}


@contextmanager
def _devpi(root: Path, workspace: Path) -> Iterator[str]:
    with devpi(
        workspace, [(name, version, root / "files" / canonicalize_name(name) / built.filename) for name, version, built in PACKAGES]
    ) as url:
        yield url


@contextmanager
def _pypiserver(root: Path, workspace: Path) -> Iterator[str]:
    with pypiserver(root / "files", workspace) as running:
        yield running.url()


@contextmanager
def _nginx(root: Path, workspace: Path, *, below: str) -> Iterator[str]:
    with nginx(workspace, root) as running:
        yield running.url(below)


@contextmanager
def _folder(root: Path, _: Path) -> Iterator[str]:
    yield (root / "files").as_uri()


SERVERS: dict[str, Callable[[Path, Path], AbstractContextManager[str]]] = {
    "folder": _folder,
    "devpi": _devpi,
    "simple-repository-server": lambda root, workspace: simple_repository(workspace, root / "files"),
    "pypiserver": _pypiserver,
    "nginx listing": lambda root, workspace: _nginx(root, workspace, below="/files"),
    "nginx pages": lambda root, workspace: _nginx(root, workspace, below="/pages/"),
}
NAMES = [pytest.param(name, marks=pytest.mark.needs("nginx")) if "nginx" in name else name for name in SERVERS]


@pytest.fixture(scope="module")
def synced(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Synced]]:
    """Start a server and sync twice from it, the first time that it is asked for; all run until the module's end."""
    done: dict[str, Synced] = {}

    def from_server(name: str) -> Synced:
        if name not in done:
            workspace = tmp_path_factory.mktemp(name.replace(" ", "-"))
            url = running.enter_context(SERVERS[name](root, workspace))
            store = Store(workspace / "code")
            (first, events), (second, later) = sync(url, store, *WANTED), sync(url, store, *WANTED)
            done[name] = Synced(url, store, (first, second), (events, later))
        return done[name]

    with ExitStack() as running:
        yield from_server


def sync(url: str, store: Store, *wanted: str) -> tuple[SyncReport, tuple[Event, ...]]:
    events: list[Event] = []
    with Host(HostConfig.from_mapping({"urls": [url], "dependencies": list(wanted)}), store, observer=events.append) as host:
        return host.sync(jobs=2), tuple(events)


def downloads(events: tuple[Event, ...]) -> int:
    return sum(isinstance(event, DownloadStarted) for event in events)


def requests(events: tuple[Event, ...]) -> int:
    return sum(isinstance(event, RequestSent) for event in events)


# --- what each server gives --------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_tree_is_what_cpython_reads_from_the_archive(name, synced, root, tmp_path):
    first, _ = synced(name).reports
    assert first.succeeded, first
    assert {project.name: len(project.versions) for project in first.projects} == TAGS
    for project in first.projects:
        assert project.repository is not None
        check(project.repository, tmp_path / project.name)
        for version in project.versions:
            assert version.file is not None
            assert tree(project.repository, version.tag) == archive_tree(root / "files" / project.name / version.file)
            assert version.sha256 == next(built.sha256 for _, _, built in PACKAGES if built.filename == version.file)


@pytest.mark.parametrize("name", NAMES)
def test_a_second_sync_asks_for_each_page_once_and_downloads_nothing(name, synced):
    done = synced(name)
    once, again = done.events
    assert (downloads(once), downloads(again)) == (6, 0)
    assert (requests(once), requests(again)) == ((0, 0) if done.url.startswith("file:") else (11, 5))
    assert all(version.status.value == "present" for project in done.reports[1].projects for version in project.versions)


@pytest.mark.parametrize("name", NAMES)
def test_every_id_is_the_one_that_the_folder_gives(name, synced):
    """Dates agree: only one of the servers tells upload times, which are those inside of the archives."""
    expected = {project: refs(path) for project, path in synced("folder").repositories().items()}
    assert {project: refs(path) for project, path in synced(name).repositories().items()} == expected
    assert sum(map(len, expected.values())) == 6 + 2 * len(TAGS)


@pytest.mark.parametrize("name", NAMES)
def test_libgit2_and_dulwich_read_what_git_reads(name, synced):
    for path in synced(name).repositories().values():
        for reference in refs(path):
            expected = tree(path, reference)
            assert _by_libgit2(path, reference) == expected
            assert _by_dulwich(path, reference) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_project_that_a_server_does_not_have_is_absent(name, synced, tmp_path):
    report, _ = sync(synced(name).url, Store(tmp_path / "code"), "nothing==1.0")
    (project,) = report.projects
    assert isinstance(project.error, ProjectNotFoundError), project
    assert [tried.outcome.value for tried in project.tried] == ["absent"]


# --- nginx -------------------------------------------------------------------


@pytest.mark.needs("nginx")
def test_nginx_answers_the_second_sync_with_304(web, tmp_path):
    store = Store(tmp_path / "code")
    before = len(web.answers())
    assert sync(web.url("/pages"), store, *WANTED)[0].succeeded
    first = web.answers()[before:]
    assert sync(web.url("/pages"), store, *WANTED)[0].succeeded
    second = web.answers()[before + len(first) :]
    assert [status for status, _ in first] == [200] * 11
    assert sorted(second) == sorted((304, f"/pages/{name}/") for name in TAGS)


@pytest.mark.needs("nginx")
def test_a_page_that_changed_is_not_answered_with_304_and_what_is_new_comes(root, tmp_path):
    folder = tmp_path / "root"
    (folder / "pages" / "alpha").mkdir(parents=True)
    page = folder / "pages" / "alpha" / "index.html"
    store = Store(tmp_path / "code")
    statuses: list[int] = []
    with nginx(tmp_path / "web", folder) as running:
        for name, _, built in PACKAGES[:2]:
            built.into(folder / "files")
            page.write_text(
                (page.read_text() if page.exists() else "<!DOCTYPE html>") + f'<a href="../../files/{built.filename}">{name}</a>'
            )
            report, _ = sync(running.url("/pages"), store, "alpha>=1")
            assert report.succeeded
        statuses = [status for status, path in running.answers() if path == "/pages/alpha/"]
    assert statuses == [200, 200]
    assert {"refs/tags/v1.0", "refs/tags/v1.1"} < set(refs(store.path_of("alpha")))


@pytest.mark.needs("nginx")
def test_nginx_s_basic_authentication_is_satisfied_for_pages_and_files(web, tmp_path):
    both = f"{web.user}:{quote(web.password, safe='')}"
    before = len(web.answers())
    for below, folder in (("/private/files", "listing"), ("/private/pages", "pages")):
        report, _ = sync(web.url(below, user_information=both), Store(tmp_path / folder), *WANTED)
        assert report.succeeded, report
    assert {status for status, _ in web.answers()[before:]} == {200}
    assert all(path.startswith("/private/") for _, path in web.answers()[before:])


@pytest.mark.needs("nginx")
@pytest.mark.parametrize("user", ["", "reader:wrong", "nobody:p%40ss"])
def test_nginx_s_basic_authentication_is_not_passed_without_the_password(web, tmp_path, user):
    report, events = sync(web.url("/private/files", user_information=user), Store(tmp_path / "code"), "alpha")
    (project,) = report.projects
    assert isinstance(project.error, ProjectAccessError), project
    assert project.error.status == 401
    assert requests(events) == 1
    assert not (tmp_path / "code" / "python").exists()


@pytest.mark.needs("nginx")
def test_nginx_that_wants_a_client_certificate_says_so_by_a_400_and_takes_one(root, tmp_path):
    authority, port = Authority(tmp_path / "authority"), free_port()
    issued, reader = authority.issue(), authority.issue("reader@example.com")
    more = f"""
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {issued.certificate};
        ssl_certificate_key {issued.key};
        ssl_client_certificate {authority.bundle};
        ssl_verify_client on;
    """
    config = HostConfig.from_mapping({"urls": [f"https://127.0.0.1:{port}/files"], "dependencies": WANTED})
    trusting = TransportOptions(ca_bundle=authority.bundle)
    with nginx(tmp_path / "web", root, more=more) as running:
        with Host(config, Store(tmp_path / "none"), options=trusting) as host:
            (project, *_) = host.sync().projects
        with Host(config, Store(tmp_path / "code"), options=evolve(trusting, client_certificate=ClientCertificate(reader.both))) as host:
            assert host.sync().succeeded
        assert {status for status, _ in running.answers()} == {400, 200}
    assert isinstance(project.error, ProjectAccessError), project
    assert [tried.outcome.value for tried in project.tried] == ["client-certificate-required"]
    assert "--client-cert" in str(project.error)


@pytest.mark.needs("nginx")
def test_nginx_that_limits_the_rate_with_a_bare_429_gets_everything_through(root, tmp_path):
    around = "limit_req_zone $binary_remote_addr zone=all:1m rate=5r/s; limit_req_status 429;"
    with nginx(tmp_path / "web", root, around=around, more="limit_req zone=all;") as running:
        config = HostConfig.from_mapping({"urls": [running.url("/pages")], "dependencies": WANTED})
        with Host(config, Store(tmp_path / "code"), options=TransportOptions(attempts=8)) as host:
            report = host.sync(jobs=8)
        assert report.succeeded, report
        assert {status for status, _ in running.answers()} == {200, 429}


@contextmanager
def breaking(port: int, after: int) -> Iterator[int]:
    """A relay to a port that cuts the first answer off after so many bytes; yield its own port."""

    def carry(source: socket.socket, sink: socket.socket, left: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data[:left])
                if left is not None and (left := left - len(data)) <= 0:
                    break
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        for limit in (after, None, None):
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            stack.enter_context(client)
            for work in ((client, server, None), (server, client, limit)):
                threading.Thread(target=carry, args=work, daemon=True).start()

    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.needs("nginx")
def test_a_download_from_nginx_that_breaks_off_goes_on_where_it_did(root, tmp_path):
    content = os.urandom(300_000)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a-1.tar.gz").write_bytes(content)
    with nginx(tmp_path / "web", tmp_path / "root") as running, breaking(running.port, 100_000) as port, HttpxTransport() as transport:
        digest = Digest("sha256", hashlib.sha256(content).hexdigest())
        file = File("a-1.tar.gz", Url.parse(f"http://127.0.0.1:{port}/a-1.tar.gz"), frozenset({digest}))
        events: list[Event] = []
        fetch_file(file, tmp_path / "a", transport=transport, observer=events.append)
        assert [status for status, _ in running.answers()] == [200, 206]
    assert (tmp_path / "a").read_bytes() == content


# --- git ---------------------------------------------------------------------


def test_git_clones_greps_archives_logs_and_blames(synced, root, tmp_path):
    path = synced("folder").store.path_of("alpha")
    assert git(path, "grep", "-n", "VERSION =", "v1.0") == b"v1.0:alpha/__init__.py:1:VERSION = 1\n"
    assert git(path, "grep", "-c", "VERSION", "latest") == b"latest:alpha/__init__.py:1\n"
    clone = tmp_path / "clone"
    git(path, "clone", "--quiet", str(path), str(clone))
    assert (clone / "alpha/__init__.py").read_text() == "VERSION = 2\n"
    assert git(clone, "status", "--porcelain", "--ignored") == b""
    git(clone, "checkout", "--quiet", "v1.0")
    assert os.access(clone / "bin/run", os.X_OK)
    assert (clone / "docs/link").readlink() == Path("../alpha/__init__.py")
    subject = git(path, "log", "--format=%s %ct", "v1.0").decode().splitlines()
    assert len(subject) == 1
    assert subject[0].startswith("alpha 1.0")
    assert subject[0].endswith(str(BUILT))
    blamed = git(path, "blame", "--porcelain", "v1.0", "--", "alpha/__init__.py").decode().splitlines()
    assert blamed[0].split()[0] == git(path, "rev-parse", "v1.0^0").decode().strip()
    assert next(line[1:] for line in blamed if line.startswith("\t")) == "VERSION = 1"
    written = tmp_path / "alpha-1.0.tar"
    git(path, "archive", "--prefix=alpha-1.0/", f"--output={written}", "v1.0")
    assert archive_tree(written) == archive_tree(root / "files/alpha/alpha-1.0.tar.gz")


# --- second readers ----------------------------------------------------------


def _by_libgit2(path: Path, reference: str) -> dict[str, tuple[str, str]]:
    repository = pygit2.Repository(str(path))
    commit = repository.references[reference].peel(pygit2.Commit)
    found: dict[str, tuple[str, str]] = {}

    def walk(folder: pygit2.Tree, prefix: str) -> None:
        for entry in folder:
            if isinstance(entry, pygit2.Tree):
                walk(entry, f"{prefix}{entry.name}/")
            else:
                assert isinstance(entry, pygit2.Blob)
                assert pygit2.hash(entry.data) == entry.id
                found[f"{prefix}{entry.name}"] = (f"{entry.filemode:06o}", str(entry.id))

    walk(commit.tree, "")
    return found


def _by_dulwich(path: Path, reference: str) -> dict[str, tuple[str, str]]:
    with Repo(str(path)) as repository:
        commit = repository[repository.get_peeled(Ref(reference.encode()))]
        assert isinstance(commit, Commit)
        return {
            entry.path.decode(): (f"{entry.mode:06o}", entry.sha.decode())
            for entry in iter_tree_contents(repository.object_store, commit.tree)
        }
