"""Whatever is sent: an error in the one shape, never a 500, and no row left in any table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analytics.models import Market, TrainedModel

from .conftest import COLUMNS, WINDOW, assert_error, count_rows

TRAIN = (
    "dl/train-price-predictor",
    "dl/train-spread-predictor",
    "dl/train-anomaly-detector",
    "dl/train-pattern-recognizer",
)
PREDICT = (
    "dl/predict-price",
    "dl/predict-spread",
    "dl/detect-anomalies",
    "dl/recognize-patterns",
)
pytestmark = pytest.mark.django_db


@pytest.fixture
def refused(api):
    """Sends something bad; asserts shape, status, code, field, and that nothing was stored."""

    def send(
        path: str,
        body: Any = None,
        *,
        status: int = 400,
        code: str | None = None,
        field: str | None = None,
        method: str = "POST",
        **headers: str,
    ) -> dict:
        before = count_rows()
        found = assert_error(api(method, path, body, **headers), status, code, field)
        assert count_rows() == before
        return found

    return send


# ----------------------------------------------------------------------------------- not our JSON
NOT_JSON = {
    "text": (b"hello", "bad_json"),
    "half": (b'{"sequence": [[1, 2', "bad_json"),
    "bytes": (b'{"market": "\xff\xfe"}', "bad_json"),
    "bom": ("﻿{}".encode(), "bad_json"),
    "trailing": (b"{} {}", "bad_json"),
    "twice": (b'{"market": "a", "market": "b"}', "bad_json"),
    "surrogate": (rb'{"market": "\ud800"}', "bad_json"),
    "deep": (b"[" * 200_000 + b"]" * 200_000, "bad_json"),
    "deep object": (b'{"sequence":' * 100_000 + b"1" + b"}" * 100_000, "bad_json"),
    "nan": (b'{"sequence": [[NaN]]}', "not_finite"),
    "infinity": (b'{"sequence": [[Infinity]]}', "not_finite"),
    "minus infinity": (b'{"sequence": [[-Infinity]]}', "not_finite"),
    "1e999": (b'{"sequence": [[1e999]]}', "not_finite"),
    "many digits": (b'{"sequence": [[' + b"9" * 5000 + b"]]}", "not_finite"),
    "list": (b"[[1, 2, 3]]", "bad_shape"),
    "null": (b"null", "bad_shape"),
    "number": (b"7", "bad_shape"),
    "string": (b'"sequence"', "bad_shape"),
    "true": (b"true", "bad_shape"),
}


@pytest.mark.parametrize("path", [*PREDICT, TRAIN[0], "models/rollback", "training-runs"])
@pytest.mark.parametrize("case", NOT_JSON)
def test_what_is_not_a_json_object_is_refused(refused, predictor, quotes, path, case):
    body, code = NOT_JSON[case]
    refused(path, body, code=code)


@pytest.mark.parametrize("path", [*PREDICT, *TRAIN, "prices", "markets"])
def test_a_body_that_is_not_called_json_is_refused(api, predictor, quotes, path):
    before = count_rows()
    answer = api.client.post(
        f"/api/v1/analytics/{path}", {"market": "1"}, headers={"host": "127.0.0.1:8000"}
    )
    assert_error(answer, 415, "unsupported_media_type")
    assert count_rows() == before


@pytest.mark.parametrize("path", [*PREDICT, "prices"])
def test_a_body_above_the_limit_is_413(refused, predictor, settings, path):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    refused(path, {"sequence": [[1, 2, 3]] * 1000}, status=413, code="too_big")


def test_ten_million_rows_are_refused_before_they_are_read(refused, predictor):
    refused(PREDICT[0], b'{"sequence": [' + b"[1]," * 10_000_000 + b"[1]]}", status=413)


def test_a_body_without_a_length_is_refused_not_dropped(api, predictor):
    answer = api.client.generic(
        "POST",
        "/api/v1/analytics/dl/predict-price",
        headers={"host": "127.0.0.1", "transfer-encoding": "chunked"},
    )
    assert_error(answer, 411, "length_required")


# ------------------------------------------------------------------------------------- sequences
def _row(**change: Any) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS, 9.3), **change}


BAD_SEQUENCES = {
    "null": (None, "invalid", "sequence"),
    "text": ("9.3,9.4", "invalid", "sequence"),
    "number": (9.3, "invalid", "sequence"),
    "object": ({"bid": 9.3}, "invalid", "sequence"),
    "empty": ([], "sequence_too_short", "sequence"),
    "too short": ([[9.3, 9.4, 1]] * (WINDOW - 1), "sequence_too_short", "sequence"),
    "ragged": ([[9.3, 9.4, 1]] * WINDOW + [[9.3]], "bad_sequence", f"sequence.{WINDOW}"),
    "wide": ([[9.3, 9.4, 1, 5]] * WINDOW, "bad_sequence", "sequence.0"),
    "flat": ([9.3] * WINDOW, "bad_sequence", "sequence.0"),
    "text cell": ([["9.3", 9.4, 1]] * WINDOW, "bad_sequence", "sequence.0.bid"),
    "true cell": ([[True, 9.4, 1]] * WINDOW, "bad_sequence", "sequence.0.bid"),
    "list cell": ([[[1], 9.4, 1]] * WINDOW, "bad_sequence", "sequence.0.bid"),
    "negative": ([[-9.3, 9.4, 1]] * WINDOW, "bad_sequence", "sequence.0.bid"),
    "zero price": ([[0, 9.4, 1]] * WINDOW, "bad_sequence", "sequence.0.bid"),
    "null row": ([None] * WINDOW, "bad_sequence", "sequence.0"),
    "huge": ([[10**200, 9.4, 1]] * WINDOW, "bad_sequence", "sequence.0.bid"),
    "unknown column": ([_row(foo=1)] * WINDOW, "bad_sequence", "sequence.0.foo"),
    "no column": ([{}] * WINDOW, "bad_sequence", "sequence.0"),
    "text by name": ([_row(ask="x")] * WINDOW, "bad_sequence", "sequence.0.ask"),
    "bad time": ([_row(timestamp="x")] * WINDOW, "bad_sequence", "sequence.0.timestamp"),
    "same time": (
        [_row(timestamp="2026-01-01T00:00:00Z")] * WINDOW,
        "bad_sequence",
        "sequence.1.timestamp",
    ),
    "too many": ([[9.3, 9.4, 1]] * 20_001, "sequence_too_long", "sequence"),
    "time before time": (
        [_row(timestamp="0001-01-01T00:00:00+14:00")] * WINDOW,
        "bad_sequence",
        "sequence.0.timestamp",
    ),
    "time after time": (
        [_row(timestamp=f"9999-12-3{k // 24}T{k % 24:02}:00:00Z") for k in range(WINDOW)],
        "bad_sequence",
        "sequence.0.timestamp",
    ),
}


@pytest.mark.parametrize("path", PREDICT)
@pytest.mark.parametrize("case", BAD_SEQUENCES)
def test_a_sequence_that_does_not_fit_is_refused(refused, predictor, quotes, path, case):
    sequence, code, field = BAD_SEQUENCES[case]
    refused(path, {"sequence": sequence}, code=code, field=field)


def test_a_short_sequence_hears_how_much_is_needed(refused, predictor):
    found = refused(PREDICT[0], {"sequence": [[9.3, 9.4, 1]]}, code="sequence_too_short")
    assert (found["needed"], found["present"]) == (WINDOW, 1)


# ------------------------------------------------------------------------------------ parameters
EPOCHS = ("0", "-1", "1e9", "1000000000", "x", "", "1.5", "nan", "inf", "9" * 40, "9" * 500)


@pytest.mark.parametrize("path", TRAIN)
@pytest.mark.parametrize("epochs", EPOCHS)
def test_epochs_out_of_range_are_refused(refused, quotes, path, epochs):
    refused(f"{path}?epochs={epochs}", code="bad_config", field="epochs")


@pytest.mark.parametrize("epochs", [0, -1, 1e9, "x", None, True, [1], {}, 1.5, 10**200])
def test_epochs_out_of_range_are_refused_in_the_body_too(refused, quotes, epochs):
    refused(TRAIN[0], {"epochs": epochs}, code="bad_config", field="epochs")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", "0"),
        ("batch_size", "-5"),
        ("batch_size", "big"),
        ("learning_rate", "0"),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", "2"),
        ("seed", "-1"),
        ("seed", str(2**64)),
        ("epoks", "5"),
    ],
)
def test_wrong_training_parameters_are_named(refused, quotes, name, value):
    refused(f"{TRAIN[0]}?{name}={value}", code="bad_config", field=name)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{TRAIN[0]}?until=yesterday", "until"),
        (f"{TRAIN[0]}?until=0001-01-01T00:00:00%2B14:00", "until"),
        (f"{TRAIN[0]}?family={'x' * 50}", "family"),
        (f"{TRAIN[0]}?device={'x' * 50}", "device"),
        (f"{PREDICT[0]}?at=noon", "at"),
        (f"{PREDICT[0]}?at=9999-12-31T23:59:59-14:00", "at"),
        (f"{PREDICT[2]}?threshold=abc", "threshold"),
        (f"{PREDICT[2]}?threshold=nan", "threshold"),
        (f"{PREDICT[2]}?threshold=inf", "threshold"),
        (f"{PREDICT[2]}?threshold=0", "threshold"),
        (f"{PREDICT[2]}?threshold=-1", "threshold"),
        (f"{PREDICT[2]}?from=x", "from"),
        (f"{PREDICT[2]}?to=0001-01-01", "to"),
        (f"{PREDICT[2]}?from=2026-05-02&to=2026-05-01", "from"),
        (f"{PREDICT[3]}?history=-1", "history"),
        (f"{PREDICT[3]}?history=100000", "history"),
        (f"{PREDICT[3]}?history=x", "history"),
    ],
)
def test_wrong_values_are_named(refused, predictor, quotes, path, field):
    refused(path, field=field)


@pytest.mark.parametrize("path", [*PREDICT, "models/rollback"])
def test_an_unknown_parameter_is_named(refused, predictor, quotes, path):
    refused(f"{path}?mraket=1", code="unknown_parameter", field="mraket")
    refused(path, {"mraket": 1}, code="unknown_parameter", field="mraket")


def test_an_unknown_training_parameter_is_named(refused, quotes):
    refused(f"{TRAIN[0]}?mraket=1", code="bad_config", field="mraket")


def test_query_and_body_may_not_contradict_each_other(refused, quotes):
    refused(f"{TRAIN[0]}?epochs=5", {"epochs": 6}, code="contradiction", field="epochs")
    refused(f"{TRAIN[0]}?epochs=5&epochs=6", code="contradiction", field="epochs")


def test_a_sequence_in_the_query_is_refused(refused, predictor):
    refused(f"{PREDICT[0]}?sequence=1,2,3", code="contradiction", field="sequence")


def test_a_family_of_another_task_is_refused(refused, quotes):
    refused(f"{TRAIN[0]}?family=gru", field="family")
    refused(f"{TRAIN[0]}?family=nonsense", field="family")


# ---------------------------------------------------------------------------- markets and history
@pytest.mark.parametrize("path", [*TRAIN, *PREDICT])
@pytest.mark.parametrize("ref", ["9999", "EUR/USD@nowhere", "'; DROP TABLE", "9" * 60, "½", "²"])
def test_an_unknown_market_is_404(refused, predictor, quotes, path, ref):
    refused(path, {"market": ref}, status=404, field="market")


@pytest.mark.parametrize("path", [TRAIN[0], *PREDICT])
@pytest.mark.parametrize("ref", [None, [], {}, True, "", "x" * 200, "a\x00b"])
def test_a_market_that_is_no_name_is_refused(refused, predictor, quotes, path, ref):
    refused(path, {"market": ref}, field="market")


@pytest.mark.parametrize("path", [*TRAIN, *PREDICT])
def test_two_markets_make_the_choice_necessary(refused, predictor, quotes, path):
    Market.objects.create(asset="USDT", fiat="ARS", exchange="bybit_p2p")
    found = refused(path)
    assert "USDT/ARS@bybit_p2p" in json.dumps(found)
    assert "USDT/BOB@binance_p2p" in json.dumps(found)


@pytest.mark.parametrize("path", [*TRAIN, *PREDICT])
def test_no_market_at_all_is_told(api, path):
    before = count_rows()
    answer = api.post(path)
    assert answer.status_code in (400, 404, 409)
    assert_error(answer, answer.status_code, field="market")
    assert count_rows() == before


@pytest.mark.parametrize("path", TRAIN)
def test_training_without_history_is_refused(refused, market, path):
    found = refused(path, code="no_history")
    assert found["present"] == 0
    assert found["needed"] > 0


@pytest.mark.parametrize("path", TRAIN)
def test_training_with_too_little_history_says_how_much(refused, quotes, path):
    found = refused(path, code="not_enough_data")
    assert 0 < found["present"] < found["needed"]


@pytest.mark.parametrize("path", PREDICT)
def test_predicting_without_history_is_refused(refused, predictor, path):
    refused(path, code="no_history")


@pytest.mark.parametrize(("path", "line"), list(zip(PREDICT, TRAIN, strict=True)))
def test_without_a_model_the_answer_holds_the_line_that_trains_one(
    refused, quotes, rows, path, line
):
    found = refused(path, status=409, code="no_model")
    assert line in found["train"]
    refused(path, {"sequence": rows}, status=409, code="no_model")


# ------------------------------------------------------------------------------------- resources
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("markets", {}, "asset"),
        ("markets", {"asset": "A B", "fiat": "BOB", "exchange": "x"}, "asset"),
        ("markets", {"asset": "A" * 30, "fiat": "BOB", "exchange": "x"}, "asset"),
        ("markets", {"asset": None, "fiat": "BOB", "exchange": "x"}, "asset"),
        ("markets", {"asset": "A", "fiat": "B", "exchange": "x", "cadence_minutes": 0},
         "cadence_minutes"),
        ("markets", {"asset": "A", "fiat": "B", "exchange": "x", "id": 7}, "id"),
        ("training-runs", {}, "task"),
        ("training-runs", {"task": "weather"}, "task"),
        ("models/rollback", {}, "task"),
        ("models/rollback", {"task": []}, "task"),
        ("prices", {}, "rows"),
        ("prices", [], "rows"),
        ("prices", {"rows": {}}, "rows"),
        ("prices", [1], "rows.0"),
        ("prices", {"rows": [None]}, "rows.0"),
        ("prices", {"rows": [{}], "market": [1]}, "market"),
        ("token", {}, "username"),
        ("token", {"username": "ana"}, "password"),
        ("token", {"username": ["ana"], "password": {}}, "username"),
        ("token", {"username": "a\x00", "password": "x"}, "username"),
    ],
)  # fmt: skip
def test_wrong_bodies_of_resources_are_named(refused, market, path, body, field):
    refused(path, body, field=field)


def test_a_market_that_exists_is_a_conflict(refused, market):
    body = {"asset": "USDT", "fiat": "BOB", "exchange": "binance_p2p"}
    refused("markets", body, status=409, code="market_exists")


@pytest.mark.parametrize("cadence", [0, -1, "x", None, 10**30, 1.5, True])
def test_a_wrong_cadence_is_refused(refused, market, cadence):
    path = f"markets/{market.pk}"
    refused(path, {"cadence_minutes": cadence}, field="cadence_minutes", method="PATCH")


@pytest.mark.parametrize(
    "path",
    [
        "markets/{}", "models/{}", "training-runs/{}", "forecasts/{}", "anomalies/{}",
        "patterns/{}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("pk", ["99999", "9" * 18, "9" * 40, "x", "-1", "1.5", "%00", "٣"])
def test_an_unknown_id_is_404(refused, market, path, pk):
    refused(path.format(pk), status=404, code="not_found", method="GET")


@pytest.mark.parametrize(
    "path",
    [
        "training-runs/77/cancel", "models/77/promote", "models/77/retire",
        "anomalies/77/acknowledge", "anomalies/77/label",
    ],
)  # fmt: skip
def test_acting_on_what_is_not_there_is_404(refused, market, path):
    refused(path, status=404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("forecasts?market=nowhere", "market"),
        ("forecasts?task=weather", "task"),
        ("forecasts?from=x", "from"),
        ("forecasts?to=0001-01-01T00:00:00%2B14:00", "to"),
        ("forecasts?model_id=-1e999999999", "model_id"),
        ("forecasts?model_id=1e999999999", "model_id"),
        ("forecasts?model_id=x", "model_id"),
        ("forecasts?ordering=password", "ordering"),
        ("forecasts?page_size=0", "page_size"),
        ("forecasts?page_size=x", "page_size"),
        ("forecasts?page_size=" + "9" * 5000, "page_size"),
        ("forecasts?mraket=1", "mraket"),
        ("forecasts?stale=&task=%00", "task"),
        ("anomalies?severity=bad", "severity"),
        ("anomalies?label=bad", "label"),
        ("anomalies?min_score=nan", "min_score"),
        ("anomalies?kind=%00", "kind"),
        ("patterns?source=oracle", "source"),
        ("training-runs?status=asleep", "status"),
        ("models?version=x", "version"),
        ("markets?asset=%00", "asset"),
        ("markets?bogus=1", "bogus"),
        ("prices?from=x", "from"),
        ("prices?ordering=bid", "ordering"),
        ("prices?market=nowhere", "market"),
        ("prices?market=%00", "market"),
        ("families?task=weather", "task"),
        ("dl/model-info?market=nowhere", "market"),
        ("dl/model-info?bogus=1", "bogus"),
    ],
)
def test_wrong_queries_of_lists_are_named(refused, market, query, field):
    status = 404 if query.endswith("nowhere") else 400
    refused(query, status=status, field=field, method="GET")


@pytest.mark.parametrize(
    "path",
    [
        "forecasts?page=0", "forecasts?page=x", f"forecasts?page={'9' * 5000}",
        "forecasts?page=7", "prices?cursor=x", "prices?cursor=cD1hYmM=", "prices?cursor=cD0=",
        "prices?cursor=cD0yMDI2LTAxLTAxVDI1OjAwOjAwWg==", "nothing", "dl/nothing", "markets/1/2",
        "dl/predict-price/x",
    ],
)  # fmt: skip
def test_pages_and_addresses_that_are_not_there_are_404(refused, market, path):
    refused(path, status=404, code="not_found", method="GET")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [*TRAIN, *PREDICT, "token", "models/rollback"])
def test_the_wrong_method_is_405(refused, path, method):
    refused(path, status=405, code="method_not_allowed", method=method)


@pytest.mark.parametrize("label", [None, "maybe", 1, [], {}])
def test_a_label_is_true_false_or_empty(refused, market, models, label):
    from .test_resources import make_anomaly

    anomaly = make_anomaly(market, models["anomaly"])
    refused(f"anomalies/{anomaly.pk}/label", {"label": label}, field="label")


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"force": "maybe"}, 400, "invalid", "force"),
        ({"force": True}, 409, "reason_required", "reason"),
        ({"reason": "x" * 1001}, 400, "invalid", "reason"),
        ({"reason": ["x"]}, 400, "invalid", "reason"),
        ({"by": "eva"}, 400, "unknown_parameter", "by"),
    ],
)
def test_a_wrong_promotion_is_refused(refused, models, body, status, code, field):
    model = models["price"]
    TrainedModel.objects.update(status="candidate")
    refused(f"models/{model.pk}/promote", body, status=status, code=code, field=field)
