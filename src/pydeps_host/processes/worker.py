"""One worker process, seen from the host."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from pydeps_host import __version__
from pydeps_host.processes.channel import Channel
from pydeps_host.processes.task import Answer, Drop, Message

# Ctrl-C and the like go to all processes of a terminal or a service: the host decides what they mean.
_PROGRAM: Final = (
    "import signal, sys\n"
    "for name in ('SIGINT', 'SIGTERM', 'SIGHUP'):\n"
    "    signal.signal(getattr(signal, name), signal.SIG_IGN)\n"
    "sys.path[:] = sys.argv[3:]\n"
    "from pydeps_host.processes.program import main\n"
    "main()\n"
)
# What the interpreter needs to begin, and how it spells the names of files.
_INHERITED: Final = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_LOOK_SECONDS: Final = 0.05
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 0.1


class WorkerLostError(Exception):
    """A worker is gone; the message says how it ended.

    Attributes:
        began: Whether it ever was ready: where one never was, another one would not be.
        at_work: Whether it had been sent what was asked for.
    """

    def __init__(self, how: str, *, began: bool, at_work: bool) -> None:
        super().__init__(how)
        self.began = began
        self.at_work = at_work


class Worker:
    """A process that does one thing at a time, for one thread at a time.

    Attributes:
        is_busy: Whether somebody has it; whoever hands it out keeps this.
        batches: For which batches it writes packs, kept by the same.
    """

    def __init__(self) -> None:
        """Start it, and do not wait for it.

        Raises:
            OSError: The system refuses, or there is no interpreter to start.
        """
        self.is_busy: bool = False
        self.batches: set[object] = set()
        self._turn = threading.Lock()
        self._untold: deque[Drop] = deque()
        self._began = False
        self._latest = time.monotonic() + _START_SECONDS
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._process = _started(theirs.fileno())
            self._channel: Channel | None = Channel(ours.detach(), look=_nothing, every=_LOOK_SECONDS)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, message: Message, check: Callable[[], object]) -> Answer:
        """Send a message, and wait for the answer.

        Args:
            message: What to do.
            check: Called every 50 ms; what it raises ends the wait, and the process.

        Raises:
            WorkerLostError: The process is gone.
        """
        with self._turn:
            at_work = False
            try:
                channel = self._ready(check)
                channel.send(message)
                at_work = True
                answer: Answer = channel.receive(check)
            except (EOFError, OSError):
                self._end(_END_SECONDS)
                # Whoever is told to stop is not told of what the stop itself has ended.
                check()
                raise WorkerLostError(_ending(self._process.returncode), began=self._began, at_work=at_work) from None
            except BaseException:
                self._end(0)
                raise
            return answer

    def tell(self, message: Drop) -> None:
        """Send what has no answer before whatever is asked next; nobody waits for the worker meanwhile."""
        self._untold.append(message)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        if self._turn.acquire(timeout=_END_SECONDS):
            self._end(0)
            self._turn.release()

    def _ready(self, check: Callable[[], object]) -> Channel:
        """Return the way to the process once that listens, and has been told what was left to be told."""
        if self._channel is None:
            raise EOFError
        if not self._began:
            self._greet(self._channel, check)
        while self._untold:
            self._channel.send(self._untold.popleft())
        return self._channel

    def _greet(self, channel: Channel, check: Callable[[], object]) -> None:
        def look() -> None:
            check()
            if time.monotonic() > self._latest:
                raise EOFError

        if channel.receive(look) != __version__:
            raise EOFError
        self._began = True

    def _end(self, seconds: float) -> None:
        """End the process, after waiting a moment for it to end by itself; for who has the turn."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._process.kill()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            # It is in the middle of a write to a slow disk: nobody is kept waiting for that.
            threading.Thread(target=self._process.wait, name="pydeps-host-reaper", daemon=True).start()


def _started(descriptor: int) -> "subprocess.Popen[bytes]":
    from multiprocessing.spawn import get_executable

    # What embedders set with `multiprocessing.set_executable`, else `sys.executable`.
    executable = get_executable()
    if not executable or getattr(sys, "frozen", False):
        raise OSError("there is no interpreter to start")
    flags = ["-I", "-X", f"utf8={int(sys.flags.utf8_mode)}", *(["-B"] if sys.dont_write_bytecode else [])]
    return subprocess.Popen(  # noqa: S603 - our own program
        [os.fsdecode(executable), *flags, "-c", _PROGRAM, str(descriptor), str(os.getpid()), *map(str, sys.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(os.environ),
        pass_fds=(descriptor,),
    )


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker gets of this process's environment, where passwords may stand."""
    return {name: inherited[name] for name in _INHERITED if name in inherited}


def _ending(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        # A real-time signal has no name of its own.
        return f"signal {-status}"


def _nothing() -> None:
    pass
