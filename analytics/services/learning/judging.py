"""Does an active version still know its market? Judged by its inputs and by what became of its
forecasts; the last judgement is kept in its row, and a change of it is told."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from analytics import events
from analytics.exceptions import AnalyticsError
from analytics.models import Market, ModelEvent, TrainedModel
from analytics.services.forecasts.accuracy import FORECAST_TASKS, accuracy_of_many
from analytics.services.learning.inputs import inputs_drift
from analytics.services.prices.history import last_moment

logger = logging.getLogger(__name__)
#: Seconds that one round may take; what is left is judged in the next, oldest judgements first.
ROUND_SECONDS = 120.0


def models_judge(*, market: Market | None = None, now: dt.datetime | None = None) -> int:
    """Judge the active versions (of one market); answers how many drifted. Safe to repeat. What
    fails for one is logged, and tried again next time."""
    active = TrainedModel.objects.filter(status=TrainedModel.Status.ACTIVE)
    if market is not None:
        active = active.filter(market=market)
    models = active.select_related("market").order_by(F("drift_judged_at").asc(nulls_first=True))
    end = time.monotonic() + ROUND_SECONDS
    drifted = 0
    for model in models:
        if time.monotonic() > end:
            break
        try:
            drifted += model_judge(model=model, now=now)
        except Exception:
            logger.exception("version %s cannot be judged", model)
    return drifted


def model_judge(*, model: TrainedModel, now: dt.datetime | None = None) -> bool:
    """Judge one active version, keep what was found, and tell where that is new: ModelDrifted, and
    a line in the audit trail. Answers whether it drifted. Where there is nothing to judge by, what
    was known of it stays."""
    now = now or timezone.now()
    found = drift_found(model, now=now)
    since = model.drifted_at
    if found["known"]:
        since = (model.drifted_at or now) if found["drifted"] else None
    same = TrainedModel.objects.filter(pk=model.pk, drifted_at=model.drifted_at)
    with transaction.atomic():
        kept = same.update(drift=found, drift_judged_at=now, drifted_at=since)
        if kept and since is not None and model.drifted_at is None:
            _tell(model, found["reasons"])
    return since is not None


def _tell(model: TrainedModel, reasons: list[str]) -> None:
    ModelEvent.objects.create(
        model=model,
        label=f"{model.market.symbol} {model.task} {model}",
        action=ModelEvent.Action.DRIFTED,
        automatic=True,
        reason=", ".join(reasons),
    )
    logger.warning("version %s of %s drifted: %s", model, model.market.symbol, reasons)
    events.publish(
        events.ModelDrifted(
            model_id=model.pk,
            market_id=model.market_id,
            task=model.task,
            version=model.version,
            reasons=tuple(reasons),
        )
    )


def drift_found(model: TrainedModel, *, now: dt.datetime) -> dict[str, Any]:
    """What speaks for and against a version, ready for JSON: `known` (there was something to judge
    by), `drifted`, `reasons` (stable words; of inputs input_NAME), `live` (see forecasts.drift;
    null of a task without forecasts) and `inputs` (null where there are too few quotes)."""
    live = None
    if model.task in FORECAST_TASKS:
        active = {model.market_id: {model.task: model}}
        [live] = accuracy_of_many(active, now=now)[model.market_id]["drift"]
    try:
        inputs = inputs_drift(model, last=last_moment(model.market, now))
    except AnalyticsError:
        inputs = None  # no quote is left
    reasons = list(live["reasons"]) if live else []
    reasons += [f"input_{one['name']}" for one in inputs or () if one["drifted"]]
    return {
        "known": bool(inputs) or bool(live and live["enough"]),
        "drifted": bool(reasons),
        "reasons": reasons,
        "live": live,
        "inputs": inputs,
    }
