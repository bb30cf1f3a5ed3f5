"""Trainings: asked for, done, published. How a run lives and ends is jobs/lifecycle.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import ml
from analytics import artifacts, events
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory, TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.selectors.frames import price_frame
from analytics.selectors.models import model_next_version
from analytics.selectors.runs import run_get
from analytics.services.anomalies.feedback import labels_of
from analytics.services.jobs.kinds import JobKind, JobMessages, register
from analytics.services.jobs.lifecycle import job_close, job_execute, job_listener, job_request
from analytics.services.jobs.other_markets import other_quotes
from analytics.services.prices.auditing import run_audit, too_little
from analytics.services.registry.promotion import model_consider
from analytics.services.translate import ml_errors

Listener = Callable[[ml.Progress], None]


def training_request(
    *,
    market: Market,
    task: str,
    params: Mapping[str, Any],
    family: str | None = None,
    requested_by: Any = None,
    until: dt.datetime | None = None,
    device: str = "",
    enqueue: bool = True,
    **reason: Any,
) -> TrainingRun:
    """Check what is asked for, insert a queued run and ring the queue's bell. Nothing later than
    `until` is learned from; `enqueue=False` leaves the run to `training_execute`. A retraining
    says why: `reason` and `reason_figures` are kept in the run.

    Raises InvalidInput (bad_config, unknown_family, not_enough_data) or Conflict (run_open), and
    then leaves nothing behind.
    """
    spec = _spec(task, family)
    with ml_errors():
        config = ml.make_config(spec.config, params)
    data_from, data_until, rows = history_span(market, until, needed=spec.of_task.min_grid_rows)
    return job_request(
        TRAINING,
        enqueue=enqueue,
        market=market,
        task=task,
        family=spec.name,
        config=vars(config),
        seed=config.seed,
        epochs=config.epochs,
        device_wish=device,
        requested_by=requested_by,
        data_from=data_from,
        data_until=data_until,
        row_count=rows,
        **reason,
    )


def training_execute(*, run_id: int, listener: Listener | None = None) -> TrainingRun:
    """Train a queued run in this process, publish the version and let the policy decide on it; see
    `job_execute`. `listener` is told of every epoch."""
    return job_execute(TRAINING, run_id=run_id, listener=listener)


def _spec(task: str, family: str | None) -> Any:
    names = [spec.name for spec in ml.list_specs(task)]
    if family is not None and family not in names:
        known = ", ".join(names)
        raise InvalidInput(
            _("There is no family %(family)s for %(task)s; there are: %(names)s.")
            % {"family": family, "task": task, "names": known},
            "unknown_family",
            {"family": _("must be one of: %(names)s") % {"names": known}},
        )
    return ml.get_spec(task, family)


def history_span(
    market: Market, until: dt.datetime | None, *, needed: int
) -> tuple[dt.datetime, dt.datetime, int]:
    """(first, last, rows) of the quotes to learn from; too few are refused before queueing."""
    quotes = PriceHistory.objects.filter(market=market)
    if until is not None:
        quotes = quotes.filter(timestamp__lte=until)
    first, last, rows = quotes.aggregate(
        first=Min("timestamp"), last=Max("timestamp"), rows=Count("pk")
    ).values()
    present = 0
    if rows:
        present = ml.fillable_rows(first, last, quotes=rows, step_minutes=market.cadence_minutes)
    if present < needed:
        raise InvalidInput(
            too_little(market, needed, present),
            "not_enough_data" if rows else "no_history",
            {"market": _("collect or import more quotes")},
            needed=needed,
            present=present,
        )
    return first, last, rows


# --------------------------------------------------------------------------------------- the work
def _train(run: TrainingRun, listener: Listener | None) -> None:
    """Whatever ends the training, the staged folder is gone."""
    staged = artifacts.stage(f"run-{run.pk}-{run.attempts}")
    try:
        model = _publish(run, _learn(run, staged, listener))
    finally:
        artifacts.discard(staged)
    if model is not None:
        model_consider(model=model)


def _learn(run: TrainingRun, staged: Path, listener: Listener | None) -> ml.TrainReport:
    ml.set_threads(conf().TRAIN_THREADS)
    frame = price_frame(run.market, until=run.data_until)
    run_audit(run=run, frame=frame)
    # What people said of anomalies concerns their detector alone.
    labelled = run.task == Task.ANOMALY
    labels = labels_of(market=run.market, until=run.data_until) if labelled else ()
    others = other_quotes(
        run.market,
        spec=ml.get_spec(run.task, run.family),
        config=run.config,
        step_minutes=run.market.cadence_minutes,
        until=run.data_until,
    )
    trainer = ml.DLModelTrainer(
        staged,
        device=run.device_wish or conf().DEVICE or None,
        step_minutes=run.market.cadence_minutes,
        on_progress=job_listener(run, listener, _epochs_kept()),
        labels=labels,
        others=others,
    )
    seen = ml.dataset_hash(frame, others)
    TrainingRun.objects.filter(pk=run.pk).update(
        device=str(trainer.device), dataset_hash=seen, labels=len(labels)
    )
    return trainer.train(run.task, frame, family=run.family, **run.config)


def _epochs_kept() -> Callable[[ml.Progress], Mapping[str, Any]]:
    """What a run stores of its progress: the epoch, and the losses of all epochs so far, each with
    its own number: the epochs of another network (a member, a fold) are counted anew."""
    losses: list[list[Any]] = []

    def facts(progress: ml.Progress) -> Mapping[str, Any]:
        if progress.train_loss is not None or progress.valid_loss is not None:
            losses.append(
                [progress.stage, progress.train_loss, progress.valid_loss, progress.epoch]
            )
        known = {name: getattr(progress, name) for name in ("stage", "epoch", "epochs")}
        if progress.epoch:  # a stage without epochs takes nothing back
            known["share"] = progress.share
        return {**known, "eta_seconds": progress.eta_seconds, "losses": losses}

    return facts


def _publish(run: TrainingRun, report: ml.TrainReport) -> TrainedModel | None:
    """Rename the folder into place, then insert the version and close the run in one transaction.
    None when the run was closed by somebody else meanwhile; the folder is then removed again."""
    name = f"{run.task}-{run.market_id}-run{run.pk}-{run.attempts}"
    if not TrainedModel.objects.filter(artifact=name).exists():
        # The name is this attempt's own; what lies there is of a database that was set back.
        artifacts.discard(artifacts.folder_of(name))
    folder = artifacts.publish(report.folder, name)
    others = None if report.others is None else [one.as_json() for one in report.others]
    ended: dict[str, Any] = {"versions": report.versions, "others": others}
    try:
        with transaction.atomic():
            if job_close(run, status=TrainingRun.Status.SUCCEEDED, **ended):
                return _insert(run, report, name)
    except BaseException:
        artifacts.discard(folder)
        raise
    artifacts.discard(folder)
    return None


def _insert(run: TrainingRun, report: ml.TrainReport, name: str) -> TrainedModel:
    model = TrainedModel.objects.create(
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
        **{key: getattr(report, key) for key in (*_FIGURES, *_SPANS)},
    )
    events.publish(
        events.ModelPublished(
            model_id=model.pk, market_id=run.market_id, task=model.task, version=model.version
        )
    )
    return model


#: What a version's row takes over from the report as it is.
_FIGURES = ("score", "baseline", "baseline_score", "beats_baseline", "metrics", "baseline_metrics")
_SPANS = ("step_minutes", "window", "data_from", "data_until", "trained_until", "test_from")
TRAINING = register(
    JobKind(
        name="training",
        model=TrainingRun,
        task_path="analytics.tasks.run_training",
        command="train_model",
        log_name="run",
        get=run_get,
        work=_train,
        time_limit=lambda: conf().TRAIN_TIMEOUT,
        twin=("market", "task"),
        twin_code="run_open",
        messages=JobMessages(
            twin=gettext_lazy("A %(task)s training of %(market)s is already open."),
            closed=gettext_lazy("Run %(id)s is already closed."),
            too_often=gettext_lazy("The run was started too often."),
            too_long=gettext_lazy("The training took longer than %(n)s s."),
            died=gettext_lazy("The training process died without a word."),
        ),
        fresh={"epoch": 0, "share": 0.0, "losses": []},
    )
)
