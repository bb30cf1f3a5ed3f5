"""What the API says of input that it cannot use."""

from __future__ import annotations

import json
from typing import Any

from bench.golden.script import AD, BOB
from bench.golden.world import World

_PREDICT = ("predict-price", "predict-spread", "detect-anomalies", "recognize-patterns")
_TRAIN = ("train-price-predictor", "train-spread-predictor", "train-anomaly-detector",
          "train-pattern-recognizer")  # fmt: skip
_ROW = {"bid": 9.3, "ask": 9.4}
_WINDOW = 250


def _sequences() -> dict[str, Any]:
    """Rows by name suit every model, whatever the order of its columns."""

    def last(**cells: Any) -> list[Any]:
        return [*[_ROW] * _WINDOW, {**_ROW, **cells}]

    return {
        "null": None,
        "text": "9.3,9.4",
        "object": _ROW,
        "empty": [],
        "short": [_ROW] * 3,
        "ragged": [*[_ROW] * _WINDOW, [9.3] * 40],
        "flat": [9.3] * _WINDOW,
        "null_row": [None] * _WINDOW,
        "text_cell": last(bid="9.3"),
        "true_cell": last(bid=True),
        "list_cell": last(bid=[1]),
        "negative": last(bid=-9.3),
        "zero": last(ask=0),
        "huge": last(bid=10**200),
        "unknown_column": last(foo=1),
        "no_column": [*[_ROW] * _WINDOW, {}],
        "bad_time": last(timestamp="x"),
        "same_time": [{**_ROW, "timestamp": "2026-01-01T00:00:00Z"}] * _WINDOW,
        "before_time": last(timestamp="0001-01-01T00:00:00+14:00"),
        "too_many": [_ROW] * 20_001,
    }


_PATHS = (
    *(f"dl/{_TRAIN[0]}?epochs={n}" for n in ("0", "-1", "x", "", "1.5", "nan", "9999999999")),
    f"dl/{_TRAIN[0]}?batch_size=0", f"dl/{_TRAIN[0]}?learning_rate=inf",
    f"dl/{_TRAIN[0]}?seed=-1", f"dl/{_TRAIN[0]}?epoks=5", f"dl/{_TRAIN[0]}?mraket=1",
    f"dl/{_TRAIN[0]}?until=yesterday", f"dl/{_TRAIN[0]}?until=2001-01-01",
    f"dl/{_TRAIN[0]}?family=gru", f"dl/{_TRAIN[0]}?family=nonsense",
    f"dl/{_TRAIN[0]}?family={'x' * 50}", f"dl/{_TRAIN[0]}?epochs=5&epochs=6",
    f"dl/{_PREDICT[0]}?at=noon", f"dl/{_PREDICT[0]}?at=9999-12-31T23:59:59-14:00",
    f"dl/{_PREDICT[0]}?at=2001-01-01", f"dl/{_PREDICT[0]}?sequence=1,2,3",
    *(f"dl/{_PREDICT[2]}?threshold={n}" for n in ("abc", "nan", "0", "-1", "1e99")),
    f"dl/{_PREDICT[2]}?alarm_rate=often", f"dl/{_PREDICT[2]}?alarm_rate=1000/day",
    f"dl/{_PREDICT[2]}?sensitivity=100", f"dl/{_PREDICT[2]}?sensitivity=x",
    f"dl/{_PREDICT[2]}?threshold=0.1&sensitivity=5", f"dl/{_PREDICT[2]}?mode=first",
    f"dl/{_PREDICT[2]}?mode=last&from=2025-12-01", f"dl/{_PREDICT[2]}?from=x",
    f"dl/{_PREDICT[2]}?from=2025-12-20&to=2025-12-01",
    *(f"dl/{_PREDICT[3]}?history={n}" for n in ("-1", "100000", "x")),
)  # fmt: skip
_QUOTE = {"timestamp": "2025-12-01T00:00:00Z", "bid": 9.3}
_BAD_QUOTES: tuple[dict[str, Any], ...] = (
    {}, {"timestamp": "noon", "bid": 1}, {"timestamp": 7, "bid": 1}, {**_QUOTE, "bid": None},
    {**_QUOTE, "bid": 0}, {**_QUOTE, "bid": "x"}, {**_QUOTE, "bid": "nan"}, {**_QUOTE, "bid": True},
    {**_QUOTE, "bid": 10**200}, {**_QUOTE, "bid": 1e300}, {**_QUOTE, "ask_offers": 1.5},
    {**_QUOTE, "foo": 1}, {**_QUOTE, "market": "EUR/USD@x"}, {**_QUOTE, "bid_volume": -1},
)  # fmt: skip
_BODIES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "markets", {}),
    ("POST", "markets", {"asset": "A B", "fiat": "BOB", "exchange": "x"}),
    ("POST", "markets", {"asset": "A", "fiat": "B", "exchange": "x", "cadence_minutes": 0}),
    ("POST", "markets", {"asset": "A", "fiat": "B", "exchange": "x", "id": 7}),
    *(("PATCH", "markets/1", {"cadence_minutes": n}) for n in (0, "x", None, 10**30, True)),
    ("POST", "training-runs", {}),
    ("POST", "training-runs", {"task": "weather"}),
    ("POST", "models/rollback", {"task": []}),
    ("POST", "models/99/promote", {}),
    ("POST", "models/1/promote", {"force": "perhaps"}),
    ("POST", "prices", {}),
    ("POST", "prices", []),
    ("POST", "prices", {"rows": {}}),
    ("POST", "prices", {"rows": [None]}),
    ("POST", "prices", [{**_QUOTE, "market": "nonsense"}]),
    ("POST", "prices", [_QUOTE]),
    *(("POST", "prices", {"market": BOB, "rows": [_QUOTE, bad]}) for bad in _BAD_QUOTES),
    ("POST", "anomaly-events/1/feedback", {"feedback": "maybe"}),
    ("POST", "anomalies/1/label", {"label": None}),
    ("POST", "anomalies/9999/acknowledge", None),
    ("POST", "backtests", {}),
    ("POST", "backtests", {"market": BOB, "task": "anomaly", "from": "2025-12-01"}),
    ("POST", "backtests?task=price&from=2025-12-02&to=2025-12-01", {"market": BOB}),
    ("POST", "backtests?task=price&from=2011-07-02&to=2011-07-09", {"market": AD}),
    ("POST", "backtests/1/cancel", None),
    ("POST", "token", {}),
    ("POST", "token", {"username": ["ana"], "password": {}}),
    *(("POST", f"dl/{name}", {"market": ref}) for name in (_TRAIN[0], _PREDICT[2])
      for ref in (None, [], True, "", "9999", "EUR/USD@nowhere", "½", "x" * 200)),
    *(("POST", f"dl/{name}", {}) for name in (*_TRAIN, *_PREDICT)),
    *(("POST", f"dl/{name}", {"market": AD}) for name in _TRAIN),
    *((method, f"dl/{_PREDICT[0]}", None) for method in ("GET", "PUT", "DELETE")),
    ("DELETE", "markets/1", None),
)  # fmt: skip
_GETS = (
    "forecasts?market=nowhere", "forecasts?task=weather", "forecasts?from=x",
    "forecasts?model_id=x", "forecasts?model_id=1e999999999", "forecasts?ordering=password",
    "forecasts?page_size=0", "forecasts?page_size=x",
    "forecasts?mraket=1", "forecasts?stale=maybe", "forecasts?page=0",
    "forecasts?page=99", "anomalies?severity=bad", "anomalies?label=bad", "anomalies?min_score=nan",
    "anomaly-events?open=maybe", "anomaly-events?feedback=bad", "anomaly-events?from=yesterday",
    "patterns?clear=1", "patterns?source=oracle", "training-runs?status=asleep", "models?version=x",
    "markets?bogus=1", "prices", "prices?market=nowhere", "prices?market=2&ordering=bid",
    "prices?market=2&cursor=x", "families?task=weather", "dl/model-info?market=nowhere",
    "dl/model-info?bogus=1", "markets/99", "markets/x", "models/99/card", "models/1?bogus=1",
    "backtests/1/report", "backtests/99/predictions", "markets/2/accuracy?days=0", "nothing",
    "dl/predict-price/x",
)  # fmt: skip
_NOT_JSON = ("hello", '{"sequence": [[1, 2', "{} {}", '{"market": "a", "market": "b"}', "null",
             "[[1, 2]]", "7", '{"sequence": [[NaN]]}', '{"sequence": [[1e999]]}',
             "[" * 200)  # fmt: skip


def refusals(world: World) -> dict[str, Any]:
    """Every one of them in English, some in Spanish."""
    found: dict[str, Any] = {}
    for name in _PREDICT:
        for case, sequence in _sequences().items():
            body = {"market": BOB, "sequence": sequence}
            found[f"sequence {name} {case}"] = world.api("POST", f"dl/{name}", body)
    for path in _PATHS:
        found[f"POST {path}"] = world.api("POST", path, {"market": BOB})
        found[f"POST {path} es"] = world.api(
            "POST", path, {"market": BOB}, **{"accept-language": "es"}
        )
    for number, (method, path, body) in enumerate(_BODIES):
        found[f"{number} {method} {path}"] = {
            "sent": json.dumps(body)[:200],
            "answer": world.api(method, path, body),
        }
    for path in _GETS:
        found[f"GET {path}"] = world.api("GET", path)
    for number, text in enumerate(_NOT_JSON):
        found[f"not JSON {number}"] = world.api("POST", f"dl/{_PREDICT[0]}", text, raw=True)
    return found
