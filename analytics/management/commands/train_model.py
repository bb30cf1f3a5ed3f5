"""Train a model here and now, or queue it for the worker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from analytics.management.base import (
    FaceCommand,
    add_market,
    add_params,
    end_on_terminate,
    moment,
    params_of,
)
from analytics.models import TrainingRun
from analytics.models.choices import Task
from analytics.pages.metrics import baseline_name, metric_name
from analytics.pages.models import verdict
from analytics.retelling import retold
from analytics.selectors.models import model_decision
from analytics.selectors.prices import market_get
from analytics.services.jobs.training import training_execute, training_request


class Command(FaceCommand):
    help = "Train the price, spread, anomaly or pattern model of a market."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("task", nargs="?", choices=Task.values)
        add_market(parser)
        parser.add_argument("--until", type=moment, help="Look at nothing later than this (UTC).")
        parser.add_argument("--epochs", type=int)
        parser.add_argument("--batch-size", type=int)
        parser.add_argument("--learning-rate", type=float)
        parser.add_argument("--seed", type=int)
        parser.add_argument("--family", help="Model family; the task's own by default.")
        parser.add_argument("--device", default="", help="cpu, cuda, ...; found by itself.")
        add_params(parser, help="Any other parameter.")
        parser.add_argument("--queue", action="store_true", help="Leave it to the worker.")
        parser.add_argument("--run", type=int, help="Execute this queued run (the worker does so).")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["run"] is not None:
            end_on_terminate()
            self._report(training_execute(run_id=options["run"]))
            return
        if options["task"] is None:
            raise CommandError(
                _("Say what to train: %(tasks)s.") % {"tasks": ", ".join(Task.values)}
            )
        run = training_request(
            market=market_get(options["market"]),
            task=options["task"],
            family=options["family"],
            params=_params(options),
            until=options["until"],
            device=options["device"],
            enqueue=options["queue"],
        )
        if options["queue"]:
            self.stdout.write(_("Run %(id)s is queued.") % {"id": run.pk})
            return
        end_on_terminate()
        self._report(self._train(run))

    def _train(self, run: TrainingRun) -> TrainingRun:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console()) as bars:
            bar = bars.add_task(run.task, total=run.epochs, loss="")

            def show(progress: Any) -> None:
                known = progress.valid_loss is not None
                bars.update(
                    bar,
                    description=f"{run.task}: {progress.stage}",
                    completed=progress.epoch,
                    total=progress.epochs or None,
                    loss=f"loss {progress.train_loss:.4f}/{progress.valid_loss:.4f}"
                    if known
                    else "",
                )

            return training_execute(run_id=run.pk, listener=show)

    def _report(self, run: TrainingRun) -> None:
        model = getattr(run, "model", None)
        if model is None:
            line = f"Run {run.pk}: {run.status}. {retold(run.error_message)}".strip()
            if run.status == TrainingRun.Status.FAILED:
                raise CommandError(line)
            self.stdout.write(line)
            return
        metric, baseline = model.primary_metric, baseline_name(model.baseline)
        self.stdout.write(
            f"Run {run.pk}: {run.status}; {model} {model.status}, {metric_name(metric)}: "
            f"{model.score:.4f} against {model.baseline_score:.4f} ({baseline})."
        )
        event = model_decision(model)
        if event is not None:
            self.stdout.write(verdict(event.figures))
        if run.labels:
            text = ngettext(
                "%(n)d judged event was used.", "%(n)d judged events were used.", run.labels
            )
            self.stdout.write(text % {"n": run.labels})


def _params(options: dict[str, Any]) -> dict[str, Any]:
    names = ("epochs", "batch_size", "learning_rate", "seed")
    given = {name: options[name] for name in names if options[name] is not None}
    return given | params_of(options["param"])
