"""Results as a picture: what each way takes in time and in memory.

Colours are of middle lightness, so that the picture reads on a light page and
on a dark one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final

from attrs import frozen

from benchmarks.figures import Way
from benchmarks.race import DULWICH, FAST_IMPORT, FLOOR, OURS, OURS_TWO, WORK_TREE

_SHOWN: Final = (FLOOR, OURS_TWO, OURS, FAST_IMPORT, DULWICH, WORK_TREE)
_TEXT: Final = "#6f7b88"
_FONT: Final = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
_WIDTH: Final = 760
_LEFT: Final = 240
_LONGEST: Final = 340
_ROW: Final = 26
_HEAD: Final = 34


@frozen
class Panel:
    """One group of bars.

    Attributes:
        title: What it shows.
        value: The length of a way's bar, in any unit.
        label: What stands at its end.
    """

    title: str
    value: Callable[[Way], float]
    label: Callable[[Way], str]


PANELS: Final = (
    Panel("time", lambda way: way.seconds, lambda way: f"{_seconds(way.seconds)}, {_times(way.times_floor)}"),
    Panel("memory of the largest process", lambda way: way.peak_bytes, lambda way: f"{way.peak_bytes / 1e6:.0f} MB"),
)


def draw(ways: Iterable[Way]) -> str:
    """Return an SVG image of ways that were measured."""
    by_name = {way.name: way for way in ways}
    shown = [by_name[name] for name in _SHOWN if name in by_name]
    height = len(PANELS) * (_HEAD + _ROW * len(shown)) + 10
    told = "; ".join(f"{_plain(way.name)} {_seconds(way.seconds)}, {way.peak_bytes / 1e6:.0f} MB" for way in shown)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="t d" font-family="{_FONT}">',
        '<title id="t">Time and memory of each way to make repositories of the same source distributions</title>',
        f'<desc id="d">{escape(told)}.</desc>',
    ]
    for number, panel in enumerate(PANELS):
        lines += _panel(panel, shown, number * (_HEAD + _ROW * len(shown)))
    return "\n".join([*lines, "</svg>", ""])


def _panel(panel: Panel, ways: Sequence[Way], top: float) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="{top + 22}" font-size="13" font-weight="600" fill="{_TEXT}">{escape(panel.title)}</text>'
    most = max((panel.value(way) for way in ways), default=1)
    for row, way in enumerate(ways):
        y = top + _HEAD + row * _ROW
        length = max(_LONGEST * panel.value(way) / most, 1)
        yield f'<text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end" font-size="12.5" fill="{_TEXT}">{escape(_plain(way.name))}</text>'
        yield f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="18" rx="3" fill="{_colour(way.name)}"/>'
        yield f'<text x="{_LEFT + length + 8:.1f}" y="{y + 14}" font-size="12.5" fill="{_TEXT}">{escape(panel.label(way))}</text>'


def _colour(name: str) -> str:
    return "#8a96a3" if name == FLOOR else "#4a90d9" if name in {OURS, OURS_TWO} else "#c79a45"


def _plain(name: str) -> str:
    return name.replace("`", "")


def _times(value: float) -> str:
    return f"{value:.2f} times the floor" if value < 10 else f"{value:.0f} times the floor"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"
