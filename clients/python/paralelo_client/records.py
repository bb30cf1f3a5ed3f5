"""What the server answers, field by field, as its OpenAPI document has it. Moments are ISO 8601
texts in UTC."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Task = Literal["price", "spread", "anomaly", "pattern"]


class Market(TypedDict):
    """A market of the list."""

    id: int
    symbol: str
    asset: str
    fiat: str
    exchange: str
    cadence_minutes: int
    last_quote_at: str | None
    created_at: str


class Quote(TypedDict):
    """A quote; null is unknown. An export has neither average price nor spread."""

    market: str
    timestamp: str
    bid: float | None
    ask: float | None
    bid_vwap: float | None
    ask_vwap: float | None
    bid_volume: float | None
    ask_volume: float | None
    bid_offers: int | None
    ask_offers: int | None
    price: float | None
    volume: float | None
    avg_price: NotRequired[float | None]
    spread_pct: NotRequired[float | None]


class AnsweredBy(TypedDict):
    """Who answered."""

    id: int | None
    version: int
    family: str
    status: str
    source: str
    name: str
    expired: bool


class PriceHorizon(TypedDict):
    """A price some steps ahead; quantiles by name."""

    steps: int
    minutes: int
    at: str
    price: float
    quantiles: dict[str, float]


class PriceAnswer(TypedDict):
    """A forecast of the price."""

    market: str
    model: AnsweredBy
    generated_at: str
    device: str
    latency_ms: float
    task: str
    as_of: str
    stale: bool
    unit: str
    last_value: float
    novelty: float | None
    notes: list[str]
    predicted_price: float
    horizons: list[PriceHorizon]


class FailedMarket(TypedDict):
    """Why a market of several has no answer: what it would be refused with alone."""

    market: str
    code: str
    message: str
    fields: dict[str, str]


class PriceAnswers(TypedDict):
    """Forecasts of the price of several markets."""

    forecasts: list[PriceAnswer]
    failed: list[FailedMarket]


#: `from` is no name of a class body.
ScanAnswer = TypedDict(
    "ScanAnswer",
    {
        "market": str,
        "model": AnsweredBy,
        "generated_at": str,
        "device": str,
        "latency_ms": float,
        "mode": str,
        "rows": int,
        "from": str | None,
        "to": str | None,
        "threshold": float | None,
        "warming_up": bool,
        "needed": int | None,
        "present": int | None,
        "last_score": float | None,
        "count": int,
        "stored_new": int,
        "events": list[dict[str, Any]],
        "anomalies": list[dict[str, Any]],
    },
)


class AmountAnswer(TypedDict):
    """What an amount would really cost or bring."""

    market: str
    venue: str
    as_of: str
    age_seconds: float
    stale: bool
    side: str
    currency: str
    amount: float
    filled: float
    remainder: float
    complete: bool
    fiat: float
    asset: float
    price: float | None
    best: float | None
    slippage: float | None
    least: float | None
    most: float
    proven: bool
    dropped: dict[str, int]
    orders: list[dict[str, Any]]
    day: dict[str, Any]
