"""What it costs to start: nothing is loaded that is not used."""

import os
import subprocess
import sys
from statistics import median
from typing import Final

import pytest

# HTTP stacks, progress libraries, and what else takes its time and is not needed to tell what there is.
HEAVY: Final = {
    "httpx", "httpcore", "h11", "anyio", "ssl", "http.client", "http.cookiejar", "urllib.request", "rich", "tqdm", "cattrs",
    "pyrate_limiter", "asyncio", "multiprocessing", "concurrent.futures", "keyring", "json5",
}  # fmt: skip
IMPORTS: Final = {
    "the package": "import pydeps_host",
    "every public name": "from pydeps_host import *",
}
HELP: Final = "import sys\nsys.argv = ['pydeps-host', {words}]\nfrom pydeps_host.__main__ import main\ntry: main()\nexcept SystemExit: pass"
COMMANDS: Final = {
    "help": "'--help'",
    "the version": "'--version'",
    "the help of a command": "'sync', '--help'",
}
MOST_SECONDS: Final = 0.08


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, timeout=60)


def loads_nothing_heavy(program: str) -> None:
    run(f"{program}\nimport sys\nloaded = {HEAVY!r} & set(sys.modules)\nassert not loaded, loaded")


@pytest.mark.parametrize("what", IMPORTS)
def test_importing_loads_no_http_stack(what: str) -> None:
    loads_nothing_heavy(IMPORTS[what])


@pytest.mark.parametrize("what", COMMANDS)
def test_the_command_tells_of_itself_without_an_http_stack_or_a_progress_library(what: str) -> None:
    pytest.importorskip("click", reason="needs the command's libraries")
    loads_nothing_heavy(HELP.format(words=COMMANDS[what]))


def test_running_the_package_tells_of_itself_without_them_either() -> None:
    pytest.importorskip("click", reason="needs the command's libraries")
    loads_nothing_heavy("import runpy, sys\nsys.argv[1:] = ['--help']\ntry: runpy.run_module('pydeps_host')\nexcept SystemExit: pass")


def cpu(program: str) -> float:
    """Return the processor time of an interpreter that runs a program, in seconds."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, used = os.wait4(child, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime


def test_importing_the_package_takes_at_most_80_ms_of_processor_time() -> None:
    assert median(cpu("import pydeps_host") - cpu("pass") for _ in range(7)) < MOST_SECONDS
