"""How a pooled forecast learns of its own last weeks, day by day.

A price's centre goes back to the last value where that would have served better. Intervals stretch
as the pinball loss asks, and on top are steered by how often the targets fell outside. The latter
is adaptive conformal inference (Gibbs and Candes 2021) on whole days of forecasts: a day that more
targets left than the level allows widens the interval of the next day, a day that fewer left
narrows it. Both ends of an interval stretch alike, each pair of levels for itself. All of it is a
function of the days before alone.
"""

from __future__ import annotations

import numpy as np

from ml.forecast.metrics import LEVELS
from ml.tasks import HORIZONS, QUANTILES

MEDIAN = QUANTILES.index(0.5)
#: Levels that end one interval: the outermost two first.
PAIRS = tuple((k, len(QUANTILES) - 1 - k) for k in range(MEDIAN))
#: (pairs,) share of the targets that may fall outside.
OUTSIDE = np.array([1 - (LEVELS[high] - LEVELS[low]) for low, high in PAIRS])
#: (horizons,) logarithm of the stretch for a day that all targets left. At the shortest horizon a
#: day holds many independent forecasts, and intervals that end where the price mostly stays, at the
#: last value, cover more than their level until the others are narrow.
PACE = np.array([0.3, 0.2, 0.2, 0.2])
_MOST = 1.2  # of the logarithm, either way
_SAME = 1e-9
_WIDTHS = np.linspace(0.6, 1.8, 49)
#: (horizons,) A month is few independent days: the width goes this share of the way it asks for. At
#: the shortest horizon many intervals end at the last value, which no width moves.
_TRUST = np.array([0.5, 0.75, 0.75, 0.75])
_LEAST_REALISED = 60
_SHARES = np.linspace(1.0, 0.0, 11)  # of equals the largest wins
_LEAST_TRUST = 0.25
_GUARDED = np.array([False, True, True, True])  # a step ahead, the margin of validation does it


def stretched(quantiles: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Quantiles (..., levels) of a move with their distances to the centre `width` (..., levels)
    times as large, in order again. The width of the centre is that of its own distance to the last
    value."""
    centre = quantiles[..., MEDIAN : MEDIAN + 1]
    away = (quantiles - centre) * width
    return np.sort(centre * width[..., MEDIAN : MEDIAN + 1] + away, axis=-1)


def centre_trust(centre: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """(horizons,) share of the centres (m, horizons) that came nearest to the moves (m, horizons);
    a quarter of it stays in any case. A month that would have been better off with the last value
    says little of one day, and much where a market has changed since the networks learnt."""
    known = np.isfinite(moves)
    truth = np.nan_to_num(moves)
    errors = [(np.abs(truth - share * centre) * known).sum(axis=0) for share in _SHARES]
    trust = _LEAST_TRUST + (1 - _LEAST_TRUST) * _SHARES[np.argmin(errors, axis=0)]
    return np.where((known.sum(axis=0) >= _LEAST_REALISED) & _GUARDED, trust, 1.0)


def best_widths(quantiles: np.ndarray, moves: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """(horizons, levels) stretch, the same for all levels but the centre, of the quantiles (m,
    horizons, levels) that minimises the pinball loss of the moves (m, horizons), partly trusted;
    `fallback` (horizons, levels) where too few moves are known."""
    known = np.isfinite(moves)
    centre = quantiles[..., MEDIAN]
    rest = np.where(known, moves - centre, 0.0)
    away = quantiles - centre[..., None]
    loss = np.empty((len(_WIDTHS), len(HORIZONS)))
    for place, width in enumerate(_WIDTHS):
        error = rest[..., None] - width * away
        pinball = np.maximum(LEVELS * error, (LEVELS - 1) * error).sum(axis=-1)
        loss[place] = (pinball * known).sum(axis=0)
    best = _WIDTHS[loss.argmin(axis=0)] ** _TRUST
    enough = known.sum(axis=0) >= _LEAST_REALISED
    width = np.where(enough[:, None], best[:, None], fallback)
    width[:, MEDIAN] = 1.0
    return width


def needed_stretch(quantiles: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """(..., pairs) by how much each interval of `quantiles` (..., levels) must stretch around its
    centre to reach `moves` (...); NaN where that is unknown."""
    centre = quantiles[..., MEDIAN]
    off = moves - centre
    needed = []
    for low, high in PAIRS:
        end = np.where(off < 0, centre - quantiles[..., low], quantiles[..., high] - centre)
        needed.append(np.abs(off) / np.maximum(end, _SAME))
    reached = np.abs(off)[..., None] < _SAME  # a centre holds itself, however narrow
    return np.where(reached, 0.0, np.stack(needed, axis=-1))


def allowed_outside(days: int) -> np.ndarray:
    """(horizons, pairs) share of the targets of so many days that may fall outside.

    A stretch that follows few independent forecasts (at a day's horizon one a day) errs, and every
    error costs coverage: hence half the finite-sample correction of split conformal intervals.
    """
    independent = days * max(HORIZONS) / np.asarray(HORIZONS, dtype="float64")
    return 1 - (1 - OUTSIDE) * (1 + 0.5 / independent[:, None])


def tracked_stretch(quantiles: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """(horizons, levels) stretch for the day after the days of `quantiles` (days, slots, horizons,
    levels) and `moves` (days, slots, horizons), in order of time."""
    needed = needed_stretch(quantiles, moves)
    known = np.isfinite(moves)
    share = known.mean(axis=1)[..., None] * allowed_outside(len(moves))
    power = np.zeros(needed.shape[2:])
    for day, allowed in zip(needed, share, strict=True):
        outside = (day > np.exp(power)).mean(axis=0)  # what is unknown is not outside
        power = np.clip(power + PACE[:, None] * (outside - allowed), -_MOST, _MOST)
    stretch = np.ones((len(power), len(LEVELS)))
    for (low, high), column in zip(PAIRS, np.exp(power).T, strict=True):
        stretch[:, low] = stretch[:, high] = column
    return stretch
