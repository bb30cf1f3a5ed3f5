"""Who is told of what happened, when, and what it costs when a subscriber fails."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.db import transaction

from analytics import apps as configuration
from analytics.events import (
    AnomalyFact,
    Event,
    MarketStale,
    RunEnded,
    publish,
    subscribe,
    subscribed,
)
from analytics.models import Market
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = RunEnded(kind="import", run_id=7, status="failed", code="timeout")


class Broken(Exception):
    pass


def fail(event: Event) -> None:
    raise Broken(event)


def outbox(event: Event) -> None:
    """What a durable subscriber does: it writes a row."""
    factories.make_market(f"A/B@outbox{Market.objects.count()}")


@transaction.atomic
def change() -> None:
    """What a publisher does."""
    factories.make_market("A/B@published")
    publish(ENDED)


def exchanges() -> list[str]:
    return [market.exchange for market in Market.objects.order_by("pk")]


def test_durable_subscribers_are_told_at_once_the_others_after_the_commit_and_in_their_order():
    told = []

    def teller(name):
        return lambda event: told.append((name, event))

    with (
        subscribed(teller("first"), RunEnded),
        subscribed(teller("durable"), RunEnded, durable=True),
        subscribed(teller("second"), RunEnded),
    ):
        with transaction.atomic():
            publish(ENDED)
            assert told == [("durable", ENDED)]
        assert [name for name, event in told] == ["durable", "first", "second"]
        assert {event for name, event in told} == {ENDED}


def test_without_a_transaction_everybody_is_told_at_once():
    told = []
    with subscribed(told.append, RunEnded), subscribed(outbox, RunEnded, durable=True):
        publish(ENDED)
    assert told == [ENDED]
    assert exchanges() == ["outbox0"]


def test_the_events_of_a_transaction_that_is_rolled_back_never_happened():
    told = []
    with (
        subscribed(told.append, RunEnded),
        subscribed(outbox, RunEnded, durable=True),
        transaction.atomic(),
    ):
        publish(ENDED)
        assert exchanges() == ["outbox0"]
        transaction.set_rollback(True)
    assert (told, exchanges()) == ([], [])


def test_a_part_of_a_transaction_that_is_rolled_back_takes_its_events_along():
    told = []
    other = RunEnded(kind="backtest", run_id=8, status="succeeded", code="")
    with subscribed(told.append, RunEnded), transaction.atomic():
        publish(ENDED)
        with transaction.atomic():
            publish(other)
            transaction.set_rollback(True)
    assert told == [ENDED]


def test_a_subscriber_that_fails_after_the_commit_stops_nobody_and_is_logged(caplog):
    told = []
    with (
        subscribed(fail, RunEnded),
        subscribed(told.append, RunEnded),
        caplog.at_level(logging.ERROR, logger="analytics.events"),
    ):
        change()
    assert told == [ENDED]
    assert exchanges() == ["published"]
    (record,) = caplog.records
    assert "fail" in record.message
    assert "run_id=7" in record.message
    assert record.exc_info[0] is Broken


def test_a_durable_subscriber_that_fails_takes_the_change_back():
    told = []
    with (
        subscribed(told.append, RunEnded),
        subscribed(outbox, RunEnded, durable=True),
        subscribed(fail, RunEnded, durable=True),
    ):
        with pytest.raises(Broken):
            change()
        assert exchanges() == []
        with pytest.raises(Broken):
            publish(ENDED)
    assert (exchanges(), told) == ([], [])


def test_a_publisher_that_survives_a_durable_failure_keeps_its_own_rows_alone():
    with (
        subscribed(outbox, RunEnded, durable=True),
        subscribed(fail, RunEnded, durable=True),
        transaction.atomic(),
    ):
        factories.make_market("A/B@published")
        with pytest.raises(Broken):
            publish(ENDED)
    assert exchanges() == ["published"]


def test_a_subscriber_may_publish_in_turn():
    told = []

    def answer(event: RunEnded) -> None:
        publish(Answered(to=event.run_id))

    with subscribed(answer, RunEnded), subscribed(told.append, Answered):
        publish(ENDED)
    assert told == [Answered(to=7)]


@dataclass(frozen=True, kw_only=True)
class Answered(Event):
    to: int


def test_only_those_are_told_who_asked_for_that_kind_and_only_while_they_ask():
    told, all_of_them = [], []
    with subscribed(told.append, MarketStale, AnomalyFact), subscribed(all_of_them.append, Event):
        publish(ENDED)
    publish(ENDED)
    assert (told, all_of_them) == ([], [ENDED])


def test_a_function_subscribes_as_a_decorator_and_stays_callable():
    told = []

    @dataclass(frozen=True, kw_only=True)
    class Rung(Event):
        """Of this test alone, since nobody takes the subscription back."""

    @subscribe(Rung)
    def after(event: Rung) -> None:
        told.append("after")

    @subscribe(Rung, durable=True)
    def at_once(event: Rung) -> None:
        told.append("at once")

    publish(Rung())
    after(Rung())
    assert told == ["at once", "after", "after"]


def test_the_listed_modules_subscribe_when_the_app_is_ready(monkeypatch, tmp_path):
    (tmp_path / "a_subscriber.py").write_text("imported = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(configuration, "SUBSCRIBERS", ("a_subscriber",))
    apps.get_app_config("analytics").ready()
    assert sys.modules.pop("a_subscriber").imported


def test_events_are_values():
    assert hash(ENDED) == hash(RunEnded(kind="import", run_id=7, status="failed", code="timeout"))
    with pytest.raises(AttributeError):
        ENDED.status = "succeeded"
