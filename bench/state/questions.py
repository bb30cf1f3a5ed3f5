"""What an upgraded server is asked, and which of its figures have to be those of before.

A figure is a path into the answer; words for people, ids and durations are not among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

#: When the state was made; answers depend on how old the last quote is.
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
#: Of `eva`, who is staff. Not a secret: the state is for a test.
TOKEN = "token-of-eva-in-a-test"  # noqa: S105
SIDES, PRICES = "USDT/SIM@simulated", "USDT/ARS@simulated"
_AT = "2026-05-30T06:10:00Z"
_LEVELS = ("0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95")
_FORECAST = (
    "as_of",
    "stale",
    "last_value",
    "novelty",
    "model/source",
    "model/version",
    *(f"horizons/{n}/quantiles/{level}" for n in range(4) for level in _LEVELS),
)
_EVENT = ("start", "end", "rows", "score", "severity", "kind", "open")
_PATTERN = ("as_of", "label", "probability", "clear", "heads", "held")
Question = tuple[str, str, Any, tuple[str, ...]]

#: Method, path, body and the paths of the figures.
QUESTIONS: tuple[Question, ...] = (
    ("POST", "dl/predict-price", {"market": SIDES}, _FORECAST),
    ("POST", "dl/predict-price", {"market": SIDES, "at": _AT}, _FORECAST),
    ("POST", "dl/predict-spread", {"market": SIDES}, _FORECAST),
    ("POST", "dl/predict-spread", {"market": SIDES, "at": _AT}, _FORECAST),
    (
        "POST",
        "dl/detect-anomalies",
        {"market": SIDES, "threshold": 0.1},
        (
            "rows",
            "count",
            "last_score",
            "threshold",
            *(f"anomalies/{n}/{name}" for n in range(3) for name in ("timestamp", "score", "kind")),
            *(f"events/{n}/{name}" for n in range(2) for name in _EVENT),
        ),
    ),
    (
        "POST",
        "dl/detect-anomalies",
        {"market": SIDES, "mode": "last", "alarm_rate": "1/day"},
        ("last_score", "threshold", "warming_up"),
    ),
    (
        "POST",
        "dl/recognize-patterns",
        {"market": PRICES, "history": 2},
        (
            *(f"current/{name}" for name in _PATTERN),
            *(f"history/{n}/{name}" for n in range(2) for name in _PATTERN),
            "analogues/quantiles",
            "analogues/any_quantiles",
            "analogues/nearest/0/distance",
        ),
    ),
    ("GET", "markets?ordering=id", None, ("count", "results/0/symbol", "results/1/symbol")),
    ("GET", f"prices?market={SIDES}&page_size=2", None, ("results/0", "results/1")),
    ("GET", "training-runs", None, ("count", "results/0/status")),
    (
        "GET",
        "models?ordering=id",
        None,
        tuple(
            f"results/{n}/{name}"
            for n in range(4)
            for name in ("task", "family", "status", "score", "baseline_score", "metrics")
        ),
    ),
    ("GET", "forecasts?ordering=id", None, ("count", "results/0/as_of", "results/0/last_value")),
    (
        "GET",
        "anomaly-events?feedback=true",
        None,
        ("count", "results/0/note", "results/0/feedback_by", "results/0/score"),
    ),
    ("GET", "anomaly-events?open=true", None, ("count", "results/0/kind", "results/0/score")),
    ("GET", "anomalies?acknowledged=true", None, ("count", "results/0/acknowledged_by")),
    ("GET", "patterns?ordering=id", None, ("count", "results/0/label", "results/0/probability")),
    ("GET", "backtests/1", None, ("status", "progress", "figures/0/mae", "figures/0/crps")),
    ("GET", "markets/1/accuracy?days=365", None, ("horizons/0/n", "horizons/0/mean_crps")),
)


def figures_of(answer: Any, paths: tuple[str, ...]) -> dict[str, Any]:
    """The figures at those paths; raises KeyError where the answer lacks one."""
    return {path: _at(answer, path) for path in paths}


def _at(answer: Any, path: str) -> Any:
    found = answer
    for step in path.split("/"):
        try:
            found = found[step] if isinstance(found, Mapping) else found[int(step)]
        except (LookupError, TypeError, ValueError):
            raise KeyError(f"{path} is not in {str(answer)[:300]}") from None
    return found
