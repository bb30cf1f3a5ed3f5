"""A rule tried on history says what it would have done, and keeps nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.alerts.rules import list_kinds
from analytics.models import AlertDelivery, AlertRule, AlertState
from analytics.services.alerting import evaluate
from analytics.services.alerting.trying import rule_try
from tests import factories

pytestmark = pytest.mark.django_db


def test_it_says_how_often_and_when_and_keeps_nothing(market, quoted):
    for day in range(20, 0, -1):
        quoted(12.0 if day in (15, 9, 4) else 10.0, ago=day * 1440)
    found = rule_try(kind="level", params={"level": 11}, market=market)
    assert (found["count"], found["possible"]) == (3, True)
    days = [(timezone.now() - one["at"]).days for one in found["fired"]]
    assert days == [4, 9, 15]
    assert found["fired"][0]["text"] == "price 11.995 is above 11"
    assert not AlertRule.objects.exists()
    assert not AlertState.objects.exists()
    assert not AlertDelivery.objects.exists()


def test_it_fires_where_the_same_rule_fires_live(market, quoted, ruled):
    quoted(10.0, ago=200)
    ruled("move", market, percent=4, hours=1, cooldown_minutes=30)
    for ago, price in ((150, 10.5), (140, 10.6), (90, 10.6), (60, 11.3), (20, 10.4), (5, 10.9)):
        quoted(price, ago=ago)
        evaluate(market_ids=[market.pk])
    live = sorted(AlertDelivery.objects.values_list("happened_at", flat=True), reverse=True)
    params = {"percent": 4, "hours": 1}
    found = rule_try(kind="move", params=params, market=market, cooldown_minutes=30)
    assert [one["at"] for one in found["fired"]] == [
        at.replace(microsecond=at.microsecond // 1000 * 1000) for at in live
    ]
    assert len(live) > 1


def test_anomalies_failures_and_silences_are_history_too(market, quoted):
    model = factories.make_model(market, "anomaly")
    factories.make_event(model, severity="high", start=timezone.now() - dt.timedelta(days=3))
    ended = timezone.now() - dt.timedelta(days=2)
    factories.make_run(market, "price", "failed", finished_at=ended, error_code="diverged")
    for ago in (60 * 24 * 5, 60 * 24 * 5 - 10, 60 * 24, 5):
        quoted(10.0, ago=ago)
    assert rule_try(kind="anomaly", params={}, market=market)["count"] == 1
    assert rule_try(kind="training_failed", params={}, market=market)["count"] == 1
    assert rule_try(kind="stale", params={"minutes": 600}, market=market)["count"] == 2


@pytest.mark.parametrize("kind", [kind.name for kind in list_kinds() if kind.untried])
def test_a_kind_without_a_history_says_why(market, kind):
    found = rule_try(kind=kind, params={}, market=market)
    assert (found["possible"], found["count"]) == (False, None)
    assert found["why"]


def test_a_market_without_anything_is_no_error(market):
    found = rule_try(kind="percentile", params={}, market=market)
    assert found["count"] == 0
    assert found["notes"]
