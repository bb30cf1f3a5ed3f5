"""Score a whole table of quotes: learned once before a moment, or online with refits as it goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import cast

import numpy as np
import pandas as pd

from ml.anomaly.alarms import QUOTES, alarm_rows, event_starts
from ml.anomaly.calibration import (
    LEAST_ROWS,
    AlarmRateCalibration,
    calibrate,
    calibration_rows,
    parse_alarm_rate,
    too_few_rows,
)
from ml.anomaly.detectors import DetectorScores, NetworkDetector
from ml.anomaly.features import Features, make_features
from ml.anomaly.kinds import kinds_of
from ml.anomaly.readings import usual_gap
from ml.anomaly.training import fit_rebuilder
from ml.configs import AnomalyConfig
from ml.device import get_device, set_seeds
from ml.errors import NotEnoughData
from ml.registry import get_spec
from ml.results import SeriesScores
from ml.spec import LabelledSpan, ProgressCallback, ignore_progress, make_config
from ml.tasks import Task

#: Share of the rows on which the online mode warms up, and the growth after which it learns anew.
WARM_UP = 0.15
GROWTH = 2.0
#: Weeks after which thresholds are learned anew, and how many weeks they look back.
RENEW_WEEKS = 4.0
MEMORY_WEEKS = 30.0
_WEEK_MINUTES = 7 * 24 * 60.0


def score_quotes(
    rows: pd.DataFrame,
    *,
    train_until: pd.Timestamp | None = None,
    alarm_rate: str = "1/week",
    seed: int = 0,
    device: str | None = "cpu",
    labels: tuple[LabelledSpan, ...] = (),
    on_progress: ProgressCallback = ignore_progress,
) -> SeriesScores:
    """See ml.anomaly.scoring.score_series; `labels` are what people said about anomalies.

    Online, the first 15 % warm up, then every row is scored by what was learned from rows before
    it: anew each time the history has doubled. History is contaminated and learned from as it is.
    Raises BadConfig, NotEnoughData and Cancelled.
    """
    per_week, total = parse_alarm_rate(alarm_rate), len(rows)
    online = train_until is None
    cuts = refits(total) if online else [int(np.sum(np.asarray(rows.index < train_until)))]
    starts = cuts if online else [0]
    score, strength = np.zeros(total), np.zeros(total)
    kind = np.full(total, "", dtype=object)
    stretches = zip(starts, [*starts[1:], total], cuts, strict=True)
    for number, (start, end, cut) in enumerate(stretches, start=1):
        say = _named(on_progress, f"fit {number}/{len(cuts)}")
        features, scored = fit_table(
            rows.iloc[:end], cut, seed=seed, device=device, on_progress=say
        )
        told = calibration_rows(pd.DatetimeIndex(rows.index[:end]), labels)
        counted = np.where(told, scored.total, np.nan)
        weekly = 0.0
        for first, last, found in calibrations(counted, features.readings.minutes, cut):
            part = slice(max(first, start), last)
            score[part] = found.public(scored.total[part])
            strength[part] = scored.total[part] / found.threshold(per_week)
            weekly = found.weekly
        up = np.flatnonzero(alarm_rows(strength[:end], 1.0))
        up = up[up >= start]
        kind[up] = kinds_of(features, scored, up, weekly)
    return SeriesScores(score, event_starts(score, QUOTES), alarm_rows(strength, 1.0), tuple(kind))


def _named(on_progress: ProgressCallback, stage: str) -> ProgressCallback:
    return lambda progress: on_progress(dataclasses.replace(progress, stage=stage))


def calibrations(
    raw: np.ndarray, minutes: np.ndarray, cut: int
) -> Iterator[tuple[int, int, AlarmRateCalibration]]:
    """(first row, last row + 1, calibration) of stretches that follow each other: the rows up to
    `cut` and a month after it by what the rows up to `cut` say, every further month by the rows
    before it; NaN rows do not count. A market's trouble comes more often in one season than in
    another."""
    first, end = 0, cut
    while first < len(raw):
        since = int(np.searchsorted(minutes[:end], minutes[end - 1] - MEMORY_WEEKS * _WEEK_MINUTES))
        since = min(since, end - 1)
        weeks = float(minutes[end - 1] - minutes[since]) / _WEEK_MINUTES
        weeks *= float(np.mean(np.isfinite(raw[since:end])))
        found = calibrate(raw[since:end], weeks=max(weeks, 1e-3))
        after = np.flatnonzero(minutes[end:] >= minutes[end - 1] + RENEW_WEEKS * _WEEK_MINUTES)
        last = end + int(after[0]) if len(after) else len(raw)
        last = min(max(last, end + 1), len(raw))
        yield first, last, found
        first = end = last


def refits(total: int) -> list[int]:
    """Row counts at which the online mode learns from `total` rows. Raises NotEnoughData."""
    cuts, cut = [], max(int(WARM_UP * total), LEAST_ROWS)
    while cut < total:
        cuts.append(cut)
        cut = int(cut * GROWTH)
    if not cuts:
        problem = f"An anomaly detector needs more than {LEAST_ROWS} rows; there are {total}."
        raise NotEnoughData(problem, needed=LEAST_ROWS, present=total)
    return cuts


def fit_table(
    rows: pd.DataFrame,
    cut: int,
    *,
    seed: int,
    device: str | None = "cpu",
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[Features, DetectorScores]:
    """Learn from the first `cut` rows, by the default family, and score all of them. Raises
    NotEnoughData and Cancelled."""
    if cut < LEAST_ROWS:
        raise too_few_rows(cut, "to learn from")
    set_seeds(seed)
    # A column that has never held a value says nothing, and what it will hold is not known yet.
    rows = rows[[c for c in rows.columns if rows[c].iloc[:cut].notna().any()]]
    features = make_features(rows, usual=usual_gap(pd.DatetimeIndex(rows.index[:cut])))
    train = np.arange(len(rows)) < cut
    spec = get_spec(Task.ANOMALY)
    config = cast(AnomalyConfig, make_config(spec.config, {"seed": seed}))
    fitted = fit_rebuilder(
        features, train, spec, config, device=get_device(device), on_progress=on_progress
    )
    detector = NetworkDetector.fit(fitted.rebuilder, features, train)
    return features, detector.score(features)
