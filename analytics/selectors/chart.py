"""What the chart of one market shows, read for a range and, zoomed in, for a part of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

import ml
from analytics.lazily import np
from analytics.models import AnomalyEvent, Forecast, Market, PatternResult, StoredBook
from analytics.models.choices import Task
from analytics.models.direct import fetch, moment, rows_where
from analytics.selectors.prices import market_counters, newest_moment, oldest_moment
from analytics.selectors.series import Series, quote_series, thin

#: What the reader may look at: name -> days back from the newest quote, None is everything.
RANGES = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "all": None}
MOST_EVENTS = 100
_MOST_SCORES = 2000
_MOST_PATTERNS = 5000
_MOST_FORECASTS = 1000
#: How long before its moment a past forecast was made, at most.
AHEAD = dt.timedelta(hours=24)
#: The compiler of a queryset takes longer than these queries.
_WHO = f"SELECT model_id, source FROM {PatternResult._meta.db_table}"  # noqa: S608
_WHAT = f"SELECT as_of, label, clear FROM {PatternResult._meta.db_table}"  # noqa: S608
Window = tuple[float, float]
Past = tuple[float, float, float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Quotes to draw: `at` (n,) seconds since 1970, columns (n,) each, NaN where unknown; by column
    the rows at which it breaks."""

    at: np.ndarray
    columns: dict[str, np.ndarray]
    breaks: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MarketView:
    """`extent` is the whole range in seconds since 1970; `total` counts the quotes that the drawn
    ones stand for. `past` are (moment, value said AHEAD of it, lower and upper end of its 90 %)."""

    market: Market
    extent: Window
    quotes: Drawn
    total: int
    price: Forecast | None = None
    spread: Forecast | None = None
    events: list[AnomalyEvent] = field(default_factory=list)
    patterns: list[tuple[dt.datetime, str, bool]] = field(default_factory=list)
    past: list[Past] = field(default_factory=list)

    @property
    def thinned(self) -> bool:
        return len(self.quotes.at) < self.total


def market_view(
    market: Market, days: int | None, window: Window | None = None
) -> MarketView | None:
    """The last `days` before the newest quote (None: all), or of them what `window` shows and as
    much again on either side. None while there is no quote."""
    first, last = oldest_moment(market), newest_moment(market)
    if last is None or first is None:
        return None
    since = first if days is None else max(first, last - dt.timedelta(days=days))
    price, spread = (_forecast(market, task, since) for task in (Task.PRICE, Task.SPREAD))
    until = max(last, _reaches(price, last), _reaches(spread, last))
    extent = (since.timestamp(), until.timestamp())
    quotes = quote_series(market, since)
    if window is not None:
        wide = window[1] - window[0]
        quotes = quotes.between(window[0] - wide, window[1] + wide)
    return MarketView(
        market=market,
        extent=extent,
        quotes=_drawn(quotes, 60 * ml.staleness_limit(market.cadence_minutes)),
        total=len(quotes.at),
        price=price,
        spread=spread,
        events=_events(market, since),
        patterns=_patterns(market, since),
        past=_past(market, since),
    )


def chart_version(market: Market) -> str:
    """Changes whenever the market's chart may: what is new since then can be told by it."""
    same = {"market": market}
    newest = (
        Forecast.objects.filter(**same).aggregate(last=Max("pk"))["last"],
        PatternResult.objects.filter(**same).aggregate(last=Max("pk"))["last"],
        AnomalyEvent.objects.filter(**same).aggregate(last=Max("updated_at"))["last"],
        StoredBook.objects.filter(**same).aggregate(last=Max("taken_at"))["last"],
    )
    return f"{market.pk}-{market_counters(market).revision}-" + "-".join(map(str, newest))


def _drawn(quotes: Series, silence: float) -> Drawn:
    """Thinned rows. Where a column says nothing for `silence` seconds (and long enough to be seen),
    a row of its own breaks it."""
    columns = quotes.derived()
    at = quotes.at
    if not len(at):
        return Drawn(at=at, columns=columns)
    least = max(silence, (at[-1] - at[0]) / 100)
    gaps = {name: _silences(at, values, least) for name, values in columns.items()}
    shown = [columns[name] for name in ("bid", "ask", "average", "spread", "bid_volume")]
    before = np.unique(np.concatenate(list(gaps.values())))
    rows = np.union1d(thin(at, shown), before)
    places = np.searchsorted(rows, before) + 1
    new = places + np.arange(len(places))  # where the inserted rows will stand
    return Drawn(
        at=np.insert(at[rows], places, at[before] + 1.0),
        columns={name: np.insert(c[rows], places, np.nan) for name, c in columns.items()},
        breaks={name: new[np.isin(before, found)].tolist() for name, found in gaps.items()},
    )


def _silences(at: np.ndarray, values: np.ndarray, least: float) -> np.ndarray:
    """Places of known values after which none came for `least` seconds."""
    known = np.flatnonzero(np.isfinite(values))
    return known[:-1][np.diff(at[known]) > least]


def _forecast(market: Market, task: str, since: dt.datetime) -> Forecast | None:
    newest = "market_id = %s AND task = %s AND as_of >= %s ORDER BY as_of DESC, id DESC LIMIT 1"
    return next(iter(rows_where(Forecast, newest, [market.pk, task, since])), None)


def _reaches(forecast: Forecast | None, otherwise: dt.datetime) -> dt.datetime:
    ends = [dt.datetime.fromisoformat(h["at"]) for h in (forecast.horizons if forecast else [])]
    return max(ends, default=otherwise)


def _events(market: Market, since: dt.datetime) -> list[AnomalyEvent]:
    """Alarms of the version that found the newest one, without that version: earlier ones tell of
    the same again."""
    rows = AnomalyEvent.objects.filter(market=market, score__gte=AnomalyEvent.ALARM)
    newest = rows.order_by("-model__version", "-model").values_list("model", flat=True).first()
    found = 'market_id = %s AND model_id = %s AND score >= %s AND "end" >= %s'
    latest = f"{found} ORDER BY start DESC, id DESC LIMIT {MOST_EVENTS}"
    return rows_where(AnomalyEvent, latest, [market.pk, newest, AnomalyEvent.ALARM, since])[::-1]


def _patterns(market: Market, since: dt.datetime) -> list[tuple[dt.datetime, str, bool]]:
    """(moment, label, clear) of the version that answered last, oldest first."""
    newest = fetch(f"{_WHO} WHERE market_id = %s ORDER BY as_of DESC, id DESC LIMIT 1", [market.pk])
    if not newest:
        return []
    late = "market_id = %s AND model_id = %s AND source = %s AND as_of >= %s"
    order = f"ORDER BY as_of DESC LIMIT {_MOST_PATTERNS}"
    rows = fetch(f"{_WHAT} WHERE {late} {order}", [market.pk, *newest[0], since])
    return [(moment(as_of), label, bool(clear)) for as_of, label, clear in reversed(rows)]


def _past(market: Market, since: dt.datetime) -> list[Past]:
    rows = Forecast.objects.filter(market=market, task=Task.PRICE, as_of__gte=since - AHEAD)
    found: dict[float, Past] = {}
    for horizons in rows.order_by("-as_of").values_list("horizons", flat=True)[:_MOST_FORECASTS]:
        far: Any = None
        for one in horizons:
            if one["minutes"] * 60 <= AHEAD.total_seconds():
                far = one if far is None or one["minutes"] > far["minutes"] else far
        if far is not None:
            at = dt.datetime.fromisoformat(far["at"]).timestamp()
            ends = (far.get("quantiles") or {}).get
            found.setdefault(at, (at, far["value"], ends("0.05"), ends("0.95")))
    return sorted(found.values())


@dataclass(frozen=True, kw_only=True)
class EventView:
    """The quotes around an event, and (moment, score) of its strange rows."""

    quotes: Drawn
    scores: list[tuple[dt.datetime, float]]


def event_span(event: AnomalyEvent) -> tuple[dt.datetime, dt.datetime]:
    """What is shown around it: as long before and after as it lasted, a day at least."""
    wide = max(event.end - event.start, dt.timedelta(days=1))
    return event.start - wide, event.end + wide


def event_view(event: AnomalyEvent) -> EventView:
    """The quotes of `event_span`."""
    start, end = event_span(event)
    quotes = quote_series(event.market, start).between(0, end.timestamp())
    drawn = _drawn(quotes, 60 * ml.staleness_limit(event.market.cadence_minutes))
    rows = event.results.order_by("timestamp").values_list("timestamp", "score")
    return EventView(quotes=drawn, scores=list(rows[:_MOST_SCORES]))
