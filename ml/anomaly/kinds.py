"""What kind of trouble a strange row is in: the levels that were expected of it, a name for how it
left them, and how severe that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.anomaly.detectors import DetectorScores
from ml.anomaly.features import DAY, Features
from ml.anomaly.readings import past_median, price_columns
from ml.quotes import VOLUME_COLUMNS

#: Readings before a row whose median is the level that is expected of its prices.
RECENT = 16
#: Deviations below this fraction are "unchanged" to a reader.
UNCHANGED_BELOW = 0.001
#: A move that ends this near to the level, as a share of the move, led back to it.
_BACK = 0.5
#: Least multiple of the threshold, least multiple of the margin of a price or the spread, name:
#: whichever is reached. Rarity alone flattens out where a tail is heavy; size does not.
SEVERITIES = ((2.0, 6.0, "critical"), (1.6, 3.0, "high"), (1.25, 1.5, "medium"))
#: Share of a figure that nobody would call a deviation.
_NEGLIGIBLE = 1e-12
#: (rows,) of a level -> the same in the column's own unit.
Unit = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ExpectedLevels:
    """Per raw column, (rows,) in its own unit: observed, expected, lower, upper; NaN if unknown."""

    observed: dict[str, np.ndarray]
    value: dict[str, np.ndarray]
    lower: dict[str, np.ndarray]
    upper: dict[str, np.ndarray]

    def away(self, column: str, row: int) -> float:
        """Relative deviation of a row from what is expected, 0 where unknown; positive when it lies
        above, also where what is expected is negative (the spread of a market that is crossed)."""
        if column not in self.value:
            return 0.0
        value = self.value[column][row]
        observed = self.observed[column][row]
        share = (observed - value) / max(abs(value), _least(observed))
        return float(share) if np.isfinite(share) else 0.0

    def size(self, row: int) -> float:
        """Largest deviation of a price or the spread, in multiples of its margin."""
        sizes = [0.0]
        for column in self.value:
            if "volume" in column:
                continue
            observed, value = self.observed[column][row], self.value[column][row]
            edge = self.upper[column][row] if observed > value else self.lower[column][row]
            times = abs(observed - value) / max(abs(edge - value), _least(observed))
            sizes.append(float(times) if np.isfinite(times) else 0.0)
        return max(sizes)


def _least(observed: float) -> float:
    """What a figure is divided by where nothing, or nothing else, was expected of it: as small a
    share of it at every scale of prices."""
    return float(np.fmax(_NEGLIGIBLE * abs(observed), np.finfo(float).tiny))


def _spread_pct(log_ratio: np.ndarray) -> np.ndarray:
    """log(ask / bid) -> spread in percent of mid."""
    return 200 * np.tanh(log_ratio / 2)


def expected_levels(features: Features, scored: DetectorScores) -> ExpectedLevels:
    """Expected values: the median of the readings *before* a row, which one fault cannot move,
    with the margin at which the detector would raise an alarm (none where none was drawn)."""
    table, out = features.table, ExpectedLevels({}, {}, {}, {})
    prices = price_columns(table.columns)
    none = np.zeros(len(table))

    def expect(column: str, level: str, head: str, rows: int, unit: Unit) -> None:
        middle = past_median(features.readings, features.levels[level], rows)
        margin = scored.margins[head] if scored.margins else none
        out.observed[column], out.value[column] = table[column].to_numpy().copy(), unit(middle)
        with np.errstate(over="ignore"):  # a margin of many decades has no upper end
            out.lower[column], out.upper[column] = unit(middle - margin), unit(middle + margin)

    for column in prices:
        expect(column, column, f"return_{column}", RECENT, np.exp)
    for column in (c for c in VOLUME_COLUMNS if c in table.columns):
        expect(column, column, f"gap_{column}", DAY, np.exp)
    if "spread" in features.names:
        expect("spread_pct", "spread", "spread", RECENT, _spread_pct)
    for column, observed in out.observed.items():
        missing = features.signals.get(f"missing_{column.split('_')[0]}")
        if missing is not None:
            observed[missing >= 1] = np.nan
    return out


def severity_of(times: float, size: float = 0.0) -> str:
    """`times` is the score in multiples of that of one alarm a week, `size` the largest deviation
    of a price in multiples of its margin. What comes more often than weekly is never more than
    low."""
    if times < 1:
        return "low"
    return next((n for rare, large, n in SEVERITIES if times >= rare or size >= large), "low")


def kind_of(
    features: Features, scored: DetectorScores, level: ExpectedLevels, row: int, threshold: float
) -> str:
    """Name a strange row: a kind of ml.anomaly.planting.PLAN or "other". Plain facts (crossed,
    missing) go before what the numbers suggest. `threshold`: the raw score of one a week."""
    heads = dict(zip(scored.names, scored.heads[row], strict=True))
    top = max(heads, key=lambda k: heads[k])
    crossed = features.signals.get("crossed", np.zeros(row + 1))[row] > 0
    if crossed and (heads["crossed"] >= threshold or top in ("spread", "crossed")):
        return "crossed"
    if top.startswith("missing") or any(
        heads[k] >= threshold for k in heads if k.startswith("missing")
    ):
        return "missing_side"
    if top.startswith("stale") or top == "drift":
        return "drift" if top == "drift" else "stuck"
    if top.startswith("depth_"):
        return "volume_collapse"
    if top.startswith("gap_") and top != "gap_mid":
        value = features.values[row, features.names.index(top)]
        return "volume_collapse" if value < 0 or top == "gap_imbalance" else "other"
    return _price_kind(features, level, row, top)


def kinds_of(
    features: Features, scored: DetectorScores, rows: np.ndarray, threshold: float
) -> list[str]:
    """The kind of each row in `rows`; `threshold` is the raw score of one alarm a week."""
    if not len(rows):
        return []
    level = expected_levels(features, scored)
    return [kind_of(features, scored, level, row, threshold) for row in rows]


def _price_kind(features: Features, level: ExpectedLevels, row: int, top: str) -> str:
    bid, ask = level.away("bid", row), level.away("ask", row)
    if top == "spread" and level.away("spread_pct", row) < 0:
        return "other"  # narrower than usual, yet not crossed
    smaller, larger = sorted((abs(bid), abs(ask)))
    if bid < 0 < ask and smaller > 0.2 * larger:
        return "spread_blowout"
    gap = features.values[:, features.names.index("gap_mid")]
    recent = gap[max(0, row - 2) : row + 1] * np.sign(gap[row])
    stays = len(recent) == 3 and np.all(recent >= abs(gap[row]) / 2)
    if top != "spread" and stays and not led_back(features, level, row):
        return "level_shift"
    return "spike"


def led_back(features: Features, level: ExpectedLevels, row: int) -> bool:
    """Whether the move into a row ended near to what is expected: trouble that is over."""
    size = abs(largest_step(features, row)[1])
    far = max(abs(level.away(c, row)) for c in price_columns(features.table.columns))
    return size >= UNCHANGED_BELOW and far < max(_BACK * size, UNCHANGED_BELOW)


def largest_step(features: Features, row: int) -> tuple[str, float]:
    """The price that moved most since the row before, and its relative move."""
    steps = {"": 0.0}
    for column in price_columns(features.table.columns) if row else ():
        now, then = features.table[column].iloc[row], features.table[column].iloc[row - 1]
        if np.isfinite(now / then):
            steps[column] = float(now / then - 1)
    column = max(steps, key=lambda c: abs(steps[c]))
    return column, steps[column]
