"""What is kept between requests for a forecast, and what makes it be made anew."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

import ml
from analytics.models import Forecast, Market, PriceHistory, TrainedModel
from analytics.selectors.models import model_answering
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.prices.single import quote_add
from analytics.services.registry import serving
from tests.analytics.api.fakes import FakePredictor
from tests.factories import make_market, make_model, make_quotes

pytestmark = pytest.mark.django_db(transaction=True)


class Counting(FakePredictor):
    """Counts how often it is asked."""

    asked = 0
    broken_once = False

    def predict_price(self, frame, **how):
        self.asked += 1
        self.low = float("nan") if self.broken_once and self.asked == 1 else 9.1
        return super().predict_price(frame, **how)


@pytest.fixture
def market() -> Market:
    return make_market()


@pytest.fixture
def model(market) -> TrainedModel:
    make_quotes(market, 60, end=timezone.now() - dt.timedelta(minutes=1))
    return make_model(market)


@pytest.fixture
def network(model, monkeypatch) -> Counting:
    network = Counting()
    monkeypatch.setattr(serving, "predictor_of", lambda model: network)
    return network


def ask(market: Market) -> dict:
    return forecast_make(task="price", market=market)


def test_while_nothing_changed_the_network_is_not_asked_again(market, network):
    first, again = ask(market), ask(market)
    assert network.asked == 1
    changing = {"generated_at", "latency_ms"}
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in again.items() if k not in changing
    }
    assert Forecast.objects.count() == 1


def test_a_new_quote_is_looked_at(market, network):
    ask(market)
    quote_add(market=market, timestamp=timezone.now(), figures={"bid": 9.9, "ask": 10.0})
    ask(market)
    assert network.asked == 2


def test_a_corrected_quote_is_looked_at(market, network):
    ask(market)
    last = PriceHistory.objects.filter(market=market).latest("timestamp")
    quote_add(market=market, timestamp=last.timestamp, figures={"bid": 9.9, "ask": 10.0})
    ask(market)
    assert network.asked == 2


def test_another_version_is_asked_at_once(market, model, network):
    assert ask(market)["model"]["id"] == model.pk
    TrainedModel.objects.filter(pk=model.pk).update(status="retired")
    other = make_model(market)
    assert ask(market)["model"]["id"] == other.pk
    assert network.asked == 2


def test_a_version_that_comes_back_is_named_active(market, model, network):
    ask(market)
    TrainedModel.objects.filter(pk=model.pk).update(status="retired")
    other = make_model(market)
    ask(market)
    TrainedModel.objects.filter(pk=other.pk).update(status="retired")
    TrainedModel.objects.filter(pk=model.pk).update(status="active")
    answer = ask(market)
    assert (answer["model"]["id"], answer["model"]["status"]) == (model.pk, "active")


def test_who_answers_costs_one_query(market, model, django_assert_num_queries):
    model_answering(market.pk, "price")
    with django_assert_num_queries(1):
        found = model_answering(market.pk, "price")
    assert (found, found.market.symbol) == (model, market.symbol)


def test_what_is_not_finite_is_not_kept(market, network):
    network.broken_once = True
    ask(market)
    assert network.asked == 2  # the baseline of the version answered
    assert Forecast.objects.get().source == "baseline"


class Waiting(FakePredictor):
    """Knows too little of late, whichever source is asked for."""

    def predict_price(self, frame, **how):
        raise ml.NotEnoughData("A forecast needs 24 grid rows.", needed=24, present=3)


def test_after_a_long_pause_the_baseline_answers_until_the_network_knows_enough(
    market, model, monkeypatch
):
    monkeypatch.setattr(serving, "predictor_of", lambda model: Waiting())
    answer = ask(market)
    assert (answer["model"]["id"], answer["model"]["source"]) == (None, "baseline")
    low, high = (answer["horizons"][-1]["quantiles"][level] for level in ("0.05", "0.95"))
    assert low < answer["last_value"] < high
    assert any("baseline" in note for note in answer["notes"])
    assert not Forecast.objects.exists()
    # Of an earlier moment it says what it said then, whatever came later.
    at = timezone.now() - dt.timedelta(hours=3)
    then = forecast_make(task="price", market=market, at=at)
    PriceHistory.objects.filter(market=market, timestamp__gt=at).delete()
    again = forecast_make(task="price", market=market, at=at)
    assert (then["as_of"], then["horizons"]) == (again["as_of"], again["horizons"])
    monkeypatch.setattr(serving, "predictor_of", lambda model: Counting())
    assert ask(market)["model"]["id"] == model.pk
