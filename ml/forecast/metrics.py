"""How good forecasts were: error, CRPS, coverage, each beside the last value on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.tasks import HORIZONS, PER_HORIZON, QUANTILES, TASKS, Task

LEVELS = np.asarray(QUANTILES)
MEDIAN = QUANTILES.index(0.5)
#: Share of the value of which an error is too small to be one.
_NEGLIGIBLE = 1e-6
_INTERVALS = {"cov80": (0.1, 0.9), "cov90": (0.05, 0.95)}


@dataclass(frozen=True)
class QuantileForecast:
    """Forecasts of m origins: `value` (m, horizons), `quantiles` (m, horizons, levels) ascending,
    both in the forecast's unit; `novelty` (m,) of what they were made of (see ml.forecast.novelty),
    None where nobody knows; `unrest` (m,) that they are wider by (see ml.forecast.unrest), None
    where they are not."""

    value: np.ndarray
    quantiles: np.ndarray
    novelty: np.ndarray | None = None
    unrest: np.ndarray | None = None


@dataclass(frozen=True)
class ForecastBatch:
    """Forecasts at many moments: `answer` holds a line per moment of `origins`."""

    origins: pd.DatetimeIndex
    answer: QuantileForecast

    @classmethod
    def joined(cls, parts: Sequence[ForecastBatch]) -> ForecastBatch:
        """Batches that follow each other, as one; there is at least one."""
        some = [part for part in parts if len(part.origins)] or list(parts[:1])
        if len(some) == 1:
            return some[0]
        origins = some[0].origins.append([part.origins for part in some[1:]])
        answers = [part.answer for part in some]
        known = [a.novelty for a in answers if a.novelty is not None]
        return cls(
            pd.DatetimeIndex(origins),
            QuantileForecast(
                np.concatenate([a.value for a in answers]),
                np.concatenate([a.quantiles for a in answers]),
                np.concatenate(known) if len(known) == len(answers) else None,
            ),
        )


def crps(quantiles: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(m, horizons) mean over the levels of twice the pinball loss, in the unit of `truth` (m,
    horizons): the continuous ranked probability score of quantiles (Laio and Tamea 2007)."""
    error = truth[..., None] - quantiles
    return 2 * np.maximum(LEVELS * error, (LEVELS - 1) * error).mean(axis=-1)


def enclosing(quantiles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(m, horizons, levels) quantiles whose every interval holds both of those alike: the lower
    ends are the lower of both, the upper ends the upper; the centre stays."""
    wide = np.where(LEVELS < 0.5, np.minimum(quantiles, others), np.maximum(quantiles, others))
    return np.where(LEVELS == 0.5, quantiles, wide)


def measure(
    answer: QuantileForecast, base: QuantileForecast, truth: np.ndarray
) -> dict[str, float | None]:
    """The metrics of `answer` against the last value `base` for `truth` (m, horizons).

    `crps` and `mae` are means over the horizons of the ratio to the last value's (1 is as good as
    it, lower is better); those per horizon are in the forecast's unit. None where unknown.
    """
    known = np.isfinite(truth) & np.isfinite(answer.value) & np.isfinite(base.value)
    scores: dict[str, float | None] = {}
    for k, horizon in enumerate(HORIZONS):
        rows = known[:, k]
        for name, value in _horizon(answer, base, truth, rows, k).items():
            scores[f"{name}_h{horizon}"] = value
    for name in ("crps", "mae"):
        ratios = [r for h in HORIZONS if (r := scores[f"{name}_skill_h{h}"]) is not None]
        scores[name] = float(np.mean(ratios)) if ratios else None
    scores["n"] = float(known.any(axis=1).sum())
    return {name: scores[name] for name in TASKS[Task.PRICE].metrics}


def _horizon(
    answer: QuantileForecast, base: QuantileForecast, truth: np.ndarray, rows: np.ndarray, k: int
) -> dict[str, float | None]:
    if not rows.any():
        return {name: (0.0 if name == "n" else None) for name in PER_HORIZON}
    y, quantiles = truth[rows, k], answer.quantiles[rows, k]
    mae = np.abs(answer.value[rows, k] - y).mean()
    score = crps(quantiles, y).mean()
    found: dict[str, float | None] = {"n": float(rows.sum()), "mae": mae, "crps": score}
    least = _NEGLIGIBLE * float(np.abs(base.value[rows, k]).mean())
    found["mae_skill"] = _ratio(mae, np.abs(base.value[rows, k] - y).mean(), least)
    found["crps_skill"] = _ratio(score, crps(base.quantiles[rows, k], y).mean(), least)
    for name, (low, high) in _INTERVALS.items():
        below, above = (quantiles[:, QUANTILES.index(level)] for level in (low, high))
        found[name] = ((y >= below) & (y <= above)).mean()
    return {name: None if value is None else float(value) for name, value in found.items()}


def _ratio(part: float, whole: float, least: float) -> float | None:
    """Part over whole. Where nothing moved the last value is right to the last digit: then both
    are taken on top of an error that is `least`, so that who is right too has a ratio of 1."""
    if whole > 0:
        return part / whole
    return (part + least) / least if least > 0 else None
