"""The commands of alerts."""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from analytics.models import AlertDelivery, WorkerHeartbeat
from analytics.services.alerting import channels, rules
from analytics.services.prices.single import quote_add
from tests import factories

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.fixture
def market():
    market = factories.make_market()
    now = timezone.now()
    for day, ask in ((5, 10.0), (4, 12.0), (3, 10.0)):
        at = now - dt.timedelta(days=day)
        quote_add(market=market, timestamp=at, figures={"bid": ask - 0.1, "ask": ask})
    return market


def test_a_rule_is_tried_by_kind_or_by_name(market):
    words = ["try_rule", "--kind", "level", "--param", "level=11", "--market", market.symbol]
    text = run(*words)
    assert "1 time in the last 30 days" in text
    assert json.loads(run(*words, "--json"))["count"] == 1
    rules.rule_create(name="dear", kind="level", params={"level": 11})
    assert "1 time " in run("try_rule", "dear")
    assert "cannot be tried" in run("try_rule", "--kind", "worker_gone")
    with pytest.raises(CommandError, match="level"):
        run("try_rule", "--kind", "level", "--param", "level=high")
    with pytest.raises(CommandError, match="no rule"):
        run("try_rule", "nothing")


def test_a_watchman_without_a_worker_tells_that_it_is_gone():
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="w", pid=1, started_at=now, seen_at=now)
    log = channels.channel_create(name="log", kind="log")
    rules.rule_create(name="gone", kind="worker_gone", params={}, channels=[log])
    WorkerHeartbeat.objects.update(seen_at=now - dt.timedelta(minutes=9))
    text = run("send_alerts", "--evaluate")
    assert "1 alert was raised." in text
    assert "1 sent, 0 to be tried again, 0 given up." in text
    assert AlertDelivery.objects.get().status == "sent"
