"""The chart around an event: what was observed, what was expected with its margins, the scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from django.urls import reverse
from django.utils.translation import gettext as _

from analytics.models import AnomalyEvent
from analytics.pages.anomalies import mark
from analytics.pages.charts import Band, Chart, Line, Mark, Panel, Table, digits
from analytics.pages.market import quote_figures, quotes_table, sides
from analytics.selectors.chart import EventView

#: Columns that have a panel of their own where the event is about them -> colour.
VOLUMES = {"bid_volume": "bid", "ask_volume": "ask"}
SPREAD = "spread_pct"
Scores = Iterable[tuple[dt.datetime, float]]


class Expected(Protocol):
    """A column over time, as services.anomalies.around says it."""

    at: Sequence[dt.datetime]
    value: Sequence[float | None]
    lower: Sequence[float | None]
    upper: Sequence[float | None]


def event_chart(
    event: AnomalyEvent,
    view: EventView,
    expected: Mapping[str, Expected] | None = None,
    scores: Scores | None = None,
) -> Chart | None:
    """The quotes around it, what was `expected` of them row by row, and how strange the rows were
    (all of them in `scores`, else those that are stored). None without quotes."""
    quotes = quotes_table(view.quotes)
    if not quotes.columns:
        return None
    told = {name: _expected(name, one) for name, one in (expected or {}).items()}
    panels = [_price(event, quotes, told), _spread(event, quotes, told)]
    panels += [_volume(event, quotes, told), _score(event)]
    strange = _scores("score", view.scores)
    every = [_scores("every", scores)] if scores else []
    tables = [quotes, *told.values(), *every, strange]
    return Chart(
        id=f"event-{event.pk}",
        title=str(event),
        summary=mark(event).label,
        tables=tables,
        panels=[_known(panel, tables) for panel in panels if panel],
        figures=quote_figures(quotes),
        url=reverse("analytics:anomaly-chart", args=[event.pk]),
    )


def _expected(name: str, one: Expected) -> Table:
    columns = {f"{name}.{part}": getattr(one, part) for part in ("value", "lower", "upper")}
    return Table(x=[at.timestamp() for at in one.at], columns=columns)


def _scores(name: str, scores: Scores) -> Table:
    rows = list(scores)
    return Table(x=[at.timestamp() for at, _score in rows], columns={name: [s for _at, s in rows]})


def _known(panel: Panel, tables: Sequence[Table]) -> Panel:
    """Without lines and bands that no table has."""
    columns = {name for table in tables for name in table.columns}
    return replace(
        panel,
        lines=[line for line in panel.lines if line.column in columns],
        bands=[band for band in panel.bands if {band.low, band.high} <= columns],
    )


def _margins(name: str, label: str, color: str) -> tuple[list[Line], Band]:
    """What is drawn of an expected column; the edges are there for the band alone."""
    edges = [Line(column=f"{name}.{part}", color=color, width=0) for part in ("lower", "upper")]
    middle = Line(column=f"{name}.value", label=label, color=color, kind="dash", width=1)
    band = Band(low=f"{name}.lower", high=f"{name}.upper", color=color, alpha=0.1)
    return [middle, *edges], band


def _price(event: AnomalyEvent, quotes: Table, told: Mapping[str, Table]) -> Panel:
    lines, bands = sides(quotes)
    places = digits(quotes.columns[lines[0].column]) if lines else 2
    labels = {"bid": _("bid expected"), "ask": _("ask expected"), "price": _("expected")}
    for name, label in labels.items():
        if name in told:
            more, band = _margins(name, label, {"price": "line"}.get(name, name))
            lines, bands = [*lines, *more], [*bands, band]
    return Panel(
        title=_("Price (%(unit)s)") % {"unit": event.market.fiat},
        height=260,
        lines=lines,
        bands=bands,
        digits=places,
        marks=[_here(event)],
    )


def _spread(event: AnomalyEvent, quotes: Table, told: Mapping[str, Table]) -> Panel | None:
    if "spread" not in quotes.columns:
        return None
    lines, bands = [Line(column="spread", label=_("spread"))], []
    if SPREAD in told:
        more, band = _margins(SPREAD, _("expected"), "line")
        lines, bands = [*lines, *more], [band]
    return Panel(
        title=_("Spread (percent of the mid price)"),
        height=120,
        lines=lines,
        bands=bands,
        unit="%",
        marks=[_here(event)],
    )


def _volume(event: AnomalyEvent, quotes: Table, told: Mapping[str, Table]) -> Panel | None:
    """Only where the event is about it."""
    about = [name for name in event.contributions if "volume" in name]
    names = [name for name in VOLUMES if name in quotes.columns]
    if not about or not names:
        return None
    labels = {"bid_volume": _("bid volume"), "ask_volume": _("ask volume")}
    lines = [Line(column=name, label=labels[name], color=VOLUMES[name]) for name in names]
    for name in filter(told.get, names):
        label = _("%(what)s expected") % {"what": labels[name]}
        lines.append(Line(column=f"{name}.value", label=label, color=VOLUMES[name], kind="dash"))
    title = _("Volume on offer")
    return Panel(title=title, height=120, lines=lines, digits=0, zero=True, marks=[_here(event)])


def _score(event: AnomalyEvent) -> Panel:
    lines = [
        Line(column="every", label=_("score"), color="soft"),
        Line(column="score", label=_("strange rows"), kind="points", color="bad"),
    ]
    title = _("Score; the rule is the threshold")
    return Panel(
        title=title, height=110, lines=lines, zero=True, level=event.threshold, marks=[_here(event)]
    )


def _here(event: AnomalyEvent) -> Mark:
    return replace(mark(event), href="")
