"""What the overview shows, a row a market: the number of queries does not grow with the markets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from analytics.lazily import np
from analytics.models import AnomalyEvent, Forecast, Market, PatternResult, TrainedModel
from analytics.models.choices import Task
from analytics.selectors.accuracy import Tally, merged, tallies
from analytics.selectors.prices import market_freshness, market_list, staleness
from analytics.selectors.series import Series, quote_series_of, thin

#: Rows of the page: each market costs a few milliseconds.
MOST_ROWS = 200
DAY, WEEK, MONTH = (dt.timedelta(days=days) for days in (1, 7, 30))
#: Points of the small line of a week.
LINE_POINTS = 64
#: Days that forecasts are judged on, and alarms that nobody judged are counted.
HELD_DAYS, ALARM_DAYS = 30, 7
#: A recognition speaks for no longer than this.
PATTERN_HOLDS = dt.timedelta(hours=3)


@dataclass(frozen=True, kw_only=True)
class Held:
    """Of so many scored forecasts, the share whose 90 % interval held."""

    n: int
    share: float


@dataclass(kw_only=True)
class Row:
    """A market. Prices are the last that are known, no older than a quote may be; `day` and `week`
    are changes in percent, `place` the percentile in 30 days; what is not known is None."""

    market: Market
    last_at: dt.datetime | None
    age_minutes: float | None
    stale: bool
    bid: float | None = None
    ask: float | None = None
    price: float | None = None
    spread: float | None = None
    day: float | None = None
    week: float | None = None
    place: float | None = None
    line: list[tuple[float, float]] = field(default_factory=list)
    pattern: PatternResult | None = None
    forecast: Forecast | None = None
    held: dict[int, Held] = field(default_factory=dict)
    alarms: int = 0
    going_on: bool = False


def overview_rows(*, now: dt.datetime | None = None) -> list[Row]:
    """A row for each of the first MOST_ROWS markets, by symbol."""
    now = now or timezone.now()
    markets = list(_markets()[:MOST_ROWS])
    forecasts = Forecast.objects.select_related("model").in_bulk(_ids(markets, "latest_price"))
    patterns = PatternResult.objects.defer("analogues").in_bulk(_ids(markets, "latest_pattern"))
    alarms = _alarms(markets, now)
    scored = merged(
        tallies(markets=[m.pk for m in markets], since=now - dt.timedelta(days=HELD_DAYS))
    )
    moments = {m: m.last_quote_at - MONTH for m in markets if m.last_quote_at is not None}
    quotes = quote_series_of(moments) if moments else {}
    rows = []
    for market in markets:
        fresh = market_freshness(market, now=now)
        row = Row(
            market=market,
            last_at=fresh["last_quote_at"],
            age_minutes=fresh["age_minutes"],
            stale=fresh["stale"],
            pattern=patterns.get(market.latest_pattern),
            forecast=forecasts.get(market.latest_price),
        )
        row.alarms, row.going_on = alarms.get(market.pk, (0, False))
        row.held = _held(row, scored)
        if market.pk in quotes:
            _fill(row, quotes[market.pk])
        rows.append(row)
    return rows


def pattern_speaks(pattern: PatternResult | None, now: dt.datetime) -> bool:
    """Whether a recognition says something about now: clear, and not too old."""
    return pattern is not None and pattern.clear and now - pattern.as_of <= PATTERN_HOLDS


def _ids(markets: Sequence[Market], name: str) -> set[int]:
    return {getattr(market, name) for market in markets} - {None}


def _markets() -> QuerySet[Market]:
    """Markets with the ids of their newest results: one look into an index for each."""
    forecast = Forecast.objects.filter(market=OuterRef("pk"), task=Task.PRICE)
    pattern = PatternResult.objects.filter(market=OuterRef("pk"))
    detectors = TrainedModel.objects.filter(market=OuterRef("pk"), task=Task.ANOMALY)
    active = detectors.filter(status=TrainedModel.Status.ACTIVE)
    return market_list().annotate(
        latest_price=Subquery(forecast.order_by("-as_of", "-id").values("pk")[:1]),
        latest_pattern=Subquery(pattern.order_by("-as_of", "-id").values("pk")[:1]),
        detector=Coalesce(
            Subquery(active.values("pk")[:1]),
            Subquery(detectors.order_by("-version").values("pk")[:1]),
        ),
    )


def _alarms(markets: Sequence[Market], now: dt.datetime) -> dict[int, tuple[int, bool]]:
    """(alarms of the version that answers that nobody judged yet, whether one goes on) by market:
    those of the last week, and whatever is still open."""
    lately = Q(is_open=True) | Q(start__gte=now - dt.timedelta(days=ALARM_DAYS))
    events = AnomalyEvent.objects.filter(
        lately, model__in=_ids(markets, "detector"), score__gte=AnomalyEvent.ALARM, feedback=""
    )
    counted = (
        events.order_by()
        .values("market")
        .annotate(n=Count("pk"), going_on=Count("pk", filter=Q(is_open=True)))
    )
    return {one["market"]: (one["n"], bool(one["going_on"])) for one in counted}


def _held(row: Row, scored: Sequence[Tally]) -> dict[int, Held]:
    """What became of the scored price forecasts of who answers now, by grid steps ahead."""
    if row.forecast is None:
        return {}
    return {
        one.steps: Held(n=one.n, share=one.inside_90 / one.n)
        for one in scored
        if (one.market_id, one.task, one.source) == (row.market.pk, Task.PRICE, row.forecast.source)
    }


# ------------------------------------------------------------------------------- out of the quotes
def _fill(row: Row, quotes: Series) -> None:
    if not len(quotes.at):
        return
    columns = quotes.derived()
    slack = staleness(row.market.cadence_minutes).total_seconds()
    row.bid, row.ask, row.spread = (
        _last(quotes.at, columns[name], slack) for name in ("bid", "ask", "spread")
    )
    known = np.isfinite(columns["average"])
    at, price = quotes.at[known], columns["average"][known]
    if not len(at):
        return
    row.price = float(price[-1])
    row.day, row.week = (_change(at, price, span.total_seconds(), slack) for span in (DAY, WEEK))
    row.place = _percentile(at, price, 60 * row.market.cadence_minutes)
    week = at >= at[-1] - WEEK.total_seconds()
    chosen = thin(at[week], [price[week]], LINE_POINTS)
    row.line = list(zip(at[week][chosen].tolist(), price[week][chosen].tolist(), strict=True))


def _last(at: np.ndarray, values: np.ndarray, slack: float) -> float | None:
    """The last known value in the `slack` seconds before the last quote: sides may come apart."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known) or at[-1] - at[known[-1]] > slack:
        return None
    return float(values[known[-1]])


def _change(at: np.ndarray, price: np.ndarray, span: float, slack: float) -> float | None:
    """Percent from the price that held `span` seconds before the last one. None where no quote came
    in the `slack` seconds before that moment: a silence is no price."""
    then = at[-1] - span
    place = int(np.searchsorted(at, then + 1e-3)) - 1
    if place < 0 or then - at[place] > slack:
        return None
    return float(100 * (price[-1] / price[place] - 1))


def _percentile(at: np.ndarray, price: np.ndarray, step: float) -> float | None:
    """Share in percent of the grid's steps whose last price lies below the last one, of equal ones
    the half (as services.collection.context has it). None for a single step."""
    bins = np.floor(at / step)
    ends = np.append(np.flatnonzero(np.diff(bins)), len(at) - 1)
    values = price[ends]
    if len(values) < 2:
        return None
    below, equal = np.mean(values < values[-1]), np.mean(values == values[-1])
    return float(round(100 * (below + equal / 2), 1))
