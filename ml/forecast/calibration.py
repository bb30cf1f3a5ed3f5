"""What validation teaches about a trained network: how far to trust its centre and its width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.forecast.metrics import LEVELS
from ml.spec import HORIZONS, QUANTILES

_MEDIAN = QUANTILES.index(0.5)
_SHRINKS = np.linspace(0.0, 1.0, 11)
_WIDTHS = np.linspace(0.6, 1.6, 41)
#: A month of validation is few independent days: the width goes half of the way it asks for.
_TRUST = 0.5


@dataclass(frozen=True)
class Calibration:
    """Per horizon: `shrink` pulls the centre to the last value (0 is the last value itself),
    `width` stretches the quantiles around the centre."""

    shrink: tuple[float, ...] = (1.0,) * len(HORIZONS)
    width: tuple[float, ...] = (1.0,) * len(HORIZONS)

    def apply(self, quantiles: np.ndarray) -> np.ndarray:
        """(m, horizons, levels) quantiles of moves -> the same, calibrated."""
        centre = quantiles[..., _MEDIAN : _MEDIAN + 1]
        shrink, width = np.asarray(self.shrink)[:, None], np.asarray(self.width)[:, None]
        return centre * shrink + (quantiles - centre) * width


def fit_calibration(quantiles: np.ndarray, moves: np.ndarray, scale: np.ndarray) -> Calibration:
    """Choose on a validation stretch: quantiles (m, horizons, levels) and realised moves (m,
    horizons), both in units of `scale` (m,). The shrinkage minimises the absolute error (of equals
    the one nearest to the last value wins), the width the pinball loss; both sides share one width,
    because a month's drift would otherwise pass for skewness."""
    shrink, width = [], []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        q, truth, weight = quantiles[known, k], moves[known, k], scale[known]
        centre = q[:, _MEDIAN]
        errors = [(weight * np.abs(truth - s * centre)).sum() for s in _SHRINKS]
        shrink.append(float(_SHRINKS[int(np.argmin(errors))]))
        width.append(_best_width(q - centre[:, None], truth - shrink[-1] * centre, weight))
    return Calibration(tuple(shrink), tuple(width))


def _best_width(away: np.ndarray, rest: np.ndarray, weight: np.ndarray) -> float:
    losses = []
    for width in _WIDTHS:
        error = rest[:, None] - width * away
        pinball = np.maximum(LEVELS * error, (LEVELS - 1) * error).sum(axis=1)
        losses.append((weight * pinball).sum())
    return float(_WIDTHS[int(np.argmin(losses))] ** _TRUST)
