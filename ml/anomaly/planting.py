"""Labelled faults planted into real quotes: the only way to count what a detector misses.

Sizes follow the market: they are multiples of its usual day's move, at least one percent. The
planter is seeded and works on a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.quotes import PRICE_COLUMNS, SIDES, SIZE_COLUMNS

#: kind -> (weight in the draw, shortest, longest) in quote rows.
PLAN = {
    "spike": (4, 1, 3),
    "level_shift": (3, 8, 16),
    "spread_blowout": (3, 3, 8),
    "crossed": (3, 1, 4),
    "volume_collapse": (3, 6, 14),
    "stuck": (2, 8, 14),
    "drift": (2, 12, 20),
    "missing_side": (3, 4, 12),
}
#: Rows between two planted events, and rows per event on average.
APART = 60
EVERY = 160


@dataclass(frozen=True)
class Planted:
    """`kind` holds one label per row of `quotes`, "" where nothing was planted."""

    quotes: pd.DataFrame
    kind: np.ndarray


def kinds_for(columns: pd.Index) -> list[str]:
    """The kinds that make sense for the columns that a market has."""
    two = set(SIDES) <= set(columns)
    sized = bool(set(SIZE_COLUMNS) & set(columns))
    needs = {
        "spread_blowout": two,
        "crossed": two,
        "missing_side": two,
        "volume_collapse": sized,
    }
    return [k for k in PLAN if needs.get(k, True)]


def plant(quotes: pd.DataFrame, *, seed: int, start: pd.Timestamp) -> Planted:
    """A copy of `quotes` with events from `start` on, each kind at least once where room allows."""
    kinds, planter = kinds_for(quotes.columns), _Planter(quotes, np.random.default_rng(seed))
    # From 3 h after the start, so that an event never leans on rows outside of the stretch.
    low, high = int(quotes.index.searchsorted(start)) + 6, len(quotes) - APART
    count = max(len(kinds), (high - low) // EVERY)
    weight = np.array([PLAN[k][0] for k in kinds], float)
    more = planter.rng.choice(kinds, count - len(kinds), p=weight / weight.sum())
    for kind in (*kinds, *more):
        planter.plant(str(kind), low, high)
    return Planted(planter.out, planter.kind)


class _Planter:
    """`out` and `kind` become those of Planted; `filled` is the original, with the last known."""

    def __init__(self, quotes: pd.DataFrame, rng: np.random.Generator) -> None:
        self.rng, self.out, self.filled = rng, quotes.copy(), quotes.ffill()
        self.kind = np.full(len(quotes), "", dtype=object)
        self.sides = [c for c in PRICE_COLUMNS if c in quotes.columns]
        self.prices = self.filled[self.sides]
        # The usual size of a move over 48 rows, as a fraction, between one and five percent.
        log = np.log(self.prices.where(self.prices > 0)).mean(axis=1)
        self.unit = float(np.clip(log.diff(48).abs().median(), 0.01, 0.05))

    def plant(self, kind: str, low: int, high: int) -> None:
        """One event in the rows low..high, if there is room for it."""
        length = int(self.rng.integers(PLAN[kind][1], PLAN[kind][2] + 1))
        at = self._place(kind, length, low, high - length)
        if at is not None:
            rows = np.arange(at, at + length)
            self.kind[rows] = kind
            self._apply(kind, rows)

    def _place(self, kind: str, length: int, low: int, high: int) -> int | None:
        for _ in range(200 if high > low else 0):
            at = int(self.rng.integers(low, high))
            if (self.kind[max(0, at - APART) : at + length + APART] != "").any():
                continue
            span = self.prices.iloc[at - 1 : at + length]
            if span.isna().any(axis=None):
                continue
            # A feed that repeats itself is only a fault where the market really moved.
            if kind == "stuck" and (span.nunique() <= length // 3).any():
                continue
            return at
        return None

    def _apply(self, kind: str, rows: np.ndarray) -> None:
        out, index = self.out, self.out.index[rows]
        if kind == "volume_collapse":
            sized = [c for c in SIZE_COLUMNS if c in out.columns]
            book = self.filled.loc[index, sized].to_numpy()
            out.loc[index, sized] = book * self.rng.uniform(0.05, 0.3)
        elif kind == "stuck":
            out.loc[index] = self.filled.iloc[[rows[0] - 1]].to_numpy().repeat(len(rows), axis=0)
        elif kind == "missing_side":
            side = self.sides[int(self.rng.integers(0, len(self.sides)))]
            out.loc[index, [c for c in out.columns if c.startswith(side)]] = np.nan
        else:
            prices = self.prices.loc[index].to_numpy().copy()
            out.loc[index, self.sides] = _moved(prices, kind, self.unit, self.rng)


def _moved(prices: np.ndarray, kind: str, unit: float, rng: np.random.Generator) -> np.ndarray:
    """(rows, sides) prices with the fault in them."""
    n, sides = prices.shape
    size = unit * float(np.exp(rng.uniform(np.log(1.2), np.log(5))))
    sign = float(rng.choice([-1.0, 1.0]))
    if kind == "level_shift":
        return prices * (1 + sign * size)
    if kind == "drift":
        ramp = 1 - np.abs(np.linspace(-1, 1, n + 2)[1:-1])
        return prices * (1 + sign * size * ramp)[:, None]
    if kind == "spike":
        side = int(rng.integers(0, sides + 1))
        if side == sides:
            return prices * (1 + sign * size)
        # Never crosses: a bid falls, an ask rises, a lone price does either.
        way = sign if sides == 1 else (-1.0, 1.0)[side]
        prices[:, side] *= 1 + way * size
        return prices
    mid = prices.mean(axis=1, keepdims=True)
    half = size / 2 * rng.uniform(0.8, 1.2, (n, 1)) * (1 if kind == "spread_blowout" else -0.5)
    return np.hstack([mid * (1 - half), mid * (1 + half)])
