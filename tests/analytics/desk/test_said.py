"""What the page of one market says beside its chart."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from analytics.models import Market
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def text(client, market: Market) -> str:
    return client.get(reverse("analytics:market", args=[market.pk])).content.decode()


def test_a_market_without_anything_says_so_and_leads_who_may_train_to_it(client, reader):
    market = factories.make_market()
    page = text(reader, market)
    assert "no quotes" in page
    assert page.count("not trained yet") == 4
    form = reverse("analytics:models-train", args=[market.pk, "price"])
    assert form not in page
    client.force_login(get_user_model().objects.create_superuser("chief"))
    assert f'href="{form}"' in text(client, market)


def test_a_full_market_shows_all_of_it(reader):
    market = factories.make_market()
    factories.make_quotes(market)
    for task in ("price", "spread"):
        factories.make_forecast(factories.make_model(market, task))
    factories.make_anomaly(factories.make_model(market, "anomaly"))
    factories.make_pattern(factories.make_model(market, "pattern"))
    page = text(reader, market)
    for words in ("up-trend", "spike", "lstm v1", "fresh", "Price for an amount"):
        assert words in page
    assert "style=" not in page
    assert "<script>" not in page


def test_text_of_a_result_is_escaped(reader):
    market = factories.make_market()
    factories.make_anomaly(factories.make_model(market, "anomaly"), text="<b>x</b>")
    assert "<b>x</b>" not in text(reader, market)


def test_events_of_the_version_that_answers_are_listed_newest_first(reader):
    market = factories.make_market()
    old = factories.make_model(market, "anomaly", "retired")
    now = timezone.now()
    factories.make_event(old, text="said by an old version")
    new = factories.make_model(market, "anomaly")
    factories.make_event(new, start=now - 900 * HOUR, text="long ago", feedback="true")
    factories.make_event(
        new, start=now - 9 * HOUR, peak=now - 8 * HOUR, end=now - 7 * HOUR, rows=5, text="seen now"
    )
    factories.make_event(new, start=now - 30 * HOUR, text="below the alarm", score=0.09)
    page = text(reader, market)
    assert "said by an old version" not in page
    assert "below the alarm" not in page
    assert page.index("seen now") < page.index("long ago")
    assert "2 hours" in page
    assert "· true alarm" in page


def test_a_baseline_answer_is_named_as_one(reader):
    market = factories.make_market()
    model = factories.make_model(market, status="candidate", beats_baseline=False, score=1.2)
    factories.make_forecast(model, source="baseline", name="last_value")
    page = text(reader, market)
    assert page.count("baseline: the last value") == 2
    assert "✗ not better" in page


@pytest.mark.parametrize(("hours", "said"), [(0, False), (5, True)])
def test_a_forecast_that_grew_old_is_named_stale(reader, hours, said):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    as_of = timezone.now() - hours * HOUR
    factories.make_forecast(factories.make_model(market), as_of=as_of)
    assert (">stale<" in text(reader, market)) is said


def test_moments_are_the_readers_and_name_their_zone(reader):
    market = factories.make_market()
    at = dt.datetime(2026, 1, 5, 3, 30, tzinfo=dt.UTC)
    factories.make_quotes(market, 5, end=at)
    assert "2026-01-05 03:30 UTC" in text(reader, market)
    reader.cookies["browser_zone"] = "America/La_Paz"
    page = text(reader, market)
    assert '<time datetime="2026-01-05T03:30:00+00:00">2026-01-04 23:30 UTC-4</time>' in page
    assert 'data-zone="America/La_Paz"' in page


def test_figures_are_written_as_spanish_writes_them(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5, price=9.625)
    address = reverse("analytics:market", args=[market.pk])
    page = reader.get(address, headers={"Accept-Language": "es"}).content.decode()
    assert 'data-locale="es-BO"' in page
    assert '<dd class="big">9,' in page
    assert '<dd class="big">9.' in text(reader, market)
