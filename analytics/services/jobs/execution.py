"""Doing a training: claim the run, learn, publish the artifact, close the run.

`training_launch` is what the worker's task does: it runs `manage.py train_model --run ID` in a
child process and watches it. `training_execute` is what that child, or the command, does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics import artifacts
from analytics.conf import conf
from analytics.models import TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.selectors.models import model_next_version
from analytics.selectors.prices import price_frame
from analytics.selectors.runs import run_asks_for_cancel, run_get
from analytics.services.anomalies.feedback import labels_of
from analytics.services.jobs.children import child_run
from analytics.services.jobs.run_states import closing, run_claim
from analytics.services.jobs.training import training_close, training_reap
from analytics.services.prices.auditing import run_audit
from analytics.services.registry.promotion import model_consider

logger = logging.getLogger(__name__)
Status = TrainingRun.Status
Listener = Callable[[ml.Progress], None]


# ------------------------------------------------------------------------------ the worker's side
def training_launch(*, run_id: int) -> None:
    """Train in a child process. The child claims the run; here it is only kept alive."""
    running = TrainingRun.objects.filter(pk=run_id, status=Status.RUNNING)
    try:
        child_run(
            "train_model",
            "--run",
            str(run_id),
            log=conf().logs / f"run-{run_id}.log",
            on_beat=lambda: running.update(heartbeat_at=timezone.now()),
            # The limit would be reached again: no second attempt.
            on_timeout=lambda: _give_up(run_id),
        )
    finally:
        # A child that was killed (out of memory, say) could not close its run itself.
        training_reap()


def _give_up(run_id: int) -> None:
    run = run_get(run_id)
    message = _("The training took longer than %(n)s s.") % {"n": conf().TRAIN_TIMEOUT}
    training_close(
        run_id=run_id, attempt=run.attempts, status=Status.FAILED, code="timeout", message=message
    )


# ------------------------------------------------------------------------------- the child's side
def training_execute(*, run_id: int, listener: Listener | None = None) -> TrainingRun:
    """Train a queued run in this process. A run that is not queued (delivered twice, cancelled) is
    left alone. Whatever ends the training, the run is closed and the staged folder is gone."""
    run = _claim(run_id)
    if run is None:
        return run_get(run_id)
    staged = artifacts.stage(f"run-{run.pk}-{run.attempts}")
    model = None
    try:
        with closing(partial(_close, run)):
            report = _learn(run, staged, listener)
            model = _publish(run, report)
    finally:
        artifacts.discard(staged)
    if model is not None:
        model_consider(model=model)
    return run_get(run_id)


def _close(run: TrainingRun, status: str, code: str, message: str) -> None:
    training_close(run_id=run.pk, attempt=run.attempts, status=status, code=code, message=message)


def _claim(run_id: int) -> TrainingRun | None:
    if not run_claim(TrainingRun, run_id):
        return None
    run = run_get(run_id)
    if run.attempts > conf().MAX_ATTEMPTS:
        _close(run, Status.FAILED, "too_many_attempts", _("The run was started too often."))
        return None
    return run


def _learn(run: TrainingRun, staged: Path, listener: Listener | None) -> ml.TrainReport:
    ml.set_threads(conf().TRAIN_THREADS)
    frame = price_frame(run.market, until=run.data_until)
    run_audit(run=run, frame=frame)
    labels = labels_of(market=run.market, until=run.data_until) if _is_labelled(run) else ()
    trainer = ml.DLModelTrainer(
        staged,
        device=run.device_wish or conf().DEVICE or None,
        step_minutes=run.market.cadence_minutes,
        on_progress=_Reporter(run, listener),
        labels=labels,
    )
    TrainingRun.objects.filter(pk=run.pk).update(
        device=str(trainer.device), dataset_hash=ml.dataset_hash(frame), labels=len(labels)
    )
    return trainer.train(run.family, frame, **run.config)


def _is_labelled(run: TrainingRun) -> bool:
    """Whether what people said of anomalies concerns this training."""
    return run.task == Task.ANOMALY


class _Reporter:
    """Stores progress and a heartbeat; answers False when the run is to stop."""

    def __init__(self, run: TrainingRun, listener: Listener | None) -> None:
        self.run = run
        self.listener = listener
        self.losses: list[list[Any]] = []

    def __call__(self, progress: ml.Progress) -> bool:
        if self.listener is not None:
            self.listener(progress)
        if progress.train_loss is not None or progress.valid_loss is not None:
            self.losses.append([progress.stage, progress.train_loss, progress.valid_loss])
        mine = TrainingRun.objects.filter(
            pk=self.run.pk, status=Status.RUNNING, attempts=self.run.attempts
        )
        alive = mine.update(
            stage=progress.stage,
            epoch=progress.epoch,
            epochs=progress.epochs,
            losses=self.losses,
            eta_seconds=progress.eta_seconds,
            heartbeat_at=timezone.now(),
        )
        return bool(alive) and not run_asks_for_cancel(self.run.pk)


def _publish(run: TrainingRun, report: ml.TrainReport) -> TrainedModel | None:
    """Rename the folder into place, then insert the version and close the run in one transaction.
    None when the run was closed by somebody else meanwhile; the folder is then removed again."""
    name = f"{run.task}-{run.market_id}-run{run.pk}-{run.attempts}"
    folder = artifacts.publish(report.folder, name)
    try:
        with transaction.atomic():
            if not training_close(run_id=run.pk, attempt=run.attempts, status=Status.SUCCEEDED):
                artifacts.discard(folder)
                return None
            TrainingRun.objects.filter(pk=run.pk).update(versions=report.versions)
            return _insert(run, report, name)
    except BaseException:
        artifacts.discard(folder)
        raise


def _insert(run: TrainingRun, report: ml.TrainReport, name: str) -> TrainedModel:
    same = ("score", "baseline", "baseline_score", "beats_baseline", "metrics", "baseline_metrics")
    same += ("step_minutes", "window", "data_from", "data_until", "trained_until", "test_from")
    return TrainedModel.objects.create(
        market=run.market,
        run=run,
        task=run.task,
        family=report.family,
        version=model_next_version(run.market_id, run.task),
        artifact=name,
        checksum=report.checksum,
        primary_metric=report.primary,
        input_columns=list(report.input_columns),
        device=report.device,
        trained_at=timezone.now(),
        **{key: getattr(report, key) for key in same},
    )
