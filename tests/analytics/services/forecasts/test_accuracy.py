"""Stored forecasts meet what was quoted at their moments."""

from __future__ import annotations

import datetime as dt

import pytest
from rest_framework.test import APIClient

from analytics.models import Forecast, ForecastScore, PriceHistory
from analytics.services.forecasts.accuracy import accuracy_of, forecasts_score
from tests.factories import make_market, make_model

START = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)


@pytest.fixture
def market(db):
    return make_market()


def quote(market, step, mid):
    PriceHistory.objects.create(
        market=market, timestamp=START + step * STEP, bid=mid - 0.5, ask=mid + 0.5
    )


def forecast(market, *, at=0, value=11.0, half_width=1.0):
    model = market.trained_models.first() or make_model(market)
    levels = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    quantiles = {str(p): value + (p - 0.5) * 2 * half_width for p in levels}
    return Forecast.objects.create(
        market=market,
        model=model,
        source="network",
        name="lstm",
        task="price",
        as_of=START + at * STEP,
        unit="price",
        last_value=10.0,
        horizons=[
            {
                "steps": steps,
                "minutes": 30 * steps,
                "at": (START + (at + steps) * STEP).isoformat(),
                "value": value,
                "quantiles": quantiles,
            }
            for steps in (1, 6)
        ],
    )


def test_a_horizon_is_scored_once_its_moment_has_passed(market):
    forecast(market)
    for step in range(3):
        quote(market, step, 11.5)
    assert forecasts_score() == 1
    score = ForecastScore.objects.get()
    assert score.steps == 1
    assert score.actual == 11.5
    assert score.error == pytest.approx(0.5)
    assert score.naive_error == pytest.approx(1.5)
    assert score.inside_80
    assert score.inside_90
    assert forecasts_score() == 0


def test_a_target_without_a_later_quote_is_not_scored_yet(market):
    forecast(market)
    quote(market, 0, 11.5)
    quote(market, 1, 11.5)
    assert forecasts_score() == 0
    quote(market, 2, 12.0)
    assert forecasts_score() == 1


def test_a_target_in_a_gap_stays_unscored(market):
    forecast(market)
    quote(market, -1, 11.5)
    quote(market, 40, 11.5)
    assert forecasts_score() == 1  # one step on, the quote before the gap is still fresh
    assert ForecastScore.objects.get().steps == 1


def test_forecasts_that_were_made_before_a_moment_are_left_out(market):
    for at in (0, 1):
        forecast(market, at=at)
    for step in range(4):
        quote(market, step, 11.5)
    assert forecasts_score(market=market, since=START + STEP) == 1
    assert ForecastScore.objects.get().forecast.as_of == START + STEP
    assert forecasts_score(market=market) == 1


def test_what_forecasts_said_that_wait_for_a_later_horizon_is_not_read(
    market, django_assert_num_queries
):
    forecast(market)
    for step in range(3):
        quote(market, step, 11.5)
    assert forecasts_score(market=market) == 1
    with django_assert_num_queries(3):  # the counters, the last quote, and who waits
        assert forecasts_score(market=market) == 0


def test_a_value_outside_the_interval_is_seen(market):
    forecast(market, half_width=0.1)
    for step in range(3):
        quote(market, step, 11.5)
    forecasts_score()
    assert not ForecastScore.objects.get().inside_90


def test_rolling_accuracy_is_told_by_horizon(market, admin_user):
    for at in range(4):
        forecast(market, at=at)
    for step in range(20):
        quote(market, step, 11.5)
    assert forecasts_score(market=market) == 8
    told = accuracy_of(market=market, now=START + 30 * STEP)
    assert [(h["task"], h["horizon"], h["n"]) for h in told["horizons"]] == [
        ("price", 1, 4),
        ("price", 6, 4),
    ]
    assert told["horizons"][0]["skill"] == pytest.approx(0.5 / 1.5)
    assert told["horizons"][0]["coverage_80"] == 1.0
    client = APIClient()
    client.force_authenticate(admin_user)
    line = f"/api/v1/analytics/markets/{market.pk}/accuracy"
    answer = client.get(line, {"days": 3650})
    assert answer.json()["horizons"][0]["n"] == 4
    assert client.get(line, {"days": 0}).status_code == 400


def test_old_targets_leave_the_rolling_window(market):
    forecast(market)
    for step in range(3):
        quote(market, step, 11.5)
    forecasts_score()
    assert accuracy_of(market=market, now=START + dt.timedelta(days=90))["horizons"] == []
