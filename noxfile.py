"""What is checked before anything is merged: `nox` runs it all."""

import shutil
import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "typing", "tests", "wheel", "lowest", "docs"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def install(session: nox.Session, group: str, *more: str) -> None:
    """Install the package, its command and what a group of the project needs."""
    session.install("--upgrade", "pip>=25.1")
    session.install("--editable", ".[cli]", "--group", group, *more)


@nox.session
def lint(session: nox.Session) -> None:
    """Hold the code to the rules of pyproject.toml."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Read the types of the package and of its tests, strictly; then its public face, as two checkers see it."""
    install(session, "dev")
    session.run("mypy")
    session.run("mypy", "--config-file", "tests/typing/mypy.ini")
    session.run("pyright", "--project", "tests/typing")
    session.run("pyright", "--verifytypes", "pydeps_host", "--ignoreexternal")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every Python that is found."""
    install(session, "test")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Run the tests of the source distribution against the wheel, where no source of the package is in reach."""
    session.install("--upgrade", "pip>=25.1", "build")
    built = Path(session.create_tmp()) / "dist"
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(built))
    (made,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    session.install(f"{made}[cli]", "--group", "test")
    with tarfile.open(sdist) as opened:
        opened.extractall(built, filter="data")
    unpacked = built / sdist.name.removesuffix(".tar.gz")
    shutil.rmtree(unpacked / "src")
    session.chdir(unpacked)
    session.run("python", "-c", "import pydeps_host as package; assert 'site-packages' in package.__file__, package.__file__")
    # What lies beside a checkout does not lie beside this folder.
    session.run("python", "-m", "pytest", *session.posargs, env={"PYDEPS_HOST_REQUIRE_ALL": ""})


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest version of each library that pyproject.toml allows."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    allowed = [*project["dependencies"], *project["optional-dependencies"]["cli"]]
    install(session, "test", *(one.replace(">=", "==", 1) for one in allowed))
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests and tell which branches none of them took."""
    install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation's site into build/docs; a warning is an error. The tests run its examples."""
    install(session, "docs")
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--fresh-env", "-b", "html", "docs", "build/docs")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed the archive readers broken archives for ten minutes, or as the arguments say, and ask other readers about each."""
    install(session, "test")
    session.run("python", "tests/fuzz_archives.py", *(session.posargs or ["--seed", "1", "--seconds", "600", "--consensus"]))


@nox.session
def crash(session: nox.Session) -> None:
    """Kill a thousand syncs, cut the power of a hundred, and more, or as the arguments say; for root, or without power cuts."""
    install(session, "test")
    session.run("python", "tests/crash_repositories.py", *(session.posargs or ["--seed", "1"]))


@nox.session
def real_index(session: nox.Session) -> None:
    """Hold real releases from pip's index against what CPython reads from their archives."""
    install(session, "test")
    session.run("python", "tests/real_index.py", *session.posargs)


@nox.session
def real_locks(session: nox.Session) -> None:
    """Lock real projects with poetry, pipenv, uv, pdm and pip from pip's index, and hold what we read against what they list."""
    install(session, "test", "--group", "locks")
    session.run("python", "tests/real_locks.py", *session.posargs)


@nox.session
def real_archives(session: nox.Session) -> None:
    """Hold the archive readers against real artifacts from pip's index, and against what other programs read in them."""
    install(session, "test")
    session.run("python", "tests/real_archives.py", *session.posargs)


@nox.session
def reading(session: nox.Session) -> None:
    """Measure the archive readers against CPython's, on a folder of `.tar.gz` files: `nox -s reading -- FOLDER`."""
    install(session, "test")
    session.run("python", "benchmarks/reading.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the package beside other ways to do the same, on a folder of source distributions: `nox -s bench -- FOLDER`."""
    install(session, "test")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def fuzz_pages(session: nox.Session) -> None:
    """Feed the reader of index pages a million broken pages, or as the arguments say."""
    install(session, "test")
    session.run("python", "tests/fuzz_pages.py", *(session.posargs or ["--seed", "1", "--runs", "1000000"]))


@nox.session
def clients(session: nox.Session) -> None:
    """Run other clients of package indexes beside ours over the table of quirks, and print who is right on what."""
    install(session, "test", "pypi-simple", "unearth", "uv")
    session.run("python", "tests/compare_clients.py", *session.posargs)
