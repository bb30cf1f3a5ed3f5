"""Rules are judged as quotes come: told once, after hysteresis again, not within the cooldown."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics import queue
from analytics.exceptions import InvalidInput
from analytics.models import (
    AlertDelivery,
    AlertRule,
    AlertState,
    PriceHistory,
    StoredBook,
    TrainedModel,
    WorkerHeartbeat,
)
from analytics.services.alerting import evaluate, gathering, rules
from analytics.services.alerting.outbox import DELIVER_TASK
from analytics.services.anomalies.feedback import event_judge
from analytics.venues.depth import pack_book
from tests import factories
from tests.analytics.venues.conftest import ad, book

pytestmark = pytest.mark.django_db
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)


def told() -> list[str]:
    return list(AlertDelivery.objects.order_by("id").values_list("kind", flat=True))


def test_a_crossing_is_told_once_and_after_the_hysteresis_again(market, quoted, ruled):
    quoted(10.0, ago=60)
    ruled("level", level=11, hysteresis=1, cooldown_minutes=0)
    for ago, price in ((50, 11.2), (40, 11.5), (30, 10.95), (20, 11.3), (10, 10.5), (5, 11.6)):
        quoted(price, ago=ago)
        evaluate(market_ids=[market.pk])
    assert [row.values["value"] for row in AlertDelivery.objects.order_by("id")] == [
        pytest.approx(11.195),
        pytest.approx(11.595),
    ]


def test_what_came_between_two_looks_is_looked_at_too(market, quoted, ruled):
    quoted(10.0, ago=60)
    ruled("level", level=11, cooldown_minutes=0)
    for ago, price in ((50, 12.0), (40, 10.0), (30, 12.0), (20, 10.0)):
        quoted(price, ago=ago)
    assert evaluate(market_ids=[market.pk]) == 2
    assert evaluate(market_ids=[market.pk]) == 0


def test_a_rule_is_no_news_where_its_level_was_passed_before(market, quoted, ruled):
    quoted(12.0, ago=10)
    ruled("level", level=11)
    quoted(12.1)
    assert evaluate(market_ids=[market.pk]) == 0


def test_a_crossing_within_the_cooldown_is_told_when_it_is_over(market, quoted, ruled):
    quoted(10.0, ago=200)
    ruled("level", level=11, cooldown_minutes=60)
    for ago, price in ((190, 12.0), (180, 10.0), (170, 12.0), (125, 12.2)):
        quoted(price, ago=ago)
    evaluate(market_ids=[market.pk])
    times = [row.happened_at for row in AlertDelivery.objects.order_by("id")]
    assert times[1] - times[0] >= HOUR
    assert len(times) == 2


def test_old_quotes_that_are_imported_are_no_news(market, quoted, ruled):
    quoted(10.0, ago=60 * 24 * 9)
    ruled("level", level=11)
    quoted(12.0, ago=60 * 24 * 5)
    quoted(10.0, ago=60 * 24 * 4)
    assert evaluate(market_ids=[market.pk]) == 0


def test_an_alert_calls_for_its_delivery(market, quoted, ruled, commits_at_once):
    quoted(10.0, ago=5)
    ruled("move", percent=5, hours=1)
    quoted(12.0)
    evaluate(market_ids=[market.pk])
    assert told() == ["move"]
    assert DELIVER_TASK in {path for _key, path, _ids in queue.messages()}


def test_a_rule_for_all_markets_is_about_each_of_them(market, quoted, ruled):
    other = factories.make_market("USDT/VES@here", cadence_minutes=5)
    quoted(10.0, ago=5)
    quoted(50.0, ago=5, of=other)
    ruled("move", percent=5, hours=1)
    quoted(12.0)
    quoted(60.0, of=other)
    assert evaluate(market_ids=[market.pk, other.pk]) == 2
    assert {row.market for row in AlertDelivery.objects.all()} == {market, other}


def test_a_percentile_needs_quotes_and_finds_the_highest_of_them(market, quoted, ruled):
    factories.make_quotes(market, 300, end=timezone.now() - dt.timedelta(minutes=20))
    ruled("percentile", percentile=99)
    quoted(20.0)
    assert evaluate(market_ids=[market.pk]) == 1
    assert AlertDelivery.objects.get().values["percentile"] > 99


def test_a_forecast_that_leaves_its_band_is_told(market, quoted, ruled):
    quoted(10.0, ago=3)
    ruled("forecast_band", low=9, high=11)
    model = factories.make_model(market, "price")
    factories.make_forecast(model, last_value=10.0, as_of=timezone.now() - dt.timedelta(minutes=2))
    assert evaluate(market_ids=[market.pk]) == 0
    factories.make_forecast(model, last_value=12.0, as_of=timezone.now() - dt.timedelta(minutes=1))
    assert evaluate(market_ids=[market.pk]) == 1
    assert AlertDelivery.objects.get().values["value"] == 12.0


def test_silence_is_told_once_per_silence(market, quoted, ruled):
    quoted(10.0, ago=90)
    ruled("stale", minutes=60)
    assert told() == ["stale"]
    now = timezone.now()
    evaluate(now=now + dt.timedelta(minutes=5))
    assert told() == ["stale"]
    quoted(10.0)
    evaluate(now=now + dt.timedelta(minutes=6))
    evaluate(now=now + 3 * HOUR)
    assert told() == ["stale", "stale"]


def test_a_worker_that_is_gone_is_told_and_one_that_was_restarted(db, ruled):
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="w", pid=1, started_at=now, seen_at=now)
    ruled("worker_gone", cooldown_minutes=0)
    assert evaluate(now=now + dt.timedelta(minutes=1)) == 0
    assert evaluate(now=now + dt.timedelta(minutes=5)) == 1
    WorkerHeartbeat.objects.update(seen_at=now + dt.timedelta(minutes=6), restarts=1)
    evaluate(now=now + dt.timedelta(minutes=6))
    assert [row.values["what"] for row in AlertDelivery.objects.order_by("id")] == [
        "gone",
        "restarted",
    ]


def test_the_watch_that_cannot_score_and_the_version_that_is_old_are_told(market, quoted, ruled):
    quoted(10.0)
    old = timezone.now() - dt.timedelta(days=60)
    factories.make_model(market, "anomaly", data_until=old)
    ruled("watch_unable")
    ruled("model_expired", days=30)
    ruled("model_drifting")
    assert sorted(told()) == ["model_expired", "watch_unable"]
    evaluate()
    assert len(told()) == 2


def test_a_version_is_told_as_expired_when_the_server_takes_it_for_that(market, quoted, ruled):
    quoted(10.0)
    model = factories.make_model(market, "anomaly", data_until=timezone.now())
    ruled("model_expired")
    assert told() == []
    TrainedModel.objects.filter(pk=model.pk).update(expired_at=timezone.now())
    evaluate(now=timezone.now() + dt.timedelta(minutes=11))
    assert told() == ["model_expired"]


def test_a_rule_that_cannot_be_judged_says_why_and_the_others_go_on(market, quoted, ruled):
    quoted(10.0, ago=5)
    broken = ruled("level", level=11)
    ruled("move", percent=5)
    AlertRule.objects.filter(pk=broken.pk).update(params={"level": "eleven"})
    quoted(12.0)
    evaluate(market_ids=[market.pk])
    assert told() == ["move"]
    assert "level" in AlertRule.objects.get(pk=broken.pk).problem


def test_rules_that_are_switched_off_are_not_judged(market, quoted, ruled):
    quoted(10.0, ago=5)
    rule = ruled("move", percent=5)
    rules.rule_change(rule=rule, enabled=False)
    quoted(12.0)
    assert evaluate(market_ids=[market.pk]) == 0


def test_another_level_begins_anew(market, quoted, ruled):
    quoted(10.0, ago=5)
    rule = ruled("level", level=11)
    quoted(12.0, ago=2)
    rules.rule_change(rule=rule, params={"level": 11.5})
    assert AlertState.objects.get().raised is True
    assert told() == []


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [
        ("level", {}, "level"),
        ("level", {"level": "x"}, "level"),
        ("level", {"level": 1, "figure": "bananas"}, "figure"),
        ("move", {"percent": -1}, "percent"),
        ("move", {"colour": "red"}, "colour"),
        ("forecast_band", {"low": 5, "high": 4}, "high"),
        ("amount", {"amount": 0}, "amount"),
        ("nonsense", {}, "kind"),
    ],
)
def test_bad_parameters_name_the_field(db, kind, params, field):
    with pytest.raises(InvalidInput) as refused:
        rules.rule_create(name="x", kind=kind, params=params)
    assert field in refused.value.fields
    assert not AlertRule.objects.exists()


def test_a_rule_of_the_server_takes_no_market(market):
    with pytest.raises(InvalidInput) as refused:
        rules.rule_create(name="x", kind="worker_gone", params={}, market=market)
    assert "market" in refused.value.fields


@pytest.mark.parametrize("severity", ["high", "critical"])
def test_an_anomaly_of_the_severity_is_told_once_however_it_grows(market, ruled, severity):
    model = factories.make_model(market, "anomaly")
    ruled("anomaly", severity="high", cooldown_minutes=0)
    factories.make_event(model, severity="low", start=timezone.now())
    event = factories.make_event(model, severity=severity, start=timezone.now())
    evaluate()
    event.end += dt.timedelta(minutes=1)
    event.save()
    evaluate()
    assert told() == ["anomaly"]
    assert AlertDelivery.objects.get().values["event"] == event.pk


def test_a_false_alarm_wakes_nobody(market, ruled):
    model = factories.make_model(market, "anomaly")
    event = factories.make_event(model, severity="high", start=timezone.now())
    event_judge(event=event, feedback="false")
    ruled("anomaly")
    evaluate()
    assert told() == []


# ----------------------------------------------------------------------------------- kept books
def keep_book(market, price: str, ago: float) -> None:
    at = timezone.now() - dt.timedelta(minutes=ago)
    made = book(asks=[ad(price, 1000)], bids=[ad("9", 1000, "bid")], taken_at=at)
    StoredBook.objects.create(market=market, taken_at=at, data=pack_book(made))


def test_the_price_for_an_amount_is_told_when_it_falls_below(market, quoted, ruled):
    quoted(10.0, ago=5)
    keep_book(market, "10.5", ago=4)
    ruled("amount", side="buy", amount=500, price=10)
    assert told() == []
    keep_book(market, "9.9", ago=1)
    evaluate(market_ids=[market.pk])
    assert AlertDelivery.objects.get().values["value"] == pytest.approx(9.9)


def test_arbitrage_is_told_when_it_is_worth_it(market, quoted, ruled):
    other = factories.make_market("USDT/BOB@there", cadence_minutes=5)
    quoted(10.0, ago=1)
    ruled("arbitrage", market, percent=3)
    quoted(10.1, ago=1, of=other)
    evaluate(market_ids=[market.pk])
    assert told() == []
    quoted(11.0, of=other)
    evaluate(market_ids=[market.pk], now=timezone.now() + MINUTE)
    (row,) = AlertDelivery.objects.all()
    assert row.values["value"] == pytest.approx(9.9)
    assert "there" in row.values["route"]


def test_arbitrage_is_looked_for_once_a_minute(market, quoted, ruled, monkeypatch):
    quoted(10.0)
    ruled("arbitrage", market, percent=3)
    looks = []
    real = gathering.market_chances
    monkeypatch.setattr(
        gathering, "market_chances", lambda **asked: looks.append(asked["now"]) or real(**asked)
    )
    quoted(11.0, of=factories.make_market("USDT/BOB@there", cadence_minutes=5))
    now = timezone.now()
    for seconds in (0, 20, 40, 60, 80):
        evaluate(market_ids=[market.pk], now=now + dt.timedelta(seconds=seconds))
    assert looks == [now, now + MINUTE]


def test_arbitrage_is_not_told_again_after_a_market_was_silent(market, quoted, ruled):
    other = factories.make_market("USDT/BOB@there", cadence_minutes=5)
    rule = ruled("arbitrage", market, percent=3)
    rules.rule_change(rule=rule, cooldown_minutes=0)
    now = timezone.now()
    quoted(10.0)
    quoted(11.0, of=other)
    evaluate(market_ids=[market.pk], now=now + MINUTE)
    assert told() == ["arbitrage"]
    PriceHistory.objects.filter(market=other).update(timestamp=now - 9 * HOUR)
    evaluate(market_ids=[market.pk], now=now + 2 * MINUTE)
    PriceHistory.objects.filter(market=other).update(timestamp=now)
    evaluate(market_ids=[market.pk], now=now + 3 * MINUTE)
    assert told() == ["arbitrage"]
