"""What a chart shows, as plain data; static/analytics/chart.js draws it with uPlot.

Numbers in, a JSON spec out: no markup, no ORM, no request. Colours are names of CSS variables
(static/analytics/charts.css), so that dark mode needs no second spec. Every chart also carries its
figures as a table and a sentence, for those who do not see it or run no JavaScript.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from analytics.moments import moment
from analytics.pages.numbers import is_finite, number

Value = float | None
#: Rows of the table of figures at most: a reader of it wants the course, not every point.
MOST_FIGURES = 24


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns over one ascending x: seconds since 1970 (UTC) where the chart's axis is time.
    A line goes on over what is None, but for the rows in its `breaks`; tables of one chart need not
    share their x."""

    x: Sequence[float]
    columns: Mapping[str, Sequence[Value]]
    breaks: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def spec(self) -> dict[str, Any]:
        """Figures that JSON can carry: what is not finite is null."""
        columns = {name: _plain(values) for name, values in self.columns.items()}
        breaks = {name: list(rows) for name, rows in self.breaks.items() if name in columns}
        return {"x": [round(x, 3) for x in self.x], "columns": columns, "breaks": breaks}


class _Coloured:
    """A part of a panel that is drawn in the colour of a CSS variable."""

    color: str

    def spec(self) -> dict[str, Any]:
        return {**vars(self), "color": f"--{self.color}"}


@dataclass(frozen=True, kw_only=True)
class Line(_Coloured):
    """A column as it is drawn: line, dash, dots, step, area, bars or points. A line without a
    label is no entry of the legend; a hidden one waits there to be switched on."""

    column: str
    label: str = ""
    color: str = "line"
    kind: str = "line"
    width: float = 1.5
    alpha: float = 1.0
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Band(_Coloured):
    """The area between two columns, which must be lines of the panel, hidden ones of a hidden
    band."""

    low: str
    high: str
    label: str = ""
    color: str = "line"
    alpha: float = 0.15
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark(_Coloured):
    """A stretch of x that deserves attention; with `href` its flag leads there."""

    start: float
    end: float
    label: str
    color: str = "warn"
    href: str = ""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """What held from when to when, as coloured parts along the lower edge."""

    label: str
    parts: Sequence[Mark]

    def spec(self) -> dict[str, Any]:
        return {"label": self.label, "parts": [part.spec() for part in self.parts]}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One y axis. `height` is in CSS pixels, `digits` those after the point of a figure; `zero`
    keeps 0 on the axis, `level` is a y with a rule, `rules` are such x."""

    lines: Sequence[Line]
    title: str = ""
    height: int = 220
    digits: int = 2
    unit: str = ""
    zero: bool = False
    level: float | None = None
    bands: Sequence[Band] = ()
    marks: Sequence[Mark] = ()
    rules: Sequence[float] = ()
    strips: Sequence[Strip] = ()

    def spec(self) -> dict[str, Any]:
        parts = ("lines", "bands", "marks", "strips")
        made = {name: [part.spec() for part in getattr(self, name)] for name in parts}
        return {**vars(self), "rules": list(self.rules), **made}


@dataclass(frozen=True)
class Figures:
    """The table behind a chart."""

    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Panels over one x axis. `id` is unique on the page. `extent` is what can be looked at, where
    the tables hold a part of it; `url` answers with newer or finer specs."""

    id: str
    title: str
    tables: Sequence[Table]
    panels: Sequence[Panel]
    summary: str = ""
    time: bool = True
    unit: str = ""
    extent: tuple[float, float] | None = None
    thinned: bool = False
    figures: Figures = field(default_factory=Figures)
    url: str = ""

    def spec(self) -> dict[str, Any]:
        """What the browser gets, as JSON."""
        return {
            "title": self.title,
            "summary": self.summary,
            "time": self.time,
            "unit": self.unit,
            "extent": self.extent,
            "thinned": self.thinned,
            "tables": [table.spec() for table in self.tables],
            "panels": [panel.spec() for panel in self.panels],
            "figures": vars(self.figures),
        }

    @property
    def spec_id(self) -> str:
        """Where on the page the spec stands."""
        return f"{self.id}-spec"

    @property
    def height(self) -> int:
        """Room that is kept until the script has drawn, in classes of 100 pixels."""
        return -(-sum(panel.height + 50 for panel in self.panels) // 100)


def seconds(at: dt.datetime | str) -> float:
    """A moment, or its ISO 8601 text, on the axis."""
    return (dt.datetime.fromisoformat(at) if isinstance(at, str) else at).timestamp()


def digits(values: Iterable[Value]) -> int:
    """Digits after the point that tell such values apart: five significant ones of the largest."""
    largest = max((abs(v) for v in values if v is not None and is_finite(v)), default=1.0)
    return min(8, max(0, 4 - math.floor(math.log10(largest)))) if largest else 2


def figures(
    table: Table,
    heads: Mapping[str, str],
    *,
    x: str = "",
    write: Callable[[float], str] | None = None,
) -> Figures:
    """The columns named in `heads` as texts; of a long table every so many rows and the last one.
    `x` is the head of the first column, `write` turns its values into text."""
    write = write or (lambda at: moment(dt.datetime.fromtimestamp(at, dt.UTC)))
    known = [
        place
        for place in range(len(table.x))
        if any(is_finite(table.columns[name][place]) for name in heads)
    ]
    step = -(-len(known) // MOST_FIGURES) or 1
    shown = known[::-step][::-1]
    rows = [
        [write(table.x[at]), *(number(table.columns[name][at]) for name in heads)] for at in shown
    ]
    note = ""
    if step > 1:
        note = _("%(shown)s of %(all)s points.") % {"shown": len(shown), "all": len(known)}
    return Figures([x or _("When"), *heads.values()], rows, note)


def _plain(values: Sequence[Any]) -> list[Value]:
    return [round(float(value), 10) if is_finite(value) else None for value in values]
