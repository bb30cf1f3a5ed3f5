"""What rules of a market are judged on, read from the database once per look."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from analytics.alerts.facts import FIGURES, Gain, Priced, Quotes, Said, Silence, Strange
from analytics.alerts.rules import Needs, RuleKind
from analytics.models import AnomalyEvent, Forecast, Market
from analytics.selectors.collection import books_of, gaps_of
from analytics.selectors.prices import freshness_limit, market_freshness
from analytics.selectors.series import Series, quote_series
from analytics.services.alerting import conditions
from analytics.services.collection.amounts import price_of
from analytics.services.collection.books import book_read
from analytics.services.collection.chances import market_chances

#: What is older is no news: a rule that is judged live does not tell it.
NEWS = dt.timedelta(hours=24)
#: Kept books that are priced in one look; of more every so many.
MOST_BOOKS = 300


@dataclass
class Gatherer:
    """Facts of one market (None: of the server) up to `now`. `history`: all of the stretch from
    `since`, as a trial asks; else what is new since then, or only the newest."""

    market: Market | None
    now: dt.datetime
    history: bool = False
    #: Every so many books was priced, where it was not each.
    thinned: int = 1
    _series: Series | None = None
    _from: dt.datetime | None = None
    _last: dict[str, Any] = field(default_factory=dict)

    def gather(self, kind: RuleKind, params: Any, since: dt.datetime | None) -> Any:
        """The facts that the kind needs. Raises AnalyticsError where they cannot be had."""
        return _GATHER[kind.needs](self, kind, params, since)

    def last_quote_at(self) -> dt.datetime | None:
        """When the market's newest quote came."""
        if not self._last and self.market is not None:
            self._last = market_freshness(self.market, now=self.now)
        return self._last.get("last_quote_at")

    def own(self) -> Market:
        """The market; only rules that are about one ask."""
        if self.market is None:
            raise LookupError("a rule of a market was asked about the server")
        return self.market

    def look_ahead(self, asked: Iterable[tuple[RuleKind, Any, dt.datetime | None]]) -> None:
        """Read the quotes that rules of these kinds, parameters and looks will ask for, once."""
        last = self.last_quote_at()
        firsts = [
            _begin(since, last) - kind.look_back(params)
            for kind, params, since in asked
            if kind.needs is Needs.QUOTES and last is not None
        ]
        if firsts:
            self.series(min(firsts))

    def series(self, first: dt.datetime) -> Series:
        """Quotes from `first` on; read once for all rules that look back as far."""
        if self._series is None or self._from is None or first < self._from:
            self._series, self._from = quote_series(self.own(), first), first
        return self._series.between(first.timestamp(), self.now.timestamp())


def _begin(since: dt.datetime | None, last: dt.datetime) -> dt.datetime:
    """Whence quotes are judged: after the last look, or the newest alone."""
    return since or last - dt.timedelta(milliseconds=2)


def _quotes(
    found: Gatherer, kind: RuleKind, params: Any, since: dt.datetime | None
) -> Quotes | None:
    last = found.last_quote_at()
    if last is None:
        return None
    begin = _begin(since, last)
    series = found.series(begin - kind.look_back(params))
    derived = series.derived()
    figures = {
        "price": derived["average"],
        "bid": derived["bid"],
        "ask": derived["ask"],
        "spread_pct": derived["spread"],
    }
    # Moments are kept to the millisecond: half of one tells "after" from "at".
    seconds = begin.timestamp() + (5e-4 if since else 0.0)
    return Quotes(series.at, {name: figures[name] for name in FIGURES}, seconds)


def _forecasts(
    found: Gatherer, _kind: RuleKind, _params: Any, since: dt.datetime | None
) -> list[Said]:
    rows = Forecast.objects.filter(market=found.market, task="price", as_of__lte=found.now)
    if since is None:
        rows = rows.order_by("-as_of", "-id")[:1]
    else:
        rows = rows.filter(as_of__gt=since).order_by("as_of", "id")
    return [
        Said(
            row.as_of,
            {h["steps"]: h["minutes"] for h in row.horizons},
            {h["steps"]: h["quantiles"] for h in row.horizons},
        )
        for row in rows
    ]


def _anomalies(
    found: Gatherer, _kind: RuleKind, _params: Any, since: dt.datetime | None
) -> list[Strange]:
    # Events grow, and are judged anew when they do: live looks go back as far as news do.
    begin = since if found.history and since else found.now - NEWS
    rows = AnomalyEvent.objects.filter(market=found.market, end__gte=begin, start__lte=found.now)
    return [strange_of(row) for row in rows.order_by("end", "id")]


def strange_of(row: AnomalyEvent) -> Strange:
    """An event as rules see it."""
    return Strange(
        id=row.pk,
        start=row.start,
        end=row.end,
        kind=row.kind,
        severity=row.severity,
        score=row.score,
        phrases=row.phrases,
        text=row.text,
        false_alarm=row.feedback == AnomalyEvent.Feedback.FALSE,
    )


def _amounts(
    found: Gatherer, _kind: RuleKind, params: Any, since: dt.datetime | None
) -> list[Priced]:
    rows = books_of(found.own(), until=found.now)
    if since is None:
        chosen = list(rows.values_list("pk", flat=True)[:1])
    else:
        moments = rows.filter(taken_at__gt=since).values_list("pk", flat=True)
        found.thinned = -(-len(moments) // MOST_BOOKS) or 1
        chosen = list(moments)[:: found.thinned]
    return [
        Priced(row.taken_at, price_of(book_read(row), params))
        for row in rows.filter(pk__in=chosen).order_by("taken_at")
    ]


def _chances(
    found: Gatherer, _kind: RuleKind, params: Any, _since: dt.datetime | None
) -> list[Gain]:
    answer = market_chances(
        market=found.own(),
        amount=params.amount,
        now=found.now,
        trade_percent=params.trade_percent,
        transfer_fixed=params.transfer_fixed,
    )
    chances = [one for one in (*answer["across"], *answer["cycles"]) if one["gain"] is not None]
    if not chances:  # a market that is silent for once is no sign that the gain has gone
        return []
    best = max(chances, key=lambda one: one["gain"])
    legs = (best["buy"], best["sell"])
    route = " → ".join(
        f"{leg['market']}@{leg['venue']} ({Decimal(str(leg['price'])):f})" for leg in legs
    )
    return [Gain(found.now, 100 * best["gain"], route)]


def _silences(
    found: Gatherer, _kind: RuleKind, params: Any, since: dt.datetime | None
) -> list[Silence]:
    market, last = found.market, found.last_quote_at()
    if market is None or last is None:
        return []
    limit = freshness_limit(market)
    silences = []
    if found.history and since is not None:
        longer = dt.timedelta(minutes=params.minutes or limit)
        gaps = gaps_of(market, since=since, longer_than=longer)
        silences = [Silence(gap.start, gap.end, limit) for gap in reversed(gaps)]
    return [*silences, Silence(last, max(found.now, last), limit)]


def _condition(
    read: Callable[[Market | None, dt.datetime, dt.datetime], Any],
) -> Callable[..., Any]:
    def gather(found: Gatherer, _kind: RuleKind, _params: Any, since: dt.datetime | None) -> Any:
        begin = since if found.history and since else found.now - NEWS
        return read(found.market, begin, found.now)

    return gather


_GATHER: dict[Needs, Callable[[Gatherer, RuleKind, Any, dt.datetime | None], Any]] = {
    Needs.QUOTES: _quotes,
    Needs.FORECASTS: _forecasts,
    Needs.ANOMALIES: _anomalies,
    Needs.AMOUNT: _amounts,
    Needs.CHANCES: _chances,
    Needs.SILENCES: _silences,
    Needs.WATCH: _condition(conditions.watches),
    Needs.VERSIONS: _condition(conditions.versions),
    Needs.DRIFT: _condition(conditions.drifts),
    Needs.FAILURES: _condition(conditions.failures),
    Needs.WORKERS: _condition(conditions.workers),
}


def judged(found: Gatherer, kind: RuleKind, params: Any, since: dt.datetime | None) -> list[Any]:
    """The sights of a rule; none where there is nothing to look at."""
    facts = found.gather(kind, params, since)
    return [] if facts is None else kind.judge(params, facts)
