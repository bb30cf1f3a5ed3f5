"""From a strange row to words: its kind, what was expected, which features speak against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.anomaly.features import DAY, Features, past_median
from ml.anomaly.readings import price_columns
from ml.anomaly.scored import Scored
from ml.anomaly.wording import describe, led_back, sentence
from ml.quotes import VOLUME_COLUMNS
from ml.results import Anomaly, Expected

#: Readings before a row whose median is the level that is expected of its prices.
RECENT = 16
#: Least multiple of the threshold, least multiple of the margin of a price or the spread, name:
#: whichever is reached. Rarity alone flattens out where a tail is heavy; size does not.
SEVERITIES = ((2.0, 6.0, "critical"), (1.6, 3.0, "high"), (1.25, 1.5, "medium"))


@dataclass(frozen=True)
class Levels:
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
        share = (self.observed[column][row] - value) / max(abs(value), 1e-12)
        return float(share) if np.isfinite(share) else 0.0

    def size(self, row: int) -> float:
        """Largest deviation of a price or the spread, in multiples of its margin."""
        sizes = [0.0]
        for column in self.value:
            if "volume" in column:
                continue
            observed, value = self.observed[column][row], self.value[column][row]
            edge = self.upper[column][row] if observed > value else self.lower[column][row]
            times = abs(observed - value) / max(abs(edge - value), 1e-12)
            sizes.append(float(times) if np.isfinite(times) else 0.0)
        return max(sizes)


def severity_of(times: float, size: float = 0.0) -> str:
    """`times` is the score in multiples of that of one alarm a week, `size` the largest deviation
    of a price in multiples of its margin. What comes more often than weekly is never more than
    low."""
    if times < 1:
        return "low"
    return next((n for rare, large, n in SEVERITIES if times >= rare or size >= large), "low")


def _spread_pct(log_ratio: np.ndarray) -> np.ndarray:
    """log(ask / bid) -> spread in percent of mid."""
    return 200 * np.tanh(log_ratio / 2)


def levels(features: Features, margins: dict[str, np.ndarray]) -> Levels:
    """Expected values: the median of the readings *before* a row, which one fault cannot move,
    with the margin at which the detector would raise an alarm."""
    table, out = features.table, Levels({}, {}, {}, {})
    prices = price_columns(table.columns)
    for column in (*prices, *(c for c in VOLUME_COLUMNS if c in table.columns)):
        middle = past_median(
            features.readings, features.levels[column], RECENT if column in prices else DAY
        )
        margin = margins[f"return_{column}" if column in prices else f"gap_{column}"]
        observed = table[column].to_numpy().copy()
        side = column.split("_")[0]
        if f"missing_{side}" in features.signals:
            observed[features.signals[f"missing_{side}"] >= 1] = np.nan
        out.observed[column], out.value[column] = observed, np.exp(middle)
        out.lower[column], out.upper[column] = np.exp(middle - margin), np.exp(middle + margin)
    if "spread" in features.names:
        middle = past_median(features.readings, features.levels["spread"], RECENT)
        margin = margins["spread"]
        out.observed["spread_pct"] = table["spread_pct"].to_numpy()
        out.value["spread_pct"] = _spread_pct(middle)
        out.lower["spread_pct"] = _spread_pct(middle - margin)
        out.upper["spread_pct"] = _spread_pct(middle + margin)
    return out


def kind_of(features: Features, scored: Scored, level: Levels, row: int, threshold: float) -> str:
    """Name a strange row. Plain facts (crossed, missing) go before what the numbers suggest."""
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


def kinds_of(features: Features, scored: Scored, rows: np.ndarray, threshold: float) -> list[str]:
    """The kind of each row in `rows`."""
    if not len(rows):
        return []
    level = levels(features, margins_of(features, scored))
    return [kind_of(features, scored, level, row, threshold) for row in rows]


def margins_of(features: Features, scored: Scored) -> dict[str, np.ndarray]:
    """The margins that were drawn, or none around every feature where they were not."""
    return scored.margins or {n: np.zeros(len(features.values)) for n in features.names}


def _price_kind(features: Features, level: Levels, row: int, top: str) -> str:
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


def contributions(names: tuple[str, ...], heads: np.ndarray) -> dict[str, float]:
    """Shares that sum to 1 of the heads that come at least half as high as the highest."""
    weight = np.maximum(heads - heads.max() / 2, 0.0)
    share = weight / weight.sum()
    order = np.argsort(-share, kind="stable")
    return {names[i]: float(share[i]) for i in order if share[i] > 0}


def _expected(level: Levels, row: int) -> dict[str, Expected]:
    def number(values: np.ndarray) -> float | None:
        # Ten digits: what went through a logarithm and back reads as it was quoted.
        return float(f"{values[row]:.10g}") if np.isfinite(values[row]) else None

    return {
        c: Expected(
            observed=number(level.observed[c]),
            value=number(level.value[c]),
            lower=number(level.lower[c]),
            upper=number(level.upper[c]),
        )
        for c in level.value
    }


def explain(
    features: Features, scored: Scored, public: np.ndarray, rows: np.ndarray, threshold: float
) -> tuple[Anomaly, ...]:
    """One Anomaly per row in `rows`. `public` are the public scores, `threshold` the raw one of one
    alarm a week, at which `scored` drew its margins: a keener scan finds milder trouble, and the
    same trouble is as severe as ever."""
    if not len(rows):
        return ()
    level = levels(features, margins_of(features, scored))
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
