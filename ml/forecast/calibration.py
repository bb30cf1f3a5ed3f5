"""What validation teaches about a trained network: how far to trust its centre and its width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.forecast.metrics import LEVELS
from ml.spec import HORIZONS, QUANTILES

_MEDIAN = QUANTILES.index(0.5)
_SHRINKS = np.linspace(0.0, 1.0, 11)
_WIDTHS = np.linspace(0.6, 1.6, 41)


@dataclass(frozen=True)
class Calibration:
    """Per horizon: `shrink` pulls the centre to the last value (0 is the last value itself),
    `below` and `above` stretch the quantiles on either side of the centre."""

    shrink: tuple[float, ...] = (1.0,) * len(HORIZONS)
    below: tuple[float, ...] = (1.0,) * len(HORIZONS)
    above: tuple[float, ...] = (1.0,) * len(HORIZONS)

    def apply(self, quantiles: np.ndarray) -> np.ndarray:
        """(m, horizons, levels) quantiles of moves -> the same, calibrated."""
        centre = quantiles[..., _MEDIAN : _MEDIAN + 1]
        away = quantiles - centre
        width = np.where(away < 0, np.asarray(self.below)[:, None], np.asarray(self.above)[:, None])
        return centre * np.asarray(self.shrink)[:, None] + away * width


def fit_calibration(quantiles: np.ndarray, moves: np.ndarray, scale: np.ndarray) -> Calibration:
    """Choose on a validation stretch: quantiles (m, horizons, levels) and realised moves (m,
    horizons), both in units of `scale` (m,). The shrinkage minimises the absolute error; the
    widths minimise the pinball loss of each side."""
    shrink, below, above = [], [], []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        q, truth, weight = quantiles[known, k], moves[known, k], scale[known]
        centre = q[:, _MEDIAN]
        errors = [(weight * np.abs(truth - s * centre)).sum() for s in _SHRINKS]
        shrink.append(float(_SHRINKS[int(np.argmin(errors))]) if len(truth) else 1.0)
        rest = truth - shrink[-1] * centre
        away = q - centre[:, None]
        below.append(_best_width(away, rest, weight, LEVELS < 0.5))
        above.append(_best_width(away, rest, weight, LEVELS > 0.5))
    return Calibration(tuple(shrink), tuple(below), tuple(above))


def _best_width(away: np.ndarray, rest: np.ndarray, weight: np.ndarray, side: np.ndarray) -> float:
    if not len(rest):
        return 1.0
    levels = LEVELS[side]
    losses = []
    for width in _WIDTHS:
        error = rest[:, None] - width * away[:, side]
        pinball = np.maximum(levels * error, (levels - 1) * error).sum(axis=1)
        losses.append((weight * pinball).sum())
    return float(_WIDTHS[int(np.argmin(losses))])
