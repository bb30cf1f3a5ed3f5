"""What the networks answer: forecasts, strange rows, patterns and similar moments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.spec import Source
from ml.tasks import Task


@dataclass(frozen=True, kw_only=True)
class HorizonForecast:
    """One horizon. `value` and the quantiles are in the unit of the forecast."""

    steps: int
    minutes: int
    at: dt.datetime
    value: float
    quantiles: dict[str, float]  # "0.05" ... "0.95", ascending


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A forecast of the price (fiat per asset) or of the spread (percent of mid). `novelty` says
    how far its input lies from the training data: 1 is as far as the strangest hundredth of the
    validation stretch did, from 1.25 on intervals widen; None where the baseline answers."""

    task: Task
    unit: str  # "price" or "spread_pct"
    as_of: dt.datetime
    stale: bool
    last_value: float
    horizons: tuple[HorizonForecast, ...]
    source: Source
    name: str
    notes: tuple[str, ...] = ()
    novelty: float | None = None


#: Public score of a row exactly at the calibrated threshold, which comes once a week where nothing
#: is wrong; twice as strange is 0.2.
PUBLIC_THRESHOLD = 0.1


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a feature should have been; values in the feature's own unit, None where unknown."""

    observed: float | None
    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A piece of a sentence: a template with named places, and the words or figures for them. Both
    come from closed sets, so that a reader's own language can be put in their place."""

    template: str
    values: dict[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """A strange row. The score is a public one: PUBLIC_THRESHOLD is the calibrated threshold."""

    timestamp: dt.datetime
    score: float
    severity: str  # low, medium, high, critical
    kind: str
    text: str
    expected: dict[str, Expected]
    contributions: dict[str, float]  # shares that sum to 1
    phrases: tuple[Phrase, ...] = ()  # what `text` is made of


@dataclass(frozen=True, kw_only=True)
class AnomalyScores:
    """One score per row in `timestamps` (None while warming up) and the strange ones."""

    timestamps: pd.DatetimeIndex
    scores: np.ndarray
    threshold: float
    anomalies: tuple[Anomaly, ...]
    warming_up: bool
    source: Source
    name: str
    notes: tuple[str, ...] = ()  # what was missing or stood in


@dataclass(frozen=True)
class SeriesScores:
    """A series scored whole, of quotes or of plain values; one entry per row, in their order.

    score: (rows,) float64, how strange each row is now, 0 while warming up, never NaN; comparable
    over series. event_score: (rows,) peaks once, where an event begins, else 0. alarm: (rows,)
    bool, from the row that raises an alarm until it ends. kind: "" where there is none."""

    score: np.ndarray
    event_score: np.ndarray
    alarm: np.ndarray
    kind: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Held:
    """The name that an aspect is held under (it changes only with a margin), and since when."""

    name: str
    since: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """The regime recognised at one moment; `heads` holds one distribution per aspect, `held` the
    steadier name of each."""

    as_of: dt.datetime
    label: str
    probability: float
    clear: bool
    heads: dict[str, dict[str, float]]
    held: dict[str, Held] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Analogue:
    """A past moment that looked alike. `before` and `after` are the log mid of the day around it,
    relative to the moment itself, one value a grid row; `move` is the last of `after`."""

    as_of: dt.datetime
    distance: float
    before: tuple[float, ...]
    after: tuple[float, ...]
    move: float


@dataclass(frozen=True, kw_only=True)
class Analogues:
    """What followed the `count` most similar past windows of this market: quantiles of the log
    move over the next day, beside those after any window. Moves are scaled to today's usual day.
    `proven` says whether it beat a random choice of the same regime where it was measured: `gain`
    is the difference in CRPS there with its 95 % interval, below 0 is better."""

    nearest: tuple[Analogue, ...]
    count: int
    quantiles: dict[str, float]
    any_quantiles: dict[str, float]
    proven: bool
    gain: tuple[float, float, float] | None


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """The regime at the moment that was asked for, and at the rows before it, oldest first."""

    current: Pattern
    history: tuple[Pattern, ...]
    source: Source
    name: str
    notes: tuple[str, ...] = ()
    analogues: Analogues | None = None
