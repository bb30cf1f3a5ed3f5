"""Admin face: lists and actions. What a service owns can be looked at here, never edited."""

from analytics.admin import markets, models, results, runs, workers

__all__ = ["markets", "models", "results", "runs", "workers"]
