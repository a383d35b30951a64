"""Progress on a terminal: projects, bytes, waits for the budget."""

import sys

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from pydeps_host.events import (
    DownloadAdvanced,
    DownloadFinished,
    DownloadStarted,
    Event,
    ProjectFinished,
    ProjectStarted,
    SyncStarted,
    Waiting,
)
from pydeps_host.values import shown

_WIDEST = 34
_WAITS = {"budget": "waiting for the request budget", "retry": "waiting to try again", "pause": "waiting, as the server asked"}


class _Amount(ProgressColumn):
    """Projects for the first bar, bytes for those below it."""

    def __init__(self) -> None:
        super().__init__()
        self._count, self._bytes = MofNCompleteColumn(), DownloadColumn()

    def render(self, task: Task) -> Text:
        """Render one bar's amount."""
        return self._bytes.render(task) if task.fields.get("is_download") else self._count.render(task)


class Bars:
    """One bar for the projects, one for each download under way, and what is waited for."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _Amount(),
            TextColumn("{task.fields[wait]}", markup=False, style="dim"),
            console=Console(stderr=True, highlight=False, markup=False),
            transient=True,
            # A result that goes to a file must not be caught and shown here.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._projects: TaskID | None = None
        self._downloads: dict[tuple[str, str], TaskID] = {}

    def start(self) -> None:
        """Begin to draw."""
        self._progress.start()

    def stop(self) -> None:
        """Wipe the bars away."""
        self._progress.stop()

    def observe(self, event: Event, /) -> None:
        """Show what an event means for the bars."""
        match event:
            case SyncStarted(projects=projects):
                self._projects = self._progress.add_task("projects", total=projects, wait="")
            case ProjectStarted():
                self._wait("")
            case ProjectFinished() if self._projects is not None:
                self._progress.advance(self._projects)
            case Waiting(reason=reason, seconds=seconds):
                self._wait(f"{_WAITS.get(reason, 'waiting')} ({seconds:.0f} s)")
            case DownloadStarted() | DownloadAdvanced() | DownloadFinished():
                self._wait("")
                self._download(event)
            case _:
                pass

    def _download(self, event: DownloadStarted | DownloadAdvanced | DownloadFinished) -> None:
        key = (event.name, event.filename)
        if isinstance(event, DownloadStarted):
            name = shown(event.filename)
            short = name if len(name) <= _WIDEST else f"{name[: _WIDEST - 1]}…"
            self._downloads[key] = self._progress.add_task(short, total=event.size, is_download=True, wait="")
        elif key in self._downloads:
            if isinstance(event, DownloadFinished):
                self._progress.remove_task(self._downloads.pop(key))
            else:
                self._progress.update(self._downloads[key], completed=event.received)

    def _wait(self, text: str) -> None:
        if self._projects is not None:
            self._progress.update(self._projects, wait=text)
