"""A market's page says who answers and in what state, and never better than it is."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from analytics.models import AnomalyWatch, Forecast, ModelEvent
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


@pytest.fixture
def young():
    """A market with too few quotes for a network."""
    market = factories.make_market()
    factories.make_quotes(market, 200)
    return market


def page_of(reader, market, **headers) -> str:
    return reader.get(f"/markets/{market.pk}/", headers=headers).content.decode()


def test_a_market_that_is_too_young_for_a_network_shows_its_baseline_by_name(reader, young):
    page = page_of(reader, young)
    assert page.count("baseline: the last value") >= 2
    assert "baseline: the trailing rule" in page
    assert "The baseline answers: 200 quotes are fewer than" in page
    assert 'mark good">network' not in page
    assert not Forecast.objects.exists()


def test_a_market_with_enough_history_is_told_to_train_and_shows_no_baseline(reader):
    market = factories.make_market()
    factories.make_quotes(market, 3000)
    page = page_of(reader, market)
    assert "baseline: the last value" not in page
    assert page.count("not trained yet") == 4


def test_until_the_first_training_ends_the_baseline_is_shown(reader):
    market = factories.make_market()
    factories.make_quotes(market, 3000)
    factories.make_run(market, "price", "running")
    assert "baseline: the last value" in page_of(reader, market)


def test_two_quotes_and_one_side_only_are_no_error(reader, young):
    young.prices.all().delete()
    factories.make_quotes(young, 2)
    young.prices.update(ask=None)
    assert "1970" not in page_of(reader, young)
    assert reader.get(f"/markets/{young.pk}/").status_code == 200


def test_notes_of_a_forecast_are_in_the_readers_language(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    said = ["stale: the forecast starts at the last known price"]
    factories.make_forecast(factories.make_model(market), notes=said)
    assert "Stale: the forecast starts at the last known price." in page_of(reader, market)
    spanish = page_of(reader, market, **{"Accept-Language": "es"})
    assert "Sin datos recientes: el pronóstico parte del último precio conocido." in spanish


def test_a_version_that_is_broken_is_not_said_to_answer(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    model = factories.make_model(market)
    ModelEvent.objects.create(model=model, label="x", action="broken", reason="No file.")
    page = page_of(reader, market)
    assert "lstm v1 cannot be read" in page
    assert "✗ broken" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "warming_up", "needed": 60, "present": 12}, ("warming up", "12 of 60 readings")),
        ({"state": "warming_up", "last_score": 0.02}, ("warming up", "Scores are rough")),
        ({"state": "watching", "last_score": 0.0312}, ('mark good">watching', "0.0312")),
        ({"state": "broken", "detail": "No file."}, ('mark bad">not watched', "No file.", "since")),
    ],
)
def test_the_state_of_the_watch_is_said(reader, fields, said):
    market = factories.make_market()
    factories.make_quotes(market, 3)
    now = timezone.now()
    model = factories.make_model(market, "anomaly")
    AnomalyWatch.objects.create(market=market, model=model, since=now, scored_until=now, **fields)
    page = page_of(reader, market)
    for text in said:
        assert text in page
