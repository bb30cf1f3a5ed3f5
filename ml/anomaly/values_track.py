"""Plain values, row by row: first form."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.anomaly.track import Track
from ml.errors import NotEnoughData
from ml.spec import ProgressCallback, ignore_progress

WARM_UP = 0.15
LEAST = 30


def score_values(
    rows: pd.DataFrame,
    *,
    train_until: pd.Timestamp | None = None,
    alarm_rate: str = "1/week",
    seed: int = 0,
    device: str | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> Track:
    """See ml.anomaly.scoring.score_series; `rows` has the column `value`."""
    n = len(rows)
    cut = int(n * WARM_UP)
    if train_until is not None:
        cut = int(np.argmax(np.asarray(rows.index >= train_until))) or n
    if cut < LEAST:
        raise NotEnoughData("Too few rows to learn from.", needed=LEAST, present=cut)
    series = rows["value"].ffill()
    gap = (series - series.rolling(96, min_periods=1).median()).fillna(0.0).to_numpy()
    unit = max(float(np.quantile(np.abs(gap[:cut]), 0.97)), 1e-9)
    score = np.abs(gap) / unit
    if train_until is None:
        score[:cut] = 0.0
    before = pd.Series(score).shift(1).rolling(200, min_periods=1).max().fillna(0.0).to_numpy()
    event = np.where(score > before, score, 0.0)
    alarm = score >= 2.0
    kind = tuple("other" if up else "" for up in alarm)
    return Track(score, event, alarm, kind)
