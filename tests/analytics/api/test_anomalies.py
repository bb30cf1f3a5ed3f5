"""Strange rows and events: filtered, ordered, judged, and told in the reader's language."""

from __future__ import annotations

import datetime as dt

import pytest

from analytics.models import Market
from tests import factories

from .conftest import NOW, make_model
from .rows import make_anomaly

pytestmark = pytest.mark.django_db


def test_anomalies_are_filtered_and_ordered(api, market, models):
    model = models["anomaly"]
    first, second = (make_anomaly(market, model, k) for k in range(2))
    third = make_anomaly(market, model, 2, severity="low", label="false", acknowledged_at=NOW)

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"anomalies?{query}").json()["results"]]

    assert ids("") == [first.pk, second.pk, third.pk]
    assert ids("ordering=-score") == [third.pk, second.pk, first.pk]
    assert ids("severity=low&severity=high&ordering=id") == [first.pk, second.pk, third.pk]
    assert ids("severity=low") == ids("label=false") == ids("acknowledged=true") == [third.pk]
    assert ids("label=none") == ids("acknowledged=false") == [first.pk, second.pk]
    assert ids("min_score=0.22") == [third.pk]
    assert ids(f"market={market.symbol}&model_id={model.pk}&to=2026-05-01T10:30:00") == [third.pk]


def test_an_anomaly_is_acknowledged_and_labelled(as_staff, staff, market, models):
    anomaly = make_anomaly(market, models["anomaly"])
    seen = as_staff.post(f"anomalies/{anomaly.pk}/acknowledge").json()
    assert (seen["acknowledged_by"], seen["label"]) == ("eva", "")
    for label in ("true", "false", ""):
        answer = as_staff.post(f"anomalies/{anomaly.pk}/label/", {"label": label})
        assert (answer.status_code, answer.json()["label"]) == (200, label)


def test_events_are_filtered_and_ordered(api, market, models):
    model = models["anomaly"]
    day = dt.timedelta(days=1)
    old = factories.make_event(model, start=NOW - 9 * day, kind="drift", severity="low", score=0.12)
    late = factories.make_event(
        model, start=NOW - day, peak=NOW, end=NOW, is_open=True, feedback="false"
    )
    elsewhere = make_model(Market.objects.create(asset="A", fiat="B", exchange="c"), "anomaly")
    other = factories.make_event(elsewhere, start=NOW - 2 * day)

    def ids(query: str) -> list[int]:
        answer = api.get(f"anomaly-events?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert ids("") == [late.pk, other.pk, old.pk]
    assert ids("ordering=score") == [old.pk, other.pk, late.pk]
    assert ids("open=true") == ids("feedback=false") == [late.pk]
    assert ids("open=false") == ids("feedback=none") == [other.pk, old.pk]
    assert ids("kind=drift") == ids("severity=low") == ids("to=2026-04-25") == [old.pk]
    assert ids(f"market={market.pk}&min_score=0.2") == ids("from=2026-05-01T06:00:00Z") == [late.pk]
    assert ids(f"model_id={elsewhere.pk}") == [other.pk]


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_event_is_judged_and_the_judgement_taken_back(as_staff, models, slash):
    event = factories.make_event(models["anomaly"])
    path = f"anomaly-events/{event.pk}/feedback{slash}"
    said = as_staff.post(path, {"feedback": "false", "note": "holiday"}).json()
    assert (said["feedback"], said["note"], said["feedback_by"]) == ("false", "holiday", "eva")
    assert said["feedback_at"]
    back = as_staff.post(path, {"feedback": ""}).json()
    assert (back["feedback"], back["note"], back["feedback_by"], back["feedback_at"]) == (
        *("", "", None, None),
    )


def test_an_event_speaks_the_language_of_the_request(api, models):
    template = "%(what)s %(size)s above the level expected from the last %(rows)s readings"
    phrases = [
        [template, {"what": "ask", "size": "41 %", "rows": 16}],
        ["%(what)s unchanged", {"what": "bid"}],
    ]
    event = factories.make_event(models["anomaly"], text="english", phrases=phrases)
    path = f"anomaly-events/{event.pk}"
    assert api.get(path).json()["text"] == (
        "ask 41 % above the level expected from the last 16 readings; bid unchanged"
    )
    assert api.get(path, **{"accept-language": "es"}).json()["text"] == (
        "venta un 41 % por encima del nivel esperado según las últimas 16 lecturas; "
        "compra sin cambios"
    )
    event.phrases = [["something newer than this catalogue", {}]]
    event.save()
    assert api.get(path, **{"accept-language": "es"}).json()["text"] == "english"
