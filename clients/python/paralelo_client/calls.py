"""Every call that the client makes: method, address and the names of what it may send. A test of
the server compares them with its OpenAPI document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Moment = dt.datetime | str
#: Rows of a posted sequence: numbers in the order of the model's input columns, or by name.
Sequence = Iterable[Iterable[float | None] | Mapping[str, Any]]

ROOT = "/api/v1/analytics/"


@dataclass(frozen=True)
class Call:
    """`path` is below ROOT, with {id} in it where one is needed; `query` and `body` are names."""

    method: str
    path: str
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    #: Whether other names may stand beside those of the body (parameters of a family).
    open_body: bool = False


_PAGES = ("page", "page_size", "ordering")
_SPAN = ("from", "to")
_ASKED = ("market", "sequence", "at")

TOKEN = Call("POST", "token/", body=("username", "password"))
MODEL_INFO = Call("GET", "dl/model-info/", query=("market",))
FAMILIES = Call("GET", "families/", query=("task",))
MARKETS = Call("GET", "markets/", query=("asset", "fiat", "exchange", *_PAGES))
PRICES = Call("GET", "prices/", query=("market", *_SPAN, "page_size", "ordering", "cursor"))
ADD_PRICES = Call("POST", "prices/", query=("create_market",), body=("market", "rows"))
EXPORT = Call("GET", "markets/{id}/export/", query=("format", *_SPAN))
AMOUNT = Call(
    "GET",
    "markets/{id}/price/",
    query=("side", "amount", "currency", "payment", "min_completion"),
)
PREDICT_PRICE = Call("POST", "dl/predict-price/", body=(*_ASKED, "markets"))
PREDICT_SPREAD = Call("POST", "dl/predict-spread/", body=(*_ASKED, "markets"))
RECOGNIZE = Call("POST", "dl/recognize-patterns/", body=(*_ASKED, "history"))
DETECT = Call(
    "POST",
    "dl/detect-anomalies/",
    body=("market", "sequence", *_SPAN, "threshold", "alarm_rate", "sensitivity", "mode"),
)
TRAIN = Call(
    "POST",
    "training-runs/",
    body=("task", "market", "family", "device", "until"),
    open_body=True,
)
RUN = Call("GET", "training-runs/{id}/")
CANCEL_RUN = Call("POST", "training-runs/{id}/cancel/")
FORECASTS = Call("GET", "forecasts/", query=("market", "task", "source", *_SPAN, *_PAGES))
EVENTS = Call(
    "GET",
    "anomaly-events/",
    query=("market", "open", "severity", "min_score", "feedback", *_SPAN, *_PAGES),
)
JUDGE = Call("POST", "anomaly-events/{id}/feedback/", body=("feedback", "note"))


def plain(value: Any) -> Any:
    """As JSON has it: moments as ISO 8601 (without a zone they are UTC), rows as lists."""
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).isoformat()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value]
