"""What a test may need of the machine, and what happens where it is absent."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The first draw of a text takes a second on a busy machine: a fresh checkout has no table of characters yet.
settings.register_profile("any machine", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

REQUIRE_ALL = bool(os.environ.get("PYDEPS_HOST_REQUIRE_ALL"))
ABSENT = pytest.StashKey[dict[str, int]]()
# Archives and scripts that lie beside the checkout, where they lie there.
SHARED = Path(__file__).parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ABSENT] = {}
    # A shell has what it starts in the background ignore Ctrl-C, and so would every program that a test starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("needs"):
            (program,) = marker.args
            if not available(program):
                config.stash[ABSENT][program] = config.stash[ABSENT].get(program, 0) + 1
                if not REQUIRE_ALL:
                    item.add_marker(pytest.mark.skip(reason=f"needs {program}, which is not installed"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        if not available(marker.args[0]):
            pytest.fail(f"needs {marker.args[0]}, which is absent, and everything is required here", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    absent = terminalreporter.config.stash[ABSENT]
    if absent:
        terminalreporter.section("skipped for want of a program", yellow=True)
        for program, count in sorted(absent.items()):
            terminalreporter.line(f"{program}: {count} test{'s' if count > 1 else ''}")


def available(name: str) -> bool:
    """Whether a system program, or the folder `shared/...`, is there."""
    if name.startswith("shared"):
        return (SHARED / name.removeprefix("shared").lstrip("/")).is_dir()
    # What a Python package brought lies beside the Python that runs the tests.
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") is not None


@pytest.fixture(scope="session")
def shared() -> Path:
    return SHARED
