"""Anomalies in words. Percentages are of the expected value; a reading is a row of the grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.anomaly.features import DAY, Features
from ml.anomaly.readings import price_columns
from ml.anomaly.stats import DRIFT_ROWS

if TYPE_CHECKING:
    from ml.anomaly.explain import Levels

#: Deviations below this fraction are "unchanged" to a reader.
_UNCHANGED = 0.001
_RECENT = 16


def describe(kind: str, features: Features, level: Levels, row: int) -> str:
    """One sentence about a strange row."""
    writer = _WRITERS.get(kind, _prices)
    return writer(features, level, row)


def _percent(fraction: float) -> str:
    size = abs(fraction) * 100
    return f"{size:.0f} %" if size >= 10 else f"{size:.1f} %" if size >= 0.1 else f"{size:.2f} %"


def _side(level: Levels, column: str, row: int, tail: str) -> str:
    away = level.away(column, row)
    if not np.isfinite(level.observed[column][row]):
        return f"{column} missing"
    if abs(away) < _UNCHANGED:
        return f"{column} unchanged"
    return f"{column} {_percent(away)} {'above' if away > 0 else 'below'}{tail}"


def _prices(features: Features, level: Levels, row: int) -> str:
    sides = sorted(price_columns(features.table.columns), key=lambda c: -abs(level.away(c, row)))
    tail = f" the level expected from the last {_RECENT} readings"
    if abs(level.away(sides[0], row)) < _UNCHANGED or not level.outside(sides[0], row):
        moved = _moves(features, row)
        if moved is not None:
            return f"{moved} in one reading, to near the level expected from the last {_RECENT}"
    first = _side(level, sides[0], row, tail)
    return "; ".join([first, *(_side(level, c, row, "") for c in sides[1:])])


def _moves(features: Features, row: int) -> str | None:
    """The largest one-step move of a price, in words."""
    if row == 0:
        return None
    steps = {}
    for column in price_columns(features.table.columns):
        now, then = features.table[column].iloc[row], features.table[column].iloc[row - 1]
        if np.isfinite(now / then):
            steps[column] = float(now / then - 1)
    if not steps:
        return None
    column = max(steps, key=lambda c: abs(steps[c]))
    if abs(steps[column]) < _UNCHANGED:
        return None
    way = "up" if steps[column] > 0 else "down"
    return f"{column} {way} {_percent(steps[column])}"


def _level_shift(features: Features, level: Levels, row: int) -> str:
    return _prices(features, level, row) + "; the new level holds"


def _spread(features: Features, level: Levels, row: int) -> str:
    now, usual = level.observed["spread_pct"][row], level.value["spread_pct"][row]
    tail = f"is expected from the last {_RECENT} readings"
    return f"spread {now:.2f} % of mid where {usual:.2f} % {tail}"


def _crossed(features: Features, level: Levels, row: int) -> str:
    depth = float(np.expm1(features.signals["crossed"][row]))
    return f"bid above ask by {_percent(depth)}: the sides are crossed"


def _volume(features: Features, level: Levels, row: int) -> str:
    sizes = [c for c in ("bid_volume", "ask_volume", "volume") if c in level.value]
    sizes.sort(key=lambda c: -abs(level.away(c, row)))
    if not sizes:
        return "fewer offers than the trailing level"
    tail = f" the level expected from the last {DAY} readings"
    first = _side(level, sizes[0], row, tail)
    return "; ".join([first, *(_side(level, c, row, "") for c in sizes[1:])])


def _stuck(features: Features, level: Levels, row: int) -> str:
    runs = {k: int(v[row]) for k, v in features.signals.items() if k.startswith("stale")}
    longest = max(runs.values())
    if runs.get("stale", runs["stale_price"]) == longest:
        return f"nothing has changed for {longest} readings although the feed keeps answering"
    what = max(runs, key=lambda k: runs[k]).removeprefix("stale_").replace("_", " ")
    return f"{what} has not changed for {longest} readings although the rest of the feed moves"


def _drift(features: Features, level: Levels, row: int) -> str:
    moved = float(
        np.expm1(features.signals["common"][max(0, row - DRIFT_ROWS + 1) : row + 1].sum())
    )
    way = "up" if moved > 0 else "down"
    return f"steady drift {way}: {_percent(moved)} in the last {DRIFT_ROWS} readings"


def _missing(features: Features, level: Levels, row: int) -> str:
    late = {s: features.signals.get(f"missing_{s}", np.zeros(row + 1))[row] for s in ("bid", "ask")}
    side = max(late, key=lambda s: late[s])
    other = "ask" if side == "bid" else "bid"
    return f"{side} missing for {int(late[side])} readings while {other} is still quoted"


_WRITERS = {
    "level_shift": _level_shift,
    "spread_blowout": _spread,
    "crossed": _crossed,
    "volume_collapse": _volume,
    "stuck": _stuck,
    "drift": _drift,
    "missing_side": _missing,
}
