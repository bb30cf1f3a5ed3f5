"""The live watch: whoever brings new quotes has them looked at, at once.

Only rows that nobody has scored yet are scored, so that the state of a market (warming up, calm,
an open event) is that of its last quote without a scan of its history.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from django.db.models import Exists, OuterRef, QuerySet

import ml
from analytics import events, queue
from analytics.exceptions import AnalyticsError, NotReady
from analytics.models import (
    AnomalyEvent,
    AnomalyStream,
    AnomalyWatch,
    Market,
    PriceHistory,
    TrainedModel,
)
from analytics.models.choices import Task
from analytics.models.direct import fetch, moment
from analytics.selectors.models import Serving
from analytics.services.anomalies.events import events_store
from analytics.services.anomalies.stream import INSTANT, stream_keep, stream_look
from analytics.services.anomalies.watching import watch_failed, watch_remember, watch_without_model
from analytics.services.prices.history import history_rows, last_moment, tail_frame
from analytics.services.prices.unchanged import Work, keep_unchanged
from analytics.services.registry.serving import answer_with

logger = logging.getLogger(__name__)
State = AnomalyWatch.State
#: Grid rows that a version which has not watched yet looks back on: a day of half-hours.
FIRST_LOOK = 48
#: Days beyond which the watch does not catch up; what lies further back is a scan's business.
MOST_DAYS = 30


WATCH_TASK = "analytics.tasks.watch_anomalies"
#: Markets that are looked at while whoever sent the quotes waits; for more the worker is called.
AT_ONCE = 8
#: Grid rows that are enough for any detector.
PLENTY = 5000


_Scores: TypeAlias = "ml.AnomalyScores | ml.NotEnoughData"
_Looked: TypeAlias = tuple[Serving, _Scores, AnomalyStream | None]


@dataclass(frozen=True)
class WatchReport:
    """`state` is one of AnomalyWatch.State. `rows` were scored just now, `strange` of them were new
    anomalies; `open_event` is what is going on, if anything."""

    market: Market
    state: str
    rows: int = 0
    strange: int = 0
    open_event: AnomalyEvent | None = None


def anomaly_watch(*, market: Market) -> WatchReport:
    """Score the quotes that are new since the last look; raise, extend or close events.

    Without a model it notes how much history the first one still needs. Raises InvalidInput
    (no_history) for a market without quotes and Unavailable where no artifact can be used. What
    kept it from looking is noted in the market's watch."""
    last_moment(market)
    try:
        report = keep_unchanged(market, watch_work(market=market))[1]
    except Exception as error:
        return _not_looked(market, error)
    if report is None:  # its history is being written just now: the next look finds it
        return WatchReport(market, State.WARMING_UP)
    going_on = AnomalyEvent.objects.filter(market=market, is_open=True).first()
    return replace(report, open_event=going_on)


def watch_work(*, market: Market) -> Work[_Looked, WatchReport]:
    """The same, to be stored; `open_event` is not looked up."""
    return Work(
        ask=lambda: _look(market, last_moment(market)),
        keep=lambda found: _stored(market, *found),
        failed=partial(_not_looked, market),
    )


def _not_looked(market: Market, error: Exception) -> WatchReport:
    """Raises what is not that there is no version."""
    if isinstance(error, NotReady):
        return _without_model(market)
    watch_failed(market=market, error=error)
    raise error


def _look(market: Market, last: dt.datetime) -> _Looked:
    serving, (scores, stream), _ms = answer_with(
        market, Task.ANOMALY, lambda who, how: _score_new(market, who, how, last)
    )
    return serving, scores, stream


def _stored(
    market: Market, serving: Serving, scores: _Scores, stream: AnomalyStream | None
) -> WatchReport:
    """The caller holds the market's lock, in a transaction."""
    if isinstance(scores, ml.NotEnoughData):
        watch_remember(market, serving, needed=scores.needed, present=scores.present)
        return WatchReport(market, State.WARMING_UP)
    changes = events_store(market=market, serving=serving, scores=scores)
    changes.publish()
    watch = watch_remember(market, serving, scores=scores)
    if stream is not None:
        stream_keep(stream)
    return WatchReport(
        market=market,
        state=watch.state,
        rows=len(scores.timestamps),
        strange=changes.new_rows,
    )


def history_missing(market: Market) -> tuple[int, int] | None:
    """(readings needed, readings present) until a first detector can be trained; None when there
    are enough."""
    present = history_rows(market, most=PLENTY)
    if present == PLENTY:
        return None
    needed = ml.TASKS[ml.Task.ANOMALY].min_grid_rows
    return (needed, present) if present < needed else None


def _without_model(market: Market) -> WatchReport:
    return WatchReport(market, watch_without_model(market, history_missing(market)).state)


def _score_new(
    market: Market, serving: Serving, predictor: ml.DLPredictor, last: dt.datetime
) -> tuple[ml.AnomalyScores | ml.NotEnoughData, AnomalyStream | None]:
    """Scores of the rows that this version has not watched yet, up to the last quote; and where its
    stream stands then, if it has one. A scan of the tail of history says more of strange rows."""
    since = _unseen(market, serving, last)
    look = stream_look(
        market, serving, predictor, since=since, last=last, threshold=AnomalyEvent.ALARM
    )
    if look is not None and not look.strange:
        return look.scores, look.stands
    frame = tail_frame(market, until=last, since=since, step_minutes=serving.model.step_minutes)
    try:
        scores = predictor.detect_anomalies(
            frame,
            start=since,
            end=last,
            threshold=AnomalyEvent.ALARM,
            source=ml.Source(serving.source),
        )
    except ml.NotEnoughData as short:
        return short, None
    return scores, look.stands if look is not None else None


_WATCHED = (
    f"SELECT scored_until FROM {AnomalyWatch._meta.db_table} "  # noqa: S608
    "WHERE market_id = %s AND model_id = %s AND source = %s"
)


def _unseen(market: Market, serving: Serving, last: dt.datetime) -> dt.datetime:
    """The moment from which on this version has not watched."""
    watched = fetch(_WATCHED, [market.pk, serving.model.pk, str(serving.source)])
    since = last - dt.timedelta(minutes=FIRST_LOOK * serving.model.step_minutes)
    if watched and watched[0][0] is not None:
        since = max(moment(watched[0][0]), last - dt.timedelta(days=MOST_DAYS))
    return min(since, last) + INSTANT  # the row at `since` itself was scored


@events.subscribe(events.QuotesStored)
def quotes_arrived(stored: events.QuotesStored) -> list[WatchReport]:
    """New quotes were just written: the markets that have a detector are looked at."""
    watched = TrainedModel.objects.filter(market__in=stored.market_ids, task=Task.ANOMALY)
    markets = Market.objects.filter(pk__in=watched.values("market"))
    if len(markets) > AT_ONCE:
        queue.enqueue(WATCH_TASK)
        return []
    return _watch_all(markets)


def anomalies_watch() -> list[WatchReport]:
    """The scheduled look at every market that has quotes."""
    quotes = PriceHistory.objects.filter(market=OuterRef("pk"))
    return _watch_all(Market.objects.filter(Exists(quotes)))


def _watch_all(markets: QuerySet[Market]) -> list[WatchReport]:
    """Whatever is wrong with a detector, the quotes are in: it is logged, and the next look
    catches up."""
    reports = []
    for market in markets.order_by("pk"):
        try:
            reports.append(anomaly_watch(market=market))
        except AnalyticsError as error:
            logger.warning("watch of %s: %s", market.symbol, error.message)
        except Exception:
            logger.exception("watch of %s", market.symbol)
    return reports
