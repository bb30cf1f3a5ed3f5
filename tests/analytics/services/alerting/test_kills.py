"""A SIGKILL at any step of raising and delivering loses no alert, and raises none twice. What is
sent twice carries the same key."""

from __future__ import annotations

import datetime as dt
import os
import random

import pytest
from django.utils import timezone

from analytics import events
from analytics.models import (
    AlertDelivery,
    AlertRule,
    AlertState,
    AnomalyEvent,
    AnomalyResult,
    AnomalyWatch,
    PriceHistory,
    QuoteFlow,
)
from analytics.services.alerting import deliver, evaluate
from analytics.services.anomalies.watch import anomaly_watch
from analytics.services.flow import quotes_follow
from analytics.services.prices.single import quote_add
from analytics.services.registry import serving
from tests import factories
from tests.analytics.services.anomalies.test_watch import Detector
from tests.kills import calls_of, killed_after, killed_at

from .conftest import WORLD

pytestmark = pytest.mark.django_db(transaction=True)
KILLS = int(os.environ.get("PARALELO_TEST_KILLS", "3"))
LATER = dt.timedelta(minutes=10)


@pytest.fixture
def ready(market, ruled, channel):
    """Three rules stand; ready() takes away what they saw, and brings the quote they are about."""
    for k, level in enumerate((11.0, 11.5, 12.0)):
        ruled("level", market, level=level, name=f"rule {k}", channels=[channel])

    def make() -> None:
        for table in (AlertDelivery, AlertState, QuoteFlow, PriceHistory):
            table.objects.all().delete()
        now = timezone.now()
        for minutes, price in ((20, 10.0), (5, 13.0)):
            at = now - dt.timedelta(minutes=minutes)
            quote_add(market=market, timestamp=at, figures={"bid": price - 0.01, "ask": price})
            if minutes == 20:
                evaluate(market_ids=[market.pk])

    return make


def follow() -> None:
    quotes_follow()
    deliver(world=WORLD)


def settle(receiver) -> None:
    """What the worker does after a restart: its periodic tasks, also once leases have run out."""
    quotes_follow()
    evaluate()
    deliver(world=WORLD)
    deliver(now=timezone.now() + LATER, world=WORLD)


def whole(receiver, market) -> None:
    rows = list(AlertDelivery.objects.order_by("id"))
    assert sorted(row.rule_name for row in rows) == ["rule 0", "rule 1", "rule 2"]
    assert {row.status for row in rows} == {"sent"}
    assert {got.headers["webhook-id"] for got in receiver.got} == {row.key for row in rows}
    assert AlertState.objects.filter(raised=True).count() == 3
    last = PriceHistory.objects.filter(market=market).order_by("-timestamp").first()
    assert QuoteFlow.objects.get().until == last.timestamp


POINTS = [
    "analytics.services.flow._follow",
    "analytics.services.flow.evaluate",
    "analytics.services.alerting.evaluating.judged",
    "analytics.services.alerting.evaluating.lock_markets",
    "analytics.services.alerting.evaluating.outbox_write",
    "analytics.services.alerting.evaluating.keep",
    "analytics.services.alerting.delivering._claim",
    "analytics.services.alerting.delivering.message_of",
    "analytics.services.alerting.delivering._try",
    "analytics.services.alerting.delivering._mark_sent",
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_step_s_boundary_tells_each_alert(ready, receiver, market, point, when):
    ready()
    assert killed_at(follow, point, when)
    settle(receiver)
    whole(receiver, market)
    raised = AlertDelivery.objects.count()
    settle(receiver)
    assert AlertDelivery.objects.count() == raised


def test_a_kill_at_a_random_call_tells_each_alert(ready, receiver, market):
    rng = random.Random(int(os.environ.get("PARALELO_TEST_KILL_SEED", "1")))
    ready()
    follow()  # what is done only once in a process is done
    ready()
    most = calls_of(follow)
    kills = 0
    for _try in range(KILLS):
        ready()
        receiver.got.clear()
        kills += killed_after(follow, rng.randint(1, most))
        settle(receiver)
        whole(receiver, market)
    assert kills >= KILLS // 2


def test_an_anomaly_and_its_alert_are_written_together(market, channel, ruled, monkeypatch):
    """Killed right after the event is published, within its transaction: neither is there. Killed
    after the commit: both are."""
    monkeypatch.setattr(serving, "predictor_of", lambda model: Detector())
    factories.make_model(market, "anomaly")
    ruled("anomaly", market, severity="low", channels=[channel])
    factories.make_quotes(market, 48)
    strange = PriceHistory.objects.filter(market=market).order_by("-timestamp")[10:12]
    PriceHistory.objects.filter(pk__in=[row.pk for row in strange]).update(ask=40)

    def watch() -> None:
        anomaly_watch(market=market)

    assert killed_at(watch, "analytics.services.anomalies.watch.watch_remember", "before")
    assert not AnomalyEvent.objects.exists()
    assert not AlertDelivery.objects.exists()
    watch()
    assert AnomalyEvent.objects.count() == AlertDelivery.objects.count() == 1
    for table in (AnomalyResult, AnomalyWatch):
        assert table.objects.exists()
    evaluate()
    assert AlertDelivery.objects.count() == 1


def test_a_rule_that_fails_at_an_event_takes_back_no_anomaly(market, ruled, monkeypatch, caplog):
    rule = ruled("anomaly", market, severity="low")
    AlertRule.objects.filter(pk=rule.pk).update(params={"severity": "purple"})
    model = factories.make_model(market, "anomaly")
    event = factories.make_event(model, severity="high", start=timezone.now())
    from analytics.selectors.anomalies import fact_of

    events.publish(events.AnomalyOpened(**fact_of(event)))
    assert not AlertDelivery.objects.exists()
    AlertRule.objects.filter(pk=rule.pk).update(params={"severity": "low"})
    evaluate()
    assert AlertDelivery.objects.count() == 1
