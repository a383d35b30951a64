"""Whoever controls the program of `crash_child.py`: begins jobs, traces, kills and listens to them."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]


class Run:
    """One job of a program, in a process group of its own, stopped until `go`."""

    def __init__(self, program: "Program", number: int, pid: int) -> None:
        self._program = program
        self._number = number
        self._tracer: subprocess.Popen[bytes] | None = None
        self.pid = pid
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = -1

    def trace(self, *words: str) -> Self:
        """Have strace attached, with its words for what to tamper with."""
        _wait_until(lambda: _state(self.pid) == "T")
        command = ["strace", "-f", "-q", "-o", os.devnull, *words, "-p", str(self.pid)]
        self._tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_until(lambda: _tracer(self.pid) != "0" or self._tracer_ended())
        assert not self._tracer_ended(), "strace could not be attached"
        return self

    def go(self) -> Self:
        """Let it run."""
        _wait_until(lambda: _state(self.pid) in "tTX")
        os.kill(self.pid, signal.SIGCONT)
        return self

    def kill(self) -> None:
        """Kill all of it at once."""
        if not self.ended(0):
            os.killpg(self.pid, signal.SIGKILL)
        assert self.ended(30)

    def ended(self, seconds: float) -> bool:
        """Wait so long at most for its end."""
        if self._descriptor >= 0 and not select.select([self._descriptor], [], [], seconds)[0]:
            return False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._tracer is not None:
            self._tracer.wait(30)
        return True

    def wait(self, seconds: float = 120) -> Json | None:
        """Wait for its end, and return its last word; None where it was killed before it had one."""
        assert self.ended(seconds), "it does not end"
        last = next((told["ended"] for told in self.told() if "ended" in told), None)
        assert last is None or "crash" not in last, last
        return last

    def told(self) -> list[Json]:
        """Everything that it told so far."""
        return self._program.told(self._number)

    def _tracer_ended(self) -> bool:
        return self._tracer is not None and self._tracer.poll() is not None


class Program:
    """The program of `crash_child.py`, warmed up: it forks for every job."""

    def __init__(self, process: subprocess.Popen[str], channel: socket.socket) -> None:
        self._process = process
        self._channel = channel
        self._told: dict[int, list[Json]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    def start(self, job: Json) -> Run:
        """Begin a job, which does nothing before its `go`."""
        number = next(self._numbers)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**job, "number": number}) + "\n")
        self._process.stdin.flush()
        return Run(self, number, int(self._process.stdout.readline()))

    def told(self, number: int) -> list[Json]:
        """What a job told so far; nothing is waited for."""
        with self._lock:
            while select.select([self._channel], [], [], 0)[0]:
                told = json.loads(self._channel.recv(1 << 20))
                self._told.setdefault(told["job"], []).append(told)
            return list(self._told.get(number, []))

    def listen(self, ended: threading.Event) -> None:
        """Take what is told until the event is set: a queue of ten is all that the system keeps."""
        while not ended.is_set():
            if select.select([self._channel], [], [], 0.05)[0]:
                self.told(0)


@contextmanager
def program(folder: Path, warm: Json) -> Iterator[Program]:
    """Run the program; the job `warm` makes it load everything."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    path = folder / "told"
    channel.bind(str(path))
    words = [sys.executable, str(Path(__file__).with_name("crash_child.py")), str(path)]
    with channel, subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(warm) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        running, ended = Program(process, channel), threading.Event()
        listener = threading.Thread(target=running.listen, args=(ended,))
        listener.start()
        try:
            yield running
        finally:
            ended.set()
            listener.join()
            process.stdin.close()


def _wait_until(true: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _tracer(pid: int) -> str:
    try:
        return next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("TracerPid")).split()[1]
    except OSError:
        return "gone"
