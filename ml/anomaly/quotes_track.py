"""Score a whole table of quotes: learned once before a moment, or online with refits as it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from ml.anomaly.alarms import alarm_rows, event_scores
from ml.anomaly.calibration import Promise, calibrate
from ml.anomaly.detector import NetworkDetector
from ml.anomaly.explain import kinds_of
from ml.anomaly.features import Features, make_features
from ml.anomaly.nets import AnomalyConfig
from ml.anomaly.rates import parse_alarm_rate
from ml.anomaly.readings import usual_gap
from ml.anomaly.scored import Scored
from ml.anomaly.track import Track
from ml.anomaly.training import LEAST_ROWS, fit_detector, usable
from ml.device import get_device, set_seeds
from ml.errors import NotEnoughData
from ml.registry import get_spec
from ml.spec import LabelledSpan, ProgressCallback, ignore_progress, make_config
from ml.tasks import Task

#: Share of the rows on which the online mode warms up, and the growth after which it learns anew.
WARM_UP = 0.15
GROWTH = 2.0
#: Weeks after which thresholds are learned anew, and how many weeks they look back.
RENEW_WEEKS = 4.0
MEMORY_WEEKS = 30.0
_WEEK_MINUTES = 7 * 24 * 60.0


@dataclass(frozen=True)
class Learned:
    """A detector and the whole table as it sees it."""

    detector: NetworkDetector
    scored: Scored
    features: Features


def score_quotes(
    rows: pd.DataFrame,
    *,
    train_until: pd.Timestamp | None = None,
    alarm_rate: str = "1/week",
    seed: int = 0,
    device: str | None = "cpu",
    labels: tuple[LabelledSpan, ...] = (),
    on_progress: ProgressCallback = ignore_progress,
) -> Track:
    """One entry per row of `rows`, in its order. `rows` has a DatetimeIndex (naive or aware, times
    may be doubled) and columns of ml.spec.QUOTE_COLUMNS.

    With `train_until` the rows before it are learned from, contaminated as they are, and all rows
    are scored. Without, the first 15 % warm up (score 0), then every row is scored by what was
    learned from rows before it: anew each time the history has doubled. A score of 0.1 is what
    comes once a week. `labels` are what people said about anomalies. Raises BadConfig,
    NotEnoughData and Cancelled.
    """
    per_week = parse_alarm_rate(alarm_rate)
    total = len(rows)
    if train_until is not None:
        cuts = [int(np.sum(np.asarray(rows.index < train_until)))]
        starts = [0]
    else:
        cuts = refits(total)
        starts = cuts
    score, strength = np.zeros(total), np.zeros(total)
    kind = np.full(total, "", dtype=object)
    for number, (start, end, cut) in enumerate(
        zip(starts, [*starts[1:], total], cuts, strict=True), start=1
    ):
        learned = learn(
            rows.iloc[:end],
            cut,
            seed=seed,
            device=device,
            on_progress=_named(on_progress, f"fit {number}/{len(cuts)}"),
        )
        raw = learned.scored.total
        told = usable(pd.DatetimeIndex(rows.index[:end]), labels)
        for first, last, promise in promises(
            np.where(told, raw, np.nan), learned.features.readings.minutes, cut
        ):
            part = slice(max(first, start), last)
            score[part] = promise.public(raw[part])
            strength[part] = raw[part] / promise.at(per_week)
        up = np.flatnonzero(alarm_rows(strength[:end], 1.0))
        up = up[up >= start]
        kind[up] = kinds_of(learned.features, learned.scored, up, promise.weekly)
    return Track(score, event_scores(score), alarm_rows(strength, 1.0), tuple(kind))


def _named(on_progress: ProgressCallback, stage: str) -> ProgressCallback:
    return lambda progress: on_progress(dataclasses.replace(progress, stage=stage))


def promises(raw: np.ndarray, minutes: np.ndarray, cut: int) -> Iterator[tuple[int, int, Promise]]:
    """(first row, last row + 1, promise) of stretches that follow each other: the rows up to `cut`
    and a month after it by what the rows up to `cut` say, every further month by the rows before
    it; NaN rows do not count. A market's trouble comes more often in one season than in another."""
    first, end = 0, cut
    while first < len(raw):
        since = int(np.searchsorted(minutes[:end], minutes[end - 1] - MEMORY_WEEKS * _WEEK_MINUTES))
        since = min(since, end - 1)
        weeks = float(minutes[end - 1] - minutes[since]) / _WEEK_MINUTES
        weeks *= float(np.mean(np.isfinite(raw[since:end])))
        promise = calibrate(raw[since:end], weeks=max(weeks, 1e-3))
        after = np.flatnonzero(minutes[end:] >= minutes[end - 1] + RENEW_WEEKS * _WEEK_MINUTES)
        last = end + int(after[0]) if len(after) else len(raw)
        last = min(max(last, end + 1), len(raw))
        yield first, last, promise
        first = end = last


def refits(total: int) -> list[int]:
    """Row counts at which the online mode learns."""
    cuts, cut = [], max(int(WARM_UP * total), LEAST_ROWS)
    while cut < total:
        cuts.append(cut)
        cut = int(cut * GROWTH)
    if not cuts:
        raise NotEnoughData(
            f"An anomaly detector needs more than {LEAST_ROWS} rows; there are {total}.",
            needed=LEAST_ROWS,
            present=total,
        )
    return cuts


def learn(
    rows: pd.DataFrame,
    cut: int,
    *,
    seed: int,
    device: str | None = "cpu",
    on_progress: ProgressCallback = ignore_progress,
) -> Learned:
    """Learn from the first `cut` rows and score all of them."""
    if cut < LEAST_ROWS:
        raise NotEnoughData(
            f"An anomaly detector needs {LEAST_ROWS} rows to learn from; there are {cut}.",
            needed=LEAST_ROWS,
            present=cut,
        )
    set_seeds(seed)
    # A column that has never held a value says nothing, and what it will hold is not known yet.
    rows = rows[[c for c in rows.columns if rows[c].iloc[:cut].notna().any()]]
    features = make_features(rows, usual=usual_gap(pd.DatetimeIndex(rows.index[:cut])))
    train = np.arange(len(rows)) < cut
    spec = get_spec(Task.ANOMALY)
    config = cast(AnomalyConfig, make_config(spec.config, {"seed": seed}))
    detector, _ = fit_detector(
        features, train, spec, config, device=get_device(device), on_progress=on_progress
    )
    return Learned(detector, detector.score(features), features)
