"""Anomalies in words. Percentages are of the expected value; a reading is a row of the grid.

A sentence is a row of phrases: a template, and the values that go into it. The English text is
made of them here; whoever speaks another language translates the templates, all of them known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.anomaly.features import DAY, Features
from ml.anomaly.readings import price_columns
from ml.anomaly.stats import DRIFT_ROWS
from ml.quotes import VOLUME_COLUMNS
from ml.results import Phrase

if TYPE_CHECKING:
    from ml.anomaly.explain import Levels

#: Deviations below this fraction are "unchanged" to a reader.
_UNCHANGED = 0.001
#: A move that ends this near to the level, as a share of the move, led back to it.
_BACK = 0.5
_RECENT = 16

MISSING = "%(what)s missing"
UNCHANGED = "%(what)s unchanged"
ABOVE = "%(what)s %(size)s above"
BELOW = "%(what)s %(size)s below"
ABOVE_LEVEL = "%(what)s %(size)s above the level expected from the last %(rows)s readings"
BELOW_LEVEL = "%(what)s %(size)s below the level expected from the last %(rows)s readings"
MOVED_UP = "%(what)s up %(size)s in one reading, to near the level expected from the last %(rows)s"
MOVED_DOWN = (
    "%(what)s down %(size)s in one reading, to near the level expected from the last %(rows)s"
)
NEW_LEVEL = "the new level holds"
SPREAD = "spread %(now)s %% of mid where %(usual)s %% is expected from the last %(rows)s readings"
CROSSED = "bid above ask by %(size)s: the sides are crossed"
FEWER_OFFERS = "fewer offers than the trailing level"
STUCK = "nothing has changed for %(rows)s readings although the feed keeps answering"
STUCK_ALONE = "%(what)s unchanged for %(rows)s readings although the rest of the feed moves"
DRIFT_UP = "steady drift up: %(size)s in the last %(rows)s readings"
DRIFT_DOWN = "steady drift down: %(size)s in the last %(rows)s readings"
ONE_SIDE = "%(what)s missing for %(rows)s readings while %(other)s is still quoted"

TEMPLATES = (
    *(MISSING, UNCHANGED, ABOVE, BELOW, ABOVE_LEVEL, BELOW_LEVEL, MOVED_UP, MOVED_DOWN, NEW_LEVEL),
    *(SPREAD, CROSSED, FEWER_OFFERS, STUCK, STUCK_ALONE, DRIFT_UP, DRIFT_DOWN, ONE_SIDE),
)


def describe(kind: str, features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    """What there is to say about a strange row."""
    writer = _WRITERS.get(kind, _prices)
    return writer(features, level, row)


def sentence(phrases: tuple[Phrase, ...]) -> str:
    """Phrases in English."""
    return "; ".join(phrase.template % phrase.values for phrase in phrases)


def _say(template: str, **values: str | int) -> Phrase:
    return Phrase(template=template, values=values)


def _percent(fraction: float) -> str:
    size = abs(fraction) * 100
    return f"{size:.0f} %" if size >= 10 else f"{size:.1f} %" if size >= 0.1 else f"{size:.2f} %"


def _side(level: Levels, column: str, row: int, rows: int = 0) -> Phrase:
    """A column against its level of so many `rows`; 0 does not name the level again."""
    away = level.away(column, row)
    if not np.isfinite(level.observed[column][row]):
        return _say(MISSING, what=column)
    if abs(away) < _UNCHANGED:
        return _say(UNCHANGED, what=column)
    if rows:
        named = ABOVE_LEVEL if away > 0 else BELOW_LEVEL
        return _say(named, what=column, size=_percent(away), rows=rows)
    return _say(ABOVE if away > 0 else BELOW, what=column, size=_percent(away))


def _prices(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    """Where the prices are; or how they moved, where the move led back to what is expected."""
    if led_back(features, level, row):
        column, step = _step(features, row)
        way = MOVED_UP if step > 0 else MOVED_DOWN
        return (_say(way, what=column, size=_percent(step), rows=_RECENT),)
    sides = sorted(price_columns(features.table.columns), key=lambda c: -abs(level.away(c, row)))
    return _side(level, sides[0], row, _RECENT), *(_side(level, c, row) for c in sides[1:])


def led_back(features: Features, level: Levels, row: int) -> bool:
    """Whether the move into a row ended near to what is expected: trouble that is over."""
    size = abs(_step(features, row)[1])
    far = max(abs(level.away(c, row)) for c in price_columns(features.table.columns))
    return size >= _UNCHANGED and far < max(_BACK * size, _UNCHANGED)


def _step(features: Features, row: int) -> tuple[str, float]:
    """The price that moved most since the row before, and its relative move."""
    steps = {"": 0.0}
    for column in price_columns(features.table.columns) if row else ():
        now, then = features.table[column].iloc[row], features.table[column].iloc[row - 1]
        if np.isfinite(now / then):
            steps[column] = float(now / then - 1)
    column = max(steps, key=lambda c: abs(steps[c]))
    return column, steps[column]


def _level_shift(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    return *_prices(features, level, row), _say(NEW_LEVEL)


def _spread(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    now, usual = level.observed["spread_pct"][row], level.value["spread_pct"][row]
    return (_say(SPREAD, now=f"{now:.2f}", usual=f"{usual:.2f}", rows=_RECENT),)


def _crossed(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    depth = float(np.expm1(features.signals["crossed"][row]))
    return (_say(CROSSED, size=_percent(depth)),)


def _volume(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    sizes = [c for c in VOLUME_COLUMNS if c in level.value]
    sizes.sort(key=lambda c: -abs(level.away(c, row)))
    if not sizes:
        return (_say(FEWER_OFFERS),)
    return _side(level, sizes[0], row, DAY), *(_side(level, c, row) for c in sizes[1:])


def _stuck(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    runs = {k: int(v[row]) for k, v in features.signals.items() if k.startswith("stale")}
    longest = max(runs.values())
    if runs.get("stale", runs["stale_price"]) == longest:
        return (_say(STUCK, rows=longest),)
    what = max(runs, key=lambda k: runs[k]).removeprefix("stale_")
    return (_say(STUCK_ALONE, what=what, rows=longest),)


def _drift(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    moved = float(
        np.expm1(features.signals["common"][max(0, row - DRIFT_ROWS + 1) : row + 1].sum())
    )
    way = DRIFT_UP if moved > 0 else DRIFT_DOWN
    return (_say(way, size=_percent(moved), rows=DRIFT_ROWS),)


def _missing(features: Features, level: Levels, row: int) -> tuple[Phrase, ...]:
    late = {s: features.signals.get(f"missing_{s}", np.zeros(row + 1))[row] for s in ("bid", "ask")}
    side = max(late, key=lambda s: late[s])
    other = "ask" if side == "bid" else "bid"
    return (_say(ONE_SIDE, what=side, rows=int(late[side]), other=other),)


_WRITERS = {
    "level_shift": _level_shift,
    "spread_blowout": _spread,
    "crossed": _crossed,
    "volume_collapse": _volume,
    "stuck": _stuck,
    "drift": _drift,
    "missing_side": _missing,
}
