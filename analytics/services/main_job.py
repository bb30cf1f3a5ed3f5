"""The main job: from a file of quotes, or a simulated market, to four trained models that answer.

Everything goes the way a user's request goes: a run is requested, the worker trains it, the policy
promotes it. This module only strings the verbs together; the command draws what happens.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.exceptions import AnalyticsError, Conflict, NotReady, Unavailable
from analytics.models import Market, TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.retelling import retold
from analytics.selectors.prices import market_get
from analytics.selectors.runs import run_get
from analytics.services.anomalies.scan import anomaly_scan
from analytics.services.forecasts.prediction import forecast_make
from analytics.services.jobs.lifecycle import job_reap
from analytics.services.jobs.processes import die_with_parent, stop_group
from analytics.services.jobs.training import TRAINING, training_request
from analytics.services.patterns import pattern_recognize
from analytics.services.status import worker_status

POLL_SECONDS = 0.5


@dataclass
class Outcome:
    """What the main job did, for the summary. Seconds per step, in order."""

    market: Market
    runs: dict[str, TrainingRun] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done in the block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started

    @property
    def failed(self) -> dict[str, str]:
        """Runs that did not end well, by task."""
        bad = (TrainingRun.Status.FAILED, TrainingRun.Status.CANCELLED)
        ended = {task: run for task, run in self.runs.items() if run.status in bad}
        return {task: retold(run.error_message) or run.status for task, run in ended.items()}


def main_market(symbols: list[str]) -> Market:
    """The market the main job works on: of those just loaded (or of all), the one with the most
    quotes."""
    markets = [market_get(s) for s in symbols] or list(Market.objects.all())
    if not markets:
        raise NotReady(_("There is no market yet."), "no_market")
    counted = Market.objects.filter(pk__in=[m.pk for m in markets]).annotate(n=Count("prices"))
    return counted.order_by("-n", "pk")[0]


def is_done(market: Market) -> bool:
    """Whether every task of the market was trained already, or tried and refused."""
    trained = TrainedModel.objects.filter(market=market).exists()
    return trained and trained_or_tried(market) >= set(Task.values)


def trained_or_tried(market: Market) -> set[str]:
    """The tasks that have a version, or whose training ended with a verdict on the data."""
    trained = TrainedModel.objects.filter(market=market).values_list("task", flat=True)
    closed = TrainingRun.objects.filter(market=market, status=TrainingRun.Status.FAILED)
    tried = closed.exclude(error_code__in=_NO_VERDICT).values_list("task", flat=True)
    return {*trained, *tried}


#: The price, which is asked for first; then the longest first, so that two places end together.
_ORDER = (Task.PRICE, Task.PATTERN, Task.SPREAD, Task.ANOMALY)
#: Failures that say nothing about the data: worth another try.
_NO_VERDICT = ("interrupted", "worker_died", "timeout", "internal", "too_many_attempts")


@contextmanager
def worker_running() -> Iterator[subprocess.Popen[bytes] | None]:
    """A worker for the time being; none is started where one is alive already."""
    if worker_status()["alive"]:
        yield None
        return
    log = conf().logs / "worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        worker = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker"],
            cwd=settings.BASE_DIR,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    try:
        yield worker
    finally:
        stop_group(worker, patience=8.0)


def train_all(outcome: Outcome, *, tasks: list[str] | None = None) -> None:
    """Request a training per task; one that is open already is adopted."""
    job_reap(TRAINING)
    wanted = tasks or Task.values
    for task in sorted(wanted, key=lambda task: _ORDER.index(Task(task))):
        try:
            outcome.runs[task] = training_request(market=outcome.market, task=task, params={})
        except Conflict as twin:
            outcome.runs[task] = run_get(twin.details["run_id"])
        except AnalyticsError as error:
            outcome.refused[task] = error.message


def watch(outcome: Outcome, worker: subprocess.Popen[bytes] | None) -> Iterator[list[TrainingRun]]:
    """Yields the runs as they stand, twice a second, until all are closed. Raises Unavailable when
    the worker that was started for them is gone, or when they take longer than they may."""
    limit = time.monotonic() + conf().TRAIN_TIMEOUT * len(outcome.runs)
    while True:
        outcome.runs = {task: run_get(run.pk) for task, run in outcome.runs.items()}
        runs = list(outcome.runs.values())
        yield runs
        if not any(run.is_open for run in runs):
            return
        if worker is not None and worker.poll() is not None:
            raise Unavailable(
                _("The worker ended with code %(code)s; see %(log)s.")
                % {"code": worker.returncode, "log": conf().logs / "worker.log"},
                "worker_died",
            )
        if time.monotonic() > limit:
            raise Unavailable(_("The trainings take too long."), "timeout")
        # The runs change in other processes: there is nothing to be woken by but the database.
        time.sleep(POLL_SECONDS)


def queue_all(outcome: Outcome) -> None:
    """Request the trainings that were never tried, for the worker that is about to start."""
    have = trained_or_tried(outcome.market)
    train_all(outcome, tasks=[task for task in Task.values if task not in have])


def answer_all(outcome: Outcome) -> None:
    """Forecast, scan, recognise; what cannot answer is named with its reason."""
    market = outcome.market
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "forecast": lambda: {
            task: forecast_make(task=task, market=market) for task in _trained(outcome)
        },
        "scan": lambda: {"anomaly": anomaly_scan(market=market)},
        "recognise": lambda: {"pattern": pattern_recognize(market=market, history=0)},
    }
    for name, ask in steps.items():
        with outcome.step(name):
            try:
                outcome.answers.update(ask())
            except AnalyticsError as error:
                outcome.refused[name] = error.message


def _trained(outcome: Outcome) -> list[str]:
    have = TrainedModel.objects.filter(market=outcome.market, task__in=("price", "spread"))
    return sorted(set(have.values_list("task", flat=True)))


def market_models(market: Market) -> list[TrainedModel]:
    """The newest version of every task, for the summary."""
    newest: dict[str, TrainedModel] = {}
    for model in TrainedModel.objects.filter(market=market).select_related("market", "run"):
        newest.setdefault(model.task, model)
    return [newest[task] for task in Task.values if task in newest]
