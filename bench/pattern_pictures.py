"""Draw a day of each pattern from a market's quotes: the picture of docs/models.md.

    python -m bench.pattern_pictures QUOTES.csv.gz --out docs/patterns.svg

The days are chosen by the hindsight labels: of each name the moment in the middle of its longest
stretch. Two days around the moment are drawn, as percent of the price at the moment.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench.patterns import read_quotes
from ml.grid import build_grid
from ml.pattern.labels import DAY, HALF, clean, log_mid, make_labels
from ml.pattern.naming import LABELS, name_labels

_WIDTH, _HEIGHT, _PAD, _COLUMNS = 250, 130, 26, 3
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#777}.name{font-weight:600;font-size:13px}"
    "polyline{fill:none;stroke:#2a78c8;stroke-width:1.6}"
    ".day{fill:#2a78c8;opacity:.12}.zero{stroke:#999;stroke-dasharray:2 3}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    grid = build_grid(read_quotes(options.data))
    path = clean(log_mid(grid)).to_numpy()
    names = name_labels(make_labels(grid, centred=True))
    panels = []
    for number, label in enumerate(LABELS):
        row = _middle_of_longest(names == number, path)
        if row is None:
            continue
        line = 100 * np.expm1(path[row - DAY : row + DAY + 1] - path[row])
        place = len(panels)
        left, top = _WIDTH * (place % _COLUMNS), _HEIGHT * (place // _COLUMNS)
        panels.append(_panel(label, f"{grid.index[row]:%Y-%m-%d %H:%M}", line, left, top))
    height = _HEIGHT * -(-len(panels) // _COLUMNS)
    body = "".join(panels)
    options.out.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH * _COLUMNS} {height}" '
        f'role="img"><title>Two days around a moment of each pattern</title>'
        f"<style>{_STYLE}</style>{body}</svg>\n"
    )


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


def _panel(label: str, when: str, line: np.ndarray, left: int, top: int) -> str:
    low, high = float(line.min()), float(line.max())
    span = max(high - low, 0.2)
    x = np.linspace(left + 8, left + _WIDTH - 8, len(line))
    y = top + _HEIGHT - 20 - (line - low) / span * (_HEIGHT - 20 - _PAD - 6)
    points = " ".join(f"{a:.0f},{b:.1f}" for a, b in zip(x, y, strict=True))
    around = x[DAY - HALF], x[DAY + HALF]
    return (
        f'<text class="name" x="{left + 8}" y="{top + 15}">{label}</text>'
        f'<text x="{left + _WIDTH - 8}" y="{top + 15}" text-anchor="end">{when}</text>'
        f'<rect class="day" x="{around[0]:.0f}" y="{top + 20}" width="{around[1] - around[0]:.0f}" '
        f'height="{_HEIGHT - 38}"/>'
        f'<line class="zero" x1="{x[DAY]:.0f}" x2="{x[DAY]:.0f}" y1="{top + 20}" '
        f'y2="{top + _HEIGHT - 18}"/><polyline points="{points}"/>'
        f'<text x="{left + 8}" y="{top + _HEIGHT - 4}">{low:+.1f} % to {high:+.1f} %</text>'
    )


if __name__ == "__main__":
    main()
