"""What several tests of crashes share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashing import Scene, scene

# Syncing costs nothing there, and a kill does not care.
MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def crash_scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, scene(Path(folder)) as found:
        yield found
