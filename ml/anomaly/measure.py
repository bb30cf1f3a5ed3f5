"""How good is a detector on a stretch that it has never seen? Planted faults, counted fairly.

Rows of real history are taken as normal although some are not: the figures are lower bounds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.anomaly.alarms import HYSTERESIS_ROWS, REFERENCE, alarm_rows, count_episodes
from ml.anomaly.calibration import ALARMS_PER_WEEK
from ml.anomaly.detectors import Detector
from ml.anomaly.features import LONGEST_RUN, Features, make_features
from ml.anomaly.planting import Planted, plant
from ml.anomaly.readings import TRAIL, join_minutes, minutes_of
from ml.tasks import TASKS, Task

#: Readings before a row that its score depends on: trailing scale, median, window, longest run.
CONTEXT = TRAIL + 2 * LONGEST_RUN + 96 + HYSTERESIS_ROWS + REFERENCE
#: Rows after an event in which an alarm is neither a hit nor false: the way back is a move too.
GRACE = 24
#: Rows after its end in which an event may still be caught.
LATE = 1
SEEDS = (101, 102, 103)


def features_between(
    quotes: pd.DataFrame,
    *,
    usual: float,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
) -> Features:
    """Features up to `end` with just enough rows before `start` for every trailing statistic.
    `usual` are the market's minutes between readings."""
    quotes = quotes.loc[:end]
    if start is not None:
        first = int(quotes.index.searchsorted(start))
        # A reading may hold several rows: count the readings, and take whole ones.
        gaps = np.diff(minutes_of(quotes.index[: first + 1]))
        begins = np.flatnonzero(gaps > join_minutes(usual)) + 1
        skip = begins[-CONTEXT] if len(begins) >= CONTEXT else 0
        quotes = quotes.iloc[skip:]
    return make_features(quotes, usual=usual)


@dataclass(frozen=True)
class Trial:
    """One planted stretch: features with their context, the event's kind per row ("" for none),
    which rows count, and how long those last."""

    features: Features
    kind: np.ndarray
    counted: np.ndarray
    weeks: float

    def quiet(self) -> np.ndarray:
        """(rows,) bool: those that count and are as real as they came."""
        return self.counted & quiet_rows(self.kind)


def trials(
    quotes: pd.DataFrame, *, usual: float, start: pd.Timestamp, end: pd.Timestamp
) -> list[Trial]:
    """The clean stretch first, then one planted copy per seed. Prepared once for all detectors."""
    clean = quotes.loc[:end]
    copies = [Planted(clean, np.full(len(clean), "", dtype=object))]
    copies += (plant(clean, seed=seed, start=start) for seed in SEEDS)
    weeks = (end - start) / pd.Timedelta(weeks=1)
    out = []
    for copy in copies:
        features = features_between(copy.quotes, usual=usual, start=start, end=end)
        index = features.table.index
        out.append(Trial(features, copy.kind[-len(index) :], np.asarray(index >= start), weeks))
    return out


def average_precision(label: np.ndarray, score: np.ndarray) -> float:
    """Area under the steps of precision over recall, as scikit-learn has it; ties share one step.
    `label` (rows,) is 0 or 1 (or bool), `score` (rows,) the higher the stranger."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(label[order])
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]
    precision, recall = hits[last] / (last + 1), hits[last] / max(hits[-1], 1)
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def events(kind: np.ndarray) -> list[tuple[int, int, str]]:
    """(first row, last row, kind) of every planted event."""
    edge = np.flatnonzero(np.r_[True, kind[1:] != kind[:-1], True])
    spans = itertools.pairwise(edge.tolist())
    return [(first, end - 1, str(kind[first])) for first, end in spans if kind[first]]


def quiet_rows(kind: np.ndarray) -> np.ndarray:
    """(rows,) bool: rows that belong to no planted event and to no event's aftermath."""
    quiet = np.ones(len(kind), dtype=bool)
    for first, last, _ in events(kind):
        quiet[first : last + GRACE + 1] = False
    return quiet


def _recall(trials: list[Trial], totals: list[np.ndarray], threshold: float) -> float:
    caught = [
        bool((total[a : b + LATE + 1] >= threshold).any())
        for trial, total in zip(trials, totals, strict=True)
        for a, b, _ in events(trial.kind)
    ]
    return float(np.mean(caught)) if caught else 0.0


def _oracle(trials: list[Trial], totals: list[np.ndarray], weeks: float) -> float:
    """Lowest threshold with at most one false alarm a week on the quiet rows of these trials."""
    quiet = [t.quiet() for t in trials]
    pooled = np.concatenate([total[q] for total, q in zip(totals, quiet, strict=True)])
    best = np.inf
    for t in np.unique(np.quantile(pooled, 1 - np.geomspace(1e-5, 0.3, 200)))[::-1]:
        false = sum(count_episodes((s >= t) & q) for s, q in zip(totals, quiet, strict=True))
        if false > ALARMS_PER_WEEK * weeks * len(trials):
            break
        best = float(t)
    return best


def measure(detector: Detector, prepared: list[Trial], threshold: float) -> dict[str, float | None]:
    """The task's metrics (TaskSpec.metrics), None where nothing could be planted; `threshold` is
    the detector's calibrated raw threshold."""
    totals = [np.nan_to_num(detector.score(t.features).total, nan=0.0) for t in prepared]
    clean, planted = prepared[0], prepared[1:]
    weeks = clean.weeks
    if not weeks or not any(events(t.kind) for t in planted):
        return dict.fromkeys(TASKS[Task.ANOMALY].metrics)
    rows = [t.quiet() | ((t.kind != "") & t.counted) for t in planted]
    label = np.concatenate([(t.kind != "")[r] for t, r in zip(planted, rows, strict=True)])
    score = np.concatenate([s[r] for s, r in zip(totals[1:], rows, strict=True)])
    best = _oracle(planted, totals[1:], weeks)
    return {
        "average_precision": average_precision(label, score),
        "recall_at_one_a_week": _recall(planted, totals[1:], best),
        "recall": _recall(planted, totals[1:], threshold),
        "false_alarms_per_week": float(
            count_episodes(alarm_rows(totals[0], threshold) & clean.counted) / weeks
        ),
    }
