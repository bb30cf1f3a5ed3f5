"""Quotes of other markets, for trainings and backtests of families that learn from several.

Whose: of the markets that are quoted at least as often as the grid of the own one asks for, those
with as much history as a training needs; first the same asset and fiat at another exchange, then
the same fiat, the same asset, and the rest, in each the older ones of the database first; as many
as the configuration says. Of each no more than the last MOST_ROWS rows of the grid.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Count, Max, Min

import ml
from analytics.lazily import pd
from analytics.models import Market, PriceHistory
from analytics.selectors.frames import thinned_frame

#: Over a year at half-hour steps.
MOST_ROWS = 20_000


def other_quotes(
    market: Market,
    *,
    spec: Any,
    config: Mapping[str, Any],
    step_minutes: int,
    until: dt.datetime,
    learned_until: dt.datetime | None = None,
) -> dict[str, pd.DataFrame]:
    """Quotes frames by symbol, up to `until`, the nearest markets first; empty of a family that
    learns from its own market alone. A backtest chooses by what was there when it learned first
    (`learned_until`)."""
    if not spec.panel:
        return {}
    learned = min(learned_until or until, until)
    since = learned - dt.timedelta(minutes=MOST_ROWS * step_minutes)
    needed = spec.of_task.min_grid_rows
    found: dict[str, pd.DataFrame] = {}
    for other in _nearest(market, step_minutes):
        if len(found) >= config["markets"]:
            break
        if _rows(other, since, learned, step_minutes) >= needed:
            found[other.symbol] = thinned_frame(
                other,
                since=since,
                until=until,
                step_minutes=step_minutes,
                columns=ml.PRICE_COLUMNS,
            )
    return found


def _nearest(market: Market, step_minutes: int) -> Iterator[Market]:
    """All others that are quoted often enough, in the order of the head of this module."""
    others = Market.objects.filter(cadence_minutes__lte=step_minutes).exclude(pk=market.pk)

    def far(other: Market) -> tuple[bool, bool, int]:
        return other.fiat != market.fiat, other.asset != market.asset, other.pk

    yield from sorted(others, key=far)


def _rows(market: Market, since: dt.datetime, until: dt.datetime, step_minutes: int) -> int:
    """Grid rows that its quotes can fill."""
    quotes = PriceHistory.objects.filter(market=market, timestamp__gte=since, timestamp__lte=until)
    first, last, rows = quotes.aggregate(
        first=Min("timestamp"), last=Max("timestamp"), rows=Count("pk")
    ).values()
    if not rows:
        return 0
    return ml.fillable_rows(first, last, quotes=rows, step_minutes=step_minutes)
