"""From a list of dependencies to repositories, through real servers, and judged by real git."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dulwich.objects
import pytest
from attrs import evolve
from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore

from gitting import ENVIRONMENT, archive_tree, check, git, refs, tree
from pydeps_host import Dependency, Host, HostConfig, Repository, Status, Store
from pydeps_host.errors import ClosedError, FormatError, InputError, MissingError, UsageError
from pydeps_host.events import Event, RepositoryChanged
from pydeps_host.testing import Distribution, Item
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.testing import build_wheel as wheel
from servers import PypiServer, pypiserver

USER, PASSWORD = "reader", "p@ss:w/o%rd"
SUFFIXES = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
LARGE = os.urandom(3 << 20)

PACKAGES: tuple[Distribution, ...] = (
    sdist(
        "alpha",
        "1.0",
        {
            "alpha/__init__.py": "VERSION = 1\n",
            "alpha/empty.py": "",
            "bin/run": Item(b"#!/bin/sh\n", executable=True),
            "docs/link": Item(link="../alpha/__init__.py"),
            ".gitignore": "*.py\n",
            "large.bin": LARGE,
        },
    ),
    sdist("alpha", "1.1", {"alpha/__init__.py": "VERSION = 2\n", "copy.py": Item(hard_link="alpha-1.1/alpha/__init__.py")}),
    sdist("alpha", "2.0rc1", {"alpha/__init__.py": "VERSION = 3\n"}),
    wheel("alpha", "1.1", {"alpha/__init__.py": "WHEEL = True\n"}),
    sdist("beta", "0.1", {"beta/deep/er/x.py": "x\n", "café.txt": "é\n"}, suffix=".zip"),
    wheel("gamma", "3.0", {"gamma/__init__.py": "g = 1\n", "gamma/run": Item(b"#!\n", executable=True)}),
    wheel("gamma", "3.1", {"gamma/__init__.py": "g = 2\n"}, tag="cp311-cp311-manylinux_2_17_x86_64"),
    wheel("gamma", "3.1", {"gamma/__init__.py": "g = 2\n"}),
    sdist("Dotted.Name", "1!2.0.post1+local.7", {"x.py": "x\n"}, suffix=".tgz"),
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    for built in PACKAGES:
        built.into(folder)
    return folder


@pytest.fixture
def server(packages, tmp_path):
    with pypiserver(packages, tmp_path / "server", user=USER, password=PASSWORD) as running:
        yield running


def config(server: PypiServer, *dependencies: str, **more: object) -> HostConfig:
    return HostConfig.from_mapping({"urls": [server.url()], "dependencies": list(dependencies), **more})


def test_every_version_s_tree_is_what_cpython_reads_from_the_archive(server, packages, tmp_path):
    wanted = ["alpha>=1.0", "alpha==2.0rc1", "beta", "gamma>=0", "dotted-name"]
    with Host(config(server, *wanted), Store(tmp_path / "code")) as host:
        report = host.sync(jobs=2)
    assert report.succeeded, report
    compared = 0
    for project in report.projects:
        assert project.repository is not None
        check(project.repository, tmp_path / f"clone-{project.name}")
        for version in project.versions:
            assert version.file is not None
            assert tree(project.repository, version.tag) == archive_tree(packages / version.file)
            assert git(project.repository, "cat-file", "-t", version.tag) == b"tag\n"
            assert git(project.repository, "rev-parse", f"{version.tag}^0").decode().strip() == version.commit
            compared += 1
    assert compared == 7


def test_the_order_of_preference_takes_sources_before_wheels_and_pure_wheels_before_others(server, tmp_path):
    with Host(config(server, "alpha==1.1", "gamma==3.1"), Store(tmp_path / "code")) as host:
        report = host.sync()
    assert [project.versions[0].file for project in report.projects] == ["alpha-1.1.tar.gz", "gamma-3.1-py3-none-any.whl"]


def test_head_leads_to_latest_the_newest_final_release(server, tmp_path):
    with Host(config(server, "alpha>=1.0", "alpha==2.0rc1"), Store(tmp_path / "code")) as host:
        host.sync()
        (repository,) = host.repositories()
    assert git(repository.path, "symbolic-ref", "HEAD") == b"refs/heads/latest\n"
    assert refs(repository.path)["refs/heads/latest"] == git(repository.path, "rev-parse", "v1.1^0").decode().strip()
    assert repository.revisions() == ("latest", "v2.0rc1", "v1.1", "v1.0")
    assert git(repository.path, "grep", "-n", "VERSION", "v1.0") == b"v1.0:alpha/__init__.py:1:VERSION = 1\n"


def test_one_project_with_n_versions_costs_one_page_and_n_files_and_then_one_page(server, tmp_path):
    store = Store(tmp_path / "code")
    with Host(config(server, "alpha>=1.0.dev0"), store) as host:
        assert host.sync().count(Status.ADDED) == 3
    assert (len(server.pages()), len(server.files())) == (1, 3)
    with Host(config(server, "alpha>=1.0.dev0"), store) as host:
        again = host.sync()
    assert (len(server.pages()), len(server.files())) == (2, 3)
    assert {version.status for project in again.projects for version in project.versions} == {Status.PRESENT}


def test_ids_do_not_depend_on_order_jobs_time_zone_umask_locale_or_hash_seed(server, tmp_path):
    program = (
        "import os, sys, time; from pydeps_host import *\n"
        "time.tzset()\n"
        "url, folder, jobs, umask, *wanted = sys.argv[1:]\n"
        "os.umask(int(umask, 8))\n"
        "config = HostConfig.from_mapping({'urls': [url.replace('PW', '${PW}')]})\n"
        "with Host(config, Store(folder)) as host:\n"
        "    for one in wanted:\n"
        "        report = host.sync(add=tuple(Dependency.parse(text) for text in one.split(';')), jobs=int(jobs))\n"
        "        assert report.succeeded, report\n"
    )
    url = server.url(user_information=f"{USER}:PW")
    runs = [
        ("UTC", "1", "000", "C", ["beta", "gamma==3.0", "gamma==3.1", "alpha==1.0", "alpha==1.1;alpha==2.0rc1", "dotted-name"]),
        ("Asia/Kathmandu", "2", "077", "tr_TR.UTF-8", ["dotted-name;alpha==2.0rc1", "alpha==1.1;alpha==1.0;gamma==3.1;gamma==3.0;beta"]),
    ]
    found = []
    for zone, jobs, umask, language, wanted in runs:
        folder = tmp_path / zone.replace("/", "-")
        environment = {**os.environ, "TZ": zone, "PW": PASSWORD, "PYTHONHASHSEED": jobs, "LC_ALL": language, "PYTHONUTF8": "0"}
        subprocess.run([sys.executable, "-c", program, url, str(folder), jobs, umask, *wanted], env=environment, check=True)
        found.append({path.name: refs(path) for path in sorted((folder / "python").iterdir())})
    assert found[0] == found[1]
    assert sum(map(len, found[0].values())) == 7 + 4 + 4


def test_git_s_own_fast_import_gives_the_same_ids(server, tmp_path):
    with Host(config(server, "alpha>=1.0", "gamma>=0"), Store(tmp_path / "code")) as host:
        report = host.sync()
    for project in report.projects:
        assert project.repository is not None
        stream = git(project.repository, "fast-export", "--all", "--signed-tags=verbatim", "--tag-of-filtered-object=abort")
        other = tmp_path / f"other-{project.name}.git"
        subprocess.run(["git", "init", "--quiet", "--bare", str(other)], check=True)
        git(other, "fast-import", "--quiet", stdin=stream)
        assert refs(other) == refs(project.repository)


@pytest.mark.parametrize("maker", ["dulwich", "git write-tree, commit-tree and mktag"])
def test_others_that_are_given_the_same_files_name_and_date_make_the_same_ids(maker, server, tmp_path):
    with Host(config(server, "alpha>=1.0", "gamma>=0"), Store(tmp_path / "code")) as host:
        report = host.sync()
    make = by_dulwich if maker == "dulwich" else by_git
    made = 0
    for project in report.projects:
        assert project.repository is not None
        # Nobody else writes to ours.
        copy = tmp_path / f"copy-{project.name}.git"
        git(tmp_path, "clone", "--quiet", "--mirror", str(project.repository), str(copy))
        for version in project.versions:
            date = Repository.open(project.repository).rows()[version.version].date
            message = git(copy, "log", "-1", "--format=%B", version.tag)[:-1]
            tag_message = f"{project.name} {version.version}\n".encode()
            assert make(copy, version, (date, message, tag_message)) == refs(copy)[f"refs/tags/{version.tag}"]
            made += 1
    assert made == 4


WHO = b"pydeps-host <pydeps-host@localhost.invalid>"


def by_dulwich(copy, version, told):
    date, message, tag_message = told
    objects = MemoryObjectStore()
    blobs = [(path.encode(), dulwich.objects.ObjectID(id_.encode()), int(mode, 8)) for path, (mode, id_) in tree(copy, version.tag).items()]
    commit = dulwich.objects.Commit()
    commit.tree = commit_tree(objects, blobs)
    commit.author = commit.committer = WHO
    commit.author_time = commit.commit_time = date
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = message
    tag = dulwich.objects.Tag()
    tag.name, tag.tagger, tag.tag_time, tag.tag_timezone = version.tag.encode(), WHO, date, 0
    tag.object = (dulwich.objects.Commit, commit.id)
    tag.message = tag_message
    assert commit.id.decode() == version.commit
    return tag.id.decode()


def by_git(copy, version, told):
    date, message, tag_message = told
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in identity(date).items()}
    environment = {**ENVIRONMENT, **who, "GIT_INDEX_FILE": str(copy / "index-of-a-test")}

    def run(*words, data):
        return subprocess.run(["git", "-C", str(copy), *words], input=data, env=environment, check=True, capture_output=True).stdout.strip()

    entries = "".join(f"{mode} {id_}\t{path}\0" for path, (mode, id_) in tree(copy, version.tag).items())
    run("read-tree", "--empty", data=b"")
    run("update-index", "-z", "--index-info", data=entries.encode())
    commit = run("commit-tree", run("write-tree", data=b"").decode(), data=message)
    assert commit.decode() == version.commit
    head = b"object %s\ntype commit\ntag %s\ntagger %s %d +0000\n\n" % (commit, version.tag.encode(), WHO, date)
    return run("mktag", data=head + tag_message).decode()


def identity(date):
    return {"NAME": "pydeps-host", "EMAIL": "pydeps-host@localhost.invalid", "DATE": f"{date} +0000"}


def test_a_store_with_a_higher_format_is_refused_by_name(server, tmp_path):
    store = Store(tmp_path / "code")
    with Host(config(server, "beta"), store) as host:
        host.sync()
        (tmp_path / "code" / ".pydeps-host" / "format.json").write_text(json.dumps({"format": 999}))
        with pytest.raises(FormatError, match=r"format 999.*upgrade pydeps-host"):
            host.sync()
        with pytest.raises(FormatError):
            host.repositories()


def test_a_pin_spelled_otherwise_gets_a_tag_of_that_spelling(server, tmp_path):
    with Host(config(server, "alpha==1.0"), Store(tmp_path / "code")) as host:
        host.sync()
        report = host.sync(add=[Dependency.parse("alpha==v1.0.0")])
        (repository,) = host.repositories()
    assert report.succeeded
    assert set(repository.refs()) == {"refs/heads/history", "refs/heads/latest", "refs/tags/v1.0", "refs/tags/v1.0.0"}
    assert git(repository.path, "rev-parse", "v1.0^0") == git(repository.path, "rev-parse", "v1.0.0^0")


def test_a_dependency_that_a_configuration_forgets_loses_its_tag_and_one_added_stays(server, tmp_path):
    store = Store(tmp_path / "code")
    with Host(config(server, "alpha==1.0", "alpha==1.1", "beta"), store) as host:
        host.sync(add=[Dependency.parse("gamma==3.0")])
    with Host(config(server, "alpha==1.1"), store) as host:
        report = host.sync()
    removed = [
        (project.name, version.version) for project in report.projects for version in project.versions if version.status is Status.REMOVED
    ]
    assert removed == [("alpha", "1.0"), ("beta", "0.1")]
    assert set(store.repository("alpha").refs()) == {"refs/heads/history", "refs/heads/latest", "refs/tags/v1.1"}
    assert "refs/tags/v3.0" in store.repository("gamma").refs()
    with Host(config(server, "alpha==1.0", "alpha==1.1"), store) as host:
        back = host.sync()
    assert back.count(Status.ADDED) == 1
    assert len(server.files()) == 4, "its objects were still there"


def test_one_version_s_failure_stops_no_other_and_claims_stand(server, tmp_path):
    store = Store(tmp_path / "code")
    with Host(config(server, "alpha==1.0"), store) as host:
        host.sync()
    with Host(config(server, "alpha==1.1", "alpha==9.9", "nothing-there"), store) as host:
        report = host.sync()
    alpha, nothing = report.projects
    assert not report.succeeded
    assert Counter(version.status for version in alpha.versions) == {Status.ADDED: 1, Status.FAILED: 1}
    assert nothing.error is not None
    assert nothing.error.code == "project-not-found"
    assert nothing.repository is None
    assert "refs/tags/v1.0" in store.repository("alpha").refs(), "claims end only where every asked version succeeded"


def test_a_required_digest_narrows_the_candidates_and_a_wrong_one_refuses(server, packages, tmp_path):
    chosen = packages / "alpha-1.1-py3-none-any.whl"
    sha256 = hashlib.sha256(chosen.read_bytes()).hexdigest()
    with Host(config(server, f"alpha==1.1 --hash=sha256:{sha256}"), Store(tmp_path / "code")) as host:
        (project,) = host.sync().projects
        assert project.versions[0].file == chosen.name
        wrong = host.sync(add=[Dependency.parse(f"alpha==1.0 --hash=sha256:{'0' * 64}")])
    assert not wrong.succeeded


def test_ensure_brings_one_version_and_answers_at_once_when_it_is_there(server, tmp_path):
    with Host(config(server, "alpha==1.0"), Store(tmp_path / "code")) as host:
        ensured = host.ensure("alpha==1.1")
        asked = len(server.requests())
        assert host.ensure("alpha", "v1.1^0") == ensured
        assert len(server.requests()) == asked
        host.sync()
    assert git(ensured.repository, "rev-parse", "v1.1^0").decode().strip() == ensured.commit


def test_a_change_is_told_after_it_is_there(server, tmp_path):
    seen: list[RepositoryChanged] = []

    def observe(event: Event) -> None:
        if isinstance(event, RepositoryChanged):
            assert dict(event.new) == refs(tmp_path / "code" / "python" / f"{event.name}.git")
            seen.append(event)

    with Host(config(server, "beta"), Store(tmp_path / "code"), observer=observe) as host:
        host.sync()
    assert [(event.name, event.old) for event in seen] == [("beta", ())]


EVENTS = ["SyncStarted", "ProjectStarted", "UrlTried", "RequestSent", "DownloadStarted", "DownloadAdvanced", "DownloadFinished"]
EVENTS += ["VersionFinished", "RepositoryChanged", "ProjectFinished"]


@pytest.mark.parametrize("kind", EVENTS)
def test_what_an_observer_raises_stops_the_sync_and_undoes_nothing(kind, server, tmp_path):
    def observe(event: Event) -> None:
        if type(event).__name__ == kind:
            raise LookupError("enough")

    store = Store(tmp_path / "code")
    with Host(config(server, "alpha==1.0", "beta"), store, observer=observe) as host, pytest.raises(LookupError, match="enough"):
        host.sync(jobs=1)
    assert len(store.names()) == (kind in {"RepositoryChanged", "ProjectFinished"})
    for repository in store.repositories():
        check(repository.path, tmp_path / "clone")
    with Host(config(server, "alpha==1.0", "beta"), store) as host:
        assert host.sync().succeeded


def test_an_interrupted_sync_downloads_nothing_twice(server, tmp_path):
    """Verified spools are used again."""

    class EnoughError(Exception):
        pass

    done = []

    def observe(event: Event) -> None:
        if type(event).__name__ == "VersionFinished":
            done.append(event)
            if len(done) == 2:
                raise EnoughError

    store = Store(tmp_path / "code")
    with Host(config(server, "alpha>=1.0.dev0"), store, observer=observe) as host, pytest.raises(EnoughError):
        host.sync()
    assert len(server.files()) in {2, 3}, "the next file may have been on its way"
    assert store.names() == (), "nothing was published"
    with Host(config(server, "alpha>=1.0.dev0"), store) as host:
        assert host.sync().count(Status.ADDED) == 3
    assert len(server.files()) == 3


def test_plan_downloads_and_changes_nothing(server, tmp_path):
    with Host(config(server, "alpha>=1.0", "nothing-there"), Store(tmp_path / "code")) as host:
        report = host.plan()
    assert [(version.version, version.status) for version in report.projects[0].versions] == [
        ("1.1", Status.PLANNED),
        ("1.0", Status.PLANNED),
    ]
    assert report.projects[1].error is not None
    assert server.files() == []
    assert not (tmp_path / "code" / "python").exists()


def test_a_damaged_repository_is_reported_and_stops_no_other(server, tmp_path):
    store = Store(tmp_path / "code")
    with Host(config(server, "alpha==1.0", "gamma==3.0"), store) as host:
        host.sync()
        (store.path_of("gamma") / "packed-refs").write_text("nonsense\n")
        (store.path_of("alpha") / "packed-refs").write_text("nonsense\n")
    with Host(config(server, "alpha==1.0", "beta"), store) as host:
        report = host.sync()
    assert [(project.name, project.error.code if project.error else None) for project in report.projects] == [
        ("alpha", "damaged"),
        ("beta", None),
        ("gamma", "damaged"),
    ]


def test_a_file_that_is_damaged_or_refused_gives_way_to_the_next_one_and_is_not_fetched_again(packages, tmp_path):
    folder = tmp_path / "packages"
    broken = sdist("delta", "1.0", {"x.py": "x" * 2000})
    evolve(broken, data=broken.data[:-30]).into(folder)
    good = wheel("delta", "1.0", {"delta.py": "good\n"})
    good.into(folder)
    Distribution("epsilon", "epsilon-1.0.tar.gz", b"no archive at all").into(folder)
    store = Store(tmp_path / "code")
    with pypiserver(folder, tmp_path / "server") as server:
        with Host(config(server, "delta", "epsilon"), store) as host:
            delta, epsilon = host.sync().projects
            asked = len(server.files())
            again = host.sync().projects[1]
        assert len(server.files()) == asked == 3
    assert delta.versions[0].file == good.filename
    assert delta.versions[0].set_aside[0][0] == broken.filename
    assert "truncated" in delta.versions[0].set_aside[0][1]
    assert epsilon.versions[0].error is not None
    assert epsilon.versions[0].error.code == "archive"
    assert again.versions[0].error is not None
    assert again.versions[0].error.code == "refused-before"
    assert store.names() == ("delta",), "a project with nothing to show has no repository to be indexed"


def test_many_threads_that_ensure_one_version_download_it_once(server, tmp_path):
    with Host(config(server, "alpha==1.0"), Store(tmp_path / "code")) as host, ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: host.ensure("alpha==1.1"), range(16)))
    assert len(found) == 1
    assert len(server.files()) == 1


def test_ensure_refuses_what_it_does_not_serve_and_what_names_no_version(server, tmp_path):
    with Host(config(server, "alpha==1.0"), Store(tmp_path / "code")) as host:
        for wanted, revision in (("beta==0.1", None), ("alpha", None), ("alpha>=1", None), ("alpha", "main")):
            with pytest.raises(InputError):
                host.ensure(wanted, revision)
        with pytest.raises(MissingError):
            host.ensure("alpha==9.9")


def test_a_closed_host_says_so_and_an_iterator_may_be_closed_early(server, tmp_path):
    host = Host(config(server, "alpha==1.0", "beta", "gamma"), Store(tmp_path / "code"))
    reports = host.sync_iter(jobs=1)
    next(reports)
    reports.close()
    with pytest.raises(UsageError, match="0 jobs"):
        host.sync(jobs=0)
    host.close()
    with pytest.raises(ClosedError):
        host.sync()


def test_every_format_is_read_and_gives_the_same_tree(tmp_path):
    """From a folder, because pypiserver lists no `.tar`."""
    files: dict[str, Item | bytes | str] = {"x.py": "x\n", "run": Item(b"#!\n", executable=True), "docs/link": Item(link="../x.py")}
    for number, suffix in enumerate(SUFFIXES):
        built = sdist("formats", f"{number}.0", files, suffix=suffix)
        built.into(tmp_path / "index" / "formats")
    config = HostConfig.from_mapping({"urls": [(tmp_path / "index").as_uri()], "dependencies": ["formats>=0"]})
    with Host(config, Store(tmp_path / "code")) as host:
        (project,) = host.sync().projects
    assert project.repository is not None
    assert [version.file for version in project.versions] == [f"formats-{number}.0{SUFFIXES[number]}" for number in reversed(range(6))]
    check(project.repository, tmp_path / "clone")
    for version in project.versions:
        assert version.file is not None
        found = tree(project.repository, version.tag)
        assert found == archive_tree(tmp_path / "index" / "formats" / version.file)
        assert (found["run"][0], found["docs/link"][0]) == ("100755", "120000")
