"""Causal features of rows as they come: row t is computed from rows <= t and nothing else.

Features come in two groups. `values` goes through the network (all relative numbers: log ratios).
`signals` are facts with a rule of their own: how long a side has been missing, how long a feed
has not changed, how deep the sides are crossed, how both sides move together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.anomaly.readings import Readings, past_median, price_columns, read_rows

#: Readings of the trailing median; a day at half-hour steps.
DAY = 48
#: A run longer than this says nothing new, and bounds how far back a row looks.
LONGEST_RUN = 96
#: A side missing for more readings than this says nothing about spread and mid any more.
_FORGOTTEN = 6
#: A move over a gap is measured by the square root of the gap, up to this many usual gaps.
_LONGEST_GAP = 48.0


@dataclass(frozen=True)
class Features:
    """Everything the detectors look at, one row per input row.

    table: the rows' prices, sizes and spread_pct, the last known where one is missing. names:
    those of `values`, (rows, features) float64, NaN where unknown. levels: name -> (rows,) the
    quantities that a fault moves. signals: name -> (rows,) finite. flags: name -> ((rows,) the feed
    has not changed, (rows,) it gave nothing to compare).
    """

    table: pd.DataFrame
    readings: Readings
    usual: float
    names: tuple[str, ...]
    values: np.ndarray
    levels: dict[str, np.ndarray]
    signals: dict[str, np.ndarray]
    flags: dict[str, tuple[np.ndarray, np.ndarray]]

    def from_row(self, row: int) -> Features:
        """Those of the rows from a row on, the first one of a reading."""
        return Features(
            self.table.iloc[row:],
            self.readings.from_row(row),
            self.usual,
            self.names,
            self.values[row:],
            {k: v[row:] for k, v in self.levels.items()},
            {k: v[row:] for k, v in self.signals.items()},
            {k: (flag[row:], keep[row:]) for k, (flag, keep) in self.flags.items()},
        )


def levels_of(columns: tuple[str, ...], filled: np.ndarray) -> dict[str, np.ndarray]:
    """(rows, columns) logarithms -> the quantities that a fault can move, each (rows,)."""
    sides = price_columns(columns)
    out = {c: filled[:, i] for i, c in enumerate(columns)}
    out["mid"] = np.sum([out[s] for s in sides], axis=0) / len(sides)
    if len(sides) == 2:
        out["spread"] = out["ask"] - out["bid"]
    if {"bid_volume", "ask_volume"} <= out.keys():
        out["imbalance"] = out["bid_volume"] - out["ask_volume"]
    return out


def gap_names(levels: dict[str, np.ndarray]) -> list[str]:
    """The levels that are measured by their gap to their trailing median."""
    return [k for k in levels if k not in ("bid", "ask", "price", "spread")]


def run_length(flag: np.ndarray, keep: np.ndarray, gain: np.ndarray | None = None) -> np.ndarray:
    """What `gain` (1 for a count) adds up to while `flag` is up, along the readings. Where `keep`
    is set the sum stands still: a reading that says nothing neither lengthens nor ends a run."""
    step = np.ones(len(flag)) if gain is None else gain
    total = np.cumsum(np.where(flag & ~keep, step, 0.0))
    base = np.maximum.accumulate(np.where(~flag & ~keep, total, 0.0))
    return total - base


def extend_run(
    past: np.ndarray, flag: np.ndarray, keep: np.ndarray, gain: np.ndarray | float = 1.0
) -> np.ndarray:
    """The run of a row from that of the reading before it."""
    return np.where(keep, past, np.where(flag, past + gain, 0.0))


def run_by_row(
    readings: Readings, flag: np.ndarray, keep: np.ndarray, gain: np.ndarray | None = None
) -> np.ndarray:
    """(rows,) run up to and with each row."""
    at = readings.last
    series = run_length(flag[at], keep[at], None if gain is None else gain[at])
    past = np.where(readings.reading > 0, readings.before(series), 0.0) if len(at) else flag * 0.0
    return extend_run(past, flag, keep, 1.0 if gain is None else gain)


def make_features(quotes: pd.DataFrame, *, usual: float) -> Features:
    """Features of a table of quotes in the order in which it came; absent columns give absent
    features. `usual` are the market's minutes between readings."""
    readings = read_rows(quotes, usual=usual)
    columns = readings.columns
    before = readings.before(readings.filled[readings.last])
    levels = levels_of(columns, readings.filled)
    middles = {k: past_median(readings, levels[k], DAY) for k in gap_names(levels)}
    flags = flags_of(columns, readings.seen, before)
    runs = {k: np.minimum(run_by_row(readings, *f), LONGEST_RUN) for k, f in flags.items()}
    names, values = values_of(columns, levels, before, middles, runs, readings.since, usual)
    signals = {**runs, **moves_of(columns, readings.seen, names, values, levels)}
    return Features(
        table_of(columns, readings.filled, quotes.index),
        readings,
        usual,
        names,
        values,
        levels,
        signals,
        flags,
    )


def table_of(columns: tuple[str, ...], filled: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """(rows, columns) logarithms -> what was quoted, and the spread in percent of mid."""
    names, figures = list(columns), np.exp(filled)
    if {"bid", "ask"} <= set(columns):
        bid, ask = (figures[:, columns.index(side)] for side in ("bid", "ask"))
        names.append("spread_pct")
        figures = np.column_stack([figures, (ask - bid) / ((bid + ask) / 2) * 100])
    return pd.DataFrame(figures, columns=names, index=index)


def flags_of(
    columns: tuple[str, ...], seen: np.ndarray, before: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Facts that last: name -> (rows,) is so, (rows,) cannot be said. `before` are the filled
    logarithms of the reading before."""
    sides = price_columns(columns)
    known = np.isfinite(seen)
    priced = known[:, : len(sides)]
    nothing = ~priced.any(axis=1)
    same = known & (seen == before)
    out: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if len(sides) == 2:
        for i, side in enumerate(sides):
            out[f"missing_{side}"] = (~priced[:, i], nothing)
    out["stale_price"] = ((same | ~known)[:, : len(sides)].all(axis=1), nothing)
    if len(columns) > len(sides):
        # What was not told cannot be said to have stayed.
        out["stale"] = (same.all(axis=1), ~known.all(axis=1))
    for i, column in enumerate(columns):
        if column.endswith("volume"):
            out[f"stale_{column}"] = (same[:, i], ~known[:, i])
    return out


def _gap_factor(since: np.ndarray, usual: float) -> np.ndarray:
    """How much larger a usual move is after that many minutes, as a random walk goes."""
    gaps = np.nan_to_num(since / usual, nan=1.0)
    return np.sqrt(np.clip(gaps, 1.0, _LONGEST_GAP))


def values_of(
    columns: tuple[str, ...],
    levels: dict[str, np.ndarray],
    before: np.ndarray,
    middles: dict[str, np.ndarray],
    runs: dict[str, np.ndarray],
    since: dict[str, np.ndarray],
    usual: float,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and (rows, features) values for the network."""
    sides = price_columns(columns)
    out: dict[str, np.ndarray] = {}
    gone = {s: runs.get(f"missing_{s}", np.zeros(len(before))) > _FORGOTTEN for s in sides}
    for i, side in enumerate(sides):
        move = (levels[side] - before[:, i]) / _gap_factor(since[side], usual)
        # Nothing is known before the first reading: no move.
        out[f"return_{side}"] = np.where(gone[side], np.nan, move)
    either = np.column_stack(list(gone.values())).any(axis=1)
    out["gap_mid"] = np.where(either, np.nan, levels["mid"] - middles["mid"])
    if "spread" in levels:
        out["spread"] = np.where(either, np.nan, levels["spread"])
    for name in (k for k in middles if k != "mid"):
        lost = gone.get(name.split("_")[0], either)
        out[f"gap_{name}"] = np.where(lost, np.nan, levels[name] - middles[name])
    return tuple(out), np.column_stack(list(out.values()))


def moves_of(
    columns: tuple[str, ...],
    seen: np.ndarray,
    names: tuple[str, ...],
    values: np.ndarray,
    levels: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """`common`: what both sides moved together, the smaller of the two and 0 where they disagree:
    what the market did, not one advert. `move`: that of the mid. `crossed`: depth of a crossing;
    a bid of the reading before and an ask of this one have never stood side by side."""
    sides = price_columns(columns)
    returns = [np.nan_to_num(values[:, names.index(f"return_{s}")]) for s in sides]
    move = sum(returns) / len(returns)
    if len(returns) == 1:
        return {"common": returns[0], "move": move}
    bid, ask = returns
    together = np.sign(bid) * np.minimum(np.abs(bid), np.abs(ask))
    whole = np.isfinite(seen[:, : len(sides)]).all(axis=1)
    return {
        "common": np.where(np.sign(bid) == np.sign(ask), together, 0.0),
        "move": move,
        "crossed": np.where(whole, np.maximum(-np.nan_to_num(levels["spread"]), 0.0), 0.0),
    }
