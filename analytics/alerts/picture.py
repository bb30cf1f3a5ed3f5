"""A small chart for a message: a market's last quotes as PNG, by matplotlib without its global
state (as the reports of backtests have it)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from analytics.lazily import np
from analytics.words import written

_INK, _PAPER, _LINE, _MARK = "#1b1f24", "#ffffff", "#0072b2", "#d55e00"
_SIZE, _DPI = (6.0, 2.6), 110
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    **dict.fromkeys(("text.color", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
}


def chart(
    title: str,
    at: np.ndarray,
    lines: Mapping[str, np.ndarray],
    *,
    mark: float,
    level: float | None = None,
    zone: str = "UTC",
) -> bytes | None:
    """PNG of the lines (n,) over `at` (n,) seconds since 1970, a mark at the moment of the alert
    and the level of its rule; hours are those of the `zone`, figures in the marks of the language
    that is active. None where there is nothing to draw."""
    known = {name: values for name, values in lines.items() if np.isfinite(values).any()}
    if len(at) < 2 or not known:
        return None
    # matplotlib takes a fifth of a second to load: only who draws waits for it.
    import matplotlib as mpl
    from matplotlib.dates import date2num
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        moments = date2num((at * 1e9).astype("datetime64[ns]"))
        for (name, values), shade in zip(known.items(), (1.0, 0.55, 0.3), strict=False):
            axes.plot(moments, values, color=_LINE, alpha=shade, linewidth=1.2, label=name)
        axes.axvline(date2num(np.datetime64(int(mark * 1e9), "ns")), color=_MARK, linewidth=1)
        if level is not None:
            axes.axhline(level, color=_MARK, linewidth=1, linestyle="--")
        axes.set_title(title, loc="left")
        _label(axes, zone)
        if len(known) > 1:
            axes.legend(frameon=False, loc="upper left")
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=_DPI, facecolor=_PAPER, metadata={"Software": None})
    return out.getvalue()


def _label(axes: Any, zone: str) -> None:
    """Full hours of the zone below, figures in the reader's marks beside."""
    from matplotlib.dates import AutoDateLocator, DateFormatter
    from matplotlib.ticker import ScalarFormatter

    class Figures(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return written(super().__call__(x, pos))

    there = ZoneInfo(zone)
    axes.xaxis.set_major_locator(AutoDateLocator(tz=there, minticks=3, maxticks=8))
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=there))
    axes.yaxis.set_major_formatter(Figures(useOffset=False))
    axes.set_xlabel(zone, loc="right")
