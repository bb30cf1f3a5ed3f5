"""Admin face: lists and actions. What a service owns can be looked at here, never edited."""

from analytics.admin import backtests, markets, models, results, runs, scores, workers

__all__ = ["backtests", "markets", "models", "results", "runs", "scores", "workers"]
