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
_LEAST_REALISED = 60
_CLEAR_GAIN = 0.05


@dataclass(frozen=True)
class Calibration:
    """Per horizon: `shrink` pulls the centre to the last value (0 is the last value itself),
    `width` stretches the quantiles around the centre."""

    shrink: tuple[float, ...] = (1.0,) * len(HORIZONS)
    width: tuple[float, ...] = (1.0,) * len(HORIZONS)

    def centred(self, quantiles: np.ndarray) -> np.ndarray:
        """(m, horizons, levels) quantiles of moves -> the same around the shrunken centre."""
        centre = quantiles[..., _MEDIAN : _MEDIAN + 1]
        return quantiles - centre * (1 - np.asarray(self.shrink)[:, None])


def fit_calibration(quantiles: np.ndarray, moves: np.ndarray, scale: np.ndarray) -> Calibration:
    """Choose on a validation stretch: quantiles (m, horizons, levels) and realised moves (m,
    horizons), both in units of `scale` (m,). The shrinkage minimises the absolute error, and is
    halved unless that gains clearly over the last value, which must not be lost. The width
    minimises the pinball loss; both sides share it, because a month's drift would otherwise pass
    for skewness."""
    shrink, width = [], []
    for k in range(len(HORIZONS)):
        known = np.isfinite(moves[:, k])
        q, truth, weight = quantiles[known, k], moves[known, k], scale[known]
        centre = q[:, _MEDIAN]
        errors = [(weight * np.abs(truth - s * centre)).sum() for s in _SHRINKS]
        gain = 1 - min(errors) / max(errors[0], 1e-12)
        best = float(_SHRINKS[int(np.argmin(errors))])
        shrink.append(best if gain > _CLEAR_GAIN else best / 2)
        width.append(_best_width(q - centre[:, None], truth - shrink[-1] * centre, weight))
    return Calibration(tuple(shrink), tuple(width))


def _best_width(away: np.ndarray, rest: np.ndarray, weight: np.ndarray) -> float:
    losses = []
    for width in _WIDTHS:
        error = rest[:, None] - width * away
        pinball = np.maximum(LEVELS * error, (LEVELS - 1) * error).sum(axis=1)
        losses.append((weight * pinball).sum())
    return float(_WIDTHS[int(np.argmin(losses))] ** _TRUST)


def rolling_widths(
    quantiles: np.ndarray,
    moves: np.ndarray,
    scale: np.ndarray,
    places: np.ndarray,
    until: np.ndarray,
    span: int,
    horizon: int,
    fallback: float,
) -> np.ndarray:
    """(k,) width at each grid row of `until`, from the forecasts already realised by then.

    The forecasts of one horizon, made at the ascending grid rows `places` (m,): quantiles (m,
    levels) with a calibrated centre, and realised moves (m,), in units of `scale` (m,). A row t
    sees those made in t - span .. t - horizon. `fallback` where fewer than 60 are known.
    """
    known = np.isfinite(moves)
    places, weight = places[known], scale[known][:, None]
    away = quantiles[known] - quantiles[known, _MEDIAN : _MEDIAN + 1]
    rest = moves[known] - quantiles[known, _MEDIAN]
    error = rest[:, None, None] - _WIDTHS[:, None] * away[:, None, :]
    loss = np.maximum(LEVELS * error, (LEVELS - 1) * error).sum(axis=2) * weight
    total = np.concatenate([np.zeros((1, len(_WIDTHS))), np.cumsum(loss, axis=0)])
    first = np.searchsorted(places, until - span, side="left")
    last = np.maximum(np.searchsorted(places, until - horizon, side="right"), first)
    best = _WIDTHS[(total[last] - total[first]).argmin(axis=1)] ** _TRUST
    return np.where(last - first >= _LEAST_REALISED, best, fallback)
