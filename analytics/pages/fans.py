"""The fan of a forecast: the median and its intervals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.pages.charts import Band, Chart, Figures, Line, Panel, Table, digits, seconds
from analytics.pages.numbers import is_finite

#: Intervals of a fan, widest first: level in percent, lower and upper quantile, how dense.
BANDS = ((90, "0.05", "0.95", 0.12), (80, "0.1", "0.9", 0.14), (50, "0.25", "0.75", 0.2))


def fan_table(
    as_of: dt.datetime, last_value: float, horizons: Sequence[Mapping[str, Any]], prefix: str = ""
) -> Table | None:
    """A forecast as columns that all begin at the last value: `median` and the quantiles, named
    q0.05 and so on. None where nothing can be drawn."""
    steps = sorted((seconds(h["at"]), h["value"], h.get("quantiles") or {}) for h in horizons)
    names = [name for _level, low, high, _alpha in BANDS for name in (low, high)]
    there = [name for name in names if steps and all(name in q for _at, _value, q in steps)]
    columns = {f"{prefix}median": [last_value, *(q.get("0.5", value) for _at, value, q in steps)]}
    for name in there:
        columns[f"{prefix}q{name}"] = [last_value, *(q[name] for _at, _value, q in steps)]
    if not steps or not all(is_finite(v) for values in columns.values() for v in values):
        return None
    return Table(x=[as_of.timestamp(), *(at for at, _value, _q in steps)], columns=columns)


def fan_parts(table: Table, prefix: str = "") -> tuple[list[Line], list[Band]]:
    """How such a table is drawn: a dashed median over bands, each named by its level."""
    lines, bands = [], []
    for level, low, high, alpha in BANDS:
        pair = (f"{prefix}q{low}", f"{prefix}q{high}")
        if all(name in table.columns for name in pair):
            lines += [Line(column=name, width=0, color="fan") for name in pair]
            bands.append(
                Band(low=pair[0], high=pair[1], label=f"{level} %", color="fan", alpha=alpha)
            )
    median = Line(column=f"{prefix}median", label=_("median"), kind="dash", color="fan", width=2)
    return [*lines, median], bands


def fan_chart(
    name: str, forecast: Table | None, *, title: str, summary: str, figures: Figures
) -> Chart | None:
    """The fan of a forecast; None where nothing can be drawn."""
    if forecast is None:
        return None
    lines, bands = fan_parts(forecast)
    every = [v for values in forecast.columns.values() for v in values]
    panel = Panel(lines=lines, bands=bands, rules=[forecast.x[0]], digits=digits(every))
    return Chart(
        id=name, title=title, summary=summary, tables=[forecast], panels=[panel], figures=figures
    )
