"""What a web process loads before anybody asks."""

from __future__ import annotations

import logging
import threading

import pytest

import ml
from analytics.models import Forecast
from analytics.selectors.frames import price_frame
from analytics.services.forecasts import warming
from analytics.services.forecasts.warming import models_warm, models_warm_in_background
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch):
    """Markets and tasks in the order in which they are made ready."""
    found: list[str] = []
    monkeypatch.setattr(
        warming,
        "forecast_rehearse",
        lambda *, task, market: found.append(f"{market.asset} {task}"),
    )
    monkeypatch.setattr(
        warming, "predictor_of", lambda model: found.append(f"{model.market.asset} {model.task}")
    )
    return found


def test_who_was_asked_for_last_comes_first_and_who_has_no_version_not_at_all(asked):
    for asset in ("AAA", "BBB", "CCC"):
        market = factories.make_market(f"{asset}/BOB@x")
        if asset != "CCC":
            factories.make_model(market, "price")
        if asset == "BBB":
            factories.make_forecast(factories.make_model(market, "anomaly"))
            factories.make_model(market, "pattern", "retired")
    assert models_warm() == ["BBB/BOB@x price", "BBB/BOB@x anomaly", "AAA/BOB@x price"]
    assert asked == ["BBB price", "BBB anomaly", "AAA price"]


def test_what_fails_is_logged_and_keeps_nobody_else_cold(asked, monkeypatch, caplog):
    market = factories.make_market()
    for task in ("price", "anomaly"):
        factories.make_model(market, task)

    def fail(*, task, market):
        raise ml.ArtifactBroken("no weights")

    monkeypatch.setattr(warming, "forecast_rehearse", fail)
    with caplog.at_level(logging.ERROR):
        assert models_warm() == [f"{market.symbol} anomaly"]
    assert "no weights" in caplog.text


def test_a_rehearsal_is_kept_nowhere(monkeypatch):
    market = factories.make_market()
    factories.make_quotes(market, 400)
    model = factories.make_model(market, "price")
    predictor = ml.baseline_predictor("price", price_frame(market), step_minutes=30)
    monkeypatch.setattr("analytics.services.registry.serving.predictor_of", lambda model: predictor)
    assert models_warm() == [f"{market.symbol} price"]
    assert not Forecast.objects.filter(model=model).exists()


@pytest.mark.django_db(transaction=True)
def test_a_warm_up_that_fails_as_a_whole_ends_in_the_log_and_is_waited_for_no_longer(
    monkeypatch, caplog
):
    def fail(first):
        raise RuntimeError("the database is away")

    monkeypatch.setattr(warming, "models_warm", fail)
    with caplog.at_level(logging.ERROR):
        assert models_warm_in_background().wait(30)
    assert "the database is away" in caplog.text


def test_a_start_waits_for_the_market_that_was_asked_for_last_and_for_no_other(asked, monkeypatch):
    for asset in ("AAA", "BBB"):
        factories.make_model(factories.make_market(f"{asset}/BOB@x"), "price")
    first, seen = threading.Event(), []

    def note(*, task, market):
        seen.append((market.asset, first.is_set()))

    monkeypatch.setattr(warming, "forecast_rehearse", note)
    models_warm(first)
    assert seen == [("AAA", False), ("BBB", True)]


@pytest.mark.django_db(transaction=True)
def test_where_nothing_was_trained_nobody_is_waited_for(monkeypatch):
    device = threading.Event()
    monkeypatch.setattr(warming, "device_info", lambda: device.wait(30))
    assert models_warm_in_background().wait(30)
    device.set()
