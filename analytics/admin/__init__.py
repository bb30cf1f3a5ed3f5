"""Admin face: lists and actions. What a service owns can be looked at here, never edited."""

from analytics.admin import (
    alerts,
    anomalies,
    backtests,
    deletions,
    imports,
    markets,
    models,
    queue,
    results,
    runs,
    sources,
)

__all__ = [
    "alerts",
    "anomalies",
    "backtests",
    "deletions",
    "imports",
    "markets",
    "models",
    "queue",
    "results",
    "runs",
    "sources",
]
