"""Keeping secrets out of other people's log records.

At level DEBUG the engine below httpx logs every response's header fields: a
`Location` can hold a presigned URL, or repeat a token that stands in our own
path. httpx's own line with the whole URL comes from its client, which we do
not use.
"""

import logging
import threading
from typing import Final, Self

_TALKATIVE: Final = "httpcore.http11"


class Discretion(logging.Filter):
    """Cuts the engine's records of our own threads down to the name of what happened.

    It sits on one logger from `install` to `remove`, and leaves records of
    every other thread, so of other users of the same libraries, as they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def install(self) -> None:
        """Begin; installing it twice is harmless."""
        logging.getLogger(_TALKATIVE).addFilter(self)

    def remove(self) -> None:
        """End."""
        logging.getLogger(_TALKATIVE).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a record of a thread that is inside of `with`."""
        if getattr(self._local, "inside", False):
            record.msg = record.getMessage().partition(" ")[0]
            record.args = ()
        return True

    def __enter__(self) -> Self:
        self._local.inside = True
        return self

    def __exit__(self, *_: object) -> None:
        self._local.inside = False
