"""Worker entry points: an id in, a service call, nothing else."""

from __future__ import annotations

from analytics.services.alerting import deliver, evaluate
from analytics.services.anomalies.watch import anomalies_watch
from analytics.services.collection.rounds import collect_scheduled
from analytics.services.flow import quotes_follow
from analytics.services.forecasts.accuracy import forecasts_score
from analytics.services.jobs.backtests import BACKTEST
from analytics.services.jobs.imports import IMPORT
from analytics.services.jobs.leftovers import versions_decide
from analytics.services.jobs.training import TRAINING
from analytics.services.jobs.workers import job_launch, worker_answered
from analytics.services.prices.freshness import markets_watch
from analytics.services.prices.uploads import uploads_sweep


def run_training(run_id: int) -> None:
    job_launch(TRAINING, run_id=run_id)


def run_backtest(run_id: int) -> None:
    job_launch(BACKTEST, run_id=run_id)


def decide_models() -> None:
    versions_decide()


def run_import(run_id: int) -> None:
    job_launch(IMPORT, run_id=run_id)


def score_forecasts() -> None:
    forecasts_score()


def watch_anomalies() -> None:
    anomalies_watch()


def watch_markets() -> None:
    markets_watch()


def sweep_uploads() -> None:
    uploads_sweep()


def answer_ping(name: str) -> None:
    worker_answered(name=name)


def collect_prices() -> None:
    collect_scheduled()


def follow_quotes() -> None:
    quotes_follow()


def evaluate_alerts() -> None:
    evaluate()


def deliver_alerts() -> None:
    deliver()
