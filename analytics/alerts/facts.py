"""What rules are judged on, as plain values: services gather them, kinds take them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analytics.lazily import np

#: Figures of a quote that a rule may look at.
FIGURES = ("price", "bid", "ask", "spread_pct")


@dataclass(frozen=True)
class Quotes:
    """Quotes of one market, ascending: `at` (n,) seconds since 1970; `figures` by name of FIGURES,
    each (n,), NaN where unknown. Those after `since` are to be judged; the others are what these
    look back on."""

    at: np.ndarray
    figures: Mapping[str, np.ndarray]
    since: float

    @property
    def first(self) -> int:
        """Place of the first quote to be judged."""
        return int(np.searchsorted(self.at, self.since, side="right"))


@dataclass(frozen=True)
class Said:
    """A stored forecast: `quantiles` by steps ahead and level."""

    at: dt.datetime
    minutes: Mapping[int, int]
    quantiles: Mapping[int, Mapping[str, float]]


@dataclass(frozen=True)
class Strange:
    """An anomaly event."""

    id: int
    start: dt.datetime
    end: dt.datetime
    kind: str
    severity: str
    score: float
    phrases: list[Any]
    text: str
    false_alarm: bool


@dataclass(frozen=True)
class Priced:
    """What an amount cost at a moment; None where the book could not fill it."""

    at: dt.datetime
    price: float | None


@dataclass(frozen=True)
class Gain:
    """The best chance of arbitrage at a moment, in percent, and its two legs in words."""

    at: dt.datetime
    percent: float
    route: str


@dataclass(frozen=True)
class Silence:
    """No quote came between `last` and `until`, which is now where it lasts. `limit_minutes` is
    when the market counts as stale."""

    last: dt.datetime
    until: dt.datetime
    limit_minutes: float


@dataclass(frozen=True)
class Watch:
    """How far the detector has come."""

    now: dt.datetime
    last_quote_at: dt.datetime
    scored_until: dt.datetime | None
    needed: int | None
    present: int | None


@dataclass(frozen=True)
class Version:
    """An active version; `expired` as the server marks it (EXPIRE_DATA_DAYS, EXPIRE_AGE_DAYS)."""

    now: dt.datetime
    id: int
    task: str
    number: int
    data_until: dt.datetime
    expired: bool


@dataclass(frozen=True)
class Drift:
    """What the scored forecasts say about an active version."""

    now: dt.datetime
    id: int
    task: str
    number: int
    drifted: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A training that failed."""

    at: dt.datetime
    run_id: int
    task: str
    code: str
    message: str


@dataclass(frozen=True)
class Workers:
    """Signs of life: `last_seen` of the newest worker, None where there is none; `restarts` by
    name and start."""

    now: dt.datetime
    last_seen: dt.datetime | None
    restarts: Mapping[str, int] = field(default_factory=dict)
