"""Have a model's inputs moved away from what it learned from? By effect size, never by p-value:
with enough rows every difference is significant, and few of them matter.

Per input three measures of recent rows against the training's:

- `shift`: the standardised mean difference (Cohen 1988), here with the training's deviation alone
  below the line (Glass 1976), so that a recent stretch gone wild does not hide its own shift;
- `effect`: the first Wasserstein distance in units of that deviation, the measure that Evidently
  ("normed Wasserstein") chooses for numbers: it sees shifts, spread and tails alike;
- `psi`: the population stability index over ten bins of equal training share (Siddiqi 2006).

Market inputs come in weather: a calm and a wild fortnight of one training differ as well. So the
stretches of the training that are as long as the recent one are measured against the whole
training too; an input drifted where its effect is large *and* half as large again as that of every
one of these. On 15 months of a real market, looked at every fortnight, that found one look in 31.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.errors import NotEnoughData
from ml.grid import build_grid, check_quotes
from ml.redenomination import find_redenominations, rescaled

#: What counts as large, in deviations of the training.
LARGE = 0.5
#: ... and how far beyond what the training knew of itself.
BEYOND = 1.5
#: Grid rows without which nothing is said; a training must hold so many stretches.
LEAST_ROWS, LEAST_STRETCHES = 96, 4
_BINS = 10
_EMPTY = 1e-4
_RARE = 0.001
_QUANTILES = np.linspace(0.0005, 0.9995, 1000)
_DEPTHS = ("bid_volume", "ask_volume", "volume", "bid_offers", "ask_offers")


@dataclass(frozen=True, kw_only=True)
class InputDrift:
    """One input. `usual` is the largest effect among stretches of the training itself."""

    name: str
    shift: float
    effect: float
    psi: float
    usual: float
    rows: int

    @property
    def drifted(self) -> bool:
        """Large, and clearly larger than anything the training knew."""
        return self.effect > max(LARGE, BEYOND * self.usual)


def measure_drift(
    trained: pd.DataFrame, recent: pd.DataFrame, *, step_minutes: int
) -> list[InputDrift]:
    """Every input that both quotes frames have, the farthest first. `recent` begins where `trained`
    ends or later. Raises NotEnoughData, BadQuotes."""
    both = check_quotes(pd.concat([trained, recent]))
    both = rescaled(both, find_redenominations(both))
    grid = build_grid(both, step_minutes=step_minutes)
    table = market_inputs(grid)
    old = table[: recent.index[0]].iloc[:-1]
    new = table[recent.index[0] :]
    if len(new) < LEAST_ROWS or len(old) < LEAST_STRETCHES * len(new):
        raise NotEnoughData(
            "Too few rows to compare.", needed=LEAST_STRETCHES * LEAST_ROWS, present=len(old)
        )
    found = [_compare(name, old[name].to_numpy(), new[name].to_numpy()) for name in table.columns]
    known = [one for one in found if one is not None]
    return sorted(known, key=lambda one: one.effect, reverse=True)


def market_inputs(grid: pd.DataFrame) -> pd.DataFrame:
    """What models look at, per row of a grid and comparable over years: the move, how large moves
    are, spread, age of the quote, whether there is one, and depth. No level of prices: models are
    given none."""
    # Infinite ages mean no quote yet, zero depth none at all: unknown, not far.
    move = 100 * np.log(grid["mid"]).diff()
    # By roots: a single jump among 48 moves must not make a day look wild.
    roots = (move.abs() ** 0.5).rolling(48, min_periods=24).mean()
    columns = {
        "move": move,
        "move_size": np.log(roots.where(roots > 0)),
        "missing": grid["mid"].isna().astype("float64").rolling(48, min_periods=1).mean(),
        "age": np.log1p(grid["age"].where(np.isfinite(grid["age"]))),
    }
    if "spread_pct" in grid:
        columns["spread_pct"] = grid["spread_pct"]
    for name in _DEPTHS:
        if name in grid:
            columns[name] = np.log(grid[name].where(grid[name] > 0))
    return pd.DataFrame(columns, index=grid.index)


def _compare(name: str, old: np.ndarray, new: np.ndarray) -> InputDrift | None:
    """None where an input is unknown too often to be judged, or always was the same."""
    stretch = len(new)
    recent = new[np.isfinite(new)]
    known = old[np.isfinite(old)]
    if len(recent) < LEAST_ROWS // 2 or len(known) < LEAST_STRETCHES * LEAST_ROWS // 2:
        return None
    # A thousandth at each end: one absurd quote must not set the unit.
    low, high = np.quantile(known, [_RARE, 1 - _RARE])
    unit = float(np.clip(known, low, high).std())
    if unit <= 1e-12:
        return None
    whole = np.quantile(known, _QUANTILES)
    pieces = [old[i : i + stretch] for i in range(0, len(old) - stretch + 1, max(stretch // 2, 1))]
    effects = [
        wasserstein(piece, whole) / unit
        for piece in (part[np.isfinite(part)] for part in pieces)
        if len(piece) >= LEAST_ROWS // 2
    ]
    return InputDrift(
        name=name,
        shift=float((np.quantile(recent, _QUANTILES) - whole).mean() / unit),
        effect=wasserstein(recent, whole) / unit,
        psi=stability_index(recent, known),
        usual=max(effects, default=0.0),
        rows=len(recent),
    )


def wasserstein(one: np.ndarray, quantiles: np.ndarray) -> float:
    """The first Wasserstein distance of a sample and another one's _QUANTILES, in their unit: the
    mean distance of the quantiles, over the middle 99.9 %."""
    return float(np.abs(np.quantile(one, _QUANTILES) - quantiles).mean())


def stability_index(one: np.ndarray, other: np.ndarray) -> float:
    """The population stability index of `one` against `other`, whose tenths are the bins; equal
    edges fall together."""
    edges = np.unique(np.quantile(other, np.linspace(0, 1, _BINS + 1)[1:-1]))
    now, then = (_shares(edges, values) for values in (one, other))
    return float(((now - then) * np.log(now / then)).sum())


def _shares(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of the bins between the edges; none is empty, so that a logarithm can be taken."""
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return np.maximum(counts / len(values), _EMPTY)
