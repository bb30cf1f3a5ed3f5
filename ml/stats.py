"""Statistics that several rooms need: means and medians of what is known, and block bootstraps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

#: Days of a block, where days are drawn: the errors of neighbouring days hang together.
BLOCK_DAYS = 5


def known_median(table: np.ndarray) -> np.ndarray:
    """(m,) median of the known values of each line (m, k); NaN where none is known."""
    ordered = np.sort(table, axis=1)  # NaN goes last
    if len(ordered) == 1:  # a single forecast asks for many of these
        line = _known(ordered)
        half = len(line) // 2
        return np.array([(line[(len(line) - 1) // 2] + line[half]) / 2 if line else np.nan])
    count = np.isfinite(table).sum(axis=1)
    low = np.maximum((count - 1) // 2, 0)
    high = np.minimum(count // 2, table.shape[1] - 1)
    rows = np.arange(len(table))
    return np.where(count > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan)


def known_mean(table: np.ndarray) -> np.ndarray:
    """(m,) mean of the known values of each line (m, k); NaN where none is known."""
    if len(table) == 1:
        line = _known(table)
        return np.array([sum(line) / len(line) if line else np.nan])
    known = np.isfinite(table)
    count = known.sum(axis=1)
    total = np.where(known, table, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(table), np.nan), where=count > 0)


def quantiles_of(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """(levels,) those of `values` (n,), float64 and all known: what `np.quantile` says of them, to
    the bit, at a fraction of the price for a few hundred."""
    place = (len(values) - 1) * np.asarray(levels)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    ordered = np.sort(values)
    share, below, above = place - low, ordered[low], ordered[high]
    rise = above - below
    # From the nearer end, as numpy does.
    found: np.ndarray = np.where(share >= 0.5, above - rise * (1 - share), below + rise * share)
    return found


def _known(table: np.ndarray) -> list[float]:
    """The known values of the only line of a table (1, k)."""
    return [x for x in table[0].tolist() if x == x]


# -------------------------------------------------------------------------------- block bootstraps
def block_draws(n: int, *, block: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, n) numbers out of 0 .. n - 1, in blocks of `block` neighbours on a ring, who are
    drawn together because they share their weather.
    Learn from: Politis and Romano 1992, A circular block-resampling procedure."""
    starts = rng.integers(0, n, (draws, -(-n // block)))
    return ((starts[:, :, None] + np.arange(block)) % n).reshape(draws, -1)[:, :n]


def ratio_interval(
    day: np.ndarray | pd.DatetimeIndex, part: np.ndarray, whole: np.ndarray, *, draws: int = 2000
) -> tuple[float, float]:
    """95 % interval of mean(part) / mean(whole), both (rows,), where `day` says which rows are of
    one day: days are drawn, in blocks of five, since the errors of a day hang together."""
    codes, _ = pd.factorize(day, sort=True)
    days = int(codes.max()) + 1
    parts, wholes = np.bincount(codes, part, days), np.bincount(codes, whole, days)
    rng = np.random.default_rng(0)
    drawn = block_draws(days, block=min(BLOCK_DAYS, days), draws=draws, rng=rng)
    total = wholes[drawn].sum(axis=1)
    ratio = parts[drawn].sum(axis=1) / np.where(total > 0, total, np.nan)
    low, high = np.nanquantile(ratio, [0.025, 0.975])
    return float(low), float(high)
