"""Whatever is sent to the deep learning calls: an error in the one shape, never a 500, and no row
left in any table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analytics.models import Market, TrainingRun
from tests.factories import make_quotes

from .conftest import COLUMNS, PREDICT, TRAIN, WINDOW, assert_error, count_rows

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


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


def test_a_thousand_parameters_are_refused_in_short(refused, quotes):
    found = refused(TRAIN[0], {f"p{k}": 1 for k in range(1000)}, code="unknown_parameter")
    assert len(json.dumps(found)) < 1000


def test_a_wrong_value_is_not_repeated_at_length(refused, quotes):
    found = refused("training-runs", {"task": "x" * 100_000}, field="task")
    assert len(json.dumps(found)) < 1000


def test_an_unknown_training_parameter_is_named(refused, quotes):
    refused(f"{TRAIN[0]}?mraket=1", code="bad_config", field="mraket")


def test_query_and_body_may_not_contradict_each_other(refused, quotes):
    refused(f"{TRAIN[0]}?epochs=5", {"epochs": 6}, code="contradiction", field="epochs")
    refused(f"{TRAIN[0]}?epochs=5&epochs=6", code="contradiction", field="epochs")


def test_a_sequence_in_the_query_is_refused(refused, predictor):
    refused(f"{PREDICT[0]}?sequence=1,2,3", code="contradiction", field="sequence")


@pytest.mark.parametrize("family", ["gru", "nonsense", "price"])
@pytest.mark.parametrize("path", [TRAIN[0], "training-runs"])
def test_a_family_that_is_not_of_the_task_is_refused_with_the_choices(
    refused, quotes, path, family
):
    task = {} if "train-" in path else {"task": "price"}
    for found in (
        refused(f"{path}?family={family}", task, code="unknown_family"),
        refused(path, {**task, "family": family}, code="unknown_family"),
    ):
        assert "lstm" in found["fields"]["family"]
        assert family in found["message"]


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
    refused, market, rows, path, line
):
    make_quotes(market, 1500)  # enough to train on: with fewer the baseline answers
    found = refused(path, status=409, code="no_model")
    assert line in found["train"]
    refused(path, {"sequence": rows}, status=409, code="no_model")


def test_with_too_few_rows_for_a_network_the_baseline_answers_named_as_such(as_user, quotes):
    answer = as_user.post("dl/predict-price")
    assert answer.status_code == 200
    model = answer.json()["model"]
    assert (model["id"], model["source"], model["name"]) == (None, "baseline", "last_value")
    assert any("baseline" in note for note in answer.json()["notes"])


def test_while_the_first_training_runs_the_baseline_answers_named_as_such(
    as_user, as_staff, market
):
    make_quotes(market, 1500)
    assert as_staff.post("dl/train-price-predictor").status_code == 202
    answer = as_user.post("dl/predict-price")
    assert answer.status_code == 200, answer.json()
    model = answer.json()["model"]
    assert (model["id"], model["source"], model["name"]) == (None, "baseline", "last_value")
    TrainingRun.objects.update(status="cancelled")
    assert as_user.post("dl/predict-price").json()["code"] == "no_model"
