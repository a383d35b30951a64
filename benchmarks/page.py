"""Write results into the documentation: the tables into its page, the picture beside it.

    python -m benchmarks.page RESULTS [DOCS]

RESULTS is what `python -m benchmarks FOLDER --json RESULTS` wrote.
"""

import sys
from pathlib import Path
from typing import Final

from benchmarks import chart, table
from benchmarks.figures import Results
from benchmarks.measuring import ROOT

_BEGIN: Final = "<!-- measured: begin -->\n"
_END: Final = "<!-- measured: end -->\n"


def write(results: Results, docs: Path) -> None:
    """Put results between the marks of the page, and draw its picture.

    Raises:
        ValueError: The page has no marks.
    """
    page = docs / "performance.md"
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page} does not say where the tables are to be")
    page.write_text(f"{before}{begin}\n{table.render(results)}\n\n{end}{after}", encoding="utf-8")
    (docs / "images" / "performance.svg").write_text(chart.draw(results.ways), encoding="utf-8")


if __name__ == "__main__":
    write(Results.load(Path(sys.argv[1])), Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs")
