"""What follows a quote: everything once, in one task for many markets, from a durable mark on."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics import events, queue
from analytics.models import AlertDelivery, QuoteFlow
from analytics.services import flow
from analytics.services.alerting import channels, rules
from analytics.services.flow import FLOW_TASK, quotes_follow
from analytics.services.prices.single import quote_add
from analytics.services.prices.unchanged import Work
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(monkeypatch) -> list[tuple[str, str]]:
    """(step, market) of what was done; the steps themselves load torch."""
    found: list[tuple[str, str]] = []

    def note(step):
        def make(market, **how):
            return Work(lambda: (how.get("task", step), market.symbol), found.append)

        return make

    for step in ("watch", "forecast", "pattern", "scores"):
        monkeypatch.setattr(flow, f"{step}_work", note(step))
    monkeypatch.setattr(flow, "anomaly_scan", lambda market: found.append(("scan", market.symbol)))
    return found


def quote(market, price: float = 10.0, ago: float = 0) -> dt.datetime:
    at = timezone.now() - dt.timedelta(minutes=ago)
    quote_add(market=market, timestamp=at, figures={"bid": price - 0.1, "ask": price})
    return at


def test_each_new_quote_is_followed_once(done):
    market, bare = factories.make_market(), factories.make_market("USDT/ARS@x")
    for task in ("price", "spread", "anomaly", "pattern"):
        factories.make_model(market, task)
    quote(market)
    last = quote(bare)
    quotes_follow()
    steps = ["watch", "price", "spread", "pattern", "scores"]
    assert done == [(step, market.symbol) for step in steps]
    assert QuoteFlow.objects.get(market=bare).until == last
    assert quotes_follow() == []
    assert len(done) == len(steps)


def test_a_step_that_fails_keeps_no_other_back(done, monkeypatch, caplog):
    market = factories.make_market()
    factories.make_model(market, "price")
    factories.make_model(market, "pattern")

    def explode(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr(flow, "forecast_work", lambda **_: Work(explode, str))
    quote(market)
    quotes_follow()
    assert ("pattern", market.symbol) in done
    assert "broken" in caplog.text


def test_rules_are_judged_at_the_end(done):
    market = factories.make_market()
    quote(market, ago=5)
    log = channels.channel_create(name="log", kind="log")
    rules.rule_create(name="r", kind="level", params={"level": 11}, channels=[log])
    quote(market, 12.0)
    quotes_follow()
    assert AlertDelivery.objects.get().kind == "level"


def test_history_that_is_imported_gets_no_forecast_of_now(done):
    market = factories.make_market()
    factories.make_model(market, "price")
    quote(market, ago=60 * 24 * 9)
    quotes_follow()
    assert done == []


def test_a_new_version_answers_of_old_quotes_too_and_once(done):
    market = factories.make_market()
    quote(market, ago=60 * 24 * 90)
    quotes_follow()
    model = factories.make_model(market, "price")
    detector = factories.make_model(market, "anomaly")
    for one in (model, detector):
        events.publish(
            events.ModelPublished(
                model_id=one.pk, market_id=market.pk, task=one.task, version=one.version
            )
        )
    assert quotes_follow() == [market.symbol]
    steps = ["scan", "watch", "price", "scores"]
    assert [step for step, _market in done] == steps
    assert quotes_follow() == []


def test_a_version_that_comes_while_its_market_is_followed_is_not_missed(done, monkeypatch):
    market = factories.make_market()
    quote(market)
    model = factories.make_model(market, "price")
    fact = events.ModelPromoted(
        model_id=model.pk,
        market_id=market.pk,
        task="price",
        version=1,
        action="promoted",
        automatic=True,
        replaced=None,
    )
    events.publish(fact)
    happens = Work(lambda: events.publish(fact), str)
    monkeypatch.setattr(flow, "scores_work", lambda market, since: happens)
    quotes_follow()
    monkeypatch.setattr(flow, "scores_work", lambda market, since: Work(list, str, bool))
    assert quotes_follow() == [market.symbol]
    assert quotes_follow() == []


def test_the_worker_is_called_once_for_many_quotes(commits_at_once, done):
    market = factories.make_market()
    factories.make_model(market, "price")
    for ago in (3, 2, 1):
        quote(market, ago=ago)
    assert [path for _key, path, _ids in queue.messages()] == [FLOW_TASK]


def test_nobody_is_called_where_there_is_nothing_to_do(commits_at_once):
    quote(factories.make_market())
    assert queue.messages() == []
