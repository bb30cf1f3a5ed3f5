"""What stands beside the recogniser: the rule, the rule tuned on the past, and LightGBM.

All answer for every grid row from rows up to it, and learn from rows whose hindsight labels were
complete before the window. LightGBM gets the very channels that the network looks at.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from ml.pattern.course import DAY, HALF, Course, slope
from ml.pattern.features import make_channels
from ml.pattern.labels import CLASSES, LIMITS, make_labels
from ml.pattern.measure import macro_f1
from ml.pattern.rolling import rolling_extreme, rolling_mean, rolling_median

_LAGS = (1, 2, 3, 6, 12, 24, 36, 47)
_MEANS, _ENDS = (6, 12, 24, 48), (12, 48)
_SETTINGS = {
    "objective": "multiclass",
    "num_class": 3,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "verbosity": -1,
    "seed": 0,
}
_TREES = 100
#: Spans (rows) and shares of the rule's own limits that the tuned rule chooses from.
_SPANS = (6, 8, 12, 16, 24, 36, 48)
_SHARES = (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)


def rule(grid: pd.DataFrame) -> dict[str, np.ndarray]:
    """Head -> (rows,) the labels' own definition on trailing data, -1 where unknown."""
    return make_labels(grid, centred=False)


def tuned_rule(
    grid: pd.DataFrame, truth: dict[str, np.ndarray], learn: np.ndarray
) -> dict[str, np.ndarray]:
    """The same definitions with the spans and limits that name best on the rows `learn`."""
    course, n = Course(grid), len(grid)
    scale, quick = course.scale, course.quick
    options = {"movement": [], "agitation": []}
    for span, share in itertools.product(_SPANS, _SHARES):
        steep = slope(course.smooth, span, n) * DAY / scale
        options["movement"].append(_ends(steep, LIMITS.trend * share))
    for span, share, near in itertools.product((6, 12, 24, 48), _SHARES, (4, 7, 10)):
        ratio = rolling_mean(quick, span, least=3, rows=n) / course.usual
        jump = rolling_extreme(quick, near, n) / scale
        for high in (0.8, 1.0, 1.2):
            stirred = np.where(ratio >= LIMITS.volatile * share, 1, 0)
            options["agitation"].append(np.where(jump >= LIMITS.shock * high, 2, stirred))
    for head in course.heads():
        series = course.side(head)
        middle, mad = course.typical(head, series)
        options[head] = [
            _ends(
                (rolling_median(series, span, least=1, rows=n) - middle) / mad,
                LIMITS.side * share,
            )
            for span, share in itertools.product((1, 3, 6, 12, 24), _SHARES)
        ]
    out = {}
    for head, named in options.items():
        known = learn & (truth[head] >= 0)
        scores = [macro_f1(truth[head][known], n[known], len(CLASSES[head])) for n in named]
        out[head] = named[int(np.argmax(scores))]
    return out


def _ends(value: np.ndarray, limit: float) -> np.ndarray:
    return np.where(value >= limit, 2, np.where(value <= -limit, 0, 1))


def lightgbm_probabilities(
    grid: pd.DataFrame, truth: dict[str, np.ndarray], learn: np.ndarray, *, threads: int
) -> dict[str, np.ndarray]:
    """Head -> (rows, classes)."""
    import lightgbm  # a requirement of the bench alone

    inputs = _inputs(make_channels(grid)[1])
    out = {}
    for head, labels in truth.items():
        known = np.flatnonzero(learn & (labels >= 0))
        data = lightgbm.Dataset(inputs[known], labels[known])
        settings = {**_SETTINGS, "num_threads": threads}
        out[head] = lightgbm.train(settings, data, num_boost_round=_TREES).predict(inputs)
    return out


def _inputs(channels: np.ndarray) -> np.ndarray:
    """(rows, channels) -> what a tree can ask about a window: now, lags, means, highs and lows."""
    table = pd.DataFrame(channels)
    parts = [table, *(table.shift(k) for k in _LAGS)]
    parts += [table.rolling(w, min_periods=1).mean() for w in _MEANS]
    parts += [table.rolling(w, min_periods=1).max() for w in _ENDS]
    parts += [table.rolling(w, min_periods=1).min() for w in _ENDS]
    return np.hstack([part.to_numpy() for part in parts])


#: Rows before the window that no contestant learns from: labels look so far ahead.
EMBARGO = HALF + 1
