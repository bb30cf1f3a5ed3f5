"""Worker entry points: an id in, a service call, nothing else."""

from __future__ import annotations

from analytics.services.anomalies.watch import anomalies_watch
from analytics.services.forecasts.accuracy import forecasts_score
from analytics.services.jobs.backtest_runs import backtest_launch
from analytics.services.jobs.execution import training_launch
from analytics.services.jobs.workers import worker_answered


def run_training(run_id: int) -> None:
    training_launch(run_id=run_id)


def run_backtest(run_id: int) -> None:
    backtest_launch(run_id=run_id)


def score_forecasts() -> None:
    forecasts_score()


def watch_anomalies() -> None:
    anomalies_watch()


def answer_ping(name: str) -> None:
    worker_answered(name=name)
