"""Results as tables of Markdown, for a terminal and for the documentation alike."""

from collections.abc import Iterable, Sequence

from benchmarks.figures import Figure, Results, Way

_WAYS = ("", "runs", "time", "against the floor", "processor time", "with its start", "peak memory", "disk", "trees as ours")
_FIGURES = ("figure", "measured", "target", "met")


def render(results: Results) -> str:
    """Return all tables."""
    parts = [_machine(results), _table(_WAYS, map(_way, results.ways)) if results.ways else "", _figures(results.figures)]
    return "\n\n".join(part for part in parts if part)


def _machine(results: Results) -> str:
    about = [", ".join(f"{name} {value}" for name, value in results.machine.items())]
    if results.measured:
        one = results.measured
        sizes = f"{one['packed'] / 1e6:,.0f} MB, {one['unpacked'] / 1e6:,.0f} MB unpacked"
        about.append(f"{one['files']} source distributions of {one['projects']} projects with {one['members']:,} files: {sizes}")
    return "\n".join(f"{line}." for line in about)


def _way(way: Way) -> tuple[str, ...]:
    return (
        way.name,
        str(way.runs),
        f"{way.seconds:.2f} s",
        f"{way.times_floor:.2f}",
        f"{way.cpu:.2f} s",
        f"{way.whole_seconds:.2f} s",
        f"{way.peak_bytes / 1e6:.0f} MB",
        "" if way.disk_bytes is None else f"{way.disk_bytes / 1e6:.1f} MB",
        "" if way.same is None else f"{way.same[0]} of {way.same[1]}",
    )


def _figures(figures: Sequence[Figure]) -> str:
    with_target = [one for one in figures if one.is_met is not None]
    others = [one for one in figures if one.is_met is None]
    tables = []
    if with_target:
        tables.append(_table(_FIGURES, ((one.name, one.told, one.target, "yes" if one.is_met else "no") for one in with_target)))
    if others:
        tables.append(_table(_FIGURES[:2], ((one.name, one.told) for one in others)))
    return "\n\n".join(tables)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    all_rows = [head, *rows]
    widths = [max(len(row[place]) for row in all_rows) for place in range(len(head))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in all_rows]
    return "\n".join([lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]])
