"""The overview in words: a line a market, how lines are ordered, and tomorrow as a sentence."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.models import Forecast
from analytics.pages.numbers import duration, number, percent, written
from analytics.selectors.dashboard import forecast_is_stale
from analytics.selectors.overview import HELD_DAYS, Held, Row, pattern_speaks
from analytics.words import word

#: Scored forecasts below which a share says nothing.
LEAST_SCORED = 20
#: How far ahead is tomorrow, in hours.
TOMORROW = (18, 30)
LOW, HIGH = "0.05", "0.95"

#: Columns that can be sorted by: name -> (head, what it means, value of a row).
Key = Callable[[Row], Any]
SORTS: Mapping[str, tuple[Any, Any, Key]] = {
    "market": (gettext_lazy("Market"), "", lambda r: r.market.symbol.lower()),
    "bid": (gettext_lazy("Bid"), gettext_lazy("you sell at"), lambda r: r.bid),
    "ask": (gettext_lazy("Ask"), gettext_lazy("you buy at"), lambda r: r.ask),
    "spread": (
        gettext_lazy("Spread"),
        gettext_lazy("relative to the mid price"),
        lambda r: r.spread,
    ),
    "day": (gettext_lazy("24 h"), gettext_lazy("change in a day"), lambda r: r.day),
    "week": (gettext_lazy("7 d"), gettext_lazy("change in seven days"), lambda r: r.week),
    "place": (
        gettext_lazy("In 30 days"),
        gettext_lazy("share of the last 30 days that was cheaper"),
        lambda r: r.place,
    ),
    "age": (gettext_lazy("Age"), gettext_lazy("of the last quote"), lambda r: r.age_minutes),
    "pattern": (
        gettext_lazy("Pattern"),
        "",
        lambda r: word(r.pattern.label) if r.pattern and r.pattern.clear and not r.stale else None,
    ),
    "alarms": (
        gettext_lazy("Anomalies"),
        gettext_lazy("that nobody judged, of the last seven days"),
        lambda r: r.alarms,
    ),
}


def ordered(rows: Sequence[Row], sort: str, down: bool, marked: set[int]) -> list[Row]:
    """By a column, what is not known last; without one the marked markets first, by symbol."""
    if sort not in SORTS:
        return sorted(rows, key=lambda r: (r.market.pk not in marked, r.market.symbol.lower()))
    key = SORTS[sort][2]
    known = [row for row in rows if key(row) is not None]
    return sorted(known, key=key, reverse=down) + [row for row in rows if key(row) is None]


def searched(rows: Sequence[Row], text: str) -> list[Row]:
    """Those whose symbol holds every word of the text."""
    words = text.lower().split()
    return [row for row in rows if all(part in row.market.symbol.lower() for part in words)]


def heads(sort: str, down: bool, text: str) -> list[dict[str, Any]]:
    """The heads of the columns: a click sorts, another turns it round."""
    found = []
    for name, (head, hint, _key) in SORTS.items():
        chosen = name == sort
        turned = chosen and not down
        asked = {"sort": name, "down": "1" if turned else "", "q": text}
        found.append(
            {
                "name": name,
                "head": head,
                "hint": hint,
                "order": ("descending" if down else "ascending") if chosen else "none",
                "address": "?" + urlencode({k: v for k, v in asked.items() if v}),
            }
        )
    return found


def line(row: Row, *, now: dt.datetime, marked: bool) -> dict[str, Any]:
    """A market of the overview, ready for its template."""
    speaks = not row.stale and pattern_speaks(row.pattern, now)
    return {
        "market": row.market,
        "marked": marked,
        "stale": row.stale,
        "at": row.last_at,
        "age": _("never") if row.age_minutes is None else duration(60 * row.age_minutes),
        "state": _("no quotes") if row.last_at is None else _("stale") if row.stale else _("fresh"),
        "bid": number(row.bid if row.bid is not None or row.ask is not None else row.price),
        "ask": number(row.ask),
        "spread": "–" if row.spread is None else written(f"{row.spread:.2f} %"),
        "day": change(row.day),
        "week": change(row.week),
        "spark": json.dumps([[round(at), value] for at, value in row.line]),
        "course": _course(row),
        "place": row.place,
        "place_text": "–" if row.place is None else percent(row.place / 100),
        "pattern": word(row.pattern.label) if row.pattern and speaks else "",
        "alarms": row.alarms,
        "alarm_words": _alarm_words(row),
        "going_on": row.going_on,
        "tomorrow": tomorrow(row, now=now),
    }


def change(value: float | None) -> dict[str, str]:
    """A change with its sign, and a word of colour that is never alone."""
    if value is None:
        return {"text": "–", "state": "quiet"}
    state = "quiet" if abs(value) < 0.005 else "good" if value > 0 else "bad"
    return {"text": written(f"{value:+.2f} %"), "state": state}


def tomorrow(row: Row, *, now: dt.datetime) -> dict[str, Any]:
    """What is expected as a sentence, and whether such intervals held: only from forecasts that
    were scored."""
    forecast = row.forecast
    if forecast is None:
        return {"text": "", "held": "", "stale": False}
    chosen = _horizon(forecast)
    quantiles = (chosen or {}).get("quantiles") or {}
    if chosen is None or LOW not in quantiles or HIGH not in quantiles:
        return {"text": "", "held": "", "stale": False}
    if row.stale or forecast_is_stale(forecast, now=now):
        age = duration((now - forecast.as_of).total_seconds())
        return {"text": _("The last forecast is %(age)s old.") % {"age": age}, "stale": True}
    ends = {"low": number(quantiles[LOW]), "high": number(quantiles[HIGH])}
    hours = chosen["minutes"] / 60
    if TOMORROW[0] <= hours <= TOMORROW[1]:
        said = _("Tomorrow %(low)s to %(high)s, 9 times in 10") % ends
    else:
        ahead = duration(60 * chosen["minutes"])
        said = _("In %(ahead)s %(low)s to %(high)s, 9 times in 10") % {**ends, "ahead": ahead}
    return {"text": said, "held": held_words(row.held.get(chosen["steps"])), "stale": False}


def held_words(held: Held | None) -> str:
    """How often such intervals held; what is not known yet is said to be so."""
    n = held.n if held else 0
    if held is None or n < LEAST_SCORED:
        text = ngettext(
            "how often it holds is not known yet: %(n)d forecast scored",
            "how often it holds is not known yet: %(n)d forecasts scored",
            n,
        )
        return text % {"n": n}
    text = _("it held %(share)s of the last %(days)d days (%(n)d forecasts)")
    return text % {"share": percent(held.share), "days": HELD_DAYS, "n": n}


def _horizon(forecast: Forecast) -> Mapping[str, Any] | None:
    """The horizon that is nearest to a day ahead."""
    return min(forecast.horizons, key=lambda h: abs(h["minutes"] - 1440), default=None)


def _course(row: Row) -> str:
    """The small line in words."""
    if not row.line:
        return _("No prices in seven days.")
    values = [value for _at, value in row.line]
    ends = {"first": values[0], "last": values[-1], "low": min(values), "high": max(values)}
    text = _("Seven days: from %(first)s to %(last)s, lowest %(low)s, highest %(high)s.")
    return text % {name: number(value) for name, value in ends.items()}


def _alarm_words(row: Row) -> str:
    text = ngettext("%(n)d anomaly to judge", "%(n)d anomalies to judge", row.alarms)
    return text % {"n": row.alarms}
