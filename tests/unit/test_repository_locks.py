import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pydeps_host.errors import ClosedError, DeadlineError, DiskError, HostError, LockedError
from pydeps_host.limiter import Stop
from pydeps_host.repository import Patience, locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_lock_is_held_by_one_thread_at_a_time(path: Path) -> None:
    inside = 0
    most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with locked(path):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_lock_file_is_never_unlinked_nor_replaced(path: Path) -> None:
    with locked(path):
        inode = path.stat().st_ino
    with locked(path):
        pass
    assert path.stat().st_ino == inode


def test_a_lock_is_free_again_after_an_error_inside(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    with locked(path, Patience(seconds=0)):
        pass


def ends_within(seconds: float, path: Path, patience: Patience) -> HostError:
    started = time.monotonic()
    with pytest.raises(HostError) as caught, locked(path, patience, doing="waiting to publish pkg"):
        pass
    assert time.monotonic() - started < seconds
    return caught.value


@pytest.mark.parametrize(
    ("patience", "kind"),
    [
        (lambda: Patience(deadline=time.monotonic() + 0.1), DeadlineError),
        (lambda: Patience(deadline=time.monotonic() - 1), DeadlineError),
        (lambda: Patience(seconds=0.1), LockedError),
        (lambda: Patience(seconds=0), LockedError),
        (lambda: Patience(seconds=5, deadline=time.monotonic() + 0.1), DeadlineError),
    ],
)
def test_a_wait_ends_when_its_time_is_over(path: Path, patience: Callable[[], Patience], kind: type[HostError]) -> None:
    with locked(path):
        assert isinstance(ends_within(0.2, path, patience()), kind)


def test_a_wait_ends_within_a_tenth_of_a_second_of_the_stop(path: Path) -> None:
    stop = Stop()
    set_at = 0.0

    def set_it() -> None:
        nonlocal set_at
        set_at = time.monotonic()
        stop.set()

    timer = threading.Timer(0.3, set_it)
    with locked(path):
        timer.start()
        error = ends_within(5, path, Patience(stop=stop))
        assert time.monotonic() - set_at < 0.1
    timer.join()
    assert isinstance(error, ClosedError)
    assert error.doing == "waiting to publish pkg"


def test_a_free_lock_is_taken_whatever_the_patience(path: Path) -> None:
    stop = Stop()
    stop.set()
    with locked(path, Patience(stop=stop, deadline=0, seconds=0)):
        pass


def test_a_child_process_does_not_inherit_the_lock(path: Path) -> None:
    with locked(path) as descriptor:
        assert not os.get_inheritable(descriptor)


def test_a_link_in_the_place_of_a_lock_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious")
    path.symlink_to(tmp_path / "other")
    with pytest.raises(DiskError, match="lock"), locked(path) as descriptor:
        os.ftruncate(descriptor, 0)
    assert (tmp_path / "other").read_text() == "precious"


def test_a_lock_in_a_folder_that_is_gone_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="lock"), locked(tmp_path / "gone" / "lock"):
        pass
