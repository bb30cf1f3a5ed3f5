"""What is new: GET is asked again with the ETag of the last answer, and says 304 as long as nothing
has changed."""

from __future__ import annotations

import datetime as dt

import pytest

from analytics.models import PriceHistory, TrainingRun

from .conftest import make_run
from .fakes import NOW
from .rows import make_anomaly, make_forecast

pytestmark = pytest.mark.django_db


def etag(answer) -> str:
    assert answer.status_code == 200, answer.content
    return answer["ETag"]


@pytest.mark.parametrize(
    "path",
    ["", "markets", "prices", "forecasts", "anomalies", "anomaly-events?open=true", "schema"],
)
def test_an_unchanged_answer_is_304_without_a_body(api, market, quotes, path):
    known = etag(api.get(path))
    again = api.get(path, **{"if-none-match": known})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", known)
    assert api.get(path, **{"if-none-match": '"other"'}).status_code == 200


def test_something_new_is_answered_in_full(api, market, models, quotes):
    known = {path: etag(api.get(path)) for path in ("markets", "prices", "forecasts", "anomalies")}
    PriceHistory.objects.create(market=market, timestamp=NOW + dt.timedelta(minutes=30), bid=9.4)
    make_forecast(market, models["price"])
    make_anomaly(market, models["anomaly"])
    for path, tag in known.items():
        answer = api.get(path, **{"if-none-match": tag})
        assert answer.status_code == 200, path
        assert etag(answer) != tag


def test_a_training_is_followed_by_its_etag(api, market):
    run = make_run(market, status=TrainingRun.Status.RUNNING)
    known = etag(api.get(f"training-runs/{run.pk}"))
    assert api.get(f"training-runs/{run.pk}", **{"if-none-match": known}).status_code == 304
    TrainingRun.objects.filter(pk=run.pk).update(epoch=3)
    assert api.get(f"training-runs/{run.pk}", **{"if-none-match": known}).json()["epoch"] == 3


def test_languages_and_formats_have_their_own_tags(api, market):
    tags = {etag(api.get("markets")), etag(api.get("markets?format=csv"))}
    assert len(tags) == 2
    assert {"Accept", "Accept-Language"} <= set(api.get("markets")["Vary"].split(", "))


def test_credentials_come_before_the_tag(as_user, market):
    from .conftest import Caller

    known = etag(as_user.get("markets"))
    assert Caller().get("markets", **{"if-none-match": known}).status_code == 401


def test_what_is_posted_has_no_tag(api, market):
    assert "ETag" not in api.post("dl/predict-price")
