"""What is checked before anything is merged: `nox` runs it all."""

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "typing", "tests"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def install(session: nox.Session, group: str) -> None:
    """Install the package, its command and what a group of the project needs."""
    session.install("--upgrade", "pip>=25.1")
    session.install("--editable", ".[cli]", "--group", group)


@nox.session
def lint(session: nox.Session) -> None:
    """Hold the code to the rules of pyproject.toml."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Read the types of the package and of its tests, strictly."""
    install(session, "dev")
    session.run("mypy")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every Python that is found."""
    install(session, "test")
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
def real_index(session: nox.Session) -> None:
    """Hold real releases from pip's index against what CPython reads from their archives."""
    install(session, "test")
    session.run("python", "tests/real_index.py", *session.posargs)
