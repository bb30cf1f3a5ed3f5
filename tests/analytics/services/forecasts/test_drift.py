"""A version that does what it promised has not drifted; one that does not has, beyond chance."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.utils import timezone

from analytics.models import Forecast, ForecastScore
from analytics.selectors.accuracy import merged, tallies
from analytics.services.forecasts.accuracy import accuracy_of
from analytics.services.forecasts.drift import band
from tests.factories import make_market, make_model

STEP = dt.timedelta(minutes=30)


@pytest.fixture
def market(db):
    return make_market()


@pytest.fixture
def model(market):
    return make_model(market, metrics={"crps": 0.8, "mae_skill_h1": 0.8, "mae_skill_h48": 0.8})


def scores(model, count, *, steps=1, inside=0.8, skill=0.8, seed=0, every=STEP):
    """`count` scored forecasts up to now: a share `inside` in the 80 % interval, and an error that
    is `skill` times the last value's on average."""
    rng = np.random.default_rng(seed)
    now = timezone.now()
    made = Forecast.objects.bulk_create(
        Forecast(
            market=model.market,
            model=model,
            source="network",
            name=model.family,
            task=model.task,
            as_of=now - k * every - dt.timedelta(seconds=steps),
            unit="price",
            last_value=10.0,
            horizons=[],
        )
        for k in range(count)
    )
    naive = np.abs(rng.normal(0, 1, count))
    error = skill * naive * rng.uniform(0.5, 1.5, count)
    within = rng.random(count) < inside
    ForecastScore.objects.bulk_create(
        ForecastScore(
            forecast=forecast,
            steps=steps,
            target_at=forecast.as_of,
            actual=10.0,
            error=error[k],
            naive_error=naive[k],
            crps=error[k] / 2,
            inside_80=bool(within[k]),
            inside_90=bool(within[k] or rng.random() < 0.5),
        )
        for k, forecast in enumerate(made)
    )


def drift(market, task, **options):
    """What is told of the task's active version."""
    (found,) = (d for d in accuracy_of(market=market, **options)["drift"] if d["task"] == task)
    return found


def test_a_version_that_keeps_its_promises_has_not_drifted(market, model):
    scores(model, 600)
    found = drift(market, "price")
    assert (found["enough"], found["drifted"], found["reasons"]) == (True, False, [])
    (line,) = found["horizons"]
    assert line["n"] == 600
    assert line["skill"] == pytest.approx(0.8, abs=0.05)
    assert line["skill_trained"] == 0.8
    assert line["band_80"][0] < line["coverage_80"] < line["band_80"][1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"inside": 0.6}, "coverage_80_low"),
        ({"inside": 0.97}, "coverage_80_high"),
        ({"skill": 1.3}, "worse_than_last_value"),
        ({"skill": 0.95}, "worse_than_trained"),
    ],
)
def test_a_broken_promise_is_named(market, model, change, reason):
    scores(model, 600, **change)
    found = drift(market, "price")
    assert found["drifted"]
    assert reason in found["reasons"]


def test_forecasts_that_share_their_future_count_once(market, model):
    """600 half-hourly forecasts a day ahead span 12.5 days: 13.5 of them are independent, so few
    that nothing is said, although the very same shares at one step are a clear drift."""
    scores(model, 600, steps=48, inside=0.6)
    found = drift(market, "price")
    assert found["horizons"][0]["independent"] == pytest.approx(13.5, abs=0.1)
    assert (found["enough"], found["drifted"]) == (False, False)


def test_few_forecasts_say_nothing(market, model):
    scores(model, 10, inside=0.0, skill=3)
    assert drift(market, "price")["reasons"] == []


def test_other_versions_and_other_tasks_are_not_its_own(market, model):
    scores(make_model(market, status="retired"), 300, inside=0.3)
    scores(make_model(market, "spread"), 300, inside=0.3)
    assert drift(market, "price")["horizons"] == []
    assert drift(market, "spread")["drifted"]


def test_without_an_active_version_nothing_has_drifted(market):
    make_model(market, status="retired")
    assert accuracy_of(market=market)["drift"] == []


def test_old_scores_leave_the_window(market, model):
    scores(model, 300, inside=0.3)
    later = timezone.now() + dt.timedelta(days=40)
    assert drift(market, "price", now=later)["horizons"] == []


def test_the_band_narrows_with_more_forecasts_but_never_below_what_matters():
    assert band(0.8, 25) == pytest.approx([0.56, 1.0])
    assert band(0.8, 1e9) == pytest.approx([0.75, 0.85])


def test_versions_taken_together_are_the_sum_of_their_forecasts(market, model):
    scores(model, 40)
    scores(make_model(market, status="retired"), 60, seed=1)
    found = tallies(markets=[market.pk], since=timezone.now() - dt.timedelta(days=30))
    assert sorted(tally.n for tally in found) == [40, 60]
    (whole,) = merged(found)
    assert whole.n == 100
    assert whole.error == pytest.approx(sum(tally.error for tally in found))


def test_tallies_of_many_markets_take_one_query(market, model, django_assert_num_queries):
    scores(model, 5)
    scores(make_model(make_market("USDT/VES@other")), 5)
    with django_assert_num_queries(1):
        found = tallies(markets=[1, market.pk, market.pk + 1], since=timezone.now() - 9 * STEP)
    assert len(found) == 2


def test_accuracy_tells_drift_beside_the_figures(market, model):
    scores(model, 600, inside=0.5)
    told = accuracy_of(market=market)
    assert [d["task"] for d in told["drift"]] == ["price"]
    assert "coverage_80_low" in told["drift"][0]["reasons"]
