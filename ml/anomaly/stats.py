"""What the heads beside the network's residuals measure, and by how much each of them counts.

Every function works on rows at once, for a whole table as for a single quote.
"""

from __future__ import annotations

import numpy as np

from ml.anomaly.residuals import Residuals

#: Readings over which a drift adds up.
DRIFT_ROWS = 5
#: How far the measure of a shift of level follows the last weeks.
_LOCAL = 0.3
#: Liquidity is watched by many heads; together they must not spend the budget of the others. More
#: of it than expected is hardly ever trouble.
_SIZE_BUDGET = 0.85
#: A spread is bounded by what traders would take: it is rarer than its tail says.
_SPREAD_BUDGET = 1.1
#: A trend is a gap to the median too.
_TREND_BUDGET = 0.9
_MORE_OF_IT = 0.5


def is_size(name: str) -> bool:
    """Whether a feature is about volumes or offers."""
    return name.startswith("gap_") and name != "gap_mid"


def watched(name: str) -> str | None:
    """The level that a head watches, by which its score is held; None for what is not held."""
    if name in ("drift", "level"):
        return "mid"
    if name.startswith("depth_"):
        return f"{name.removeprefix('depth_')}_volume"
    kind, _, level = name.partition("_")
    return level if kind in ("return", "gap") else None


def depth_sides(names: tuple[str, ...]) -> list[str]:
    """Sides whose volume and offers are both known."""
    return [s for s in ("bid", "ask") if {f"gap_{s}_volume", f"gap_{s}_offers"} <= set(names)]


def sizes_of(names: tuple[str, ...], residuals: Residuals) -> np.ndarray:
    """(rows, features) sizes; liquidity above what is expected counts half."""
    more = np.array([is_size(n) and n != "gap_imbalance" for n in names])
    return np.where(more & (residuals.signed > 0), _MORE_OF_IT, 1.0) * residuals.size


def together(
    names: tuple[str, ...], residuals: Residuals, unit: np.ndarray
) -> dict[str, np.ndarray]:
    """Volume and offers of a side falling together, in units of both trailing quantiles."""
    out = {}
    for side in depth_sides(names):
        at = [names.index(f"gap_{side}_volume"), names.index(f"gap_{side}_offers")]
        fall = np.where(residuals.signed[:, at] < 0, residuals.size[:, at], 0.0)
        out[f"depth_{side}"] = fall.sum(axis=1) / unit[:, at].sum(axis=1)
    return out


def budget(name: str) -> float:
    """By what the decades of a head count."""
    if is_size(name) or name.startswith("depth_"):
        return _SIZE_BUDGET
    return {"spread": _SPREAD_BUDGET, "gap_mid": _TREND_BUDGET}.get(name, 1.0)


def level_stat(common: np.ndarray, move: np.ndarray, scale: float) -> np.ndarray:
    """Size of a common move between the local and the usual measure: a quiet week alone must not
    make an ordinary step a shift of level."""
    return np.abs(common) / (move**_LOCAL * scale ** (1 - _LOCAL))


def step_of(signals: dict[str, np.ndarray], local: np.ndarray) -> np.ndarray:
    """(rows,) the common move, counted as at most one usual large move."""
    return np.clip(signals["common"] / local[:, -2], -1.0, 1.0)


def sized_of(signals: dict[str, np.ndarray], residuals: Residuals) -> np.ndarray:
    """(rows, features + 2): what is measured by its own trailing quantile: the residuals, the mid's
    move and the depth of a crossing."""
    depth = signals.get("crossed", np.zeros(len(residuals.size)))
    return np.column_stack([residuals.size, np.abs(signals["move"]), depth])
