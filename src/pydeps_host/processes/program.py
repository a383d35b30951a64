"""What a worker process runs.

It ends as soon as nobody holds the other end of its socket, even in the middle of a
file: a host that was killed leaves no worker behind. Signals that somebody sends
to a whole group, such as Ctrl-C, are for the host to heed; the program that
starts this one sees to that before anything is loaded.
"""

import os
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from pydeps_host import __version__
from pydeps_host.errors import DiskError, HostError
from pydeps_host.git import FinishedPack, PackWriter
from pydeps_host.processes.channel import Channel
from pydeps_host.processes.task import Answer, Drop, Failed, Finish, Make, Message, NewPack, carry_out

# How often a worker looks whether its host still lives, where a fork of that holds the socket open.
_LOOK_SECONDS: Final = 0.5


def main() -> None:
    """Serve the host whose socket and process id the arguments name, until it is gone."""
    descriptor, host = map(int, sys.argv[1:3])
    channel = Channel(descriptor, look=lambda: _check_parent(host), every=_LOOK_SECONDS)
    inbox: SimpleQueue[Message] = SimpleQueue()
    threading.Thread(target=_listen, args=(channel, inbox), daemon=True).start()
    channel.send(__version__)
    serve(channel, inbox)


def serve(channel: Channel, inbox: "SimpleQueue[Message]") -> None:
    """Answer messages, in order, without end."""
    desk = Desk()
    while True:
        message = inbox.get()
        try:
            answer: Answer = desk.answer(message)
        except HostError as problem:
            answer = Failed(problem)
        except Exception as problem:  # noqa: BLE001 - raised where the answer is waited for
            problem.add_note(f"in a worker process:\n{traceback.format_exc()}")
            answer = Failed(problem)
        if not isinstance(message, Drop):
            channel.send(answer)


class Desk:
    """The packs that are being written, as many as there are batches."""

    def __init__(self) -> None:
        self._packs: dict[Path, PackWriter] = {}

    def answer(self, message: Message) -> Answer:
        """Do what a message says; raises whatever that raises."""
        match message:
            case Make(pack, task):
                return carry_out(task, self._pack(pack))
            case Finish(pack):
                return self._finish(pack)
            case Drop(pack):
                self._drop(pack)
        return None

    def _pack(self, pack: NewPack) -> PackWriter:
        if pack.path not in self._packs:
            self._packs[pack.path] = pack.open()
        return self._packs[pack.path]

    def _finish(self, pack: NewPack) -> FinishedPack | None:
        # There is none where it could not be begun.
        writer = self._packs.pop(pack.path, None)
        return None if writer is None else writer.finish(sync=pack.sync)

    def _drop(self, pack: NewPack) -> None:
        writer = self._packs.pop(pack.path, None)
        # What cannot be removed now is removed by the next publishing.
        with suppress(DiskError):
            if writer is not None:
                writer.abort()


def _listen(channel: Channel, inbox: "SimpleQueue[Message]") -> None:
    """Take messages while others are worked on, and end the process when the host is gone."""
    try:
        while True:
            inbox.put(channel.receive())
    finally:
        os._exit(0)


def _check_parent(host: int) -> None:
    if os.getppid() != host:
        raise EOFError
