"""The command as a user runs it: another process, its output, its exit status."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faulty_server import FaultyServer, body, stall
from gitting import check, refs
from loopback import serving
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.testing import build_wheel as wheel
from servers import PypiServer, pypiserver

PASSWORD = "p@ss:w/o%rd"
# What a pip of the machine, or the machine's own settings, would add.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def server(tmp_path):
    sdist("alpha", "1.0", {"alpha.py": "one\n"}).into(tmp_path / "packages")
    sdist("alpha", "2.0", {"alpha.py": "two\n"}).into(tmp_path / "packages")
    wheel("beta", "0.1", {"beta.py": "beta\n"}).into(tmp_path / "packages")
    with pypiserver(tmp_path / "packages", tmp_path / "server", user="reader", password=PASSWORD) as running:
        yield running


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "pydeps_host", *words]
    return subprocess.run(program, env={**CLEAN, "PW": PASSWORD, **environment}, capture_output=True, text=True, check=False, timeout=120)


def index(server: PypiServer) -> str:
    return server.url(user_information="reader:${PW}")


def test_sync_leaves_repositories_and_says_so_in_plain_lines(server, tmp_path):
    done = run("sync", "alpha>=1", "beta", "--index-url", index(server), "--into", str(tmp_path / "code"))
    assert done.returncode == 0, done.stderr
    assert "2 versions added" in done.stdout
    assert "v0.1 added" in done.stdout
    assert "2 projects (0 failed); versions: 3 added" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert set(refs(tmp_path / "code/python/alpha.git")) == {
        "refs/heads/history",
        "refs/heads/latest",
        "refs/tags/v1.0",
        "refs/tags/v2.0",
    }


def test_json_lines_are_one_a_project_and_a_summary_and_nothing_else(server, tmp_path):
    done = run("sync", "alpha>=1", "nothing", "--index-url", index(server), "--into", str(tmp_path / "code"), "--json", "--jobs", "1")
    assert done.returncode == 1
    assert done.stderr == ""
    alpha, nothing, summary = map(json.loads, done.stdout.splitlines())
    assert {key: alpha[key] for key in ("schema", "kind", "name", "error")} == {
        "schema": 1,
        "kind": "package",
        "name": "alpha",
        "error": None,
    }
    assert alpha["repository"] == str(tmp_path / "code/python/alpha.git")
    (tried,) = alpha["tried"]
    assert tried == {
        "url": server.url(user_information="reader:${PW}") + "/alpha/",
        "outcome": "found",
        "detail": "",
        "status": 200,
        "until": None,
    }
    newest = alpha["versions"][0]
    assert set(newest) >= {"version", "status", "commit", "file", "sha256", "skipped", "error"}
    assert (newest["version"], newest["status"], newest["file"], newest["error"]) == ("2.0", "added", "alpha-2.0.tar.gz", None)
    assert (nothing["error"]["type"], nothing["error"]["code"], nothing["error"]["retryable"]) == (
        "ProjectNotFoundError",
        "project-not-found",
        False,
    )
    assert (summary["kind"], summary["projects"], summary["failed"], summary["versions"]["added"]) == ("summary", 2, 1, 2)


def test_a_person_and_a_program_learn_which_entries_of_an_archive_were_left_out(tmp_path):
    packages = sdist("odd", "1.0", {"x/.git/config": "y\n", "x/.GIT": "z\n", "odd.py": "\n"}).into(tmp_path / "packages").parent
    words = ("sync", "odd", "--index-url", packages.as_uri(), "--into")
    done = run(*words, str(tmp_path / "code"))
    (note,) = (line for line in done.stderr.splitlines() if line.startswith("note:"))
    assert re.fullmatch(
        r"note: odd 1\.0: left out of odd-1\.0\.tar\.gz: dot-git 2 \(first 'odd-1\.0/x/\.git/config' at byte \d+\)",
        note,
    )
    assert "left out" not in run(*words, str(tmp_path / "code")).stderr, "what was told once is not told again"
    (odd, _) = map(json.loads, run(*words, str(tmp_path / "other"), "--json").stdout.splitlines())
    (version,) = odd["versions"]
    assert version["skipped"] == {"dot-git": 2}
    assert [(one["path"], one["reason"]) for one in version["skips"]] == [
        ("odd-1.0/x/.git/config", "dot-git"),
        ("odd-1.0/x/.GIT", "dot-git"),
    ]
    assert all(one["offset"] % 512 == 0 for one in version["skips"])


def test_plan_json_tells_the_same_as_planned(server, tmp_path):
    done = run("plan", "beta", "--index-url", index(server), "--into", str(tmp_path / "code"), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[0])["versions"][0]["status"] == "planned"
    assert server.files() == []


def test_list_shows_what_a_store_holds(server, tmp_path):
    run("sync", "alpha>=1", "beta", "--index-url", index(server), "--into", str(tmp_path / "code"))
    done = run("list", str(tmp_path / "code"))
    assert done.returncode == 0
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [["alpha", "latest", "2.0"], ["beta", "latest", "0.1"]]
    (first, _) = map(json.loads, run("list", str(tmp_path / "code"), "--json").stdout.splitlines())
    assert (first["name"], first["versions"]) == ("alpha", ["2.0", "1.0"])
    assert run("list", str(tmp_path / "nowhere")).returncode == 1


def test_a_configuration_is_synced_and_what_it_forgets_goes(server, tmp_path):
    file = tmp_path / "host.jsonc"
    file.write_text(json.dumps({"urls": [index(server)], "dependencies": ["alpha==1.0", "alpha==2.0"]}))
    assert run("sync", "--config", str(file), "--into", str(tmp_path / "code")).returncode == 0
    file.write_text(json.dumps({"urls": [index(server)], "dependencies": ["alpha==2.0"]}))
    done = run("sync", "--config", str(file), "--into", str(tmp_path / "code"), "--no-rate-limit")
    assert "1 removed" in done.stdout
    assert "refs/tags/v1.0" not in refs(tmp_path / "code/python/alpha.git")
    done = run("sync", "beta", "--index-url", index(server), "--into", str(tmp_path / "code"))
    assert done.returncode == 0
    assert "refs/tags/v2.0" in refs(tmp_path / "code/python/alpha.git"), "what is given on the command line is added, and nothing goes"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sync", "--into", "x"], "Name at least one dependency"),
        (["sync", "numpy=1.0", "./x", "--index-url", "https://index.example.com", "--into", "x"], "write `numpy==1.0`"),
        (["sync", "numpy", "--index-url", "ftp://index.example.com", "--into", "x"], "--index-url: 1 problem"),
        (["sync", "numpy", "--config", "missing.jsonc", "--into", "x"], "missing.jsonc"),
        (["sync", "numpy"], "--into"),
        (["sync", "numpy", "--into", "x", "--jobs", "0"], "--jobs"),
        (["nonsense"], "No such command"),
    ],
)
def test_usage_and_configuration_problems_exit_with_2_and_do_nothing(words, said, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pydeps_host", *words], cwd=tmp_path, env=CLEAN, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_the_index_is_the_one_that_pip_uses(server, tmp_path):
    secret = server.url()
    done = run(
        "sync",
        "beta",
        "--into",
        str(tmp_path / "code"),
        PIP_INDEX_URL=secret,
        PIP_EXTRA_INDEX_URL="https://u:canary@extra.example.com/simple",
    )
    assert done.returncode == 0, done.stderr
    assert "(PIP_INDEX_URL)" in done.stderr
    assert "extra indexes (1), not used here" in done.stderr
    assert "canary" not in done.stderr
    configured = tmp_path / "pip.conf"
    configured.write_text(f"[global]\nindex-url = https://ignored.example.com/\n[install]\nindex-url = {secret}\n")
    done = run("sync", "beta", "--into", str(tmp_path / "other"), PIP_CONFIG_FILE=str(configured))
    assert done.returncode == 0, done.stderr
    assert "(pip's configuration)" in done.stderr


def test_a_configuration_that_pip_cannot_read_is_told_without_its_password(tmp_path):
    broken = tmp_path / "pip.conf"
    broken.write_text("index-url = https://user:canary@packages.example.com/simple\n")
    done = run("sync", "beta", "--into", str(tmp_path / "code"), PIP_CONFIG_FILE=str(broken))
    assert done.returncode == 2
    assert "pip cannot read its configuration" in done.stderr
    assert "canary" not in done.stderr


def test_without_an_index_of_pip_one_is_asked_for(tmp_path):
    done = run("sync", "beta", "--into", str(tmp_path / "code"), PIP_NO_INDEX="1")
    assert done.returncode == 2
    assert "--index-url" in done.stderr


def test_the_default_of_pip_is_the_one_that_pip_names_itself():
    from pydeps_host.cli.pip_index import _default, _find_pip

    assert _default(_find_pip()).startswith("https://")


def test_a_command_that_was_started_shows_no_password_in_its_arguments_output_or_files(tmp_path):
    with FaultyServer(answer=stall) as server:
        url = server.url("/simple", user="reader:${PW}")
        words = [sys.executable, "-m", "pydeps_host", "sync", "alpha", "--index-url", url, "--into", str(tmp_path / "code")]
        with subprocess.Popen(words, env={**CLEAN, "PW": PASSWORD}, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            server.wait_for(1, 30)
            assert PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert PASSWORD.encode() not in out + err


@pytest.mark.parametrize("where", ["page", "file", "budget"])
def test_ctrl_c_stops_within_a_second_and_leaves_whole_repositories(where, tmp_path):
    """In the middle of a page, of a file, and of a wait for the budget."""
    page = body(b'<!DOCTYPE html><a href="/f/alpha-1.0.tar.gz">x</a>', ("Content-Type", "text/html"))
    config = tmp_path / "host.jsonc"
    with FaultyServer() as server:
        server.at("/simple/alpha/", stall if where == "page" else page).at("/f/alpha-1.0.tar.gz", stall)
        wanted = ["alpha"] if where != "budget" else [f"p{number}" for number in range(120)]
        rate = {"requestsPerHour": 1}
        config.write_text(json.dumps({"urls": [server.url("/simple")], "dependencies": wanted, "rateLimit": rate}))
        words = [sys.executable, "-m", "pydeps_host", "sync", "--config", str(config), "--into", str(tmp_path / "code")]
        with subprocess.Popen(words, env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            server.wait_for({"page": 1, "file": 2, "budget": 100}[where], 30)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, err = process.communicate(timeout=10)
            took = time.monotonic() - began
    assert took < 1, took
    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    for path in (tmp_path / "code").glob("python/*.git"):
        check(path, tmp_path / f"clone-{path.stem}")


def test_on_a_terminal_there_are_bars_and_results_stay(server, tmp_path):
    parent, child = pty.openpty()
    words = [sys.executable, "-m", "pydeps_host", "sync", "alpha>=1", "--index-url", index(server), "--into", str(tmp_path / "code")]
    with subprocess.Popen(words, env={**CLEAN, "PW": PASSWORD, "TERM": "xterm", "COLUMNS": "80"}, stdout=child, stderr=child):
        os.close(child)
        seen = b""
        while True:
            try:
                data = os.read(parent, 65536)
            except OSError:
                break
            if not data:
                break
            seen += data
    os.close(parent)
    assert b"projects" in seen
    assert b"2 versions added" in seen
    assert PASSWORD.encode() not in seen


@pytest.mark.parametrize("words", [["--help"], ["sync", "--help"], ["plan", "--help"], ["list", "--help"]])
def test_help_has_examples(words):
    done = run(*words)
    assert done.returncode == 0
    assert "\\b" not in done.stdout
    assert "Usage" in done.stdout
    if words != ["list", "--help"]:
        assert re.search(r"Examples?:\n +pydeps-host \w+", done.stdout), done.stdout


def test_help_loads_no_http_stack():
    program = (
        "import sys; sys.argv = ['pydeps-host', '--help']\n"
        "from pydeps_host.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'httpx', 'cattrs', 'pyrate_limiter', 'rich'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_plan_verbose_tells_the_whole_story(server, tmp_path):
    (tmp_path / "packages" / "alpha-1.5.win32.exe").write_bytes(b"MZ")
    words = ["plan", "alpha<2", "--index-url", index(server), "--index-url", index(server) + "/other", "--into", str(tmp_path / "code")]
    done = run(*words, "--verbose")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert f"asked {server.url(user_information='reader:${PW}')}/alpha/: found (status 200)" in lines
    assert "takes 1.0: alpha-1.0.tar.gz" in lines
    assert "does not take, for other-release: alpha-2.0.tar.gz" in lines
    (project, _) = map(json.loads, run(*words, "--verbose", "--json").stdout.splitlines())
    assert project["choices"][0]["releases"] == [{"version": "1.0", "files": ["alpha-1.0.tar.gz"]}]
    assert "choices" not in json.loads(run(*words, "--json").stdout.splitlines()[0])


def test_what_is_warned_of_are_the_urls_that_are_asked(tmp_path):
    config = tmp_path / "host.json"
    urls = ["https://a.example.com/simple", "https://user:password@b.example.com/simple"]
    config.write_text(json.dumps({"urls": urls, "dependencies": ["alpha"]}))
    with serving() as served:
        served.add(sdist("alpha", "1.0", {"x.py": "x\n"}))
        again = served.url.replace("://", "://reader:password@")
        words = ("plan", "--config", str(config), "--into", str(tmp_path / "code"), "--index-url", served.url)
        assert "private" not in run(*words).stderr
        assert "this is the same index as `urls[0]`" in run(*words, "--index-url", again).stderr


def test_refresh_asks_for_what_is_kept_anew(tmp_path):
    with serving() as served:
        served.add(sdist("alpha", "1.0", {"x.py": "x\n"}))
        for words in (["sync"], ["plan"], ["plan", "--refresh"], ["sync", "--refresh"]):
            assert run(*words, "alpha", "--index-url", served.url, "--into", str(tmp_path / "code")).returncode == 0
        page = served.page_path("alpha")
        assert [bool(request.headers) for request in served.requests if request.url.path == page] == [False, True, False, False]
