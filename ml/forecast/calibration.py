"""What validation teaches about a trained network: how far to trust its centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.tasks import HORIZONS, QUANTILES

_MEDIAN = QUANTILES.index(0.5)
_SHRINKS = np.linspace(0.0, 1.0, 11)
_CLEAR_GAIN = 0.05
#: A price's trend of today may be gone before the far horizons come; a step ahead the centre is the
#: last value or a tick beside it, and the wrong side costs more than the right one gains.
PRICE_MARGIN = (0.5, 0.9, 0.75, 0.6)


@dataclass(frozen=True)
class Calibration:
    """Per horizon: `shrink` pulls the centre to the last value (0 is the last value itself) as far
    as validation asks, `margin` no further than caution does."""

    shrink: tuple[float, ...] = (1.0,) * len(HORIZONS)
    margin: tuple[float, ...] = (1.0,) * len(HORIZONS)

    def cautious(self, quantiles: np.ndarray) -> np.ndarray:
        """(m, horizons, levels) quantiles of moves -> the same around the shrunken centre."""
        return _around(quantiles, np.asarray(self.shrink) * self.margin)

    def bold(self, quantiles: np.ndarray) -> np.ndarray:
        """The same with the margin of safety alone."""
        return _around(quantiles, np.asarray(self.margin))


def _around(quantiles: np.ndarray, trust: np.ndarray) -> np.ndarray:
    centre = quantiles[..., _MEDIAN : _MEDIAN + 1]
    return quantiles - centre * (1 - trust[:, None])


def fit_calibration(
    quantiles: np.ndarray, moves: np.ndarray, scale: np.ndarray, *, price: bool
) -> Calibration:
    """Choose on a validation stretch: quantiles (m, horizons, levels) and realised moves (m,
    horizons), both in units of `scale` (m,). The shrinkage minimises the absolute error, and is
    halved unless that gains clearly over the last value, which must not be lost."""
    shrink = []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        q, truth, weight = quantiles[known, k], moves[known, k], scale[known]
        centre = q[:, _MEDIAN]
        errors = [(weight * np.abs(truth - s * centre)).sum() for s in _SHRINKS]
        gain = 1 - min(errors) / max(errors[0], 1e-12)
        best = float(_SHRINKS[int(np.argmin(errors))])
        shrink.append(best if gain > _CLEAR_GAIN else best / 2)
    return Calibration(tuple(shrink), PRICE_MARGIN if price else (1.0,) * len(HORIZONS))
