"""Prices that are quoted in another unit from one row on: a currency that lost zeros, or any jump
that all later quotes keep. What lies before is rescaled, so that a window shows moves of the market
alone. Row t is judged by the rows around it as soon as they are enough; none later is looked at."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.grid import QuoteArrays, arrays_of

#: Columns that are prices.
PRICES = ("bid", "ask", "bid_vwap", "ask_vwap", "price")
#: Least factor of a jump, and how near to a power of ten a factor is taken for it (decades).
LEAST_FACTOR, _NEAR = 2.0, 0.08
#: Rows on either side that must agree: fewer for a power of ten, which hardly a fault makes.
CONFIRM, _CONFIRM_TEN = 12, 6
#: After a longer pause a price may have come to its new level step by step.
_LONGEST_GAP = pd.Timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Redenomination:
    """From row `row` on, at `at`, prices are `factor` times those before; `power` of ten where it
    is one. It can be known from `known_at` on, when enough rows had kept to it."""

    at: dt.datetime
    row: int
    factor: float
    power: int | None
    known_at: dt.datetime

    @property
    def text(self) -> str:
        """For people."""
        what = f"10^{self.power}" if self.power is not None else f"{self.factor:.3g}"
        return f"prices are {what} times as large from {self.at:%Y-%m-%d %H:%M} on (row {self.row})"


def find_redenominations(quotes: pd.DataFrame) -> tuple[Redenomination, ...]:
    """Those of a quotes frame (see ml.spec), in order of time."""
    if _within_one_unit(_sides(quotes)):
        return ()
    level = _level(quotes)
    known = np.flatnonzero(np.isfinite(level))
    path = level[known]
    jumps = np.abs(np.diff(path)) >= np.log(LEAST_FACTOR)
    if not jumps.any():
        return ()
    found: list[Redenomination] = []
    for place in np.flatnonzero(jumps) + 1:
        before = found[-1].row if found else -1
        one = _judge(quotes.index, known, path, int(place), since=before)
        if one is not None:
            found.append(one)
    return tuple(found)


def is_in_one_unit(quotes: QuoteArrays) -> bool:
    """Whether the prices lie so near to each other that no redenomination is among them; where they
    do not, `find_redenominations` of the frame has to say."""
    found = [quotes.columns[name] for name in ("bid", "ask") if name in quotes.columns]
    return _within_one_unit(found or [quotes.columns[n] for n in ("price",) if n in quotes.columns])


def rescaled(quotes: pd.DataFrame, found: tuple[Redenomination, ...]) -> pd.DataFrame:
    """The quotes with all prices in the unit of the last ones; the frame itself where there is
    nothing to rescale."""
    if not found:
        return quotes
    columns = [c for c in PRICES if c in quotes.columns]
    factor = unit_of_rows(pd.DatetimeIndex(quotes.index), found)
    return quotes.assign(**{c: quotes[c].to_numpy() * factor for c in columns})


def notes_of(found: tuple[Redenomination, ...]) -> tuple[str, ...]:
    """What an answer says of the quotes that it was made of."""
    return tuple(f"{one.text}; earlier prices are rescaled" for one in found)


def unit_of_rows(index: pd.DatetimeIndex, found: tuple[Redenomination, ...]) -> np.ndarray:
    """(rows,) what a price of each moment is multiplied by to be in the last unit."""
    factor = np.ones(len(index))
    for one in found:
        factor[index < pd.Timestamp(one.at)] *= one.factor
    return factor


def _sides(quotes: pd.DataFrame) -> list[np.ndarray]:
    """The columns, each (rows,), that say on what level a row is."""
    found = arrays_of(quotes, ("bid", "ask")) or arrays_of(quotes, ("price",))
    return list(found.values())


def _within_one_unit(sides: list[np.ndarray]) -> bool:
    """Whether all prices lie so near to each other that there can be no jump: the usual case, known
    without a logarithm."""
    prices = [side for side in sides if len(side)]
    if not all(np.fmin.reduce(side) > 0 for side in prices):
        prices = [known for side in prices if len(known := side[side > 0])]
    if not prices:
        return True
    low = min(float(np.fmin.reduce(side)) for side in prices)
    high = max(float(np.fmax.reduce(side)) for side in prices)
    return high < 0.999 * LEAST_FACTOR * low


def _level(quotes: pd.DataFrame) -> np.ndarray:
    """(rows,) mean logarithm of the prices of a row, NaN where it has none above zero."""
    table = np.column_stack(_sides(quotes))
    positive = table > 0
    count = positive.sum(axis=1)
    total = np.log(np.where(positive, table, 1.0)).sum(axis=1)
    return np.divide(total, count, out=np.full(len(table), np.nan), where=count > 0)


def _judge(
    index: pd.Index, known: np.ndarray, path: np.ndarray, place: int, *, since: int
) -> Redenomination | None:
    """Whether the jump into `path[place]` is one that the rows after it keep; rows up to `since`
    are of the unit before that."""
    row = int(known[place])
    first = max(place - CONFIRM, int(np.searchsorted(known, since)))
    past = path[first:place]
    for rows in (_CONFIRM_TEN, CONFIRM):
        after = path[place : place + rows]
        if len(after) < rows or len(past) < min(rows, 3):
            return None
        jump = float(np.median(after) - np.median(past))
        power = _power_of_ten(jump)
        if rows == _CONFIRM_TEN and power is None:
            continue
        if power is None and index[row] - index[int(known[place - 1])] > _LONGEST_GAP:
            return None
        if not _kept(past, after, jump):
            continue
        factor = 10.0**power if power is not None else float(np.exp(jump))
        return Redenomination(
            at=index[row].to_pydatetime(),
            row=row,
            factor=factor,
            power=power,
            known_at=index[int(known[place + rows - 1])].to_pydatetime(),
        )
    return None


def _power_of_ten(jump: float) -> int | None:
    decades = jump / np.log(10)
    power = round(decades)
    return power if power and abs(decades - power) < _NEAR else None


def _kept(past: np.ndarray, after: np.ndarray, jump: float) -> bool:
    """Whether the rows after the jump are all on its far side and nearly all before it are not."""
    if abs(jump) < np.log(LEAST_FACTOR):
        return False
    share = (after - np.median(past)) / jump
    early = (past - np.median(past)) / jump
    return bool((share > 0.6).all() and abs(early[-1]) < 0.4 and (np.abs(early) < 0.4).mean() > 0.5)
