"""Bodies that are no JSON object of ours: refused in the one shape, and nothing is stored."""

from __future__ import annotations

import pytest

from analytics.api.parsers import strict_loads
from analytics.exceptions import InvalidInput

from .conftest import PREDICT, TRAIN, Caller, assert_error, count_rows

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
NOT_JSON = {
    "text": (b"hello", "bad_json"),
    "half": (b'{"sequence": [[1, 2', "bad_json"),
    "bytes": (b'{"market": "\xff\xfe"}', "bad_json"),
    "bom": ("﻿{}".encode(), "bad_json"),
    "trailing": (b"{} {}", "bad_json"),
    "twice": (b'{"market": "a", "market": "b"}', "bad_json"),
    "surrogate": (rb'{"market": "\ud800"}', "bad_json"),
    "deep": (b"[" * 200_000 + b"]" * 200_000, "bad_json"),
    "rather deep": (b'{"task":' + b"[" * 30 + b"]" * 30 + b"}", "bad_json"),
    "almost too deep": (b'{"task":' + b"[" * 900 + b"]" * 900 + b"}", "bad_json"),
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


def test_the_body_of_a_token_is_small(db):
    body = {"username": "ana", "password": "x" * 5000}
    assert_error(Caller().post("token", body), 413, "too_big")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": {"b": 1}, "c": [{"b": 2}]}', {"a": {"b": 1}, "c": [{"b": 2}]}),
        ('{"a:b": "c:d"}', {"a:b": "c:d"}),
        ('{"a\\u003ab": 1}', {"a:b": 1}),
        ("[12345678901234567890123]", [12345678901234567890123]),
        ("[1.5, null, true, -3]", [1.5, None, True, -3]),
        ('"x"', "x"),
    ],
)
def test_the_quick_reader_reads_what_the_slow_one_reads(text, value):
    assert strict_loads(text.encode()) == value
    assert repr(strict_loads(text.encode())) == repr(value)


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": ":", "a": 2}', '[{"a": {"b": 1, "b": 1}}]']
)
def test_no_key_is_lost_however_it_is_hidden(text):
    with pytest.raises(InvalidInput) as caught:
        strict_loads(text.encode())
    assert caught.value.code == "bad_json"


def test_eight_megabytes_are_refused_before_they_are_read(refused, predictor):
    refused(
        PREDICT[0], b'{"sequence": [' + b"[1]," * 2_000_000 + b"[1]]}", status=413, code="too_big"
    )


def test_a_posting_of_very_many_markets_is_refused_at_once(refused):
    row = {"timestamp": "2026-05-01T12:00:00Z", "bid": 1, "ask": 2}
    rows = [{**row, "market": f"A{n}/B@c"} for n in range(3000)]
    refused("prices", rows, code="too_many_markets")
