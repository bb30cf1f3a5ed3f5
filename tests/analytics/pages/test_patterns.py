"""The page of patterns: picture, held names, history, and what followed similar moments."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

import ml
from analytics.models import PatternResult
from analytics.services.patterns import pattern_recognize
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
PAGE = "/patterns/"


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def similar(*, gain=(-0.03, -0.05, -0.01), nearest=3):
    then = timezone.now() - dt.timedelta(days=40)
    before = tuple(np.linspace(-0.01, 0, 49))
    after = tuple(np.linspace(0, 0.02, 49))
    one = ml.Analogue(as_of=then, distance=0.5, before=before, after=after, move=0.02)
    levels = {"0.05": -0.03, "0.25": -0.01, "0.5": 0.0, "0.75": 0.01, "0.95": 0.03}
    return ml.Analogues(
        nearest=(one,) * nearest,
        count=50,
        quantiles=levels,
        any_quantiles={k: 2 * v for k, v in levels.items()},
        proven=gain is not None and gain[2] < 0,
        gain=gain,
    )


def recognised(monkeypatch, analogues, **fields):
    """A market with quotes whose recogniser answers what is asked for here."""
    market = factories.make_market()
    factories.make_quotes(market, 40)
    factories.make_model(market, "pattern")
    heads = {"movement": {"down": 0.1, "range": 0.2, "up": 0.7}}

    class Fake:
        def recognize_patterns(self, frame, *, at, history, source):
            # The last quote is the moment: the clock goes on between two calls.
            at = frame.index[-1].to_pydatetime()
            held = {"movement": ml.Held(name="up", since=at - dt.timedelta(hours=5))}
            values = {"label": "up-trend", "probability": 0.7, "clear": True, **fields}
            now = ml.Pattern(as_of=at, heads=heads, held=held, **values)
            return ml.Patterns(
                current=now, history=(), source=source, name="cnn", analogues=analogues
            )

    monkeypatch.setattr("analytics.services.registry.serving.predictor_of", lambda model: Fake())
    return market


def test_what_was_recognised_is_kept_with_held_names_and_similar_moments(monkeypatch):
    market = recognised(monkeypatch, similar())
    answer = pattern_recognize(market=market)
    kept = PatternResult.objects.get()
    assert kept.held["movement"]["name"] == "up"
    since = dt.datetime.fromisoformat(kept.held["movement"]["since"])
    assert since == answer["current"]["held"]["movement"]["since"]
    assert kept.analogues["count"] == answer["analogues"]["count"] == 50
    assert kept.analogues["gain"] == [-0.03, -0.05, -0.01]
    assert len(kept.analogues["nearest"]) == 3
    pattern_recognize(market=market)
    assert PatternResult.objects.count() == 1


def test_the_page_shows_picture_held_names_and_similar_moments(monkeypatch, reader):
    pattern_recognize(market=recognised(monkeypatch, similar()))
    page = reader.get(PAGE).content.decode()
    assert page.count("data-chart=") == 2
    assert page.count('"column": "path') == 3 + 1  # three that were alike, and the last day
    for words in ("up-trend", "70 %", "5 hours", "+2.02 %", "told more about the next day"):
        assert words in page
    for inline in ("style=", "<style", "<script>"):
        assert inline not in page


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ((0.01, -0.02, 0.04), "Take them as illustrations"),
        (None, "has not been measured here"),
    ],
)
def test_the_page_says_where_similar_moments_are_not_proven(monkeypatch, reader, gain, said):
    pattern_recognize(market=recognised(monkeypatch, similar(gain=gain)))
    page = reader.get(PAGE).content.decode()
    assert said in page
    assert "told more about" not in page


def test_without_similar_moments_the_page_says_why(monkeypatch, reader):
    pattern_recognize(market=recognised(monkeypatch, None, clear=False, probability=0.4))
    page = reader.get(PAGE).content.decode()
    assert "too little past" in page
    assert "no clear pattern" in page
    assert "nearest: up-trend, 40 %" in page


def test_the_history_is_of_the_version_that_answers(reader):
    market = factories.make_market()
    old = factories.make_model(market, "pattern", "archived", version=1)
    new = factories.make_model(market, "pattern", version=2)
    factories.make_pattern(old, label="shock")
    now = timezone.now()
    factories.make_pattern(new, label="range", as_of=now)
    factories.make_pattern(new, label="down-trend", as_of=now - dt.timedelta(minutes=30))
    page = reader.get(PAGE).content.decode()
    assert "down-trend" in page
    assert ">shock<" not in page


def test_the_page_works_with_little(reader):
    assert "import_prices FILE" in reader.get(PAGE).content.decode()
    empty = factories.make_market("USDT/EUR@empty")
    models = reverse("analytics:models-task", args=[empty.pk, "pattern"])
    assert f'href="{models}"' in reader.get(PAGE).content.decode()
    assert reader.get(PAGE, {"market": "nobody"}).status_code == 404


def test_a_stranger_is_sent_to_sign_in(client):
    answer = client.get(PAGE)
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_the_page_speaks_spanish(monkeypatch, reader):
    pattern_recognize(market=recognised(monkeypatch, similar()))
    page = reader.get(PAGE, headers={"Accept-Language": "es"}).content.decode()
    assert "Momentos parecidos" in page


def test_the_admin_and_the_api_show_the_same(monkeypatch, client):
    pattern_recognize(market=recognised(monkeypatch, similar()))
    client.force_login(get_user_model().objects.create_superuser("admin"))
    found = PatternResult.objects.get()
    page = client.get(reverse("admin:analytics_patternresult_change", args=[found.pk]))
    assert page.content.decode().count('"column": "path') == 3
    body = client.get(f"/api/v1/analytics/patterns/{found.pk}").json()
    assert body["held"] == found.held
    assert body["analogues"] == found.analogues
