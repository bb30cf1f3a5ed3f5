"""Draw a day of each pattern from a market's quotes: the picture of docs/models.md.

    python -m bench.pattern_pictures QUOTES.csv.gz --out docs/patterns.svg

The days are chosen by the hindsight labels: of each name the moment in the middle of its longest
stretch. Two days around the moment are drawn, as percent of the price at the moment.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.common import read_quotes
from bench.patterns import COLUMNS
from ml.grid import build_grid
from ml.pattern.course import DAY, HALF, Course
from ml.pattern.labels import make_labels
from ml.pattern.naming import LABELS, name_labels

_WIDE = 3  # panels beside each other
#: A grey and a blue that are readable on white and on nearly black.
_GREY, _BLUE = "#777777", "#2a78c8"
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "patterns", "font.size": 9, "text.color": _GREY}


def main(words: list[str] | None = None) -> None:
    """Write the picture; `words` are the command's, those it was called with if not given."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(words)
    grid = build_grid(read_quotes([options.data], COLUMNS))
    with mpl.rc_context(_STYLE):
        figure, bare = drawn(grid), dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(options.out, transparent=True, metadata=bare)


def drawn(grid: pd.DataFrame) -> Figure:
    """A panel per name that the grid has an example of."""
    path = Course(grid).smooth
    names = name_labels(make_labels(grid, centred=True))
    found = {k: _middle_of_longest(names == k, path) for k in range(len(LABELS))}
    shown = {k: row for k, row in found.items() if row is not None}
    high = -(-len(shown) // _WIDE)
    figure = Figure(figsize=(2.6 * _WIDE, 1.4 * high), layout="constrained")
    places = figure.subplots(high, _WIDE, squeeze=False).ravel()
    for axes, (number, row) in zip(places, shown.items(), strict=False):
        move = 100 * np.expm1(path[row - DAY : row + DAY + 1] - path[row])
        _panel(axes, LABELS[number], grid.index[row], move)
    for axes in places[len(shown) :]:
        axes.set_axis_off()
    return figure


def _panel(axes: Axes, label: str, when: pd.Timestamp, move: np.ndarray) -> None:
    axes.set_title(label, loc="left", fontsize=10, fontweight="bold", color=_GREY)
    axes.set_title(f"{when:%Y-%m-%d %H:%M}", loc="right", fontsize=8, color=_GREY)
    axes.axvspan(-HALF, HALF, color=_BLUE, alpha=0.12, linewidth=0)
    axes.axvline(0, color=_GREY, linestyle=":", linewidth=1)
    axes.plot(np.arange(-DAY, DAY + 1), move, color=_BLUE, linewidth=1.5)
    axes.set_axis_off()
    span = f"{move.min():+.1f} % to {move.max():+.1f} %"
    axes.text(0, -0.02, span, va="top", transform=axes.transAxes)
    axes.margins(x=0)


def _middle_of_longest(mask: np.ndarray, path: np.ndarray) -> int | None:
    """The middle row of the longest run of a mask with two whole days around it."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False]))
    runs = sorted(zip(edges[::2], edges[1::2], strict=True), key=lambda run: run[0] - run[1])
    for first, stop in runs:
        row = int(first + stop) // 2
        around = path[max(row - DAY, 0) : row + DAY + 1]
        if len(around) == 2 * DAY + 1 and np.isfinite(around).all():
            return row
    return None


if __name__ == "__main__":
    main()
