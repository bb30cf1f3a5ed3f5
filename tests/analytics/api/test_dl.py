"""The deep learning calls, exactly as the README writes them."""

from __future__ import annotations

import datetime as dt

import pytest

from analytics.models import AnomalyResult, Forecast, PatternResult, TrainingRun
from analytics.selectors.models import servings
from analytics.services import status
from analytics.services.jobs import training
from tests.factories import make_market

from .conftest import COLUMNS, NOW, TASKS, WINDOW, assert_error, make_model, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
TASK_NAMES = ("price", "spread", "anomaly", "pattern")
NO_BODY = {"nothing": {}, "form": {"content_type": "application/x-www-form-urlencoded"}}


@pytest.fixture
def asked(monkeypatch, quotes):
    """What the view hands to the service, which needs more history than a test has."""
    seen: dict = {}

    def request(**values):
        seen.clear()
        seen.update(values)
        return make_run(values["market"], values["task"], status=TrainingRun.Status.QUEUED)

    monkeypatch.setattr(training, "training_request", request)
    return seen


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", TASKS)
def test_a_training_is_queued(api, asked, market, path, slash):
    answer = api.post(f"{path}{slash}?epochs=50&batch_size=32&learning_rate=0.001")
    assert answer.status_code == 202, answer.content
    run = TrainingRun.objects.get()
    assert answer.json() == {"run_id": run.pk, "status": "queued", "status_url": answer["Location"]}
    assert answer["Location"] == f"/api/v1/analytics/training-runs/{run.pk}"
    assert api.get(answer["Location"]).json()["status"] == "queued"
    assert asked["task"] == TASKS[path]
    assert asked["params"] == {"epochs": "50", "batch_size": "32", "learning_rate": "0.001"}
    assert asked["market"] == market


@pytest.mark.parametrize("kind", NO_BODY)
def test_curl_without_a_body_works(api, asked, kind):
    content = {"content_type": "", **NO_BODY[kind]}
    answer = api.client.generic(
        "POST", "/api/v1/analytics/dl/train-price-predictor", headers=api.headers, **content
    )
    assert answer.status_code == 202, answer.content


def test_parameters_may_stand_in_the_body(api, asked, market):
    body = {"epochs": 5, "until": "2026-04-01", "device": "cpu", "family": "lstm",
            "market": market.pk}  # fmt: skip
    assert api.post("dl/train-price-predictor?epochs=5&seed=3", body).status_code == 202
    assert asked["params"] == {"epochs": "5", "seed": "3"}
    assert asked["until"] == dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
    assert (asked["device"], asked["family"]) == ("cpu", "lstm")


def test_a_run_can_be_asked_for_as_a_resource(api, asked):
    answer = api.post("training-runs", {"task": "spread", "epochs": 3})
    assert answer.status_code == 202
    assert (asked["task"], asked["params"]) == ("spread", {"epochs": 3})


def test_a_twin_is_a_conflict_with_its_address(api, market, quotes, monkeypatch):
    monkeypatch.setattr(training, "history_span", lambda *a, **k: (NOW, NOW, 5000))
    first = api.post("dl/train-price-predictor?epochs=2")
    assert first.status_code == 202, first.content
    found = assert_error(api.post("dl/train-price-predictor"), 409, "run_open")
    assert found["run_id"] == first.json()["run_id"]
    assert found["status_url"] == first["Location"]
    assert TrainingRun.objects.count() == 1


# ------------------------------------------------------------------------------------ predicting
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("path", "value"), [("predict-price", "price"), ("predict-spread", "spread_pct")]
)
def test_a_posted_sequence_is_answered_and_not_kept(api, predictor, rows, path, value, slash):
    predictor.low = float("nan")
    answer = api.post(f"dl/{path}{slash}", {"sequence": rows})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["market"] == "USDT/BOB@binance_p2p"
    assert {"id", "version", "family", "source"} <= body["model"].keys()
    assert {"as_of", "generated_at", "stale", "device", "latency_ms"} <= body.keys()
    assert body["as_of"] == "2026-05-01T12:00:00Z"
    horizon = body["horizons"][0]
    assert body[f"predicted_{value}"] == horizon[value]
    assert (horizon["steps"], horizon["minutes"]) == (1, 30)
    # What is not finite leaves as null, not as text that strict JSON forbids.
    assert horizon["quantiles"] == {"0.05": None}
    assert not Forecast.objects.exists()


def test_rows_may_be_objects_with_times(api, predictor, rows):
    sequence = [
        {"bid": 9.3, "ask": 9.4 if k else None, "timestamp": f"2026-05-01T{k:02}:00:00Z"}
        for k in range(WINDOW)
    ]
    assert api.post("dl/predict-price", {"sequence": sequence}).status_code == 200


def test_a_forecast_of_stored_history_is_kept_once(api, predictor, quotes, market):
    for _again in range(2):
        answer = api.post("dl/predict-price", {"market": market.symbol})
        assert answer.status_code == 200
    assert Forecast.objects.count() == 1


@pytest.mark.parametrize("path", ["dl/detect-anomalies", "dl/detect-anomalies/"])
def test_anomalies_of_stored_history_are_kept_once(api, predictor, quotes, path):
    first = api.post(f"{path}?threshold=0.1&from=2026-05-01&to=2026-05-02T00:00:00Z")
    assert first.status_code == 200, first.content
    assert (first.json()["threshold"], first.json()["stored_new"]) == (0.1, 1)
    found = first.json()["anomalies"][0]
    assert found["timestamp"] == "2026-05-01T12:00:00Z"
    assert found["expected"]["ask"] == {"observed": 9.9, "value": 9.3, "lower": 9.2, "upper": 9.4}
    assert api.post(f"{path}?threshold=0.1").json()["stored_new"] == 0
    assert AnomalyResult.objects.count() == 1


def test_anomalies_of_a_sequence_are_not_kept(api, predictor, rows):
    answer = api.post("dl/detect-anomalies", {"sequence": rows, "threshold": 0.2})
    assert (answer.status_code, answer.json()["threshold"]) == (200, 0.2)
    assert not AnomalyResult.objects.exists()


def test_a_pattern_is_named_with_its_history(api, predictor, quotes, rows):
    body = api.post("dl/recognize-patterns?history=3").json()
    assert (body["current"]["label"], len(body["history"])) == ("range", 3)
    assert PatternResult.objects.count() == 1
    assert api.post("dl/recognize-patterns", {"sequence": rows}).status_code == 200
    assert PatternResult.objects.count() == 1


# ------------------------------------------------------------------------------------ model-info
def test_model_info_works_with_nothing_at_all(api):
    body = api.get("dl/model-info").json()
    assert body["markets"] == []
    assert body["device"]


@pytest.mark.parametrize("path", ["dl/model-info", "dl/model-info/"])
def test_model_info_says_what_is_missing_and_what_is_there(api, market, path):
    make_model(market, "price", status="active")
    tasks = api.get(f"{path}?market={market.symbol}").json()["markets"][0]["tasks"]
    assert (tasks["price"]["status"], tasks["price"]["window"]) == ("active", WINDOW)
    assert tasks["price"]["input_columns"] == COLUMNS
    assert tasks["spread"]["status"] == "none"
    assert "train-spread-predictor" in tasks["spread"]["train"]


def test_model_info_asks_once_for_each_task_that_a_version_answers(
    api, market, django_assert_max_num_queries
):
    for task in ("price", "spread", "anomaly", "pattern"):
        make_model(market, task, status="active")
    with django_assert_max_num_queries(5):  # who answers, the market with its last quote, who asks
        tasks = api.get(f"dl/model-info?market={market.symbol}").json()["markets"][0]["tasks"]
    assert {task["status"] for task in tasks.values()} == {"active"}


def test_model_info_of_all_markets_says_of_each_what_it_says_of_one(
    api, market, django_assert_max_num_queries
):
    """However many there are, and whoever answers in them."""
    others = [make_market(f"USDT/VES@venue{number}") for number in range(6)]
    for number, one in enumerate([market, *others]):
        for task in TASK_NAMES[:number]:
            make_model(one, task, status="retired")
            make_model(one, task, status=("active", "candidate", "retired")[number % 3])
            make_model(one, task, status="candidate")
    with django_assert_max_num_queries(5):
        together = api.get("dl/model-info").json()["markets"]
    alone = [
        api.get(f"dl/model-info?market={one['market']}").json()["markets"][0] for one in together
    ]
    assert together == alone
    for one in [market, *others]:
        tasks = next(m["tasks"] for m in together if m["market"] == one.symbol)
        for task in TASK_NAMES:
            first = next(servings(one, task), None)
            assert tasks[task].get("model_id") == (first and first.model.pk)
    said = {task["status"] for one in together for task in one["tasks"].values()}
    assert said == {"active", "baseline", "none"}


def test_model_info_says_how_many_markets_it_does_not_list(api, market, monkeypatch):
    for number in range(4):
        make_market(f"USDT/VES@venue{number}")
    assert api.get("dl/model-info").json()["markets_left_out"] == 0
    for most, left_out in ((5, 0), (3, 2)):
        monkeypatch.setattr(status, "MOST_NAMED", most)
        body = api.get("dl/model-info").json()
        assert (len(body["markets"]), body["markets_left_out"]) == (most, left_out)
    body = api.get(f"dl/model-info?market={market.symbol}").json()
    assert (len(body["markets"]), body["markets_left_out"]) == (1, 0)


# ------------------------------------------------------------------------- how strange is strange
@pytest.mark.parametrize(
    ("query", "threshold"),
    [("", 0.1), ("threshold=0.3", 0.3), ("alarm_rate=1/week", 0.1), ("sensitivity=50", 0.1)],
)
def test_a_scan_takes_a_threshold_a_rate_or_a_sensitivity(api, predictor, quotes, query, threshold):
    answer = api.post(f"dl/detect-anomalies?{query}")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["threshold"], answer.json()["mode"]) == (threshold, "entire")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("threshold=0.1&alarm_rate=1/week", {"threshold", "alarm_rate"}),
        ("threshold=0.1&sensitivity=3", {"threshold", "sensitivity"}),
        ("alarm_rate=often", {"alarm_rate"}),
        ("alarm_rate=0/week", {"alarm_rate"}),
        ("sensitivity=100", {"sensitivity"}),
        ("sensitivity=-1", {"sensitivity"}),
        ("sensitivity=many", {"sensitivity"}),
        ("mode=first", {"mode"}),
        ("mode=last&from=2026-05-01", {"from"}),
    ],
)
def test_a_scan_that_contradicts_itself_names_the_fields(refused, predictor, quotes, query, fields):
    assert set(refused(f"dl/detect-anomalies?{query}")["fields"]) == fields


def test_the_events_of_a_scan_are_those_that_are_stored(api, predictor, quotes):
    event = api.post("dl/detect-anomalies").json()["events"][0]
    assert (event["open"], event["kind"], event["rows"]) == (True, "spike", 1)
    assert event["expected"]["ask"]["value"] == 9.3
    stored = api.get(f"anomaly-events/{event['id']}").json()
    assert {k: stored[k] for k in ("start", "peak", "end", "score", "text")} == {
        k: event[k] for k in ("start", "peak", "end", "score", "text")
    }


def test_the_events_of_a_sequence_have_no_id(api, predictor, rows):
    event = api.post("dl/detect-anomalies", {"sequence": rows}).json()["events"][0]
    assert event["id"] is None
