"""How much of the stored quotes a prediction is given."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

import ml
from analytics.exceptions import NotReady
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.prices.history import history_frame, recent_frame, tail_start
from tests.factories import make_market, make_quotes

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def daily():
    """A year of daily rates."""
    market = make_market(cadence_minutes=1440)
    end = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    make_quotes(market, 365, end=end)
    return market, end


def test_a_year_of_daily_rates_is_looked_at_whole(daily):
    market, end = daily
    assert len(history_frame(market, until=end, step_minutes=1440)) == 365
    assert len(recent_frame(market, until=end, step_minutes=1440)) == 365
    assert end - tail_start(end, 1440) >= 365 * DAY


def test_half_hours_are_looked_at_for_the_days_of_the_setting(daily):
    market, end = daily
    assert len(history_frame(market, until=end, step_minutes=30)) == 96
    assert len(recent_frame(market, until=end, step_minutes=15)) == 96
    assert end - tail_start(end, 1) == dt.timedelta(minutes=2000)


def test_the_baseline_of_daily_rates_answers_as_if_asked_with_all_of_them(daily):
    market, end = daily
    frame = history_frame(market, until=end, step_minutes=1440)
    alone = ml.baseline_predictor("price", frame, step_minutes=1440).predict_price(frame, at=end)
    answer = forecast_make(task="price", market=market, at=end)
    assert answer["horizons"][-1]["quantiles"] == pytest.approx(alone.horizons[-1].quantiles)
    assert "365 quotes are fewer than the 1000" in " ".join(answer["notes"])


def test_a_market_too_young_to_train_on_is_not_told_to_train(db):
    market = make_market()
    make_quotes(market, 2)
    with pytest.raises(NotReady) as refused:
        anomaly_scan(market=market)
    assert refused.value.code == "no_model"
    assert "too few quotes to train one: 1000 grid rows are needed, 2 are" in refused.value.message
