"""Anomalies in words. Percentages are of the expected value; a reading is one look at the market.

A sentence is a row of phrases: a template, and the values that go into it. The English text is
made of them here; whoever speaks another language translates the templates, all of them known.
"""

from __future__ import annotations

import numpy as np

from ml.anomaly.detectors import DetectorScores
from ml.anomaly.features import DAY, Features
from ml.anomaly.heads import DRIFT_ROWS
from ml.anomaly.kinds import (
    RECENT,
    UNCHANGED_BELOW,
    ExpectedLevels,
    expected_levels,
    kind_of,
    largest_step,
    led_back,
    severity_of,
)
from ml.anomaly.readings import price_columns
from ml.quotes import VOLUME_COLUMNS
from ml.results import Anomaly, Expected, Phrase

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


def describe(kind: str, features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
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


def _side(level: ExpectedLevels, column: str, row: int, rows: int = 0) -> Phrase:
    """A column against its level of so many `rows`; 0 does not name the level again."""
    away = level.away(column, row)
    if not np.isfinite(level.observed[column][row]):
        return _say(MISSING, what=column)
    if abs(away) < UNCHANGED_BELOW:
        return _say(UNCHANGED, what=column)
    if rows:
        named = ABOVE_LEVEL if away > 0 else BELOW_LEVEL
        return _say(named, what=column, size=_percent(away), rows=rows)
    return _say(ABOVE if away > 0 else BELOW, what=column, size=_percent(away))


def _prices(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    """Where the prices are; or how they moved, where the move led back to what is expected."""
    if led_back(features, level, row):
        column, step = largest_step(features, row)
        way = MOVED_UP if step > 0 else MOVED_DOWN
        return (_say(way, what=column, size=_percent(step), rows=RECENT),)
    sides = sorted(price_columns(features.table.columns), key=lambda c: -abs(level.away(c, row)))
    return _side(level, sides[0], row, RECENT), *(_side(level, c, row) for c in sides[1:])


def _level_shift(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    return *_prices(features, level, row), _say(NEW_LEVEL)


def _spread(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    now, usual = level.observed["spread_pct"][row], level.value["spread_pct"][row]
    return (_say(SPREAD, now=f"{now:.2f}", usual=f"{usual:.2f}", rows=RECENT),)


def _crossed(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    depth = float(np.expm1(features.signals["crossed"][row]))
    return (_say(CROSSED, size=_percent(depth)),)


def _volume(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    sizes = [c for c in VOLUME_COLUMNS if c in level.value]
    sizes.sort(key=lambda c: -abs(level.away(c, row)))
    if not sizes:
        return (_say(FEWER_OFFERS),)
    return _side(level, sizes[0], row, DAY), *(_side(level, c, row) for c in sizes[1:])


def _stuck(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    runs = {k: int(v[row]) for k, v in features.signals.items() if k.startswith("stale")}
    longest = max(runs.values())
    if runs.get("stale", runs["stale_price"]) == longest:
        return (_say(STUCK, rows=longest),)
    what = max(runs, key=lambda k: runs[k]).removeprefix("stale_")
    return (_say(STUCK_ALONE, what=what, rows=longest),)


def _drift(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
    moved = float(
        np.expm1(features.signals["common"][max(0, row - DRIFT_ROWS + 1) : row + 1].sum())
    )
    way = DRIFT_UP if moved > 0 else DRIFT_DOWN
    return (_say(way, size=_percent(moved), rows=DRIFT_ROWS),)


def _missing(features: Features, level: ExpectedLevels, row: int) -> tuple[Phrase, ...]:
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


def contributions(names: tuple[str, ...], heads: np.ndarray) -> dict[str, float]:
    """Shares that sum to 1 of the heads that come at least half as high as the highest."""
    weight = np.maximum(heads - heads.max() / 2, 0.0)
    share = weight / weight.sum()
    order = np.argsort(-share, kind="stable")
    return {names[i]: float(share[i]) for i in order if share[i] > 0}


def _number(value: float) -> float | None:
    # Ten digits: what went through a logarithm and back reads as it was quoted.
    return float(f"{value:.10g}") if np.isfinite(value) else None


def _expected(level: ExpectedLevels, row: int) -> dict[str, Expected]:
    parts = ("observed", "value", "lower", "upper")
    return {
        column: Expected(**{part: _number(getattr(level, part)[column][row]) for part in parts})
        for column in level.value
    }


def explain(
    features: Features,
    scored: DetectorScores,
    public: np.ndarray,
    rows: np.ndarray,
    threshold: float,
) -> tuple[Anomaly, ...]:
    """One Anomaly per row in `rows`. `public` are the public scores, `threshold` the raw one of one
    alarm a week, at which `scored` drew its margins: a keener scan finds milder trouble, and the
    same trouble is as severe as ever."""
    if not len(rows):
        return ()
    level = expected_levels(features, scored)
    found = []
    for row in rows:
        kind = kind_of(features, scored, level, row, threshold)
        phrases = describe(kind, features, level, row)
        found.append(
            Anomaly(
                timestamp=features.table.index[row].to_pydatetime(),
                score=float(public[row]),
                severity=severity_of(float(scored.total[row] / threshold), level.size(row)),
                kind=kind,
                text=sentence(phrases),
                expected=_expected(level, row),
                contributions=contributions(scored.names, scored.heads[row]),
                phrases=phrases,
            )
        )
    return tuple(found)
