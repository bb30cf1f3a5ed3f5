"""A version that is too old goes on answering, and its answers say so."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics import events
from analytics.models import ModelEvent
from analytics.selectors.models import Serving
from analytics.services.registry.expiry import expiry_note, expiry_of, models_expire
from analytics.services.registry.serving import describe
from tests.factories import make_market, make_model, make_quotes

DAY = dt.timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


def test_a_version_is_expired_by_its_age_or_by_the_quotes_it_does_not_know(db, now, settings):
    model = make_model(make_market(), trained_at=now - 80 * DAY, data_until=now - 80 * DAY)
    assert expiry_of(model, now=now) is None
    found = expiry_of(model, at=now, now=now)
    assert found == {"reason": "data", "days": 80.0, "limit_days": 60}
    assert expiry_of(model, at=now - 30 * DAY, now=now) is None
    assert expiry_of(model, now=now + 11 * DAY)["reason"] == "age"
    settings.ANALYTICS = {**settings.ANALYTICS, "EXPIRE_AGE_DAYS": 0, "EXPIRE_DATA_DAYS": 0}
    assert expiry_of(model, at=now, now=now + 999 * DAY) is None


def test_an_answer_says_that_its_model_is_expired(db, now):
    model = make_model(make_market(), data_until=now - 80 * DAY)
    assert describe(Serving(model, "network"), at=now)["expired"]
    assert not describe(Serving(model, "network"), at=model.data_until)["expired"]
    [note] = expiry_note(expiry_of(model, at=now))
    assert note == "expired: the model knows no quote of the last 80 days"


def test_expiry_is_told_once_and_goes_when_the_limit_is_raised(db, now, settings):
    market = make_market()
    make_quotes(market, 3)
    model = make_model(market, data_until=now - 70 * DAY)
    retired = make_model(market, status="retired", data_until=now - 70 * DAY)
    told: list[events.ModelExpired] = []
    with events.subscribed(told.append, events.ModelExpired, durable=True):
        assert models_expire() == 1
        assert models_expire() == 0
    assert [(e.model_id, e.reason, round(e.days)) for e in told] == [(model.pk, "data", 70)]
    assert ModelEvent.objects.get(action="expired").model == model
    settings.ANALYTICS = {**settings.ANALYTICS, "EXPIRE_DATA_DAYS": 100}
    assert models_expire() == 0
    model.refresh_from_db()
    retired.refresh_from_db()
    assert model.expired_at is retired.expired_at is None
