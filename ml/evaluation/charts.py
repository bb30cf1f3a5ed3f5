"""The charts of a backtest by matplotlib: SVG for the report's page, PNG where pages cannot go.

Only the report imports this module, and with it matplotlib; pyplot and its global state stay out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ml.evaluation.scores import Rows
from ml.forecast.metrics import crps
from ml.tasks import HORIZONS, QUANTILES

#: Colours that people with any kind of colour vision tell apart (Okabe and Ito), a horizon each; on
#: white and on nearly black they all have a contrast of 3 and more.
COLOURS = dict(zip(HORIZONS, ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), strict=True))
_INK, _PAPER = "#1b1f24", "#ffffff"
_MOST_SKILL, _MOST_DATES = 2.0, 5
_LOW, _HIGH = QUANTILES.index(0.1), QUANTILES.index(0.9)
_SIZE = (5.4, 3.3)  # inches
#: Neither when nor by what it was drawn stands in a chart.
_BARE = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_STYLE: Any = {
    "svg.fonttype": "none",  # texts stay texts, in the page's own font
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "ytick.left": False,
    "legend.frameon": False,
    "legend.handlelength": 1.0,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.titlecolor", "grid.color"), _INK),
    **dict.fromkeys(("xtick.color", "ytick.color", "axes.labelcolor"), _INK),
}


@dataclass(frozen=True, kw_only=True)
class ChartWords:
    """What the charts say in one language: a title for each of CHARTS, a name for each of HORIZONS,
    and the decimal mark."""

    titles: Mapping[str, str]
    steps: Mapping[int, str]
    decimal: str = "."


def charts_svg(found: list[Rows], words: ChartWords) -> list[str]:
    """An `<svg>` element per chart, to stand in a page: its ink is the page's text colour. The same
    rows make the same text."""
    return [_svg(_drawn(found, (name,), words), words.titles[name]) for name in CHARTS]


def charts_png(found: list[Rows], words: ChartWords) -> bytes:
    """All charts, one below the other, on white. The same rows make the same bytes."""
    out = io.BytesIO()
    figure = _drawn(found, tuple(CHARTS), words)
    figure.savefig(out, format="png", dpi=160, facecolor=_PAPER, metadata={"Software": None})
    return out.getvalue()


def _drawn(found: list[Rows], names: tuple[str, ...], words: ChartWords) -> Figure:
    width, height = _SIZE
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height * len(names)), layout="constrained")
        places = figure.subplots(len(names), 1, squeeze=False)
        for axes, name in zip(places.flat, names, strict=True):
            axes.set_title(words.titles[name])
            CHARTS[name](axes, found, words)
    return figure


def _svg(figure: Figure, title: str) -> str:
    out = io.StringIO()
    # The salt tells the names inside one chart from those of another one on the same page.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure.savefig(out, format="svg", transparent=True, metadata=_BARE)
    text = out.getvalue()
    text = re.sub(r'<g id="[^"]*"', "<g", text[text.index("<svg") :]).replace(_INK, "currentColor")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)


# ------------------------------------------------------------------------------------- each of them
def _legend(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=len(HORIZONS))


def _ratios(axes: Axes, words: ChartWords) -> None:
    axes.yaxis.set_major_formatter(lambda at, _n: f"{at:.2f}".replace(".", words.decimal))


def calibration_chart(axes: Axes, found: list[Rows], words: ChartWords) -> None:
    """Per horizon, the share of clean targets below each quantile; the diagonal is honest."""
    axes.plot([0, 1], [0, 1], color=_INK, linestyle="--", linewidth=1)
    for rows in found:
        kept = rows.kept["clean"]
        if kept.any():
            below = (rows.truth[kept, None] <= rows.model[1][kept]).mean(axis=0)
            axes.plot(
                QUANTILES, below, color=COLOURS[rows.horizon], label=words.steps[rows.horizon]
            )
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    _legend(axes)


def sharpness_chart(axes: Axes, found: list[Rows], words: ChartWords) -> None:
    """Per horizon, how wide the 80 % interval is beside the last value's own."""
    for rows in found:
        kept = rows.kept["clean"] & np.isfinite(rows.last[1]).all(axis=1)
        own, last = (
            float((q[kept, _HIGH] - q[kept, _LOW]).sum()) for _, q in (rows.model, rows.last)
        )
        ratio = own / last if last > 0 else 0.0
        axes.bar(words.steps[rows.horizon], ratio, width=0.6, color=COLOURS[rows.horizon])
    axes.axhline(1, color=_INK, linestyle="--", linewidth=1)
    axes.set_ylim(0, max(1.2, axes.get_ylim()[1]))
    _ratios(axes, words)


def absolute_skill_chart(axes: Axes, found: list[Rows], words: ChartWords) -> None:
    """Per horizon and week, the absolute error beside the last value's."""
    _by_week(axes, found, words, lambda answer, truth: np.abs(answer[0] - truth))


def crps_skill_chart(axes: Axes, found: list[Rows], words: ChartWords) -> None:
    """Per horizon and week, the CRPS beside the last value's."""
    _by_week(axes, found, words, lambda answer, truth: crps(answer[1], truth))


Answer = tuple[np.ndarray, np.ndarray]  # value (m,) and quantiles (m, levels), as Rows has them
Loss = Callable[[Answer, np.ndarray], np.ndarray]


def _by_week(axes: Axes, found: list[Rows], words: ChartWords, loss: Loss) -> None:
    axes.axhline(1, color=_INK, linestyle="--", linewidth=1)
    starts = np.array([], dtype="datetime64[D]")
    for rows in found:
        weeks, ratios = weekly(rows, loss)
        starts = np.union1d(starts, weeks)
        shown = np.minimum(ratios, _MOST_SKILL)
        name, colour = words.steps[rows.horizon], COLOURS[rows.horizon]
        axes.plot(weeks, shown, color=colour, label=name, marker=".")
    axes.set_ylim(0, _MOST_SKILL)
    axes.set_xticks(starts[:: max(1, -(-len(starts) // _MOST_DATES))])
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))
    _ratios(axes, words)
    _legend(axes)


def weekly(rows: Rows, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """(weeks,) starts and ratios to the last value's loss, of the clean targets."""
    own, base = loss(rows.model, rows.truth), loss(rows.last, rows.truth)
    kept = rows.kept["clean"] & np.isfinite(own) & np.isfinite(base)
    week = (rows.origins[kept].as_unit("s").asi8 // 86_400) // 7 * 7
    starts, place = np.unique(week, return_inverse=True)
    sums = [np.bincount(place, losses[kept], len(starts)) for losses in (own, base)]
    known = sums[1] > 0
    return starts[known].astype("datetime64[D]"), sums[0][known] / sums[1][known]


#: By the name under which `ChartWords.titles` has their titles, in the order of the page.
CHARTS: dict[str, Callable[[Axes, list[Rows], ChartWords], None]] = {
    "calibration": calibration_chart,
    "sharpness": sharpness_chart,
    "error": absolute_skill_chart,
    "distribution_error": crps_skill_chart,
}
