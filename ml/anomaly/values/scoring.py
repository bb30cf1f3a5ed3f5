"""Plain values, row by row: scores of any `timestamp,value` series, one setting for all of them.

Online, the series warms up on its first rows, then is scored row by row; the fit is repeated when
the history has doubled, and again when it has doubled once more.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.anomaly.alarms import VALUES, event_starts, fade
from ml.anomaly.calibration import parse_alarm_rate
from ml.anomaly.values.calibration import alarms_at_rate
from ml.anomaly.values.features import (
    ValueFeatures,
    seconds_of,
    typical_step,
    unit_of,
    value_features,
)
from ml.anomaly.values.rarity import Rarity, kind_of
from ml.anomaly.values.stuck import stuck_decades
from ml.errors import BadQuotes, Cancelled, NotEnoughData
from ml.results import SeriesScores
from ml.spec import Progress, ProgressCallback, ignore_progress

#: The kind of a row whose value only repeats the one before, where values used to change.
STUCK = "stuck"
WARM_UP = 0.15
#: The warm-up, and this many times as long a history, are what is learned from.
REFITS = (1, 2, 4)
LEAST = 30
_WEEK = 7 * 86400.0


def score_values(
    rows: pd.DataFrame,
    *,
    train_until: pd.Timestamp | None = None,
    alarm_rate: str = "1/week",
    on_progress: ProgressCallback = ignore_progress,
) -> SeriesScores:
    """See ml.anomaly.scoring.score_series; `rows` has the column `value`. No chance is in it."""
    values = rows["value"].to_numpy(dtype="float64")
    per_week = parse_alarm_rate(alarm_rate)
    index = pd.DatetimeIndex(rows.index)
    cuts = _cuts(index, train_until)
    if not np.isfinite(values[: cuts[0]]).any():
        raise BadQuotes(
            "There is no value to learn from.",
            {"value": f"unknown in each of the first {cuts[0]} rows"},
        )
    seconds = seconds_of(index)
    step = typical_step(seconds[: cuts[0]])
    features = value_features(values / unit_of(values[: cuts[0]]), seconds, cuts[0])
    fits, rare = [], np.zeros(len(rows))
    for number, (cut, end) in enumerate(zip(cuts, [*cuts[1:], len(rows)], strict=True)):
        said = Progress(stage="scoring", epoch=number, epochs=len(cuts))
        if on_progress(said) is False:
            raise Cancelled("The scoring was cancelled.")
        rarity = Rarity.fit(features.table[:cut])
        # The rows that the first fit learned from are history for the alarms.
        start = cut if number else 0
        rare[start:end] = rarity.decades(features, start, end)
        fits.append((end, rarity))
    first = 0 if train_until is not None else cuts[0]
    per_row = per_week * step / _WEEK
    alarm, raised = alarms_at_rate(rare, first, cuts[0], per_row)
    rare[:first] = 0.0
    on_progress(Progress(stage="scoring", epoch=len(cuts), epochs=len(cuts)))
    kinds = _kinds(features, fits, alarm, raised)
    stuck = stuck_decades(values, per_row)
    stuck[:first] = 0.0
    plain = SeriesScores(fade(rare), event_starts(rare, VALUES), alarm, kinds)
    return _with_stuck(plain, stuck)


def _with_stuck(plain: SeriesScores, stuck: np.ndarray) -> SeriesScores:
    """The same where a value that only repeats itself, by so many decades (rows,), is strange too,
    for as long as it does."""
    still = stuck > 0
    begun = still & ~np.concatenate([[False], still[:-1]])
    return SeriesScores(
        np.maximum(plain.score, stuck),
        np.maximum(plain.event_score, np.where(begun, stuck, 0.0)),
        plain.alarm | still,
        tuple(STUCK if frozen else kind for frozen, kind in zip(still, plain.kind, strict=True)),
    )


def _kinds(
    features: ValueFeatures, fits: list[tuple[int, Rarity]], alarm: np.ndarray, raised: np.ndarray
) -> tuple[str, ...]:
    """An alarm keeps the name of the row that raised it."""
    kinds = [""] * len(alarm)
    for row in np.flatnonzero(raised):
        rarity = next(fit for end, fit in fits if row < end)
        kinds[row] = kind_of(rarity.sizes(features.table[row : row + 1])[0])
    for row in np.flatnonzero(alarm & ~raised):
        kinds[row] = kinds[row - 1]
    return tuple(kinds)


def _cuts(index: pd.DatetimeIndex, train_until: pd.Timestamp | None) -> list[int]:
    """Rows that each fit learns from: all before one of these numbers."""
    count = len(index)
    if train_until is None:
        warm = int(count * WARM_UP)
        cuts = [k * warm for k in REFITS if k == 1 or k * warm < count]
    else:
        later = np.flatnonzero(np.asarray(index >= train_until))
        cuts = [int(later[0]) if len(later) else count]
    if cuts[0] < LEAST:
        raise NotEnoughData(
            f"Scoring values needs {LEAST} rows to learn from; there are {cuts[0]}.",
            needed=LEAST,
            present=cuts[0],
            fields={"rows": "give a longer file, or a later moment to learn until"},
        )
    return cuts
