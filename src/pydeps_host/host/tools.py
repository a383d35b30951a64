"""What the work on every project shares."""

import threading
from collections.abc import Callable

from attrs import Factory, field, frozen

from pydeps_host.config import HostConfig
from pydeps_host.errors import ClosedError
from pydeps_host.events import Event, Observer
from pydeps_host.host.locking import Ending
from pydeps_host.limiter import Priority, Stop
from pydeps_host.processes.pool import Pool
from pydeps_host.repository import Patience
from pydeps_host.resolver import Resolver
from pydeps_host.store import Store
from pydeps_host.transport import Transport
from pydeps_host.values import Policy


class Teller:
    """Passes events on to an observer, one at a time.

    What the observer raises goes to the thread whose event it was, and stops the
    sync from there.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        # Reentrant: an observer may ask the host for something, and be told of that too.
        self._lock = threading.RLock()
        self._telling: int | None = None

    def __call__(self, event: Event, /) -> None:
        """Tell one event."""
        with self._lock:
            before, self._telling = self._telling, threading.get_ident()
            try:
                self._observer(event)
            finally:
                self._telling = before

    @property
    def is_asking(self) -> bool:
        """Whether it is the observer that runs in this thread: nobody else is told anything before it is done."""
        return self._telling == threading.get_ident()


@frozen(kw_only=True)
class Tools:
    """What the work on every project shares.

    Attributes:
        config: What the host was told.
        store: Where repositories are.
        transport: How servers are asked.
        resolver: Where projects are found; asked once a project.
        tell: Where events go.
        stop: Ends every wait.
        halted: Whether this sync ends before its time.
        priority: Who goes first where requests wait.
        deadline: When to give up, in seconds of `time.monotonic()`, or None.
        ending: Whose claims a sync ends where they no longer stand.
        pool: Worker processes, where they are worth it.
    """

    config: HostConfig
    store: Store
    transport: Transport
    resolver: Resolver
    tell: Callable[[Event], None]
    stop: Stop
    halted: threading.Event = field(factory=threading.Event)
    priority: Priority = Priority.BULK
    deadline: float | None = None
    ending: Ending = field(default=Factory(lambda tools: Ending(tools.config.id), takes_self=True))
    pool: Pool = field(factory=lambda: Pool(0))

    @property
    def policy(self) -> Policy:
        """The rules for reading archives."""
        return Policy(self.config.limits)

    @property
    def patience(self) -> Patience:
        """How long to wait for a lock."""
        return Patience(stop=self.stop, deadline=self.deadline)

    def check(self, doing: str) -> None:
        """End the work on a project between two steps.

        Raises:
            ClosedError: The host was closed, or the sync ends before its time.
        """
        if self.stop.is_set() or self.halted.is_set():
            raise ClosedError(doing)
