"""Worker entry points: an id in, a service call, nothing else. Those named run_... start long work:
they have a cluster of their own (analytics.queue)."""

from __future__ import annotations

from analytics.conf import conf
from analytics.services.alerting import deliver, evaluate
from analytics.services.anomalies.watch import anomalies_watch
from analytics.services.backups.keeping import backup_scheduled
from analytics.services.collection.rounds import collect_scheduled
from analytics.services.collection.vacuum import books_vacuum
from analytics.services.flow import quotes_follow
from analytics.services.forecasts.accuracy import forecasts_score
from analytics.services.jobs.backtests import BACKTEST
from analytics.services.jobs.imports import IMPORT
from analytics.services.jobs.leftovers import versions_decide
from analytics.services.jobs.lifecycle import jobs_reap
from analytics.services.jobs.training import TRAINING
from analytics.services.jobs.workers import job_launch, worker_answered
from analytics.services.learning.judging import models_judge
from analytics.services.learning.retraining import models_retrain
from analytics.services.prices.freshness import markets_watch
from analytics.services.prices.uploads import uploads_sweep
from analytics.services.registry.expiry import models_expire
from analytics.services.registry.purge import models_purge


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


def reap_runs() -> None:
    jobs_reap()


def retrain_models() -> None:
    models_retrain()


def judge_models() -> None:
    models_judge()


def expire_models() -> None:
    models_expire()


def purge_models() -> None:
    models_purge(keep=conf().KEEP_MODELS)


def vacuum_books() -> None:
    books_vacuum()


def back_up() -> None:
    backup_scheduled()


def follow_quotes() -> None:
    quotes_follow()


def evaluate_alerts() -> None:
    evaluate()


def deliver_alerts() -> None:
    deliver()
