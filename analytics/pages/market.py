"""The chart of one market: price, spread and volume over one time axis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics.lazily import np
from analytics.models import Forecast, Market
from analytics.pages.anomalies import mark
from analytics.pages.charts import (
    Band,
    Chart,
    Figures,
    Line,
    Mark,
    Panel,
    Strip,
    Table,
    digits,
    figures,
)
from analytics.pages.fans import fan_parts, fan_table
from analytics.pages.numbers import number
from analytics.selectors.chart import Drawn, MarketView
from analytics.words import word

#: Colour of a regime, as a CSS variable; its name is always told too.
REGIMES = {"up-trend": "good", "down-trend": "bad", "volatile range": "warn", "shock": "line"}
#: A recognition speaks for no longer than this.
_HOLDS = dt.timedelta(hours=3)
Depth = tuple[float, float | None, float | None]


def range_name(name: str) -> str:
    """What the button of a range says."""
    return pgettext("range", "all") if name == "all" else name


def market_chart(view: MarketView, range_: str, depths: Sequence[Depth] = ()) -> Chart:
    """The spec of what was read, for the page and for its updates alike. `depths` are (moment,
    asset that bids want near the best price, that asks offer there)."""
    quotes = quotes_table(view.quotes)
    tables = [quotes]
    price, spread = (_fan(view.price, "p."), _fan(view.spread, "s."))
    tables += [table for table in (price, spread) if table is not None]
    if view.past:
        tables.append(_past(view))
    if depths:
        x, bids, asks = zip(*depths, strict=True)
        tables.append(Table(x=x, columns={"bid_depth": bids, "ask_depth": asks}))
    panels = [_price(view, quotes, price), _spread(quotes, spread), _volume(quotes)]
    panels += [_depth(view.market)] if depths else []
    return Chart(
        id="market",
        title=view.market.symbol,
        summary=_in_words(view, quotes),
        tables=tables,
        panels=[panel for panel in panels if panel.lines],
        extent=view.extent,
        thinned=view.thinned,
        figures=quote_figures(quotes),
        url=f"{reverse('analytics:market-chart', args=[view.market.pk])}?range={range_}",
    )


def quotes_table(drawn: Drawn) -> Table:
    known = {name: c.tolist() for name, c in drawn.columns.items() if np.isfinite(c).any()}
    return Table(x=drawn.at.tolist(), columns=known, breaks=drawn.breaks)


def sides(quotes: Table) -> tuple[list[Line], list[Band]]:
    """Bid and ask with what lies between them; the price where there are no sides."""
    named = {"bid": _("bid"), "ask": _("ask")}
    lines = [
        Line(column=side, label=label, color=side)
        for side, label in named.items()
        if side in quotes.columns
    ]
    if not lines and "average" in quotes.columns:
        return [Line(column="average", label=_("price"))], []
    both = len(lines) == 2
    return lines, [Band(low="bid", high="ask", color="soft", alpha=0.18)] if both else []


def _fan(forecast: Forecast | None, prefix: str) -> Table | None:
    if forecast is None:
        return None
    return fan_table(forecast.as_of, forecast.last_value, forecast.horizons, prefix)


def _price(view: MarketView, quotes: Table, fan: Table | None) -> Panel:
    lines, bands = sides(quotes)
    places = digits(quotes.columns[lines[0].column]) if lines else 2
    if fan is not None:
        more, intervals = fan_parts(fan, "p.")
        lines, bands = [*lines, *more], [*bands, *intervals]
    if view.past:
        label = _("forecast of the day before")
        lines.append(Line(column="past", label=label, kind="dots", color="warn", hidden=True))
        ends = ("past_low", "past_high")
        lines += [Line(column=end, width=0, color="warn", hidden=True) for end in ends]
        label = _("its 90 %")
        bands.append(
            Band(low=ends[0], high=ends[1], label=label, color="warn", alpha=0.14, hidden=True)
        )
    return Panel(
        title=_("Price (%(unit)s)") % {"unit": view.market.fiat},
        height=320,
        lines=lines,
        bands=bands,
        digits=places,
        unit=view.market.fiat,
        marks=[mark(event) for event in view.events],
        rules=[fan.x[0]] if fan else [],
        strips=[Strip(label=_("Pattern"), parts=_regimes(view))] if view.patterns else [],
    )


def _spread(quotes: Table, fan: Table | None) -> Panel:
    lines, bands = [], []
    if "spread" in quotes.columns:
        lines.append(Line(column="spread", label=_("spread")))
        if fan is not None:
            lines, bands = [*lines, *fan_parts(fan, "s.")[0]], fan_parts(fan, "s.")[1]
    title = _("Spread (percent of the mid price)")
    return Panel(title=title, height=130, lines=lines, bands=bands, digits=2, unit="%")


def _volume(quotes: Table) -> Panel:
    sides = {"bid_volume": ("bid", _("bid volume")), "ask_volume": ("ask", _("ask volume"))}
    lines = [
        Line(column=name, label=label, color=color)
        for name, (color, label) in sides.items()
        if name in quotes.columns
    ]
    return Panel(title=_("Volume on offer"), height=130, lines=lines, digits=0, zero=True)


def _past(view: MarketView) -> Table:
    """What was said a day before, with the interval that nine in ten were to hold."""
    x, values, low, high = zip(*view.past, strict=True)
    return Table(x=x, columns={"past": values, "past_low": low, "past_high": high})


def _depth(market: Market) -> Panel:
    title = _("Depth within 1 %% of the best price (%(unit)s)") % {"unit": market.asset}
    lines = [
        Line(column="bid_depth", label=_("wanted by bids"), kind="step", color="bid"),
        Line(column="ask_depth", label=_("offered in asks"), kind="step", color="ask"),
    ]
    return Panel(title=title, height=130, lines=lines, digits=0, zero=True)


def _regimes(view: MarketView) -> list[Mark]:
    """What the market was recognised as; neighbours of one name are one part."""
    parts: list[Mark] = []
    ends = [at for at, _label, _clear in view.patterns[1:]]
    for place, (at, label, clear) in enumerate(view.patterns):
        end = min(at + _HOLDS, ends[place]) if place < len(ends) else at + _HOLDS
        name = word(label) if clear else _("no clear pattern")
        color = REGIMES.get(label, "soft") if clear else "edge"
        start = at.timestamp()
        if parts and parts[-1].label == name and parts[-1].end >= start:
            start = parts.pop().start
        parts.append(Mark(start=start, end=end.timestamp(), label=name, color=color))
    return parts


def quote_figures(quotes: Table) -> Figures:
    heads = {
        "bid": _("bid"),
        "ask": _("ask"),
        "average": _("price"),
        "spread": _("spread (%)"),
        "bid_volume": _("bid volume"),
        "ask_volume": _("ask volume"),
    }
    return figures(quotes, {k: v for k, v in heads.items() if k in quotes.columns})


def _in_words(view: MarketView, quotes: Table) -> str:
    """What the chart shows, for those who do not see it."""
    values = [v for v in quotes.columns.get("average", []) if v is not None]
    if not values:
        return ""
    text = _("From %(first)s to %(last)s, lowest %(low)s, highest %(high)s; %(n)s anomalies.")
    named = {"first": values[0], "last": values[-1], "low": min(values), "high": max(values)}
    return text % {**{k: number(v) for k, v in named.items()}, "n": len(view.events)}
