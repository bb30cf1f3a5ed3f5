"""Is one model better than another, or was it luck? Two tests on paired results; numbers only.

`diebold_mariano` is for losses that are means over rows (forecasts), `paired_bootstrap` for
metrics that are not (average precision, macro-F1). Both know that neighbouring rows share most of
their future, and that rows may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ml.stats import block_draws

#: With fewer independent stretches than this a test says nothing, and is not made.
LEAST_STRETCHES = 5
#: Overlaps that the variance looks back on; real losses hang together for longer than one.
WIDTHS = 3
#: Rows of a bootstrap block: two days of half-hours, longer than labels and planted events last.
BLOCK = 96
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)


@dataclass(frozen=True, kw_only=True)
class SignificanceTest:
    """What a paired test found. `difference` is challenger less champion, in the unit of what was
    compared; `p_value` is two-sided, None where there is too little to test; `statistic` has the
    sign of `difference` and is None for a bootstrap, whose interval is `low`..`high` (95 %)."""

    method: str
    n: int
    champion: float
    challenger: float
    difference: float
    statistic: float | None = None
    p_value: float | None = None
    low: float | None = None
    high: float | None = None


def diebold_mariano(
    champion: np.ndarray, challenger: np.ndarray, *, overlap: int
) -> SignificanceTest:
    """Whether the mean losses of two forecasters of the same origins differ.

    `champion` and `challenger` are losses (rows of a regular grid,), NaN where an origin has none;
    `overlap` is the longest horizon in rows: so far the losses are correlated by construction.
    The mean difference (Diebold and Mariano 1995) is divided by its Newey-West (1987) standard
    error with Bartlett weights up to WIDTHS times the overlap, where a lag over missing rows adds
    nothing (Parzen 1963), and corrected as Harvey, Leybourne and Newbold (1997) have it. So wide a
    window leaves few degrees of freedom, and Student's t gets those of the Bartlett window, 1.5 n /
    width (Lazarus, Lewis, Stock and Watson 2018), which keeps the test honest on short stretches.
    Raises ValueError where no origin has both losses.
    """
    difference = np.asarray(challenger, float) - np.asarray(champion, float)
    known = np.isfinite(difference)
    n = int(known.sum())
    if not n:
        raise ValueError("there is no origin at which both have a loss")
    mean = float(difference[known].mean())
    found = SignificanceTest(
        method="diebold_mariano",
        n=n,
        champion=float(np.asarray(champion, float)[known].mean()),
        challenger=float(np.asarray(challenger, float)[known].mean()),
        difference=mean,
    )
    if n < LEAST_STRETCHES * overlap:
        return found
    width = max(WIDTHS * overlap, math.ceil(n ** (1 / 3)))
    variance = _long_run_variance(np.where(known, difference - mean, 0.0), n, width)
    if variance <= 0:  # the same forecasts: nothing tells them apart
        return replace(found, statistic=0.0, p_value=1.0)
    h = overlap
    correction = math.sqrt(max(n + 1 - 2 * h + h * (h - 1) / n, 1.0) / n)
    statistic = correction * mean / math.sqrt(variance / n)
    freedom = min(1.5 * n / width, n - 1)
    return replace(found, statistic=statistic, p_value=student_p(statistic, freedom))


def _long_run_variance(centred: np.ndarray, n: int, width: int) -> float:
    """Newey-West: Bartlett-weighted autocovariances of a series that is 0 where it is unknown."""
    total = float(centred @ centred)
    for lag in range(1, min(width, len(centred))):
        total += 2 * (1 - lag / width) * float(centred[lag:] @ centred[:-lag])
    return total / n


def student_p(statistic: float, freedom: float) -> float:
    """Two-sided p-value of Student's t with `freedom` degrees of freedom (at least 1), by
    Gauss-Legendre on t = sqrt(freedom) tan(angle)."""
    end = math.atan(abs(statistic) / math.sqrt(freedom))
    inside = float(_WEIGHTS @ np.cos((_NODES + 1) * end / 2) ** (freedom - 1)) * end
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2
    return min(max(1 - math.exp(scale) * inside, 0.0), 1.0)


def paired_bootstrap(
    metric: Callable[[np.ndarray, int], float],
    rows: int,
    *,
    block: int,
    draws: int = 500,
    seed: int = 0,
) -> SignificanceTest:
    """Whether two models differ in a metric of `rows` rows in order of time.

    `metric(places, who)` is the metric of the champion (who = 0) or challenger (1) on the rows
    `places`. Both are measured on the same resampled rows: circular blocks of `block` rows, longer
    than what neighbours share (Politis and Romano 1992). The p-value is twice the smaller share of
    resampled differences on one side of zero (Efron and Tibshirani 1993, 15.4); it is None where
    there are fewer rows than LEAST_STRETCHES blocks.
    """
    everywhere = np.arange(rows)
    champion, challenger = metric(everywhere, 0), metric(everywhere, 1)
    found = SignificanceTest(
        method="paired_block_bootstrap",
        n=rows,
        champion=champion,
        challenger=challenger,
        difference=challenger - champion,
    )
    if rows < LEAST_STRETCHES * block:
        return found
    drawn = block_draws(rows, block=block, draws=draws, rng=np.random.default_rng(seed))
    gaps = np.array([metric(places, 1) - metric(places, 0) for places in drawn])
    # Ties count on both sides, and the data themselves are one draw: p is never quite 0.
    below, above = (gaps <= 0).sum() + 1, (gaps >= 0).sum() + 1
    p_value = min(1.0, 2 * min(below, above) / (draws + 1))
    low, high = np.quantile(gaps, [0.025, 0.975])
    return replace(found, p_value=float(p_value), low=float(low), high=float(high))
