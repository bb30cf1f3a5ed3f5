"""What a look at a market's newest quotes came to, kept in its AnomalyWatch: how far it got, by
whom, and since when it cannot do what its name says."""

from __future__ import annotations

import datetime as dt
import logging
import math
from functools import lru_cache

from django.db import DatabaseError
from django.utils import timezone

import ml
from analytics.exceptions import AnalyticsError
from analytics.lazily import pd
from analytics.models import AnomalyWatch, Market, PriceHistory, TrainedModel
from analytics.models.choices import Source, Task
from analytics.models.direct import fetch, moment, rows_where, save_again
from analytics.selectors.models import Serving, model_active

logger = logging.getLogger(__name__)
State = AnomalyWatch.State
#: A column without a value in so many of the newest quotes is missing.
COLUMN_ROWS = 48
#: Quotes that come so many times as often, or as seldom, as those that a version learned from have
#: another cadence: its alarm rate, so many a week, was measured on the old one.
OTHER_CADENCE = 3.0
_CADENCE_ROWS = 200


def watch_remember(
    market: Market,
    serving: Serving,
    *,
    scores: ml.AnomalyScores | None = None,
    needed: int | None = None,
    present: int | None = None,
) -> AnomalyWatch:
    """How far the watch has come; it never goes back, however two watches interleave. The caller
    holds the market's lock."""
    stored = rows_where(AnomalyWatch, "market_id = %s", [market.pk])
    watch = stored[0] if stored else AnomalyWatch(market=market)
    same = (watch.model_id, watch.source) == (serving.model.pk, serving.source)
    if not same:
        watch.scored_until = watch.last_score = None
    watch.model, watch.source = serving.model, serving.source
    watch.needed, watch.present = needed, present
    watch.warming_up = scores is None or scores.warming_up
    if scores is not None and len(scores.timestamps):
        reached = scores.timestamps[-1].to_pydatetime()
        if watch.scored_until is None or reached > watch.scored_until:
            score = float(scores.scores[-1])
            watch.scored_until = reached
            watch.last_score = score if math.isfinite(score) else None
    _enter(watch, *_state_of(watch, serving))
    save_again(watch)
    return watch


def watch_without_model(market: Market, missing: tuple[int, int] | None) -> AnomalyWatch:
    """Nobody can look: there is no version, or (`missing`: readings needed, readings present) there
    cannot be one yet."""
    watch = AnomalyWatch.objects.filter(market=market).first() or AnomalyWatch(market=market)
    watch.model, watch.source = None, ""
    watch.needed, watch.present = missing or (None, None)
    watch.warming_up = missing is not None
    _enter(watch, State.NO_MODEL if missing is None else State.WARMING_UP)
    watch.save()
    return watch


def watch_failed(*, market: Market, error: Exception) -> None:
    """Note that a look was not possible, and why. Never raises: the error itself matters more."""
    code = error.code if isinstance(error, AnalyticsError) else ""
    said = error.message if isinstance(error, AnalyticsError) else type(error).__name__
    try:
        watch = AnomalyWatch.objects.filter(market=market).first() or AnomalyWatch(market=market)
        _enter(watch, State.BROKEN if code == "artifact_broken" else State.FAILED, said)
        watch.save()
    except DatabaseError:
        logger.exception("the failed watch of %s could not be noted", market.symbol)


def _enter(watch: AnomalyWatch, state: str, detail: str = "") -> None:
    if watch.since is None or watch.state != state:
        watch.since = timezone.now()
    watch.state = state
    watch.detail = detail[: AnomalyWatch._meta.get_field("detail").max_length]


def _state_of(watch: AnomalyWatch, serving: Serving) -> tuple[str, str]:
    """(state, detail) after a look by `serving`: the worst that is true."""
    if watch.warming_up:
        return State.WARMING_UP, ""
    if watch.last_score is None:
        return State.UNSCORED, ""
    missing = columns_missing(serving.model)
    if missing:
        return State.COLUMNS, ", ".join(missing)
    cadence = cadence_changed(serving.model)
    if cadence:
        return State.OTHER_CADENCE, " / ".join(f"{minutes:.3g}" for minutes in cadence)
    if serving.source == Source.NETWORK and serving.model.status == TrainedModel.Status.ACTIVE:
        return State.WATCHING, ""
    active = model_active(serving.model.market_id, Task.ANOMALY)
    if active is not None:
        return State.FALLBACK, f"{serving.name} v{serving.model.version}"
    return State.BASELINE, serving.name


def columns_missing(model: TrainedModel) -> list[str]:
    """Columns that the version was trained with and that none of the newest quotes has."""
    known = {column.name for column in PriceHistory.SCHEMA}
    columns = [name for name in model.input_columns if name in known]
    sql = (
        f"SELECT {', '.join(columns)} FROM {PriceHistory._meta.db_table} "  # noqa: S608
        "WHERE market_id = %s ORDER BY timestamp DESC LIMIT %s"
    )
    if not columns:
        return []
    newest = fetch(sql, [model.market_id, COLUMN_ROWS])
    return [
        name
        for name, seen in zip(columns, zip(*newest, strict=True), strict=False)
        if not any(v is not None for v in seen)
    ]


def cadence_changed(model: TrainedModel) -> tuple[float, float] | None:
    """(minutes between the newest quotes, minutes between the last that the version learned from),
    where one is OTHER_CADENCE times the other; None where they are alike or unknown."""
    learned = _cadence_learned(model.pk, model.checksum, model.market_id, model.data_until)
    newest = _cadence(model.market_id, None, COLUMN_ROWS)
    if learned is None or newest is None:
        return None
    alike = learned / OTHER_CADENCE < newest < learned * OTHER_CADENCE
    return None if alike else (newest, learned)


@lru_cache(maxsize=1024)
def _cadence_learned(
    _version: int, _checksum: str, market: int, until: dt.datetime
) -> float | None:
    """What a version learned from does not change: asked once in a process."""
    return _cadence(market, until, _CADENCE_ROWS)


def _cadence(market: int, until: dt.datetime | None, rows: int) -> float | None:
    """Minutes between the newest quotes of a market (up to a moment); None below half of the
    `rows` asked for."""
    limit = "" if until is None else "AND timestamp <= %s "
    sql = (
        f"SELECT timestamp FROM {PriceHistory._meta.db_table} WHERE market_id = %s "  # noqa: S608
        f"{limit}ORDER BY timestamp DESC LIMIT %s"
    )
    params = [market, rows] if until is None else [market, until, rows]
    found = [moment(at) for (at,) in fetch(sql, params)]
    if len(found) < rows // 2:
        return None
    # By the library's rule: of a market that is read in two halves, the median is either gap.
    return ml.cadence_minutes(pd.DatetimeIndex(found[::-1]))
