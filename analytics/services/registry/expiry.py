"""Versions that are too old to be relied on: they go on answering, their answers say so."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import events
from analytics.conf import conf
from analytics.models import ModelEvent, TrainedModel
from analytics.selectors.prices import market_list

logger = logging.getLogger(__name__)


def expiry_of(
    model: TrainedModel, *, at: dt.datetime | None = None, now: dt.datetime | None = None
) -> dict[str, Any] | None:
    """Why a version is expired, ready for JSON: `reason` data (what is spoken about, `at`, lies
    more than EXPIRE_DATA_DAYS after the last quote that it knows) or age (it was trained more than
    EXPIRE_AGE_DAYS ago), `days` and `limit_days`. None where it is not; 0 as a limit is none."""
    limits = conf()
    spans = {
        "data": (at - model.data_until if at is not None else None, limits.EXPIRE_DATA_DAYS),
        "age": (
            (now or timezone.now()) - model.trained_at if model.trained_at is not None else None,
            limits.EXPIRE_AGE_DAYS,
        ),
    }
    for reason, (span, limit) in spans.items():
        if span is not None and limit and span > dt.timedelta(days=limit):
            days = round(span.total_seconds() / 86_400, 1)
            return {"reason": reason, "days": days, "limit_days": limit}
    return None


def expiry_note(expired: dict[str, Any] | None) -> tuple[str, ...]:
    """What an answer of an expired version says beside it."""
    if expired is None:
        return ()
    text = (
        _("expired: the model knows no quote of the last %(days)d days")
        if expired["reason"] == "data"
        else _("expired: the model was trained %(days)d days ago")
    )
    return (text % {"days": expired["days"]},)


def models_expire(*, now: dt.datetime | None = None) -> int:
    """The scheduled look: active versions that expired are marked and told once (ModelExpired, a
    line in the audit trail), the mark of those that are not any more (the limit was raised) goes.
    Answers how many expired now."""
    now = now or timezone.now()
    last = {
        market.pk: market.last_quote_at  # type: ignore[attr-defined]
        for market in market_list()
    }
    active = TrainedModel.objects.filter(status=TrainedModel.Status.ACTIVE)
    count = 0
    for model in active.select_related("market"):
        found = expiry_of(model, at=last[model.market_id], now=now)
        if (found is None) == (model.expired_at is None):
            continue
        count += _mark(model, found, now)
    return count


def _mark(model: TrainedModel, found: dict[str, Any] | None, now: dt.datetime) -> bool:
    same = TrainedModel.objects.filter(pk=model.pk, expired_at=model.expired_at)
    with transaction.atomic():
        if not same.update(expired_at=now if found else None) or found is None:
            return False
        ModelEvent.objects.create(
            model=model,
            label=f"{model.market.symbol} {model.task} {model}",
            action=ModelEvent.Action.EXPIRED,
            automatic=True,
            reason=" ".join(expiry_note(found)),
        )
        logger.warning("version %s of %s expired: %s", model, model.market.symbol, found)
        events.publish(
            events.ModelExpired(
                model_id=model.pk,
                market_id=model.market_id,
                task=model.task,
                version=model.version,
                reason=found["reason"],
                days=found["days"],
            )
        )
    return True
