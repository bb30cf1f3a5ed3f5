"""Rules that events move: what they say is written in the transaction of the event itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from analytics import events
from analytics.alerts.rules import Needs
from analytics.models import AlertRule, AnomalyEvent, Market, TrainingRun
from analytics.models.run import Run
from analytics.services.alerting.conditions import failure_of
from analytics.services.alerting.evaluating import concerns, keep, rules_ready
from analytics.services.alerting.gathering import strange_of

logger = logging.getLogger(__name__)
_KINDS = {Needs.ANOMALIES: "anomaly", Needs.FAILURES: "training_failed"}


@events.subscribe(events.AnomalyOpened, events.AnomalyChanged, durable=True)
def anomaly_alert(fact: events.AnomalyFact) -> None:
    """An anomaly was found, or has grown: who is to be told is, once."""
    _tell(
        Needs.ANOMALIES,
        lambda: Market.objects.get(pk=fact.market_id),
        lambda: [strange_of(AnomalyEvent.objects.get(pk=fact.event_id))],
    )


@events.subscribe(events.RunEnded, durable=True)
def training_alert(ended: events.RunEnded) -> None:
    """A training failed."""
    if ended.kind != "training" or ended.status != Run.Status.FAILED:
        return
    run = TrainingRun.objects.select_related("market").get(pk=ended.run_id)
    _tell(Needs.FAILURES, lambda: run.market, lambda: [failure_of(run)])


def _tell(needs: Needs, market_of: Callable[[], Market], facts_of: Callable[[], list[Any]]) -> None:
    """Judge the rules of that kind on one event. What fails here must not take back what happened:
    it is logged, and the next look by the clock, which goes over events of the last day, makes up
    for it."""
    rules = AlertRule.objects.filter(enabled=True, kind=_KINDS[needs]).prefetch_related("channels")
    try:
        with transaction.atomic():
            ready = rules_ready(rules)
            if not ready:
                return
            market, facts = market_of(), facts_of()
            own = [one for one in ready if concerns(one, market, quotes_only=False)]
            looks = [(one, one.kind.judge(one.params, facts)) for one in own]
            if looks:
                keep(market, looks, timezone.now())
    except Exception:
        logger.exception("alert rules at an event")
